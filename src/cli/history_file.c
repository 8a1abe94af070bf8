/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plain text file, a line for each entry. Shortening writes a new file and renames it over the
 * old one. A line is one write() of a file opened for appending, which is what makes two prompts
 * get along.
 */
#include "cli/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, FOLDER_MODE = 0700 };

bool
history_file_path(const char *state_home, const char *home, char ret_path[HISTORY_PATH_MAX])
{
    int n = -1;
    if (state_home && *state_home == '/') /* the standard says: ignore a relative one */
        n = snprintf(ret_path, HISTORY_PATH_MAX, "%s/attl/history", state_home);
    else if (home && *home == '/')
        n = snprintf(ret_path, HISTORY_PATH_MAX, "%s/.local/state/attl/history", home);
    return n > 0 && n < HISTORY_PATH_MAX;
}

/* Creates the folders of `path` that are missing. */
static void
make_folders(const char *path)
{
    char folder[HISTORY_PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof folder)
        return;
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        memcpy(folder, path, i);
        folder[i] = '\0';
        (void)mkdir(folder,
                    FOLDER_MODE); /* there already, or opening the file says what is wrong */
    }
}

static FILE *
open_with_mode(const char *path, int flags)
{
    int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return NULL;
    FILE *file = fdopen(fd, "a");
    if (!file)
        (void)close(fd); /* nothing was written */
    return file;
}

/* Skips to the last HISTORY_LINES_MAX lines; returns how many lines there are in all. */
static size_t
skip_old(FILE *file)
{
    char line[HISTORY_LINE_BYTES_MAX];
    size_t lines = 0;
    while (fgets(line, sizeof line, file))
        lines++;
    rewind(file);
    for (size_t i = HISTORY_LINES_MAX; i < lines; i++)
        (void)!fgets(line, sizeof line, file); /* read a moment ago */
    return lines;
}

static void
shorten(const char *path)
{
    char line[HISTORY_LINE_BYTES_MAX], fresh[HISTORY_PATH_MAX];
    int n = snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *from = fopen(path, "re");
    FILE *to = n > 0 && (size_t)n < sizeof fresh ? open_with_mode(fresh, O_TRUNC) : NULL;
    if (from && to) {
        (void)skip_old(from);
        while (fgets(line, sizeof line, from))
            (void)fputs(line, to);
    }
    bool written = from && to && !ferror(from) && fflush(to) == 0 && !ferror(to);
    if (from)
        (void)fclose(from); /* only read from */
    if (to)
        (void)fclose(to); /* flushed */
    if (written)
        (void)rename(fresh, path); /* without it the file stays long, and is shortened next time */
}

void
history_file_load(const char *path, void (*add)(void *ud, const char *line), void *ud)
{
    char line[HISTORY_LINE_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    size_t lines = skip_old(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            add(ud, line);
    }
    (void)fclose(file); /* only read from */
    if (lines > 2 * HISTORY_LINES_MAX)
        shorten(path);
}

void
history_file_append(const char *path, const char *line)
{
    if (strlen(line) + 2 > HISTORY_LINE_BYTES_MAX)
        return; /* nobody recalls such a line */
    FILE *file = open_with_mode(path, O_APPEND);
    if (!file && errno == ENOENT) {
        make_folders(path);
        file = open_with_mode(path, O_APPEND);
    }
    if (!file)
        return;
    (void)fprintf(file, "%s\n", line);
    (void)fclose(file); /* a full disk costs a line of history */
}

static bool
word_is(attl_slice word, const char *z)
{
    return word.len == strlen(z) && strncasecmp(word.data, z, word.len) == 0;
}

static bool
any_word_is(const attl_slice *words, size_t n, const char *z)
{
    for (size_t i = 0; i < n; i++)
        if (word_is(words[i], z))
            return true;
    return false;
}

/* The names of options that are secrets: requirepass, masterauth, tls-key-file-pass ... */
static bool
any_word_holds(const attl_slice *words, size_t n, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; at + len <= words[i].len; at++)
            if (strncasecmp((const char *)words[i].data + at, part, len) == 0)
                return true;
    return false;
}

bool
history_file_keeps(const attl_slice *words, size_t n)
{
    if (n == 0 || word_is(words[0], "AUTH"))
        return false;
    if (word_is(words[0], "HELLO") || word_is(words[0], "MIGRATE"))
        return !any_word_is(words, n, "AUTH") && !any_word_is(words, n, "AUTH2");
    if (word_is(words[0], "ACL"))
        return !(n > 1 && word_is(words[1], "SETUSER"));
    if (word_is(words[0], "CONFIG"))
        return !any_word_holds(words, n, "pass") && !any_word_holds(words, n, "auth") &&
               !any_word_holds(words, n, "secret");
    return true;
}

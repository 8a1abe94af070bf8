/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing the file of users. A line is cut into words in an array on the heap, applied
 * to a fresh user and that put into a table of its own; only a table without any problem is
 * published. Passwords that stand in the file in the clear are hashed at once, and the buffer with
 * the text is wiped. Messages never repeat a password.
 */
#include "access/access_file.h"

#include "base/assert.h"
#include "os/file.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    LINE_WORDS_MAX = 16384,
    WORD_SHOWN_MAX = 64,
    PROBLEM_LINES_MAX = 16 /* wrong lines that are told; the rest is as wrong */
};

struct reading {
    struct access *a;
    struct selector_maker maker;
    const char *name;
    struct user_table *users;
    attl_slice *words; /* LINE_WORDS_MAX */
    struct buf *problems;
    size_t line, wrong;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct reading *r, attl_slice word, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut is fine */
    va_end(args);
    if (r->wrong++ >= PROBLEM_LINES_MAX)
        return;
    const char *p = word.data;
    bool secret = word.len > 0 && (*p == '>' || *p == '<');
    size_t shown = secret ? 1 : word.len < WORD_SHOWN_MAX ? word.len : WORD_SHOWN_MAX;
    buf_printf(r->problems, "%s:%zu: ", r->name, r->line);
    if (word.len)
        buf_printf(r->problems, "'%.*s%s': ", (int)shown, p, secret ? "..." : "");
    buf_printf(r->problems, "%s. ", text);
}

static attl_slice
trim(attl_slice text)
{
    const char *p = text.data, *end = p + text.len;
    while (p < end && strchr(" \t\r", *p) && *p)
        p++;
    while (p < end && strchr(" \t\r", end[-1]) && end[-1])
        end--;
    return attl_b(p, (size_t)(end - p));
}

/* Cuts at single blanks; false if there are too many words. */
static bool
split(struct reading *r, attl_slice line, size_t *ret_n)
{
    const char *p = line.data, *end = p + line.len;
    size_t n = 0;
    while (p < end) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        const char *stop = blank ? blank : end;
        if (n == LINE_WORDS_MAX)
            return false;
        r->words[n++] = trim(attl_b(p, (size_t)(stop - p)));
        p = stop + 1;
    }
    *ret_n = n;
    return true;
}

/* A fresh user of that name, with the identity of the one there is. */
static struct access_user *
fresh_user(struct reading *r, attl_slice name)
{
    const struct access_user *have = user_table_find(r->a->table, name);
    return user_new(&r->maker, name, have ? have->id : ++r->a->last_id);
}

static void
read_user(struct reading *r, size_t n)
{
    struct rule_place place = { 0, 0 };
    attl_slice name = r->words[1];
    if (!user_name_valid(name)) {
        complain(r, name, "not the name of a user: 1 to %d bytes without blanks", ACCESS_NAME_MAX);
        return;
    }
    struct access_user *u = fresh_user(r, name);
    enum rule_result result = RULE_NO_MEMORY;
    if (u)
        result = user_apply_all(u, r->words + 2, n - 2, &place);
    if (result != RULE_OK) {
        complain(r, n > 2 ? r->words[2 + place.at] : name, "%s",
                 result == RULE_SYNTAX && place.n == 0 ? "Unmatched parenthesis in selector"
                                                       : rule_text(result));
        user_free(u);
        return;
    }
    user_settle(u);
    if (!user_table_insert(r->users, u)) {
        complain(r, name, "this user is defined above already");
        user_free(u);
    }
}

static void
read_line(struct reading *r, attl_slice line)
{
    size_t n = 0;
    r->line++;
    line = trim(line);
    if (line.len == 0 || *(const char *)line.data == '#')
        return;
    if (!split(r, line, &n)) {
        complain(r, attl_s(""), "more than %d words", LINE_WORDS_MAX);
        return;
    }
    if (n < 2 || r->words[0].len != 4 || memcmp(r->words[0].data, "user", 4) != 0) {
        complain(r, r->words[0], "a line must start with \"user\" and a name");
        return;
    }
    read_user(r, n);
}

static size_t
count_lines(attl_slice text)
{
    size_t n = 1;
    for (const char *p = text.data, *end = p + text.len; p < end; p++)
        n += *p == '\n';
    return n;
}

static void
read_lines(struct reading *r, attl_slice text)
{
    const char *p = text.data, *end = p + text.len;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        read_line(r, attl_b(p, (size_t)(stop - p)));
        p = stop + 1;
    }
}

/* The default user as it is, where the file does not say how it should be. */
static bool
keep_default(struct reading *r)
{
    attl_slice name = attl_s("default");
    if (user_table_find(r->users, name))
        return true;
    struct access_user *u = user_table_find(r->a->table, name);
    ASSERT(u);
    return user_table_insert(r->users, user_keep(u));
}

/* REQUIRES change_lock. The table to publish; NULL with problems. */
static struct user_table *
read_text(struct access *a, const char *name, attl_slice text, struct buf *problems)
{
    struct reading r = { .a = a, .maker = access_maker(a), .name = name, .problems = problems };
    if (text.len == 0)
        text = attl_s("");
    size_t lines = count_lines(text);
    if (lines > ACCESS_USERS_MAX) {
        buf_printf(problems, "%s: more than %d lines. ", name, ACCESS_USERS_MAX);
        return NULL;
    }
    r.users = user_table_new(&a->alloc, lines + 1);
    r.words = alloc_zero(&a->alloc, LINE_WORDS_MAX * sizeof *r.words);
    if (r.users && r.words) {
        read_lines(&r, text);
        bool kept = keep_default(&r);
        ASSERT(kept); /* there is room for it */
    } else {
        buf_printf(problems, "%s: %s. ", name, rule_text(RULE_NO_MEMORY));
        r.wrong++;
    }
    alloc_free(&a->alloc, r.words);
    if (r.wrong == 0)
        return r.users;
    user_table_free(&a->alloc, r.users);
    return NULL;
}

bool
access_load_text(struct access *a, const char *name, attl_slice text,
                 const struct access_listener *l, struct buf *problems)
{
    lock_acquire(&a->change_lock);
    struct user_table *users = read_text(a, name, text, problems);
    struct user_table *old = users ? access_publish(a, users) : NULL;
    lock_release(&a->change_lock);
    if (old)
        access_tell(a, old, l);
    return old != NULL;
}

bool
access_load(struct access *a, const struct access_listener *l, struct buf *problems)
{
    struct buf text;
    buf_init(&text, ACCESS_FILE_BYTES_MAX);
    int code = file_read(a->path, &text);
    bool loaded = false;
    if (code != 0)
        buf_printf(problems, "%s: %s. ", a->path, strerror(-code));
    else
        loaded = access_load_text(a, a->path, buf_slice(&text), l, problems);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
    return loaded;
}

static void
append_user(void *ud, const struct access_user *u)
{
    struct buf *out = ud;
    buf_append_str(out, "user ");
    buf_append_str(out, u->name);
    buf_append_str(out, " ");
    user_describe(u, out);
    buf_append_str(out, "\n");
}

void
access_text(struct access *a, struct buf *out)
{
    access_each(a, append_user, out);
}

bool
access_save(struct access *a, char *err, size_t err_len)
{
    char dir[ACCESS_PATH_MAX + 1];
    const char *slash = strrchr(a->path, '/');
    size_t dir_len = slash ? (size_t)(slash - a->path) : 1;
    struct buf text;
    memcpy(dir, slash ? a->path : ".", dir_len);
    dir[dir_len] = '\0';
    if (slash == a->path)
        (void)snprintf(dir, sizeof dir, "/"); /* fits */
    buf_init(&text, ACCESS_FILE_BYTES_MAX);
    /* Two at once would share a temporary file, and the older users might win. */
    lock_acquire(&a->change_lock);
    access_text(a, &text);
    bool ok = !text.failed && text.len > 0;
    if (!ok)
        (void)snprintf(err, err_len, "no memory for the text of %s", a->path); /* cut is fine */
    else
        ok = file_replace(dir, slash ? slash + 1 : a->path, buf_slice(&text), err, err_len);
    lock_release(&a->change_lock);
    buf_fini(&text);
    return ok;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading small files of the kernel. Each fits into one buffer on the stack; what is longer is cut,
 * and the fields we want stand in front. memory.high counts as a limit like memory.max: above it
 * the kernel slows us down, which for a cache is as bad. A file of version 1 without a limit holds
 * a number next to 2^63, which is why anything above NO_LIMIT_BYTES is none.
 */
#include "os/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 8192 };
static const uint64_t no_limit_bytes = UINT64_C(1) << 60;

/* The whole file, cut to the buffer, with a NUL; false if there is none. */
static bool
read_text(const char *path, char text[TEXT_MAX_BYTES])
{
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return false;
    size_t len = 0;
    ssize_t n = 1;
    while (n != 0 && len < TEXT_MAX_BYTES - 1) {
        n = read(fd, text + len, TEXT_MAX_BYTES - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        len += (size_t)n;
    }
    (void)close(fd); /* it was only read */
    text[len] = '\0';
    return n >= 0;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
parse_digits(const char *at, uint64_t *ret)
{
    uint64_t x = 0;
    if (strncmp(at, "max", 3) == 0 && !is_digit(at[3])) {
        *ret = UINT64_MAX;
        return true;
    }
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (x > (UINT64_MAX - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    *ret = x;
    return true;
}

bool
pressure_parse_number(const char *text, const char *key, uint64_t *ret)
{
    if (!key)
        return parse_digits(text, ret);
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return parse_digits(line + len + 1, ret);
    }
    return false;
}

double
pressure_parse_stall(const char *text)
{
    static const char head[] = "some avg10=";
    if (strncmp(text, head, sizeof head - 1) != 0)
        return -1;
    const char *at = text + sizeof head - 1;
    uint64_t whole;
    if (!parse_digits(at, &whole) || whole > 100)
        return -1;
    double value = (double)whole, unit = 0.1;
    while (is_digit(*at))
        at++;
    if (*at == '.')
        for (at++; is_digit(*at); at++, unit /= 10)
            value += unit * (*at - '0');
    return value > 100 ? 100 : value;
}

/* ---- where we are ---- */

/* Whether `word` is in a list with commas that ends at a colon. */
static bool
list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; *at && *at != ':' && *at != '\n'; at++)
        if ((at == list || at[-1] == ',') && strncmp(at, word, len) == 0 &&
            (at[len] == ',' || at[len] == ':'))
            return true;
    return false;
}

/* One line of /proc/self/cgroup, "4:memory:/a/b" or "0::/a/b"; false if it is not for us. */
static bool
take_line(struct pressure_source *s, const char *line)
{
    const char *controllers = strchr(line, ':');
    const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return false;
    bool v1 = list_has(controllers + 1, "memory");
    if (!v1 && strncmp(line, "0::", 3) != 0)
        return false;
    path++;
    size_t len = strcspn(path, "\n");
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len >= sizeof s->group || (len > 0 && *path != '/'))
        return false;
    memcpy(s->group, path, len);
    s->group[len] = '\0';
    s->v2 = !v1;
    return true;
}

static bool
file_exists(const struct pressure_source *s, const char *mount, const char *group, const char *name)
{
    char path[2 * PRESSURE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s%s%s/%s", s->root, mount, group, name); /* fits */
    return access(path, R_OK) == 0;
}

/* The hierarchy in which our group, or in a container its place taken by the root, shows memory. */
static bool
take_mount(struct pressure_source *s)
{
    static const char *const v1[] = { "/sys/fs/cgroup/memory", NULL };
    static const char *const v2[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL };
    const char *name = s->v2 ? "memory.current" : "memory.usage_in_bytes";
    for (const char *const *m = s->v2 ? v2 : v1; *m; m++) {
        bool ours = file_exists(s, *m, s->group, name);
        /* Within a container the path may be the host's, and the files at the top be ours. */
        if (!ours && !file_exists(s, *m, "", name))
            continue;
        if (!ours)
            s->group[0] = '\0';
        (void)snprintf(s->mount, sizeof s->mount, "%s", *m); /* fits */
        return true;
    }
    return false;
}

void
pressure_find(struct pressure_source *s, const char *root)
{
    char path[PRESSURE_PATH_MAX];
    char text[TEXT_MAX_BYTES];
    *s = (struct pressure_source){ .v2 = false };
    if (strlen(root) >= sizeof s->root)
        return;
    (void)snprintf(s->root, sizeof s->root, "%s", root); /* fits */
    (void)snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(path, text))
        return;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (take_line(s, line) && take_mount(s))
            return;
    }
    s->group[0] = '\0';
}

/* ---- reading ---- */

static bool
read_number(const struct pressure_source *s, size_t group_len, const char *name, const char *key,
            uint64_t *ret)
{
    char path[2 * PRESSURE_PATH_MAX];
    char text[TEXT_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s%s%.*s/%s", s->root, s->mount, (int)group_len, s->group,
                   name); /* fits */
    return read_text(path, text) && pressure_parse_number(text, key, ret);
}

/* What the kernel would drop by itself. */
static uint64_t
file_bytes(const struct pressure_source *s, size_t group_len)
{
    uint64_t inactive = 0, active = 0;
    (void)read_number(s, group_len, "memory.stat", s->v2 ? "inactive_file" : "total_inactive_file",
                      &inactive); /* absent: 0 */
    (void)read_number(s, group_len, "memory.stat", s->v2 ? "active_file" : "total_active_file",
                      &active);
    return inactive + active < inactive ? UINT64_MAX : inactive + active;
}

static uint64_t
limit_of(const struct pressure_source *s, size_t group_len)
{
    uint64_t limit = UINT64_MAX, high = UINT64_MAX;
    (void)read_number(s, group_len, s->v2 ? "memory.max" : "memory.limit_in_bytes", NULL, &limit);
    if (s->v2)
        (void)read_number(s, group_len, "memory.high", NULL, &high);
    limit = high < limit ? high : limit;
    return limit >= no_limit_bytes ? 0 : limit;
}

/* A limit of nothing would make every share infinite: it counts as one byte. */
static void
look_at_group(const struct pressure_source *s, size_t group_len, struct pressure_reading *ret)
{
    uint64_t limit = limit_of(s, group_len), used;
    if (limit == 0 ||
        !read_number(s, group_len, s->v2 ? "memory.current" : "memory.usage_in_bytes", NULL, &used))
        return;
    uint64_t files = file_bytes(s, group_len);
    used = used > files ? used - files : 0;
    if (ret->limit_bytes &&
        (double)used / (double)limit <= (double)ret->used_bytes / (double)ret->limit_bytes)
        return;
    ret->limit_bytes = limit;
    ret->used_bytes = used;
}

static double
read_stall(const struct pressure_source *s)
{
    char path[2 * PRESSURE_PATH_MAX];
    char text[TEXT_MAX_BYTES];
    if (s->v2 && s->mount[0] && s->group[0]) {
        (void)snprintf(path, sizeof path, "%s%s%s/memory.pressure", s->root, s->mount, s->group);
        if (read_text(path, text))
            return pressure_parse_stall(text);
    }
    (void)snprintf(path, sizeof path, "%s/proc/pressure/memory", s->root);
    return read_text(path, text) ? pressure_parse_stall(text) : -1;
}

void
pressure_read(const struct pressure_source *s, struct pressure_reading *ret)
{
    *ret = (struct pressure_reading){ .stall_percent = read_stall(s) };
    if (!s->mount[0])
        return;
    size_t len = strlen(s->group);
    for (unsigned level = 0; level < PRESSURE_LEVELS_MAX; level++) {
        look_at_group(s, len, ret);
        if (len == 0)
            break;
        while (len > 0 && s->group[len - 1] != '/')
            len--;
        len -= len > 0; /* the slash */
    }
}

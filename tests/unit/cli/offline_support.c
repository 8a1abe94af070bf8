/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directory is a real one, since the commands take a path. Snapshots are written through the
 * directory with its lock, which is released before a command runs. Every command line goes through
 * the parser, so that the tests see what a user sees. Nothing survives a test.
 */
#include "offline_support.h"

#include "base/alloc.h"
#include "cli/args.h"
#include "cli/offline.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_WORDS_MAX = 16, LINE_MAX_BYTES = 256 };

int
world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/attl_offline_test_XXXXXX"); /* fits */
    assert_non_null(mkdtemp(w->dir));
    *state = w;
    return 0;
}

void
world_path(struct world *w, const char *name, char out[SUPPORT_PATH_MAX + SEGMENT_NAME_MAX])
{
    int n = snprintf(out, SUPPORT_PATH_MAX + SEGMENT_NAME_MAX, "%s/%s", w->dir, name);
    assert_in_range(n, 1, SUPPORT_PATH_MAX + SEGMENT_NAME_MAX - 1);
}

/* Calls `fn` for every file. */
static void
each_file(struct world *w, void (*fn)(struct world *w, const char *name, void *ud), void *ud)
{
    DIR *d = opendir(w->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            fn(w, e->d_name, ud);
    assert_int_equal(closedir(d), 0);
}

static void
remove_file(struct world *w, const char *name, void *ud)
{
    char path[SUPPORT_PATH_MAX + SEGMENT_NAME_MAX];
    (void)ud;
    world_path(w, name, path);
    assert_int_equal(unlink(path), 0);
}

int
world_teardown(void **state)
{
    struct world *w = *state;
    each_file(w, remove_file, NULL);
    assert_int_equal(rmdir(w->dir), 0);
    free(w->out);
    free(w->err);
    free(w);
    return 0;
}

static FILE *
open_file(struct world *w, const char *name, const char *mode)
{
    char path[SUPPORT_PATH_MAX + SEGMENT_NAME_MAX];
    world_path(w, name, path);
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    return f;
}

void
world_log(struct world *w, const struct wal_log *l)
{
    FILE *f = open_file(w, l->name, "w");
    assert_int_equal(fwrite(l->bytes, 1, l->len, f), l->len);
    assert_int_equal(fclose(f), 0);
}

void
world_segment(struct world *w, uint64_t first_lsn, unsigned frames, bool gap)
{
    struct wal_log l;
    wal_log_begin(&l, first_lsn, gap);
    wal_log_puts(&l, frames - 1);
    wal_log_mark(&l, l.next_lsn);
    world_log(w, &l);
    wal_log_free(&l);
}

static void
add_entry(struct snapshot_writer *writer, unsigned i)
{
    static const unsigned char minus_seven[8] = { 0xf9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    char key[16];
    int n = snprintf(key, sizeof key, "s%u", i);
    struct snapshot_entry e = { .key = attl_b(key, (size_t)n),
                                .value = attl_s("secret"),
                                .deadline_ms = ATTL_NO_DEADLINE };
    if (i == 0) {
        e.is_integer = true;
        e.value = attl_b(minus_seven, sizeof minus_seven);
    }
    if (i == 1)
        e.deadline_ms = WORLD_CREATED_MS + 1000;
    if (i == 10 || i == 11) { /* past its hard deadline but not gone; known not to exist */
        e.deadline_ms = WORLD_CREATED_MS + 9000;
        e.has_life = true;
        e.life = (struct life){ .soft_ms = i == 10 ? WORLD_CREATED_MS + 4000 : ATTL_NO_DEADLINE,
                                .hard_ms = WORLD_CREATED_MS + 5000,
                                .flags = i == 11 ? LIFE_NEGATIVE : 0,
                                .load_ms = 7 };
    }
    assert_int_equal(snapshot_writer_add(writer, &e), 0);
}

void
world_snapshot(struct world *w, uint64_t cut_lsn, uint64_t end_lsn, unsigned entries)
{
    struct os_disk d;
    char err[256];
    attl_allocator alloc = alloc_default();
    struct snapshot_writer *writer;
    struct snapshot_meta meta = { .version = SNAPSHOT_VERSION,
                                  .kind = end_lsn > cut_lsn ? SNAPSHOT_FUZZY
                                                            : SNAPSHOT_POINT_IN_TIME,
                                  .cut_lsn = cut_lsn,
                                  .created_ms = WORLD_CREATED_MS + (int64_t)cut_lsn,
                                  .run_id = 7 };
    assert_int_equal(os_disk_open(&d, &alloc, w->dir, true, err, sizeof err), 0);
    assert_int_equal(snapshot_writer_open(&d.disk, &alloc, &meta, &writer), 0);
    for (unsigned i = 0; i < entries; i++)
        add_entry(writer, i);
    assert_int_equal(
        snapshot_writer_finish(&writer, end_lsn > cut_lsn ? end_lsn : cut_lsn, &meta, w->snapshot),
        0);
    os_disk_close(&d);
}

void
world_damage(struct world *w, const char *name, long offset)
{
    FILE *f = open_file(w, name, "r+");
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_not_equal(byte, EOF);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(byte ^ 0xff, f), EOF);
    assert_int_equal(fclose(f), 0);
}

void
world_cut(struct world *w, const char *name, long bytes)
{
    char path[SUPPORT_PATH_MAX + SEGMENT_NAME_MAX];
    world_path(w, name, path);
    assert_int_equal(truncate(path, bytes), 0);
}

struct counting {
    const char *prefix;
    unsigned count;
};

static void
count_file(struct world *w, const char *name, void *ud)
{
    struct counting *c = ud;
    (void)w;
    c->count += strncmp(name, c->prefix, strlen(c->prefix)) == 0;
}

unsigned
world_count(struct world *w, const char *prefix)
{
    struct counting c = { prefix, 0 };
    each_file(w, count_file, &c);
    return c.count;
}

/* Sums over files do not depend on the directory's order. */
static void
hash_file(struct world *w, const char *name, void *ud)
{
    uint64_t *sum = ud, h = 1469598103934665603U;
    FILE *f = open_file(w, name, "r");
    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211U;
    for (int c; (c = fgetc(f)) != EOF;)
        h = (h ^ (unsigned)c) * 1099511628211U;
    assert_int_equal(fclose(f), 0);
    *sum += h;
}

uint64_t
world_hash(struct world *w)
{
    uint64_t sum = 0;
    each_file(w, hash_file, &sum);
    return sum;
}

/* The words of `line`; DIR and SNAP become what they stand for. */
static int
cut_line(struct world *w, const char *line, char *text, char *words[LINE_WORDS_MAX])
{
    int n = 0;
    (void)snprintf(text, LINE_MAX_BYTES, "attl %s", line); /* lines are short */
    for (char *word; (word = strsep(&text, " ")) != NULL && n < LINE_WORDS_MAX;)
        words[n++] = strcmp(word, "DIR") == 0    ? w->dir
                     : strcmp(word, "SNAP") == 0 ? w->snapshot
                                                 : word;
    return n;
}

void
world_run(struct world *w, int code, const char *line)
{
    char text[LINE_MAX_BYTES];
    char *words[LINE_WORDS_MAX];
    struct cli_args args;
    struct capture out;
    int n = cut_line(w, line, text, words);
    if (!args_parse(&args, n, words, NULL))
        fail_msg("'%s' was refused: %s", line, args.error);
    free(w->out);
    free(w->err);
    capture_begin(&out);
    stderr_begin();
    w->code = offline_run_to(&args, out.file);
    w->err = stderr_end();
    (void)capture_end(&out); /* the text is taken over */
    w->out = out.text;
    args_fini(&args);
    if (w->code != code)
        fail_msg("'%s' gave %d, not %d:\n%s%s", line, w->code, code, w->out, w->err);
}

void
world_shows(const struct world *w, const char *text)
{
    if (!strstr(w->out, text))
        fail_msg("not shown: '%s', but:\n%s%s", text, w->out, w->err);
}

void
world_hides(const struct world *w, const char *text)
{
    if (strstr(w->out, text))
        fail_msg("shown: '%s' in:\n%s", text, w->out);
}

void
world_says(const struct world *w, const char *text)
{
    if (!strstr(w->err, text))
        fail_msg("not said: '%s', but:\n%s", text, w->err);
}

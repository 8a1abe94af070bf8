/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixture of the tests of durability. Frames are read back with the library's own reader: its
 * correctness has tests of its own, and here only what was logged is in question. Text that does
 * not fit ends the test instead of being cut, because a cut expectation could never fail.
 */
#include "durable.h"

#include "check.h"

#include "config/config.h"
#include "persist/wal_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_VALUE_BYTES = 40 };

static void
note_event(void *ud, int level, const char *event, const char *text)
{
    struct durable *d = ud;
    (void)level;
    if (getenv("ATTL_TEST_TRACE"))
        printf("#   %d %s: %s\n", level, event, text);
    pthread_mutex_lock(&d->mutex);
    size_t len = strlen(d->events);
    (void)snprintf(d->events + len, sizeof d->events - len, "%s\n", event); /* cut is fine */
    pthread_mutex_unlock(&d->mutex);
}

static int64_t
sim_clock(void *ud)
{
    struct durable *d = ud;
    if (d->creeps)
        sim_advance(&d->sim, 1);
    return sim_now(&d->sim);
}

void
durable_init(struct durable *d, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    sim_init(&d->sim);
    pthread_mutex_init(&d->mutex, NULL);
    d->disk = sim_disk_new(seed);
}

void
durable_fini(struct durable *d)
{
    if (d->cache)
        attl_close(&d->cache);
    sim_disk_free(&d->disk);
    pthread_mutex_destroy(&d->mutex);
}

static attl_config *
config_of(const struct durable *d, const struct sim_option *options)
{
    static const struct sim_option base[] = {
        { "cache.max_memory", "0" },     { "cache.max_entries", "0" },
        { "cache.default_ttl", "0" },    { "cache.partitions", "64" },
        { "validation.mode", "binary" }, { "validation.max_ttl", "3650d" },
        { "persist.fsync", "always" },   { "persist.segment_size", "64KiB" },
        { "persist.buffer", "1MiB" },    { NULL, NULL },
    };
    attl_config *config = sim_config(base);
    int status = ATTL_OK;
    if (!d->real_time)
        status = attl_config_set(config, "cache.background", "no", NULL, 0);
    for (; status == ATTL_OK && options && options->name; options++)
        status = attl_config_set(config, options->name, options->value, NULL, 0);
    CHECK(status == ATTL_OK, "an option was refused: %s", attl_err_name(status));
    return config;
}

int
durable_try_open(struct durable *d, const struct sim_option *options)
{
    attl_config *config = config_of(d, options);
    if (!d->real_time)
        attl_config_set_clock(config, sim_clock, d);
    if (d->allocator)
        attl_config_set_allocator(config, d->allocator);
    attl_config_set_log(config, note_event, d);
    config->disk = sim_disk_table(d->disk);
    sim_disk_set_time(d->disk, sim_now(&d->sim));
    d->events[0] = '\0';
    int status = attl_open_dir(&d->cache, config, d->err, sizeof d->err);
    attl_config_free(config);
    CHECK((status == ATTL_OK) == (d->cache != NULL), "%s, and a cache: %d", attl_err_name(status),
          d->cache != NULL);
    return status;
}

void
durable_open(struct durable *d, const struct sim_option *options)
{
    int status = durable_try_open(d, options);
    CHECK(status == ATTL_OK, "%s: %s", attl_err_name(status), d->err);
}

void
durable_kill(struct durable *d)
{
    sim_disk_crash_after(d->disk, 0);
    attl_close(&d->cache);
    sim_disk_kill(d->disk);
    sim_disk_crash_after(d->disk, UINT64_MAX);
}

void
durable_crash(struct durable *d, uint64_t seed)
{
    sim_disk_crash_after(d->disk, 0);
    attl_close(&d->cache);
    sim_disk_crash(d->disk, seed);
}

unsigned
durable_events(struct durable *d, const char *event)
{
    unsigned n = 0;
    size_t len = strlen(event);
    pthread_mutex_lock(&d->mutex);
    for (const char *at = d->events; *at; at = strchr(at, '\n') + 1)
        n += strncmp(at, event, len) == 0 && at[len] == '\n';
    pthread_mutex_unlock(&d->mutex);
    return n;
}

/* ---- the log as text ------------------------------------------------------------------------- */

static void say(struct durable *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct durable *d, const char *format, ...)
{
    size_t len = strlen(d->log), left = sizeof d->log - len;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(d->log + len, left, format, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < left, "the log does not fit");
}

static void
say_bytes(struct durable *d, attl_slice s)
{
    if (s.len > SHOWN_VALUE_BYTES)
        say(d, "<%zu>", s.len);
    else if (s.len > 0)
        say(d, "%.*s", (int)s.len, (const char *)s.data);
}

static void
say_deadline(struct durable *d, const struct wal_op *op)
{
    if (op->deadline_ms != ATTL_NO_DEADLINE)
        say(d, " @%" PRId64, op->deadline_ms - SIM_START_MS);
    else if (op->kind == WAL_EXPIRE)
        say(d, " -");
}

static void
say_life(struct durable *d, const struct life *life)
{
    int64_t times_ms[] = { life->soft_ms, life->hard_ms };
    for (int i = 0; i < 2; i++) {
        say(d, i == 0 ? " ~" : "/");
        if (times_ms[i] == ATTL_NO_DEADLINE)
            say(d, "-");
        else
            say(d, "%" PRId64, times_ms[i] - SIM_START_MS);
    }
    if (life->flags & LIFE_NEGATIVE)
        say(d, "!");
}

static void
say_op(struct durable *d, const struct wal_op *op)
{
    static const char *const names[] = {
        [WAL_PUT] = "PUT ",    [WAL_DEL] = "DEL ",     [WAL_EXPIRE] = "EXPIRE ",
        [WAL_CLEAR] = "CLEAR", [WAL_EVICT] = "EVICT ", [WAL_GROUP] = "GROUP(",
        [WAL_NOTE] = "NOTE "
    };
    int64_t number;
    say(d, "%s", op->flags & WAL_INTEGER ? "INT " : names[op->kind]);
    say_bytes(d, op->key);
    if (op->kind == WAL_PUT)
        say(d, "=");
    if (op->flags & WAL_INTEGER) {
        CHECK(op->value.len == sizeof number, "an integer of %zu bytes", op->value.len);
        memcpy(&number, op->value.data, sizeof number);
        say(d, "%" PRId64, number);
    } else if (op->kind != WAL_GROUP) {
        say_bytes(d, op->value);
    }
    say_deadline(d, op);
    if (op->flags & WAL_LIFE)
        say_life(d, &op->life);
}

static void
say_frame(struct durable *d, const struct wal_frame *f)
{
    struct wal_op op;
    size_t offset = 0;
    bool first = true;
    if (f->op.kind == WAL_MARK)
        return;
    if (d->log[0])
        say(d, "; ");
    say_op(d, &f->op);
    if (f->op.kind != WAL_GROUP)
        return;
    for (; wal_op_next(f->op.value, &offset, &op); first = false) {
        say(d, "%s", first ? "" : ", ");
        say_op(d, &op);
    }
    say(d, ")");
}

static void *
plain_alloc(void *ud, size_t bytes)
{
    (void)ud;
    return malloc(bytes);
}

static void
plain_free(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

const char *
durable_log(struct durable *d, uint64_t from_lsn)
{
    const attl_allocator alloc = { plain_alloc, plain_free, NULL };
    struct wal_reader *reader;
    struct wal_frame frame;
    if (d->cache)
        CHECK(attl_log_sync(d->cache, -1) == ATTL_OK, "the log cannot be synced");
    CHECK(wal_reader_open(sim_disk_table(d->disk), &alloc, from_lsn, &reader) == 0, "no reader");
    d->log[0] = '\0';
    while (wal_reader_next(reader, &frame))
        say_frame(d, &frame);
    wal_reader_close(&reader);
    return d->log;
}

attl_persist_stats
durable_stats(struct durable *d)
{
    attl_persist_stats st;
    memset(&st, 0, sizeof st);
    st.struct_size = sizeof st;
    attl_persist_stats_get(d->cache, &st);
    return st;
}

uint64_t
durable_next_lsn(struct durable *d)
{
    CHECK(attl_log_sync(d->cache, -1) == ATTL_OK, "the log cannot be synced");
    return durable_stats(d).next_lsn;
}

struct counting {
    const char *prefix;
    char last[SEGMENT_NAME_MAX];
    unsigned count;
};

static void
count_file(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct counting *c = ud;
    (void)bytes;
    (void)modified_ms;
    if (strncmp(name, c->prefix, strlen(c->prefix)) != 0)
        return;
    c->count++;
    if (strcmp(name, c->last) > 0)
        (void)snprintf(c->last, sizeof c->last, "%s", name); /* names fit */
}

unsigned
durable_files(struct durable *d, const char *prefix, char *ret_last, size_t len)
{
    struct counting c = { .prefix = prefix };
    struct disk *disk = sim_disk_table(d->disk);
    CHECK(disk->ops->list(disk, count_file, &c) == 0, "the disk cannot be listed");
    if (ret_last)
        (void)snprintf(ret_last, len, "%s", c.last); /* names fit */
    return c.count;
}

int
durable_setup(void **state)
{
    struct durable *d = malloc(sizeof *d);
    if (!d)
        return -1;
    durable_init(d, 1);
    *state = d;
    return 0;
}

int
durable_teardown(void **state)
{
    durable_fini(*state);
    free(*state);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rollback: the state of an earlier moment, brought back as ordinary changes. The log behind that
 * moment says which keys can differ; for those, and only those, the state of then is rebuilt in a
 * cache of its own from a snapshot and the log up to the moment. What differs is then written, key
 * by key, each under its lock, so readers and writers go on. Memory is taken for the keys that
 * differ, not for the whole. A safety snapshot before the first change makes it undoable.
 */
#include "engine/rollback.h"

#include <stdarg.h>
#include <stdio.h>

enum { SYNC_WAIT_MS = 60000 };

static int fail(struct rollback *b, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
fail(struct rollback *b, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (b->err)
        (void)vsnprintf(b->err, b->err_len, format, args); /* cut is fine */
    va_end(args);
    return status;
}

/* ---- caches of our own ----------------------------------------------------------------------- */

/* An unlimited cache without threads, on the clock of the one that is rolled back. */
static int
open_scratch(struct rollback *b, struct attl *scratch)
{
    static const char *const settings[][2] = {
        { "cache.max_memory", "0" },     { "cache.max_entries", "0" },
        { "cache.default_ttl", "0" },    { "cache.background", "no" },
        { "validation.mode", "binary" }, { "validation.max_ttl", "0" },
    };
    attl_config *config = config_new_with(b->store->alloc, false);
    int status = config ? ATTL_OK : ATTL_E_NOMEM;
    for (size_t i = 0; status == ATTL_OK && i < sizeof settings / sizeof settings[0]; i++)
        status = attl_config_set(config, settings[i][0], settings[i][1], NULL, 0);
    if (status == ATTL_OK) {
        config->has_allocator = true;
        config->allocator = b->store->alloc;
        config->clock_fn = b->store->a->clock_fn;
        config->clock_ud = b->store->a->clock_ud;
        status = engine_open(scratch, config, NULL, 0);
        if (status != ATTL_OK)
            engine_close(scratch);
        else
            atomic_store(&scratch->cache.ageless, true);
    }
    attl_config_free(config);
    return status;
}

static int
touch_change(struct entry *e, void *ud)
{
    (void)ud;
    struct stored_value nothing = { .bytes = attl_b("", 0) };
    return e->found ? ATTL_OK : entry_put(e, &nothing, ATTL_NO_DEADLINE);
}

static int
found_change(struct entry *e, void *ud)
{
    (void)ud;
    return e->found ? ATTL_OK : ATTL_MISS;
}

bool
rollback_knows(struct attl *scratch, attl_slice key)
{
    return engine_restore(scratch, key, found_change, NULL) == ATTL_OK;
}

static bool
is_touched(struct rollback *b, attl_slice key)
{
    return b->everything || rollback_knows(&b->touched, key);
}

/* ---- the moment ------------------------------------------------------------------------------ */

static int
snapshot_status(enum snapshot_result result)
{
    switch (result) {
    case SNAPSHOT_OK:
    case SNAPSHOT_END: return ATTL_OK;
    case SNAPSHOT_NOMEM: return ATTL_E_NOMEM;
    case SNAPSHOT_IO: return ATTL_E_IO;
    case SNAPSHOT_NEWER: return ATTL_E_UNSUPPORTED;
    case SNAPSHOT_DAMAGED: break;
    }
    return ATTL_E_DAMAGED;
}

/* True if the name and what it says do not rule the snapshot out. */
static bool
may_be_base(const struct rollback *b, const struct store_file *f)
{
    const attl_rollback_opts *o = b->opts;
    if (o->to_name)
        return strcmp(o->to_name, f->name) == 0;
    if (b->before_lsn > 0 && f->lsn > b->before_lsn)
        return false;
    return o->to_ms <= 0 || f->created_ms <= o->to_ms;
}

/* ATTL_MISS: this snapshot will not do, an older one may. */
static int
try_base(struct rollback *b, const struct store_file *f)
{
    struct store *s = b->store;
    struct snapshot_meta meta;
    char why[256];
    enum snapshot_result result =
        snapshot_verify(s->disk, &s->alloc, f->name, &meta, why, sizeof why);
    /* Only what is known to be useless is passed over: another base may mean another answer. */
    if (result == SNAPSHOT_IO || result == SNAPSHOT_NOMEM)
        return fail(b, snapshot_status(result), "%s cannot be read: %s", f->name, why);
    if (result != SNAPSHOT_OK ||
        (!b->opts->to_name && b->before_lsn > 0 && meta.end_lsn > b->before_lsn))
        return ATTL_MISS;
    b->base = *f;
    b->base_meta = meta;
    b->has_base = true;
    return ATTL_OK;
}

/* The snapshot to start from: the newest that lies wholly before the target, or the one named. */
static int
choose_base(struct rollback *b)
{
    struct store *s = b->store;
    struct store_list l;
    int error = store_list_init(&l, &s->alloc, s->disk);
    size_t len = 0;
    const struct store_file *files = error ? NULL : store_list_of(&l, STORE_SNAPSHOT, &len);
    int status = ATTL_MISS;
    b->has_base = false;
    while (status == ATTL_MISS && len-- > 0)
        if (may_be_base(b, &files[len]))
            status = try_base(b, &files[len]);
    store_list_fini(&l);
    if (error)
        return fail(b, store_status(error), "the data directory cannot be listed: %s",
                    strerror(-error));
    if (status != ATTL_MISS)
        return status;
    return b->opts->to_name
               ? fail(b, ATTL_MISS, "there is no whole snapshot named %s", b->opts->to_name)
               : ATTL_OK;
}

typedef int (*frame_fn)(struct rollback *b, const struct wal_op *op);

/* Calls `fn` for each change of a frame. */
static int
each_change(struct rollback *b, const struct wal_frame *f, frame_fn fn)
{
    size_t offset = 0;
    struct wal_op op;
    if (f->op.kind == WAL_MARK || f->op.kind == WAL_NOTE)
        return ATTL_OK;
    if (f->op.kind != WAL_GROUP)
        return fn(b, &f->op);
    int status = ATTL_OK;
    while (status == ATTL_OK && wal_op_next(f->op.value, &offset, &op))
        status = fn(b, &op);
    return status;
}

static int
note_touched(struct rollback *b, const struct wal_op *op)
{
    if (op->kind == WAL_CLEAR)
        b->everything = true;
    return b->everything ? ATTL_OK : engine_restore(&b->touched, op->key, touch_change, NULL);
}

/* True once the frame belongs to the time after the target. */
static bool
is_behind(struct rollback *b, const struct wal_frame *f)
{
    if (b->target_lsn)
        return f->lsn >= b->target_lsn;
    struct wal_mark mark;
    if (f->op.kind != WAL_MARK || !wal_mark_decode(f->op.value, &mark))
        return false;
    if (mark.time_ms > b->opts->to_ms)
        return true;
    b->target_ms = mark.time_ms;
    return false;
}

static int
reader_status(struct rollback *b, const struct wal_verdict *v)
{
    switch (v->end) {
    case WAL_END_CLEAN:
    case WAL_END_TORN: return ATTL_OK; /* what is being written right now */
    case WAL_END_DAMAGED:
        return fail(b, ATTL_E_DAMAGED, "the log is damaged in %s at offset %llu", v->name,
                    (unsigned long long)v->offset);
    case WAL_END_IO: return fail(b, ATTL_E_IO, "%s cannot be read", v->name);
    case WAL_END_NOMEM: break;
    }
    return fail(b, ATTL_E_NOMEM, "no memory to read the log");
}

/* One frame of the log: is it the target, and which keys does it touch behind it? */
static int
look_at_frame(struct rollback *b, const struct wal_frame *f)
{
    if (!is_behind(b, f))
        return ATTL_OK;
    if (!b->target_lsn && b->target_ms == 0)
        return fail(b, ATTL_MISS, "nothing is known about that time: the log begins later");
    if (!b->target_lsn)
        b->target_lsn = f->lsn;
    return each_change(b, f, note_touched);
}

/* Reads the log from the base on; *ret_next is the LSN behind the last frame. */
static int
read_touched(struct rollback *b, struct wal_reader *reader, uint64_t *ret_next)
{
    struct wal_frame f;
    int status = ATTL_OK;
    while (status == ATTL_OK && wal_reader_next(reader, &f)) {
        if (f.lsn != *ret_next)
            return fail(b, ATTL_MISS,
                        "the log does not reach back that far: it begins with change %llu, and no "
                        "snapshot from before is left",
                        (unsigned long long)f.lsn);
        *ret_next = f.lsn + 1;
        status = look_at_frame(b, &f);
    }
    if (status == ATTL_OK)
        status = reader_status(b, wal_reader_verdict(reader));
    if (status == ATTL_OK && b->target_lsn > *ret_next)
        status = fail(b, ATTL_E_INVALID, "change %llu has not been made yet: the next one is %llu",
                      (unsigned long long)b->target_lsn, (unsigned long long)*ret_next);
    return status;
}

/* Finds the target, and the keys touched behind it. */
static int
find_touched(struct rollback *b)
{
    struct store *s = b->store;
    uint64_t next_lsn = b->has_base ? b->base_meta.cut_lsn : 1;
    struct wal_reader *reader;
    b->target_lsn = b->opts->to_name ? b->base_meta.end_lsn : b->opts->to_lsn;
    if (!b->opts->to_name && b->opts->to_ms > 0)
        b->target_lsn = 0; /* the log tells */
    b->target_ms = b->has_base ? b->base_meta.created_ms : 0;
    int error = wal_reader_open(s->disk, &s->alloc, next_lsn, &reader);
    if (error)
        return fail(b, store_status(error), "the log cannot be read: %s", strerror(-error));
    int status = read_touched(b, reader, &next_lsn);
    wal_reader_close(&reader);
    if (!s->wal)
        b->everything = true; /* nobody knows what has changed */
    if (!b->target_lsn)
        b->target_lsn = next_lsn; /* nothing was logged since */
    return status;
}

/*
 * The base, the target, and what differs. A fuzzy snapshot that was begun before a moment may end
 * behind it, which only the log's marks can tell: then an older one is needed.
 */
static int
find_moment(struct rollback *b)
{
    int status;
    bool again;
    b->before_lsn = b->opts->to_name || b->opts->to_ms > 0 ? 0 : b->opts->to_lsn;
    do {
        status = choose_base(b);
        if (status == ATTL_OK)
            status = find_touched(b);
        again = status == ATTL_OK && b->has_base && b->base_meta.end_lsn > b->target_lsn;
        b->before_lsn = b->target_lsn;
    } while (again);
    return status;
}

/* ---- the state of then ----------------------------------------------------------------------- */

static int
apply_then(struct rollback *b, const struct wal_op *op)
{
    if (op->kind == WAL_CLEAR) {
        cache_clear(&b->then.cache, NULL, NULL);
        return ATTL_OK;
    }
    return is_touched(b, op->key) ? replay_apply(&b->then, op, &b->sums) : ATTL_OK;
}

static int
load_base(struct rollback *b)
{
    struct store *s = b->store;
    struct snapshot_reader *reader;
    struct snapshot_block block;
    struct snapshot_entry e;
    enum snapshot_result result =
        snapshot_reader_open(s->disk, &s->alloc, b->base.name, &reader, b->err, b->err_len);
    if (result != SNAPSHOT_OK)
        return snapshot_status(result);
    snapshot_block_init(&block);
    int status = ATTL_OK;
    while (status == ATTL_OK && (result = snapshot_reader_next(reader, &block)) == SNAPSHOT_OK)
        while (status == ATTL_OK && snapshot_block_next(&block, &e)) {
            struct wal_op op = replay_op_of(&e);
            status = apply_then(b, &op);
        }
    if (status == ATTL_OK && result != SNAPSHOT_END)
        status = fail(b, snapshot_status(result), "%s: %s", b->base.name,
                      snapshot_reader_problem(reader));
    snapshot_block_fini(&block);
    snapshot_reader_close(&reader);
    return status;
}

static int
rebuild_then(struct rollback *b)
{
    struct store *s = b->store;
    int status = b->has_base ? load_base(b) : ATTL_OK;
    uint64_t from_lsn = b->has_base ? b->base_meta.cut_lsn : 1;
    struct wal_reader *reader;
    struct wal_frame f;
    if (status != ATTL_OK || from_lsn >= b->target_lsn)
        return status;
    int error = wal_reader_open(s->disk, &s->alloc, from_lsn, &reader);
    if (error)
        return fail(b, store_status(error), "the log cannot be read: %s", strerror(-error));
    bool is_there = false;
    while (status == ATTL_OK && !is_there && wal_reader_next(reader, &f)) {
        is_there = f.lsn >= b->target_lsn;
        if (!is_there)
            status = each_change(b, &f, apply_then);
    }
    /* It was read once already, but the disk or the memory may fail now. */
    if (status == ATTL_OK && !is_there)
        status = reader_status(b, wal_reader_verdict(reader));
    wal_reader_close(&reader);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int
prepare(struct rollback *b)
{
    struct store *s = b->store;
    int status = ATTL_OK;
    if (!b->opts->dry_run) {
        attl_snapshot_info info = { .struct_size = sizeof info };
        status = store_snapshot_locked(s, &info);
        if (status != ATTL_OK)
            return fail(b, status, "the safety snapshot failed, nothing was changed: %s",
                        attl_strerror(status));
        (void)snprintf(b->report.safety_snapshot, sizeof b->report.safety_snapshot, "%s",
                       info.name);
    } else if (s->wal && wal_sync(s->wal, SYNC_WAIT_MS) != 0) {
        return fail(b, ATTL_E_IO, "the log cannot be written");
    }
    return ATTL_OK;
}

static int
run(struct rollback *b)
{
    struct store *s = b->store;
    int status = prepare(b);
    if (status == ATTL_OK) {
        status = open_scratch(b, &b->touched);
        b->touched_open = status == ATTL_OK;
    }
    if (status == ATTL_OK)
        status = find_moment(b);
    if (status == ATTL_OK) {
        status = open_scratch(b, &b->then);
        b->then_open = status == ATTL_OK;
    }
    if (status == ATTL_OK)
        status = rebuild_then(b);
    b->report.lsn = b->target_lsn;
    b->report.time_ms = b->target_ms;
    if (status == ATTL_OK && s->wal && !b->opts->dry_run) {
        char note[64];
        int n = snprintf(note, sizeof note, "rollback to change %llu",
                         (unsigned long long)b->target_lsn);
        struct wal_op op = { .kind = WAL_NOTE,
                             .value = attl_b(note, (size_t)n),
                             .deadline_ms = ATTL_NO_DEADLINE };
        (void)wal_append(s->wal, &op, NULL, NULL);
    }
    if (status == ATTL_OK)
        status = rollback_apply(b);
    if (status == ATTL_OK && s->wal && wal_sync(s->wal, SYNC_WAIT_MS) != 0)
        status = fail(b, ATTL_E_IO, "the rollback is made, but the log cannot be written");
    return status;
}

int
store_rollback(struct store *s, const attl_rollback_opts *opts, attl_rollback_report *ret,
               char *err, size_t err_len)
{
    if (!store_claim(s))
        return ATTL_E_BUSY;
    struct rollback *b = alloc_line(&s->alloc, sizeof(*b));
    int status = b ? ATTL_OK : ATTL_E_NOMEM;
    if (b) {
        *b = (struct rollback){ .store = s, .opts = opts, .err = err, .err_len = err_len };
        status = run(b);
        if (b->touched_open)
            engine_close(&b->touched);
        if (b->then_open)
            engine_close(&b->then);
        if (!opts->dry_run)
            atomic_fetch_add(&s->rollbacks, 1); /* also one that has failed half-way */
        if (status == ATTL_OK)
            store_log(s, 2, "rollback",
                      "%s to before change %llu: %llu restored, %llu changed, %llu removed%s%s",
                      opts->dry_run ? "dry run of a rollback" : "rolled back",
                      (unsigned long long)b->target_lsn, (unsigned long long)b->report.restored,
                      (unsigned long long)b->report.changed, (unsigned long long)b->report.removed,
                      opts->dry_run ? "" : "; undo it with ", b->report.safety_snapshot);
        *ret = b->report;
        alloc_free_line(&s->alloc, b);
    }
    store_release(s);
    return status;
}

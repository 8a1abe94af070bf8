/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock is the rig's number unless there is a thread: then both clocks are the system's, since
 * a flusher that sleeps must wake up. Values are the frame's number over and over.
 */
#include "wal_rig.h"

#include "check.h"
#include "os/clock.h"

#include <string.h>

static int64_t
rig_wall_ms(void *ud)
{
    struct wal_rig *r = ud;
    return r->config.thread ? clock_wall_us() / 1000 : atomic_load(&r->now_ms);
}

static int64_t
rig_mono_ns(void *ud)
{
    struct wal_rig *r = ud;
    return r->config.thread ? clock_mono_ns() : (r->now_ms - RIG_START_MS + 1) * 1000000;
}

static void
rig_notify(void *ud)
{
    struct wal_rig *r = ud;
    atomic_fetch_add(&r->notified, 1);
}

static void
rig_log(void *ud, int level, const char *event, const char *text)
{
    struct wal_rig *r = ud;
    CHECK(level > 0 && text[0] != '\0', "level %d", level);
    atomic_fetch_add(&r->logged, 1);
    (void)snprintf(r->last_event, sizeof(r->last_event), "%s", event);
}

void
rig_init(struct wal_rig *r)
{
    *r = (struct wal_rig){ .disk = sim_disk_new(1), .value_bytes = 50 };
    atomic_init(&r->now_ms, RIG_START_MS);
    r->config = (struct wal_config){
        .disk = sim_disk_table(r->disk),
        .alloc = alloc_default(),
        .policy = WAL_POLICY_ALWAYS,
        .on_error = WAL_REJECT,
        .segment_bytes = 16384,
        .ring_bytes = 16384,
        .next_lsn = 1,
        .run_id = 42,
        .wall_ms = rig_wall_ms,
        .mono_ns = rig_mono_ns,
        .notify = rig_notify,
        .log = rig_log,
        .ud = r,
    };
}

void
rig_open(struct wal_rig *r)
{
    char err[200] = "";
    int rc = wal_open(&r->config, &r->wal, err, sizeof(err));
    CHECK(rc == 0, "%d: %s", rc, err);
}

void
rig_fini(struct wal_rig *r)
{
    sim_disk_set_hook(r->disk, NULL, NULL);
    (void)wal_close(&r->wal);
    sim_disk_free(&r->disk);
}

uint64_t
rig_append(struct wal_rig *r)
{
    unsigned char value[8192];
    uint32_t i = r->frames++;
    CHECK(r->value_bytes <= sizeof(value), "%zu bytes", r->value_bytes);
    memset(value, (int)(i & 0xff), r->value_bytes);
    struct wal_op op = { .kind = WAL_PUT,
                         .key = attl_b(&i, sizeof(i)),
                         .value = attl_b(value, r->value_bytes),
                         .deadline_ms = ATTL_NO_DEADLINE };
    return wal_append(r->wal, &op, NULL, NULL);
}

void
rig_settle(struct wal_rig *r)
{
    for (int i = 0; i < 1000; i++)
        if (!wal_step(r->wal))
            return;
    CHECK(false, "the flusher does not come to rest");
}

void
rig_pass(struct wal_rig *r, int64_t ms)
{
    atomic_fetch_add(&r->now_ms, ms);
    rig_settle(r);
}

struct wal_stats
rig_stats(struct wal_rig *r)
{
    struct wal_stats stats;
    wal_stats_get(r->wal, &stats);
    return stats;
}

struct reading {
    uint32_t next, behind_gap;
    bool is_gap;
};

static void
read_frame(void *ud, const struct wal_frame *f, bool behind_gap)
{
    struct reading *reading = ud;
    uint32_t i;
    reading->is_gap |= behind_gap;
    if (f->op.kind == WAL_MARK)
        return;
    memcpy(&i, f->op.key.data, sizeof(i));
    if (reading->is_gap)
        reading->behind_gap = reading->next = i;
    reading->is_gap = false;
    CHECK(i == reading->next, "frame %u instead of %u, LSN %" PRIu64, i, reading->next, f->lsn);
    const unsigned char *value = f->op.value.data;
    for (size_t at = 0; at < f->op.value.len; at++)
        CHECK(value[at] == (i & 0xff), "frame %u, byte %zu", i, at);
    reading->next++;
}

uint32_t
rig_read(struct wal_rig *r, struct sim_disk *disk, struct log_end *ret_end)
{
    struct reading reading = { 0 };
    struct log_end end;
    log_scan(disk ? disk : r->disk, read_frame, &reading, ret_end ? ret_end : &end);
    return reading.next;
}

uint32_t
rig_first_behind_gap(struct wal_rig *r)
{
    struct reading reading = { 0 };
    struct log_end end;
    log_scan(r->disk, read_frame, &reading, &end);
    return reading.behind_gap;
}

uint32_t
rig_read_after_crash(struct wal_rig *r)
{
    struct sim_disk *copy = sim_disk_clone(r->disk, 1);
    sim_disk_crash_with(copy, 1, SIM_CRASH_NOTHING);
    uint32_t n = rig_read(r, copy, NULL);
    sim_disk_free(&copy);
    return n;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Detectors of incidents of the data directory: a log that cannot be written or is slow, snapshots
 * that fail, space that runs out. The store answers all of these by itself (it tries a new segment
 * every second, removes what recovery does not need, goes on in memory, and comes back with a fresh
 * snapshot); the incident is where that is told, with an account of what was not logged.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>
#include <string.h>

enum { MIB = 1 << 20, US_PER_MS = 1000 };

void
judge_log(const struct control_disk *d, uint64_t slow_before, struct incident_reading *ret)
{
    char text[64];
    const char *reason = d->error ? strerror_r(-d->error, text, sizeof text) : "no reason is known";
    ret->value = (double)d->not_logged;
    if (d->log == CONTROL_LOG_DETACHED || d->log == CONTROL_LOG_RETRYING || d->gap) {
        ret->bad = ret->certain = true;
        ret->worse = d->log == CONTROL_LOG_DETACHED;
    }
    if (d->log == CONTROL_LOG_DETACHED)
        incident_because(ret,
                         "the log cannot be written (%s): changes are kept in memory only, "
                         "%" PRIu64 " of them since the start are not logged",
                         reason, d->not_logged);
    else if (d->log == CONTROL_LOG_RETRYING)
        incident_because(ret, "the log cannot be written (%s): a new segment is being tried",
                         reason);
    else if (d->gap)
        incident_because(ret,
                         "the log is written again behind a gap of changes that were not logged, "
                         "and no snapshot has bridged it yet");
    else if (d->slow_syncs > slow_before) {
        ret->bad = true;
        incident_because(ret,
                         "%" PRIu64 " syncs of the log were late since the last look, the longest "
                         "of the last thousand took %" PRIu64 " ms",
                         d->slow_syncs - slow_before, d->sync_max_us / US_PER_MS);
    }
}

void
judge_snapshot(const struct control_disk *d, struct incident_reading *ret)
{
    ret->value = (double)d->snapshot_failures;
    if (d->snapshot_failures == 0 || d->snapshot_status == ATTL_OK)
        return;
    ret->bad = ret->certain = true;
    incident_because(ret,
                     "the last snapshot failed (%s), %" PRIu64
                     " have since the start; the older ones are kept and it is tried again",
                     attl_strerror(d->snapshot_status), d->snapshot_failures);
}

void
judge_space(const struct control_disk *d, uint64_t low_bytes, struct incident_reading *ret)
{
    uint64_t limit = d->needed_bytes > low_bytes ? d->needed_bytes : low_bytes;
    ret->limit = (double)limit;
    if (d->free_bytes == UINT64_MAX)
        return;
    ret->value = (double)d->free_bytes;
    if (d->free_bytes >= limit)
        return;
    ret->bad = true;
    ret->worse = d->free_bytes < limit / 4;
    incident_because(ret,
                     "%" PRIu64 " MiB are free where the data directory is, and the next segment "
                     "and snapshot need %" PRIu64 " MiB",
                     d->free_bytes / MIB, limit / MIB);
}

void
detect_log(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct detect_state *s = &c->incidents.detect;
    (void)n;
    control_observe_disk(c->a, &s->disk);
    if (s->disk.exists)
        judge_log(&s->disk, s->has_before ? s->slow_syncs : s->disk.slow_syncs, ret);
    if (ret->bad && !s->log_is_bad)
        s->not_logged = s->well_not_logged;
    s->log_is_bad = ret->bad;
    if (!ret->bad)
        s->well_not_logged = s->disk.not_logged; /* what the next incident counts from */
    s->slow_syncs = s->disk.slow_syncs;
}

void
detect_snapshot(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    (void)n;
    if (c->incidents.detect.disk.exists) /* detect_log() has just looked */
        judge_snapshot(&c->incidents.detect.disk, ret);
}

void
detect_space(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    (void)n;
    if (c->incidents.detect.disk.exists)
        judge_space(&c->incidents.detect.disk, c->incidents.low_disk_bytes, ret);
}

void
respond_log(struct control *c, struct incident *i, int level)
{
    const struct detect_state *s = &c->incidents.detect;
    if (level == 0 && i->simulated)
        incident_did(i, "would try a new segment and remove what recovery does not need");
    else if (level == 0)
        incident_did(i, "a new segment is tried every second, and files that recovery does not "
                        "need are removed");
    else if (level > 0 && s->disk.log == CONTROL_LOG_DETACHED)
        incident_did(i, "changes go on in memory only");
    else if (level < 0 && s->disk.not_logged > s->not_logged)
        incident_did(i,
                     "the log is whole again: %" PRIu64
                     " changes were not logged, a snapshot holds them; next LSN %" PRIu64,
                     s->disk.not_logged - s->not_logged, s->disk.next_lsn);
    else if (level < 0)
        incident_did(i, "the log is written again, nothing was left out; next LSN %" PRIu64,
                     s->disk.next_lsn);
}

void
respond_space(struct control *c, struct incident *i, int level)
{
    if (level < 0)
        return;
    if (i->simulated) {
        incident_did(i, "would remove what the rules of retention let go");
        return;
    }
    control_retain(c->a);
    incident_did(i, "what recovery does not need is removed");
}

/* ---- memory and load: what other loops have seen ---- */

void
detect_memory(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    const struct pressure *p = &c->pressure;
    (void)n;
    ret->value = p->order.level;
    if (!c->enabled[CONTROL_PRESSURE] || p->order.level == PRESSURE_NONE)
        return;
    ret->bad = ret->certain = true;
    ret->worse = p->order.level == PRESSURE_REFUSE;
    ret->limit = p->settings.high;
    incident_because(ret, "memory is short, step %d of 3: %s", p->order.level, p->order.why);
}

void
respond_memory(struct control *c, struct incident *i, int level)
{
    static const char *const steps[PRESSURE_LEVELS] = {
        [PRESSURE_EXPIRED] = "what has expired goes first, and empty memory is given back",
        [PRESSURE_COLD] = "what is used least goes too",
        [PRESSURE_REFUSE] = "large values are refused as well",
    };
    const struct pressure *p = &c->pressure;
    if (level >= 0 && i->simulated)
        incident_did(i, "would shed in steps: %s", steps[PRESSURE_EXPIRED]);
    else if (level >= 0 && p->order.level > PRESSURE_NONE && p->order.level < PRESSURE_LEVELS)
        incident_did(i, "%s%s", p->dry_run ? "dry run: " : "", steps[p->order.level]);
}

void
detect_overload(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    int level = atomic_load_explicit(&c->load.level, memory_order_relaxed);
    (void)n;
    ret->value = (double)atomic_load_explicit(&c->load.delay_us, memory_order_relaxed) / US_PER_MS;
    if (level <= 0)
        return;
    ret->bad = true;
    ret->worse = level > 1;
    incident_because(ret,
                     "requests wait %.0f ms before they are served; %" PRIu64
                     " have been refused or delayed since the start",
                     ret->value, atomic_load_explicit(&c->load.shed, memory_order_relaxed));
}

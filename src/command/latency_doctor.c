/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LATENCY DOCTOR: the series of spikes in words, and what to do about each kind, from what was
 * measured: the slowest command by name, the settings as they are. It recommends nothing that the
 * figures do not call for. The text is bounded by its buffer; nothing is kept.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/slowlog.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TEXT_MAX = 16 << 10, SETTING_MAX = 64, US_PER_MS = 1000 };

typedef long long ll;

struct doctor {
    struct request *rq;
    struct buf text;
    unsigned events; /* those with spikes, a bit each */
};

static void
describe(struct doctor *d, const struct latency_series *s, const char *name, unsigned number)
{
    int64_t sum_ms = 0, deviation_ms = 0, n = (int64_t)s->len;
    for (size_t i = 0; i < s->len; i++)
        sum_ms += latency_sample_at(s, i)->ms;
    int64_t mean_ms = sum_ms / n;
    for (size_t i = 0; i < s->len; i++)
        deviation_ms += llabs(latency_sample_at(s, i)->ms - mean_ms);
    int64_t span_s = request_now_ms(d->rq) / 1000 - latency_sample_at(s, 0)->time_s;
    buf_printf(&d->text,
               "%u. %s: %" PRIu64 " spikes; of the last %lld: average %lld ms, mean deviation "
               "%lld ms, one every %.1f s. Worst ever %lld ms.\n",
               number, name, s->count, (ll)n, (ll)mean_ms, (ll)(deviation_ms / n),
               (double)(span_s > 0 ? span_s : 1) / (double)n, (ll)s->worst_ms);
}

/* The slowest entry of the slow log. */
struct slowest {
    int64_t us;
    char name[COMMAND_NAME_MAX];
};

static void
compare(void *ud, const struct slow_entry *e)
{
    struct slowest *slowest = ud;
    attl_slice word;
    size_t at = 0;
    if (e->value <= slowest->us || !slowlog_word(e, &at, &word))
        return;
    size_t len = word.len < COMMAND_NAME_MAX ? word.len : COMMAND_NAME_MAX - 1;
    slowest->us = e->value;
    memcpy(slowest->name, word.data, len);
    slowest->name[len] = '\0';
}

static void
advise_commands(struct doctor *d)
{
    struct slowlog *log = d->rq->env->slow;
    int64_t slow_us = atomic_load(&log->slow_us);
    int64_t spike_ms = atomic_load(&log->monitor.threshold_ms);
    struct slowest slowest = { .us = -1 };
    slowlog_each(log, SLOWLOG_SLOW, UINT64_MAX, compare, &slowest);
    if (slow_us > spike_ms * US_PER_MS)
        buf_printf(&d->text,
                   "- The slow log does not catch what is a spike here: CONFIG SET "
                   "slowlog-log-slower-than %lld.\n",
                   (ll)(spike_ms * US_PER_MS));
    if (slowest.us >= 0)
        buf_printf(&d->text,
                   "- The slowest command in the slow log is %s with %.1f ms: SLOWLOG GET has its "
                   "arguments, ATTL.SLOWLOG its client and trace id.\n",
                   slowest.name, (double)slowest.us / US_PER_MS);
    buf_append_str(&d->text, "- Commands whose cost grows with the number of keys (KEYS, FLUSHALL, "
                             "ATTL.NS FLUSH) are better replaced by SCAN with a small COUNT; "
                             "COMMAND DOCS has the complexity of each.\n");
}

static void
advise_fast(struct doctor *d)
{
    (void)d;
    buf_append_str(&d->text,
                   "- Commands that are O(1) took long, so most likely their thread was not "
                   "running: compare server.threads with the processors this process may use "
                   "(CPU limit of the control group, other processes, steal of the host).\n");
}

/* Advice with the setting `name` as it is. */
static void
advise_setting(struct doctor *d, const char *name, const char *format)
{
    const struct command_host *host = d->rq->env->host;
    char value[SETTING_MAX] = "?";
    if (host->config_get(host->ud, name, value, sizeof value) != ATTL_OK)
        value[0] = '?';
    buf_printf(&d->text, "- %s is %s: %s\n", name, value, format);
}

static void
advise(struct doctor *d)
{
    if (d->events & 1u << LATENCY_COMMAND)
        advise_commands(d);
    if (d->events & 1u << LATENCY_FAST_COMMAND)
        advise_fast(d);
    if (d->events & 1u << LATENCY_AOF_FSYNC_ALWAYS)
        advise_setting(d, "persist.fsync",
                       "each spike is one sync of the disk that writers waited for; everysec does "
                       "not make them wait, and may lose the last second.");
    if (d->events & 1u << LATENCY_AOF_WRITE)
        advise_setting(d, "persist.dir",
                       "its disk was slow to take the log. Nobody waits for that until "
                       "persist.buffer is full; other programs on the same disk are the first "
                       "thing to look for.");
    if (d->events & 1u << LATENCY_EXPIRE_CYCLE)
        advise_setting(d, "adaptive.latency_threshold",
                       "the maintenance shortens its turns above it; docs/tuning.md says how.");
    if (d->events & 1u << LATENCY_EVICTION_CYCLE)
        advise_setting(d, "maxmemory",
                       "room had to be made for new data at once; more memory, or shorter lives, "
                       "leave time to do it in advance.");
}

static void
advise_files(struct doctor *d)
{
    if (d->events & 1u << LATENCY_LOADING)
        advise_setting(d, "persist.snapshot_log_size",
                       "a start reads the last snapshot and the log behind it: smaller is sooner.");
    if (d->events & 1u << LATENCY_SNAPSHOT)
        advise_setting(d, "persist.dir",
                       "a snapshot takes as long as its disk wants; everything goes on beside it.");
}

static void
examine(struct doctor *d)
{
    struct latency_monitor *m = &d->rq->env->slow->monitor;
    unsigned number = 0;
    for (unsigned event = 0; event < LATENCY_EVENTS; event++) {
        struct latency_series s;
        latency_read(m, (enum latency_event)event, &s);
        if (s.len == 0)
            continue;
        d->events |= 1u << event;
        describe(d, &s, latency_event_name((enum latency_event)event), ++number);
    }
    int64_t spike_ms = atomic_load(&m->threshold_ms);
    if (d->events == 0 && spike_ms == 0)
        buf_append_str(&d->text, "Latency is not monitored: CONFIG SET latency-monitor-threshold "
                                 "<milliseconds> begins with it.\n");
    else if (d->events == 0)
        buf_printf(&d->text,
                   "Nothing has taken %lld ms or more since the monitor was begun or "
                   "reset.\n",
                   (ll)spike_ms);
    else
        buf_append_str(&d->text, "\n");
    advise(d);
    advise_files(d);
}

/* LATENCY DOCTOR */
void
cmd_latency_doctor(struct request *rq)
{
    struct doctor d = { .rq = rq };
    buf_init(&d.text, TEXT_MAX);
    if (rq->env->slow)
        examine(&d);
    else
        buf_append_str(&d.text, "Latency is not monitored here.\n");
    if (d.text.failed)
        resp_error(rq->out, "OOM out of memory");
    else
        resp_verbatim(rq->out, rq->s->proto, "txt", buf_slice(&d.text));
    buf_fini(&d.text);
}

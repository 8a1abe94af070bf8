/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a pass is made and how fast. The keeper's goes on by one step whenever the rate allows it; a
 * call makes its own at once and as fast as the disk gives, and the keeper's, if one is under way,
 * is then not needed any more. Time is the cache's, so a clock that a test sets moves it. What
 * could not be healed is tried again with growing pauses.
 */
#include "engine/scrub.h"

#include "engine/scrub_pass.h"

#include <errno.h>

enum { MS_PER_S = 1000, RETRY_LEAST_MS = 500, RETRY_MOST_MS = 60 * 1000, NS_PER_MS = 1000000 };

void
scrub_init(struct store *s)
{
    lock_init(&s->scrub.lock);
}

void
scrub_apply_config(struct store *s, const attl_config *config)
{
    struct scrub *c = &s->scrub;
    atomic_store(&c->enabled, config_bool(config, OPT_SCRUB_ENABLED));
    atomic_store(&c->rate, (uint64_t)config_i64(config, OPT_SCRUB_RATE));
    atomic_store(&c->interval_ms, config_i64(config, OPT_SCRUB_INTERVAL));
    parker_wake(&s->parker);
}

void
scrub_fini(struct store *s)
{
    scrub_pass_free(&s->scrub.pass);
}

/* ---- a pass ---------------------------------------------------------------------------------- */

/* Adds to the sums what one step has read. */
static void
account(struct scrub *c, const struct scrub_counts *before, const struct scrub_counts *now)
{
    lock_acquire(&c->lock);
    c->sums.bytes += now->bytes - before->bytes;
    c->sums.files += now->files - before->files;
    lock_release(&c->lock);
}

static int
step(struct scrub *c, struct scrub_pass *p, uint64_t *ret_bytes)
{
    struct scrub_counts before, now;
    scrub_pass_counts(p, &before);
    int rc = scrub_pass_step(p);
    scrub_pass_counts(p, &now);
    account(c, &before, &now);
    *ret_bytes = now.bytes - before.bytes;
    atomic_store(&c->done_bytes, now.bytes);
    return rc;
}

static void
complete(struct store *s, const struct scrub_pass *p, struct scrub_counts *ret)
{
    struct scrub *c = &s->scrub;
    int64_t now_ms = engine_now_ms(s->a), wall_ms = now_ms + engine_skew_ms(s->a);
    scrub_pass_counts(p, ret);
    lock_acquire(&c->lock);
    c->sums.passes++;
    c->sums.last_ms = wall_ms;
    c->sums.last_took_ms = wall_ms - scrub_pass_started(p);
    lock_release(&c->lock);
    atomic_store(&c->complete_ms, now_ms);
    if (ret->files > 0)
        store_log(s, ret->damaged || ret->unreadable ? 2 : 0, "scrub",
                  "%llu files read, %llu bytes: %llu damaged, of which %llu are healed, and %llu "
                  "unreadable",
                  (unsigned long long)ret->files, (unsigned long long)ret->bytes,
                  (unsigned long long)ret->damaged, (unsigned long long)ret->healed,
                  (unsigned long long)ret->unreadable);
}

/* ---- the keeper's part ----------------------------------------------------------------------- */

static void
end_pass(struct scrub *c)
{
    scrub_pass_free(&c->pass);
    atomic_store(&c->total_bytes, 0);
}

/* Pauses that grow, after a failure; none after success. */
static void
pause_after(struct scrub *c, int status, int64_t now_ms)
{
    int64_t pause_ms = c->retry_pause_ms * 2;
    if (status == ATTL_OK || pause_ms < RETRY_LEAST_MS)
        pause_ms = RETRY_LEAST_MS;
    c->retry_pause_ms = pause_ms < RETRY_MOST_MS ? pause_ms : RETRY_MOST_MS;
    c->retry_ms = status == ATTL_OK ? 0 : now_ms + c->retry_pause_ms;
}

/* Tries again to heal what is not. False: something is left. */
static bool
heal_rest(struct store *s, int64_t now_ms)
{
    struct scrub *c = &s->scrub;
    struct scrub_finding found[SCRUB_FINDINGS];
    unsigned n = scrub_findings_get(s, found);
    int status = ATTL_OK;
    bool any = false;
    for (unsigned i = 0; i < n && status == ATTL_OK; i++) {
        if (found[i].healed)
            continue;
        any = true;
        if (now_ms < c->retry_ms)
            return false;
        status = scrub_heal(s, &found[i]);
        scrub_settle(s, &found[i]);
    }
    if (any)
        pause_after(c, status, now_ms);
    return status == ATTL_OK;
}

static int64_t
begin_pass(struct store *s, int64_t now_ms)
{
    struct scrub *c = &s->scrub;
    int error = scrub_pass_new(s, &c->pass);
    if (error) {
        pause_after(c, store_status(error), now_ms);
        return c->retry_pause_ms;
    }
    atomic_store(&c->done_bytes, 0);
    atomic_store(&c->total_bytes, scrub_pass_total(c->pass));
    c->next_step_ms = now_ms;
    return 0;
}

/* One step of the pass; milliseconds until the next. */
static int64_t
go_on(struct store *s, int64_t now_ms)
{
    struct scrub *c = &s->scrub;
    struct scrub_counts counts;
    uint64_t bytes, rate = atomic_load(&c->rate);
    int rc = step(c, c->pass, &bytes);
    int64_t pause_ms = (int64_t)(bytes * MS_PER_S / rate);
    c->next_step_ms = now_ms + pause_ms;
    if (rc > 0)
        return pause_ms;
    if (rc == 0)
        complete(s, c->pass, &counts);
    else
        pause_after(c, store_status(rc), now_ms);
    end_pass(c);
    return rc == 0 ? atomic_load(&c->interval_ms) : c->retry_pause_ms;
}

int64_t
scrub_keep(struct store *s)
{
    struct scrub *c = &s->scrub;
    int64_t now_ms = engine_now_ms(s->a);
    if (!heal_rest(s, now_ms))
        return c->retry_ms - now_ms;
    int64_t interval_ms = atomic_load(&c->interval_ms), last_ms = atomic_load(&c->complete_ms);
    bool superseded = c->pass && last_ms + engine_skew_ms(s->a) > scrub_pass_started(c->pass);
    if (superseded || !atomic_load(&c->enabled))
        end_pass(c);
    if (!atomic_load(&c->enabled))
        return INT64_MAX;
    int64_t due_ms = c->pass ? c->next_step_ms : last_ms + interval_ms;
    due_ms = due_ms > c->retry_ms ? due_ms : c->retry_ms;
    if (now_ms < due_ms)
        return due_ms - now_ms;
    int64_t wait_ms = c->pass ? 0 : begin_pass(s, now_ms);
    return wait_ms > 0 ? wait_ms : go_on(s, now_ms);
}

/* ---- a call ---------------------------------------------------------------------------------- */

static int
run(struct store *s, struct scrub_counts *ret)
{
    struct scrub *c = &s->scrub;
    struct scrub_pass *p;
    uint64_t bytes;
    int rc = scrub_pass_new(s, &p);
    if (rc)
        return rc;
    do {
        rc = atomic_load(&s->stopping) ? -ECANCELED : step(c, p, &bytes);
    } while (rc > 0); /* as long as there are files */
    scrub_pass_counts(p, ret);
    if (rc == 0)
        complete(s, p, ret);
    scrub_pass_free(&p);
    return rc;
}

int
scrub_now(struct store *s, attl_scrub_report *ret)
{
    struct scrub_counts n = { 0 };
    if (store_is_loading(s))
        return ATTL_E_LOADING;
    if (atomic_exchange(&s->scrub.called, true))
        return ATTL_E_BUSY;
    int64_t start_ns = clock_mono_ns();
    int status = store_status(run(s, &n));
    atomic_store(&s->scrub.called, false);
    *ret = (attl_scrub_report){ .struct_size = sizeof *ret,
                                .files = n.files,
                                .bytes = n.bytes,
                                .damaged = n.damaged,
                                .healed = n.healed,
                                .unreadable = n.unreadable,
                                .took_ms = (clock_mono_ns() - start_ns) / NS_PER_MS };
    return status;
}

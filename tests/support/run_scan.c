/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Iterations of a run. An entry owes the walk under way exactly one visit from the moment it starts
 * until the entry is deleted or expires; the model drops the mark itself when that happens. Under
 * eviction a missing visit is only a mistake if the entry is still there at the end.
 */
#include "run_scan.h"

#include "check.h"

static void
scan_begin(struct run *run)
{
    struct model *m = &run->model;
    for (size_t i = 0; i < m->count; i++) {
        m->entries[i]->scan_due = model_is_live(m, m->entries[i]);
        m->entries[i]->scan_visits = 0;
    }
    run->scan_cursor = 0;
    run->scan_active = true;
}

static void
scan_visit(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct run *run = ud;
    struct model_entry *e = model_find(&run->model, key);
    CHECK(e != NULL,
          "step %" PRIu64 " seed %" PRIu64 ": a visit to a key of %zu bytes that is not there",
          run->step, run->seed, key.len);
    CHECK(slice_equal(value, model_value(e)) && deadline_ms == e->deadline_ms,
          "step %" PRIu64 " seed %" PRIu64 ": visited %zu bytes until %" PRId64
          ", the model has %zu until %" PRId64,
          run->step, run->seed, value.len, deadline_ms, e->value_len, e->deadline_ms);
    e->scan_visits++;
    CHECK(!e->scan_due || e->scan_visits == 1,
          "step %" PRIu64 " seed %" PRIu64 ": a key of %zu bytes visited twice", run->step,
          run->seed, key.len);
}

static void
scan_end(struct run *run)
{
    struct model *m = &run->model;
    run->scan_active = false;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_entry *e = m->entries[i];
        if (!e->scan_due || !model_is_live(m, e) || e->scan_visits == 1) {
            continue;
        }
        bool gone = run->setup->evicts &&
                    attl_exists(run->cache, attl_b(e->key, e->key_len)) == ATTL_MISS;
        CHECK(gone,
              "step %" PRIu64 " seed %" PRIu64 ": a key of %zu bytes was there during the whole "
              "iteration and got no visit",
              run->step, run->seed, e->key_len);
    }
}

void
run_scan_step(struct run *run, size_t count)
{
    if (!run->scan_active) {
        scan_begin(run);
    }
    int status = attl_scan(run->cache, &run->scan_cursor, count, scan_visit, run);
    CHECK(status == ATTL_OK || status == ATTL_DONE, "attl_scan: %s", attl_err_name(status));
    CHECK((status == ATTL_DONE) == (run->scan_cursor == 0), "status %s with cursor %" PRIu64,
          attl_err_name(status), run->scan_cursor);
    if (status == ATTL_DONE) {
        scan_end(run);
    }
}

void
run_scan_everything(struct run *run)
{
    /* More steps than there can be home buckets: a walk that does not end is a failure, not a hang.
     */
    uint64_t steps_left = UINT64_C(4000000);
    scan_begin(run);
    while (run->scan_active) {
        CHECK(steps_left-- > 0, "seed %" PRIu64 ": the iteration does not end", run->seed);
        run_scan_step(run, 1000);
    }
}

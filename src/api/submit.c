/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submitting changes. The change is made here and now, in the calling thread, so that the order of
 * calls is the order of changes; what may be outstanding is the log's promise, and then the
 * submission stands in the log's line (engine/log_wait.h). Where the log promises nothing a
 * submission costs a place, a number and a post, and no memory. Whatever can fail is done before
 * the change, so that a failure means that nothing has happened.
 */
#include "api/api.h"

#include "engine/log_wait.h"
#include "persist/wal.h"

/* A set, or a delete where there is no value. */
struct change {
    attl_slice key;
    const attl_slice *value;
    int64_t ttl_ms;
};

static int
make_change(attl *a, const struct change *change)
{
    return change->value ? api_set_now(a, change->key, *change->value, change->ttl_ms)
                         : api_del_now(a, change->key);
}

static uint64_t
post_status(attl_queue *q, uint32_t kind, uint64_t user_data, int status)
{
    attl_completion c = { .kind = kind,
                          .status = status,
                          .user_data = user_data,
                          .id = completion_new_id(q) << 32, /* nothing to cancel */
                          .value = ATTL_VALUE_INIT };
    completion_post(q, &c);
    return c.id;
}

/* Nothing to wait for: complete when it returns. */
static int
submit_plain(attl_queue *q, uint32_t kind, const struct change *change,
             const struct submission_spec *spec, uint64_t *ret_id)
{
    int status = completion_reserve(q);
    if (status != ATTL_OK)
        return status;
    status = make_change(q->cache, change);
    if (status < 0) {
        completion_unreserve(q);
        return status;
    }
    *ret_id = post_status(q, kind, spec->user_data, status);
    return ATTL_OK;
}

static int
submit_durable(attl_queue *q, uint32_t kind, const struct change *change,
               const struct submission_spec *spec, uint64_t *ret_id)
{
    struct log_waiter *w;
    attl *a = q->cache;
    int status = log_waiter_make(q, kind, spec, &w);
    if (status != ATTL_OK)
        return status;
    status = make_change(a, change);
    if (status < 0) {
        submission_drop(&w->submission);
        return status;
    }
    w->status = status;
    w->line = LOG_LINE_SAFE;
    w->position = attl_log_position(a);
    *ret_id = log_waits_enter(w, spec);
    return ATTL_OK;
}

static int
submit_change(attl_queue *q, uint32_t kind, const struct change *change,
              const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct submission_spec spec;
    uint64_t id;
    int status = q->cache ? submission_spec_of(opts, &spec) : ATTL_E_CLOSED;
    if (status != ATTL_OK)
        return status;
    if (log_waits_are_needed(q->cache))
        status = submit_durable(q, kind, change, &spec, &id);
    else
        status = submit_plain(q, kind, change, &spec, &id);
    if (status == ATTL_OK && ret_id)
        *ret_id = id;
    return status;
}

int
attl_submit_set(attl_queue *q, attl_slice key, attl_slice value, int64_t ttl_ms,
                const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct change change = { key, &value, ttl_ms };
    return submit_change(q, ATTL_OP_SET, &change, opts, ret_id);
}

int
attl_submit_del(attl_queue *q, attl_slice key, const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct change change = { key, NULL, 0 };
    return submit_change(q, ATTL_OP_DEL, &change, opts, ret_id);
}

int
attl_submit_sync(attl_queue *q, const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct submission_spec spec;
    struct log_waiter *w;
    uint64_t id;
    int status = q->cache ? submission_spec_of(opts, &spec) : ATTL_E_CLOSED;
    struct wal *wal = status == ATTL_OK ? log_waits_log(q->cache) : NULL;
    if (status == ATTL_OK)
        status = wal ? log_waiter_make(q, ATTL_OP_SYNC, &spec, &w) : completion_reserve(q);
    if (status != ATTL_OK)
        return status;
    if (wal) {
        w->line = LOG_LINE_DURABLE;
        w->position = wal_sync_begin(wal);
        id = log_waits_enter(w, &spec);
    } else {
        id = post_status(q, ATTL_OP_SYNC, spec.user_data, ATTL_OK);
    }
    if (ret_id)
        *ret_id = id;
    return ATTL_OK;
}

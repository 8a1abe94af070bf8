/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submitting what takes long: snapshots and rollbacks. A thread of the pool makes the call that
 * would have blocked the caller, and its report becomes the completion's value. The memory for the
 * report is there before the work begins, so that what has been done can also be told. Arguments
 * are copied into the task, which owns them.
 */
#include "api/api.h"

#include "engine/store.h"
#include "engine/task.h"
#include "engine/value.h"

enum { SNAPSHOT_NAME_MAX = 255 };

/* ---- snapshots ------------------------------------------------------------------------------- */

static void
snapshot_work(struct task *t, attl_completion *c)
{
    attl *a = t->submission.cache;
    attl_snapshot_info *info = value_alloc(&a->cache.config.alloc, sizeof(*info), &c->value);
    if (!info) {
        c->status = ATTL_E_NOMEM;
        return;
    }
    info->struct_size = sizeof(*info);
    c->status = attl_snapshot(a, info);
    c->number = info->lsn;
    if (c->status != ATTL_OK)
        value_release(a, &c->value);
}

/* What every submission to the store begins with. */
static int
begin(attl_queue *q, const attl_submit_opts *opts, struct submission_spec *ret_spec)
{
    attl *a = q->cache;
    if (!a)
        return ATTL_E_CLOSED;
    return a->store ? submission_spec_of(opts, ret_spec) : ATTL_E_UNSUPPORTED;
}

int
attl_submit_snapshot(attl_queue *q, const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct submission_spec spec;
    struct task *t;
    int status = begin(q, opts, &spec);
    if (status == ATTL_OK)
        status = task_make(q, sizeof(*t), ATTL_OP_SNAPSHOT, &spec, &t);
    if (status != ATTL_OK)
        return status;
    t->work = snapshot_work;
    return task_submit(t, &spec, ret_id);
}

/* ---- rollbacks ------------------------------------------------------------------------------- */

struct rollback_task {
    struct task task;
    attl_rollback_opts target;
    char name[SNAPSHOT_NAME_MAX + 1];
};

static void
rollback_work(struct task *t, attl_completion *c)
{
    struct rollback_task *r = (struct rollback_task *)t;
    attl *a = t->submission.cache;
    attl_rollback_report report = { .struct_size = sizeof(report) };
    enum { ROOM = sizeof(report) > STORE_PROBLEM_BYTES ? sizeof(report) : STORE_PROBLEM_BYTES };
    char *room = value_alloc(&a->cache.config.alloc, ROOM, &c->value);
    if (!room) {
        c->status = ATTL_E_NOMEM;
        return;
    }
    c->status = attl_rollback(a, &r->target, &report, room, STORE_PROBLEM_BYTES);
    c->value.data.len = c->status == ATTL_OK ? sizeof(report) : strlen(room);
    if (c->status == ATTL_OK)
        memcpy(room, &report, sizeof(report));
}

static int
submit_rollback(attl_queue *q, uint32_t kind, const attl_rollback_opts *target,
                const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct submission_spec spec;
    struct task *t;
    attl_rollback_opts own = { .struct_size = sizeof(own) };
    int status = begin(q, opts, &spec);
    if (status == ATTL_OK)
        status = api_import_rollback_opts(target, &own);
    size_t len = status == ATTL_OK && own.to_name ? strlen(own.to_name) : 0;
    if (len > SNAPSHOT_NAME_MAX)
        status = ATTL_E_INVALID;
    if (status == ATTL_OK)
        status = task_make(q, sizeof(struct rollback_task), kind, &spec, &t);
    if (status != ATTL_OK)
        return status;
    struct rollback_task *r = (struct rollback_task *)t;
    r->target = own;
    if (own.to_name) {
        memcpy(r->name, own.to_name, len); /* the rest is zero */
        r->target.to_name = r->name;
    }
    t->work = rollback_work;
    return task_submit(t, &spec, ret_id);
}

int
attl_submit_rollback(attl_queue *q, const attl_rollback_opts *target, const attl_submit_opts *opts,
                     uint64_t *ret_id)
{
    return submit_rollback(q, ATTL_OP_ROLLBACK, target, opts, ret_id);
}

int
attl_submit_restore(attl_queue *q, const char *snapshot_name, const attl_submit_opts *opts,
                    uint64_t *ret_id)
{
    attl_rollback_opts target = { .struct_size = sizeof(target), .to_name = snapshot_name };
    return submit_rollback(q, ATTL_OP_RESTORE, &target, opts, ret_id);
}

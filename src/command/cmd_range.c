/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of strings. Offsets come from the wire as full 64-bit integers of either sign, so they are
 * clamped or refused before any sum is made of them: the two commands here are where such servers
 * used to be broken (CVE-2022-35977, CVE-2021-32761).
 * A part that is empty after clamping is an empty reply, never an error.
 */
#include "command/commands.h"
#include "command/reply.h"

struct get_range {
    struct buf *out;
    int64_t start, end;
};

static int64_t
clamp_index(int64_t index, int64_t len)
{
    if (index < 0)
        index = index < -len ? 0 : index + len;
    return index;
}

static void
visit_range(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    struct get_range *range = ud;
    int64_t len = (int64_t)value.len;
    attl_slice part = { NULL, 0 };
    bool reversed = range->start < 0 && range->end < 0 && range->start > range->end;
    int64_t start = clamp_index(range->start, len);
    int64_t end = clamp_index(range->end, len);
    if (end >= len)
        end = len - 1;
    if (!reversed && len > 0 && start <= end)
        part = attl_b((const char *)value.data + start, (size_t)(end - start + 1));
    resp_bulk(range->out, part);
}

/* GETRANGE key start end */
void
cmd_getrange(struct request *rq)
{
    struct get_range range = { rq->out, 0, 0 };
    if (!arg_i64(rq, 2, NULL, &range.start) || !arg_i64(rq, 3, NULL, &range.end))
        return;
    int st = attl_get_visit(rq->env->cache, rq->argv[1], visit_range, &range);
    if (!reply_if_failed(rq, st) && st != ATTL_OK)
        resp_bulk(rq->out, attl_b(NULL, 0));
}

/* Nothing to write: the length as it is, 0 for a missing key, which stays missing. */
static void
reply_present_length(struct request *rq)
{
    attl_meta meta = ATTL_META_INIT;
    int st = attl_meta_get(rq->env->cache, rq->argv[1], &meta);
    if (!reply_if_failed(rq, st))
        resp_int(rq->out, st == ATTL_OK ? (int64_t)meta.value_bytes : 0);
}

/* SETRANGE key offset value */
void
cmd_setrange(struct request *rq)
{
    int64_t offset;
    if (!arg_i64(rq, 2, NULL, &offset))
        return;
    if (offset < 0) {
        resp_error(rq->out, "ERR offset is out of range");
        return;
    }
    attl_slice part = rq->argv[3];
    if (part.len == 0) {
        reply_present_length(rq);
        return;
    }
    if (offset > REPLY_STRING_MAX_BYTES - (int64_t)part.len) {
        resp_error(rq->out, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return;
    }
    uint64_t len = 0;
    int st = attl_set_range(rq->env->cache, rq->argv[1], (uint64_t)offset, part, &len);
    if (!reply_if_failed(rq, st))
        resp_int(rq->out, (int64_t)len);
}

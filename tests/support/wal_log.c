/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments made in memory. Values are a function of the LSN, so that a frame read back can be
 * checked without remembering what was written.
 */
#include "support/wal_log.h"

#include "support/check.h"
#include "support/rng.h"

enum { FIRST_CAP = 4096, KEY_MAX = 24, PUT_VALUES = 41 };

#define CREATED_MS INT64_C(1735689600000)

static unsigned char *
log_room(struct wal_log *l, size_t more)
{
    size_t cap = l->cap ? l->cap : FIRST_CAP;
    while (cap < l->len + more)
        cap *= 2;
    if (cap != l->cap) {
        l->bytes = realloc(l->bytes, cap);
        CHECK(l->bytes, "no memory for %zu bytes", cap);
        l->cap = cap;
    }
    l->len += more;
    return l->bytes + l->len - more;
}

void
wal_log_begin(struct wal_log *l, uint64_t first_lsn, bool gap)
{
    *l = (struct wal_log){ .first_lsn = first_lsn, .next_lsn = first_lsn };
    struct wal_segment_header h = { WAL_VERSION, first_lsn, CREATED_MS, 1, 0, gap };
    wal_segment_header_encode(&h, log_room(l, WAL_SEGMENT_HEADER_BYTES));
    segment_name(first_lsn, l->name);
}

void
wal_log_free(struct wal_log *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

void
wal_log_op(struct wal_log *l, const struct wal_op *op)
{
    uint32_t bytes = wal_frame_bytes(op);
    CHECK(bytes > 0, "kind %d has no frame", (int)op->kind);
    l->last = l->len;
    wal_frame_encode(op, l->next_lsn++, log_room(l, bytes));
}

static unsigned char
value_byte(uint64_t lsn, size_t i)
{
    return (unsigned char)(rng_mix(lsn) >> 8 * (i % 7)) ^ (unsigned char)(i >> 8);
}

void
wal_log_put(struct wal_log *l, size_t value_bytes)
{
    char key[KEY_MAX];
    int n = snprintf(key, sizeof key, "k%" PRIu64, l->next_lsn);
    unsigned char *value = malloc(value_bytes + 1);
    CHECK(value && n > 0 && n < KEY_MAX, "no memory for %zu bytes", value_bytes);
    for (size_t i = 0; i < value_bytes; i++)
        value[i] = value_byte(l->next_lsn, i);
    struct wal_op op = { WAL_PUT,          0,    attl_b(key, (size_t)n), attl_b(value, value_bytes),
                         ATTL_NO_DEADLINE, { 0 } };
    wal_log_op(l, &op);
    free(value);
}

void
wal_log_puts(struct wal_log *l, unsigned count)
{
    while (count-- > 0)
        wal_log_put(l, l->next_lsn % PUT_VALUES);
}

void
wal_log_mark(struct wal_log *l, uint64_t durable_lsn)
{
    unsigned char value[16];
    struct wal_mark mark = { CREATED_MS, durable_lsn };
    wal_mark_encode(&mark, value);
    struct wal_op op = { WAL_MARK, 0, { NULL, 0 }, attl_b(value, sizeof value), 0, { 0 } };
    wal_log_op(l, &op);
}

void
wal_log_raw(struct wal_log *l, const void *data, size_t len)
{
    memcpy(log_room(l, len), data, len);
}

void
wal_log_zeros(struct wal_log *l, size_t count)
{
    memset(log_room(l, count), 0, count);
}

bool
wal_log_is_put(const struct wal_frame *frame)
{
    char key[KEY_MAX];
    int n = snprintf(key, sizeof key, "k%" PRIu64, frame->lsn);
    const struct wal_op *op = &frame->op;
    if (op->kind != WAL_PUT || op->key.len != (size_t)n ||
        memcmp(op->key.data, key, (size_t)n) != 0)
        return false;
    const unsigned char *value = (const unsigned char *)op->value.data;
    for (size_t i = 0; i < op->value.len; i++)
        if (value[i] != value_byte(frame->lsn, i))
            return false;
    return true;
}

void
wal_log_store(const struct wal_log *l, struct sim_disk *s)
{
    sim_disk_put(s, l->name, l->bytes, l->len);
}

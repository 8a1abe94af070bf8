/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments of a log made in memory, for tests of what reads them: frames are appended, then the
 * whole is put on a simulated disk under its name, or damaged first. Failing to allocate ends the
 * test.
 */
#ifndef ATTL_TESTS_WAL_LOG_H
#define ATTL_TESTS_WAL_LOG_H

#include "persist/segment.h"
#include "persist/wal_format.h"
#include "support/sim_disk.h"

#include <stdbool.h>

struct wal_log {
    unsigned char *bytes;
    size_t len, cap;
    uint64_t first_lsn, next_lsn;
    size_t last; /* where the frame appended last begins */
    char name[SEGMENT_NAME_MAX];
};

/* An empty segment: its header. */
void wal_log_begin(struct wal_log *l, uint64_t first_lsn, bool gap);
void wal_log_free(struct wal_log *l);
void wal_log_op(struct wal_log *l, const struct wal_op *op);
/* A PUT of key "k<LSN>" and `value_bytes` bytes that depend on the LSN. */
void wal_log_put(struct wal_log *l, size_t value_bytes);
/* So many of them with small values of different lengths. */
void wal_log_puts(struct wal_log *l, unsigned count);
void wal_log_mark(struct wal_log *l, uint64_t durable_lsn);
void wal_log_raw(struct wal_log *l, const void *data, size_t len);
void wal_log_zeros(struct wal_log *l, size_t count);
/* True if it is the change that wal_log_put() made with this LSN. */
bool wal_log_is_put(const struct wal_frame *frame);
/* Puts it on the disk. */
void wal_log_store(const struct wal_log *l, struct sim_disk *s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values that prove themselves. A stamped value says whose it is, which write it came from, how
 * long it is and until when it may be seen, and every other byte follows from those, so that a
 * reader can tell a torn, foreign or stale value without asking anyone. Pure functions over the
 * caller's bytes.
 */
#ifndef ATTL_TESTS_STAMP_H
#define ATTL_TESTS_STAMP_H

#include <attl/attl.h>
#include <stdbool.h>

struct stamp {
    uint64_t key_id;
    uint64_t version;
    uint64_t len; /* of the whole value */
    int64_t deadline_ms;
    uint64_t sum; /* of the members above */
};

enum { STAMP_BYTES_MIN = sizeof(struct stamp) };

/* Fills `len` >= STAMP_BYTES_MIN bytes. */
void stamp_write(unsigned char *bytes, size_t len, uint64_t key_id, uint64_t version,
                 int64_t deadline_ms);
/* False if any byte is not what stamp_write() wrote. */
bool stamp_read(attl_slice value, struct stamp *ret_stamp);

#endif

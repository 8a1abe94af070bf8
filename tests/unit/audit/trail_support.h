/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trail on the simulated disk for the tests of this folder: made by the real writer, with a time
 * that the test sets, and judged by the real verifier, whose findings are kept by flaw. Failing to
 * make one ends the test. One thread.
 */
#ifndef ATTL_TESTS_TRAIL_SUPPORT_H
#define ATTL_TESTS_TRAIL_SUPPORT_H

#include "audit/verify.h"
#include "audit/writer.h"
#include "support/refusing.h"
#include "support/sim_disk.h"

enum { TRAIL_TEXT_BYTES = 8192 };

#define TRAIL_START_US INT64_C(1700000000000000)

struct trail {
    struct sim_disk *sim;
    struct refusing refusing;
    attl_allocator alloc;
    struct audit_key key;
    struct audit_writer writer;
    struct audit_rules rules;
    int64_t now_us;
    bool open;
    /* of the last trail_verify() */
    struct audit_verify v;
    char findings[TRAIL_TEXT_BYTES]; /* "file:line: flaw: text", lines */
};

/* `key`: NULL for none. */
void trail_init(struct trail *t, const char *key);
void trail_fini(struct trail *t);
/* Begins to write, or goes on. */
void trail_open(struct trail *t);
void trail_close(struct trail *t);
/* Appends a line about "n" and settles; what the writer said. */
int trail_put(struct trail *t, int n);
/* `n` lines that succeed. */
void trail_fill(struct trail *t, int n);
/* Verifies with the trail's key. 0 or a negative errno. */
int trail_verify(struct trail *t);
/* Verifies and expects that all is well. */
void trail_expect_fine(struct trail *t);
/* Verifies and expects a finding with this text in it. */
void trail_expect(struct trail *t, enum audit_flaw flaw, const char *text);
/* The content of a file, to be freed; `first_seq` names it. */
char *trail_get(struct trail *t, uint64_t first_seq, size_t *ret_len);
void trail_set(struct trail *t, uint64_t first_seq, const char *data, size_t len);
/* Where line `n` (from 0) of a text begins. */
size_t trail_line(const char *text, int n);
/* Makes all digests and links of a text anew, without a key, as somebody would who can write. */
void trail_forge(char *text);

#endif

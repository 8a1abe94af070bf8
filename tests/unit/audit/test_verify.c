/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tampering, one way after the other: each is found, and named by file and line. Without a key a
 * trail that was made anew from its first line on cannot be told from the true one; with a key it
 * is found at its first line. Files: 1 has lines 1 to 10, then one of ten lines each.
 */
#include "support/unit.h"
#include "trail_support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
make(struct trail *t, const char *key)
{
    trail_init(t, key);
    trail_open(t);
    for (int i = 0; i < 4; i++) {
        t->writer.rotate = i > 0;
        trail_fill(t, 9);
    }
    trail_close(t);
    trail_expect_fine(t);
    assert_int_equal(t->v.files, 4);
    assert_int_equal(t->v.lines, 40);
}

static void
a_changed_byte_is_found_wherever_it_is(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, NULL);
    char *data = trail_get(&t, 11, &len);
    for (size_t i = 0; i < len; i += 7) {
        data[i] ^= 1;
        trail_set(&t, 11, data, len);
        assert_int_equal(trail_verify(&t), 0);
        assert_true(t.v.findings > 0);
        assert_true(t.v.kinds[AUDIT_CHANGED] > 0);
        assert_non_null(strstr(t.findings, "audit-00000000000000000011.jsonl:"));
        data[i] ^= 1;
    }
    size_t at = trail_line(data, 4) + 120;
    data[at] ^= 1;
    trail_set(&t, 11, data, len);
    trail_expect(&t, AUDIT_CHANGED, "audit-00000000000000000011.jsonl:5: changed: ");
    assert_int_equal(t.v.findings, 1); /* and nothing else is said to be wrong */
    free(data);
    trail_fini(&t);
}

/* Removes lines first..end-1 of the file. */
static void
remove_lines(struct trail *t, uint64_t file, int first, int end)
{
    size_t len;
    char *data = trail_get(t, file, &len);
    size_t from = trail_line(data, first), to = trail_line(data, end);
    memmove(data + from, data + to, len - to);
    trail_set(t, file, data, len - (to - from));
    free(data);
}

static void
a_removed_line_is_found(void **state)
{
    (void)state;
    struct trail t;
    make(&t, NULL);
    remove_lines(&t, 11, 4, 5);
    trail_expect(&t, AUDIT_MISSING_LINE,
                 "audit-00000000000000000011.jsonl:5: missing: line 15 is missing");
    assert_int_equal(t.v.findings, 1);
    remove_lines(&t, 11, 4, 7);
    trail_expect(&t, AUDIT_MISSING_LINE, "lines 15 to 18 are missing");
    trail_fini(&t);
    make(&t, NULL); /* the first of a file */
    remove_lines(&t, 11, 0, 1);
    trail_expect(&t, AUDIT_MISSING_LINE, "the first line of a file is missing");
    trail_fini(&t);
    make(&t, NULL); /* the first of all */
    remove_lines(&t, 1, 0, 1);
    trail_expect(&t, AUDIT_MISSING_LINE, "the trail begins with line 2");
    trail_fini(&t);
}

static void
swapped_lines_are_found(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, NULL);
    char *data = trail_get(&t, 11, &len);
    char *copy = malloc(len);
    assert_non_null(copy);
    size_t a = trail_line(data, 3), b = trail_line(data, 4), c = trail_line(data, 5);
    memcpy(copy, data, len);
    memcpy(copy + a, data + b, c - b);
    memcpy(copy + a + (c - b), data + a, b - a);
    trail_set(&t, 11, copy, len);
    trail_expect(&t, AUDIT_REORDERED, "audit-00000000000000000011.jsonl:5: reordered: line 14");
    free(copy);
    free(data);
    trail_fini(&t);
}

static void
a_repeated_line_is_found(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, NULL);
    char *data = trail_get(&t, 11, &len);
    char *copy = malloc(2 * len);
    assert_non_null(copy);
    size_t a = trail_line(data, 3), b = trail_line(data, 4);
    memcpy(copy, data, b);
    memcpy(copy + b, data + a, len - a);
    trail_set(&t, 11, copy, len + (b - a));
    trail_expect(&t, AUDIT_REORDERED, "line 14 comes again behind line 14");
    free(copy);
    free(data);
    trail_fini(&t);
}

static void
a_cut_tail_is_found(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, NULL);
    char *data = trail_get(&t, 31, &len);
    trail_set(&t, 31, data, trail_line(data, 6)); /* at a line's end */
    trail_expect(&t, AUDIT_TRUNCATED, "the end is missing: lines 37 to 40 were written");
    trail_set(&t, 31, data, len - 10); /* inside one */
    trail_expect(&t, AUDIT_TRUNCATED, "audit-00000000000000000031.jsonl:10: truncated: ");
    trail_set(&t, 31, data, len);
    free(data);
    data = trail_get(&t, 21, &len); /* of a file in the middle */
    trail_set(&t, 21, data, trail_line(data, 8));
    trail_expect(&t, AUDIT_MISSING_LINE, "lines 29 to 30 are missing");
    free(data);
    trail_fini(&t);
}

static void
a_missing_file_is_found(void **state)
{
    (void)state;
    struct trail t;
    make(&t, NULL);
    sim_disk_drop(t.sim, "audit-00000000000000000021.jsonl");
    trail_expect(&t, AUDIT_MISSING_LINE, "lines 21 to 30 are missing");
    trail_fini(&t);
    make(&t, NULL); /* the oldest, which retention has not removed */
    sim_disk_drop(t.sim, "audit-00000000000000000001.jsonl");
    trail_expect(&t, AUDIT_MISSING_FILE, "audit-00000000000000000001.jsonl:0: missing-file: ");
    trail_fini(&t);
    make(&t, NULL); /* the newest */
    sim_disk_drop(t.sim, "audit-00000000000000000031.jsonl");
    trail_expect(&t, AUDIT_TRUNCATED, "lines 31 to 40 were written");
    trail_fini(&t);
}

static void
a_replaced_file_is_found(void **state)
{
    (void)state;
    struct trail t, other;
    size_t len;
    make(&t, NULL);
    make(&other, NULL);
    /* Another trail's, whole in itself: its first lines were written a second later. */
    trail_fini(&other);
    trail_init(&other, NULL);
    other.now_us += 1000000;
    trail_open(&other);
    for (int i = 0; i < 4; i++) {
        other.writer.rotate = i > 0;
        trail_fill(&other, 9);
    }
    trail_close(&other);
    char *data = trail_get(&other, 21, &len);
    trail_set(&t, 21, data, len);
    trail_expect(&t, AUDIT_REPLACED, "audit-00000000000000000021.jsonl:1: replaced: ");
    free(data);
    data = trail_get(&t, 11, &len); /* one of its own under another name */
    trail_set(&t, 21, data, len);
    trail_expect(&t, AUDIT_REPLACED, "its first line is that of another file");
    trail_expect(&t, AUDIT_REORDERED, "audit-00000000000000000021.jsonl:1");
    free(data);
    trail_fini(&other);
    trail_fini(&t);
}

static void
renumbered_lines_are_found(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, NULL);
    remove_lines(&t, 11, 4, 5);
    char *data = trail_get(&t, 11, &len);
    for (int i = 4; i < 8; i++) { /* the numbers fit again, the digests do not */
        char *number = strstr(data + trail_line(data, i), "\"seq\":1");
        assert_non_null(number);
        number[7]--;
    }
    trail_set(&t, 11, data, len);
    trail_expect(&t, AUDIT_CHANGED, "audit-00000000000000000011.jsonl:5: changed: line 15");
    free(data);
    trail_fini(&t);
}

static void
the_head_is_needed(void **state)
{
    (void)state;
    struct trail t;
    make(&t, NULL);
    sim_disk_flip(t.sim, AUDIT_HEAD_NAME, 100, 1);
    trail_expect(&t, AUDIT_HEAD, "the head is damaged");
    sim_disk_drop(t.sim, AUDIT_HEAD_NAME);
    trail_expect(&t, AUDIT_HEAD, "the head is missing");
    trail_fini(&t);
}

/* ---- somebody who can write makes a new trail ---- */

static void
forge(struct trail *t)
{
    static const struct audit_key none = { .len = 0 };
    struct audit_head head = { .first_seq = 1 };
    struct audit_line l;
    struct buf text;
    size_t len;
    char *data = trail_get(t, 1, &len);
    char *who = strstr(data, "thing 3");
    assert_non_null(who);
    who[6] = '9'; /* nobody did thing 3 */
    trail_forge(data);
    trail_set(t, 1, data, len);
    size_t last = trail_line(data, 9);
    assert_null(audit_line_parse(attl_b(data + last, len - last - 1), &l));
    head.last.seq = l.seq;
    memcpy(head.last.hash, l.hash, sizeof l.hash);
    buf_init(&text, 4096);
    assert_true(audit_head_format(&head, &none, &text));
    sim_disk_put(t->sim, AUDIT_HEAD_NAME, text.data, text.len);
    buf_fini(&text);
    free(data);
}

static void
a_forged_trail_is_told_only_with_a_key(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    trail_open(&t);
    trail_fill(&t, 9);
    trail_close(&t);
    forge(&t);
    trail_expect_fine(&t); /* without a key there is nothing to see: this is what the key is for */
    t.key.len = 20;        /* the same, where lines should have been keyed */
    trail_expect(&t, AUDIT_UNKEYED, "audit-00000000000000000001.jsonl:1: not-keyed: ");
    trail_fini(&t);
}

static void
a_keyed_trail_cannot_be_changed_without_the_key(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    make(&t, "a key of enough bytes");
    char *data = trail_get(&t, 11, &len);
    char *who = strstr(data, "thing 3");
    assert_non_null(who);
    who[6] = '9';
    trail_set(&t, 11, data, len);
    trail_expect(&t, AUDIT_CHANGED, "audit-00000000000000000011.jsonl:");
    who[6] = '3';
    trail_set(&t, 11, data, len);
    t.key.bytes[0] ^= 1; /* another key */
    assert_int_equal(trail_verify(&t), 0);
    assert_true(t.v.kinds[AUDIT_CHANGED] >= 40);
    t.key.len = 0; /* none: what cannot be checked is said */
    assert_int_equal(trail_verify(&t), 0);
    assert_int_equal(t.v.kinds[AUDIT_UNCHECKED], 1);
    assert_int_equal(t.v.findings, 1);
    free(data);
    trail_fini(&t);
}

/* ---- the verifier itself ---- */

static void
nothing_is_a_trail_too(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    trail_expect_fine(&t);
    assert_int_equal(t.v.lines, 0);
    trail_fini(&t);
}

static void
a_line_without_end_is_no_trouble(void **state)
{
    (void)state;
    struct trail t;
    size_t len = 1 << 20;
    make(&t, NULL);
    char *data = malloc(len);
    assert_non_null(data);
    memset(data, 'x', len);
    trail_set(&t, 21, data, len);
    trail_expect(&t, AUDIT_CHANGED, "it has no end");
    free(data);
    trail_fini(&t);
}

static void
its_calls_and_allocations_may_fail(void **state)
{
    (void)state;
    struct trail t;
    make(&t, NULL);
    for (uint64_t n = 1;; n++) {
        sim_disk_fail(t.sim, SIM_ANY & ~SIM_CLOSE, n, -EIO, SIM_ONCE);
        int rc = trail_verify(&t);
        if (sim_disk_failures(t.sim) == 0)
            break;
        assert_true(rc < 0 || t.v.findings == 0);
    }
    sim_disk_fail(t.sim, 0, 0, 0, SIM_ONCE);
    for (int64_t n = 0;; n++) {
        t.refusing.left = n;
        int rc = trail_verify(&t);
        t.refusing.left = -1;
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
    }
    trail_fini(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_byte_is_found_wherever_it_is),
        cmocka_unit_test(a_removed_line_is_found),
        cmocka_unit_test(swapped_lines_are_found),
        cmocka_unit_test(a_repeated_line_is_found),
        cmocka_unit_test(a_cut_tail_is_found),
        cmocka_unit_test(a_missing_file_is_found),
        cmocka_unit_test(a_replaced_file_is_found),
        cmocka_unit_test(renumbered_lines_are_found),
        cmocka_unit_test(the_head_is_needed),
        cmocka_unit_test(a_forged_trail_is_told_only_with_a_key),
        cmocka_unit_test(a_keyed_trail_cannot_be_changed_without_the_key),
        cmocka_unit_test(nothing_is_a_trail_too),
        cmocka_unit_test(a_line_without_end_is_no_trouble),
        cmocka_unit_test(its_calls_and_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

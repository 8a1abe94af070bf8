/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring against what went in: frames come out whole, in the order of their positions, and lie
 * next to each other where they were neighbours; padding is never seen; a full ring refuses; taken
 * frames can be taken again; values elsewhere are given back exactly once, and whoever waits for an
 * LSN is told exactly once. The stress test lets four producers race with a consumer that rewinds
 * at random; under the thread sanitizer it is the proof that a frame is published by one word.
 */
#include "persist/wal_ring.h"

#include "os/thread.h"
#include "support/check.h"
#include "support/rng.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RING_BYTES = 8192 };

static struct wal_op
put_op(const char *key, attl_slice value)
{
    return (struct wal_op){ .kind = WAL_PUT,
                            .key = attl_b(key, strlen(key)),
                            .value = value,
                            .deadline_ms = ATTL_NO_DEADLINE };
}

static void
ring_open(struct wal_ring *r)
{
    attl_allocator alloc = alloc_default();
    assert_true(wal_ring_init(r, &alloc, RING_BYTES));
}

/* The frame of an item, sealed and decoded. `room` takes it if it is in pieces. */
static struct wal_frame
item_frame(const struct wal_ring_item *item, uint64_t lsn, unsigned char *room)
{
    struct wal_frame frame;
    uint32_t need;
    const unsigned char *at = item->frame;
    if (item->external) {
        attl_slice value = item->external->value;
        wal_frame_seal_split(item->frame, item->head_bytes, value, lsn);
        memset(room, 0, item->bytes);
        memcpy(room, item->frame, item->head_bytes);
        if (value.len)
            memcpy(room + item->head_bytes, value.data, value.len);
        at = room;
    } else {
        wal_frame_seal(item->frame, item->bytes, lsn);
    }
    CHECK(wal_frame_decode(at, item->bytes, &frame, &need) == WAL_FRAME, "no frame at %" PRIu64,
          item->end);
    CHECK(frame.bytes == item->bytes && frame.lsn == lsn, "frame %" PRIu64, frame.lsn);
    return frame;
}

static void
count_release(void *ud)
{
    ++*(int *)ud;
}

static void
frames_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct wal_ring r;
    struct wal_ring_item item;
    ring_open(&r);
    assert_false(wal_ring_take(&r, &item));
    assert_false(wal_ring_ready(&r));
    struct wal_op a = put_op("a", attl_b("one", 3)), b = put_op("b", attl_b("two", 3));
    uint64_t end_a = wal_ring_put(&r, &a, NULL, NULL);
    uint64_t end_b = wal_ring_put(&r, &b, NULL, NULL);
    assert_int_equal(end_a, wal_frame_bytes(&a));
    assert_int_equal(end_b, end_a + wal_frame_bytes(&b));
    assert_int_equal(wal_ring_tail(&r), end_b);
    assert_true(wal_ring_ready(&r));
    assert_true(wal_ring_take(&r, &item));
    assert_int_equal(item.end, end_a);
    const unsigned char *first = item.frame;
    struct wal_frame f = item_frame(&item, 7, NULL);
    assert_memory_equal(f.op.value.data, "one", 3);
    assert_true(wal_ring_take(&r, &item));
    assert_ptr_equal(item.frame, first + end_a); /* one write will do for both */
    assert_false(wal_ring_take(&r, &item));
    assert_int_equal(wal_ring_used(&r), end_b);
    wal_ring_release(&r, end_b);
    assert_int_equal(wal_ring_used(&r), 0);
    wal_ring_fini(&r);
}

static void
a_full_ring_refuses_until_something_is_released(void **state)
{
    (void)state;
    struct wal_ring r;
    struct wal_ring_item item;
    char value[300] = { 1 };
    ring_open(&r);
    struct wal_op op = put_op("key", attl_b(value, sizeof(value)));
    uint64_t puts = 0, end, last = 0;
    while ((end = wal_ring_put(&r, &op, NULL, NULL)) != 0) {
        last = end;
        puts++;
    }
    assert_int_equal(puts, RING_BYTES / wal_frame_bytes(&op));
    assert_int_equal(wal_ring_tail(&r), last);
    assert_true(wal_ring_take(&r, &item));
    assert_int_equal(wal_ring_put(&r, &op, NULL, NULL), 0);
    wal_ring_release(&r, item.end);
    /* It does not fit into what is left at the end; padding takes that, and the ring is full. */
    end = wal_ring_put(&r, &op, NULL, NULL);
    assert_int_equal(end, RING_BYTES + wal_frame_bytes(&op));
    assert_int_equal(wal_ring_used(&r), RING_BYTES);
    assert_int_equal(wal_ring_put(&r, &op, NULL, NULL), 0);
    uint64_t left = 0;
    while (wal_ring_take(&r, &item)) {
        (void)item_frame(&item, ++left, NULL);
        wal_ring_release(&r, item.end);
    }
    assert_int_equal(left, puts);
    assert_int_equal(wal_ring_used(&r), 0);
    wal_ring_fini(&r);
}

static void
frames_can_be_taken_again(void **state)
{
    (void)state;
    struct wal_ring r;
    struct wal_ring_item item;
    char text[20];
    ring_open(&r);
    uint64_t from = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 10; i++) {
            (void)snprintf(text, sizeof(text), "key-%d", round * 10 + i);
            struct wal_op op = put_op(text, attl_b("value", (size_t)i % 6));
            assert_int_not_equal(wal_ring_put(&r, &op, NULL, NULL), 0);
        }
        for (int times = 0; times < 3; times++) {
            wal_ring_rewind(&r, from);
            for (int i = 0; i < 10; i++) {
                assert_true(wal_ring_take(&r, &item));
                struct wal_frame f = item_frame(&item, (uint64_t)i + 1, NULL);
                (void)snprintf(text, sizeof(text), "key-%d", round * 10 + i);
                assert_int_equal(f.op.key.len, strlen(text));
                assert_memory_equal(f.op.key.data, text, f.op.key.len);
            }
            assert_false(wal_ring_take(&r, &item));
        }
        from = item.end;
        wal_ring_release(&r, from);
    }
    wal_ring_fini(&r);
}

static void
an_external_value_is_released_once(void **state)
{
    (void)state;
    static const char big[5000] = "the beginning";
    struct wal_ring r;
    struct wal_ring_item item;
    unsigned char room[6000];
    int released[3] = { 0 };
    ring_open(&r);
    for (int i = 0; i < 3; i++) {
        struct wal_external e = { attl_b(big, sizeof(big) - (size_t)i), count_release,
                                  &released[i] };
        struct wal_op op = put_op("key", attl_b("ignored", 7));
        op.deadline_ms = i == 1 ? 12345 : ATTL_NO_DEADLINE;
        assert_int_not_equal(wal_ring_put(&r, &op, &e, NULL), 0);
    }
    uint64_t first_end = 0;
    for (int times = 0; times < 2; times++) {
        wal_ring_rewind(&r, 0);
        for (int i = 0; i < 2; i++) {
            assert_true(wal_ring_take(&r, &item));
            struct wal_frame f = item_frame(&item, 9, room);
            assert_int_equal(f.op.value.len, sizeof(big) - (size_t)i);
            assert_memory_equal(f.op.value.data, big, f.op.value.len);
            assert_int_equal(f.op.deadline_ms, i == 1 ? 12345 : ATTL_NO_DEADLINE);
            first_end = i == 0 ? item.end : first_end;
        }
    }
    assert_int_equal(released[0] + released[1] + released[2], 0);
    wal_ring_release(&r, first_end);
    assert_int_equal(released[0], 1);
    assert_int_equal(released[1], 0);
    wal_ring_fini(&r); /* the second was taken, the third was not */
    assert_int_equal(released[0] + released[1] + released[2], 3);
    assert_int_equal(released[2], 1);
}

static void
who_waits_for_an_lsn_is_told_once(void **state)
{
    (void)state;
    struct wal_ring r;
    struct wal_ring_item item;
    _Atomic uint64_t lsn = 0;
    ring_open(&r);
    struct wal_op op = put_op("key", attl_b("value", 5));
    assert_int_not_equal(wal_ring_put(&r, &op, NULL, &lsn), 0);
    assert_true(wal_ring_take(&r, &item));
    struct wal_frame f = item_frame(&item, 41, NULL);
    assert_memory_equal(f.op.value.data, "value", 5);
    wal_ring_item_tell(&item, 41);
    assert_int_equal(lsn, 41);
    lsn = 0; /* by now it may be anybody's memory */
    wal_ring_rewind(&r, 0);
    assert_true(wal_ring_take(&r, &item));
    wal_ring_item_tell(&item, 41);
    assert_int_equal(lsn, 0);
    wal_ring_fini(&r);
}

static void *
no_memory(void *ud, size_t bytes)
{
    (void)ud;
    (void)bytes;
    return NULL;
}

static void
without_memory_there_is_no_ring(void **state)
{
    (void)state;
    struct wal_ring r;
    attl_allocator alloc = alloc_default();
    alloc.alloc = no_memory;
    assert_false(wal_ring_init(&r, &alloc, RING_BYTES));
    wal_ring_fini(&r);
}

/* ---- stress ---- */

enum { PRODUCERS = 4, VALUE_MAX = 700, BIG_BYTES = 3000 };

struct stress {
    struct wal_ring ring;
    uint64_t each; /* frames per producer */
    uint64_t seed;
    _Atomic uint64_t refused, released;
};

struct producer {
    struct stress *s;
    uint64_t number;
    struct thread thread;
};

/* What frame `n` of a producer holds follows from both, so the consumer needs no list. */
static size_t
value_bytes(uint64_t producer, uint64_t n)
{
    return rng_mix(producer << 40 | n) % VALUE_MAX;
}

static bool
is_external(uint64_t n)
{
    return n % 7 == 3;
}

static void
free_value(void *ud)
{
    struct stress *s;
    memcpy(&s, ud, sizeof(s));
    atomic_fetch_add(&s->released, 1);
    free(ud);
}

static void
produce_one(struct producer *p, uint64_t n, uint64_t *last)
{
    unsigned char key[16], value[VALUE_MAX];
    memcpy(key, &p->number, 8);
    memcpy(key + 8, &n, 8);
    size_t len = value_bytes(p->number, n);
    memset(value, (int)(n & 0xff), sizeof(value));
    struct wal_op op = { .kind = WAL_PUT,
                         .key = attl_b(key, sizeof(key)),
                         .value = attl_b(value, len),
                         .deadline_ms = n % 2 ? (int64_t)n : ATTL_NO_DEADLINE };
    struct wal_external e = { .release = free_value };
    if (is_external(n)) {
        unsigned char *big = malloc(sizeof(struct stress *) + BIG_BYTES);
        CHECK(big != NULL, "no memory");
        memcpy(big, &p->s, sizeof(struct stress *));
        memset(big + sizeof(struct stress *), (int)(n & 0xff), BIG_BYTES);
        e.value = attl_b(big + sizeof(struct stress *), BIG_BYTES);
        e.ud = big;
    }
    uint64_t end;
    while ((end = wal_ring_put(&p->s->ring, &op, is_external(n) ? &e : NULL, NULL)) == 0) {
        atomic_fetch_add_explicit(&p->s->refused, 1, memory_order_relaxed);
        sched_yield();
    }
    CHECK(end > *last, "position %" PRIu64 " after %" PRIu64, end, *last);
    *last = end;
}

static void *
produce(void *arg)
{
    struct producer *p = arg;
    uint64_t last = 0;
    for (uint64_t n = 0; n < p->s->each; n++)
        produce_one(p, n, &last);
    return NULL;
}

/* Checks one frame and says whose it is. */
static uint64_t
consume_one(const struct wal_ring_item *item, const uint64_t next[PRODUCERS], uint64_t lsn)
{
    unsigned char room[BIG_BYTES + 100];
    uint64_t producer, n;
    struct wal_frame f = item_frame(item, lsn, room);
    memcpy(&producer, f.op.key.data, 8);
    memcpy(&n, (const char *)f.op.key.data + 8, 8);
    CHECK(producer < PRODUCERS && n == next[producer], "producer %" PRIu64 " frame %" PRIu64,
          producer, n);
    size_t len = is_external(n) ? BIG_BYTES : value_bytes(producer, n);
    CHECK(f.op.value.len == len, "value of %zu bytes instead of %zu", f.op.value.len, len);
    const unsigned char *value = f.op.value.data;
    for (size_t i = 0; i < len; i++)
        CHECK(value[i] == (n & 0xff), "byte %zu of %" PRIu64, i, n);
    return producer;
}

static void
consume(struct stress *s)
{
    uint64_t next[PRODUCERS] = { 0 }, kept[PRODUCERS] = { 0 };
    uint64_t kept_end = 0, end = 0, lsn = 1;
    struct rng rng = rng_from_seed(s->seed);
    struct wal_ring_item item;
    while (next[0] + next[1] + next[2] + next[3] < PRODUCERS * s->each) {
        if (!wal_ring_take(&s->ring, &item)) {
            sched_yield();
        } else {
            next[consume_one(&item, next, lsn++)]++;
            CHECK(item.end > end || end == 0, "not in order");
            end = item.end;
        }
        if (rng_one_in(&rng, 50)) {
            wal_ring_rewind(&s->ring, kept_end);
            memcpy(next, kept, sizeof(next));
            end = kept_end;
        } else if (rng_one_in(&rng, 8)) {
            wal_ring_release(&s->ring, end);
            memcpy(kept, next, sizeof(next));
            kept_end = end;
        }
    }
    wal_ring_release(&s->ring, end);
}

static void
producers_race_and_nothing_is_lost_or_torn(void **state)
{
    (void)state;
    struct stress s = { .each = test_scaled(60000), .seed = test_seed() };
    struct producer producers[PRODUCERS];
    attl_allocator alloc = alloc_default();
    test_announce("wal_ring", s.seed);
    assert_true(wal_ring_init(&s.ring, &alloc, RING_BYTES));
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){ .s = &s, .number = i };
        CHECK(thread_start(&producers[i].thread, "producer", produce, &producers[i]), "thread");
    }
    consume(&s);
    for (unsigned i = 0; i < PRODUCERS; i++)
        thread_join(&producers[i].thread);
    assert_int_equal(wal_ring_used(&s.ring), 0);
    uint64_t externals = 0;
    for (uint64_t n = 0; n < s.each; n++)
        externals += PRODUCERS * is_external(n);
    assert_int_equal(s.released, externals);
    printf("# %" PRIu64 " frames, refused %" PRIu64 " times\n", PRODUCERS * s.each,
           atomic_load(&s.refused));
    wal_ring_fini(&s.ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(a_full_ring_refuses_until_something_is_released),
        cmocka_unit_test(frames_can_be_taken_again),
        cmocka_unit_test(an_external_value_is_released_once),
        cmocka_unit_test(who_waits_for_an_lsn_is_told_once),
        cmocka_unit_test(without_memory_there_is_no_ring),
        cmocka_unit_test(producers_race_and_nothing_is_lost_or_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

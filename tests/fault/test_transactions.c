/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions on a failing machine. A script of commits, scopes and undoings keeps two keys equal
 * at all times; the disk dies at every one of its changes in turn, by the end of the process or of
 * the power, and whatever recovery finds must have them equal. Then the same script with the n-th
 * allocation refused, for every n: what fails has changed nothing, and all memory comes back.
 */
#include "support/check.h"
#include "support/durable.h"
#include "support/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 12, LARGE_BYTES = 20000, PLACES_MOST = 4000 };

static char large[LARGE_BYTES];

static attl_slice
value_of(char text[32], unsigned i)
{
    (void)snprintf(text, 32, "%u", i);
    return attl_s(text);
}

static bool
by_commit(attl *cache, attl_slice value)
{
    attl_txn *txn = NULL;
    int status = attl_txn_begin(cache, &txn);
    if (status == ATTL_OK)
        status = attl_txn_watch(txn, attl_s("w"));
    if (status == ATTL_OK)
        status = attl_txn_set(txn, attl_s("x"), value, ATTL_TTL_NONE);
    if (status == ATTL_OK)
        status = attl_txn_set(txn, attl_s("y"), value, ATTL_TTL_NONE);
    if (status == ATTL_OK)
        status = attl_txn_del(txn, attl_s("large"));
    if (status == ATTL_OK)
        return attl_txn_commit(&txn) == ATTL_OK;
    attl_txn_rollback(&txn);
    return false;
}

/* In a scope single calls may fail, so it undoes what it has begun. */
static bool
by_scope(attl *cache, attl_slice value)
{
    const attl_slice keys[] = { attl_s("x"), attl_s("y"), attl_s("large") };
    attl_txn *txn = NULL;
    if (attl_txn_begin(cache, &txn) != ATTL_OK)
        return false;
    int status = attl_txn_scope_begin(txn, keys, 3, LARGE_BYTES, 0);
    if (status == ATTL_OK) {
        bool done = attl_set(cache, keys[2], attl_b(large, LARGE_BYTES), ATTL_TTL_NONE) == ATTL_OK;
        done = done && attl_rename(cache, keys[2], keys[0], 0) == ATTL_OK;
        if (done)
            done = attl_copy(cache, keys[0], keys[1], 0) == ATTL_OK;
        if (done)
            done = attl_set(cache, keys[0], value, ATTL_TTL_NONE) == ATTL_OK &&
                   attl_set(cache, keys[1], value, ATTL_TTL_NONE) == ATTL_OK;
        /* Both go if one could not be written. If the log takes nothing, nothing was written. */
        for (int k = 0; !done && k < 2; k++)
            while (attl_del(cache, keys[k]) == ATTL_E_NOMEM)
                ;
        status = attl_txn_scope_end(txn);
    }
    attl_txn_rollback(&txn);
    return status == ATTL_OK;
}

static bool
by_undoing(attl *cache, attl_slice value)
{
    const attl_undo_op ops[] = {
        { .key = attl_s("x"), .value = value, .deadline_ms = ATTL_NO_DEADLINE, .had_previous = 1 },
        { .key = attl_s("y"), .value = value, .deadline_ms = ATTL_NO_DEADLINE, .had_previous = 1 },
        { .key = attl_s("x") },
    };
    return attl_rollback_ops(cache, ops, 3) == ATTL_OK;
}

static bool
by_recorder(attl *cache)
{
    attl_undo *undo = NULL;
    bool done = attl_undo_new(cache, &undo) == ATTL_OK;
    done = done && attl_undo_set(undo, attl_s("other"), attl_s("1"), ATTL_TTL_NONE) == ATTL_OK;
    done = done && attl_undo_rollback(undo) == ATTL_OK;
    attl_undo_free(&undo);
    return done;
}

static void
check_equal(attl *cache, const char *when, uint64_t place)
{
    attl_value x = ATTL_VALUE_INIT, y = ATTL_VALUE_INIT;
    int sx = attl_get_pin(cache, attl_s("x"), &x), sy = attl_get_pin(cache, attl_s("y"), &y);
    CHECK(sx >= 0 && sx == sy && x.data.len == y.data.len, "%s, place %" PRIu64 ": %s and %s", when,
          place, attl_err_name(sx), attl_err_name(sy));
    CHECK(x.data.len == 0 || memcmp(x.data.data, y.data.data, x.data.len) == 0,
          "%s, place %" PRIu64 ": two values", when, place);
    attl_value_release(cache, &x);
    attl_value_release(cache, &y);
}

/* How many of the changes said that they are done. */
static unsigned
script(attl *cache)
{
    unsigned done = 0;
    char text[32];
    for (unsigned i = 0; i < ROUNDS; i++) {
        attl_slice value = value_of(text, i);
        done += i % 3 == 0   ? by_commit(cache, value)
                : i % 3 == 1 ? by_scope(cache, value)
                             : by_undoing(cache, value);
        (void)by_recorder(cache);
    }
    return done;
}

/* ---- the disk -------------------------------------------------------------------------------- */

static void
lose_at(uint64_t place, bool power, bool *ret_reached)
{
    struct durable d;
    durable_init(&d, place + 1);
    durable_open(&d, NULL);
    sim_disk_crash_after(d.disk, place);
    unsigned done = script(d.cache);
    *ret_reached = done < ROUNDS;
    attl_close(&d.cache);
    if (power)
        sim_disk_crash(d.disk, place);
    else
        sim_disk_kill(d.disk);
    sim_disk_crash_after(d.disk, UINT64_MAX);
    durable_open(&d, NULL);
    check_equal(d.cache, power ? "power loss" : "end of the process", place);
    durable_fini(&d);
}

static void
lose_everywhere(bool power)
{
    bool reached = true;
    uint64_t place = 0, stride = test_scaled(100) >= 100 ? 1 : 5;
    for (; reached; place += stride) {
        CHECK(place < PLACES_MOST, "the script writes without end");
        lose_at(place, power, &reached);
    }
    printf("# %" PRIu64 " places, %s\n", place, power ? "power loss" : "end of the process");
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct failing {
    _Atomic int64_t live, calls;
    int64_t fail_at;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    int64_t call = atomic_fetch_add(&f->calls, 1) + 1;
    if (f->fail_at && call == f->fail_at)
        return NULL;
    void *p = malloc(bytes);
    atomic_fetch_add(&f->live, p != NULL);
    return p;
}

static void
failing_free(void *ud, void *ptr)
{
    struct failing *f = ud;
    atomic_fetch_sub(&f->live, ptr != NULL);
    free(ptr);
}

/* True if the allocation was reached. */
static bool
refuse_at(int64_t n)
{
    struct failing failing = { 0 };
    attl_allocator allocator = { failing_alloc, failing_free, &failing };
    struct durable d;
    durable_init(&d, 1);
    d.allocator = &allocator;
    durable_open(&d, NULL);
    int64_t before = atomic_load(&failing.calls);
    failing.fail_at = before + n;
    (void)script(d.cache);
    bool reached = atomic_load(&failing.calls) >= failing.fail_at;
    failing.fail_at = 0;
    check_equal(d.cache, "no memory", (uint64_t)n);
    CHECK(by_commit(d.cache, attl_s("after")), "memory is back");
    CHECK(by_scope(d.cache, attl_s("after")), "memory is back");
    sim_check(d.cache, "after lack of memory");
    attl_close(&d.cache);
    durable_open(&d, NULL);
    check_equal(d.cache, "recovered", (uint64_t)n);
    durable_fini(&d);
    CHECK(failing.live == 0, "%" PRId64 " allocations are left", failing.live);
    return reached;
}

static void
refuse_everywhere(void)
{
    int64_t n = 1, stride = test_scaled(100) >= 100 ? 1 : 7;
    while (refuse_at(n)) {
        n += stride;
        CHECK(n < PLACES_MOST, "the script allocates without end");
    }
    printf("# %" PRId64 " allocations\n", n);
}

int
main(void)
{
    memset(large, 'L', sizeof large);
    lose_everywhere(false);
    lose_everywhere(true);
    refuse_everywhere();
    /* For good is another test's: deleting until it works would never end. */
    return 0;
}

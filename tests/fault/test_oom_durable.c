/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Durability when something is refused. One script opens a directory with a snapshot and a log,
 * changes entries, takes a snapshot, rolls back twice, removes old files and closes; it is run
 * again and again, and the first, the second, the third ... allocation fails, or the same with
 * calls of the disk. Wherever it strikes: a status that says so, nothing changed by what was
 * refused for lack of memory, no crash, nothing leaked; and afterwards the directory recovers to
 * what had been promised, and is able to promise more. How each run ends (closed, killed, power
 * loss) goes round.
 */
#include "config/config.h"
#include "support/check.h"
#include "support/durable.h"

#include <attl/attl_unstable.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEYS = 8,
    KEPT_MAX = 12,
    BIG_BYTES = 20000,
    WALK_MOST = 5000,
    ABSENT = 0,
    BASE_ID = 100, /* key k has value BASE_ID + k in the state that is rolled back to */
};

/* ---- an allocator that fails on order ------------------------------------------------------- */

struct failing {
    _Atomic int64_t live, calls, failed;
    _Atomic int64_t fail_at; /* the call that fails; 0: none */
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    int64_t call = atomic_fetch_add(&f->calls, 1) + 1;
    if (call == atomic_load(&f->fail_at)) {
        atomic_fetch_add(&f->failed, 1);
        return NULL;
    }
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

/* ---- what may be there ----------------------------------------------------------------------- */

/* The values a key may have: one, unless a call has failed in a way that leaves it open. */
struct possible {
    unsigned ids[KEPT_MAX];
    unsigned len;
};

struct run {
    struct durable d;
    struct failing failing;
    attl_allocator allocator;
    struct possible keys[KEYS];
    uint64_t base_lsn;
    unsigned next_id;
    int64_t n; /* for messages */
    const char *what;
};

static void
becomes(struct run *r, unsigned key, unsigned id)
{
    r->keys[key] = (struct possible){ { id }, 1 };
}

static void
may_become(struct run *r, unsigned key, unsigned id)
{
    struct possible *p = &r->keys[key];
    CHECK(p->len < KEPT_MAX, "too many doubts");
    p->ids[p->len++] = id;
}

static void
may_become_any_of(struct run *r, unsigned key, const struct possible *of)
{
    for (unsigned i = 0; i < of->len; i++)
        may_become(r, key, of->ids[i]);
}

static attl_slice
key_of(unsigned key)
{
    static const char *const names[KEYS] = { "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7" };
    return attl_s(names[key]);
}

static attl_slice
value_of(unsigned id, char text[BIG_BYTES])
{
    int n = snprintf(text, BIG_BYTES, "value %u", id);
    memset(text + n, 'x', (size_t)(BIG_BYTES - n));
    return attl_b(text, id % 3 == 0 ? BIG_BYTES : (size_t)n);
}

static bool
has_value(attl_slice seen, unsigned id)
{
    static _Thread_local char text[BIG_BYTES];
    attl_slice want = value_of(id, text);
    return seen.len == want.len && memcmp(seen.data, want.data, want.len) == 0;
}

/* Each key has one of the values that are possible, which then is the only one. */
static void
compare(struct run *r, const char *when)
{
    for (unsigned key = 0; key < KEYS; key++) {
        struct possible *p = &r->keys[key];
        attl_value value = ATTL_VALUE_INIT;
        int status = attl_get_pin(r->d.cache, key_of(key), &value);
        bool found = false;
        unsigned i = 0;
        CHECK(status == ATTL_OK || status == ATTL_MISS, "%s %" PRId64 ", %s: key %u: %s", r->what,
              r->n, when, key, attl_err_name(status));
        for (; i < p->len && !found; i++)
            found = status == ATTL_MISS ? p->ids[i] == ABSENT
                                        : p->ids[i] != ABSENT && has_value(value.data, p->ids[i]);
        CHECK(found, "%s %" PRId64 ", %s: key %u is %.*s, not value %u (of %u)", r->what, r->n,
              when, key, status == ATTL_MISS ? 6 : 12,
              status == ATTL_MISS ? "absent" : (const char *)value.data.data, p->ids[0], p->len);
        attl_value_release(r->d.cache, &value);
    }
    const char *broken = NULL;
    CHECK(attl_unstable_check(r->d.cache, &broken) == 0, "%s %" PRId64 ", %s: %s", r->what, r->n,
          when, broken);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void
expect_refusal(struct run *r, int status, const char *call)
{
    bool fine = status == ATTL_E_NOMEM ? atomic_load(&r->failing.failed) > 0
                                       : status == ATTL_E_IO && sim_disk_failures(r->d.disk) > 0;
    CHECK(fine, "%s %" PRId64 ": %s returns %s", r->what, r->n, call, attl_err_name(status));
}

/* A call that was to give a key a value has returned. */
static void
settle(struct run *r, int status, const char *call, unsigned key, unsigned id)
{
    if (status >= ATTL_OK) {
        becomes(r, key, id);
        return;
    }
    expect_refusal(r, status, call);
    if (status == ATTL_E_IO)
        may_become(r, key, id);
}

static void
set(struct run *r, unsigned key)
{
    char text[BIG_BYTES];
    unsigned id = r->next_id++;
    settle(r, attl_set(r->d.cache, key_of(key), value_of(id, text), ATTL_TTL_NONE), "set", key, id);
}

static void
del(struct run *r, unsigned key)
{
    settle(r, attl_del(r->d.cache, key_of(key)), "del", key, ABSENT);
}

static void
mset(struct run *r, unsigned a, unsigned b)
{
    char text[2][BIG_BYTES];
    unsigned id = r->next_id;
    r->next_id += 2;
    attl_slice keys[] = { key_of(a), key_of(b) };
    attl_slice values[] = { value_of(id, text[0]), value_of(id + 1, text[1]) };
    int status = attl_mset(r->d.cache, keys, values, 2, NULL);
    settle(r, status, "mset", a, id);
    settle(r, status, "mset", b, id + 1);
}

static void
move(struct run *r, unsigned from, unsigned to, bool copy)
{
    struct possible *source = &r->keys[from];
    int status = copy ? attl_copy(r->d.cache, key_of(from), key_of(to), 0)
                      : attl_rename(r->d.cache, key_of(from), key_of(to), 0);
    if (status == ATTL_MISS)
        return;
    if (status < ATTL_OK) {
        expect_refusal(r, status, "move");
        if (status == ATTL_E_NOMEM)
            return;
        may_become_any_of(r, to, source);
        if (!copy)
            may_become(r, from, ABSENT);
        return;
    }
    r->keys[to] = *source;
    if (!copy)
        becomes(r, from, ABSENT);
}

static void
clear(struct run *r)
{
    int status = attl_clear(r->d.cache);
    for (unsigned key = 0; key < KEYS; key++)
        settle(r, status, "clear", key, ABSENT);
}

static void
prolong(struct run *r, unsigned key)
{
    int status = attl_expire(r->d.cache, key_of(key), 3600 * 1000, 0);
    if (status < ATTL_OK)
        expect_refusal(r, status, "expire");
}

static void
roll_back(struct run *r, bool dry)
{
    attl_rollback_opts opts = { .struct_size = sizeof opts, .dry_run = dry, .to_lsn = r->base_lsn };
    attl_rollback_report report = { .struct_size = sizeof report };
    char err[256];
    int status = attl_rollback(r->d.cache, &opts, &report, err, sizeof err);
    if (status != ATTL_OK) {
        CHECK(err[0] != '\0', "a rollback fails without a word");
        expect_refusal(r, status, err);
    }
    for (unsigned key = 0; key < KEYS && !dry; key++)
        if (status == ATTL_OK)
            becomes(r, key, BASE_ID + key);
        else
            may_become(r, key, BASE_ID + key);
}

static void
snapshot(struct run *r)
{
    int status = attl_snapshot(r->d.cache, NULL);
    if (status != ATTL_OK)
        expect_refusal(r, status, "snapshot");
}

static void
retain(struct run *r)
{
    int status = attl_option_set(r->d.cache, "retention.snapshots", "1", NULL, 0);
    if (status == ATTL_OK)
        status = attl_retention_run(r->d.cache, 0, NULL, NULL);
    if (status != ATTL_OK)
        expect_refusal(r, status, "retention");
}

static void
change_everything(struct run *r)
{
    compare(r, "opened");
    set(r, 0);
    set(r, 1);
    set(r, 2);
    mset(r, 2, 3);
    del(r, 4);
    move(r, 5, 6, false);
    compare(r, "changed");
    snapshot(r);
    prolong(r, 1);
    move(r, 0, 7, true);
    roll_back(r, true);
    compare(r, "after a dry run");
    roll_back(r, false);
    compare(r, "rolled back");
    clear(r);
    set(r, 3);
    roll_back(r, false);
    compare(r, "rolled back again");
    set(r, 0);
    retain(r);
    compare(r, "at the end");
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* A directory with a snapshot and a log behind it, whose process has died. */
static void
make_directory(struct run *r)
{
    durable_init(&r->d, 1);
    durable_open(&r->d, NULL);
    r->next_id = 1;
    for (unsigned key = 0; key < KEYS; key++)
        set(r, key);
    snapshot(r);
    for (unsigned key = 0; key < KEYS; key++) {
        r->next_id = BASE_ID + key;
        set(r, key);
    }
    r->base_lsn = durable_next_lsn(&r->d);
    r->next_id = BASE_ID + KEYS;
    set(r, 5);
    durable_crash(&r->d, 1);
}

static void
end_life(struct run *r, unsigned how)
{
    switch (how % 3) {
    case 0: attl_close(&r->d.cache); break;
    case 1: durable_kill(&r->d); break;
    default: durable_crash(&r->d, (uint64_t)r->n); break;
    }
    CHECK(atomic_load(&r->failing.live) == 0, "%s %" PRId64 ": %" PRId64 " allocations are leaked",
          r->what, r->n, atomic_load(&r->failing.live));
}

/* Without failures: what was promised is there, and what is promised now will be. */
static void
check_directory(struct run *r)
{
    char last[96];
    for (unsigned life = 0; life < 2; life++) {
        durable_open(&r->d, NULL);
        compare(r, life == 0 ? "recovered" : "recovered again");
        for (unsigned key = 0; key < KEYS; key++)
            set(r, key);
        end_life(r, life + 1);
    }
    durable_open(&r->d, NULL);
    compare(r, "recovered a third time");
    end_life(r, 0);
    CHECK(durable_files(&r->d, "aside-", last, sizeof last) == 0 || !strstr(last, "snap"),
          "%s %" PRId64 ": a whole snapshot was set aside: %s", r->what, r->n, last);
}

/* True if the failure that was ordered has struck. */
static bool
run_once(const struct run *made, const char *what, int64_t n, bool allocation)
{
    struct run *r = malloc(sizeof *r);
    CHECK(r, "no memory for the test");
    *r = *made;
    durable_init(&r->d, 1);
    sim_disk_free(&r->d.disk);
    r->d.disk = sim_disk_clone(made->d.disk, 1);
    r->allocator = (attl_allocator){ failing_alloc, failing_free, &r->failing };
    r->d.allocator = &r->allocator;
    r->n = n;
    r->what = what;
    if (allocation)
        atomic_store(&r->failing.fail_at, n);
    else
        sim_disk_fail(r->d.disk, SIM_ANY & ~SIM_CLOSE, (uint64_t)n, -EIO, SIM_ONCE);
    int status = durable_try_open(&r->d, NULL);
    if (status == ATTL_OK)
        change_everything(r);
    else
        expect_refusal(r, status, r->d.err);
    bool struck = atomic_load(&r->failing.failed) > 0 || sim_disk_failures(r->d.disk) > 0;
    atomic_store(&r->failing.fail_at, 0);
    sim_disk_fail(r->d.disk, SIM_ANY, 0, 0, SIM_ONCE);
    end_life(r, (unsigned)n);
    check_directory(r);
    durable_fini(&r->d);
    free(r);
    return struck;
}

static void
walk(const char *what, bool allocation)
{
    static struct run made;
    int64_t runs = 0, stride = test_scaled(100) >= 100 ? 1 : 5;
    make_directory(&made);
    for (int64_t n = 1;; n += stride, runs++) {
        CHECK(n < WALK_MOST, "the script does not end");
        if (!run_once(&made, what, n, allocation))
            break;
    }
    durable_fini(&made.d);
    memset(&made, 0, sizeof made);
    printf("# %s: %" PRId64 " runs\n", what, runs);
    CHECK(runs > 5, "nothing fails");
}

int
main(void)
{
    test_announce("oom_durable", test_seed());
    walk("allocation", true);
    walk("disk call", false);
    return 0;
}

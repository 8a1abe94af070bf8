/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache with a data directory against a plain map, over many lives. Each life makes random
 * changes, takes snapshots, rolls back, and ends by closing, by the death of the process or by a
 * power loss at a random change of the disk; the next one must find what was promised: under
 * `always` everything acknowledged, otherwise the state after some prefix that is not shorter than
 * what was synced. A call that failed while the disk died may have happened or not. The disk is the
 * simulated one, the clock too; ATTL_TEST_SEED replays a run.
 */
#include "config/config.h"
#include "support/check.h"
#include "support/rng.h"
#include "support/sim_disk.h"

#include <attl/attl_unstable.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 24, SMALL_MAX = 200, LARGE_BYTES = 20000, STATES_MAX = 600, MARKS_MAX = 16 };
enum { LIVES = 160, STEPS = 250 };

struct item {
    bool there, large; /* large: LARGE_BYTES times bytes[0] */
    size_t len;
    char bytes[SMALL_MAX];
    int64_t soft_ms, deadline_ms, gone_ms;
};

struct image {
    struct item items[KEYS];
};

struct mark {
    uint64_t lsn;
    struct image image;
};

struct run {
    struct sim_disk *disk;
    struct rng rng;
    _Atomic int64_t now_ms; /* the log's thread asks, too */
    attl *cache;
    const char *fsync;
    bool always;
    struct image states[STATES_MAX]; /* after each change of this life; [0]: at its start */
    unsigned last;                   /* the present one */
    unsigned floor;                  /* states before it cannot come back */
    bool mixture;                    /* a rollback was cut short: nobody knows what is there */
    bool doubtful;                   /* the last state may not have happened: the call failed */
    struct mark marks[MARKS_MAX];
    unsigned marks_len;
    unsigned lives, changes, recovered_exactly, rollbacks, snapshots, losses;
};

static int64_t
clock_of(void *ud)
{
    return ((struct run *)ud)->now_ms;
}

static attl_slice
key_of(unsigned i, char text[8])
{
    int n = snprintf(text, 8, "k%02u", i);
    return attl_b(text, (size_t)n);
}

static bool
is_ahead(int64_t deadline_ms, int64_t now_ms)
{
    return deadline_ms == ATTL_NO_DEADLINE || deadline_ms > now_ms;
}

static bool
is_live(const struct item *it, int64_t now_ms)
{
    return it->there && is_ahead(it->deadline_ms, now_ms);
}

/* There for who asks for stale values. */
static bool
is_kept(const struct item *it, int64_t now_ms)
{
    return it->there && is_ahead(it->gone_ms, now_ms);
}

/* An ordinary entry with this deadline. */
static void
make_plain(struct item *it, int64_t deadline_ms)
{
    it->soft_ms = ATTL_NO_DEADLINE;
    it->deadline_ms = it->gone_ms = deadline_ms;
}

/* ---- comparing ---- */

static bool
same_value(const struct item *it, attl_slice value)
{
    const char *bytes = value.data;
    if (value.len != it->len)
        return false;
    if (!it->large)
        return it->len == 0 || memcmp(bytes, it->bytes, it->len) == 0;
    for (size_t i = 0; i < it->len; i++)
        if (bytes[i] != it->bytes[0])
            return false;
    return true;
}

/* NULL if the cache holds exactly the image; otherwise what differs. */
static const char *
difference(struct run *r, const struct image *image, unsigned *ret_key)
{
    char text[8];
    for (unsigned i = 0; i < KEYS; i++) {
        const struct item *it = &image->items[i];
        attl_value value = ATTL_VALUE_INIT;
        attl_peek_info info = ATTL_PEEK_INFO_INIT;
        int status = attl_peek(r->cache, key_of(i, text), &value, &info);
        bool kept = is_kept(it, r->now_ms), live = is_live(it, r->now_ms);
        const char *what = NULL;
        *ret_key = i;
        if ((status == ATTL_OK || status == ATTL_STALE) != kept)
            what = kept ? "is missing" : "is there";
        else if (kept && !same_value(it, value.data))
            what = "has another value";
        else if (kept && info.hard_ms != it->deadline_ms)
            what = "has another deadline";
        else if (kept && (info.soft_ms != it->soft_ms || info.gone_ms != it->gone_ms))
            what = "has another life";
        else if ((attl_exists(r->cache, key_of(i, text)) == ATTL_OK) != live)
            what = live ? "is not found" : "is found";
        attl_value_release(r->cache, &value);
        if (what)
            return what;
    }
    return NULL;
}

/* ---- lives ---- */

static void
quiet(void *ud, int level, const char *event, const char *text)
{
    (void)ud;
    if (getenv("ATTL_TEST_TRACE"))
        printf("#   %d %s: %s\n", level, event, text);
}

static void
open_cache(struct run *r)
{
    const char *settings[][2] = {
        { "cache.background", "no" },        { "cache.default_ttl", "0" },
        { "validation.mode", "binary" },     { "persist.fsync", r->fsync },
        { "persist.segment_size", "64KiB" }, { "persist.buffer", "1MiB" },
        { "cache.num_shards", "2" },         { "persist.compress", r->lives % 3 ? "no" : "yes" },
        { "cache.max_memory", "0" },         { "cache.max_entries", "0" },
    };
    char err[512] = "";
    attl_config *config = attl_config_new();
    CHECK(config, "no memory");
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        CHECK(attl_config_set(config, settings[i][0], settings[i][1], err, sizeof err) == ATTL_OK,
              "%s", err);
    attl_config_set_clock(config, clock_of, r);
    attl_config_set_log(config, quiet, NULL);
    config->disk = sim_disk_table(r->disk);
    sim_disk_set_time(r->disk, r->now_ms);
    int status = attl_open_dir(&r->cache, config, err, sizeof err);
    CHECK(status == ATTL_OK, "life %u cannot begin: %s: %s", r->lives, attl_err_name(status), err);
    attl_config_free(config);
}

/* The cache must hold one of the states that may have survived; it becomes the first of this life.
 */
static void
recognise(struct run *r)
{
    unsigned key = 0;
    const char *what = NULL;
    for (unsigned i = r->last + 1; i-- > r->floor;) {
        what = difference(r, &r->states[i], &key);
        if (what)
            continue;
        r->recovered_exactly += i == r->last;
        r->states[0] = r->states[i];
        r->last = r->floor = 0;
        r->doubtful = false;
        return;
    }
    test_failed(__FILE__, __LINE__, "recovery",
                "life %u (%s): none of the states %u to %u is there; "
                "against the first of them key %u %s",
                r->lives, r->fsync, r->floor, r->last, key, what ? what : "");
}

/* ---- changes ---- */

static struct image *
next_state(struct run *r)
{
    CHECK(r->last + 1 < STATES_MAX, "too many changes in a life");
    r->states[r->last + 1] = r->states[r->last];
    return &r->states[r->last + 1];
}

/*
 * A change looks at key `i`: what is past its deadline and not gone goes, which is a state of its
 * own, whatever becomes of the change. Returns the state that the change makes.
 */
static struct image *
meet(struct run *r, struct image *next, unsigned i)
{
    struct item *it = &next->items[i];
    if (!is_kept(it, r->now_ms) || is_live(it, r->now_ms))
        return next;
    it->there = false;
    r->last++;
    r->changes++;
    return next_state(r);
}

/* A call has returned: its effect is the next state, or there was none. */
static void
settle(struct run *r, int status)
{
    if (status > ATTL_OK && status != ATTL_DELETED) {
        if (r->always)
            r->floor = r->last; /* what it met and removed is as durable as a change */
        return;
    }
    if (status < ATTL_OK && status != ATTL_E_IO)
        return;
    r->last++;
    r->changes++;
    if (status == ATTL_E_IO) {
        r->doubtful = true;
        return;
    }
    if (r->always)
        r->floor = r->last;
}

static int64_t
random_ttl(struct run *r)
{
    switch (rng_below(&r->rng, 4)) {
    case 0: return 1 + (int64_t)rng_below(&r->rng, 2000);
    case 1: return 1000000 + (int64_t)rng_below(&r->rng, 1000000);
    default: return ATTL_TTL_NONE;
    }
}

static int64_t
deadline_of(const struct run *r, int64_t ttl_ms)
{
    return ttl_ms == ATTL_TTL_NONE ? ATTL_NO_DEADLINE : r->now_ms + ttl_ms;
}

static attl_slice
random_value(struct run *r, struct item *it, char large[LARGE_BYTES])
{
    it->there = true;
    it->large = rng_below(&r->rng, 30) == 0;
    it->len = it->large ? LARGE_BYTES : rng_below(&r->rng, SMALL_MAX / 2);
    for (size_t i = 0; i < SMALL_MAX; i++)
        it->bytes[i] = (char)('a' + rng_below(&r->rng, 26));
    if (!it->large)
        return attl_b(it->bytes, it->len);
    memset(large, it->bytes[0], LARGE_BYTES);
    return attl_b(large, LARGE_BYTES);
}

/* What it wishes, and what comes of it. */
static attl_set_opts
random_life(struct run *r, struct item *it, int64_t ttl_ms)
{
    attl_set_opts o = ATTL_SET_OPTS_INIT;
    o.ttl_ms = ttl_ms;
    make_plain(it, deadline_of(r, ttl_ms));
    if (rng_below(&r->rng, 2))
        return o;
    bool ends = ttl_ms != ATTL_TTL_NONE;
    o.soft_ms = (int64_t)rng_below(&r->rng, 1000);
    o.grace_ms = (int64_t)rng_below(&r->rng, 3000);
    if (o.soft_ms > 0 && (!ends || o.soft_ms < ttl_ms))
        it->soft_ms = r->now_ms + o.soft_ms;
    if (ends)
        it->gone_ms = it->deadline_ms + o.grace_ms;
    return o;
}

static int
do_set(struct run *r, struct image *next)
{
    static char large[LARGE_BYTES];
    char text[8];
    unsigned i = (unsigned)rng_below(&r->rng, KEYS);
    struct item *it = &meet(r, next, i)->items[i];
    attl_slice value = random_value(r, it, large);
    attl_set_opts o = random_life(r, it, random_ttl(r));
    return attl_set_if(r->cache, key_of(i, text), value, &o, NULL, NULL);
}

static int
do_mset(struct run *r, struct image *next)
{
    enum { PAIRS = 4 };
    static char large[PAIRS][LARGE_BYTES];
    char text[PAIRS][8];
    attl_slice keys[PAIRS], values[PAIRS];
    struct item written[PAIRS];
    unsigned which[PAIRS];
    int64_t ttl_ms = random_ttl(r);
    attl_set_opts o = ATTL_SET_OPTS_INIT;
    for (unsigned n = 0; n < PAIRS; n++) {
        which[n] = (unsigned)rng_below(&r->rng, KEYS);
        keys[n] = key_of(which[n], text[n]);
        values[n] = random_value(r, &written[n], large[n]);
        next = meet(r, next, which[n]);
        if (n == 0) {
            o = random_life(r, &written[0], ttl_ms);
        } else {
            written[n].soft_ms = written[0].soft_ms;
            written[n].deadline_ms = written[0].deadline_ms;
            written[n].gone_ms = written[0].gone_ms;
        }
    }
    for (unsigned n = 0; n < PAIRS; n++)
        next->items[which[n]] = written[n];
    return attl_mset(r->cache, keys, values, PAIRS, &o);
}

static int
do_del(struct run *r, struct image *next)
{
    char text[8];
    unsigned i = (unsigned)rng_below(&r->rng, KEYS);
    meet(r, next, i)->items[i].there = false;
    return attl_del(r->cache, key_of(i, text));
}

static int
do_expire(struct run *r, struct image *next)
{
    char text[8];
    unsigned i = (unsigned)rng_below(&r->rng, KEYS);
    int64_t ttl_ms = random_ttl(r);
    struct item *it = &meet(r, next, i)->items[i];
    int64_t grace_ms = it->deadline_ms != ATTL_NO_DEADLINE ? it->gone_ms - it->deadline_ms : 0;
    it->deadline_ms = it->gone_ms = deadline_of(r, ttl_ms);
    if (it->deadline_ms != ATTL_NO_DEADLINE) {
        it->soft_ms = it->soft_ms < it->deadline_ms ? it->soft_ms : it->deadline_ms;
        it->gone_ms += grace_ms;
    }
    if (ttl_ms == ATTL_TTL_NONE)
        return attl_persist(r->cache, key_of(i, text));
    return attl_expire(r->cache, key_of(i, text), ttl_ms, 0);
}

static int
do_incr(struct run *r, struct image *next)
{
    char text[8];
    unsigned i = (unsigned)rng_below(&r->rng, KEYS);
    struct item *it = &meet(r, next, i)->items[i];
    int64_t number = 0, delta = (int64_t)rng_below(&r->rng, 1000), result;
    if (!is_live(it, r->now_ms)) {
        *it = (struct item){ .there = true };
        make_plain(it, ATTL_NO_DEADLINE);
    } else {
        it->bytes[it->len < SMALL_MAX ? it->len : 0] = '\0';
        number = it->len && it->len < 18 ? strtoll(it->bytes, NULL, 10) : 0;
    }
    int status = attl_incr(r->cache, key_of(i, text), delta, ATTL_TTL_NONE, &result);
    int n = snprintf(it->bytes, sizeof it->bytes, "%" PRId64, number + delta);
    it->len = (size_t)n;
    make_plain(it, it->deadline_ms);
    return status;
}

static int
do_append(struct run *r, struct image *next)
{
    char text[8];
    uint64_t len;
    unsigned i = (unsigned)rng_below(&r->rng, KEYS);
    const struct item *old = &next->items[i];
    if (is_live(old, r->now_ms) && (old->large || old->len + 5 > SMALL_MAX))
        return ATTL_NOT_SET;
    struct item *it = &meet(r, next, i)->items[i];
    if (!is_live(it, r->now_ms))
        *it = (struct item){ .there = true, .deadline_ms = ATTL_NO_DEADLINE };
    make_plain(it, it->deadline_ms);
    memcpy(it->bytes + it->len, "-more", 5);
    it->len += 5;
    return attl_append(r->cache, key_of(i, text), attl_s("-more"), &len);
}

static int
do_transfer(struct run *r, struct image *next)
{
    char a[8], b[8];
    unsigned from = (unsigned)rng_below(&r->rng, KEYS), to = (unsigned)rng_below(&r->rng, KEYS);
    bool copy = rng_below(&r->rng, 2);
    next = meet(r, meet(r, next, to), from);
    next->items[to] = next->items[from];
    if (!copy && to != from)
        next->items[from].there = false;
    return copy ? attl_copy(r->cache, key_of(from, a), key_of(to, b), 0)
                : attl_rename(r->cache, key_of(from, a), key_of(to, b), 0);
}

static int
do_clear(struct run *r, struct image *next)
{
    memset(next, 0, sizeof *next);
    return attl_clear(r->cache);
}

/* ---- everything else ---- */

static void
note_mark(struct run *r)
{
    attl_persist_stats st = { .struct_size = sizeof st };
    if (attl_log_sync(r->cache, -1) != ATTL_OK)
        return;
    r->floor = r->last;
    attl_persist_stats_get(r->cache, &st);
    struct mark *m = &r->marks[r->marks_len++ % MARKS_MAX];
    m->lsn = st.next_lsn;
    m->image = r->states[r->last];
}

static void
take_snapshot(struct run *r)
{
    attl_snapshot_info info = { .struct_size = sizeof info };
    int status = attl_snapshot(r->cache, &info);
    if (status != ATTL_OK)
        return; /* the disk has died */
    r->snapshots++;
    r->floor = r->last; /* it makes what it needs of the log durable */
}

static void
roll_back(struct run *r)
{
    unsigned have = r->marks_len < MARKS_MAX ? r->marks_len : MARKS_MAX;
    if (have == 0)
        return;
    const struct mark *m = &r->marks[rng_below(&r->rng, have)];
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_lsn = m->lsn };
    attl_rollback_report report = { .struct_size = sizeof report };
    char err[256];
    unsigned key;
    int status = attl_rollback(r->cache, &opts, &report, err, sizeof err);
    if (status != ATTL_OK) {
        CHECK(sim_disk_is_dead(r->disk), "rollback to %" PRIu64 ": %s: %s", m->lsn,
              attl_err_name(status), err);
        r->doubtful = r->mixture = true; /* keys are restored one by one */
        return;
    }
    const char *what = difference(r, &m->image, &key);
    CHECK(!what, "after the rollback to %" PRIu64 " key %u %s", m->lsn, key, what);
    *next_state(r) = m->image;
    r->last++;
    r->floor = r->last; /* it ends with a sync */
    r->rollbacks++;
}

static bool
step(struct run *r)
{
    struct image *next = next_state(r);
    uint64_t what = rng_below(&r->rng, 1000);
    if (what < 400)
        settle(r, do_set(r, next));
    else if (what < 480)
        settle(r, do_mset(r, next));
    else if (what < 600)
        settle(r, do_del(r, next));
    else if (what < 700)
        settle(r, do_expire(r, next));
    else if (what < 770)
        settle(r, do_incr(r, next));
    else if (what < 820)
        settle(r, do_append(r, next));
    else if (what < 890)
        settle(r, do_transfer(r, next));
    else if (what < 900)
        settle(r, do_clear(r, next));
    else if (what < 930)
        r->now_ms += (int64_t)rng_below(&r->rng, 700);
    else if (what < 950)
        attl_tick(r->cache, 0, NULL);
    else if (what < 970)
        note_mark(r);
    else if (what < 985)
        take_snapshot(r);
    else if (what < 992)
        roll_back(r);
    else if (attl_retention_run(r->cache, 0, NULL, NULL) != ATTL_OK)
        CHECK(sim_disk_is_dead(r->disk), "retention fails on a disk that works");
    return !r->doubtful;
}

static void
live(struct run *r)
{
    unsigned key;
    bool power_loss = rng_below(&r->rng, 4) != 0;
    if (power_loss)
        sim_disk_crash_after(r->disk, rng_below(&r->rng, 400));
    unsigned steps = 1 + (unsigned)rng_below(&r->rng, STEPS);
    bool sure = true;
    for (unsigned i = 0; i < steps && sure; i++)
        sure = step(r);
    if (sure && !sim_disk_is_dead(r->disk)) {
        const char *what = difference(r, &r->states[r->last], &key);
        CHECK(!what, "life %u: before its end key %u %s", r->lives, key, what);
    }
    const char *broken = NULL;
    CHECK(attl_unstable_check(r->cache, &broken) == 0, "life %u: %s", r->lives, broken);
    if (!power_loss && rng_below(&r->rng, 2))
        r->floor = r->last; /* closing writes everything */
    else
        sim_disk_crash_after(r->disk, 0);
    attl_close(&r->cache);
    if (sim_disk_is_dead(r->disk)) {
        sim_disk_crash(r->disk, rng_u64(&r->rng));
        r->losses++;
    }
}

static void
run_policy(const char *fsync, uint64_t seed)
{
    struct run *r = calloc(1, sizeof *r);
    CHECK(r, "no memory");
    r->rng = rng_from_seed(seed);
    r->disk = sim_disk_new(seed);
    r->now_ms = INT64_C(1700000000000);
    r->fsync = fsync;
    r->always = strcmp(fsync, "always") == 0;
    unsigned lives = (unsigned)test_scaled(LIVES);
    for (r->lives = 0; r->lives < lives; r->lives++) {
        open_cache(r);
        if (r->mixture) {
            attl_close(&r->cache);
            sim_disk_free(&r->disk);
            r->disk = sim_disk_new(rng_u64(&r->rng));
            r->marks_len = r->last = r->floor = 0;
            memset(&r->states[0], 0, sizeof r->states[0]);
            r->doubtful = r->mixture = false;
            open_cache(r);
        }
        recognise(r);
        live(r);
    }
    printf("# %s: %u lives, %u power losses, %u changes, %u snapshots, %u rollbacks, %u times the "
           "last state was there\n",
           fsync, r->lives, r->losses, r->changes, r->snapshots, r->rollbacks,
           r->recovered_exactly);
    sim_disk_free(&r->disk);
    free(r);
}

int
main(void)
{
    test_announce("durable", test_seed());
    run_policy("always", test_seed());
    run_policy("everysec", test_seed() + 1);
    run_policy("no", test_seed() + 2);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helpers of the core's tests. They do what the engine does with the core, in its order and with
 * its locks, less the retries and the counting, so that a test decides itself what happens when
 * there is no room. Memory is accounted for at the end of every test.
 */
#include "cache_support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 100000, DRAIN_RECORDS = 7 };

bool
dies(void (*fn)(void *ud), void *ud)
{
    pid_t child = fork();
    CHECK(child >= 0, "no child");
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none); /* a core of a test is only litter */
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        fn(ud);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child, "no status");
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void *
purse_alloc(void *ud, size_t bytes)
{
    struct purse *p = ud;
    int64_t left = atomic_load(&p->until_refusal);
    if (left == 0)
        return NULL;
    if (left > 0)
        atomic_store(&p->until_refusal, left - 1);
    void *ptr = malloc(bytes);
    CHECK(ptr != NULL, "the machine is out of memory");
    memset(ptr, 0xa5, bytes); /* nobody may count on zeroes */
    atomic_fetch_add(&p->out, 1);
    return ptr;
}

static void
purse_free(void *ud, void *ptr)
{
    struct purse *p = ud;
    if (ptr == NULL)
        return;
    atomic_fetch_sub(&p->out, 1);
    free(ptr);
}

attl_allocator
purse_open(struct purse *p)
{
    atomic_init(&p->until_refusal, -1);
    atomic_init(&p->out, 0);
    return (attl_allocator){ .alloc = purse_alloc, .free = purse_free, .ud = p };
}

void
ground_init(struct ground *g)
{
    memset(g, 0, sizeof(*g));
    g->alloc = purse_open(&g->purse);
    CHECK(region_init(&g->region, &g->alloc, (size_t)1 << 30, false), "no addresses");
    arena_pool_init(&g->chunks, &g->region, ARENA_PAGE_BYTES, true);
    arena_pool_init(&g->tables, &g->region, TABLE_GRANULE_BYTES, false);
    arena_pool_init(&g->extents, &g->region, ARENA_PAGE_BYTES, false);
}

void
ground_fini(struct ground *g)
{
    const struct arena_pool *pools[] = { &g->chunks, &g->tables, &g->extents };
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        CHECK(atomic_load(&pools[i]->used_bytes) == 0, "pool %zu has %" PRIu64 " bytes in use", i,
              atomic_load(&pools[i]->used_bytes));
    region_fini(&g->region);
    CHECK(atomic_load(&g->purse.out) == 0, "%" PRId64 " blocks leak", atomic_load(&g->purse.out));
}

/* ---- a cache --------------------------------------------------------------------------------- */

struct cache_config
rig_config(void)
{
    return (struct cache_config){ .max_pinned_bytes = UINT64_C(1) << 30,
                                  .policy = EVICT_S3FIFO,
                                  .utilization_percent = 85,
                                  .shards = 1,
                                  .partition_bits = LIMIT_PARTITION_BITS_MIN };
}

struct rig *
rig_open(const struct cache_config *config)
{
    struct rig *rig;
    CHECK(posix_memalign((void **)&rig, 128, sizeof(*rig)) == 0, "the machine is out of memory");
    struct cache_config mine = *config;
    mine.alloc = purse_open(&rig->purse);
    rig->now_ms = START_MS;
    CHECK(cache_init(&rig->cache, &mine, rig->now_ms) == ATTL_OK, "no cache");
    return rig;
}

void
rig_check(struct rig *rig, const char *when)
{
    const char *broken = cache_check(&rig->cache);
    CHECK(broken == NULL, "%s: %s", when, broken);
}

void
rig_close(struct rig *rig)
{
    rig_check(rig, "closing");
    cache_fini(&rig->cache);
    CHECK(atomic_load(&rig->purse.out) == 0, "%" PRId64 " blocks leak",
          atomic_load(&rig->purse.out));
    free(rig);
}

static bool
lock_entry(struct rig *rig, attl_slice key, struct entry *ret_entry)
{
    struct cache *c = &rig->cache;
    *ret_entry = (struct entry){ .cache = c,
                                 .self = reclaim_self(),
                                 .key = { .key = key, .hash = cache_hash(c, key) },
                                 .now_ms = rig->now_ms,
                                 .written_deadline_ms = INT64_MAX };
    ret_entry->partition = cache_partition(c, ret_entry->key.hash);
    if (!cache_lock(c, ret_entry->partition))
        return false;
    entry_find(ret_entry);
    return true;
}

void
rig_lock(struct rig *rig, attl_slice key, struct entry *ret_entry)
{
    CHECK(lock_entry(rig, key, ret_entry), "no memory to lock a partition");
}

void
rig_unlock(struct entry *e)
{
    lock_release(&e->partition->lock);
}

int
rig_try_set(struct rig *rig, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct stored_value stored;
    int status = stored_value_init(&rig->cache, value, &stored);
    if (status != ATTL_OK)
        return status;
    struct entry e;
    status = ATTL_E_NOMEM;
    if (lock_entry(rig, key, &e)) {
        status = entry_put(&e, &stored, deadline_ms);
        rig_unlock(&e);
    }
    stored_value_fini(&stored);
    return status;
}

void
rig_set(struct rig *rig, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    int status = rig_try_set(rig, key, value, deadline_ms);
    for (unsigned round = 0; status != ATTL_OK; round++) {
        struct shard *s =
            cache_shard(&rig->cache, cache_partition(&rig->cache, cache_hash(&rig->cache, key)));
        CHECK(round < ROUNDS_MAX && drain_make_room(&rig->cache, s, rig->now_ms), "no room: %d",
              status);
        status = rig_try_set(rig, key, value, deadline_ms);
    }
}

bool
rig_del(struct rig *rig, attl_slice key)
{
    struct entry e;
    rig_lock(rig, key, &e);
    bool found = e.found;
    if (found)
        entry_remove(&e, COUNT_DELETES);
    rig_unlock(&e);
    return found;
}

bool
rig_has(struct rig *rig, attl_slice key, attl_slice value)
{
    struct reclaim_reader *self = reclaim_self();
    struct index_key k = { .key = key, .hash = cache_hash(&rig->cache, key) };
    struct read_view view;
    reclaim_enter(self);
    bool there = read_key(&rig->cache, &k, rig->now_ms, 0, &view) == ATTL_OK;
    if (there && value.data)
        there = view.value.len == value.len && memcmp(view.value.data, value.data, value.len) == 0;
    reclaim_exit(self);
    return there;
}

attl_slice
name_of(uint64_t i, struct name *ret_name)
{
    int n = snprintf(ret_name->text, sizeof(ret_name->text), "key:%" PRIu64, i);
    return attl_b(ret_name->text, (size_t)n);
}

void
rig_put(struct rig *rig, uint64_t i, size_t len, int64_t deadline_ms)
{
    char value[LIMIT_INLINE_VALUE_BYTES];
    struct name name;
    memset(value, (int)i, len);
    rig_set(rig, name_of(i, &name), attl_b(value, len), deadline_ms);
}

bool
rig_holds(struct rig *rig, uint64_t i, size_t len)
{
    char value[LIMIT_INLINE_VALUE_BYTES];
    struct name name;
    memset(value, (int)i, len);
    return rig_has(rig, name_of(i, &name), attl_b(value, len));
}

void
rig_touch(struct rig *rig, uint64_t i, unsigned times)
{
    struct reclaim_reader *self = reclaim_self();
    struct name name;
    struct index_key k = { .key = name_of(i, &name) };
    struct read_view view;
    k.hash = cache_hash(&rig->cache, k.key);
    reclaim_enter(self);
    for (; times > 0; times--)
        CHECK(read_key(&rig->cache, &k, rig->now_ms, READ_TOUCH, &view) == ATTL_OK,
              "key %" PRIu64 " is not there to be touched", i);
    reclaim_exit(self);
}

uint64_t
rig_counter(const struct rig *rig, enum cache_counter which)
{
    return cache_counter_sum(&rig->cache, which);
}

/* ---- maintenance ----------------------------------------------------------------------------- */

struct drain_done
rig_drain(struct rig *rig, enum drain_reason reason)
{
    struct drain_done done = { 0 };
    for (unsigned i = 0; i < rig->cache.shard_count; i++) {
        done.finished = false;
        for (unsigned round = 0; !done.finished && !done.blocked; round++) {
            CHECK(round < ROUNDS_MAX, "the drain does not end");
            drain_step(&rig->cache, &rig->cache.shards[i], reason, rig->now_ms, DRAIN_RECORDS,
                       &done);
        }
    }
    return done;
}

void
rig_pass(struct rig *rig, int64_t ms)
{
    rig->now_ms += ms;
    for (unsigned i = 0; i < rig->cache.shard_count; i++)
        shard_advance(&rig->cache.shards[i], rig->now_ms);
    struct drain_done done = rig_drain(rig, DRAIN_DUE);
    CHECK(!done.blocked, "no memory to move on with");
}

void
rig_collect(struct rig *rig)
{
    for (unsigned round = 0; atomic_load(&rig->cache.limbo.count) > 0; round++) {
        CHECK(round < ROUNDS_MAX, "something is never released");
        (void)limbo_collect(&rig->cache.limbo); /* how many does not matter */
    }
}

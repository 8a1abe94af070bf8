/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of the model test. Without limits the rule is simple: whatever the cache answers, the
 * model answers too. With eviction an entry may be gone, so before each operation the keys it names
 * are looked up and forgotten by the model if they were evicted; the operation itself may evict
 * them too, so a difference is forgiven if the model, without those keys, would have answered the
 * same.
 */
#include "run.h"

#include "check.h"
#include "fixed_random.h"
#include "run_scan.h"

#include <attl/attl_unstable.h>

enum {
    RUN_KEY_BYTES_MAX = 2000,
    RUN_KEY_BYTES_STRICT = 1000, /* that mode allows no more */
    RUN_VALUE_BYTES_MAX = 4 << 20,
    RUN_HYPOTHESES_KEYS = 4, /* keys of one operation that may each have been evicted by it */
    COMPARE_EVERY = 20000,
    CHECK_EVERY = 1000,
    SHARDS_MAX = 40
};

#define DAY_MS INT64_C(86400000)
#define LEAP_MS (10 * DAY_MS)

/* ---- life ---------------------------------------------------------------------------------- */

static attl *
run_open(struct run *run)
{
    static const char *const modes[] = { "strict", "normal", "relaxed", "binary" };
    const struct run_setup *setup = run->setup;
    char memory[32], entries[32], key_bytes[32];
    (void)snprintf(memory, sizeof(memory), "%" PRIu64, setup->memory_max);
    (void)snprintf(entries, sizeof(entries), "%" PRIu64, setup->entries_max);
    (void)snprintf(key_bytes, sizeof(key_bytes), "%zu", run->model.rules.key_bytes_max);
    struct sim_option options[24] = {
        { "cache.max_memory", memory },
        { "cache.max_entries", entries },
        { "cache.max_pinned", "268435456" },
        { "cache.default_ttl", "60s" },
        { "validation.mode", modes[setup->mode] },
        { "validation.max_key_bytes", key_bytes },
        { "validation.max_value_bytes", "4194304" },
        { "validation.max_ttl", "31536000s" },
    };
    size_t n = 8;
    for (size_t i = 0; setup->options[i].name != NULL; i++) {
        options[n++] = setup->options[i];
    }
    return sim_open(&run->sim, options);
}

void
run_init(struct run *run, const struct run_setup *setup, struct rng rng, uint64_t seed)
{
    memset(run, 0, sizeof(*run));
    run->setup = setup;
    run->rng = rng;
    run->seed = seed;
    fixed_random_seed(seed);
    run->trace = getenv("ATTL_TEST_TRACE") != NULL;
    sim_init(&run->sim);
    size_t key_bytes = setup->mode == MODEL_STRICT ? RUN_KEY_BYTES_STRICT : RUN_KEY_BYTES_MAX;
    const struct model_rules rules = { setup->mode, key_bytes, RUN_VALUE_BYTES_MAX, DAY_MS * 365,
                                       60000 };
    model_init(&run->model, &rules, sim_now(&run->sim));
    op_space_init(&run->space, &rules, setup->key_count, setup->value_bytes_max);
    run->space.big_value_one_in = setup->big_value_one_in;
    run->space.always_ttl = setup->always_ttl;
    if (setup->evicts) {
        run->space.batch_max = RUN_HYPOTHESES_KEYS;
    }
    run->cache = run_open(run);
    attl_stats stats = sim_stats(run->cache);
    run->shards = stats.shards;
    run->partitions = stats.partitions;
    CHECK(run->shards >= 1 && run->partitions >= run->shards, "%u shards, %" PRIu64 " partitions",
          run->shards, run->partitions);
    for (size_t i = 0; i < RUN_PINS_MAX; i++) {
        run->pins[i].value = (attl_value)ATTL_VALUE_INIT;
    }
}

/* ---- statistics and bounds ----------------------------------------------------------------- */

static void
check_bounds(struct run *run)
{
    attl_stats s = sim_stats(run->cache);
    const struct run_setup *setup = run->setup;
    uint64_t size = attl_size(run->cache);
    CHECK(s.items == size, "step %" PRIu64 ": items %" PRIu64 ", size %" PRIu64, run->step, s.items,
          size);
    CHECK(s.items_ttl <= s.items, "step %" PRIu64, run->step);
    CHECK(s.mem_used <= s.mem_committed && s.mem_used <= s.mem_used_peak,
          "step %" PRIu64 ": used %" PRIu64 ", committed %" PRIu64 ", peak %" PRIu64, run->step,
          s.mem_used, s.mem_committed, s.mem_used_peak);
    CHECK(size <= run->model.count,
          "step %" PRIu64 " seed %" PRIu64 ": size %" PRIu64 " but at most %zu can be there",
          run->step, run->seed, size, run->model.count);
    if (setup->entries_max != 0) {
        CHECK(size <= setup->entries_max, "step %" PRIu64 " seed %" PRIu64 ": size %" PRIu64,
              run->step, run->seed, size);
    }
    if (setup->memory_max != 0) {
        /* A change of several keys and the drain may use a reserve of a sixteenth. */
        CHECK(s.mem_used <= setup->memory_max + setup->memory_max / 16,
              "step %" PRIu64 " seed %" PRIu64 ": mem_used %" PRIu64 " of %" PRIu64, run->step,
              run->seed, s.mem_used, setup->memory_max);
    }
    if (!setup->evicts) {
        CHECK(s.evicted == 0, "step %" PRIu64 ": evicted %" PRIu64, run->step, s.evicted);
    }
}

static void
check_structure(struct run *run)
{
    char when[96];
    (void)snprintf(when, sizeof(when), "%s, step %" PRIu64 ", seed %" PRIu64, run->setup->name,
                   run->step, run->seed);
    sim_check(run->cache, when);
    check_bounds(run);
}

void
run_compare_all(struct run *run)
{
    check_structure(run);
    run_scan_everything(run);
    size_t kept = model_kept(&run->model);
    uint64_t size = attl_size(run->cache);
    CHECK(run->setup->evicts || size >= kept,
          "step %" PRIu64 " seed %" PRIu64 ": size %" PRIu64 " with %zu entries that are not gone",
          run->step, run->seed, size, kept);
}

/* ---- time and maintenance ------------------------------------------------------------------ */

/* "Everything that is due" leaves nothing whose deadline is a second old, and wakes up in time. */
static void
tick_fully(struct run *run)
{
    int64_t next_ms = -2;
    attl_tick(run->cache, 0, &next_ms);
    CHECK(next_ms >= -1, "next %" PRId64, next_ms);
    model_purge(&run->model, run->model.now_ms - 1000);
    check_bounds(run);
    if (run->setup->evicts || run->model.count > 5000) {
        return;
    }
    int64_t first_ms = model_first_deadline(&run->model);
    if (first_ms != ATTL_NO_DEADLINE) {
        CHECK(next_ms != -1 && run->model.now_ms + next_ms <= first_ms + 1000,
              "step %" PRIu64 " seed %" PRIu64 ": wakes in %" PRId64
              " ms, first deadline in %" PRId64,
              run->step, run->seed, next_ms, first_ms - run->model.now_ms);
    }
}

/* Also between milliseconds: many operations happen at one reading of the clock. */
static void
advance_clock(struct run *run)
{
    struct rng *r = &run->rng;
    int64_t ms = 0;
    if (rng_one_in(r, 20)) {
        ms = (int64_t)rng_range(r, 1, 20);
    } else if (rng_one_in(r, run->setup->slow_time_one_in)) {
        switch (rng_below(r, 12)) {
        case 0: ms = (int64_t)rng_range(r, 1, (uint64_t)DAY_MS * 40); break;
        case 1: ms = (int64_t)rng_range(r, 1, 2 * 3600 * 1000); break;
        case 2: ms = rng_one_in(r, 10) ? DAY_MS * 150 : DAY_MS * 49; break;
        case 3: ms = 1000 - run->model.now_ms % 1000; break; /* just onto a second */
        default: ms = (int64_t)rng_range(r, 1, 5000); break;
        }
    }
    sim_advance(&run->sim, ms);
    run->model.now_ms = sim_now(&run->sim);
    if (ms > LEAP_MS) {
        /* Somebody must call attl_tick() now and then: records tell deadlines within half a year.
         */
        tick_fully(run);
    }
}

/* More or fewer of them; the limits and the number of partitions bound how many there will be. */
static void
change_shards(struct run *run)
{
    char wished[16];
    uint64_t most = run->partitions < SHARDS_MAX ? run->partitions : SHARDS_MAX;
    (void)snprintf(wished, sizeof(wished), "%" PRIu64, rng_range(&run->rng, 1, most));
    sim_option(run->cache, "cache.num_shards", wished);
    run->shards = sim_stats(run->cache).shards;
    CHECK(run->shards >= 1 && run->shards <= strtoull(wished, NULL, 10),
          "step %" PRIu64 ": %u shards, wished for %s", run->step, run->shards, wished);
}

static void
maintain(struct run *run)
{
    struct rng *r = &run->rng;
    if (rng_one_in(r, 50)) {
        /* A single round of small steps: larger budgets would make a replay depend on the machine.
         */
        attl_tick(run->cache, 1, NULL);
    } else if (rng_one_in(r, 300)) {
        tick_fully(run);
    }
    if (rng_one_in(r, 40)) {
        uint64_t partition = rng_below(r, run->partitions);
        attl_unstable_partition_move(run->cache, partition, (uint32_t)rng_below(r, run->shards));
    }
    if (rng_one_in(r, 500)) {
        change_shards(run);
    }
    if (rng_one_in(r, 30)) {
        run_scan_step(run, rng_range(r, 1, 50));
    }
}

/* ---- pins ---------------------------------------------------------------------------------- */

static void
pin_release(struct run *run, struct run_pin *pin)
{
    attl_slice data = pin->value.data;
    CHECK(data.len == pin->len && model_hash(data) == pin->hash,
          "step %" PRIu64 " seed %" PRIu64 ": a pinned value of %zu bytes changed", run->step,
          run->seed, pin->len);
    attl_value_release(run->cache, &pin->value);
    pin->held = false;
}

static void
pins_shuffle(struct run *run)
{
    struct run_pin *pin = &run->pins[rng_below(&run->rng, RUN_PINS_MAX)];
    if (pin->held) {
        pin_release(run, pin);
    }
    attl_slice key = run->space.keys[rng_below(&run->rng, run->space.key_count)];
    const struct model_entry *e = model_find(&run->model, key);
    if (e == NULL || attl_get_pin(run->cache, key, &pin->value) != ATTL_OK) {
        return; /* an operation of its own compares what get_pin answers */
    }
    CHECK(slice_equal(pin->value.data, model_value(e)),
          "step %" PRIu64 " seed %" PRIu64 ": pinned %zu "
          "bytes, the model has %zu",
          run->step, run->seed, pin->value.data.len, e->value_len);
    pin->held = true;
    pin->len = e->value_len;
    pin->hash = model_hash(pin->value.data);
}

/* ---- one operation ------------------------------------------------------------------------- */

/* What the model held for the keys of an operation, so that it can be tried twice. */
struct saved {
    bool had[OP_KEYS_MAX], negative[OP_KEYS_MAX];
    unsigned char *value[OP_KEYS_MAX];
    size_t len[OP_KEYS_MAX];
    int64_t soft_ms[OP_KEYS_MAX], deadline_ms[OP_KEYS_MAX], gone_ms[OP_KEYS_MAX];
};

static void
save_keys(struct run *run, const struct op *op, struct saved *saved)
{
    memset(saved, 0, sizeof(*saved));
    for (size_t i = 0; i < op->key_count; i++) {
        const struct model_entry *e = model_find_kept(&run->model, op->keys[i]);
        if (e != NULL) {
            saved->had[i] = true;
            saved->negative[i] = e->negative;
            saved->len[i] = e->value_len;
            saved->soft_ms[i] = e->soft_ms;
            saved->deadline_ms[i] = e->deadline_ms;
            saved->gone_ms[i] = e->gone_ms;
            saved->value[i] = malloc(e->value_len + 1);
            CHECK(saved->value[i] != NULL, "%zu bytes", e->value_len);
            memcpy(saved->value[i], e->value, e->value_len);
        }
    }
}

static void
restore_keys(struct run *run, const struct op *op, const struct saved *saved, unsigned without)
{
    for (size_t i = 0; i < op->key_count; i++) {
        (void)model_remove(&run->model, op->keys[i]);
    }
    for (size_t i = 0; i < op->key_count; i++) {
        if (saved->had[i] && (without >> i & 1) == 0) {
            model_put(&run->model, op->keys[i], attl_b(saved->value[i], saved->len[i]),
                      saved->gone_ms[i]);
            struct model_entry *e = model_find_kept(&run->model, op->keys[i]);
            e->deadline_ms = saved->deadline_ms[i];
            e->soft_ms = saved->soft_ms[i];
            e->negative = saved->negative[i];
        }
    }
}

static void
saved_fini(struct saved *saved)
{
    for (size_t i = 0; i < OP_KEYS_MAX; i++) {
        free(saved->value[i]);
    }
}

/* The model forgets a key of which the cache holds nothing any more, not even something stale. */
static void
forget_missing(struct run *run, attl_slice key)
{
    int status = attl_peek(run->cache, key, NULL, NULL);
    bool kept = model_find_kept(&run->model, key) != NULL;
    CHECK(status == ATTL_MISS || kept,
          "step %" PRIu64 " seed %" PRIu64 ": a key of %zu bytes is kept that is gone", run->step,
          run->seed, key.len);
    if (status == ATTL_MISS && kept) {
        (void)model_remove(&run->model, key);
    }
}

/* The model forgets keys of the operation that were evicted before it. */
static void
forget_evicted(struct run *run, const struct op *op)
{
    for (size_t i = 0; i < op->key_count; i++) {
        if (op_key_status(&run->model.rules, op->keys[i]) != ATTL_OK) {
            continue;
        }
        int status = attl_exists(run->cache, op->keys[i]);
        bool live = model_find(&run->model, op->keys[i]) != NULL;
        CHECK(status == ATTL_MISS || live,
              "step %" PRIu64 " seed %" PRIu64 ": a key of %zu bytes exists "
              "that was never set or has expired",
              run->step, run->seed, op->keys[i].len);
        forget_missing(run, op->keys[i]);
    }
}

/* A part written over a value answers the same length whether or not the operation evicted the
 * value on its way: only the bytes tell. */
static bool
same_bytes(struct run *run, const struct op *op)
{
    attl_value value = ATTL_VALUE_INIT;
    if (!run->setup->evicts || op->kind != OP_SET_RANGE) {
        return true;
    }
    const struct model_entry *e = model_find(&run->model, op->keys[0]);
    bool same = true;
    if (e != NULL && attl_get_pin(run->cache, op->keys[0], &value) == ATTL_OK) {
        same = slice_equal(value.data, model_value(e));
    }
    attl_value_release(run->cache, &value);
    return same;
}

static void
compare(struct run *run, const struct op *op, const struct op_seen *cache)
{
    char text[512] = "";
    struct op_seen model;
    struct saved saved;
    if (run->setup->evicts) {
        save_keys(run, op, &saved);
    }
    op_on_model(&run->model, op, &model);
    bool same = op_same(op, cache, &model, text, sizeof(text)) && same_bytes(run, op);
    if (run->setup->evicts) {
        unsigned all = 1u << op->key_count;
        for (unsigned without = 1; !same && without < all; without++) {
            char unused[512];
            restore_keys(run, op, &saved, without);
            op_on_model(&run->model, op, &model);
            same = op_same(op, cache, &model, unused, sizeof(unused)) && same_bytes(run, op);
        }
        saved_fini(&saved);
    }
    CHECK(same, "%s: step %" PRIu64 " seed %" PRIu64 "\n    %s", run->setup->name, run->step,
          run->seed, text);
}

/* True if the cache said it had no room and was allowed to. Then nothing has changed. */
static bool
was_refused(struct run *run, const struct op *op, const struct op_seen *cache)
{
    if (cache->status != ATTL_E_FULL || !run->setup->refuses) {
        return false;
    }
    run->refusals++;
    if (run->setup->memory_max == 0 && op->kind != OP_MSET) {
        size_t kept = model_kept(&run->model);
        CHECK(kept >= run->setup->entries_max,
              "step %" PRIu64 " seed %" PRIu64 ": %s was refused with %zu "
              "entries of %" PRIu64,
              run->step, run->seed, op_name(op->kind), kept, run->setup->entries_max);
    }
    for (size_t i = 0; i < op->key_count; i++) {
        struct op get = { .kind = OP_GET_VISIT, .key_count = 1 };
        struct op_seen seen;
        get.keys[0] = op->keys[i];
        op_on_cache(run->cache, &get, run->model.now_ms, &seen);
        compare(run, &get, &seen);
        if (op_key_status(&run->model.rules, op->keys[i]) == ATTL_OK &&
            model_find(&run->model, op->keys[i]) == NULL) {
            forget_missing(run, op->keys[i]); /* found past its deadline, it went nevertheless */
        }
    }
    return true;
}

/* Eviction of a live entry while an expired one was still there is a broken promise. */
static void
check_order_of_death(struct run *run, const attl_stats *before, size_t kept_before)
{
    attl_stats after = sim_stats(run->cache);
    uint64_t evicted = after.evicted - before->evicted;
    uint64_t expired = after.expired - before->expired;
    uint64_t dead_before = before->items > kept_before ? before->items - kept_before : 0;
    CHECK(evicted == 0 || expired >= dead_before,
          "step %" PRIu64 " seed %" PRIu64 ": evicted %" PRIu64 " while of %" PRIu64
          " expired entries only %" PRIu64 " were reclaimed",
          run->step, run->seed, evicted, dead_before, expired);
}

/* For replaying a failure: set ATTL_TEST_SEED and ATTL_TEST_TRACE, and look for the key's hash. */
static void
trace(const struct run *run, const struct op *op, const struct op_seen *seen)
{
    char text[256];
    op_describe(op, text, sizeof(text));
    (void)fprintf(stderr, "%" PRIu64 " at %" PRId64 ": %s -> %s, keys", run->step,
                  run->model.now_ms, text, attl_err_name(seen->status));
    for (size_t i = 0; i < op->key_count; i++) {
        (void)fprintf(stderr, " %08x", (unsigned)model_hash(op->keys[i]));
    }
    (void)fputc('\n', stderr);
}

void
run_step(struct run *run)
{
    struct op op;
    struct op_seen cache;
    attl_stats before;
    size_t kept_before = 0;
    bool watch = run->setup->evicts && run->model.count <= 3000;
    run->step++;
    advance_clock(run);
    op_random(&op, &run->space, &run->rng, &run->model);
    if (run->setup->evicts) {
        forget_evicted(run, &op);
    }
    if (watch) {
        before = sim_stats(run->cache);
        kept_before = model_kept(&run->model);
    }
    op_on_cache(run->cache, &op, run->model.now_ms, &cache);
    if (run->trace) {
        trace(run, &op, &cache);
    }
    if (watch && op.kind != OP_CLEAR) {
        check_order_of_death(run, &before, kept_before);
    }
    if (!was_refused(run, &op, &cache)) {
        compare(run, &op, &cache);
    }
    /* Near max_memory the next piece of eviction may take the newest as well. */
    if (op.kind == OP_SET && cache.status == ATTL_OK && run->setup->memory_max == 0) {
        CHECK(attl_exists(run->cache, op.keys[0]) == ATTL_OK,
              "step %" PRIu64 " seed %" PRIu64
              ": a key of %zu bytes with %zu is gone as soon as it is set",
              run->step, run->seed, op.keys[0].len, op.values[0].len);
    }
    maintain(run);
    if (rng_one_in(&run->rng, 25)) {
        pins_shuffle(run);
    }
    if (run->step % CHECK_EVERY == 0) {
        check_structure(run);
    }
    if (run->step % COMPARE_EVERY == 0) {
        run_compare_all(run);
    }
}

static void
prefill(struct run *run)
{
    for (size_t i = 0; i < run->space.key_count; i++) {
        struct op op = { .kind = OP_SET, .key_count = 1, .ttl_ms = 3600000 };
        struct op_seen cache;
        op.keys[0] = run->space.keys[i];
        op.values[0] = attl_b("0123456789", i % 11);
        if (run->setup->evicts) {
            forget_evicted(run, &op);
        }
        op_on_cache(run->cache, &op, run->model.now_ms, &cache);
        if (!was_refused(run, &op, &cache)) {
            compare(run, &op, &cache);
        }
    }
}

void
run_fini(struct run *run)
{
    run_compare_all(run);
    for (size_t i = 0; i < RUN_PINS_MAX; i++) {
        if (run->pins[i].held) {
            pin_release(run, &run->pins[i]);
        }
    }
    tick_fully(run);
    sim_close(&run->cache);
    op_space_fini(&run->space);
    model_fini(&run->model);
}

void
run_all(const struct run_setup *setup, uint64_t seed)
{
    const char *only = getenv("ATTL_TEST_ONLY"); /* for replaying one setup */
    if (only != NULL && strstr(setup->name, only) == NULL) {
        return;
    }
    struct run *run = malloc(sizeof(*run));
    CHECK(run != NULL, "%zu bytes", sizeof(*run));
    test_announce(setup->name, seed);
    run_init(run, setup, rng_from_seed(seed), seed);
    uint64_t steps = test_scaled(setup->steps);
    if (setup->prefill) {
        prefill(run);
    }
    while (run->step < steps) {
        run_step(run);
    }
    if (steps >= setup->steps) {
        CHECK(!setup->refuses || setup->evicts || run->refusals > 0, "%s refused nothing",
              setup->name);
        CHECK(!setup->evicts || sim_stats(run->cache).evicted > 0, "%s evicted nothing",
              setup->name);
    }
    run_fini(run);
    free(run);
}

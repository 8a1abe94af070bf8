/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes up operations. Choices are biased to where the engine's seams are: lengths around word,
 * inline and page limits, deadlines within the current second and beyond the 49 days of a 32-bit
 * offset, values that are integers or nearly so, conditions that hold half of the time. At most one
 * thing is wrong with an operation, because which of two errors is reported is not promised.
 */
#include "op.h"

#include "check.h"

enum { SCRATCH_EXTRA = 4096, BAD_LIFE_ONE_IN = 400, BAD_KEY_ONE_IN = 300 };

#define DAY_MS INT64_C(86400000)

static const char *const names[OP_KINDS] = {
    [OP_SET] = "set",         [OP_SET_IF] = "set_if",
    [OP_CAS] = "cas",         [OP_GET] = "get",
    [OP_GET_PIN] = "get_pin", [OP_GET_VISIT] = "get_visit",
    [OP_GETDEL] = "getdel",   [OP_GETEX] = "getex",
    [OP_DEL] = "del",         [OP_DEL_IF] = "del_if",
    [OP_EXISTS] = "exists",   [OP_TOUCH] = "touch",
    [OP_EXPIRE] = "expire",   [OP_EXPIRE_AT] = "expire_at",
    [OP_PERSIST] = "persist", [OP_TTL] = "ttl",
    [OP_META] = "meta_get",   [OP_INCR] = "incr",
    [OP_APPEND] = "append",   [OP_SET_RANGE] = "set_range",
    [OP_MGET] = "mget",       [OP_MGET_VISIT] = "mget_visit",
    [OP_MSET] = "mset",       [OP_RENAME] = "rename",
    [OP_COPY] = "copy",       [OP_PEEK] = "peek",
    [OP_CLEAR] = "clear",     [OP_NEGATIVE] = "negative",
};

/* How often each kind comes up: writes outweigh, because they are what moves things. */
static const unsigned default_weights[OP_KINDS] = {
    [OP_SET] = 24,    [OP_SET_IF] = 10,    [OP_CAS] = 4,      [OP_GET] = 8,
    [OP_GET_PIN] = 4, [OP_GET_VISIT] = 4,  [OP_GETDEL] = 2,   [OP_GETEX] = 4,
    [OP_DEL] = 6,     [OP_DEL_IF] = 2,     [OP_EXISTS] = 2,   [OP_TOUCH] = 2,
    [OP_EXPIRE] = 6,  [OP_EXPIRE_AT] = 4,  [OP_PERSIST] = 3,  [OP_TTL] = 2,
    [OP_META] = 2,    [OP_INCR] = 5,       [OP_APPEND] = 3,   [OP_SET_RANGE] = 3,
    [OP_MGET] = 3,    [OP_MGET_VISIT] = 2, [OP_MSET] = 3,     [OP_RENAME] = 2,
    [OP_COPY] = 2,    [OP_PEEK] = 4,       [OP_NEGATIVE] = 3,
};

const char *
op_name(enum op_kind kind)
{
    return names[kind];
}

void
op_fill(unsigned char *bytes, size_t len, uint64_t seed)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(bytes + i, &seed, 8);
    }
    for (; i < len; i++) {
        bytes[i] = (unsigned char)(seed >> (i & 7));
    }
}

/* ---- keys ---------------------------------------------------------------------------------- */

/*
 * Key `id`: lengths come from a table, and within a length the first three bytes spell the id, so
 * all keys differ. Only the first ids are shorter than three bytes, where there is not room for
 * more.
 */
static attl_slice
make_key(const struct model_rules *rules, size_t id)
{
    static const size_t lens[] = { 3,  4,  5,  7,  8,  9,   10,  15,  16,  16,  16,  17,
                                   20, 23, 24, 25, 31, 32,  33,  40,  63,  64,  65,  100,
                                   16, 16, 12, 14, 18, 127, 200, 250, 254, 255, 256, 300 };
    enum { LENS = sizeof(lens) / sizeof(lens[0]), DIGIT = 64, SHORT = 24 };
    size_t len = id < SHORT ? 1 : id < 2 * SHORT ? 2 : lens[id % LENS];
    if (id % 97 == 96) {
        len = id % 2 == 0 ? rules->key_bytes_max : 1000;
    }
    if (len > rules->key_bytes_max) {
        len = rules->key_bytes_max;
    }
    unsigned char *p = malloc(len);
    CHECK(p != NULL && len > 0, "a key of %zu bytes", len);
    for (size_t i = 0; i < len; i++) {
        uint64_t x = rng_mix(id * 1031 + i);
        p[i] = rules->mode == MODEL_BINARY ? (unsigned char)x : (unsigned char)(' ' + x % 90);
    }
    p[0] = (unsigned char)('!' + id % DIGIT);
    if (len >= 3) {
        p[1] = (unsigned char)('!' + id / DIGIT % DIGIT);
        p[2] = (unsigned char)('!' + id / DIGIT / DIGIT % DIGIT);
    }
    return attl_b(p, len);
}

void
op_space_init(struct op_space *space, const struct model_rules *rules, size_t key_count,
              size_t value_bytes_max)
{
    memset(space, 0, sizeof(*space));
    CHECK(key_count >= 1 && key_count <= 64 * 64 * 64, "%zu keys", key_count);
    space->keys = malloc(key_count * sizeof(space->keys[0]));
    space->scratch_bytes = value_bytes_max + SCRATCH_EXTRA;
    space->scratch = malloc(space->scratch_bytes);
    CHECK(space->keys != NULL && space->scratch != NULL, "no memory for %zu keys", key_count);
    space->key_count = key_count;
    for (size_t i = 0; i < key_count; i++) {
        space->keys[i] = make_key(rules, i);
    }
    space->value_bytes_max = value_bytes_max;
    space->big_value_one_in = 200;
    space->batch_max = 12;
    space->clear_one_in = 100000;
    memcpy(space->weights, default_weights, sizeof(space->weights));
}

void
op_space_fini(struct op_space *space)
{
    for (size_t i = 0; i < space->key_count; i++) {
        free((void *)(uintptr_t)space->keys[i].data);
    }
    free(space->keys);
    free(space->scratch);
    memset(space, 0, sizeof(*space));
}

/* Half of the operations go to a tenth of the keys, so that keys meet themselves again soon. */
static attl_slice
pick_key(const struct op_space *space, struct rng *r)
{
    size_t n = space->key_count;
    return space->keys[rng_below(r, rng_one_in(r, 2) && n > 10 ? n / 10 : n)];
}

/* ---- values -------------------------------------------------------------------------------- */

static size_t
pick_value_len(const struct op_space *space, struct rng *r)
{
    static const size_t edges[] = { 0,  1,  7,   8,   9,   15,  16,  17,  31,  32,  33,  63,
                                    64, 65, 100, 255, 256, 500, 511, 512, 513, 520, 1000 };
    static const size_t big[] = { 4000,  8183,  8184,   8190,   8191,    8192,    8193,
                                  16384, 16385, 100000, 102400, 1 << 20, 2 << 20, 3 << 20 };
    size_t len = rng_below(r, 120);
    if (space->big_value_one_in != 0 && rng_one_in(r, space->big_value_one_in)) {
        /* The largest are expensive to copy and compare: a fifth of the big ones at most. */
        size_t choices = sizeof(big) / sizeof(big[0]) - (rng_one_in(r, 5) ? 0 : 3);
        len = big[rng_below(r, choices)];
        len -= len > 9000 && rng_one_in(r, 2) ? rng_below(r, len / 4) : 0;
    } else if (rng_one_in(r, 2)) {
        len = edges[rng_below(r, sizeof(edges) / sizeof(edges[0]))];
    }
    return len < space->value_bytes_max ? len : space->value_bytes_max;
}

/* Text that is a 64-bit integer, or almost one. */
static attl_slice
pick_integer_text(struct rng *r)
{
    static const char *const texts[] = {
        "0",
        "1",
        "-1",
        "9",
        "10",
        "255",
        "4294967295",
        "9223372036854775807",
        "9223372036854775806",
        "-9223372036854775808",
        "9223372036854775808",
        "007",
        "+1",
        "-0",
        " 1",
        "1 ",
        "",
        "-",
        "1.0",
        "00",
        "12345678901234567890",
        "0x10",
    };
    return attl_s(texts[rng_below(r, sizeof(texts) / sizeof(texts[0]))]);
}

/* A value in the scratch space from *used on; *used is advanced. */
static attl_slice
pick_value(struct op_space *space, struct rng *r, size_t *used)
{
    if (rng_one_in(r, 6)) {
        return pick_integer_text(r);
    }
    size_t len = pick_value_len(space, r);
    size_t room = space->scratch_bytes - *used;
    if (len > room) {
        len = room;
    }
    unsigned char *p = space->scratch + *used;
    /* Few different contents per length, so that "equal" happens. */
    op_fill(p, len, rng_below(r, 64));
    *used += len;
    return attl_b(p, len);
}

/* ---- lives --------------------------------------------------------------------------------- */

static int64_t
pick_life_ms(struct rng *r)
{
    switch (rng_below(r, 10)) {
    case 0: return (int64_t)rng_range(r, 1, 10);
    case 1:
    case 2: return (int64_t)rng_range(r, 1, 1500);
    case 3:
    case 4: return (int64_t)rng_range(r, 1000, 70000);
    case 5: return (int64_t)rng_range(r, 60000, 5000000);
    case 6: return (int64_t)rng_range(r, 3600000, (uint64_t)DAY_MS * 4);
    case 7: return (int64_t)rng_range(r, (uint64_t)DAY_MS, (uint64_t)DAY_MS * 60);
    case 8: return DAY_MS * 49 + (int64_t)rng_range(r, 0, (uint64_t)DAY_MS * 2);
    default: return (int64_t)rng_range(r, (uint64_t)DAY_MS, (uint64_t)DAY_MS * 365);
    }
}

static int64_t
pick_ttl(const struct op_space *space, struct rng *r)
{
    static const int64_t bad[] = {
        -3, INT64_MIN, INT64_MAX, INT64_MAX - 1, INT64_C(1) << 46, DAY_MS * 366, -1000
    };
    if (rng_one_in(r, BAD_LIFE_ONE_IN)) {
        return bad[rng_below(r, sizeof(bad) / sizeof(bad[0]))];
    }
    switch (rng_below(r, 10)) {
    case 0:
    case 1: return space->always_ttl ? pick_life_ms(r) : ATTL_TTL_NONE;
    case 2: return ATTL_TTL_DEFAULT;
    case 3: return space->always_ttl ? pick_life_ms(r) : ATTL_TTL_KEEP;
    default: return pick_life_ms(r);
    }
}

/* A point in time: mostly ahead, sometimes now, just past, or long past. */
static int64_t
pick_point_ms(struct rng *r, const struct model *m)
{
    switch (rng_below(r, 12)) {
    case 0: return m->now_ms;
    case 1: return m->now_ms - 1;
    case 2: return m->now_ms - (int64_t)rng_range(r, 2, 100000);
    case 3: return 1;
    case 4: return m->now_ms + 1;
    case 5: return rng_one_in(r, 20) ? INT64_MAX : m->now_ms + DAY_MS;
    default: return m->now_ms + pick_life_ms(r);
    }
}

/* More deadlines than one, for a half of the entries that can have them. */
static void
pick_wish(struct op *op, struct rng *r)
{
    if (rng_one_in(r, 2)) {
        return;
    }
    if (rng_one_in(r, BAD_LIFE_ONE_IN)) {
        op->soft_ms = rng_one_in(r, 2) ? -1 : 0;
        op->grace_ms = op->soft_ms == 0 ? -1 : 5;
        op->ttl_ms = 1000; /* the wish alone is wrong */
        op->deadline_ms = 0;
        return;
    }
    int64_t life_ms = op->ttl_ms > 0 && op->ttl_ms < DAY_MS ? op->ttl_ms : 60000;
    op->soft_ms = rng_one_in(r, 4) ? 0 : (int64_t)rng_range(r, 1, (uint64_t)life_ms);
    op->grace_ms = rng_one_in(r, 4) ? 0 : pick_life_ms(r);
}

/* ---- operations ---------------------------------------------------------------------------- */

static void
pick_match(struct op *op, struct op_space *space, struct rng *r, struct model *m, size_t *used)
{
    const struct model_entry *e = model_find(m, op->keys[0]);
    if (e != NULL && rng_one_in(r, 2)) {
        op->match = model_value(e);
    } else {
        op->match = pick_value(space, r, used);
    }
    op->digest = attl_digest(op->match);
}

static void
pick_set_if(struct op *op, struct op_space *space, struct rng *r, struct model *m, size_t *used)
{
    static const uint32_t conditions[] = {
        0, ATTL_SET_NX, ATTL_SET_XX, ATTL_SET_IFEQ, ATTL_SET_IFNE, ATTL_SET_IFDEQ, ATTL_SET_IFDNE
    };
    op->flags = conditions[rng_below(r, sizeof(conditions) / sizeof(conditions[0]))];
    op->want_old = rng_one_in(r, 2);
    if (rng_one_in(r, 4)) {
        op->deadline_ms = pick_point_ms(r, m);
    }
    pick_wish(op, r);
    pick_match(op, space, r, m, used);
}

static void
pick_expire(struct op *op, struct rng *r, const struct model *m)
{
    static const uint32_t flags[] = { 0,
                                      0,
                                      0,
                                      0,
                                      ATTL_EXPIRE_NX,
                                      ATTL_EXPIRE_XX,
                                      ATTL_EXPIRE_GT,
                                      ATTL_EXPIRE_LT,
                                      ATTL_EXPIRE_XX | ATTL_EXPIRE_GT,
                                      ATTL_EXPIRE_XX | ATTL_EXPIRE_LT };
    op->flags = flags[rng_below(r, sizeof(flags) / sizeof(flags[0]))];
    if (rng_one_in(r, 200)) {
        op->flags = ATTL_EXPIRE_NX | ATTL_EXPIRE_GT; /* no such pair */
    }
    op->ttl_ms = rng_one_in(r, 12) ? -(int64_t)rng_below(r, 1000) : pick_life_ms(r);
    op->deadline_ms = rng_one_in(r, 100) ? -5 : pick_point_ms(r, m);
}

/* Offsets and tails that keep values within reach of the space, and now and then far beyond. */
static void
pick_edit(struct op *op, const struct op_space *space, struct rng *r, struct model *m)
{
    const struct model_entry *e = model_find(m, op->keys[0]);
    size_t old_len = e != NULL ? e->value_len : 0;
    if (op->values[0].len == 0) {
        op->values[0] = attl_s("x"); /* what an empty part does to an absent key is not promised */
    }
    if (rng_one_in(r, 100)) {
        op->offset = rng_one_in(r, 2) ? UINT64_MAX - rng_below(r, 3) : m->rules.value_bytes_max;
    } else {
        op->offset = rng_below(r, old_len + 1 + (rng_one_in(r, 4) ? 300 : 0));
    }
    if (op->kind == OP_APPEND && old_len > space->value_bytes_max && !rng_one_in(r, 50)) {
        op->kind = OP_SET_RANGE;
        op->offset = 0;
    }
}

static void
pick_batch(struct op *op, struct op_space *space, struct rng *r, struct model *m, size_t *used)
{
    op->key_count = rng_range(r, op->kind == OP_MSET ? 1 : 0, space->batch_max);
    for (size_t i = 0; i < op->key_count; i++) {
        op->keys[i] = pick_key(space, r);
        if (op->kind == OP_MSET) {
            op->values[i] = pick_value(space, r, used);
        }
    }
    if (op->kind == OP_MSET) {
        op->flags = rng_one_in(r, 3) ? (rng_one_in(r, 2) ? ATTL_SET_NX : ATTL_SET_XX) : 0;
        op->without_opts = !space->always_ttl && rng_one_in(r, 4);
        op->deadline_ms = rng_one_in(r, 4) ? pick_point_ms(r, m) : 0;
        if (!op->without_opts) {
            pick_wish(op, r);
        }
    }
}

/* Replaces the key of a one-key operation by one that may be refused. */
static void
spoil_key(struct op *op, struct op_space *space, struct rng *r, const struct model *m)
{
    static const char with_nul[] = "a\0b";
    unsigned char *end = space->scratch + space->scratch_bytes - SCRATCH_EXTRA;
    size_t over = m->rules.key_bytes_max + 1;
    switch (rng_below(r, 4)) {
    case 0: op->keys[0] = attl_b(NULL, 0); break;
    case 1: op->keys[0] = attl_b(with_nul, 3); break;
    case 2: op->keys[0] = attl_s("line\r\nbreak"); break;
    default:
        if (over <= SCRATCH_EXTRA) {
            memset(end, 'k', over);
            op->keys[0] = attl_b(end, over);
        }
        break;
    }
}

static enum op_kind
pick_kind(const struct op_space *space, struct rng *r)
{
    if (space->clear_one_in != 0 && rng_one_in(r, space->clear_one_in)) {
        return OP_CLEAR;
    }
    unsigned total = 0;
    for (int k = 0; k < OP_KINDS; k++) {
        total += space->weights[k];
    }
    uint64_t x = rng_below(r, total);
    int k = 0;
    while (x >= space->weights[k]) {
        x -= space->weights[k++];
    }
    return (enum op_kind)k;
}

/* Of what has no value of its own. */
static void
pick_life(struct op *op, struct rng *r, const struct model *m)
{
    if (op->kind == OP_GETEX)
        op->deadline_ms = rng_one_in(r, 3) ? pick_point_ms(r, m) : 0;
    else
        op->ttl_ms = rng_one_in(r, BAD_LIFE_ONE_IN) ? m->rules.ttl_ms_max + 1 : pick_life_ms(r);
}

void
op_random(struct op *op, struct op_space *space, struct rng *r, struct model *m)
{
    memset(op, 0, sizeof(*op));
    size_t used = 0;
    op->kind = pick_kind(space, r);
    op->keys[0] = pick_key(space, r);
    op->key_count = op->kind == OP_CLEAR ? 0 : 1;
    op->values[0] = pick_value(space, r, &used);
    op->ttl_ms = pick_ttl(space, r);
    op->delta = rng_one_in(r, 8) ? (int64_t)rng_u64(r) : (int64_t)rng_below(r, 200) - 100;
    switch (op->kind) {
    case OP_GET:
        op->offset = rng_one_in(r, 3) ? rng_below(r, 64) : space->value_bytes_max * 2;
        break;
    case OP_SET_IF: pick_set_if(op, space, r, m, &used); break;
    case OP_CAS: pick_match(op, space, r, m, &used); break;
    case OP_DEL_IF:
        pick_match(op, space, r, m, &used);
        op->flags = ATTL_SET_IFEQ << rng_below(r, 4);
        break;
    case OP_GETEX:
    case OP_NEGATIVE: pick_life(op, r, m); break;
    case OP_EXPIRE:
    case OP_EXPIRE_AT: pick_expire(op, r, m); break;
    case OP_APPEND:
    case OP_SET_RANGE: pick_edit(op, space, r, m); break;
    case OP_MGET:
    case OP_MGET_VISIT:
    case OP_MSET: pick_batch(op, space, r, m, &used); break;
    case OP_RENAME:
    case OP_COPY:
        op->keys[1] = rng_one_in(r, 30) ? op->keys[0] : pick_key(space, r);
        op->key_count = 2;
        op->flags = rng_one_in(r, 3) ? ATTL_SET_NX : 0;
        break;
    default: break;
    }
    if (op->key_count == 1 && op->kind != OP_MSET && rng_one_in(r, BAD_KEY_ONE_IN)) {
        spoil_key(op, space, r, m);
        op->ttl_ms = 1000; /* the key alone is wrong */
        op->deadline_ms = 0;
        op->soft_ms = op->grace_ms = 0;
        op->flags &= op->kind == OP_SET_IF || op->kind == OP_DEL_IF ? UINT32_MAX : 0;
        op->values[0].len = op->values[0].len < 100 ? op->values[0].len : 100;
        op->offset = op->kind == OP_SET_RANGE ? 0 : op->offset;
    }
}

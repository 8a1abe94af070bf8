/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call of the public API as data. op_random() makes one up, op_on_cache() performs it on the
 * cache and op_on_model() on the reference map; both describe what they saw in the same form, so
 * comparing is one function. The model test, the allocation-failure walk and the API fuzzer are all
 * loops around these. Slices in an op are borrowed from the op_space that made it, until the next
 * op_random().
 */
#ifndef ATTL_TESTS_OP_H
#define ATTL_TESTS_OP_H

#include "model.h"
#include "rng.h"

enum op_kind {
    OP_SET,
    OP_SET_IF,
    OP_CAS,
    OP_GET,
    OP_GET_PIN,
    OP_GET_VISIT,
    OP_GETDEL,
    OP_GETEX,
    OP_DEL,
    OP_DEL_IF,
    OP_EXISTS,
    OP_TOUCH,
    OP_EXPIRE,
    OP_EXPIRE_AT,
    OP_PERSIST,
    OP_TTL,
    OP_META,
    OP_INCR,
    OP_APPEND,
    OP_SET_RANGE,
    OP_MGET,
    OP_MGET_VISIT,
    OP_MSET,
    OP_RENAME,
    OP_COPY,
    OP_PEEK,
    OP_CLEAR,
    OP_NEGATIVE, /* fetch, and if that is won, fail: there is no such value for ttl_ms */
    OP_KINDS
};

enum { OP_KEYS_MAX = 24 };

struct op {
    enum op_kind kind;
    /* keys[0] is "the" key; for rename and copy keys[1] is the target. */
    attl_slice keys[OP_KEYS_MAX], values[OP_KEYS_MAX];
    size_t key_count;
    attl_slice match;
    uint64_t digest;
    uint32_t flags;
    int64_t ttl_ms, deadline_ms;
    int64_t soft_ms, grace_ms; /* set_if and mset */
    int64_t delta;
    uint64_t offset;   /* of set_range; the buffer's size for OP_GET */
    bool want_old;     /* set_if: ask for the previous value */
    bool without_opts; /* mset: pass NULL */
};

/* A value as it came back. */
struct op_value {
    int status;
    size_t len;
    uint64_t hash;
    int64_t deadline_ms;
};

/* What a call returned. Members a kind does not use are 0. */
struct op_seen {
    int status;
    int had_old;
    int64_t number; /* length, remaining life, sum, hits ... */
    size_t value_count;
    struct op_value values[OP_KEYS_MAX];
};

/* What operations are made of: a fixed set of keys, and how large and how long-lived values get. */
struct op_space {
    attl_slice *keys;
    size_t key_count;
    unsigned char *scratch; /* the bytes of one op's values */
    size_t scratch_bytes;
    size_t value_bytes_max;    /* of a generated value */
    unsigned big_value_one_in; /* how often a value above 16 KiB is tried; 0: never */
    size_t batch_max;          /* keys of an mget or mset, at most OP_KEYS_MAX */
    unsigned clear_one_in;     /* among operations; 0: never */
    bool always_ttl;           /* never write without a deadline */
    unsigned weights[OP_KINDS];
};

/* Keys of all lengths up to the model's limit, of bytes its mode allows. Dies on lack of memory. */
void op_space_init(struct op_space *space, const struct model_rules *rules, size_t key_count,
                   size_t value_bytes_max);
void op_space_fini(struct op_space *space);

/* Makes up an operation, looking at the model to hit interesting values and deadlines. */
void op_random(struct op *op, struct op_space *space, struct rng *r, struct model *m);

void op_on_model(struct model *m, const struct op *op, struct op_seen *ret_seen);
/* `now_ms` is only used to turn remaining lives into deadlines. */
void op_on_cache(attl *cache, const struct op *op, int64_t now_ms, struct op_seen *ret_seen);

/* The status the validation of the model's mode gives this key: ATTL_OK or ATTL_E_KEY_*. */
int op_key_status(const struct model_rules *rules, attl_slice key);
/* True if both saw the same; otherwise `text` says what differs. */
bool op_same(const struct op *op, const struct op_seen *cache, const struct op_seen *model,
             char *text, size_t text_len);
const char *op_name(enum op_kind kind);
/* A one-line description of the operation, for failures. */
void op_describe(const struct op *op, char *text, size_t text_len);

/* Deterministic bytes from a number. */
void op_fill(unsigned char *bytes, size_t len, uint64_t seed);

#endif

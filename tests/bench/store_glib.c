/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache a C programmer writes in an afternoon, as the peer that has a TTL: a GHashTable, an LRU
 * list through the entries, a deadline checked on each read, one mutex around it all.
 * Entries are one malloc each; expired ones go when they are met or reach the LRU's end. Invariant:
 * the table and the list hold the same entries. Everything is guarded by the one mutex.
 */
#include "store.h"

#include "bench.h"
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TTL_S = 3600 };

struct node {
    uint8_t key[STORE_KEY]; /* first: the table's key is the node itself */
    struct node *newer, *older;
    int64_t deadline_ms;
    uint8_t value[STORE_VALUE];
};

struct lru {
    pthread_mutex_t mtx;
    GHashTable *table;
    struct node *newest, *oldest;
    uint64_t capacity;
};

static guint
node_hash(gconstpointer p)
{
    return (guint)XXH3_64bits(p, STORE_KEY);
}

static gboolean
node_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, STORE_KEY) == 0;
}

/* The coarse clock: 6 ns, where the precise one would cost as much as the lookup. */
static int64_t
coarse_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
node_unlink(struct lru *c, struct node *n)
{
    *(n->newer ? &n->newer->older : &c->newest) = n->older;
    *(n->older ? &n->older->newer : &c->oldest) = n->newer;
}

static void
node_push(struct lru *c, struct node *n)
{
    n->newer = NULL;
    n->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = n;
    c->newest = n;
}

static void
node_drop(struct lru *c, struct node *n)
{
    node_unlink(c, n);
    (void)g_hash_table_remove(c->table, n);
    free(n);
}

static void *
glib_open(uint64_t capacity_items)
{
    struct lru *c = bench_alloc(sizeof *c);
    if (pthread_mutex_init(&c->mtx, NULL) != 0)
        bench_die("pthread_mutex_init");
    c->table = g_hash_table_new(node_hash, node_equal);
    c->capacity = capacity_items * 2;
    return c;
}

static void
glib_close(void *store)
{
    struct lru *c = store;
    g_hash_table_destroy(c->table);
    for (struct node *n = c->newest, *older; n; n = older) {
        older = n->older;
        free(n);
    }
    (void)pthread_mutex_destroy(&c->mtx);
    free(c);
}

static bool
glib_set(void *store, const uint8_t *key, const uint8_t *value)
{
    struct lru *c = store;
    (void)pthread_mutex_lock(&c->mtx);
    struct node *n = g_hash_table_lookup(c->table, key);
    if (n) {
        node_unlink(c, n);
    } else {
        if (g_hash_table_size(c->table) >= c->capacity)
            node_drop(c, c->oldest);
        n = bench_alloc(sizeof *n);
        memcpy(n->key, key, STORE_KEY);
        (void)g_hash_table_add(c->table, n);
    }
    memcpy(n->value, value, STORE_VALUE);
    n->deadline_ms = coarse_ms() + TTL_S * 1000;
    node_push(c, n);
    (void)pthread_mutex_unlock(&c->mtx);
    return true;
}

static bool
glib_get(void *store, const uint8_t *key, uint8_t *ret_value)
{
    struct lru *c = store;
    (void)pthread_mutex_lock(&c->mtx);
    struct node *n = g_hash_table_lookup(c->table, key);
    bool hit = n && n->deadline_ms > coarse_ms();
    if (hit) {
        node_unlink(c, n);
        node_push(c, n);
        memcpy(ret_value, n->value, STORE_VALUE);
    } else if (n) {
        node_drop(c, n);
    }
    (void)pthread_mutex_unlock(&c->mtx);
    return hit;
}

static uint64_t
glib_size(void *store)
{
    struct lru *c = store;
    (void)pthread_mutex_lock(&c->mtx);
    uint64_t n = g_hash_table_size(c->table);
    (void)pthread_mutex_unlock(&c->mtx);
    return n;
}

const struct store_ops store_glib = {
    .name = "glib+lru",
    .what = "GHashTable + mutex + LRU list + deadline per entry",
    .has_ttl = true,
    .open = glib_open,
    .close = glib_close,
    .set = glib_set,
    .get = glib_get,
    .mget = NULL,
    .size = glib_size,
};

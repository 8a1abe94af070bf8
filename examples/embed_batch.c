/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A batch at a time: settings by name, many keys read with their memory accesses overlapped, an
 * iteration over everything, and the figures a program would show its operators. Values that a read
 * hands out are borrowed from the cache and released by who asked for them. Every status is looked
 * at: below 0 is a failure and has a text, above 0 is an ordinary outcome.
 */
#include <attl/attl.h>
#include <inttypes.h>
#include <stdio.h>

enum { USERS = 1000, BATCH = 16, NAME_BYTES = 24, TTL_MS = 60 * 1000, SCAN_STEP = 100 };

static int
complain(const char *what, int status)
{
    (void)fprintf(stderr, "%s: %s\n", what, attl_strerror(status));
    return -1;
}

static int
open_small(attl **ret_cache)
{
    char why[256];
    attl_config *config = attl_config_new();
    if (!config)
        return complain("settings", ATTL_E_NOMEM);
    int status = attl_config_set(config, "cache.max_memory", "16MiB", why, sizeof(why));
    if (status < 0)
        (void)fprintf(stderr, "%s\n", why); /* names the option and what it accepts */
    else
        status = attl_open(ret_cache, config);
    attl_config_free(config);
    return status < 0 ? complain("open", status) : 0;
}

static int
fill(attl *cache)
{
    for (int i = 0; i < USERS; i++) {
        char key[NAME_BYTES], value[NAME_BYTES];
        (void)snprintf(key, sizeof(key), "user:%d", i);
        (void)snprintf(value, sizeof(value), "visits=%d", i * 3);
        int status = attl_set(cache, attl_s(key), attl_s(value), TTL_MS);
        if (status < 0)
            return complain(key, status);
    }
    return 0;
}

/* Every 70th user: the last of them are beyond USERS, so that there are misses to be seen. */
static void
read_batch(attl *cache)
{
    char names[BATCH][NAME_BYTES];
    attl_slice keys[BATCH];
    attl_value values[BATCH];
    int statuses[BATCH];
    for (int i = 0; i < BATCH; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "user:%d", i * 70);
        keys[i] = attl_s(names[i]);
        values[i] = (attl_value)ATTL_VALUE_INIT;
    }
    size_t hits = attl_mget(cache, keys, BATCH, values, statuses);
    printf("%zu of %d keys found\n", hits, BATCH);
    for (int i = 0; i < BATCH; i++) {
        if (statuses[i] == ATTL_OK)
            printf("  %s %.*s\n", names[i], (int)values[i].data.len,
                   (const char *)values[i].data.data);
        attl_value_release(cache, &values[i]); /* one that was never filled may be released too */
    }
}

static void
count_entry(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    uint64_t *bytes = ud;
    (void)deadline_ms; /* this count does not care when they end */
    *bytes += key.len + value.len;
}

static int
sum_bytes(attl *cache, uint64_t *ret_bytes)
{
    uint64_t cursor = 0, bytes = 0;
    int status;
    do
        status = attl_scan(cache, &cursor, SCAN_STEP, count_entry, &bytes);
    while (status == ATTL_OK);
    if (status != ATTL_DONE)
        return complain("scan", status);
    *ret_bytes = bytes;
    return 0;
}

int
main(void)
{
    attl *cache = NULL;
    uint64_t bytes = 0;
    attl_stats stats = { .struct_size = sizeof(stats) };
    if (open_small(&cache) < 0)
        return 1;
    int failed = fill(cache) < 0;
    if (!failed) {
        read_batch(cache);
        failed = sum_bytes(cache, &bytes) < 0;
    }
    attl_stats_get(cache, &stats);
    printf("%" PRIu64 " entries, %" PRIu64 " bytes of keys and values, %" PRIu64
           " bytes in use; %" PRIu64 " hits, %" PRIu64 " misses\n",
           stats.items, bytes, stats.mem_used, stats.hits, stats.misses);
    attl_close(&cache);
    return failed;
}

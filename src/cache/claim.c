/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking and dropping claims. Marks are set when all locks are held, and the numbers of claims are
 * raised after that and before the first change. So a reader of several keys that noted the number
 * of each partition before it read there, and finds all of them unchanged at the end, has seen no
 * transaction half: where it came before one, that one has raised the number since. Dropping clears
 * the marks before the locks go, so who waited for a lock reads freely.
 */
#include "cache/claim.h"

#include <stdlib.h>

static int
compare_partitions(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct partition *const *)a;
    uintptr_t y = (uintptr_t) * (struct partition *const *)b;
    return (x > y) - (x < y);
}

void
claim_sort(struct claim *claim)
{
    size_t n = claim->count;
    if (n > 1)
        qsort(claim->list, n, sizeof(*claim->list), compare_partitions);
    claim->count = 0;
    for (size_t i = 0; i < n; i++)
        if (claim->count == 0 || claim->list[claim->count - 1] != claim->list[i])
            claim->list[claim->count++] = claim->list[i];
}

static size_t
size(const struct claim *claim)
{
    return claim->list ? claim->count : (size_t)1 << claim->cache->partition_bits;
}

static struct partition *
at(const struct claim *claim, size_t i)
{
    return claim->list ? claim->list[i] : &claim->cache->partitions[i];
}

static void
mark(struct partition *p, table_ref busy)
{
    table_ref ref = atomic_load_explicit(&p->table, memory_order_relaxed) & ~TABLE_BUSY;
    atomic_store_explicit(&p->table, ref | busy, memory_order_release);
}

void
claim_take(struct claim *claim)
{
    size_t n = size(claim);
    for (size_t i = 0; i < n; i++)
        lock_acquire(&at(claim, i)->lock);
    for (size_t i = 0; i < n; i++) {
        struct partition *p = at(claim, i);
        mark(p, TABLE_BUSY);
        uint32_t claims = atomic_load_explicit(&p->claims, memory_order_relaxed);
        atomic_store_explicit(&p->claims, claims + 1, memory_order_release);
    }
    atomic_fetch_add(&claim->cache->claims, 1);
}

void
claim_drop(struct claim *claim)
{
    size_t n = size(claim);
    for (size_t i = 0; i < n; i++)
        mark(at(claim, i), 0);
    for (size_t i = 0; i < n; i++)
        lock_release(&at(claim, i)->lock);
}

bool
claim_has(const struct claim *claim, const struct partition *p)
{
    if (claim_is_whole(claim))
        return true;
    size_t low = 0, high = claim->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)claim->list[middle] < (uintptr_t)p)
            low = middle + 1;
        else
            high = middle;
    }
    return low < claim->count && claim->list[low] == p;
}

struct claim *
claim_mine(const struct cache *c)
{
    const struct reclaim_reader *r = reclaim_self();
    return r && r->claim && r->claim->cache == c ? r->claim : NULL;
}

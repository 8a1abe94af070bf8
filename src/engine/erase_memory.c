/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking out of memory what an erasure is about: entries of every kind, also negative ones and
 * those past their hard deadline, and loads that are under way for such keys, whose leases are lost
 * by it. Each removal is a logged deletion like any other, so everybody who listens hears of it.
 * Keys are gathered first, because a scan holds the lock of what it visits; an entry that is there
 * all the while is met.
 */
#include "cache/scan.h"
#include "engine/durability.h"
#include "engine/erase.h"
#include "engine/hot.h"
#include "engine/journal.h"

enum { STEP_ENTRIES = 64, STEP_BYTES = 64 << 10 };

struct gather {
    const struct erase_select *select;
    struct buf keys; /* each behind its length */
    uint64_t count;
};

static void
gather_key(struct gather *g, attl_slice key)
{
    if (!erase_select_fits(g->select, key))
        return;
    g->count++;
    buf_append(&g->keys, &key.len, sizeof key.len);
    if (key.len)
        buf_append(&g->keys, key.data, key.len);
}

static void
gather_entry(void *ud, const struct scan_entry *e)
{
    gather_key(ud, e->key);
}

/* Whoever loads such a key is told, too. */
static void
gather_flights(struct flight_bucket *bucket, struct gather *g)
{
    lock_acquire(&bucket->lock);
    for (const struct flight *f = bucket->first; f; f = f->next)
        gather_key(g, attl_b(f->key, f->key_bytes));
    lock_release(&bucket->lock);
}

static int
erase_change(struct entry *e, void *ud)
{
    uint64_t *removed = ud;
    e->unwanted = !e->found; /* a load must not bring it now */
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, COUNT_DELETES);
    ++*removed;
    return ATTL_OK;
}

static int
remove_key(struct attl *a, attl_slice key, uint64_t *removed)
{
    int status = journal_admit(a);
    if (status == ATTL_OK)
        status = durability_admit(a, key);
    if (status == ATTL_OK)
        status = engine_restore(a, key, erase_change, removed);
    return status < 0 ? status : ATTL_OK;
}

static int
remove_gathered(struct attl *a, const struct gather *g, uint64_t *removed)
{
    int status = g->keys.failed ? ATTL_E_NOMEM : ATTL_OK;
    for (size_t at = 0; status == ATTL_OK && at < g->keys.len;) {
        size_t len;
        memcpy(&len, g->keys.data + at, sizeof len);
        at += sizeof len;
        status = remove_key(a, attl_b(g->keys.data + at, len), removed);
        at += len;
    }
    return status;
}

/* One step's worth: what was gathered goes, or is only counted. */
static int
settle(struct attl *a, struct gather *g, bool dry_run, uint64_t *count)
{
    int status = dry_run ? ATTL_OK : remove_gathered(a, g, count);
    if (dry_run)
        *count += g->count;
    g->count = 0;
    buf_clear(&g->keys, STEP_BYTES);
    return status;
}

static int
erase_named(struct attl *a, const struct erase_select *select, uint64_t *count)
{
    int status = ATTL_OK;
    for (size_t i = 0; status == ATTL_OK && i < select->len; i++)
        status = remove_key(a, select->names[i], count);
    return status;
}

static int
erase_scanned(struct attl *a, const struct erase_select *select, bool dry_run, uint64_t *count)
{
    struct gather g = { .select = select };
    uint64_t cursor = 0, no_entry = 0;
    int status;
    buf_init(&g.keys, SIZE_MAX);
    do {
        cursor = scan_step_all(&a->cache, cursor, STEP_ENTRIES, engine_now_ms(a), gather_entry, &g);
        status = settle(a, &g, dry_run, count);
    } while (status == ATTL_OK && cursor != 0);
    for (size_t i = 0; status == ATTL_OK && !dry_run && i < FLIGHT_BUCKETS; i++) {
        gather_flights(&a->flights.buckets[i], &g);
        status = settle(a, &g, false, &no_entry);
    }
    buf_fini(&g.keys);
    return status;
}

int
erase_memory(struct attl *a, const struct erase_select *select, bool dry_run, uint64_t *ret_count)
{
    *ret_count = 0;
    if (!dry_run)
        hot_reset(a->sampler.hot); /* names of keys stand there, and counts begin anew for all */
    if (select->kind == ATTL_ERASE_KEY && !dry_run)
        return erase_named(a, select, ret_count);
    return erase_scanned(a, select, dry_run, ret_count);
}

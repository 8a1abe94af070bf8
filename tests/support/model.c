/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference map. Simplicity is its only virtue: every entry is its own allocation, looked up
 * through a chained table that doubles, and found again for sweeps through a dense array with
 * swap-removal. It shares no code with the library, not even the hash, so that a common mistake
 * cannot hide.
 */
#include "model.h"

#include "check.h"

enum { MODEL_BUCKETS_FIRST = 64, MODEL_ENTRIES_FIRST = 64 };

static void *
must(void *p)
{
    CHECK(p != NULL, "the model ran out of memory");
    return p;
}

static unsigned char *
copy_bytes(attl_slice s)
{
    unsigned char *p = must(malloc(s.len > 0 ? s.len : 1));
    if (s.len > 0) {
        memcpy(p, s.data, s.len);
    }
    return p;
}

uint64_t
model_hash(attl_slice bytes)
{
    const unsigned char *p = bytes.data;
    uint64_t h = UINT64_C(0x2545f4914f6cdd1d) ^ bytes.len;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 29;
    }
    for (; i < bytes.len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 29;
    }
    return h ^ (h >> 32);
}

void
model_init(struct model *m, const struct model_rules *rules, int64_t now_ms)
{
    memset(m, 0, sizeof(*m));
    m->rules = *rules;
    m->now_ms = now_ms;
    m->bucket_count = MODEL_BUCKETS_FIRST;
    m->buckets = must(calloc(m->bucket_count, sizeof(m->buckets[0])));
    m->cap = MODEL_ENTRIES_FIRST;
    m->entries = must(calloc(m->cap, sizeof(m->entries[0])));
}

static void
entry_free(struct model_entry *e)
{
    free(e->key);
    free(e->value);
    free(e);
}

void
model_clear(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        entry_free(m->entries[i]);
    }
    m->count = 0;
    memset(m->buckets, 0, m->bucket_count * sizeof(m->buckets[0]));
}

void
model_fini(struct model *m)
{
    model_clear(m);
    free(m->entries);
    free(m->buckets);
    memset(m, 0, sizeof(*m));
}

/* The link that points to the node of `key`, live or not; *link is NULL if there is none. */
static struct model_entry **
model_link(struct model *m, attl_slice key, uint64_t hash)
{
    struct model_entry **link = &m->buckets[hash & (m->bucket_count - 1)];
    while (*link != NULL) {
        const struct model_entry *e = *link;
        if (e->hash == hash && slice_equal(attl_b(e->key, e->key_len), key)) {
            break;
        }
        link = &(*link)->next;
    }
    return link;
}

static void
model_grow(struct model *m)
{
    free(m->buckets);
    m->bucket_count *= 2;
    m->buckets = must(calloc(m->bucket_count, sizeof(m->buckets[0])));
    for (size_t i = 0; i < m->count; i++) {
        struct model_entry *e = m->entries[i];
        struct model_entry **head = &m->buckets[e->hash & (m->bucket_count - 1)];
        e->next = *head;
        *head = e;
    }
}

static struct model_entry *
model_insert(struct model *m, attl_slice key, uint64_t hash)
{
    if (m->count == m->cap) {
        m->cap *= 2;
        m->entries = must(realloc(m->entries, m->cap * sizeof(m->entries[0])));
    }
    if (m->count >= m->bucket_count) {
        model_grow(m);
    }
    struct model_entry *e = must(calloc(1, sizeof(*e)));
    e->hash = hash;
    e->key = copy_bytes(key);
    e->key_len = key.len;
    e->index = m->count;
    m->entries[m->count++] = e;
    struct model_entry **head = &m->buckets[hash & (m->bucket_count - 1)];
    e->next = *head;
    *head = e;
    return e;
}

struct model_entry *
model_find(struct model *m, attl_slice key)
{
    struct model_entry *e = *model_link(m, key, model_hash(key));
    return e != NULL && model_is_live(m, e) ? e : NULL;
}

struct model_entry *
model_find_kept(struct model *m, attl_slice key)
{
    struct model_entry *e = *model_link(m, key, model_hash(key));
    return e != NULL && model_is_kept(m, e) ? e : NULL;
}

struct model_entry *
model_find_change(struct model *m, attl_slice key)
{
    struct model_entry *e = model_find_kept(m, key);
    if (e != NULL && !model_is_live(m, e)) {
        (void)model_remove(m, key);
        return NULL;
    }
    return e;
}

void
model_move(struct model_entry *e, int64_t deadline_ms)
{
    int64_t grace_ms = e->deadline_ms != ATTL_NO_DEADLINE ? e->gone_ms - e->deadline_ms : 0;
    e->deadline_ms = deadline_ms;
    e->gone_ms = deadline_ms == ATTL_NO_DEADLINE ? ATTL_NO_DEADLINE : deadline_ms + grace_ms;
    if (deadline_ms != ATTL_NO_DEADLINE && e->soft_ms > deadline_ms) {
        e->soft_ms = deadline_ms;
    }
}

void
model_put(struct model *m, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    uint64_t hash = model_hash(key);
    struct model_entry *e = *model_link(m, key, hash);
    if (e == NULL) {
        e = model_insert(m, key, hash);
    } else if (!model_is_live(m, e)) {
        /* A new life in an old node: an iteration under way no longer owes it. */
        e->scan_due = false;
    }
    /* Copied before the old bytes go: `value` may be those very bytes. */
    unsigned char *bytes = copy_bytes(value);
    free(e->value);
    e->value = bytes;
    e->value_len = value.len;
    e->deadline_ms = e->gone_ms = deadline_ms;
    e->soft_ms = ATTL_NO_DEADLINE;
    e->negative = false;
}

void
model_put_negative(struct model *m, attl_slice key, int64_t deadline_ms)
{
    model_put(m, key, attl_b(NULL, 0), deadline_ms);
    (*model_link(m, key, model_hash(key)))->negative = true;
}

static void
model_unlink(struct model *m, struct model_entry **link)
{
    struct model_entry *e = *link;
    *link = e->next;
    struct model_entry *last = m->entries[--m->count];
    m->entries[e->index] = last;
    last->index = e->index;
    entry_free(e);
}

bool
model_remove(struct model *m, attl_slice key)
{
    struct model_entry **link = model_link(m, key, model_hash(key));
    if (*link == NULL) {
        return false;
    }
    bool was_live = model_is_live(m, *link);
    model_unlink(m, link);
    return was_live;
}

void
model_purge(struct model *m, int64_t horizon_ms)
{
    size_t i = 0;
    while (i < m->count) {
        struct model_entry *e = m->entries[i];
        if (e->gone_ms != ATTL_NO_DEADLINE && e->gone_ms <= horizon_ms) {
            /* The last entry takes this place, so the same index is looked at again. */
            model_unlink(m, model_link(m, attl_b(e->key, e->key_len), e->hash));
        } else {
            i++;
        }
    }
}

size_t
model_live(const struct model *m)
{
    size_t live = 0;
    for (size_t i = 0; i < m->count; i++) {
        live += model_is_live(m, m->entries[i]) ? 1 : 0;
    }
    return live;
}

size_t
model_kept(const struct model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        kept += model_is_kept(m, m->entries[i]) ? 1 : 0;
    }
    return kept;
}

int64_t
model_first_deadline(const struct model *m)
{
    int64_t first = ATTL_NO_DEADLINE;
    for (size_t i = 0; i < m->count; i++) {
        int64_t d = m->entries[i]->gone_ms;
        if (d != ATTL_NO_DEADLINE && d > m->now_ms && (first == ATTL_NO_DEADLINE || d < first)) {
            first = d;
        }
    }
    return first;
}

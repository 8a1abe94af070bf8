/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A topic exists while somebody is subscribed to it. Its subscriptions are an array, so that
 * publishing walks memory in order; a subscription knows its place there, and the last one takes
 * the place of one that leaves. A second table finds the subscription of a receiver to a topic, so
 * that neither a popular channel nor a client with many subscriptions makes leaving slow. The
 * tables only grow: their size follows the largest number of subscriptions there were.
 */
#include "net/broker.h"

#include "base/assert.h"
#include "base/glob.h"
#include "protocol/resp_write.h"

#include <stdlib.h>

enum { TABLE_FIRST_BITS = 4, SUBS_FIRST = 4, HEADERS_BYTES = 256 };

struct subscription {
    struct broker_link link; /* in the table of pairs; first, so that it is the subscription */
    struct topic *topic;
    struct receiver *receiver;
    struct subscription *prev, *next; /* of the receiver */
    size_t place;                     /* in topic->subs */
};

struct topic {
    struct broker_link link; /* in the table of topics; first */
    enum pubsub_kind kind;
    struct topic *prev_pattern, *next_pattern;
    struct subscription **subs;
    size_t len, cap;
    size_t name_len;
    char name[];
};

/* ---- tables ---- */

static bool
table_grow(struct broker_table *t)
{
    size_t bits = t->buckets ? t->bits + 1 : TABLE_FIRST_BITS;
    struct broker_link **buckets = calloc((size_t)1 << bits, sizeof *buckets);
    if (!buckets)
        return false;
    size_t old = t->buckets ? (size_t)1 << t->bits : 0;
    for (size_t i = 0; i < old; i++) {
        for (struct broker_link *c = t->buckets[i], *next; c; c = next) {
            next = c->next;
            struct broker_link **at = &buckets[c->hash >> (64 - bits)];
            c->next = *at;
            *at = c;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->bits = bits;
    return true;
}

/* Makes room for one more; a full table without memory gets slower, an empty one fails. */
static bool
table_reserve(struct broker_table *t)
{
    bool full = !t->buckets || t->len >= (size_t)1 << t->bits;
    return !full || table_grow(t) || t->buckets;
}

static struct broker_link **
table_bucket(const struct broker_table *t, uint64_t hash)
{
    return &t->buckets[hash >> (64 - t->bits)];
}

static void
table_add(struct broker_table *t, struct broker_link *c)
{
    struct broker_link **at = table_bucket(t, c->hash);
    c->next = *at;
    *at = c;
    t->len++;
}

static void
table_remove(struct broker_table *t, struct broker_link *c)
{
    struct broker_link **at = table_bucket(t, c->hash);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    t->len--;
}

/* ---- finding ---- */

static uint64_t
topic_hash(const struct broker *b, enum pubsub_kind kind, attl_slice name)
{
    return hash_bytes(&b->hash, name) + (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15);
}

static struct topic *
find_topic(const struct broker *b, enum pubsub_kind kind, attl_slice name, uint64_t hash)
{
    if (!b->topics.buckets)
        return NULL;
    for (struct broker_link *l = *table_bucket(&b->topics, hash); l; l = l->next) {
        struct topic *t = (struct topic *)l;
        if (l->hash == hash && t->kind == kind && t->name_len == name.len &&
            (name.len == 0 || memcmp(t->name, name.data, name.len) == 0))
            return t;
    }
    return NULL;
}

/* Client numbers are ours, so mixing them needs no secret. */
static uint64_t
pair_hash(const struct topic *t, const struct receiver *r)
{
    return t->link.hash ^ (r->id * UINT64_C(0xff51afd7ed558ccd));
}

static struct subscription *
find_pair(const struct broker *b, const struct topic *t, const struct receiver *r)
{
    uint64_t hash = pair_hash(t, r);
    for (struct broker_link *l = *table_bucket(&b->pairs, hash); l; l = l->next) {
        struct subscription *s = (struct subscription *)l;
        if (s->topic == t && s->receiver == r)
            return s;
    }
    return NULL;
}

/* ---- life of topics and subscriptions ---- */

void
broker_init(struct broker *b, const struct hash_key *hash)
{
    *b = (struct broker){ .hash = *hash };
    lock_init(&b->lock);
}

void
broker_fini(struct broker *b)
{
    ASSERT(atomic_load(&b->subscriptions) == 0); /* receivers have left */
    free(b->topics.buckets);
    free(b->pairs.buckets);
}

static void
pattern_append(struct broker *b, struct topic *t)
{
    t->prev_pattern = b->last_pattern;
    *(b->last_pattern ? &b->last_pattern->next_pattern : &b->first_pattern) = t;
    b->last_pattern = t;
}

static void
pattern_remove(struct broker *b, struct topic *t)
{
    *(t->prev_pattern ? &t->prev_pattern->next_pattern : &b->first_pattern) = t->next_pattern;
    *(t->next_pattern ? &t->next_pattern->prev_pattern : &b->last_pattern) = t->prev_pattern;
}

static struct topic *
topic_new(struct broker *b, enum pubsub_kind kind, attl_slice name, uint64_t hash)
{
    if (!table_reserve(&b->topics))
        return NULL;
    struct topic *t = calloc(1, sizeof *t + name.len);
    if (!t)
        return NULL;
    t->link.hash = hash;
    t->kind = kind;
    t->name_len = name.len;
    if (name.len > 0)
        memcpy(t->name, name.data, name.len);
    table_add(&b->topics, &t->link);
    if (kind == PUBSUB_PATTERN)
        pattern_append(b, t);
    atomic_fetch_add(&b->topics_of[kind], 1);
    return t;
}

static void
topic_free_if_empty(struct broker *b, struct topic *t)
{
    if (t->len > 0)
        return;
    table_remove(&b->topics, &t->link);
    if (t->kind == PUBSUB_PATTERN)
        pattern_remove(b, t);
    atomic_fetch_sub(&b->topics_of[t->kind], 1);
    free(t->subs);
    free(t);
}

static bool
topic_reserve(struct topic *t)
{
    if (t->len < t->cap)
        return true;
    size_t cap = t->cap ? 2 * t->cap : SUBS_FIRST;
    struct subscription **subs = realloc(t->subs, cap * sizeof *subs);
    if (!subs)
        return false;
    t->subs = subs;
    t->cap = cap;
    return true;
}

static bool
join(struct broker *b, struct topic *t, struct receiver *r)
{
    if (!table_reserve(&b->pairs) || !topic_reserve(t))
        return false;
    struct subscription *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    s->link.hash = pair_hash(t, r);
    s->topic = t;
    s->receiver = receiver_keep(r);
    s->place = t->len;
    t->subs[t->len++] = s;
    s->prev = r->last;
    *(r->last ? &r->last->next : &r->first) = s;
    r->last = s;
    r->subscriptions++;
    table_add(&b->pairs, &s->link);
    atomic_fetch_add(&b->subscriptions, 1);
    return true;
}

static void
part(struct broker *b, struct subscription *s)
{
    struct topic *t = s->topic;
    struct receiver *r = s->receiver;
    struct subscription *moved = t->subs[--t->len];
    t->subs[s->place] = moved;
    moved->place = s->place;
    *(s->prev ? &s->prev->next : &r->first) = s->next;
    *(s->next ? &s->next->prev : &r->last) = s->prev;
    r->subscriptions--;
    table_remove(&b->pairs, &s->link);
    atomic_fetch_sub(&b->subscriptions, 1);
    free(s);
    topic_free_if_empty(b, t);
    receiver_free(r);
}

/* ---- subscribing ---- */

/* REQUIRES the lock. */
static int
subscribe(struct broker *b, struct receiver *r, enum pubsub_kind kind, attl_slice name)
{
    uint64_t hash = topic_hash(b, kind, name);
    struct topic *t = find_topic(b, kind, name, hash);
    if (t && b->pairs.buckets && find_pair(b, t, r))
        return ATTL_NOT_SET;
    if (r->subscriptions >= BROKER_SUBSCRIPTIONS_PER_CLIENT_MAX ||
        atomic_load(&b->subscriptions) >= BROKER_SUBSCRIPTIONS_MAX)
        return ATTL_E_BUSY;
    if (!t)
        t = topic_new(b, kind, name, hash);
    if (!t)
        return ATTL_E_NOMEM;
    if (join(b, t, r))
        return ATTL_OK;
    topic_free_if_empty(b, t);
    return ATTL_E_NOMEM;
}

int
broker_subscribe(struct broker *b, struct receiver *r, enum pubsub_kind kind, attl_slice name)
{
    if (name.len > BROKER_NAME_BYTES_MAX)
        return ATTL_E_KEY_LONG;
    lock_acquire(&b->lock);
    int status = subscribe(b, r, kind, name);
    lock_release(&b->lock);
    return status;
}

int
broker_unsubscribe(struct broker *b, struct receiver *r, enum pubsub_kind kind, attl_slice name)
{
    lock_acquire(&b->lock);
    struct topic *t = find_topic(b, kind, name, topic_hash(b, kind, name));
    struct subscription *s = t ? find_pair(b, t, r) : NULL;
    if (s)
        part(b, s);
    lock_release(&b->lock);
    return s ? ATTL_OK : ATTL_MISS;
}

bool
broker_subscription(struct broker *b, struct receiver *r, enum pubsub_kind kind,
                    attl_slice *ret_name)
{
    lock_acquire(&b->lock);
    const struct subscription *s = r->first;
    while (s && s->topic->kind != kind)
        s = s->next;
    if (s)
        *ret_name = attl_b(s->topic->name, s->topic->name_len);
    lock_release(&b->lock);
    return s != NULL;
}

bool
broker_may_hear(struct broker *b, struct receiver *r,
                bool (*fn)(const void *ud, enum pubsub_kind kind, attl_slice name), const void *ud)
{
    bool may = true;
    lock_acquire(&b->lock);
    for (const struct subscription *s = r->first; s && may; s = s->next)
        may = fn(ud, s->topic->kind, attl_b(s->topic->name, s->topic->name_len));
    lock_release(&b->lock);
    return may;
}

void
broker_leave(struct broker *b, struct receiver *r)
{
    lock_acquire(&b->lock);
    while (r->first)
        part(b, r->first);
    lock_release(&b->lock);
}

/* ---- publishing ---- */

/* ">3 message channel payload", or with the pattern in front; NULL on lack of memory. */
static struct message *
make_message(const char *type, const struct topic *pattern, attl_slice channel, attl_slice payload)
{
    size_t pattern_len = pattern ? pattern->name_len : 0;
    size_t max = HEADERS_BYTES + pattern_len + channel.len + payload.len;
    struct message *m = message_new(max);
    if (!m)
        return NULL;
    /* The buffer is the message's own bytes, with room for everything: it never grows. */
    struct buf out = { .data = m->data, .len = 0, .cap = max, .max_bytes = max };
    resp_push(&out, 3, pattern ? 4 : 3);
    resp_bulk_str(&out, type);
    if (pattern)
        resp_bulk(&out, attl_b(pattern->name, pattern->name_len));
    resp_bulk(&out, channel);
    resp_bulk(&out, payload);
    ASSERT(!out.failed && out.data == m->data);
    m->len = out.len;
    return m;
}

static size_t
send_to_all(const struct topic *t, const char *type, attl_slice channel, attl_slice payload)
{
    bool is_pattern = t->kind == PUBSUB_PATTERN;
    struct message *m = make_message(type, is_pattern ? t : NULL, channel, payload);
    for (size_t i = 0; i < t->len; i++) {
        if (m)
            receiver_send(t->subs[i]->receiver, LETTER_PUSH, m);
        else
            receiver_miss(t->subs[i]->receiver, LETTER_PUSH);
    }
    message_free(m);
    return t->len;
}

size_t
broker_publish(struct broker *b, enum pubsub_kind kind, attl_slice channel, attl_slice payload)
{
    if (atomic_load_explicit(&b->subscriptions, memory_order_acquire) == 0)
        return 0;
    size_t n = 0;
    lock_acquire(&b->lock);
    const struct topic *t = find_topic(b, kind, channel, topic_hash(b, kind, channel));
    if (t)
        n += send_to_all(t, kind == PUBSUB_SHARD ? "smessage" : "message", channel, payload);
    const struct topic *pattern = kind == PUBSUB_CHANNEL ? b->first_pattern : NULL;
    for (; pattern; pattern = pattern->next_pattern)
        if (glob_match(attl_b(pattern->name, pattern->name_len), channel, false))
            n += send_to_all(pattern, "pmessage", channel, payload);
    lock_release(&b->lock);
    return n;
}

/* ---- looking ---- */

size_t
broker_subscribers(struct broker *b, enum pubsub_kind kind, attl_slice name)
{
    lock_acquire(&b->lock);
    const struct topic *t = find_topic(b, kind, name, topic_hash(b, kind, name));
    size_t n = t ? t->len : 0;
    lock_release(&b->lock);
    return n;
}

void
broker_each(struct broker *b, enum pubsub_kind kind, void (*fn)(void *ud, attl_slice name),
            void *ud)
{
    lock_acquire(&b->lock);
    size_t buckets = b->topics.buckets ? (size_t)1 << b->topics.bits : 0;
    for (size_t i = 0; i < buckets; i++)
        for (const struct broker_link *l = b->topics.buckets[i]; l; l = l->next) {
            const struct topic *t = (const struct topic *)l;
            if (t->kind == kind)
                fn(ud, attl_b(t->name, t->name_len));
        }
    lock_release(&b->lock);
}

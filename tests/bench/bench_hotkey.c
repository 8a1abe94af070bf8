/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Would it pay to serve a hot key from a copy of its own in every thread? The prototype under test
 * holds copies by hash, each with the table and the bucket's version it was taken under; a copy is
 * as good as the entry while both are what they were, which is one line of the index to look at
 * instead of the record's as well. It runs beside attl_get, in turns of a few milliseconds within
 * one slot, so that both see the same machine: a hot key alone or among cold ones, values small and
 * large, nobody writing or one thread that overwrites the hot key at a rate. What is compared is
 * the processor time of the reading threads per read. Copies belong to one thread each.
 */
#include "api/api.h"
#include "bench.h"
#include "cache/lookup.h"
#include "cache/read.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    COPIES = 64,
    VALUE_MAX = 16384,
    THREADS_MAX = 16,
    TURN_READS = 20000,
    COLD_KEYS = 1000000,
    COLD_BYTES = 64,
    LIFE_MS = 3600000,
    UNBOUNDED = 1000000000, /* a rate that is not reached */
};

enum way { PLAIN, COPY, WAYS };

struct copy {
    uint64_t hash; /* 0: none */
    table_ref table;
    const struct bucket *bucket;
    uint32_t version;
    int64_t deadline_ms;
    uint8_t key[BENCH_KEY_BYTES];
    size_t len;
    uint8_t value[VALUE_MAX];
};

struct setup {
    attl *cache;
    uint64_t value_bytes, hot_percent, write_rate;
    uint8_t hot[BENCH_KEY_BYTES];
    _Atomic bool stop;
};

struct reader {
    pthread_t thread;
    struct setup *s;
    unsigned number;
    struct copy *copies;
    struct rng rng;
    uint64_t cpu_ns[WAYS], reads[WAYS], served; /* from copies */
};

/* ---- the prototype --------------------------------------------------------------------------- */

static bool
copy_holds(const struct copy *it, const struct partition *p, uint64_t hash, const uint8_t *key,
           int64_t now_ms)
{
    return it->hash == hash && memcmp(it->key, key, BENCH_KEY_BYTES) == 0 &&
           atomic_load_explicit(&p->table, memory_order_acquire) == it->table &&
           atomic_load_explicit(&it->bucket->version, memory_order_acquire) == it->version &&
           !life_has_passed(it->deadline_ms, now_ms);
}

/* Reads as the cache does, and keeps what was read if it is still true afterwards. */
static void
copy_take(struct attl *a, struct partition *p, const struct index_key *k, int64_t now_ms,
          struct copy *it)
{
    struct lookup_hit hit;
    it->hash = 0;
    table_ref t = atomic_load_explicit(&p->table, memory_order_acquire);
    if (!table_ref_usable(t) || lookup(t, &a->cache.region, k, &hit) != LOOKUP_HIT ||
        hit.shape.flags & (RECORD_EXTENT | RECORD_LIFE | RECORD_INTEGER) ||
        hit.shape.value_len > VALUE_MAX)
        return;
    it->table = t;
    it->bucket = hit.pos.bucket;
    it->version = hit.version;
    it->deadline_ms = record_deadline(hit.record, &hit.shape, now_ms);
    it->len = hit.shape.value_len;
    attl_slice value = record_value(hit.record, &hit.shape);
    memcpy(it->key, k->key.data, BENCH_KEY_BYTES);
    memcpy(it->value, value.data, it->len);
    atomic_thread_fence(memory_order_acquire);
    if (lookup_valid(&hit) && atomic_load(&p->table) == t)
        it->hash = k->hash;
}

/* attl_get with copies: whatever it does beside the lookup, this does too. */
static int
get_copied(struct reader *me, attl_slice key, uint8_t *buf, size_t buf_len, size_t *ret_len)
{
    struct attl *a = me->s->cache;
    struct reclaim_reader *self = reclaim_self();
    if (!self || engine_check_key(a, self, key) != ATTL_OK)
        return ATTL_E_INVALID;
    struct sample sample = { .begun_ns = sample_begin(self) };
    struct index_key k = { .key = key, .hash = cache_hash(&a->cache, key) };
    struct partition *p = cache_partition(&a->cache, k.hash);
    struct copy *it = &me->copies[k.hash % COPIES];
    int64_t now_ms = engine_now_ms(a);
    reclaim_enter(self); /* the table of a copy may be on its way out */
    bool holds = copy_holds(it, p, k.hash, key.data, now_ms);
    if (holds) {
        *ret_len = it->len;
        memcpy(buf, it->value, it->len <= buf_len ? it->len : buf_len);
        if (sample.begun_ns)
            sample_end(a, self, CONTROL_READ, &k, key.len + it->len, &sample);
        cache_count(&a->cache, self, COUNT_HITS, 1);
        me->served++;
    } else if (memcmp(key.data, me->s->hot, BENCH_KEY_BYTES) == 0) { /* the sketch's word for it */
        copy_take(a, p, &k, now_ms, it);
    }
    reclaim_exit(self);
    return holds ? ATTL_OK : attl_get(a, key, buf, buf_len, ret_len);
}

/* ---- the load -------------------------------------------------------------------------------- */

static void
turn(struct reader *me, enum way way)
{
    uint8_t key[BENCH_KEY_BYTES], buf[VALUE_MAX];
    size_t len;
    uint64_t from_ns = bench_thread_cpu_ns();
    for (unsigned i = 0; i < TURN_READS; i++) {
        const uint8_t *wanted = me->s->hot;
        if (me->s->hot_percent < 100 && rng_below(&me->rng, 100) >= me->s->hot_percent) {
            key_write(key, 1 + rng_below(&me->rng, COLD_KEYS));
            wanted = key;
        }
        attl_slice k = attl_b(wanted, BENCH_KEY_BYTES);
        int status = way == COPY ? get_copied(me, k, buf, sizeof buf, &len)
                                 : attl_get(me->s->cache, k, buf, sizeof buf, &len);
        if (status != ATTL_OK)
            bench_die("a read has failed: %s", attl_strerror(status));
    }
    me->cpu_ns[way] += bench_thread_cpu_ns() - from_ns;
    me->reads[way] += TURN_READS;
}

static void *
read_main(void *arg)
{
    struct reader *me = arg;
    bench_pin(me->number);
    for (uint64_t i = 0; !atomic_load_explicit(&me->s->stop, memory_order_relaxed); i++) {
        turn(me, i % 2 ? COPY : PLAIN);
        turn(me, i % 2 ? PLAIN : COPY);
    }
    return NULL;
}

static void
write_hot(struct setup *s)
{
    uint8_t value[VALUE_MAX] = { 1 };
    if (attl_set(s->cache, attl_b(s->hot, sizeof s->hot), attl_b(value, s->value_bytes), LIFE_MS) <
        0)
        bench_die("attl_set");
}

/* Overwrites the hot key by timetable. */
static void *
write_main(void *arg)
{
    struct setup *s = arg;
    bench_pin(bench_cpus() - 1);
    uint64_t at_ns = bench_now_ns();
    while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        write_hot(s);
        at_ns += 1000000000 / s->write_rate;
        uint64_t now_ns = bench_now_ns();
        if (s->write_rate < UNBOUNDED && now_ns < at_ns)
            bench_sleep_ns(at_ns - now_ns);
    }
    return NULL;
}

struct outcome {
    struct series ns[WAYS], served_share;
};

static void
slot(struct setup *s, uint64_t threads, uint64_t slot_ms, struct outcome *ret)
{
    static struct reader readers[THREADS_MAX];
    pthread_t writer;
    atomic_store(&s->stop, false);
    if (s->write_rate && pthread_create(&writer, NULL, write_main, s) != 0)
        bench_die("no thread");
    for (unsigned i = 0; i < threads; i++) {
        readers[i] = (struct reader){ .s = s, .number = i, .rng = { mix64(i + 1) } };
        readers[i].copies = bench_alloc(COPIES * sizeof(struct copy));
        if (pthread_create(&readers[i].thread, NULL, read_main, &readers[i]) != 0)
            bench_die("no thread");
    }
    bench_sleep_ns(slot_ms * 1000000);
    atomic_store(&s->stop, true);
    uint64_t cpu_ns[WAYS] = { 0 }, reads[WAYS] = { 0 }, served = 0;
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(readers[i].thread, NULL);
        for (int way = 0; way < WAYS; way++) {
            cpu_ns[way] += readers[i].cpu_ns[way];
            reads[way] += readers[i].reads[way];
        }
        served += readers[i].served;
        free(readers[i].copies);
    }
    if (s->write_rate)
        (void)pthread_join(writer, NULL);
    for (int way = 0; way < WAYS; way++)
        series_add(&ret->ns[way], (double)cpu_ns[way] / (double)reads[way]);
    series_add(&ret->served_share, (double)served / (double)reads[COPY]);
}

struct settings {
    uint64_t rounds, slot_ms;
    const char *json;
};

static void
run_case(struct setup *s, uint64_t threads, const struct settings *set)
{
    struct outcome out = { .ns = { { .n = 0 } } };
    struct series gain;
    write_hot(s);
    for (uint64_t round = 0; round < set->rounds; round++)
        slot(s, threads, set->slot_ms, &out);
    series_ratio(&out.ns[PLAIN], &out.ns[COPY], &gain);
    char rate[32];
    (void)snprintf(rate, sizeof rate, s->write_rate < UNBOUNDED ? "%llu" : "unbounded",
                   (unsigned long long)s->write_rate);
    (void)printf("%7llu %6llu %7llu%% %10s %10.1f %10.1f %9.0f%%   %.2f (%.2f..%.2f)\n",
                 (unsigned long long)threads, (unsigned long long)s->value_bytes,
                 (unsigned long long)s->hot_percent, rate, series_median(&out.ns[PLAIN]),
                 series_median(&out.ns[COPY]), series_median(&out.served_share) * 100,
                 series_median(&gain), series_min(&gain), series_max(&gain));
    bench_json(set->json,
               "{\"bench\":\"hotkey\",\"threads\":%llu,\"value\":%llu,\"hot_percent\":%llu,"
               "\"writes_per_s\":%llu,\"plain_ns\":%.1f,\"copy_ns\":%.1f,\"gain\":%.3f}",
               (unsigned long long)threads, (unsigned long long)s->value_bytes,
               (unsigned long long)s->hot_percent, (unsigned long long)s->write_rate,
               series_median(&out.ns[PLAIN]), series_median(&out.ns[COPY]), series_median(&gain));
}

static void
fill(struct setup *s)
{
    uint8_t key[BENCH_KEY_BYTES], value[COLD_BYTES] = { 1 };
    for (uint64_t i = 1; i <= COLD_KEYS; i++) {
        key_write(key, i);
        if (attl_set(s->cache, attl_b(key, sizeof key), attl_b(value, sizeof value), LIFE_MS) < 0)
            bench_die("attl_set");
    }
    key_write(s->hot, 0);
}

struct list {
    uint64_t at[BENCH_LIST_MAX];
    unsigned n;
};

/* Every size with every share and every rate. */
static void
run_cases(struct setup *s, uint64_t threads, const struct list lists[3], const struct settings *set)
{
    unsigned cases = lists[0].n * lists[1].n * lists[2].n;
    for (unsigned i = 0; i < cases; i++) {
        uint64_t bytes = lists[0].at[i / lists[2].n / lists[1].n];
        s->value_bytes = bytes < VALUE_MAX ? bytes : VALUE_MAX;
        s->hot_percent = lists[1].at[i / lists[2].n % lists[1].n];
        s->write_rate = lists[2].at[i % lists[2].n];
        run_case(s, threads, set);
    }
}

int
main(int argc, char **argv)
{
    struct settings set = { .rounds = 5, .slot_ms = 200 };
    const char *values = "64,4096", *rates = "0,1000,20000,1000000000", *shares = "100,30";
    uint64_t threads_max = bench_cpus();
    const struct arg args[] = {
        { "rounds", ARG_U64, &set.rounds, "slots per case" },
        { "slot-ms", ARG_U64, &set.slot_ms, "length of a slot" },
        { "threads", ARG_U64, &threads_max, "readers, at most: 1, 2, 4 .. of them" },
        { "values", ARG_TEXT, &values, "bytes of the hot value" },
        { "rates", ARG_TEXT, &rates, "overwrites of the hot key per second; 1G: no pause" },
        { "shares", ARG_TEXT, &shares, "percent of the reads that are of the hot key" },
        { "json", ARG_TEXT, &set.json, "file to append JSON lines to" },
    };
    args_parse(argc, argv, "Hot keys: attl_get beside a prototype of validated copies per thread.",
               args, sizeof args / sizeof args[0]);
    static const char *const settings[] = { "cache.max_memory=4gb", "cache.max_entries=0", NULL };
    struct list lists[3];
    lists[0].n = args_list(values, lists[0].at);
    lists[1].n = args_list(shares, lists[1].at);
    lists[2].n = args_list(rates, lists[2].at);
    struct setup s = { .cache = bench_attl_open(settings) };
    fill(&s);
    (void)printf(
        "readers  value     hot   writes/s     get ns    copy ns  from copy   get / copy\n");
    for (uint64_t threads = 1; threads <= threads_max && threads <= THREADS_MAX; threads *= 2)
        run_cases(&s, threads, lists, &set);
    attl_close(&s.cache);
    return 0;
}

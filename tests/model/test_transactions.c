/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions that interleave MULTI, WATCH, EXEC and plain commands, against a model that is a table
 * of keys and, per session, a queue and the versions of what it watches. Each reply is compared
 * byte for byte. One thread and a simulated clock, so a run is replayed from its seed
 * (ATTL_TEST_SEED); what threads do to each other is in model/isolation.
 */
#include "command/command.h"
#include "support/check.h"
#include "support/rng.h"
#include "support/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEYS = 6,
    SESSIONS = 4,
    STEPS = 60000,
    QUEUE_MAX = 12,
    VALUE_MAX = 64,
    REPLY_MAX = 8192,
    WORDS_MAX = 4,
    REQUEST_MAX = 96,
};

struct item {
    bool there;
    char value[VALUE_MAX];
    int64_t deadline_ms; /* 0: none */
    uint64_t version;    /* of everything that ever happened to it */
};

struct request {
    char text[REQUEST_MAX]; /* words with blanks between them */
    bool wrong;             /* refused before it runs */
};

struct client {
    struct session session;
    bool queueing, aborted;
    struct request queue[QUEUE_MAX];
    size_t queued;
    bool watching[KEYS];
    uint64_t seen[KEYS]; /* versions when it began */
};

struct run {
    struct sim sim;
    struct rng rng;
    attl *cache;
    struct command_host host;
    struct command_env env;
    struct item items[KEYS];
    struct client clients[SESSIONS];
    struct buf out;
    char want[REPLY_MAX];
    size_t want_len;
    uint64_t executed, conflicts, aborts;
};

/* ---- the model ------------------------------------------------------------------------------- */

static void
say(struct run *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(r->want + r->want_len, sizeof r->want - r->want_len, format, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < sizeof r->want - r->want_len, "the reply is too long");
    r->want_len += (size_t)n;
}

static void
say_value(struct run *r, const struct item *it)
{
    if (it->there)
        say(r, "$%zu\r\n%s\r\n", strlen(it->value), it->value);
    else
        say(r, "$-1\r\n");
}

static void
expire_items(struct run *r)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct item *it = &r->items[i];
        if (it->there && it->deadline_ms && it->deadline_ms <= sim_now(&r->sim)) {
            it->there = false;
            it->version++;
        }
    }
}

static void
put_item(struct item *it, const char *value, int64_t deadline_ms)
{
    it->there = true;
    CHECK(strlen(value) < sizeof it->value, "%s", value);
    memmove(it->value, value, strlen(value) + 1);
    it->deadline_ms = deadline_ms;
    it->version++;
}

static void
remove_item(struct item *it)
{
    it->there = false;
    it->version++;
}

static long long
number_of(const char *text)
{
    return strtoll(text, NULL, 10);
}

static bool
is_number(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < 12 && strspn(text, "0123456789") == len && (len == 1 || text[0] != '0');
}

static void
model_incr(struct run *r, struct item *it)
{
    char text[24];
    if (it->there && !is_number(it->value)) {
        say(r, "-ERR value is not an integer or out of range\r\n");
        return;
    }
    long long n = (it->there ? number_of(it->value) : 0) + 1;
    (void)snprintf(text, sizeof text, "%lld", n);
    put_item(it, text, it->there ? it->deadline_ms : 0);
    say(r, ":%lld\r\n", n);
}

static void
model_append(struct run *r, struct item *it, const char *tail)
{
    char text[2 * VALUE_MAX];
    (void)snprintf(text, sizeof text, "%s%s", it->there ? it->value : "", tail);
    put_item(it, text, it->there ? it->deadline_ms : 0);
    say(r, ":%zu\r\n", strlen(it->value));
}

static void
model_rename(struct run *r, struct item *from, struct item *to)
{
    if (!from->there) {
        say(r, "-ERR no such key\r\n");
        return;
    }
    if (from != to) {
        put_item(to, from->value, from->deadline_ms);
        remove_item(from);
    }
    say(r, "+OK\r\n");
}

static void
model_count(struct run *r, bool change, struct item *it, void (*how)(struct item *it))
{
    say(r, ":%d\r\n", change);
    if (change)
        how(it);
}

static void
persist_item(struct item *it)
{
    it->deadline_ms = 0;
    it->version++;
}

static void
model_clear(struct run *r)
{
    for (size_t i = 0; i < KEYS; i++)
        if (r->items[i].there)
            remove_item(&r->items[i]);
    say(r, "+OK\r\n");
}

/* Commands that make a value from values. */
static void
model_rework(struct run *r, const struct request *rq, struct item *it, const char *verb,
             const char *arg)
{
    unsigned b = 0;
    if (strcmp(verb, "INCR") == 0) {
        model_incr(r, it);
    } else if (strcmp(verb, "APPEND") == 0) {
        model_append(r, it, arg);
    } else {
        CHECK(strcmp(verb, "RENAME") == 0 && sscanf(arg, "k%u", &b) == 1, "%s", rq->text);
        model_rename(r, it, &r->items[b]);
    }
}

/* Runs a plain command on the model. */
static void
model_run(struct run *r, const struct request *rq)
{
    char verb[16] = "", arg[32] = "";
    unsigned a = 0, b = 0;
    (void)sscanf(rq->text, "%15s k%u %31s", verb, &a, arg); /* what is there */
    struct item *it = &r->items[a];
    if (strcmp(verb, "PING") == 0) {
        say(r, "+PONG\r\n");
    } else if (strcmp(verb, "FLUSHALL") == 0) {
        model_clear(r);
    } else if (strcmp(verb, "EXISTS") == 0) {
        say(r, ":%d\r\n", it->there);
    } else if (strcmp(verb, "GET") == 0) {
        say_value(r, it);
    } else if (strcmp(verb, "MGET") == 0) {
        CHECK(sscanf(arg, "k%u", &b) == 1, "%s", rq->text);
        say(r, "*2\r\n");
        say_value(r, it);
        say_value(r, &r->items[b]);
    } else if (strcmp(verb, "SET") == 0) {
        put_item(it, arg, 0);
        say(r, "+OK\r\n");
    } else if (strcmp(verb, "PSETEX") == 0) {
        put_item(it, "mortal", sim_now(&r->sim) + number_of(arg));
        say(r, "+OK\r\n");
    } else if (strcmp(verb, "DEL") == 0) {
        model_count(r, it->there, it, remove_item);
    } else if (strcmp(verb, "PERSIST") == 0) {
        model_count(r, it->there && it->deadline_ms, it, persist_item);
    } else if (strcmp(verb, "PEXPIRE") == 0) {
        model_count(r, it->there, it, persist_item);
        it->deadline_ms = it->there ? sim_now(&r->sim) + number_of(arg) : 0;
    } else {
        model_rework(r, rq, it, verb, arg);
    }
}

static void
model_forget(struct client *c)
{
    c->queueing = c->aborted = false;
    c->queued = 0;
    memset(c->watching, 0, sizeof c->watching);
}

static bool
model_conflicts(const struct run *r, const struct client *c)
{
    for (size_t i = 0; i < KEYS; i++)
        if (c->watching[i] && c->seen[i] != r->items[i].version)
            return true;
    return false;
}

static void
model_exec(struct run *r, struct client *c)
{
    if (!c->queueing) {
        say(r, "-ERR EXEC without MULTI\r\n");
        return;
    }
    if (c->aborted) {
        r->aborts++;
        say(r, "-EXECABORT Transaction discarded because of previous errors.\r\n");
    } else if (model_conflicts(r, c)) {
        r->conflicts++;
        say(r, "*-1\r\n");
    } else {
        r->executed++;
        say(r, "*%zu\r\n", c->queued);
        for (size_t i = 0; i < c->queued; i++)
            model_run(r, &c->queue[i]);
    }
    model_forget(c);
}

static void
model_watch(struct run *r, struct client *c, unsigned key)
{
    if (c->queueing) {
        say(r, "-ERR WATCH inside MULTI is not allowed\r\n");
        return;
    }
    if (!c->watching[key]) {
        c->watching[key] = true;
        c->seen[key] = r->items[key].version;
    }
    say(r, "+OK\r\n");
}

/* What the session's commands do; true if that was all. */
static bool
model_session(struct run *r, struct client *c, const struct request *rq)
{
    unsigned key;
    if (strcmp(rq->text, "EXEC") == 0) {
        model_exec(r, c);
    } else if (sscanf(rq->text, "WATCH k%u", &key) == 1) {
        model_watch(r, c, key);
    } else if (strcmp(rq->text, "MULTI") == 0) {
        say(r, c->queueing ? "-ERR MULTI calls can not be nested\r\n" : "+OK\r\n");
        c->queueing = true;
    } else if (strcmp(rq->text, "DISCARD") == 0) {
        say(r, c->queueing ? "+OK\r\n" : "-ERR DISCARD without MULTI\r\n");
        if (c->queueing)
            model_forget(c);
    } else if (strcmp(rq->text, "UNWATCH") == 0 && !c->queueing) {
        model_forget(c);
        say(r, "+OK\r\n");
    } else {
        return false;
    }
    return true;
}

static void
model_step(struct run *r, struct client *c, const struct request *rq)
{
    r->want_len = 0;
    if (rq->wrong) {
        say(r, "-ERR wrong number of arguments for 'get' command\r\n");
        c->aborted = c->aborted || c->queueing;
    } else if (model_session(r, c, rq)) {
        return;
    } else if (c->queueing) {
        c->queue[c->queued++] = *rq;
        say(r, "+QUEUED\r\n");
    } else {
        model_run(r, rq);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static void
choose_plain(struct run *r, struct request *rq)
{
    unsigned a = (unsigned)rng_below(&r->rng, KEYS), b = (unsigned)rng_below(&r->rng, KEYS);
    unsigned n = (unsigned)rng_below(&r->rng, 1000);
    char *to = rq->text;
    size_t room = sizeof rq->text;
    switch (rng_below(&r->rng, 17)) {
    case 0: (void)snprintf(to, room, "PING"); break;
    case 1: (void)snprintf(to, room, rng_one_in(&r->rng, 8) ? "FLUSHALL" : "PING"); break;
    case 2: (void)snprintf(to, room, "PSETEX k%u %u mortal", a, n + 1); break;
    case 3: (void)snprintf(to, room, "DEL k%u", a); break;
    case 4: (void)snprintf(to, room, "PERSIST k%u", a); break;
    case 5: (void)snprintf(to, room, "PEXPIRE k%u %u", a, n + 1); break;
    case 6:
    case 7: (void)snprintf(to, room, "INCR k%u", a); break;
    case 8:
        if (strlen(r->items[a].value) < VALUE_MAX / 4)
            (void)snprintf(to, room, "APPEND k%u x", a);
        else
            (void)snprintf(to, room, "SET k%u x", a);
        break;
    case 9: (void)snprintf(to, room, "RENAME k%u k%u", a, b); break;
    case 10: (void)snprintf(to, room, "MGET k%u k%u", a, b); break;
    case 11: (void)snprintf(to, room, "EXISTS k%u", a); break;
    case 12: (void)snprintf(to, room, "SET k%u text%u", a, n); break;
    case 13:
    case 14: (void)snprintf(to, room, "GET k%u", a); break;
    default: (void)snprintf(to, room, "SET k%u %u", a, n); break;
    }
}

static void
choose(struct run *r, const struct client *c, struct request *rq)
{
    *rq = (struct request){ .wrong = false };
    unsigned key = (unsigned)rng_below(&r->rng, KEYS);
    uint64_t dice = rng_below(&r->rng, 100);
    if (c->queued == QUEUE_MAX)
        (void)snprintf(rq->text, sizeof rq->text, "EXEC");
    else if (dice < 12)
        (void)snprintf(rq->text, sizeof rq->text, "WATCH k%u", key);
    else if (dice < 27)
        (void)snprintf(rq->text, sizeof rq->text, c->queueing ? "EXEC" : "MULTI");
    else if (dice < 29)
        (void)snprintf(rq->text, sizeof rq->text, c->queueing ? "MULTI" : "EXEC");
    else if (dice < 31)
        (void)snprintf(rq->text, sizeof rq->text, "DISCARD");
    else if (dice < 33 && !c->queueing)
        (void)snprintf(rq->text, sizeof rq->text, "UNWATCH");
    else if (dice < 34)
        *rq = (struct request){ "GET", true };
    else
        choose_plain(r, rq);
}

static void
ask(struct run *r, struct client *c, const struct request *rq)
{
    attl_slice argv[WORDS_MAX];
    size_t argc = 0;
    for (const char *p = rq->text; *p; argc++) {
        size_t len = strcspn(p, " ");
        argv[argc] = attl_b(p, len);
        p += len + (p[len] == ' ');
    }
    buf_clear(&r->out, REPLY_MAX);
    command_execute(&r->env, &c->session, argv, argc, &r->out);
    CHECK(r->out.len == r->want_len && memcmp(r->out.data, r->want, r->want_len) == 0,
          "%s\n  answered %.*s\n  expected %.*s", rq->text, (int)r->out.len, r->out.data,
          (int)r->want_len, r->want);
}

static bool
no_auth(void *ud)
{
    (void)ud;
    return false;
}

static void
step(struct run *r)
{
    struct client *c = &r->clients[rng_below(&r->rng, SESSIONS)];
    struct request rq;
    if (rng_one_in(&r->rng, 12))
        sim_advance(&r->sim, (int64_t)rng_below(&r->rng, 400));
    if (rng_one_in(&r->rng, 40))
        attl_tick(r->cache, 0, NULL);
    expire_items(r);
    choose(r, c, &rq);
    model_step(r, c, &rq);
    ask(r, c, &rq);
    if (rng_one_in(&r->rng, 2000)) { /* it hangs up */
        session_end(&c->session);
        model_forget(c);
    }
}

int
main(void)
{
    static const struct sim_option options[] = { { "cache.max_memory", "0" },
                                                 { "cache.max_entries", "0" },
                                                 { "cache.default_ttl", "0" },
                                                 { "validation.mode", "binary" },
                                                 { NULL, NULL } };
    static struct run r;
    uint64_t seed = test_seed(), steps = test_scaled(STEPS);
    test_announce("transactions", seed);
    sim_init(&r.sim);
    r.rng = rng_from_seed(seed);
    r.cache = sim_open(&r.sim, options);
    r.host = (struct command_host){ .auth_required = no_auth };
    r.env = (struct command_env){ .cache = r.cache, .host = &r.host };
    r.env.stats = command_stats_new();
    CHECK(r.env.stats, "no memory");
    buf_init(&r.out, REPLY_MAX);
    for (size_t i = 0; i < SESSIONS; i++)
        r.clients[i].session = (struct session){ .id = i, .proto = 2, .authenticated = true };
    for (uint64_t i = 0; i < steps; i++)
        step(&r);
    for (size_t i = 0; i < SESSIONS; i++)
        session_end(&r.clients[i].session);
    buf_fini(&r.out);
    command_stats_free(r.env.stats);
    sim_close(&r.cache);
    printf("# %" PRIu64 " executed, %" PRIu64 " conflicts, %" PRIu64 " aborted\n", r.executed,
           r.conflicts, r.aborts);
    CHECK(r.executed > steps / 100 && r.conflicts > steps / 1000 && r.aborts > 0, "too tame");
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding keys. KEYS and SCAN write matching keys straight into the reply and put the header, whose
 * count is known only then, in front of them afterwards. A single SCAN does a bounded amount of
 * work whatever COUNT it is given: it may always return fewer keys and a cursor to go on with.
 */
#include "base/num.h"
#include "command/commands.h"
#include "base/glob.h"
#include "command/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SCAN_COUNT_DEFAULT = 10,
    SCAN_COUNT_MAX = 1 << 20,   /* a worker serves others too; the cursor says where to go on */
    SCAN_STEP_MAX = 1024,       /* entries per call of the cache */
    SCAN_BARREN_STEPS_MAX = 16, /* in a row without an entry: an almost empty cache in one call */
    SCAN_REPLY_BYTES_MAX = 4 << 20, /* after this much, SCAN returns what it has */
    RANDOM_KEY_FIRST_BYTES = 256,   /* room for a key at the first attempt */
    RANDOM_KEY_TRIES = 8,
    CURSOR_TEXT_MAX = 32
};

struct collect {
    struct buf *out;
    attl_slice pattern; /* data NULL: everything matches */
    bool none;          /* nothing matches: another TYPE is wanted */
    size_t n;           /* keys written */
    size_t seen;
};

static void
collect_key(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)value;
    (void)deadline_ms;
    struct collect *c = ud;
    c->seen++;
    if (c->none || (c->pattern.data && !glob_match(c->pattern, key, false)))
        return;
    resp_bulk(c->out, key);
    c->n++;
}

static bool
is_match_all(attl_slice pattern)
{
    return pattern.len == 1 && *(const char *)pattern.data == '*';
}

/* KEYS pattern */
void
cmd_keys(struct request *rq)
{
    struct buf *out = rq->out;
    size_t mark = out->len;
    struct collect c = { .out = out };
    if (!is_match_all(rq->argv[1]))
        c.pattern = rq->argv[1].data ? rq->argv[1] : attl_b("", 0);
    uint64_t cursor = 0;
    int st = ATTL_OK;
    while (st == ATTL_OK && !out->failed)
        st = attl_scan(rq->env->cache, &cursor, SCAN_STEP_MAX, collect_key, &c);
    reply_insert_array(out, mark, c.n);
    rq->s->interrupt |= SESSION_YIELD;
    if (out->failed == BUF_TOO_BIG) {
        /* More keys than one reply may hold is a question asked the wrong way, no reason to hang
         * up. */
        out->failed = BUF_FINE;
        out->len = mark;
        resp_error(out, "ERR too many keys for one reply, use SCAN");
    }
}

/* As Redis reads it, with strtoul: a sign or nothing at all will do. */
static bool
cursor_parse(attl_slice arg, uint64_t *ret_cursor)
{
    char text[CURSOR_TEXT_MAX];
    if (arg.len == 0) {
        *ret_cursor = 0;
        return true;
    }
    if (!arg_text(arg, text, sizeof text) || strchr(" \t\n\v\f\r", text[0]))
        return false;
    char *end;
    errno = 0;
    unsigned long long cursor = strtoull(text, &end, 10);
    if (*end != '\0' || errno == ERANGE)
        return false;
    *ret_cursor = cursor;
    return true;
}

/* The options of SCAN; false after answering. */
static bool
scan_words(struct request *rq, struct collect *c, int64_t *ret_count)
{
    *ret_count = SCAN_COUNT_DEFAULT;
    for (size_t i = 2; i < rq->argc; i += 2) {
        bool has_operand = i + 1 < rq->argc;
        if (has_operand && arg_is(rq->argv[i], "count")) {
            if (!arg_i64(rq, i + 1, NULL, ret_count))
                return false;
            if (*ret_count > SCAN_COUNT_MAX)
                *ret_count = SCAN_COUNT_MAX;
            if (*ret_count >= 1)
                continue;
        } else if (has_operand && arg_is(rq->argv[i], "match")) {
            bool all = is_match_all(rq->argv[i + 1]);
            c->pattern = all ? attl_b(NULL, 0) : rq->argv[i + 1];
            continue;
        } else if (has_operand && arg_is(rq->argv[i], "type")) {
            c->none = !arg_is(rq->argv[i + 1], "string");
            continue;
        }
        reply_syntax_error(rq);
        return false;
    }
    return true;
}

/* Writes keys until about `count` entries were seen; the new cursor. */
static uint64_t
scan_collect(struct request *rq, struct collect *c, uint64_t cursor, int64_t count)
{
    size_t mark = c->out->len;
    int st = ATTL_OK, barren = 0;
    while (st == ATTL_OK && !c->out->failed && (int64_t)c->seen < count) {
        int64_t left = count - (int64_t)c->seen;
        size_t before = c->seen;
        size_t step = left < SCAN_STEP_MAX ? (size_t)left : SCAN_STEP_MAX;
        st = attl_scan(rq->env->cache, &cursor, step, collect_key, c);
        barren = c->seen == before ? barren + 1 : 0;
        if (barren == SCAN_BARREN_STEPS_MAX || c->out->len - mark > SCAN_REPLY_BYTES_MAX)
            break;
    }
    return st == ATTL_DONE ? 0 : cursor;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
void
cmd_scan(struct request *rq)
{
    uint64_t cursor;
    int64_t count;
    struct collect c = { .out = rq->out };
    if (!cursor_parse(rq->argv[1], &cursor)) {
        resp_error(rq->out, "ERR invalid cursor");
        return;
    }
    if (!scan_words(rq, &c, &count))
        return;
    size_t mark = rq->out->len;
    cursor = scan_collect(rq, &c, cursor, count);
    char digits[NUM_TEXT_MAX];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)cursor);
    char header[2 * NUM_TEXT_MAX + CURSOR_TEXT_MAX];
    int len = snprintf(header, sizeof header, "*2\r\n$%d\r\n%s\r\n*%zu\r\n", n, digits, c.n);
    reply_insert(rq->out, mark, attl_b(header, (size_t)len));
    rq->s->interrupt |= SESSION_YIELD;
}

/* RANDOMKEY */
void
cmd_randomkey(struct request *rq)
{
    struct buf *out = rq->out;
    size_t mark = out->len, room = RANDOM_KEY_FIRST_BYTES, len = 0;
    int st = ATTL_E_BUFFER;
    /* Every attempt draws another key, so a longer one may turn up when room was made for the last.
     */
    for (int try = 0; try < RANDOM_KEY_TRIES && st == ATTL_E_BUFFER; try++) {
        char *at = buf_reserve(out, room + 2);
        if (!at)
            return;
        st = attl_random_key(rq->env->cache, at, room, &len);
        if (len > room)
            room = 2 * len;
    }
    if (reply_if_failed(rq, st))
        return;
    if (st != ATTL_OK) {
        resp_null(out, rq->s->proto);
        return;
    }
    char header[NUM_TEXT_MAX + 4];
    int header_len = snprintf(header, sizeof header, "$%zu\r\n", len);
    out->len += len;
    buf_append(out, "\r\n", 2);
    reply_insert(out, mark, attl_b(header, (size_t)header_len));
}

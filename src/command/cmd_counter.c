/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers. Integers are the cache's own operation. INCRBYFLOAT is not: it reads the value, computes
 * with long double as Redis does, and stores under the condition that the value is still the one it
 * read; when another client was faster it starts again. A failed round means that somebody else's
 * round succeeded, so the bound on rounds is there for the proof, not for practice.
 */
#include "command/commands.h"
#include "command/reply.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FLOAT_TEXT_MAX = 5 * 1024, /* the longest finite long double has 4933 digits before the point */
    FLOAT_DECIMALS = 17,       /* so that most decimals survive a round trip */
    FLOAT_ROUNDS_MAX = 1000
};

static void
incr_by(struct request *rq, int64_t delta)
{
    int64_t value = 0;
    int st = attl_incr(rq->env->cache, rq->argv[1], delta, ATTL_TTL_DEFAULT, &value);
    if (!reply_if_failed(rq, st))
        resp_int(rq->out, value);
}

/* INCR key */
void
cmd_incr(struct request *rq)
{
    incr_by(rq, 1);
}

/* DECR key */
void
cmd_decr(struct request *rq)
{
    incr_by(rq, -1);
}

/* INCRBY key increment */
void
cmd_incrby(struct request *rq)
{
    int64_t delta;
    if (arg_i64(rq, 2, NULL, &delta))
        incr_by(rq, delta);
}

/* DECRBY key decrement */
void
cmd_decrby(struct request *rq)
{
    int64_t delta;
    if (!arg_i64(rq, 2, NULL, &delta))
        return;
    if (delta == INT64_MIN) {
        resp_error(rq->out, "ERR decrement would overflow");
        return;
    }
    incr_by(rq, -delta);
}

/* The whole of `text` as a number, inf included and nan not, without white space around it. */
static bool
float_parse(attl_slice text, long double *ret_value)
{
    char z[FLOAT_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof z)
        return false;
    memcpy(z, text.data, text.len);
    z[text.len] = '\0';
    if (isspace((unsigned char)z[0]))
        return false;
    char *end;
    errno = 0;
    long double value = strtold(z, &end);
    if (end != z + text.len || isnan(value))
        return false;
    if (errno == ERANGE && (isinf(value) || value == 0))
        return false;
    *ret_value = value;
    return true;
}

/* Decimal text without an exponent and without zeros behind the last digit. */
static size_t
float_format(long double value, char out[FLOAT_TEXT_MAX])
{
    int n = snprintf(out, FLOAT_TEXT_MAX, "%.*Lf", FLOAT_DECIMALS, value);
    if (n < 0 || n >= FLOAT_TEXT_MAX)
        return 0;
    size_t len = (size_t)n;
    while (len > 0 && out[len - 1] == '0')
        len--;
    if (len > 0 && out[len - 1] == '.')
        len--;
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}

/* The present value and the condition under which a new one may replace it. */
struct float_read {
    attl_set_opts opts;
    char text[FLOAT_TEXT_MAX];
    long double value;
};

/* False after answering. */
static bool
float_read(struct request *rq, struct float_read *r)
{
    size_t len = 0;
    int st = attl_get(rq->env->cache, rq->argv[1], r->text, sizeof r->text, &len);
    if (st != ATTL_E_BUFFER && reply_if_failed(rq, st))
        return false;
    r->opts = (attl_set_opts)ATTL_SET_OPTS_INIT;
    r->value = 0;
    if (st == ATTL_MISS) {
        r->opts.flags = ATTL_SET_NX;
        return true;
    }
    r->opts.flags = ATTL_SET_IFEQ;
    r->opts.match = attl_b(r->text, len);
    r->opts.ttl_ms = ATTL_TTL_KEEP;
    if (st == ATTL_OK && float_parse(r->opts.match, &r->value))
        return true;
    resp_error(rq->out, "ERR value is not a valid float");
    return false;
}

/* One attempt. ATTL_OK after the reply, ATTL_NOT_SET if the value changed meanwhile. */
static int
float_round(struct request *rq)
{
    struct float_read r;
    long double delta;
    if (!float_read(rq, &r))
        return ATTL_OK;
    if (!float_parse(rq->argv[2], &delta)) {
        resp_error(rq->out, "ERR value is not a valid float");
        return ATTL_OK;
    }
    long double sum = r.value + delta;
    if (isnan(sum) || isinf(sum)) {
        resp_error(rq->out, "ERR increment would produce NaN or Infinity");
        return ATTL_OK;
    }
    char text[FLOAT_TEXT_MAX];
    attl_slice value = attl_b(text, float_format(sum, text));
    int st = attl_set_if(rq->env->cache, rq->argv[1], value, &r.opts, NULL, NULL);
    if (st == ATTL_NOT_SET)
        return st;
    if (!reply_if_failed(rq, st))
        resp_bulk(rq->out, value);
    return ATTL_OK;
}

/* INCRBYFLOAT key increment */
void
cmd_incrbyfloat(struct request *rq)
{
    for (int round = 0; round < FLOAT_ROUNDS_MAX; round++)
        if (float_round(rq) == ATTL_OK)
            return;
    resp_error(rq->out, "ERR the value keeps changing, try again");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statuses into replies. One switch holds every failure text, so that the same rule reads the same
 * whatever command met it; validation failures name the rule to look for in settings.toml. The
 * texts of Redis are kept to the byte where Redis has the case.
 */
#include "command/reply.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdio.h>

bool
slice_equal(attl_slice a, attl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
arg_i64(struct request *rq, size_t i, const char *error, int64_t *ret_value)
{
    ASSERT(i < rq->argc);
    if (num_parse_i64(rq->argv[i], ret_value))
        return true;
    resp_error(rq->out, error ? error : "ERR value is not an integer or out of range");
    return false;
}

bool
arg_on_off(struct request *rq, size_t i, bool *ret_on)
{
    ASSERT(i < rq->argc);
    bool on = arg_is(rq->argv[i], "on");
    if (!on && !arg_is(rq->argv[i], "off")) {
        reply_syntax_error(rq);
        return false;
    }
    *ret_on = on;
    return true;
}

bool
arg_text(attl_slice arg, char *buf, size_t len)
{
    if (arg.len == 0 || arg.len >= len || memchr(arg.data, '\0', arg.len))
        return false;
    memcpy(buf, arg.data, arg.len);
    buf[arg.len] = '\0';
    return true;
}

void
reply_ok(struct request *rq)
{
    resp_simple(rq->out, "OK");
}

void
reply_syntax_error(struct request *rq)
{
    resp_error(rq->out, "ERR syntax error");
}

void
reply_arity_error(struct request *rq)
{
    resp_errorf(rq->out, "ERR wrong number of arguments for '%s' command", rq->cmd->name);
}

void
reply_expire_error(struct request *rq)
{
    resp_errorf(rq->out, "ERR invalid expire time in '%s' command", rq->cmd->name);
}

/* The rule behind a refusal by the validation, or NULL. */
static const char *
validation_rule(int status)
{
    switch (status) {
    case ATTL_E_KEY_EMPTY: return "key_empty";
    case ATTL_E_KEY_LONG: return "max_key_bytes";
    case ATTL_E_KEY_CONTROL: return "key_control";
    case ATTL_E_KEY_NUL: return "key_nul";
    case ATTL_E_VALUE_LONG: return "max_value_bytes";
    case ATTL_E_TTL_REQUIRED: return "ttl_required";
    default: return NULL;
    }
}

void
reply_failure(struct request *rq, int status)
{
    ASSERT(status < 0);
    const char *rule = validation_rule(status);
    if (rule) {
        resp_errorf(rq->out, "ERR %s (validation.%s)", attl_strerror(status), rule);
        return;
    }
    switch (status) {
    case ATTL_E_TTL_RANGE:
        resp_errorf(rq->out, "ERR invalid expire time in '%s' command (validation.max_ttl)",
                    rq->cmd->name);
        break;
    case ATTL_E_FULL:
        resp_error(rq->out, "OOM command not allowed when used memory > 'maxmemory'.");
        break;
    case ATTL_E_QUOTA:
        resp_error(rq->out, "OOM command not allowed: the quota of the key's namespace is used up");
        break;
    case ATTL_E_NOMEM: resp_error(rq->out, "OOM out of memory"); break;
    case ATTL_E_NOT_INTEGER:
        resp_error(rq->out, "ERR value is not an integer or out of range");
        break;
    case ATTL_E_OVERFLOW: resp_error(rq->out, "ERR increment or decrement would overflow"); break;
    case ATTL_E_BUSY:
        resp_error(rq->out, "BUSY too many bytes of values are in use (cache.max_pinned), or of "
                            "changes wait for the log (persist.buffer): try again");
        break;
    case ATTL_E_IO:
        resp_error(rq->out,
                   "MISCONF the log cannot be written, so changes are refused (see attld's "
                   "log and INFO persistence)");
        break;
    case ATTL_E_LOADING:
        resp_error(rq->out, "LOADING Redis is loading the dataset in memory");
        break;
    default: resp_errorf(rq->out, "ERR %s", attl_strerror(status)); break;
    }
}

bool
reply_if_failed(struct request *rq, int status)
{
    if (__builtin_expect(status >= 0, 1))
        return false;
    reply_failure(rq, status);
    return true;
}

void
reply_done(struct request *rq, int status)
{
    if (!reply_if_failed(rq, status))
        resp_int(rq->out, status == ATTL_OK || status == ATTL_DELETED);
}

void
reply_value(struct request *rq, attl_value *value, bool present)
{
    if (present)
        resp_bulk(rq->out, value->data);
    else
        resp_null(rq->out, rq->s->proto);
    attl_value_release(rq->env->cache, value);
}

void
reply_field_int(struct request *rq, const char *name, int64_t value)
{
    resp_bulk_str(rq->out, name);
    resp_int(rq->out, value);
}

void
reply_field_str(struct request *rq, const char *name, const char *value)
{
    resp_bulk_str(rq->out, name);
    resp_bulk_str(rq->out, value);
}

void
reply_insert(struct buf *out, size_t mark, attl_slice prefix)
{
    ASSERT(mark <= out->len);
    if (!buf_reserve(out, prefix.len))
        return;
    memmove(out->data + mark + prefix.len, out->data + mark, out->len - mark);
    memcpy(out->data + mark, prefix.data, prefix.len);
    out->len += prefix.len;
}

/* "*12\r\n" at `mark`. */
static void
insert_header(struct buf *out, size_t mark, char type, size_t n)
{
    char header[NUM_TEXT_MAX + 4] = { type };
    size_t len = 1 + num_format_i64(header + 1, (int64_t)n);
    header[len++] = '\r';
    header[len++] = '\n';
    reply_insert(out, mark, attl_b(header, len));
}

void
reply_insert_array(struct buf *out, size_t mark, size_t n)
{
    insert_header(out, mark, '*', n);
}

void
reply_insert_map(struct request *rq, size_t mark, size_t n)
{
    bool is_map = rq->s->proto >= 3;
    insert_header(rq->out, mark, is_map ? '%' : '*', is_map ? n : 2 * n);
}

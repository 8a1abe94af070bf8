/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running commands for HTTP. The body of a request is read with jansson, which is strict: no
 * duplicate names, nothing behind the end. Words are copied once into one block, as base64 makes
 * them shorter and never longer. The command's line in the envelope quotes what a shell would split
 * and leaves out what would not help: long words and the values of secrets.
 */
#include "admin/api.h"

#include "admin/json_text.h"
#include "base/base64.h"
#include "base/assert.h"
#include "command/session.h"
#include "net/visitor.h"

#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

enum { LINE_WORD_MAX = 256, TRACE_ID_CHARS = 32, TRACEPARENT_CHARS = 55 };

/* ---- status ---- */

struct code_status {
    const char *code;
    int status;
};

int
api_status(attl_slice error)
{
    static const struct code_status known[] = {
        { "NOAUTH", 401 },    { "WRONGPASS", 403 }, { "NOPERM", 403 },  { "LOADING", 503 },
        { "BUSY", 409 },      { "OOM", 507 },       { "MISCONF", 503 }, { "THROTTLED", 429 },
        { "EXECABORT", 409 }, { "READONLY", 403 },
    };
    const char *at = error.data;
    const char *blank = error.len > 0 ? memchr(at, ' ', error.len) : NULL;
    size_t len = blank ? (size_t)(blank - at) : error.len;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].code) == len && memcmp(known[i].code, at, len) == 0)
            return known[i].status;
    return 400;
}

bool
api_trace_id(const char *traceparent, char id[33])
{
    /* version "-" trace "-" parent "-" flags: 2, 32, 16 and 2 digits */
    if (!traceparent || strlen(traceparent) < TRACEPARENT_CHARS || traceparent[2] != '-' ||
        traceparent[35] != '-')
        return false;
    bool zero = true;
    for (size_t i = 0; i < TRACE_ID_CHARS; i++) {
        char c = traceparent[3 + i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        zero &= c == '0';
        id[i] = c;
    }
    id[TRACE_ID_CHARS] = '\0';
    return !zero;
}

/* ---- the line ---- */

static bool
is_plain_word(attl_slice word)
{
    const char *at = word.data;
    for (size_t i = 0; i < word.len; i++)
        if (at[i] <= ' ' || at[i] == '"' || at[i] == '\'' || at[i] == '\\' || at[i] == 0x7f)
            return false;
    return word.len > 0;
}

static void
line_word(struct buf *line, attl_slice word)
{
    const unsigned char *at = word.data;
    if (is_plain_word(word)) {
        buf_append(line, word.data, word.len);
        return;
    }
    buf_append_str(line, "\"");
    for (size_t i = 0; i < word.len; i++) {
        if (at[i] == '"' || at[i] == '\\')
            buf_printf(line, "\\%c", at[i]);
        else if (at[i] < 0x20 || at[i] >= 0x7f)
            buf_printf(line, "\\x%02x", at[i]);
        else
            buf_append(line, at + i, 1);
    }
    buf_append_str(line, "\"");
}

static bool
word_has(attl_slice word, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= word.len; i++)
        if (strncasecmp((const char *)word.data + i, part, n) == 0)
            return true;
    return false;
}

/* Whether this word is a secret because of those before it. */
static bool
is_secret(const attl_slice *words, size_t i)
{
    if (i > 0 && (target_is(words[0], "AUTH") || word_has(words[0], "auth")))
        return true;
    return i > 1 && (word_has(words[i - 1], "pass") || word_has(words[i - 1], "token") ||
                     word_has(words[i - 1], "secret"));
}

static void
put_line(struct json *out, const struct api_call *call)
{
    struct buf line;
    buf_init(&line, API_WORDS_MAX * (LINE_WORD_MAX + 8));
    for (size_t i = 0; i < call->len; i++) {
        attl_slice word = call->words[i];
        if (i > 0)
            buf_append_str(&line, " ");
        if (is_secret(call->words, i))
            buf_append_str(&line, "********");
        else if (word.len > LINE_WORD_MAX)
            buf_printf(&line, "(%zu bytes)", word.len);
        else
            line_word(&line, word);
    }
    json_put_bytes(out, "command", line.failed ? attl_s("") : buf_slice(&line));
    buf_fini(&line);
}

/* ---- running ---- */

static void
run(struct net_visitor *visitor, const struct api_call *call, struct buf *resp)
{
    char id[TRACE_ID_CHARS + 1];
    struct session *s = net_visitor_begin(visitor, call->addr, "admin-http");
    if (api_trace_id(call->traceparent, id))
        session_trace_next(s, attl_b(id, TRACE_ID_CHARS));
    net_visitor_execute(visitor, call->words, call->len, resp);
    net_visitor_end(visitor);
}

/* False if what the command replied cannot be rendered. */
static bool
put_answer(const struct api_call *call, attl_slice resp, struct http_reply *reply)
{
    struct json j;
    attl_slice error;
    bool good = true;
    json_init(&j, &reply->body, JSON_DOOR);
    json_open(&j, NULL, '{');
    put_line(&j, call);
    if (resp.len == 0) {
        json_put_null(&j, "result");
    } else if (json_reply_error(resp, &error)) {
        reply->status = api_status(error);
        json_put_error(&j, "error", error);
    } else {
        json_name(&j, attl_s("result"));
        good = json_put_reply(&j, resp, call->shape);
    }
    if (!good)
        return false;
    json_close(&j);
    buf_append_str(&reply->body, "\n");
    return true;
}

void
api_run(struct net_visitor *visitor, const struct api_call *call, struct http_reply *reply)
{
    struct buf resp;
    buf_init(&resp, API_RESP_MAX_BYTES);
    run(visitor, call, &resp);
    reply->status = 200;
    reply->type = "application/json";
    if (resp.failed)
        http_refuse(reply, resp.failed == BUF_TOO_BIG ? 413 : 503, "reply_large",
                    "the reply is too large, or there is no memory for it");
    else if (!put_answer(call, buf_slice(&resp), reply))
        http_refuse(reply, 500, "reply_unreadable", "the reply could not be rendered");
    buf_fini(&resp);
}

void
api_put_result(struct json *out, const char *name, struct net_visitor *visitor,
               const struct api_call *call)
{
    struct buf resp;
    struct json before = *out;
    size_t mark = out->out->len;
    attl_slice error;
    buf_init(&resp, API_RESP_MAX_BYTES);
    run(visitor, call, &resp);
    json_name(out, attl_s(name));
    bool good = !resp.failed && resp.len > 0 && !json_reply_error(buf_slice(&resp), &error) &&
                json_put_reply(out, buf_slice(&resp), call->shape);
    if (!good && !out->out->failed) {
        *out = before;
        out->out->len = mark;
        json_put_null(out, name);
    }
    buf_fini(&resp);
}

/* ---- the body of a request ---- */

static size_t
word_bytes(const json_t *word)
{
    const json_t *text = json_is_object(word) ? json_object_get(word, "base64") : word;
    return json_is_string(text) ? json_string_length(text) : 0;
}

static bool
take_word(struct api_argv *argv, const json_t *word, size_t *used)
{
    char *to = argv->bytes + *used;
    const json_t *coded = json_is_object(word) ? json_object_get(word, "base64") : NULL;
    size_t len;
    if (coded && json_is_string(coded) && json_object_size(word) == 1) {
        attl_slice text = attl_b(json_string_value(coded), json_string_length(coded));
        struct buf bytes;
        buf_init_fixed(&bytes, to, text.len);
        if (!base64_decode(&bytes, text))
            return false;
        len = bytes.len;
    } else if (json_is_string(word)) {
        len = json_string_length(word);
        memcpy(to, json_string_value(word), len);
    } else {
        return false;
    }
    argv->words[argv->len++] = attl_b(to, len);
    *used += len;
    return true;
}

/* NULL: the list is not what it should be, or there is no memory. */
static struct api_argv *
argv_of(const json_t *list, bool *ret_memory)
{
    size_t total = 1, used = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        total += word_bytes(json_array_get(list, i));
    struct api_argv *argv = calloc(1, sizeof *argv);
    char *bytes = argv ? argv->bytes = malloc(total) : NULL;
    bool good = *ret_memory = bytes != NULL;
    for (size_t i = 0; good && i < json_array_size(list); i++)
        good = take_word(argv, json_array_get(list, i), &used);
    if (good)
        return argv;
    api_argv_free(argv);
    return NULL;
}

/* The list of words in it; NULL if it is not there. */
static const json_t *
list_of(const json_t *root)
{
    const json_t *list = json_is_object(root) ? json_object_get(root, "argv") : NULL;
    size_t n = json_is_array(list) ? json_array_size(list) : 0;
    return n > 0 && n <= API_WORDS_MAX && json_object_size(root) == 1 ? list : NULL;
}

/* The parser says nothing, or that, when it has no memory; most of the time. */
static bool
lacked_memory(const json_t *root, const json_error_t *problem)
{
    enum json_error_code code = json_error_code(problem);
    return !root && (code == json_error_out_of_memory || code == json_error_unknown);
}

struct api_argv *
api_argv_parse(attl_slice body, struct http_reply *reply)
{
    json_error_t problem;
    json_t *root = json_loadb(body.data ? body.data : "", body.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    const json_t *list = list_of(root);
    bool memory = !lacked_memory(root, &problem);
    struct api_argv *argv = list ? argv_of(list, &memory) : NULL;
    if (!argv && !memory)
        http_refuse(reply, 503, "no_memory", "there is no memory for the request");
    else if (!argv)
        http_refuse(reply, 400, "bad_body",
                    "the body must be {\"argv\": [word, ...]} with up to 1024 words, each a string "
                    "or {\"base64\": \"...\"}");
    json_decref(root);
    return argv;
}

void
api_argv_free(struct api_argv *argv)
{
    if (!argv)
        return;
    free(argv->bytes);
    free(argv);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks. A host that is an address cannot have been rebound, as there was no name to rebind,
 * so probes and scrapers that use addresses need no setting. A browser says by itself where a
 * request comes from (Sec-Fetch-Site, Origin), and programs that are none say nothing: what is said
 * must be right, what is not said is no reason to refuse, because the token decides. Nothing is
 * shared or kept.
 */
#include "admin/guard.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool
refuse(struct http_reply *reply, int status, const char *code, const char *message)
{
    http_refuse(reply, status, code, message);
    reply->close = true;
    return false;
}

/* ---- hosts ---- */

static bool
is_v4(attl_slice text)
{
    const char *at = text.data;
    unsigned dots = 0, digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] == '.') {
            if (digits == 0)
                return false;
            dots++;
            digits = 0;
        } else if (at[i] < '0' || at[i] > '9' || ++digits > 3) {
            return false;
        }
    }
    return dots == 3 && digits > 0;
}

static bool
is_v6(attl_slice text)
{
    const char *at = text.data;
    if (text.len < 4 || at[0] != '[' || at[text.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++)
        if (!isxdigit((unsigned char)at[i]) && at[i] != ':' && at[i] != '.')
            return false;
    return true;
}

static bool
same_word(attl_slice a, const char *b, size_t b_len)
{
    return a.len == b_len && strncasecmp(a.data, b, b_len) == 0;
}

static bool
is_listed(const char *names, attl_slice name)
{
    while (*names) {
        names += strspn(names, " \t,");
        size_t len = strcspn(names, " \t,");
        if (len > 0 && same_word(name, names, len))
            return true;
        names += len;
    }
    return false;
}

bool
guard_host_is_ours(const struct guard *g, const char *host)
{
    size_t len = strlen(host);
    const char *close = host[0] == '[' ? strchr(host, ']') : NULL;
    const char *colon = strchr(close ? close : host, ':');
    size_t name_len = colon ? (size_t)(colon - host) : len;
    for (const char *at = colon ? colon + 1 : ""; *at; at++)
        if (*at < '0' || *at > '9')
            return false;
    attl_slice name = attl_b(host, name_len);
    return same_word(name, "localhost", strlen("localhost")) || is_v4(name) || is_v6(name) ||
           is_listed(g->hosts, name);
}

/* ---- the shape of a request ---- */

/* A length of so many digits at most, or -1. */
static int64_t
length_of(const char *text)
{
    int64_t n = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 12; digits++)
        n = n * 10 + (text[digits] - '0');
    return digits > 0 && text[digits] == '\0' ? n : -1;
}

static bool
check_target(const struct http_request *rq, struct http_reply *reply)
{
    switch (rq->target_problem) {
    case TARGET_FINE: return true;
    case TARGET_NOT_OURS: return refuse(reply, 404, "not_found", "there is nothing here");
    case TARGET_LONG: return refuse(reply, 414, "target_long", "the target is too long");
    case TARGET_BAD_QUERY: break;
    }
    return refuse(reply, 400, "bad_query",
                  "the query is not name=value&..., has a name twice, or too many names");
}

static bool
check_body(const struct http_request *rq, struct http_reply *reply)
{
    if (rq->lengths > 0 && rq->transfers > 0)
        return refuse(reply, 400, "two_lengths", "Content-Length and Transfer-Encoding at once");
    if (rq->transfers > 0)
        return refuse(reply, 411, "length_required", "a body needs a Content-Length");
    if (rq->lengths > 1)
        return refuse(reply, 400, "two_lengths", "Content-Length more than once");
    int64_t len = rq->lengths ? length_of(rq->content_length) : 0;
    if (len < 0)
        return refuse(reply, 400, "bad_length", "Content-Length is not a length");
    if (rq->method != HTTP_POST && len > 0)
        return refuse(reply, 400, "body_unexpected", "only POST has a body");
    if (rq->method == HTTP_POST && rq->lengths == 0)
        return refuse(reply, 411, "length_required", "a body needs a Content-Length");
    if (len > HTTP_BODY_MAX_BYTES)
        return refuse(reply, 413, "body_large", "the body is longer than 1 MiB");
    return true;
}

bool
guard_shape(const struct guard *g, const struct http_request *rq, struct http_reply *reply)
{
    if (rq->header_bytes > HTTP_HEADERS_MAX_BYTES)
        return refuse(reply, 431, "headers_large", "the headers are longer than 8 KiB");
    if (rq->hosts != 1 || !rq->host)
        return refuse(reply, 400, "host_missing", "a request needs one Host header");
    if (!guard_host_is_ours(g, rq->host))
        return refuse(reply, 421, "host_unknown",
                      "the Host header names somebody else; see admin.hosts");
    return check_target(rq, reply) && check_body(rq, reply);
}

/* ---- tokens and origins ---- */

bool
guard_same_secret(const char *given, const char *secret)
{
    unsigned char a[GUARD_TOKEN_MAX] = { 0 };
    unsigned char b[GUARD_TOKEN_MAX] = { 0 };
    size_t given_len = strnlen(given, GUARD_TOKEN_MAX + 1);
    size_t secret_len = strnlen(secret, GUARD_TOKEN_MAX + 1);
    memcpy(a, given, given_len < sizeof a ? given_len : sizeof a);
    memcpy(b, secret, secret_len < sizeof b ? secret_len : sizeof b);
    volatile unsigned differ = given_len != secret_len || secret_len == 0;
    for (size_t i = 0; i < sizeof a; i++)
        differ |= (unsigned)(a[i] ^ b[i]);
    explicit_bzero(a, sizeof a);
    explicit_bzero(b, sizeof b);
    return differ == 0;
}

static bool
has_token(const struct http_request *rq, const char *token)
{
    static const char scheme[] = "Bearer ";
    if (!rq->authorization || token[0] == '\0' ||
        strncasecmp(rq->authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    return guard_same_secret(rq->authorization + sizeof scheme - 1, token);
}

/* "https://HOST" of the very host that was asked; or "http://HOST", unless we speak TLS. Without it
 * something in front of us may. */
static bool
is_own_origin(const struct guard *g, const struct http_request *rq)
{
    const char *name = strstr(rq->origin, "://");
    bool scheme = strncasecmp(rq->origin, "https://", 8) == 0 ||
                  (!g->tls && strncasecmp(rq->origin, "http://", 7) == 0);
    return scheme && name && strcasecmp(name + 3, rq->host) == 0;
}

static bool
is_json(const char *type)
{
    static const char json[] = "application/json";
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    char next = type[sizeof json - 1];
    return next == '\0' || next == ';' || next == ' ';
}

/* What a page of somebody else's sends, a browser marks. */
static bool
check_page(const struct guard *g, const struct http_request *rq, bool strict,
           struct http_reply *reply)
{
    const char *site = rq->fetch_site;
    bool own = !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0 ||
               (!strict && strcmp(site, "same-site") == 0);
    if (!own)
        return refuse(reply, 403, "foreign_page", "the request comes from another page");
    if (rq->origin && !is_own_origin(g, rq))
        return refuse(reply, 403, "foreign_origin", "the request comes from another origin");
    return true;
}

static bool
refuse_token(const struct http_request *rq, struct http_reply *reply)
{
    return rq->authorization ? refuse(reply, 403, "token_wrong", "the token is not the right one")
                             : refuse(reply, 401, "token_missing",
                                      "a token is needed: Authorization: Bearer TOKEN");
}

bool
guard_access(const struct guard *g, const struct http_request *rq, enum guard_access access,
             struct http_reply *reply)
{
    if (access == GUARD_OPEN)
        return true;
    if (!check_page(g, rq, access == GUARD_WRITE, reply))
        return false;
    bool full = has_token(rq, g->token);
    if (access == GUARD_WRITE) {
        if (!is_json(rq->content_type))
            return refuse(reply, 415, "not_json", "the body must be application/json");
        return full || refuse_token(rq, reply);
    }
    bool open = g->read_token[0] == '\0' && !g->read_needs_token;
    bool may_read = full || open || has_token(rq, g->read_token);
    if (access == GUARD_METRICS && g->metrics_token[0] != '\0')
        may_read = full || has_token(rq, g->metrics_token) || has_token(rq, g->read_token);
    return may_read || refuse_token(rq, reply);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of a request, the signature and the judgement of answers. The signature covers the
 * time, so that a receiver can refuse what was recorded and is played again; each attempt has its
 * own. X-Attl-Delivery is the same for all attempts: by it a receiver knows what it has had. Which
 * answers are worth another attempt follows what webhook senders have in common: no answer, 408,
 * 425, 429 and 5xx.
 */
#include "alert/post.h"

#include "base/hex.h"
#include "base/sha256.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ANSWER_BYTES_MAX = 64 * 1024,
    HEADER_BYTES = 256,
    SECONDS_CHARS = 24,
    MS_PER_S = 1000,
};

enum post_outcome
post_judge(bool answered, long http_code)
{
    if (!answered || http_code >= 500 || http_code == 408 || http_code == 425 || http_code == 429)
        return POST_AGAIN;
    return http_code >= 200 && http_code < 300 ? POST_TAKEN : POST_FINAL;
}

void
post_signature(const char *secret, int64_t now_s, attl_slice body, char out[POST_SIGNATURE_BYTES])
{
    char seconds[SECONDS_CHARS];
    unsigned char digest[SHA256_BYTES];
    struct hmac_sha256 h;
    int len = snprintf(seconds, sizeof seconds, "%" PRId64 ".", now_s);
    hmac_sha256_init(&h, secret, strlen(secret));
    hmac_sha256_add(&h, seconds, (size_t)len);
    hmac_sha256_add(&h, body.data, body.len);
    hmac_sha256_end(&h, digest);
    len = snprintf(out, POST_SIGNATURE_BYTES, "t=%" PRId64 ",v1=", now_s);
    hex_text(out + len, digest, sizeof digest);
}

/* A curl_write_callback: answers are of no interest, and a flood of them is an error. */
static size_t
drop_answer(char *data, size_t size, size_t n, void *ud)
{
    struct post *p = ud;
    (void)data;
    p->answered_bytes += size * n;
    return p->answered_bytes > ANSWER_BYTES_MAX ? 0 : size * n;
}

static bool
add_header(struct post *p, const char *line)
{
    struct curl_slist *longer = curl_slist_append(p->headers, line);
    if (longer)
        p->headers = longer;
    return longer != NULL;
}

static bool
make_headers(struct post *p, const struct post_request *rq)
{
    char line[HEADER_BYTES], signature[POST_SIGNATURE_BYTES];
    (void)snprintf(line, sizeof line, "X-Attl-Delivery: %" PRIu64, rq->delivery); /* fits */
    bool ok = add_header(p, "Content-Type: application/json") && add_header(p, line) &&
              add_header(p, "Expect:"); /* the body is small: no round trip to ask */
    if (ok && rq->header[0] != '\0')
        ok = add_header(p, rq->header);
    if (!ok || rq->secret[0] == '\0')
        return ok;
    post_signature(rq->secret, rq->now_s, rq->body, signature);
    (void)snprintf(line, sizeof line, "X-Attl-Signature: %s", signature); /* fits */
    return add_header(p, line);
}

static bool
set_options(struct post *p, const struct post_request *rq)
{
    CURL *h = p->handle;
    char agent[HEADER_BYTES];
    (void)snprintf(agent, sizeof agent, "attld/%s", attl_version()); /* fits */
    CURLcode code = curl_easy_setopt(h, CURLOPT_URL, rq->url);
    code |= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    code |= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    code |= curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
    code |= curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)rq->timeout_ms);
    code |= curl_easy_setopt(h, CURLOPT_USERAGENT, agent);
    code |= curl_easy_setopt(h, CURLOPT_HTTPHEADER, p->headers);
    code |= curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
    code |= curl_easy_setopt(h, CURLOPT_POSTFIELDS, rq->body.data);
    code |= curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop_answer);
    code |= curl_easy_setopt(h, CURLOPT_WRITEDATA, p);
    code |= curl_easy_setopt(h, CURLOPT_ERRORBUFFER, p->problem);
    code |= curl_easy_setopt(h, CURLOPT_PRIVATE, p);
    if (rq->ca_file[0] != '\0')
        code |= curl_easy_setopt(h, CURLOPT_CAINFO, rq->ca_file);
    return code == CURLE_OK;
}

static void
release(struct post *p)
{
    curl_easy_cleanup(p->handle);
    curl_slist_free_all(p->headers);
    p->handle = NULL;
    p->headers = NULL;
}

bool
post_begin(struct post *p, CURLM *multi, const struct post_request *rq)
{
    *p = (struct post){ .handle = curl_easy_init() };
    if (p->handle && make_headers(p, rq) && set_options(p, rq) &&
        curl_multi_add_handle(multi, p->handle) == CURLM_OK)
        return true;
    release(p);
    return false;
}

void
post_end(struct post *p, CURLM *multi, CURLcode code, struct post_result *ret_result)
{
    curl_off_t retry_after_s = 0;
    *ret_result = (struct post_result){ .http_code = 0 };
    (void)curl_easy_getinfo(p->handle, CURLINFO_RESPONSE_CODE, &ret_result->http_code);
    (void)curl_easy_getinfo(p->handle, CURLINFO_RETRY_AFTER, &retry_after_s);
    ret_result->retry_after_ms = retry_after_s > 0 ? retry_after_s * MS_PER_S : 0;
    ret_result->outcome = post_judge(code == CURLE_OK, ret_result->http_code);
    if (code != CURLE_OK)
        (void)snprintf(ret_result->problem, sizeof ret_result->problem, "%.159s",
                       p->problem[0] ? p->problem : curl_easy_strerror(code)); /* cut is fine */
    else if (ret_result->outcome != POST_TAKEN)
        (void)snprintf(ret_result->problem, sizeof ret_result->problem, "the answer was %ld",
                       ret_result->http_code); /* fits */
    post_abort(p, multi);
}

void
post_abort(struct post *p, CURLM *multi)
{
    (void)curl_multi_remove_handle(multi, p->handle);
    release(p);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One HTTP post of a webhook, on top of libcurl: a request is made ready, handed to a multi handle,
 * and read off when it is done. It follows no redirects, speaks nothing but http and https, drops
 * what is answered beyond a bound, and never takes a signal. The thread that owns the multi handle
 * owns the posts.
 */
#ifndef ATTL_ALERT_POST_H
#define ATTL_ALERT_POST_H

#include <attl/attl.h>
#include <curl/curl.h>
#include <stdbool.h>

enum { POST_PROBLEM_BYTES = 160, POST_SIGNATURE_BYTES = 128 };

struct post_request {
    const char *url;
    attl_slice body;     /* lives until the post has ended */
    const char *secret;  /* "": no signature */
    const char *header;  /* "": none */
    const char *ca_file; /* "": the system's */
    uint64_t delivery;
    int64_t now_s; /* Unix seconds, goes into the signature */
    int64_t timeout_ms;
};

struct post {
    CURL *handle;
    struct curl_slist *headers;
    size_t answered_bytes;
    char problem[CURL_ERROR_SIZE];
};

enum post_outcome {
    POST_TAKEN, /* 2xx */
    POST_AGAIN, /* no answer, or one that says later */
    POST_FINAL  /* refused, and will be */
};

struct post_result {
    enum post_outcome outcome;
    long http_code;         /* 0: no answer */
    int64_t retry_after_ms; /* 0: not said */
    char problem[POST_PROBLEM_BYTES];
};

/* What an answer means. Pure. */
enum post_outcome post_judge(bool answered, long http_code);
/* "t=SECONDS,v1=HEX": the HMAC-SHA-256 of "SECONDS.BODY". Pure. */
void post_signature(const char *secret, int64_t now_s, attl_slice body,
                    char out[POST_SIGNATURE_BYTES]);

/* Starts the post in `multi`. False on lack of memory: nothing has been started. */
bool post_begin(struct post *p, CURLM *multi, const struct post_request *rq);
/* Takes the post out of `multi`; *ret_result says how it went. */
void post_end(struct post *p, CURLM *multi, CURLcode code, struct post_result *ret_result);
/* Takes it out before it has ended. */
void post_abort(struct post *p, CURLM *multi);

#endif

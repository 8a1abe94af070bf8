/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending. Replies are gathered in the worker's buffer, which is warm in the processor's cache
 * and sent with one call; only when the socket is full does a connection get a buffer of its own.
 * A long rest is not copied into it: the two buffers change places. What waits is sent from an
 * offset, and moved to the front only when half of it is gone, so sending n bytes in any number
 * of pieces costs O(n).
 */
#include "net/output.h"

#include "base/assert.h"
#include "net/secure.h"

enum {
    STEAL_BYTES = 16 * 1024,         /* a rest above this changes its owner */
    OUT_KEPT_BYTES = 4 * 1024 * 1024 /* of the worker's buffer, between turns */
};

size_t
output_pause_bytes(const struct worker *w)
{
    uint64_t half = LIMIT_LOAD(w->net, output_bytes) / 2;
    return half < NET_PAUSE_BYTES ? half : NET_PAUSE_BYTES;
}

void
output_forget(struct worker *w)
{
    buf_clear(&w->out, OUT_KEPT_BYTES);
}

static void
count_sent(struct worker *w, struct conn *c, size_t n)
{
    counter_add(&w->counters.out_bytes, n);
    c->session.net_out_bytes += n;
}

/* Keeps what the worker's buffer could not send; false on lack of memory. */
static bool
keep_output(struct worker *w, struct conn *c, size_t sent)
{
    ASSERT(conn_pending(c) == 0 && sent < w->out.len);
    size_t rest = w->out.len - sent;
    c->out_progress_ms = w->now_ms;
    worker_want_sweep(w);
    c->out.max_bytes = w->out.max_bytes;
    if (rest > STEAL_BYTES) {
        buf_fini(&c->out);
        c->out = w->out;
        c->out_sent = sent;
        buf_init(&w->out, c->out.max_bytes);
        return true;
    }
    buf_append(&c->out, w->out.data + sent, rest);
    c->out_sent = 0;
    return !c->out.failed;
}

static bool
send_gathered(struct worker *w, struct conn *c)
{
    if (w->out.len == 0)
        return true;
    ssize_t n = conn_send(c, w->out.data, w->out.len);
    if (n == SOCKET_CLOSED)
        return false;
    size_t sent = n > 0 ? (size_t)n : 0;
    count_sent(w, c, sent);
    bool kept = sent == w->out.len || keep_output(w, c, sent);
    output_forget(w);
    return kept;
}

bool
output_keep(struct worker *w, struct conn *c)
{
    bool kept = keep_output(w, c, 0);
    output_forget(w);
    return kept;
}

bool
output_send_waiting(struct worker *w, struct conn *c)
{
    ASSERT(c->out_sent < c->out.len);
    ssize_t n = conn_send(c, c->out.data + c->out_sent, conn_pending(c));
    if (n == SOCKET_CLOSED)
        return false;
    if (n <= 0)
        return true;
    count_sent(w, c, (size_t)n);
    c->out_progress_ms = w->now_ms;
    c->out_sent += (size_t)n;
    if (c->out_sent == c->out.len) {
        buf_clear(&c->out, 0);
        c->out_sent = 0;
    } else if (c->out_sent > c->out.len / 2) {
        /* Half is gone: moving the other half costs no more than was already paid. */
        buf_consume(&c->out, c->out_sent);
        c->out_sent = 0;
    }
    return true;
}

bool
output_send(struct worker *w, struct conn *c)
{
    return conn_pending(c) > 0 ? output_send_waiting(w, c) : send_gathered(w, c);
}

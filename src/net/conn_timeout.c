/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a connection may take: for its handshake, to authenticate, to read its replies, and for
 * nothing at all if server.timeout says so. Asked about once a second and only while some timeout
 * is running, so a connection may live that much longer. All REQUIRE the worker's lock.
 */
#include "net/conn.h"

#include "net/secure.h"
#include "net/worker.h"

/* True while it may go on. */
static bool
check_handshake(struct worker *w, struct conn *c)
{
    if (!secure_is_late(w, c))
        return true;
    counter_add(&w->counters.tls_failures, 1);
    counter_add(&w->counters.timed_out, 1);
    conn_close(w, c);
    return false;
}

static bool
is_idle_too_long(const struct worker *w, const struct conn *c, int64_t limit_ms)
{
    return limit_ms > 0 && !c->task && !session_is_subscribed(&c->session) &&
           w->now_ms - c->session.active_ms > limit_ms;
}

bool
conn_check_timeouts(struct worker *w, struct conn *c)
{
    int64_t idle_limit_ms = LIMIT_LOAD(w->net, timeout_ms);
    bool stranger = !c->session.authenticated && net_auth_required(w->net);
    bool owing = conn_pending(c) > 0;
    if (c->held) /* it is us who keep it waiting */
        return true;
    if (c->tls && c->tls->handshaking)
        return check_handshake(w, c);
    if (owing && w->now_ms - c->out_progress_ms > NET_STUCK_OUTPUT_MS) {
        conn_drop(w, c, &w->counters.dropped_output, COMPLAINT_STUCK,
                  "it has stopped reading its replies");
    } else if (is_idle_too_long(w, c, idle_limit_ms)) {
        counter_add(&w->counters.timed_out, 1);
        conn_close(w, c);
    } else if (stranger && w->now_ms - c->session.created_ms > NET_STRANGER_TIMEOUT_MS) {
        counter_add(&w->counters.timed_out, 1);
        conn_close(w, c);
    }
    return !c->dead && (owing || idle_limit_ms > 0 || stranger);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The turn of a connection: send what waits, receive once, run it, send once. A request and its
 * reply cost one recv and one send and nothing else; the event loop is told something only when a
 * connection begins or ceases to owe or be owed. Reading stops while a client leaves too much
 * of its output unread, which bounds what a client that never reads can make us hold; nobody else
 * waits for it. Replies that wait for the log, or for a slow command, stop the reading just so.
 * Memory grows only with bytes received and is given back when they have been used.
 */
#include "net/conn.h"

#include "base/assert.h"
#include "net/delay.h"
#include "net/exchange.h"
#include "net/hold.h"
#include "net/output.h"
#include "net/park.h"
#include "net/push.h"
#include "net/receiver.h"
#include "net/registry.h"
#include "net/secure.h"
#include "net/worker.h"
#include "os/socket.h"
#include "protocol/resp_write.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* A remainder up to this is copied in front of the next read; a larger one is read into in
       place. */
    SMALL_REMAINDER_BYTES = NET_READ_BYTES / 4
};

static void
list_append(struct worker *w, struct conn *c)
{
    c->prev = w->last;
    c->next = NULL;
    if (w->last)
        w->last->next = c;
    else
        w->first = c;
    w->last = c;
}

static void
list_remove(struct worker *w, struct conn *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        w->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        w->last = c->prev;
}

static void
session_begin(struct worker *w, struct session *s, int fd, uint64_t id)
{
    s->id = id;
    s->proto = 2;
    s->authenticated = !net_auth_required(w->net);
    s->reply_mode = SESSION_REPLY_ON;
    s->created_ms = s->active_ms = w->now_ms;
    s->last_command = "NULL"; /* as Redis shows a client that has not said anything */
    s->fd = fd;
    socket_addr_text(fd, s->addr, s->laddr);
}

struct conn *
conn_new(struct worker *w, int fd, uint64_t id)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->source = SOURCE_CONN;
    c->interest = EVENT_READ;
    buf_init(&c->in, 0);
    buf_init(&c->out, 0);
    resp_parser_init(&c->parser);
    session_begin(w, &c->session, fd, id);
    if (!event_loop_add(&w->loop, fd, c->interest, c)) {
        free(c);
        return NULL;
    }
    list_append(w, c);
    counter_add(&w->counters.connections, 1);
    if (!c->session.authenticated || LIMIT_LOAD(w->net, timeout_ms) > 0)
        worker_want_sweep(w);
    return c;
}

void
conn_free(struct conn *c)
{
    resp_parser_fini(&c->parser);
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c);
}

/* Reports what the connection holds; the net's total decides whether somebody must go. */
static void
account(struct worker *w, struct conn *c, size_t bytes)
{
    if (bytes == c->buffered_bytes)
        return;
    struct net *net = w->net;
    /* Unsigned wrap-around makes a difference below zero come out right. */
    uint64_t total = atomic_fetch_add_explicit(&net->buffered_bytes, bytes - c->buffered_bytes,
                                               memory_order_relaxed) +
                     (bytes - c->buffered_bytes);
    bool grew = bytes > c->buffered_bytes;
    c->buffered_bytes = bytes;
    uint64_t limit = LIMIT_LOAD(net, memory_bytes);
    if (!grew || limit == 0 || total <= limit)
        return;
    if (total - atomic_load_explicit(&net->condemned_bytes, memory_order_relaxed) > limit)
        registry_drop_largest(w);
}

void
conn_close(struct worker *w, struct conn *c)
{
    lock_assert_held(&w->lock);
    ASSERT(!c->dead);
    if (c->condemned)
        atomic_fetch_sub_explicit(&w->net->condemned_bytes, c->buffered_bytes,
                                  memory_order_relaxed);
    account(w, c, 0);
    list_remove(w, c);
    session_end(&c->session);
    if (c->held)
        hold_remove(w, c);
    if (c->delayed)
        delay_remove(w, c);
    if (c->task)
        c->task->conn = NULL; /* it ends without us */
    if (c->task && c->task->is_parked)
        park_cancel(w, c->task);
    c->task = NULL;
    push_close(w, c);
    secure_end(w, c);
    /* Closing takes it out of the event loop. Unread input would turn our last reply into a reset.
     */
    if (c->session.close_after_reply)
        socket_close_gently(c->session.fd);
    else
        socket_close(c->session.fd);
    c->dead = true;
    c->next = w->dead;
    w->dead = c;
    atomic_fetch_sub_explicit(&w->clients, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->net->clients, 1, memory_order_relaxed);
}

void
conn_drop(struct worker *w, struct conn *c, counter *count, enum complaint kind, const char *reason)
{
    char text[SESSION_NAME_MAX + 160];
    (void)snprintf(text, sizeof text, "client id=%llu addr=%s disconnected: %s",
                   (unsigned long long)c->session.id, c->session.addr, reason); /* cut is fine */
    counter_add(count, 1);
    net_complain(w->net, w->now_ms, kind, text);
    conn_close(w, c);
}

/* ---- running what has arrived ---- */

/* What the event loop is to tell us of. */
static unsigned
interest_of(const struct worker *w, const struct conn *c)
{
    unsigned interest = 0;
    size_t pending = conn_pending(c);
    /* A client that is held seldom sends before it has its reply: watching on is cheaper than
     * telling the event loop twice for each reply. The first that does send ends the watching. */
    if (!c->session.close_after_reply && !c->stalled && !c->early && !c->task &&
        pending < output_pause_bytes(w))
        interest |= EVENT_READ;
    /* A stalled connection with nothing to send is continued when the socket has room: at once.
     * One that is held, put off or waits for its job is continued by those. */
    if (!c->held && (pending > 0 || (c->stalled && !conn_waits(c))))
        interest |= EVENT_WRITE;
    if (c->task && c->task->is_parked && !c->peer_gone)
        interest |= EVENT_PEER_GONE;
    return interest;
}

static void
watch(struct worker *w, struct conn *c)
{
    unsigned interest = interest_of(w, c);
    if ((interest & EVENT_READ) && secure_has_more(c))
        interest |= EVENT_WRITE;
    if (interest == c->interest)
        return;
    if (event_loop_change(&w->loop, c->session.fd, interest, c))
        c->interest = interest;
    else
        conn_close(w, c);
}

/* True if the session goes on. */
static bool
judge_end(struct worker *w, struct conn *c, enum pipeline_end end, const struct buf *out)
{
    if (out->failed) {
        conn_drop(w, c, &w->counters.dropped_output, COMPLAINT_OUTPUT_LIMIT,
                  "its unread replies reached server.output_buffer_limit, or memory ran out");
        return false;
    }
    if (end == PIPELINE_BROKEN) {
        counter_add(&w->counters.protocol_errors, 1);
        c->session.close_after_reply = true;
    } else if (end == PIPELINE_FOREIGN) {
        conn_drop(w, c, &w->counters.foreign, COMPLAINT_FOREIGN,
                  "it speaks another protocol (HTTP, SMTP, ...): possible security attack, see "
                  "\"cross protocol scripting\"");
        return false;
    } else if (end == PIPELINE_NO_MEMORY) {
        c->session.close_after_reply = true;
    }
    return true;
}

/* Where the next reply goes, with its limit. */
static struct buf *
begin_output(struct worker *w, struct conn *c)
{
    bool waiting = conn_pending(c) > 0;
    struct buf *out = waiting ? &c->out : &w->out;
    /* The limit is for what waits; what was sent may still lie in front of it. */
    out->max_bytes = LIMIT_LOAD(w->net, output_bytes) + (waiting ? c->out_sent : 0);
    return out;
}

/* Sends the replies in `out` from `before` on, or holds them; false if the connection must be
 * closed. */
static bool
deliver(struct worker *w, struct conn *c, const struct buf *out, size_t before, uint64_t replies)
{
    hold_note_changes(w, c);
    if (c->held) { /* a job's reply, behind those that are held */
        c->held_replies += replies;
        return true;
    }
    if (replies == 0 || !hold_is_needed(w, c))
        return output_send(w, c);
    if (out == &w->out && !output_keep(w, c))
        return false;
    hold_add(w, c, out == &w->out ? 0 : before, replies);
    return true;
}

/*
 * Runs the requests in `data` and sends their replies, in portions, until the input, the client's
 * will to read or the turn's share is used up, or their replies have to wait. False if the
 * connection was closed.
 */
static bool
run_portions(struct worker *w, struct conn *c, char *data, size_t len, size_t *ret_used)
{
    size_t used = 0;
    size_t produced = 0;
    enum pipeline_end end;
    do {
        struct buf *out = begin_output(w, c);
        size_t before = out->len;
        uint64_t replies = w->pipeline.replies;
        size_t step;
        struct pipeline_job job = {
            .env = &w->env,
            .session = &c->session,
            .parser = &c->parser,
            .bulk_bytes = LIMIT_LOAD(w->net, bulk_bytes),
            .data = data + used,
            .len = len - used,
            .out = out,
            .stop_bytes = out == &c->out ? c->out_sent + output_pause_bytes(w) : NET_SEND_BYTES,
            .clock = &w->net->clock,
            .until_ms = w->now_ms + NET_TURN_MS,
        };
        end = pipeline_run(&w->pipeline, &job, &step);
        used += step;
        produced += out->len - before;
        if (!judge_end(w, c, end, out)) {
            output_forget(w);
            return false;
        }
        if (!deliver(w, c, out, before, w->pipeline.replies - replies)) {
            output_forget(w);
            conn_close(w, c);
            return false;
        }
    } while (end == PIPELINE_STALLED && !c->held && conn_pending(c) < output_pause_bytes(w) &&
             produced < NET_TURN_OUTPUT_BYTES);
    c->stalled = end >= PIPELINE_STALLED && end <= PIPELINE_PUT_OFF && used < len;
    if (end == PIPELINE_PUT_OFF)
        delay_add(w, c);
    *ret_used = used;
    return true;
}

/* Keeps the unfinished rest of the input; false on lack of memory. */
static bool
keep_input(struct conn *c, const char *data, size_t len, size_t used)
{
    if (data == c->in.data) {
        buf_consume(&c->in, used);
        if (c->in.len == 0)
            buf_clear(&c->in, 0);
        return true;
    }
    if (used == len) {
        if (c->in.cap > 0)
            buf_clear(&c->in, 0);
        return true;
    }
    buf_clear(&c->in, NET_READ_BYTES);
    buf_append(&c->in, data + used, len - used);
    return !c->in.failed;
}

/* The end of a turn: what to wait for, and what we hold meanwhile. */
static void
settle(struct worker *w, struct conn *c)
{
    watch(w, c);
    if (!c->dead)
        account(w, c,
                c->in.len + c->out.len + resp_parser_bytes(&c->parser) + push_waiting_bytes(c) +
                    session_bytes(&c->session));
}

/* What runs from here on is on behalf of `c`. */
static void
act_for(struct worker *w, struct conn *c)
{
    w->current = c;
    attl_actor_set(w->net->cache, c->session.id);
    if (w->mailbox)
        exchange_act_for(w->net->exchange, (size_t)(w - w->net->workers), &c->session);
}

static void
process(struct worker *w, struct conn *c, char *data, size_t len)
{
    size_t used;
    uint64_t executed = w->pipeline.executed;
    act_for(w, c);
    bool alive = run_portions(w, c, data, len, &used);
    w->current = NULL;
    counter_add(&w->counters.requests, w->pipeline.executed - executed);
    if (!alive)
        return;
    if (!keep_input(c, data, len, used) || (c->session.close_after_reply && !conn_owes(c))) {
        conn_close(w, c);
        return;
    }
    settle(w, c);
}

/* ---- input ---- */

static size_t
bulk_read_bytes(const struct conn *c)
{
    size_t missing = resp_parser_missing(&c->parser, c->in.len);
    if (missing == 0 || missing > NET_BULK_READ_BYTES)
        return NET_BULK_READ_BYTES;
    return missing < NET_READ_BYTES ? NET_READ_BYTES : missing;
}

/* One receive, behind what is kept. The count or outcome; *ret_data, *ret_len are all bytes there
 * are. */
static ssize_t
receive(struct worker *w, struct conn *c, char **ret_data, size_t *ret_len)
{
    size_t kept = c->in.len;
    c->in.max_bytes = LIMIT_LOAD(w->net, query_bytes);
    if (kept <= SMALL_REMAINDER_BYTES) {
        ssize_t n = conn_recv(c, w->read_bytes + kept, NET_READ_BYTES - kept);
        if (n <= 0)
            return n;
        if (kept > 0)
            memcpy(w->read_bytes, c->in.data, kept);
        *ret_data = w->read_bytes;
        *ret_len = kept + (size_t)n;
        return n;
    }
    size_t want = bulk_read_bytes(c);
    char *to = buf_reserve(&c->in, want);
    if (!to) {
        conn_drop(w, c, &w->counters.dropped_query, COMPLAINT_QUERY_LIMIT,
                  "its unfinished request reached server.query_buffer_limit, or memory ran out");
        return SOCKET_AGAIN;
    }
    ssize_t n = conn_recv(c, to, want);
    if (n <= 0)
        return n;
    c->in.len += (size_t)n;
    *ret_data = c->in.data;
    *ret_len = c->in.len;
    return n;
}

static void
read_input(struct worker *w, struct conn *c)
{
    char *data = NULL;
    size_t len = 0;
    ssize_t n = receive(w, c, &data, &len);
    if (n < 0) {
        if (n == SOCKET_CLOSED)
            conn_close(w, c);
        else if (c->tls)
            watch(w, c);
        return;
    }
    c->session.active_ms = w->now_ms;
    if (c->session.deadline_ms)
        delay_stamp(w, &c->session);
    c->session.net_in_bytes += (uint64_t)n;
    counter_add(&w->counters.in_bytes, (uint64_t)n);
    process(w, c, data, len);
}

void
conn_go_on(struct worker *w, struct conn *c)
{
    if (c->stalled && !c->held && !conn_waits(c) && conn_pending(c) < output_pause_bytes(w)) {
        process(w, c, c->in.data, c->in.len);
        return;
    }
    if (c->session.close_after_reply && !conn_owes(c)) {
        conn_close(w, c);
        return;
    }
    settle(w, c);
}

/* The socket has room: send, and go on with requests that waited for it. */
static void
write_output(struct worker *w, struct conn *c)
{
    if (conn_pending(c) > 0 && !output_send_waiting(w, c)) {
        conn_close(w, c);
        return;
    }
    conn_go_on(w, c);
}

/* As many errors instead of the replies that were held; false if there is no room for them. */
static bool
disavow(struct worker *w, struct conn *c)
{
    c->out.len = c->held_from;
    c->out.max_bytes = LIMIT_LOAD(w->net, output_bytes) + c->out_sent;
    for (uint64_t i = 0; i < c->held_replies && !c->out.failed; i++)
        resp_error(&c->out, "MISCONF the log cannot be written: the change is in memory but not "
                            "durable (see attld's log)");
    counter_add(&w->counters.held_failed, c->held_replies);
    return !c->out.failed;
}

void
conn_release(struct worker *w, struct conn *c, bool durable)
{
    hold_remove(w, c);
    if (c->killed || (!durable && !disavow(w, c))) {
        conn_close(w, c);
        return;
    }
    /* The time that the log took is nothing to blame the client for. */
    c->out_progress_ms = w->now_ms;
    c->session.active_ms = w->now_ms;
    write_output(w, c);
}

void
conn_push(struct worker *w, struct conn *c)
{
    lock_assert_held(&w->lock);
    struct receiver *r = c->receiver;
    if (c->held || c->task || c->killed)
        return;
    size_t unsent = conn_pending(c);
    c->out.max_bytes = c->out_sent +
                       atomic_load_explicit(&r->limits->push_bytes, memory_order_relaxed);
    push_pour(c, &c->out, unsent);
    if (c->out.failed || atomic_load(&r->overrun)) {
        conn_drop(w, c, &w->counters.dropped_output, COMPLAINT_OUTPUT_LIMIT,
                  "messages that it did not read reached pubsub.buffer_limit, or memory ran out");
        return;
    }
    if (unsent == 0 && conn_pending(c) > 0) {
        c->out_progress_ms = w->now_ms;
        worker_want_sweep(w);
    }
    if (conn_pending(c) > 0 && !output_send_waiting(w, c)) {
        conn_close(w, c);
        return;
    }
    conn_go_on(w, c);
}

void
conn_job_done(struct worker *w, struct conn *c, struct command_job *job)
{
    lock_assert_held(&w->lock);
    c->task = NULL;
    if (c->killed) {
        conn_close(w, c);
        return;
    }
    c->session.active_ms = w->now_ms;
    struct buf *out = begin_output(w, c);
    size_t before = out->len;
    act_for(w, c);
    command_job_reply(job, &w->env, &c->session, out);
    w->current = NULL;
    if (!judge_end(w, c, PIPELINE_HUNGRY, out)) {
        output_forget(w);
        return;
    }
    if (!deliver(w, c, out, before, out->len > before)) {
        output_forget(w);
        conn_close(w, c);
        return;
    }
    conn_go_on(w, c);
}

/* A client that does not speak any more waits for nothing, but may still want its replies. */
static void
stop_waiting(struct worker *w, struct conn *c)
{
    c->peer_gone = true;
    park_cancel(w, c->task);
    watch(w, c);
}

/* The socket has something for us, or its end. */
static void
take_input(struct worker *w, struct conn *c, unsigned flags)
{
    bool reads = c->interest & EVENT_READ;
    if (flags & EVENT_HANGUP && (c->held || !(flags & c->interest & EVENT_READ))) {
        conn_close(w, c);
    } else if (c->held && flags & EVENT_READ) {
        c->early = true;
        watch(w, c);
    } else if (reads && ((flags & EVENT_READ) || secure_has_more(c))) {
        read_input(w, c);
    } else if ((flags & EVENT_PEER_GONE) && c->task && c->task->is_parked) {
        stop_waiting(w, c);
    }
}

void
conn_turn(struct worker *w, struct conn *c, unsigned flags)
{
    lock_assert_held(&w->lock);
    ASSERT(!c->dead);
    if (c->killed) {
        conn_close(w, c);
        return;
    }
    if (c->tls && c->tls->handshaking && !secure_handshake(w, c)) {
        if (!c->dead)
            watch(w, c);
        return;
    }
    if ((flags & EVENT_WRITE) && !c->held) /* an old event, if it is */
        write_output(w, c);
    /* Sending may have closed us, or shown that we hold the most memory of all. */
    if (!c->dead && !c->killed)
        take_input(w, c, flags);
}

void
conn_finish(struct worker *w, struct conn *c)
{
    if ((c->interest & EVENT_READ) && !c->held)
        read_input(w, c);
    if (c->dead)
        return;
    /* Requests that are stalled or half received have not been acknowledged: they may be dropped.
     */
    c->stalled = false;
    c->session.close_after_reply = true;
    if (!conn_owes(c))
        conn_close(w, c);
    else
        watch(w, c);
}

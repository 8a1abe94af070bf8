/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that posts, and what others ask of it. The thread starts what is due, lets libcurl
 * work until something has happened, and writes into the book how it went; between that it sleeps
 * in curl_multi_poll(), from which a new delivery wakes it. The body of an entry that is being sent
 * belongs to the thread: nobody else settles such an entry.
 */
#include "alert/alert.h"

#include "alert/book.h"
#include "alert/template.h"
#include "base/alloc.h"
#include "os/clock.h"
#include "os/lock.h"
#include "os/process.h"
#include "os/thread.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    URL_BYTES = 2049,
    TEMPLATE_BYTES = 4097,
    SECRET_BYTES = 513,
    HEADER_BYTES = 1025,
    PATH_BYTES = 1001,
    TEXT_BYTES = 384,
    SLEEP_MAX_MS = 3600 * 1000,
    NS_PER_MS = 1000000,
    US_PER_MS = 1000,
    MS_PER_S = 1000,
};

struct target {
    const char *url; /* in alert.urls */
    char shown[ALERT_SHOWN_URL_BYTES];
    struct post post;
    struct book_entry *sending; /* NULL: none */
    bool failing;               /* the last attempt did; for the log */
};

struct alert {
    struct lock lock; /* guards `book` and the three below */
    struct book book;
    bool enabled, stopping;
    int min_severity;
    int64_t timeout_ms, stop_at_ms;
    struct target targets[ALERT_TARGETS_MAX];
    unsigned targets_len;
    CURLM *multi;
    struct thread thread;
    attl_log_fn log;
    void *log_ud;
    char host[PROCESS_HOST_NAME_MAX];
    /* Settings that never change. */
    char urls[URL_BYTES], template[TEMPLATE_BYTES], secret[SECRET_BYTES], header[HEADER_BYTES],
        ca_file[PATH_BYTES];
};

static struct book_time
time_now(void)
{
    return (struct book_time){ .mono_ms = clock_mono_ns() / NS_PER_MS,
                               .wall_ms = clock_wall_us() / US_PER_MS };
}

/* ---- settings ---- */

static void
copy_setting(char *to, size_t size, const attl_config *config, enum option_id id)
{
    (void)snprintf(to, size, "%s",
                   config_str(config, id)); /* the option's maximum is below `size` */
}

/* Scheme, host and port of a URL; its path may be a secret. */
static bool
show_url(const char *url, char out[ALERT_SHOWN_URL_BYTES])
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t host = scheme ? strcspn(url + scheme, "/?#") : 0;
    const char *at = memchr(url + scheme, '@', host); /* who posts, and the password */
    size_t skip = at ? (size_t)(at + 1 - url - scheme) : 0;
    (void)snprintf(out, ALERT_SHOWN_URL_BYTES, "%.*s%.*s", (int)scheme, url, (int)(host - skip),
                   url + scheme + skip); /* cut is fine */
    return host > skip;
}

static int
read_urls(struct alert *a, struct config_error err)
{
    for (char *at = a->urls + strspn(a->urls, " "); *at; at += strspn(at, " ")) {
        if (a->targets_len == ALERT_TARGETS_MAX)
            return config_fail(err, "alert.url has more than %d addresses", ALERT_TARGETS_MAX);
        struct target *t = &a->targets[a->targets_len++];
        t->url = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
        if (!show_url(t->url, t->shown))
            return config_fail(err,
                               "alert.url: address %u does not begin with http:// or https:// "
                               "and a host",
                               a->targets_len);
    }
    return ATTL_OK;
}

static int
read_settings(struct alert *a, const attl_config *config, struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES];
    copy_setting(a->urls, sizeof a->urls, config, OPT_ALERT_URL);
    copy_setting(a->secret, sizeof a->secret, config, OPT_ALERT_SECRET);
    copy_setting(a->header, sizeof a->header, config, OPT_ALERT_HEADER);
    copy_setting(a->template, sizeof a->template, config, OPT_ALERT_TEMPLATE);
    copy_setting(a->ca_file, sizeof a->ca_file, config, OPT_ALERT_CA_FILE);
    if (a->header[0] != '\0' && (!strchr(a->header, ':') || strpbrk(a->header, "\r\n")))
        return config_fail(err, "alert.header wants one header, `Name: value`");
    const char *problem = template_problem(a->template);
    if (problem)
        return config_fail(err,
                           "alert.template: %s is no fact of an incident (docs/alerts.md has "
                           "the names; a dollar is $$)",
                           config_shown(shown, attl_b(problem, strnlen(problem, 24))));
    return read_urls(a, err);
}

void
alert_configure(struct alert *a, const attl_config *config)
{
    lock_acquire(&a->lock);
    a->enabled = config_bool(config, OPT_ALERT_ENABLED);
    a->min_severity = (int)config_i64(config, OPT_ALERT_MIN_SEVERITY);
    a->timeout_ms = config_i64(config, OPT_ALERT_TIMEOUT);
    a->book.rules = (struct book_rules){
        .tries = (unsigned)config_i64(config, OPT_ALERT_TRIES),
        .backoff_ms = config_i64(config, OPT_ALERT_BACKOFF),
        .backoff_max_ms = config_i64(config, OPT_ALERT_BACKOFF_MAX),
    };
    lock_release(&a->lock);
}

/* ---- the thread ---- */

/* One line when a target begins to fail, one when it is back: not one per attempt. */
static void
tell_log(struct alert *a, struct target *t, const struct book_entry *e)
{
    char text[TEXT_BYTES];
    const struct alert_delivery *d = &e->shown;
    bool failed = d->state != ALERT_DELIVERED && d->problem[0] != '\0';
    if (d->state == ALERT_GAVE_UP)
        (void)snprintf(text, sizeof text,
                       "%s was not told of incident %" PRIu64 " (%s) after %u attempts: %s",
                       t->shown, d->incident, d->event, d->attempts, d->problem);
    else if (failed && !t->failing)
        (void)snprintf(text, sizeof text, "%s cannot be told: %s; it is tried again", t->shown,
                       d->problem);
    else if (!failed && t->failing)
        (void)snprintf(text, sizeof text, "%s can be told again", t->shown);
    else
        return;
    t->failing = failed;
    if (a->log)
        a->log(a->log_ud, failed ? CHOICE_LOG_WARNING : CHOICE_LOG_INFO, "alert", text);
}

/* REQUIRES the lock. Starts the delivery; one that cannot be started counts as an attempt. */
static void
begin(struct alert *a, struct target *t, struct book_entry *e)
{
    struct book_time now = time_now();
    struct post_request rq = { .url = t->url,
                               .body = buf_slice(&e->body),
                               .secret = a->secret,
                               .header = a->header,
                               .ca_file = a->ca_file,
                               .delivery = e->shown.id,
                               .now_s = now.wall_ms / MS_PER_S,
                               .timeout_ms = a->timeout_ms };
    book_begin(&a->book, e, now);
    if (post_begin(&t->post, a->multi, &rq)) {
        t->sending = e;
        return;
    }
    struct post_result result = { .outcome = POST_AGAIN };
    (void)snprintf(result.problem, sizeof result.problem, "no memory for a request"); /* fits */
    book_end(&a->book, e, &result, now);
}

/* Starts what is due. How long to sleep then; < 0: the end. */
static int64_t
start_due(struct alert *a)
{
    lock_acquire(&a->lock);
    int64_t now_ms = time_now().mono_ms, wake_ms = INT64_MAX, due_ms;
    unsigned busy = 0;
    for (unsigned i = 0; i < a->targets_len; i++) {
        struct target *t = &a->targets[i];
        struct book_entry *e = t->sending ? NULL : book_next(&a->book, i, now_ms, &due_ms);
        if (e)
            begin(a, t, e);
        else if (!t->sending && due_ms < wake_ms)
            wake_ms = due_ms;
        busy += a->book.waiting[i] > 0;
    }
    bool over = a->stopping && (busy == 0 || now_ms >= a->stop_at_ms);
    if (a->stopping && a->stop_at_ms < wake_ms)
        wake_ms = a->stop_at_ms;
    lock_release(&a->lock);
    int64_t sleep_ms = wake_ms == INT64_MAX ? SLEEP_MAX_MS : wake_ms - now_ms;
    return over ? -1 : sleep_ms < 0 ? 0 : sleep_ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : sleep_ms;
}

static void
end(struct alert *a, CURL *handle, CURLcode code)
{
    for (unsigned i = 0; i < a->targets_len; i++) {
        struct target *t = &a->targets[i];
        if (!t->sending || t->post.handle != handle)
            continue;
        struct post_result result;
        post_end(&t->post, a->multi, code, &result);
        lock_acquire(&a->lock);
        book_end(&a->book, t->sending, &result, time_now());
        struct book_entry copy = *t->sending; /* its slot may be reused without the lock */
        t->sending = NULL;
        lock_release(&a->lock);
        tell_log(a, t, &copy);
        return;
    }
}

static void *
thread_main(void *ud)
{
    struct alert *a = ud;
    int64_t sleep_ms;
    while ((sleep_ms = start_due(a)) >= 0) {
        int running, left;
        (void)curl_multi_perform(a->multi, &running); /* a failure shows in the handles */
        bool ended = false;
        for (CURLMsg *m; (m = curl_multi_info_read(a->multi, &left));)
            if (m->msg == CURLMSG_DONE) {
                end(a, m->easy_handle, m->data.result);
                ended = true;
            }
        if (!ended)
            (void)curl_multi_poll(a->multi, NULL, 0, (int)sleep_ms, NULL);
    }
    return NULL;
}

/* ---- for everybody ---- */

int
alert_open(struct alert **ret_alert, const attl_config *config, attl_log_fn log, void *log_ud,
           struct config_error err)
{
    attl_allocator memory = alloc_default();
    struct alert *a = alloc_zero(&memory, sizeof *a);
    if (!a)
        return config_fail_memory(err);
    lock_init(&a->lock);
    book_init(&a->book);
    a->log = log;
    a->log_ud = log_ud;
    process_host_name(a->host);
    alert_configure(a, config);
    int status = read_settings(a, config, err);
    if (status == ATTL_OK && a->targets_len > 0) {
        a->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
        if (!a->multi || !thread_start(&a->thread, "attl-alert", thread_main, a))
            status = config_fail_memory(err);
    }
    if (status == ATTL_OK)
        *ret_alert = a;
    else
        alert_close(&a, 0);
    return status;
}

void
alert_close(struct alert **alert, int64_t wait_ms)
{
    struct alert *a = *alert;
    if (!a)
        return;
    attl_allocator memory = alloc_default();
    lock_acquire(&a->lock);
    a->stopping = true;
    a->stop_at_ms = time_now().mono_ms + wait_ms;
    lock_release(&a->lock);
    if (a->thread.running) {
        (void)curl_multi_wakeup(a->multi);
        thread_join(&a->thread);
    }
    for (unsigned i = 0; i < a->targets_len; i++)
        if (a->targets[i].sending)
            post_abort(&a->targets[i].post, a->multi);
    size_t lost = book_give_up(&a->book, time_now());
    if (lost > 0 && a->log) {
        char text[TEXT_BYTES];
        (void)snprintf(text, sizeof text, "%zu deliveries were not made before the end", lost);
        a->log(a->log_ud, CHOICE_LOG_WARNING, "alert", text);
    }
    if (a->multi)
        (void)curl_multi_cleanup(a->multi);
    book_fini(&a->book);
    explicit_bzero(a, sizeof *a); /* secrets */
    alloc_free(&memory, a);
    *alert = NULL;
}

/* REQUIRES the lock. */
static void
add(struct alert *a, unsigned target, const char *event, const attl_incident *i)
{
    struct book_entry *e = book_add(&a->book, target, i->id, time_now());
    if (!e)
        return;
    e->shown.event = event;
    e->shown.kind = i->name; /* names live as long as the program */
    e->shown.severity = attl_severity_name(i->severity);
    e->shown.correlation = i->correlation;
    (void)snprintf(e->shown.target, sizeof e->shown.target, "%s", a->targets[target].shown);
    struct template_facts facts = {
        .event = event, .incident = i, .host = a->host, .delivery = e->shown.id
    };
    buf_init(&e->body, TEMPLATE_BODY_BYTES_MAX);
    template_fill(a->template[0] ? a->template : template_default, &facts, &e->body);
    if (e->body.failed)
        book_cancel(&a->book, e);
}

static void
add_all(struct alert *a, const char *event, const attl_incident *i)
{
    for (unsigned target = 0; target < a->targets_len; target++)
        add(a, target, event, i);
}

void
alert_incident(void *ud, int event, const attl_incident *i)
{
    struct alert *a = ud;
    lock_acquire(&a->lock);
    bool wanted = a->enabled && i->severity >= a->min_severity && a->targets_len > 0;
    if (wanted)
        add_all(a, attl_incident_event_name(event), i);
    lock_release(&a->lock);
    if (wanted)
        (void)curl_multi_wakeup(a->multi);
}

size_t
alert_test(struct alert *a)
{
    int64_t now_ms = time_now().wall_ms;
    const attl_incident nothing = { .struct_size = sizeof nothing,
                                    .severity = ATTL_SEVERITY_INFO,
                                    .state = ATTL_INCIDENT_RESOLVED,
                                    .simulated = 1,
                                    .times = 1,
                                    .since_ms = now_ms,
                                    .changed_ms = now_ms,
                                    .resolved_ms = now_ms,
                                    .name = "test",
                                    .cause = "somebody tries whether alerts arrive",
                                    .actions = "",
                                    .request = "" };
    lock_acquire(&a->lock);
    add_all(a, "test", &nothing);
    lock_release(&a->lock);
    if (a->targets_len > 0)
        (void)curl_multi_wakeup(a->multi);
    return a->targets_len;
}

void
alert_stats_get(struct alert *a, struct alert_stats *ret_stats)
{
    lock_acquire(&a->lock);
    *ret_stats = a->book.stats;
    ret_stats->targets = a->targets_len;
    for (unsigned i = 0; i < a->targets_len; i++)
        ret_stats->waiting += a->book.waiting[i];
    lock_release(&a->lock);
}

size_t
alert_list(struct alert *a, struct alert_delivery *ret, size_t max)
{
    lock_acquire(&a->lock);
    size_t n = book_list(&a->book, ret, max);
    lock_release(&a->lock);
    return n;
}

const char *
alert_state_name(enum alert_state state)
{
    static const char *const names[] = { [ALERT_WAITING] = "waiting",
                                         [ALERT_SENDING] = "sending",
                                         [ALERT_DELIVERED] = "delivered",
                                         [ALERT_SUPERSEDED] = "superseded",
                                         [ALERT_GAVE_UP] = "gave_up" };
    return names[state];
}

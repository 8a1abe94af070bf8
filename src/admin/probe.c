/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /livez and /readyz. The status is the contract; the text is for people, in the form that they
 * know from elsewhere: "[+]name ok" and "[-]name failed: why". A check that is excluded is not
 * looked at. Nothing here locks or waits, so that a probe never tells of anything but the server.
 */
#include "admin/probe.h"

#include "admin/serve.h"
#include "admin/state.h"

#include <stdio.h>

enum { WHY_MAX = 160 };

struct check {
    const char *name;
    bool (*good)(struct admin *admin, char why[WHY_MAX]);
};

static bool
check_stopping(struct admin *admin, char why[WHY_MAX])
{
    (void)snprintf(why, WHY_MAX, "the server is stopping");
    return !atomic_load(&admin->draining);
}

static bool
check_loaded(struct admin *admin, char why[WHY_MAX])
{
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(admin->cache, &p);
    if (p.loading)
        (void)snprintf(why, WHY_MAX, "loading, %llu of %llu bytes",
                       (unsigned long long)p.bytes_done, (unsigned long long)p.bytes_total);
    else
        (void)snprintf(why, WHY_MAX, "loading has failed: %s", attl_strerror(p.status));
    return !p.loading && p.status == ATTL_OK;
}

static bool
check_memory(struct admin *admin, char why[WHY_MAX])
{
    attl_stats s = { .struct_size = sizeof s };
    attl_stats_get(admin->cache, &s);
    (void)snprintf(why, WHY_MAX, "%llu bytes used, the limit is %llu",
                   (unsigned long long)s.mem_used, (unsigned long long)s.max_memory);
    return s.max_memory == 0 || s.mem_used <= s.max_memory;
}

/* In memory only, by persist.on_error = degrade, is what the operator chose, and still serves. */
static bool
check_log(struct admin *admin, char why[WHY_MAX])
{
    attl_persist_stats p = { .struct_size = sizeof p };
    attl_persist_stats_get(admin->cache, &p);
    (void)snprintf(why, WHY_MAX, "the log cannot be written, error %d", (int)-p.last_error);
    return !p.enabled || p.state == 0 || p.state == 2 || p.state == 4;
}

static const struct check checks[] = {
    { "shutdown", check_stopping },
    { "loading", check_loaded },
    { "memory", check_memory },
    { "log", check_log },
};

bool
probe_is_ready(struct admin *admin)
{
    char why[WHY_MAX];
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (!checks[i].good(admin, why))
            return false;
    return true;
}

static bool
is_in_list(const attl_slice *list, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; list && i + len <= list->len; i++) {
        const char *at = (const char *)list->data + i;
        bool begins = i == 0 || at[-1] == ',';
        bool ends = i + len == list->len || at[len] == ',';
        if (begins && ends && memcmp(at, name, len) == 0)
            return true;
    }
    return false;
}

void
serve_livez(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
            struct http_reply *reply)
{
    (void)admin;
    (void)visitor;
    reply->status = 200;
    reply->type = "text/plain; charset=utf-8";
    buf_append_str(&reply->body,
                   target_param(&rq->target, "verbose") ? "[+]process ok\nok\n" : "ok\n");
}

void
serve_readyz(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
             struct http_reply *reply)
{
    (void)visitor;
    const attl_slice *exclude = target_param(&rq->target, "exclude");
    bool verbose = target_param(&rq->target, "verbose");
    bool ready = true;
    reply->type = "text/plain; charset=utf-8";
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        char why[WHY_MAX];
        bool excluded = is_in_list(exclude, checks[i].name);
        bool good = excluded || checks[i].good(admin, why);
        ready &= good;
        if (!good)
            buf_printf(&reply->body, "[-]%s failed: %s\n", checks[i].name, why);
        else if (verbose)
            buf_printf(&reply->body, "[+]%s %s\n", checks[i].name,
                       excluded ? "excluded: ok" : "ok");
    }
    reply->status = ready ? 200 : 503;
    buf_append_str(&reply->body, ready ? "ok\n" : "not ready\n");
}

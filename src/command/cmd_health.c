/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.HEALTH: the checks of attl_health(), and those of the server's own settings, which the
 * library does not know. The reply is a map with the worst status, one status per area and what is
 * not well; VERBOSE adds every check with its value and limit. Looking keeps nothing.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "config/config.h"

enum { HEALTH_FIELDS = 3, CHECK_FIELDS = 6, CHECKS_MAX_BYTES = 64 << 10, VALUE_MAX = 640 };

struct health {
    struct request *rq;
    int areas[ATTL_HEALTH_AREAS];
    struct buf checks, problems; /* replies so far, and how many there are */
    size_t checks_len, problems_len;
};

static void
field_double(struct buf *out, int proto, const char *name, double value)
{
    resp_bulk_str(out, name);
    resp_double(out, proto, value);
}

static void
field_str(struct buf *out, const char *name, const char *value)
{
    resp_bulk_str(out, name);
    resp_bulk_str(out, value);
}

static void
take_item(void *ud, const attl_health_item *item)
{
    struct health *h = ud;
    int proto = h->rq->s->proto;
    if (item->status > h->areas[item->area])
        h->areas[item->area] = item->status;
    if (item->status != ATTL_HEALTH_OK) {
        h->problems_len++;
        resp_bulk_str(&h->problems, item->text);
    }
    h->checks_len++;
    resp_map(&h->checks, proto, CHECK_FIELDS);
    field_str(&h->checks, "area", attl_health_area_name(item->area));
    field_str(&h->checks, "check", item->name);
    field_str(&h->checks, "status", attl_health_status_name(item->status));
    field_double(&h->checks, proto, "value", item->value);
    resp_bulk_str(&h->checks, "limit");
    if (item->has_limit)
        resp_double(&h->checks, proto, item->limit);
    else
        resp_null(&h->checks, proto);
    field_str(&h->checks, "text", item->text);
}

/* ---- the server's own settings ---- */

static void
setting(const struct command_host *host, const char *name, char value[VALUE_MAX])
{
    if (!host->config_get || host->config_get(host->ud, name, value, VALUE_MAX) != ATTL_OK)
        value[0] = '\0';
}

/* Whether every word of server.bind is an address of this machine's alone. */
static bool
is_private(char *bind)
{
    char *rest = bind;
    for (char *word = strtok_r(bind, " ,\t", &rest); word; word = strtok_r(NULL, " ,\t", &rest))
        if (!config_is_loopback(word))
            return false;
    return true;
}

static void
look_at_access(struct health *h)
{
    const struct command_host *host = h->rq->env->host;
    char bind[VALUE_MAX], password[VALUE_MAX];
    setting(host, "server.bind", bind);
    setting(host, "server.requirepass", password);
    bool open = password[0] == '\0';
    bool bad = open && !is_private(bind);
    attl_health_item item = { .struct_size = sizeof item,
                              .area = ATTL_HEALTH_CONFIGURATION,
                              .status = bad ? ATTL_HEALTH_WARN : ATTL_HEALTH_OK,
                              .value = bad,
                              .has_limit = 1,
                              .name = "open_to_all",
                              .text = bad    ? "other machines can reach server.bind and there is "
                                               "no password: set server.requirepass"
                                      : open ? "only this machine can reach the server"
                                             : "there is a password" };
    take_item(h, &item);
}

/* ---- the reply ---- */

static int
worst_of(const struct health *h)
{
    int worst = ATTL_HEALTH_OK;
    for (size_t i = 0; i < ATTL_HEALTH_AREAS; i++)
        worst = h->areas[i] > worst ? h->areas[i] : worst;
    return worst;
}

static void
reply_health(struct health *h, bool verbose)
{
    struct request *rq = h->rq;
    resp_map(rq->out, rq->s->proto, HEALTH_FIELDS + verbose);
    reply_field_str(rq, "status", attl_health_status_name(worst_of(h)));
    resp_bulk_str(rq->out, "areas");
    resp_map(rq->out, rq->s->proto, ATTL_HEALTH_AREAS);
    for (int i = 0; i < ATTL_HEALTH_AREAS; i++)
        reply_field_str(rq, attl_health_area_name(i), attl_health_status_name(h->areas[i]));
    resp_bulk_str(rq->out, "problems");
    resp_array(rq->out, h->problems_len);
    buf_append(rq->out, h->problems.data, h->problems.len);
    if (!verbose)
        return;
    resp_bulk_str(rq->out, "checks");
    resp_array(rq->out, h->checks_len);
    buf_append(rq->out, h->checks.data, h->checks.len);
}

/* ATTL.HEALTH [VERBOSE] */
void
cmd_attl_health(struct request *rq)
{
    struct health h = { .rq = rq };
    bool verbose = rq->argc == 2 && arg_is(rq->argv[1], "verbose");
    if (rq->argc > 2 || (rq->argc == 2 && !verbose)) {
        reply_syntax_error(rq);
        return;
    }
    buf_init(&h.checks, CHECKS_MAX_BYTES);
    buf_init(&h.problems, CHECKS_MAX_BYTES);
    int status = attl_health(rq->env->cache, take_item, &h, NULL);
    look_at_access(&h);
    if (status == ATTL_OK && (h.checks.failed || h.problems.failed))
        status = ATTL_E_NOMEM;
    if (!reply_if_failed(rq, status))
        reply_health(&h, verbose);
    buf_fini(&h.checks);
    buf_fini(&h.problems);
}

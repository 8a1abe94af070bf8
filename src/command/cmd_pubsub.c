/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publish and subscribe, as commands: who is subscribed to what is the host's, and so is the way of
 * a message. Under protocol 3 the answers to SUBSCRIBE and its like are pushes, one per name, and
 * they are sent even to a connection that wants no replies, because they tell it from where on
 * messages come. The three kinds - channels, patterns, shard channels -
 * share their functions.
 */
#include "command/commands.h"
#include "base/glob.h"
#include "command/reply.h"

static enum pubsub_kind
kind_of(const char *word)
{
    static const struct {
        const char *word;
        enum pubsub_kind kind;
    } others[] = {
        { "psubscribe", PUBSUB_PATTERN }, { "punsubscribe", PUBSUB_PATTERN },
        { "ssubscribe", PUBSUB_SHARD },   { "sunsubscribe", PUBSUB_SHARD },
        { "spublish", PUBSUB_SHARD },     { "shardchannels", PUBSUB_SHARD },
        { "shardnumsub", PUBSUB_SHARD },
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(word, others[i].word) == 0)
            return others[i].kind;
    return PUBSUB_CHANNEL;
}

/* False after answering that there is no such thing here. */
static bool
is_served(struct request *rq)
{
    if (rq->env->host->subscribe)
        return true;
    resp_error(rq->out, "ERR publish and subscribe are not available");
    return false;
}

/* What SUBSCRIBE and UNSUBSCRIBE say how many there are: of shard channels, or of the others. */
static int64_t
count_shown(const struct session *s, enum pubsub_kind kind)
{
    if (kind == PUBSUB_SHARD)
        return (int64_t)s->subscribed[PUBSUB_SHARD];
    return (int64_t)(s->subscribed[PUBSUB_CHANNEL] + s->subscribed[PUBSUB_PATTERN]);
}

static void
begin_confirmation(struct request *rq)
{
    rq->s->keep_reply = true;
    resp_push(rq->out, rq->s->proto, 3);
    resp_bulk_str(rq->out, rq->cmd->name);
}

/* SUBSCRIBE channel [channel ...], PSUBSCRIBE, SSUBSCRIBE */
void
cmd_subscribe(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    enum pubsub_kind kind = kind_of(rq->cmd->name);
    if (!is_served(rq))
        return;
    for (size_t i = 1; i < rq->argc; i++) {
        int status = host->subscribe(host->ud, kind, rq->argv[i]);
        if (status == ATTL_E_BUSY) {
            resp_error(rq->out, "ERR this connection, or all together, has too many subscriptions");
            return;
        }
        if (reply_if_failed(rq, status))
            return;
        begin_confirmation(rq);
        resp_bulk(rq->out, rq->argv[i]);
        resp_int(rq->out, count_shown(rq->s, kind));
    }
}

/*
 * Ends one subscription and says so under the name `shown`. What was published before the end comes
 * before the answer, and behind it nothing may come any more: so first the end, then what waits.
 */
static void
confirm_end(struct request *rq, enum pubsub_kind kind, attl_slice name, attl_slice shown)
{
    const struct command_host *host = rq->env->host;
    (void)host->unsubscribe(host->ud, kind, name); /* not subscribed: answered alike */
    host->pushes(host->ud, rq->out);
    begin_confirmation(rq);
    resp_bulk(rq->out, shown);
    resp_int(rq->out, count_shown(rq->s, kind));
}

/* Gives up all of one kind; the name of a subscription lives as long as the subscription does. */
static void
unsubscribe_all(struct request *rq, enum pubsub_kind kind)
{
    const struct command_host *host = rq->env->host;
    attl_slice name;
    size_t n = 0;
    struct buf copy;
    buf_init(&copy, 0);
    for (; host->subscription(host->ud, kind, &name); n++) {
        buf_clear(&copy, 0);
        copy.max_bytes = name.len;
        buf_append(&copy, name.data, name.len);
        confirm_end(rq, kind, name, buf_slice(&copy));
    }
    buf_fini(&copy);
    if (n > 0)
        return;
    begin_confirmation(rq);
    resp_null(rq->out, rq->s->proto);
    resp_int(rq->out, count_shown(rq->s, kind));
}

/* UNSUBSCRIBE [channel [channel ...]], PUNSUBSCRIBE, SUNSUBSCRIBE */
void
cmd_unsubscribe(struct request *rq)
{
    enum pubsub_kind kind = kind_of(rq->cmd->name);
    if (!is_served(rq))
        return;
    if (rq->argc == 1) {
        unsubscribe_all(rq, kind);
        return;
    }
    for (size_t i = 1; i < rq->argc; i++)
        confirm_end(rq, kind, rq->argv[i], rq->argv[i]);
}

/* PUBLISH channel message, SPUBLISH */
void
cmd_publish(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (!is_served(rq))
        return;
    enum pubsub_kind kind = kind_of(rq->cmd->name);
    resp_int(rq->out, (int64_t)host->publish(host->ud, kind, rq->argv[1], rq->argv[2]));
}

struct channel_list {
    struct buf *out;
    attl_slice pattern;
    bool all;
    size_t n;
};

static void
list_channel(void *ud, attl_slice name)
{
    struct channel_list *list = ud;
    if (!list->all && !glob_match(list->pattern, name, false))
        return;
    resp_bulk(list->out, name);
    list->n++;
}

/* PUBSUB CHANNELS [pattern], PUBSUB SHARDCHANNELS [pattern] */
void
cmd_pubsub_channels(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (!is_served(rq))
        return;
    if (rq->argc > 3) {
        resp_errorf(rq->out,
                    "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try PUBSUB "
                    "HELP.",
                    (int)rq->argv[1].len, (const char *)rq->argv[1].data);
        return;
    }
    bool all = rq->argc == 2;
    struct channel_list list = { rq->out, all ? attl_s("") : rq->argv[2], all, 0 };
    size_t mark = rq->out->len;
    host->each_topic(host->ud, kind_of(command_word(rq->cmd)), list_channel, &list);
    reply_insert_array(rq->out, mark, list.n);
}

/* PUBSUB NUMPAT */
void
cmd_pubsub_numpat(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (is_served(rq))
        resp_int(rq->out, (int64_t)host->topics(host->ud, PUBSUB_PATTERN));
}

/* PUBSUB NUMSUB [channel ...], PUBSUB SHARDNUMSUB */
void
cmd_pubsub_numsub(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (!is_served(rq))
        return;
    enum pubsub_kind kind = kind_of(command_word(rq->cmd));
    resp_array(rq->out, 2 * (rq->argc - 2));
    for (size_t i = 2; i < rq->argc; i++) {
        resp_bulk(rq->out, rq->argv[i]);
        resp_int(rq->out, (int64_t)host->subscribers(host->ud, kind, rq->argv[i]));
    }
}

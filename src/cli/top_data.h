/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the view of `attl top` shows, taken from replies of the server: numbers and short texts,
 * with no pointer into a reply, so that it outlives the connection it came from. A reply that is an
 * error or of another shape (a Redis, a server of another version, one that loads) leaves its part
 * empty. Everything has a maximum; what does not fit is counted, not shown. Pure: no clock, no
 * input.
 */
#ifndef ATTL_CLI_TOP_DATA_H
#define ATTL_CLI_TOP_DATA_H

#include "cli/reply_parse.h"
#include "cli/stat_row.h"

enum {
    TOP_WORD_MAX = 40,
    TOP_KEY_MAX = 96,
    TOP_TEXT_MAX = 200,
    TOP_INCIDENTS_MAX = 64,
    TOP_SHARDS_MAX = 256,
    TOP_HOT_MAX = 64,
    TOP_SLOW_MAX = 64,
    TOP_LATENCY_CLASSES = 40 /* class c: up to 2^c microseconds */
};

struct top_incident {
    char kind[TOP_WORD_MAX], severity[TOP_WORD_MAX], state[TOP_WORD_MAX], cause[TOP_TEXT_MAX];
    int64_t since_ms;
    bool simulated;
};

struct top_shard {
    int64_t index, keys, bytes;
    double load; /* of one core, 1 is all of it */
    double of_mean;
};

struct top_hot {
    char key[TOP_KEY_MAX]; /* printable */
    int64_t key_bytes, shard;
    double reads, writes; /* per second */
    double share;         /* of all accesses */
};

struct top_slow {
    int64_t id, at_s, took_us;
    int64_t words;
    char name[TOP_WORD_MAX], rest[TOP_KEY_MAX], client[TOP_WORD_MAX + 24];
};

struct top_data {
    char version[TOP_WORD_MAX];
    char health[TOP_WORD_MAX]; /* "" if the server has no such command */
    char problem[TOP_TEXT_MAX];
    char log_state[TOP_WORD_MAX], pace[TOP_WORD_MAX], cleanup[TOP_WORD_MAX];
    struct stat_sample sample;
    int64_t ops_per_s; /* as the server says */
    int64_t uptime_s, unsynced_bytes, written_lsn, durable_lsn;
    bool loading;
    uint64_t latency[TOP_LATENCY_CLASSES]; /* calls since the server's start */
    struct top_incident incidents[TOP_INCIDENTS_MAX];
    struct top_shard shards[TOP_SHARDS_MAX];
    struct top_hot hot[TOP_HOT_MAX];
    struct top_slow slow[TOP_SLOW_MAX];
    size_t incidents_len, shards_len, hot_len, slow_len; /* in the arrays */
    size_t incidents_all, shards_all;                    /* that there are */
};

void top_take_info(struct top_data *d, attl_slice info, int64_t at_ns);
void top_take_health(struct top_data *d, const struct reply *r);
void top_take_incidents(struct top_data *d, const struct reply *r);
void top_take_shards(struct top_data *d, const struct reply *r);
void top_take_hot(struct top_data *d, const struct reply *r);
void top_take_slow(struct top_data *d, const struct reply *r);
void top_take_latency(struct top_data *d, const struct reply *r);
/*
 * The bound, in microseconds, below which 99 of 100 calls between the two looks stayed; of all
 * calls since the server's start if `then` is NULL. -1 if there were none.
 */
int64_t top_p99_us(const struct top_data *then, const struct top_data *now);
/* `text` with whatever could steer a terminal, or has no known width, as \xHH; cut to fit. */
void top_printable(char *to, size_t size, attl_slice text);

#endif

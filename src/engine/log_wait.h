/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submissions that wait for the log, without a thread that waits: under persist.fsync = always a
 * change completes when it is durable. They stand in two lines in the order of their positions, one
 * for what the policy promises and one for what is durable whatever it promises, and the log's
 * thread completes those whose time has come. A line that is empty costs the log one load.
 *
 * `lock` guards the lines; completions are posted under it, so that they keep the lines' order.
 */
#ifndef ATTL_ENGINE_LOG_WAIT_H
#define ATTL_ENGINE_LOG_WAIT_H

#include "engine/submission.h"

struct wal;

enum log_line_id { LOG_LINE_SAFE, LOG_LINE_DURABLE, LOG_LINES };

struct log_waiter {
    struct submission submission;
    struct log_waiter *next, *prev;
    uint64_t position;
    int status; /* of what was done, if the log keeps its promise */
    enum log_line_id line;
    bool stands; /* in its line */
};

struct log_line {
    struct log_waiter *first, *last;
    _Atomic uint64_t first_position; /* UINT64_MAX: it is empty */
};

struct log_waits {
    struct lock lock;
    struct wal *_Atomic wal; /* NULL: there is none, or not yet, or no more */
    struct log_line lines[LOG_LINES];
};

void log_waits_init(struct log_waits *l);
/* The log is there. */
void log_waits_start(struct attl *a, struct wal *w);
/* It is about to be closed; then: it has been, and `error` (0: none) is what became of its end. */
void log_waits_stop(struct attl *a);
void log_waits_end(struct attl *a, int error);

/* Whether a change that was made must be waited for. */
bool log_waits_are_needed(const struct attl *a);
/* The log, NULL if there is none. */
struct wal *log_waits_log(const struct attl *a);
/* A waiter whose place is reserved, as submission_new(). */
int log_waiter_make(attl_queue *q, uint32_t kind, const struct submission_spec *spec,
                    struct log_waiter **ret);
/* Opens it and enters the line for its position. Takes over the worker's reference; returns the
 * submission's number. */
uint64_t log_waits_enter(struct log_waiter *w, const struct submission_spec *spec);
/* The log has news: completes what it can. Any thread. */
void log_waits_settle(struct attl *a);

#endif

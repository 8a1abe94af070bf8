/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book of deliveries: which wait, which is next for a target, what becomes of one that has been
 * tried, and the last of those that are over. Pure: time is an argument, nothing is sent here. A
 * slot is reused when it is free or the oldest of those that are over; as fewer deliveries may wait
 * than there are slots, one is always found. The caller locks.
 */
#ifndef ATTL_ALERT_BOOK_H
#define ATTL_ALERT_BOOK_H

#include "alert/alert.h"
#include "alert/post.h"
#include "base/buf.h"

/* The time, twice: for the order of things, and for people. */
struct book_time {
    int64_t mono_ms, wall_ms;
};

struct book_entry {
    struct alert_delivery shown; /* id 0: the slot is free */
    unsigned target;
    int64_t due_ms; /* monotonic */
    struct buf body;
};

struct book_rules {
    unsigned tries;
    int64_t backoff_ms, backoff_max_ms;
};

struct book {
    struct book_entry entries[ALERT_REMEMBERED];
    uint64_t last_id;
    unsigned waiting[ALERT_TARGETS_MAX]; /* those being sent included */
    struct book_rules rules;
    struct alert_stats stats;
};

void book_init(struct book *b);
void book_fini(struct book *b);
/*
 * A new delivery for `target`, due at once, whose facts the caller fills in (`shown`) together with
 * its body; what waits of the same incident is superseded. NULL: no room, it is counted.
 */
struct book_entry *book_add(struct book *b, unsigned target, uint64_t incident,
                            struct book_time now);
/* Takes back what book_add() gave: there was no memory for the body. */
void book_cancel(struct book *b, struct book_entry *e);
/* The oldest that waits for `target`, if it is due, else NULL and *ret_due_ms (monotonic;
 * INT64_MAX: none waits). */
struct book_entry *book_next(struct book *b, unsigned target, int64_t now_ms, int64_t *ret_due_ms);
/* An attempt begins. */
void book_begin(struct book *b, struct book_entry *e, struct book_time now);
/* It has ended. */
void book_end(struct book *b, struct book_entry *e, const struct post_result *result,
              struct book_time now);
/* The pause after the `attempts`-th failed attempt of delivery `id`. */
int64_t book_pause_ms(const struct book_rules *rules, uint64_t id, unsigned attempts,
                      int64_t asked_ms);
/* Copies of the newest, newest first; how many. */
size_t book_list(const struct book *b, struct alert_delivery *ret, size_t max);
/* Everything that waits is given up. How many those were. */
size_t book_give_up(struct book *b, struct book_time now);

#endif

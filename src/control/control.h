/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control plane: loops by which a cache looks after itself. Each loop observes (copies numbers
 * through engine/control.h), decides (a pure function of its own file, tested by table), acts
 * through the same header and leaves a line of the log with the numbers. Each can be switched off,
 * alone and at run time; while it is off, or while nothing happens in the cache, it costs nothing.
 *
 * `lock` covers everything here. A cycle holds it while a loop runs; calls of the public functions
 * take it for as long as they read or wish.
 */
#ifndef ATTL_CONTROL_CONTROL_H
#define ATTL_CONTROL_CONTROL_H

#include "config/config.h"
#include "control/balancer.h"
#include "control/detect_disk.h"
#include "control/incidents.h"
#include "control/pressure.h"
#include "control/tuner.h"
#include "engine/control.h"
#include "os/lock.h"

#include <stdbool.h>

enum control_loop_id {
#define CONTROL_LOOP(id, step, option) CONTROL_##id,
#include "control/loops.inc"
#undef CONTROL_LOOP
    CONTROL_LOOPS
};

/* Lines that were said under the lock: they go out when it is released. */
enum { CONTROL_LINES_MAX = 16, CONTROL_LINE_BYTES = 640 };
struct control_line {
    int level;
    const char *event; /* a constant */
    char trace[TRACE_MAX + 1];
    char text[CONTROL_LINE_BYTES];
};

struct control {
    struct attl *a;
    attl_allocator alloc;
    struct lock lock;
    bool enabled[CONTROL_LOOPS];
    unsigned said; /* lines that wait */
    struct control_line lines[CONTROL_LINES_MAX];
    struct balancer balancer;
    struct tuner tuner;
    struct incidents incidents;
    struct disk_watch disk;
    struct pressure pressure;
    struct load_report load;
};

/* What a loop does when it is called: `n` is what was observed just now. Returns when it wants to
 * be called again, INT64_MAX: when something happens, be it one sample, CONTROL_NEVER: not before
 * settings change or other news come. The lock is held. */
#define CONTROL_NEVER (INT64_MAX - 1)
typedef int64_t (*control_step_fn)(struct control *c, const struct control_numbers *n);

/* Says it when the lock is released, because whoever hears it may look at the cache. Beyond
 * CONTROL_LINES_MAX in one go the last is replaced. The lock is held. */
void control_say(struct control *c, int level, const char *event, const char *text);
/* The same of a request's doing, by its correlation id; "": nobody's. */
void control_say_of(struct control *c, const char *trace, int level, const char *event,
                    const char *text);
/* Releases the lock, and then says what waits. */
void control_unlock(struct control *c);

/* Gives the cache its control plane. ATTL_OK or ATTL_E_NOMEM. */
int control_start(struct attl *a, const attl_config *config);

#endif

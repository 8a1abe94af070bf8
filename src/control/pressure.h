/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop that keeps the cache within the memory there is: reads what the system says, asks the
 * rule (pressure_rule.h), and carries its order out through engine/control.h. It looks once a
 * second while something happens, more often under pressure, and not at all while the cache is
 * idle. Everything here is under control.lock.
 */
#ifndef ATTL_CONTROL_PRESSURE_H
#define ATTL_CONTROL_PRESSURE_H

#include "config/config.h"
#include "control/pressure_rule.h"
#include "engine/control.h"

struct control;

struct pressure {
    bool started;  /* the system's files have been looked for */
    bool dry_run;  /* decide and log, do nothing */
    bool evicting; /* the last order is not carried out yet */
    struct pressure_settings settings;
    struct pressure_state state;
    struct pressure_order order;  /* the last */
    struct control_pressure seen; /* at the last look */
    int64_t next_ms;
    uint64_t raised; /* times the level went up from none */
};

/* What a server says of how long its requests wait: any thread, no lock. */
struct load_report {
    _Atomic uint64_t delay_us, shed; /* the longest of now; sum of requests not served */
    _Atomic int level;
};

int64_t pressure_step(struct control *c, const struct control_numbers *n);
void pressure_configure(struct control *c, const attl_config *config);

#endif

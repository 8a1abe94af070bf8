/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cycle: observe once, call every loop that is enabled, sleep until the first of them wants to
 * be called again. A loop that has nothing to watch returns INT64_MAX, and when all do, nothing is
 * called until something happens, so an idle cache has no cycles. Loops are called early
 * when another one is due; each looks at the time itself.
 */
#include "control/control.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

struct loop {
    control_step_fn step;
    enum option_id enabled;
};

static const struct loop loops[] = {
#define CONTROL_LOOP(id, step, option) [CONTROL_##id] = { step, option },
#include "control/loops.inc"
#undef CONTROL_LOOP
};

void
control_say(struct control *c, int level, const char *event, const char *text)
{
    c->said += c->said < CONTROL_LINES_MAX;
    struct control_line *line = &c->lines[c->said - 1];
    line->level = level;
    line->event = event;
    line->trace[0] = '\0';
    (void)snprintf(line->text, sizeof line->text, "%s", text); /* cut is fine */
}

void
control_say_of(struct control *c, const char *trace, int level, const char *event, const char *text)
{
    control_say(c, level, event, text);
    struct control_line *line = &c->lines[c->said - 1];
    (void)snprintf(line->trace, sizeof line->trace, "%s", trace); /* as long */
}

/* A line of somebody's request is logged as his, whoever logs it. */
static void
log_line(struct control *c, const struct control_line *line)
{
    const char *mine = trace_get();
    if (line->trace[0])
        trace_set(line->trace);
    control_log(c->a, line->level, line->event, line->text);
    trace_set(mine);
}

void
control_unlock(struct control *c)
{
    struct control_line lines[CONTROL_LINES_MAX];
    unsigned n = c->said;
    memcpy(lines, c->lines, n * sizeof lines[0]);
    c->said = 0;
    lock_release(&c->lock);
    for (unsigned i = 0; i < n; i++)
        log_line(c, &lines[i]);
}

static int64_t
control_cycle(void *ud, int64_t now_ms, bool *ret_listens)
{
    struct control *c = ud;
    int64_t next_ms = CONTROL_NEVER;
    struct control_numbers n;
    control_observe(c->a, &n);
    lock_acquire(&c->lock);
    for (int i = 0; i < CONTROL_LOOPS; i++) {
        int64_t at_ms = c->enabled[i] ? loops[i].step(c, &n) : CONTROL_NEVER;
        next_ms = at_ms < next_ms ? at_ms : next_ms;
        *ret_listens |= at_ms == INT64_MAX;
    }
    control_unlock(c);
    if (next_ms == CONTROL_NEVER)
        return INT64_MAX;
    return next_ms > now_ms ? next_ms : now_ms + 1; /* a loop that cannot wait must not spin */
}

static void
control_configure(void *ud, const attl_config *config)
{
    struct control *c = ud;
    lock_acquire(&c->lock);
    for (int i = 0; i < CONTROL_LOOPS; i++)
        c->enabled[i] = config_bool(config, loops[i].enabled);
    balancer_configure(c, config);
    tuner_configure(c, config);
    disk_watch_configure(c, config);
    incidents_configure(c, config);
    pressure_configure(c, config);
    control_unlock(c);
    control_wake(c->a);
}

static void
control_close(void *ud)
{
    struct control *c = ud;
    attl_allocator alloc = c->alloc;
    balancer_fini(c);
    incidents_fini(c);
    alloc_free(&alloc, c);
}

int
control_start(struct attl *a, const attl_config *config)
{
    static const struct control_hooks hooks = { control_cycle, control_configure, control_close };
    attl_allocator alloc = config->has_allocator ? config->allocator : alloc_default();
    struct control *c = alloc_zero(&alloc, sizeof(*c));
    if (!c)
        return ATTL_E_NOMEM;
    c->a = a;
    c->alloc = alloc;
    lock_init(&c->lock);
    incidents_init(c, config);
    control_attach(a, &hooks, c);
    return ATTL_OK;
}

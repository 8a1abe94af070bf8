/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cycle: observe once, call every loop that is enabled, sleep until the first of them wants to
 * be called again. A loop that has nothing to watch returns INT64_MAX, and when all do, the cycle
 * ends until the engine calls control_wake(), so an idle cache has none. Loops are called early
 * when another one is due; each looks at the time itself.
 */
#include "control/control.h"

#include "base/alloc.h"

struct loop {
    const char *name;
    control_step_fn step;
    enum option_id enabled;
};

static const struct loop loops[] = {
#define CONTROL_LOOP(id, step, option) [CONTROL_##id] = { #id, step, option },
#include "control/loops.inc"
#undef CONTROL_LOOP
    { NULL, NULL, 0 },
};

static int64_t
control_cycle(void *ud, int64_t now_ms)
{
    struct control *c = ud;
    int64_t next_ms = INT64_MAX;
    bool sleeps = false;
    struct control_numbers n;
    control_observe(c->a, &n);
    lock_acquire(&c->lock);
    for (int i = 0; i < CONTROL_LOOPS; i++) {
        int64_t at_ms = c->enabled[i] ? loops[i].step(c, &n) : INT64_MAX;
        next_ms = at_ms < next_ms ? at_ms : next_ms;
        sleeps |= c->enabled[i] && at_ms == INT64_MAX;
    }
    lock_release(&c->lock);
    if (sleeps)
        control_listen(c->a);
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
    incidents_configure(c, config);
    pressure_configure(c, config);
    lock_release(&c->lock);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of findings: a few places, of which the oldest healed one makes room. A file has one
 * finding at most that is not healed, so a pass that meets it again adds nothing. Each change of
 * the list gets a number, by which the control plane knows what it has told already. scrub.lock
 * covers all of it, and is held for copying only.
 */
#include "engine/control.h"
#include "engine/store.h"

#include <stdarg.h>
#include <stdio.h>

static struct scrub_finding *
same_file(struct scrub *c, const struct scrub_finding *f)
{
    for (unsigned i = 0; i < SCRUB_FINDINGS; i++) {
        struct scrub_finding *at = &c->findings[i];
        if (at->number && strcmp(at->name, f->name) == 0 && at->unreadable == f->unreadable &&
            (!at->healed || at->unreadable || at->offset == f->offset))
            return at;
    }
    return NULL;
}

/* The place that is free, or whose finding is the oldest healed one. */
static struct scrub_finding *
make_place(struct scrub *c)
{
    struct scrub_finding *best = NULL;
    for (unsigned i = 0; i < SCRUB_FINDINGS; i++) {
        struct scrub_finding *at = &c->findings[i];
        if (at->number && !at->healed)
            continue;
        if (!best || at->number < best->number)
            best = at;
    }
    return best;
}

bool
scrub_note(struct store *s, struct scrub_finding *f)
{
    struct scrub *c = &s->scrub;
    lock_acquire(&c->lock);
    struct scrub_finding *known = same_file(c, f);
    struct scrub_finding *at = known ? known : make_place(c);
    if (at) {
        uint64_t seen = c->sums.damaged + c->sums.unreadable;
        f->number = known ? known->number : seen + 1;
        f->revision = known ? known->revision : ++c->sums.revision;
        f->found_ms = engine_now_ms(s->a) + engine_skew_ms(s->a);
        if (!known) {
            trace_copy(f->trace);
            c->sums.damaged += !f->unreadable;
            c->sums.unreadable += f->unreadable;
            c->sums.unhealed += !f->unreadable && !f->healed;
        }
        *at = *f;
    }
    lock_release(&c->lock);
    control_wake(s->a);
    return at;
}

void
scrub_settle(struct store *s, const struct scrub_finding *f)
{
    struct scrub *c = &s->scrub;
    lock_acquire(&c->lock);
    for (unsigned i = 0; i < SCRUB_FINDINGS; i++) {
        struct scrub_finding *at = &c->findings[i];
        if (at->number != f->number || (at->healed && !at->unreadable))
            continue;
        c->sums.unhealed -= !at->unreadable && !at->healed && f->healed;
        *at = *f;
        at->revision = ++c->sums.revision;
    }
    lock_release(&c->lock);
    control_wake(s->a);
}

void
scrub_sums_get(struct store *s, struct scrub_sums *ret)
{
    lock_acquire(&s->scrub.lock);
    *ret = s->scrub.sums;
    lock_release(&s->scrub.lock);
}

unsigned
scrub_findings_get(struct store *s, struct scrub_finding ret[SCRUB_FINDINGS])
{
    unsigned n = 0;
    lock_acquire(&s->scrub.lock);
    for (unsigned i = 0; i < SCRUB_FINDINGS; i++) {
        const struct scrub_finding *f = &s->scrub.findings[i];
        unsigned at = n;
        if (f->number == 0)
            continue;
        for (; at > 0 && ret[at - 1].number > f->number; at--)
            ret[at] = ret[at - 1];
        ret[at] = *f;
        n++;
    }
    lock_release(&s->scrub.lock);
    return n;
}

void
scrub_note_loaded(struct store *s, const char *name, uint64_t offset, const char *format, ...)
{
    struct scrub_finding f = { .healed = true, .offset = offset };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f.lost, sizeof f.lost, format, args); /* cut is fine */
    va_end(args);
    (void)snprintf(f.name, sizeof f.name, "%s", name); /* names fit */
    (void)snprintf(f.done, sizeof f.done, "loading went on without it and keeps it aside");
    (void)scrub_note(s, &f); /* the first ones count most */
}

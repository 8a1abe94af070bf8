/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of 16-bit fingerprints with first-in first-out replacement inside each 64-byte line. A line
 * is chosen by hash bits that choose neither the partition (and with it the shard) nor the
 * fingerprint, scaled to the number of lines, so that after growing a line's keys come from at most
 * two old neighbours. A false positive (31 in 65 536) promotes a key that did not deserve it, which
 * costs nothing measurable.
 */
#include "cache/ghost.h"

enum { GHOST_MAX_LINES = 1 << 24, GROWTH_PERCENT = 125 };

void
ghost_init(struct ghost *g, const attl_allocator *alloc)
{
    *g = (struct ghost){ .alloc = alloc };
}

void
ghost_fini(struct ghost *g)
{
    if (g->lines)
        alloc_free_line(g->alloc, g->lines);
    g->lines = NULL;
    g->count = 0;
}

size_t
ghost_bytes(const struct ghost *g)
{
    return g->count * sizeof(struct ghost_line);
}

static void
line_add(struct ghost_line *line, uint16_t print)
{
    line->print[line->next] = print;
    line->next = (uint16_t)((line->next + 1) % GHOST_LINE_KEYS);
}

/* The newest halves of two lines, oldest first. */
static void
line_merge(struct ghost_line *to, const struct ghost_line *a, const struct ghost_line *b)
{
    for (unsigned i = GHOST_LINE_KEYS / 2; i < GHOST_LINE_KEYS; i++) {
        line_add(to, a->print[(a->next + i) % GHOST_LINE_KEYS]);
        if (i + 1 < GHOST_LINE_KEYS)
            line_add(to, b->print[(b->next + i + 1) % GHOST_LINE_KEYS]);
    }
}

void
ghost_resize(struct ghost *g, uint64_t keys)
{
    uint64_t want = keys / GHOST_LINE_KEYS + 1;
    if (want > GHOST_MAX_LINES)
        want = GHOST_MAX_LINES;
    /* Hysteresis: the number of keys drifts, and each change costs a copy. */
    if (g->count >= want && g->count <= want * 2)
        return;
    if (g->count && g->count < want)
        want = want * GROWTH_PERCENT / 100;
    struct ghost_line *lines = alloc_line(g->alloc, want * sizeof(*lines));
    if (!lines)
        return;
    for (uint64_t i = 0; g->count && i < want; i++) {
        uint64_t first = i * g->count / want;
        uint64_t last = ((i + 1) * g->count - 1) / want;
        if (first == last)
            lines[i] = g->lines[first];
        else
            line_merge(&lines[i], &g->lines[first], &g->lines[last]);
    }
    ghost_fini(g);
    g->lines = lines;
    g->count = (uint32_t)want;
}

static struct ghost_line *
line_of(const struct ghost *g, uint64_t hash)
{
    return &g->lines[((uint64_t)(uint32_t)(hash >> 18) * g->count) >> 32];
}

/* Never 0, which marks an empty place. */
static uint16_t
print_of(uint64_t hash)
{
    uint16_t print = (uint16_t)hash;
    return print ? print : 1;
}

void
ghost_add(struct ghost *g, uint64_t hash)
{
    if (g->count > 0)
        line_add(line_of(g, hash), print_of(hash));
}

/* Where the key's fingerprint stands in its line; GHOST_LINE_KEYS if nowhere. */
static unsigned
find(const struct ghost *g, uint64_t hash)
{
    const struct ghost_line *line = line_of(g, hash);
    uint16_t print = print_of(hash);
    unsigned i = 0;
    while (i < GHOST_LINE_KEYS && line->print[i] != print)
        i++;
    return i;
}

bool
ghost_has(const struct ghost *g, uint64_t hash)
{
    return g->count > 0 && find(g, hash) < GHOST_LINE_KEYS;
}

void
ghost_forget(struct ghost *g, uint64_t hash)
{
    unsigned i = g->count > 0 ? find(g, hash) : GHOST_LINE_KEYS;
    if (i < GHOST_LINE_KEYS)
        line_of(g, hash)->print[i] = 0;
}

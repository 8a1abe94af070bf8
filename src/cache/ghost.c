/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of 16-bit fingerprints with first-in first-out replacement inside each 64-byte line. A line is
 * chosen by the upper half of the hash scaled to the number of lines, so that growing by a factor maps each
 * old line onto neighbours that may all keep its content. A false positive (31 in 65 536) promotes a key
 * that did not deserve it, which costs nothing measurable.
 */
#include "cache/ghost.h"

enum { GHOST_MAX_LINES = 1 << 24 };

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

void
ghost_resize(struct ghost *g, uint64_t keys)
{
    uint64_t want = keys / GHOST_LINE_KEYS + 1;
    if (want > GHOST_MAX_LINES)
        want = GHOST_MAX_LINES;
    /* Hysteresis: the number of keys drifts, and each change throws the order of a line away. */
    if (g->count >= want && g->count <= want * 2)
        return;
    struct ghost_line *lines = alloc_line(g->alloc, want * sizeof(*lines));
    if (!lines)
        return;
    for (uint64_t i = 0; g->count && i < want; i++)
        lines[i] = g->lines[i * g->count / want];
    ghost_fini(g);
    g->lines = lines;
    g->count = (uint32_t)want;
}

static struct ghost_line *
line_of(const struct ghost *g, uint64_t hash)
{
    return &g->lines[((hash >> 32) * g->count) >> 32];
}

/* Never 0, which marks an empty place. */
static uint16_t
print_of(uint64_t hash)
{
    uint16_t print = (uint16_t)(hash >> 8);
    return print ? print : 1;
}

void
ghost_add(struct ghost *g, uint64_t hash)
{
    if (g->count == 0)
        return;
    struct ghost_line *line = line_of(g, hash);
    line->print[line->next] = print_of(hash);
    line->next = (uint16_t)((line->next + 1) % GHOST_LINE_KEYS);
}

bool
ghost_take(struct ghost *g, uint64_t hash)
{
    if (g->count == 0)
        return false;
    struct ghost_line *line = line_of(g, hash);
    uint16_t print = print_of(hash);
    for (size_t i = 0; i < GHOST_LINE_KEYS; i++) {
        if (line->print[i] == print) {
            line->print[i] = 0;
            return true;
        }
    }
    return false;
}

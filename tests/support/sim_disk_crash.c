/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a power loss leaves. Each file and the directory decide for themselves, each with one of
 * three tempers: all of it survives, nothing does, or chance decides piece by piece; chance alone
 * would almost never try the first two, which are the likeliest in the world.
 */
#include "sim_disk_state.h"

#include <string.h>

enum temper { TEMPER_NOTHING, TEMPER_ALL, TEMPER_CHANCE };

static enum temper
temper_draw(struct rng *r, unsigned flags)
{
    uint64_t choice = rng_below(r, 4);
    if (flags & SIM_CRASH_NOTHING) {
        return TEMPER_NOTHING;
    }
    if (flags & SIM_CRASH_ALL) {
        return TEMPER_ALL;
    }
    return choice == 0 ? TEMPER_NOTHING : choice == 1 ? TEMPER_ALL : TEMPER_CHANCE;
}

/* How many of `count` changes, in their order, survive. */
static size_t
prefix_draw(struct rng *r, enum temper temper, size_t count)
{
    uint64_t chance = rng_below(r, count + 1);
    return temper == TEMPER_ALL ? count : temper == TEMPER_NOTHING ? 0 : (size_t)chance;
}

struct settling {
    struct sim_file *file;
    struct rng *rng;
    enum temper data;
    uint64_t keep_of_8;    /* the chance of a sector, in eighths */
    uint64_t rubbish_from; /* lost data from here on are not zeros */
    uint64_t lost_from;    /* where a truncation did not survive, nothing written later does */
};

static void
settle_piece(struct settling *s, const uint8_t *data, size_t len, uint64_t offset, bool keep)
{
    uint8_t rubbish[SIM_SECTOR_BYTES];
    if (keep && offset < s->lost_from) {
        sim_pages_write(&s->file->durable, data, len, offset);
    } else if (offset >= s->rubbish_from) {
        for (size_t i = 0; i < len; i++) {
            rubbish[i] = (uint8_t)rng_u64(s->rng);
        }
        sim_pages_write(&s->file->durable, rubbish, len, offset);
    }
}

static void
settle_write(struct settling *s, const struct sim_change *c)
{
    enum temper temper = s->data;
    if (temper == TEMPER_CHANCE) {
        temper = (enum temper)rng_below(s->rng, 3); /* dropped, kept or torn */
    }
    for (size_t done = 0; done < c->len;) {
        uint64_t offset = c->offset + done;
        size_t piece = (size_t)(SIM_SECTOR_BYTES - offset % SIM_SECTOR_BYTES);
        bool keep = temper == TEMPER_ALL;
        piece = piece < c->len - done ? piece : c->len - done;
        if (temper == TEMPER_CHANCE) {
            keep = rng_below(s->rng, 8) < s->keep_of_8;
        }
        settle_piece(s, s->file->bytes + c->at + done, piece, offset, keep);
        done += piece;
    }
}

void
sim_file_settle(struct sim_file *f, struct rng *r, unsigned flags)
{
    struct settling s = { .file = f,
                          .rng = r,
                          .data = temper_draw(r, flags),
                          .keep_of_8 = rng_range(r, 1, 7),
                          .rubbish_from = flags & SIM_CRASH_RUBBISH ? f->durable_bytes : UINT64_MAX,
                          .lost_from = UINT64_MAX };
    size_t sizes = prefix_draw(r, temper_draw(r, flags), f->changes_len);
    for (size_t i = 0; i < f->changes_len; i++) {
        const struct sim_change *c = &f->changes[i];
        uint64_t end = c->offset + c->len;
        if (!c->is_size) {
            settle_write(&s, c);
            f->durable_bytes = i < sizes && end > f->durable_bytes ? end : f->durable_bytes;
        } else if (i < sizes) {
            sim_pages_cut(&f->durable, c->offset);
            f->durable_bytes = c->offset;
        } else {
            s.lost_from = c->offset < s.lost_from ? c->offset : s.lost_from;
        }
    }
    sim_pages_cut(&f->durable, f->durable_bytes);
    sim_file_forget_changes(f);
}

/* Repeats a change of the directory on its durable names, if what it builds on is there. */
static void
settle_move(struct sim_names *n, const struct sim_move *m)
{
    bool possible = m->from[0] == '\0' ? sim_name_find(n, m->to) == NULL
                                       : sim_name_find(n, m->from) == m->file;
    if (!possible) {
        return;
    }
    if (m->from[0] != '\0') {
        sim_name_set(n, m->from, NULL);
    }
    if (m->to[0] != '\0') {
        sim_name_set(n, m->to, m->file);
    }
}

static void
settle_names(struct sim_disk *s, struct rng *r, unsigned flags)
{
    enum temper temper = temper_draw(r, flags);
    size_t count = prefix_draw(r, temper, s->moves_len);
    bool subset = (flags & SIM_CRASH_ANY_NAMES) && temper == TEMPER_CHANCE;
    for (size_t i = 0; i < s->moves_len; i++) {
        if (subset ? rng_below(r, 2) == 0 : i < count) {
            settle_move(&s->durable, &s->moves[i]);
        }
    }
    s->moves_len = 0;
    sim_names_copy(&s->live, &s->durable);
}

void
sim_disk_crash(struct sim_disk *s, uint64_t seed)
{
    sim_disk_crash_with(s, seed, 0);
}

static void
handles_forget(struct sim_disk *s)
{
    s->generation++; /* a handle of an older one is stale */
    for (struct sim_file *f = s->files; f != NULL; f = f->next) {
        f->open = 0;
    }
    s->dead = false;
    s->changes_left = UINT64_MAX;
    s->fault_left = 0;
}

void
sim_disk_crash_with(struct sim_disk *s, uint64_t seed, unsigned flags)
{
    struct rng r = rng_from_seed(rng_mix(seed));
    pthread_mutex_lock(&s->mutex);
    handles_forget(s);
    settle_names(s, &r, flags);
    sim_files_sweep(s);
    for (struct sim_file *f = s->files; f != NULL; f = f->next) {
        sim_file_settle(f, &r, flags);
        sim_pages_copy(&f->live, &f->durable);
        s->used_bytes += f->durable_bytes - f->live_bytes;
        f->live_bytes = f->durable_bytes;
    }
    pthread_mutex_unlock(&s->mutex);
}

void
sim_disk_kill(struct sim_disk *s)
{
    pthread_mutex_lock(&s->mutex);
    handles_forget(s);
    sim_files_sweep(s);
    pthread_mutex_unlock(&s->mutex);
}

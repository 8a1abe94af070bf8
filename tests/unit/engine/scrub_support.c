/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling a data directory for tests of what reads it again. Values follow from their keys, so that
 * writing them again changes nothing and reading them back needs no table. Nothing is kept between
 * calls but what the caller has.
 */
#include "scrub_support.h"

#include <stdio.h>
#include <string.h>

const struct sim_option rot_still[] = { { "retention.enabled", "no" },
                                        { "persist.save", "" },
                                        { "persist.compress", "no" },
                                        { NULL, NULL } };

static void
value_of(unsigned i, char out[VALUE_BYTES + 1])
{
    memset(out, 'a' + (char)(i % 26), VALUE_BYTES);
    (void)snprintf(out, 16, "%u", i);
    out[strlen(out)] = '.';
    out[VALUE_BYTES] = '\0';
}

void
rot_fill(struct durable *d, unsigned from, unsigned to)
{
    char key[16], value[VALUE_BYTES + 1];
    for (unsigned i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        value_of(i, value);
        put(d->cache, key, value, ATTL_TTL_NONE);
    }
}

void
rot_expect(struct durable *d, unsigned to)
{
    char key[16], value[VALUE_BYTES + 1];
    for (unsigned i = 0; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        value_of(i, value);
        expect(d->cache, key, value);
    }
    assert_int_equal(attl_size(d->cache), to);
}

/* Two snapshots, and closed segments before, between and behind them. */
void
rot_populate(struct durable *d)
{
    durable_open(d, rot_still);
    rot_fill(d, 0, KEYS / 3);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    rot_fill(d, KEYS / 3, 2 * KEYS / 3);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    rot_fill(d, 2 * KEYS / 3, KEYS);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    assert_true(durable_files(d, "wal-0", NULL, 0) > 3);
}

attl_scrub_report
rot_scrub(struct durable *d)
{
    attl_scrub_report r = { .struct_size = sizeof r };
    ASSERT_STATUS(attl_scrub(d->cache, &r), ATTL_OK);
    return r;
}

attl_scrub_stats
rot_stats(struct durable *d)
{
    attl_scrub_stats st = { .struct_size = sizeof st };
    attl_scrub_stats_get(d->cache, &st);
    return st;
}

void
rot_reopen(struct durable *d)
{
    durable_crash(d, 3);
    durable_open(d, rot_still);
    rot_expect(d, KEYS);
    assert_int_equal(rot_scrub(d).damaged, 0);
    attl_close(&d->cache);
    durable_open(d, rot_still);
    rot_expect(d, KEYS);
}

static void
gather(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct rot_list *names = ud;
    (void)bytes;
    (void)modified_ms;
    if (strncmp(name, names->prefix, strlen(names->prefix)) != 0 || names->n == 16)
        return;
    unsigned at = names->n++;
    for (; at > 0 && strcmp(names->list[at - 1], name) > 0; at--)
        memcpy(names->list[at], names->list[at - 1], NAME_BYTES);
    (void)snprintf(names->list[at], NAME_BYTES, "%s", name);
}

struct rot_list
rot_names(struct durable *d, const char *prefix)
{
    struct rot_list names = { .prefix = prefix };
    struct disk *disk = sim_disk_table(d->disk);
    assert_int_equal(disk->ops->list(disk, gather, &names), 0);
    return names;
}

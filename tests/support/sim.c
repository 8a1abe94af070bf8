/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing caches for tests. Every cache that is closed here first passes the library's
 * own structure check, so each test that uses it also tests the accounting. Failures to open end
 * the test: no test can go on without its cache.
 */
#include "sim.h"

#include "check.h"

#include <attl/attl_unstable.h>

void
sim_init(struct sim *sim)
{
    atomic_init(&sim->now_ms, SIM_START_MS);
}

int64_t
sim_now(struct sim *sim)
{
    return atomic_load_explicit(&sim->now_ms, memory_order_acquire);
}

void
sim_advance(struct sim *sim, int64_t ms)
{
    CHECK(ms >= 0, "the clock never goes back");
    atomic_fetch_add_explicit(&sim->now_ms, ms, memory_order_acq_rel);
}

static int64_t
sim_clock(void *ud)
{
    return sim_now(ud);
}

attl_config *
sim_config(const struct sim_option *options)
{
    attl_config *config = attl_config_new();
    CHECK(config != NULL, "attl_config_new");
    for (; options != NULL && options->name != NULL; options++) {
        char err[256] = "";
        int status = attl_config_set(config, options->name, options->value, err, sizeof(err));
        CHECK(status == ATTL_OK, "%s = %s: %s: %s", options->name, options->value,
              attl_err_name(status), err);
    }
    return config;
}

static attl *
sim_open_config(attl_config *config)
{
    attl *cache = NULL;
    int status = attl_open(&cache, config);
    CHECK(status == ATTL_OK && cache != NULL, "attl_open: %s", attl_err_name(status));
    attl_config_free(config);
    return cache;
}

attl *
sim_open(struct sim *sim, const struct sim_option *options)
{
    attl_config *config = sim_config(options);
    int status = attl_config_set(config, "cache.background", "false", NULL, 0);
    CHECK(status == ATTL_OK, "cache.background: %s", attl_err_name(status));
    attl_config_set_clock(config, sim_clock, sim);
    return sim_open_config(config);
}

attl *
sim_open_real(const struct sim_option *options)
{
    return sim_open_config(sim_config(options));
}

void
sim_option(attl *cache, const char *name, const char *value)
{
    char err[256] = "";
    int status = attl_option_set(cache, name, value, err, sizeof(err));
    CHECK(status == ATTL_OK, "%s = %s: %s: %s", name, value, attl_err_name(status), err);
}

void
sim_check(attl *cache, const char *when)
{
    const char *broken = NULL;
    int ret = attl_unstable_check(cache, &broken);
    CHECK(ret == 0, "structure check %s: %s", when, broken != NULL ? broken : "no reason given");
}

void
sim_close(attl **cache)
{
    sim_check(*cache, "before closing");
    attl_close(cache);
    CHECK(*cache == NULL, "attl_close clears the caller's pointer");
}

attl_stats
sim_stats(attl *cache)
{
    attl_stats stats;
    memset(&stats, 0, sizeof(stats));
    stats.struct_size = sizeof(stats);
    attl_stats_get(cache, &stats);
    return stats;
}

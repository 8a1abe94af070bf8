/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening libattl for a benchmark, through the public header only. Settings are given by their
 * names in settings.toml, so that a reader can repeat the run in a program or a server of their
 * own. A refused setting ends the program: a benchmark of other settings than the printed ones is
 * worse than none. Owner: the caller closes the cache.
 */
#include "bench.h"

enum { SETTING_MAX = 128 };

static void
setting_apply(attl_config *config, const char *setting)
{
    char name[SETTING_MAX], err[256];
    const char *eq = strchr(setting, '=');
    size_t len = eq ? (size_t)(eq - setting) : 0;
    if (!eq || len >= sizeof name)
        bench_die("bad setting %s", setting);
    memcpy(name, setting, len);
    name[len] = '\0';
    if (attl_config_set(config, name, eq + 1, err, sizeof err) != ATTL_OK)
        bench_die("%s: %s", setting, err);
}

attl *
bench_attl_open(const char *const *settings)
{
    attl *cache = NULL;
    attl_config *config = attl_config_new();
    if (!config)
        bench_die("out of memory");
    for (; *settings; settings++)
        setting_apply(config, *settings);
    int rc = attl_open(&cache, config);
    if (rc != ATTL_OK)
        bench_die("attl_open: %s", attl_strerror(rc));
    attl_config_free(config);
    return cache;
}

attl_stats
bench_attl_stats(attl *cache)
{
    attl_stats st;
    memset(&st, 0, sizeof st);
    st.struct_size = sizeof st;
    attl_stats_get(cache, &st);
    return st;
}

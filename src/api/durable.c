/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Durability for callers: waiting for the log, snapshots, rollback, retention. Until the engine has
 * its log these answer what is true of a cache without one. Each hands its work to the engine; no
 * state is kept here.
 */
#include "api/api.h"

#include <stdio.h>

int
attl_open_dir(attl **ret_cache, const attl_config *config, char *err, size_t err_len)
{
    int status = attl_open(ret_cache, config);
    if (status != ATTL_OK && err)
        (void)snprintf(err, err_len, "%s", attl_strerror(status)); /* cut is fine */
    return status;
}

void
attl_load_progress_get(attl *cache, attl_load_progress *ret_progress)
{
    (void)cache;
    uint32_t size = ret_progress->struct_size;
    memset(ret_progress, 0, size < sizeof *ret_progress ? size : sizeof *ret_progress);
    ret_progress->struct_size = size;
}

uint64_t
attl_log_position(attl *cache)
{
    (void)cache;
    return 0;
}

uint64_t
attl_log_safe(attl *cache)
{
    (void)cache;
    return 0;
}

int
attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms)
{
    (void)cache;
    (void)timeout_ms;
    return position == 0 ? ATTL_OK : ATTL_E_INVALID;
}

int
attl_log_sync(attl *cache, int64_t timeout_ms)
{
    (void)cache;
    (void)timeout_ms;
    return ATTL_OK;
}

void
attl_config_set_log_notify(attl_config *config, attl_log_notify_fn fn, void *ud)
{
    (void)config;
    (void)fn;
    (void)ud;
}

int
attl_snapshot(attl *cache, attl_snapshot_info *ret_info)
{
    (void)cache;
    (void)ret_info;
    return ATTL_E_UNSUPPORTED;
}

int
attl_snapshot_start(attl *cache)
{
    (void)cache;
    return ATTL_E_UNSUPPORTED;
}

int
attl_snapshot_list(attl *cache, attl_snapshot_fn fn, void *ud)
{
    (void)cache;
    (void)fn;
    (void)ud;
    return ATTL_E_UNSUPPORTED;
}

int
attl_rollback(attl *cache, const attl_rollback_opts *opts, attl_rollback_report *ret_report,
              char *err, size_t err_len)
{
    (void)cache;
    (void)opts;
    (void)ret_report;
    if (err)
        (void)snprintf(err, err_len, "there is no data directory"); /* cut is fine */
    return ATTL_E_UNSUPPORTED;
}

int
attl_retention_run(attl *cache, int dry_run, attl_retention_fn fn, void *ud)
{
    (void)cache;
    (void)dry_run;
    (void)fn;
    (void)ud;
    return ATTL_E_UNSUPPORTED;
}

void
attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats)
{
    (void)cache;
    uint32_t size = ret_stats->struct_size;
    memset(ret_stats, 0, size < sizeof *ret_stats ? size : sizeof *ret_stats);
    ret_stats->struct_size = size;
}

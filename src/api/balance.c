/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public calls about shards and their balance: they ask the control plane, which does all of
 * it under its lock. Inside a transaction scope the caller holds partitions, which looking at the
 * loads locks one by one, so there they are refused. Without a control plane (a cache that is still
 * being opened) nobody can call them.
 */
#include "api/api.h"

#include "control/control.h"

int
attl_shards_list(attl *a, attl_shard_fn fn, void *ud)
{
    return api_is_inside(a) ? ATTL_E_INVALID : balancer_list(control_of(a), fn, ud);
}

int
attl_partitions_list(attl *a, attl_partition_fn fn, void *ud)
{
    return api_is_inside(a) ? ATTL_E_INVALID : balancer_partitions(control_of(a), fn, ud);
}

int
attl_balance(attl *a, uint32_t flags, attl_balance_report *ret_report)
{
    attl_balance_report report;
    if ((flags & ~ATTL_BALANCE_DRYRUN) || api_is_inside(a))
        return ATTL_E_INVALID;
    int status = balancer_run(control_of(a), flags & ATTL_BALANCE_DRYRUN, &report);
    if (status != ATTL_OK || !ret_report)
        return status;
    sized_export(&report, sizeof report, ret_report);
    return ATTL_OK;
}

int
attl_balance_history(attl *a, size_t max, attl_balance_fn fn, void *ud)
{
    return balancer_history(control_of(a), max, fn, ud);
}

void
attl_balance_stats_get(attl *a, attl_balance_stats *ret_stats)
{
    balancer_stats(control_of(a), ret_stats);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incidents, for programs: looking at them, acknowledging, drills, and being told. What is done is
 * done by the control plane under its lock; here arguments are checked. A transaction's scope is
 * refused where a call may wait.
 */
#include "api/api.h"

#include "control/control.h"

int
attl_incidents_list(attl *a, int open_only, attl_incident_fn fn, void *ud)
{
    if (!fn)
        return ATTL_E_INVALID;
    return incidents_list(control_of(a), 0, open_only != 0, fn, ud);
}

int
attl_incident_get(attl *a, uint64_t id, attl_incident_fn fn, void *ud)
{
    if (!fn)
        return ATTL_E_INVALID;
    return id == 0 ? ATTL_MISS : incidents_list(control_of(a), id, false, fn, ud);
}

int
attl_incident_ack(attl *a, uint64_t id)
{
    return incidents_ack(control_of(a), id);
}

int
attl_incident_simulate(attl *a, int kind, int on)
{
    return incidents_drill(control_of(a), kind, on != 0, engine_now_ms(a));
}

int
attl_incident_report(attl *a, int kind, int level, const char *cause)
{
    return incidents_report(control_of(a), kind, level, cause);
}

void
attl_incident_stats_get(attl *a, attl_incident_stats *ret_stats)
{
    attl_incident_stats all = { 0 };
    ASSERT(ret_stats->struct_size >= sizeof all.struct_size);
    incidents_stats(control_of(a), &all);
    sized_export(&all, sizeof all, ret_stats);
}

void
attl_on_incident(attl *a, attl_incident_event_fn fn, void *ud)
{
    incident_tell_set(control_of(a), fn, ud);
}

void
attl_config_set_incident_handler(attl_config *config, attl_incident_event_fn fn, void *ud)
{
    if (!config)
        return;
    config->incident_fn = fn;
    config->incident_ud = ud;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's side of the audit trail: opening it as the settings say, lines about the server
 * itself and about incidents, and passing on to the cache that it cannot be written. Commands
 * record themselves (command/audited.h). The trail is opened after the cache, whose incidents it
 * records, and closed before it, to which it reports.
 */
#ifndef ATTL_SERVER_AUDIT_H
#define ATTL_SERVER_AUDIT_H

#include "server/server.h"

/* Opens the trail, if there is to be one, and records the start. An exit code. */
int audit_begin(struct server *server);
/* Records the stop, and closes it. */
void audit_end(struct server *server);
/* An attl_incident_event_fn; `ud` is the server. */
void audit_incident(void *ud, int event, const attl_incident *i);
/* Settings have changed. REQUIRES config_lock. */
void audit_settings_changed(struct server *server);

#endif

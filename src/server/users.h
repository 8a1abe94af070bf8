/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The users of the server: made from the settings at the start, and told of settings that change.
 * Everything else about them is in src/access and in the ACL commands. Main thread at the start;
 * then under config_lock.
 */
#ifndef ATTL_SERVER_USERS_H
#define ATTL_SERVER_USERS_H

#include "server/server.h"

/* Makes server->access and reads acl.file. The exit code; failures are logged. */
int users_begin(struct server *server);
/* Makes a changed setting take effect, if it is about users. ATTL_OK or ATTL_E_NOMEM. */
int users_apply(struct server *server, const attl_config *config, enum option_id id);

#endif

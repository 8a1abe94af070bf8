/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness: whether requests should be sent here. Probes come every second from several places,
 * so each check is a look at figures that are kept anyway and none waits for anything. Any thread.
 */
#ifndef ATTL_ADMIN_PROBE_H
#define ATTL_ADMIN_PROBE_H

#include <stdbool.h>

struct admin;

bool probe_is_ready(struct admin *admin);

#endif

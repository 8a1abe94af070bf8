/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of INFO that only the server knows: the process, its clients, its traffic. Lines have
 * the names Redis gives them, because monitoring tools index by name; what has no equal there is
 * in the section "attl". Called by workers, any number at a time.
 */
#ifndef ATTL_SERVER_INFO_H
#define ATTL_SERVER_INFO_H

#include "base/buf.h"

/* Appends the lines of one section (lower case name), nothing for a section that is not ours. */
void info_append(void *ud, const char *section, struct buf *out);
/* Makes the counters of "stats" start from zero. */
void info_reset(void *ud);

#endif

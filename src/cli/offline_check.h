/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl check`: everything in a data directory, read and judged, for the moment before a start or
 * after an accident. The last line is the verdict, the exit status says the same to scripts.
 * Nothing is changed; a server may be using the directory.
 */
#ifndef ATTL_CLI_OFFLINE_CHECK_H
#define ATTL_CLI_OFFLINE_CHECK_H

#include "cli/offline.h"

int offline_check(struct offline *o);

#endif

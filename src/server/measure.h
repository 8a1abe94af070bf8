/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What metrics know of process, clients and traffic, as command_host's `metrics`. It copies figures
 * that others keep, and asks the system for the rest. Called by any worker.
 */
#ifndef ATTL_SERVER_MEASURE_H
#define ATTL_SERVER_MEASURE_H

struct metric_host;

void measure_host(void *ud, struct metric_host *ret);

#endif

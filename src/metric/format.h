/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of the renderings, apart from the table, for those who only pass one on: a command's
 * argument, the type that an HTTP client accepts. The struct that the server fills in is announced
 * here for the same reason; its members are in sources.h. Nothing else belongs here.
 */
#ifndef ATTL_METRIC_FORMAT_H
#define ATTL_METRIC_FORMAT_H

enum metric_format { METRIC_PROMETHEUS, METRIC_OPENMETRICS, METRIC_JSON };

struct metric_host;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One reading of everything that is measured, for the renderings of src/metric and for INFO. The
 * lists of a reading are on the heap and belong to it. A whole reading costs about a millisecond
 * per thousand partitions, so it is taken when somebody asks and never by itself.
 */
#ifndef ATTL_COMMAND_METRICS_H
#define ATTL_COMMAND_METRICS_H

#include "command/command.h"
#include "metric/metric.h"

/* Without shards and namespaces a reading looks at no partition, and INFO shows none of them. */
enum metric_extent { METRIC_WHOLE, METRIC_WITHOUT_SHARDS };

/* A reading of its own storage; NULL on lack of memory. */
struct metric_reading *metric_reading_new(struct command_env *env, enum metric_extent extent);
void metric_reading_free(struct metric_reading *r);
const struct metric_sources *metric_reading_sources(const struct metric_reading *r);

#endif

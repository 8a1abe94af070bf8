/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The renderings behind metric_render(), one file each. Inside src/metric only. They append to a
 * buffer whose bound ends them: a text that did not fit leaves out->failed, and nothing else. Pure
 * functions of one reading of the sources.
 */
#ifndef ATTL_METRIC_RENDER_H
#define ATTL_METRIC_RENDER_H

#include "metric/metric.h"

/* `open`: OpenMetrics instead of Prometheus' own format. */
void render_prometheus(const struct metric_sources *s, bool open, struct buf *out);
void render_json(const struct metric_sources *s, struct buf *out);

#endif

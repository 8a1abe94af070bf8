/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of metrics, made of metrics.inc. The words of its rows are macros because a member's
 * offset and its type must come from the same word: written twice they would one day differ, and a
 * counter of 64 bits would be read as a double. The rows are constant.
 */
#include "metric/metric.h"

#include <stddef.h>

#define TYPE_OF(struct_type, member)                    \
    _Generic(((const struct_type *)0)->member, uint64_t \
             : METRIC_U64, int64_t                      \
             : METRIC_I64, uint32_t                     \
             : METRIC_U32, int32_t                      \
             : METRIC_I32, double                       \
             : METRIC_DOUBLE, struct metric_histogram   \
             : METRIC_CLASSES)
#define ONCE(member)                                   \
    .offset = offsetof(struct metric_sources, member), \
    .type = TYPE_OF(struct metric_sources, member)
#define EACH(list, item, member) \
    .each = list, .offset = offsetof(struct item, member), .type = TYPE_OF(struct item, member)
#define LABEL(name, value) .labels = { name }, .values = { value }
#define LABELS(a, x, b, y) .labels = { a, b }, .values = { x, y }
#define COUNTER(name, unit, ...)                         \
    {                                                    \
        name, METRIC_COUNTER, METRIC_##unit, __VA_ARGS__ \
    }
#define GAUGE(name, unit, ...)                         \
    {                                                  \
        name, METRIC_GAUGE, METRIC_##unit, __VA_ARGS__ \
    }
#define HISTOGRAM(name, ...)                                \
    {                                                       \
        name, METRIC_HISTOGRAM, METRIC_SECONDS, __VA_ARGS__ \
    }

const struct metric metric_table[] = {
#include "metric/metrics.inc"
};

const size_t metric_table_len = sizeof metric_table / sizeof metric_table[0];

size_t
metric_family(size_t first)
{
    size_t n = 1;
    while (first + n < metric_table_len &&
           strcmp(metric_table[first + n].name, metric_table[first].name) == 0)
        n++;
    return n;
}

const char *
metric_unit_name(enum metric_unit unit)
{
    static const char *const names[] = { "", "seconds", "bytes", "ratio" };
    return names[unit];
}

const char *
metric_kind_name(enum metric_kind kind)
{
    static const char *const names[] = { "counter", "gauge", "histogram", "info" };
    return names[kind];
}

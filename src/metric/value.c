/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the numbers that rows point at. Whole numbers are kept whole as long as nothing divides
 * them, because a counter of bytes passes 2^53 before a disk wears out. A double that is NAN says
 * that the number is not known, and so has no line. Nothing is kept here.
 */
#include "metric/metric.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHORT_DIGITS = 15, EXACT_DIGITS = 17, PERMILLE = 1000, FIRST_BUCKET_LOG2 = 8 };

struct list_kind {
    size_t list, item_bytes; /* offset in struct metric_sources; size of an item */
};

#define LIST(member, item)                                           \
    {                                                                \
        offsetof(struct metric_sources, member), sizeof(struct item) \
    }

static const struct list_kind lists[METRIC_EACH_COUNT] = {
    [METRIC_SHARDS] = LIST(shards, metric_shard),
    [METRIC_COMMANDS] = LIST(commands, metric_command),
    [METRIC_FAMILIES] = LIST(families, metric_latency),
    [METRIC_STAGES] = LIST(stages, metric_latency),
    [METRIC_ERRORS] = LIST(errors, metric_error),
    [METRIC_KINDS] = LIST(kinds, metric_incident),
    [METRIC_LOG_STATES] = LIST(log_states, metric_log_state),
    [METRIC_NAMESPACES] = LIST(namespaces, metric_namespace),
};

static const struct metric_list *
list_of(const struct metric *m, const struct metric_sources *s)
{
    return (const struct metric_list *)(const void *)((const char *)s + lists[m->each].list);
}

/* Where line `i` reads: the item of a list, or all sources. */
static const char *
line_base(const struct metric *m, const struct metric_sources *s, size_t i)
{
    if (m->each == METRIC_ONCE)
        return (const char *)s;
    return (const char *)list_of(m, s)->items + i * lists[m->each].item_bytes;
}

size_t
metric_lines(const struct metric *m, const struct metric_sources *s)
{
    return m->each == METRIC_ONCE ? 1 : list_of(m, s)->len;
}

const struct metric_histogram *
metric_classes(const struct metric *m, const struct metric_sources *s, size_t i)
{
    const struct metric_histogram *h =
        (const struct metric_histogram *)(const void *)(line_base(m, s, i) + m->offset);
    return h->unit_s > 0 ? h : NULL;
}

const char *
metric_label(const struct metric *m, const struct metric_sources *s, size_t i, unsigned label)
{
    if (!m->labels[label])
        return NULL;
    if (m->kind == METRIC_INFO)
        return label == 0 ? s->version : s->revision;
    if (m->each == METRIC_ONCE)
        return m->values[label];
    return ((const struct metric_item *)(const void *)line_base(m, s, i))->labels[label];
}

double
metric_value(const struct metric *m, const struct metric_sources *s, size_t i)
{
    const void *at = line_base(m, s, i) + m->offset;
    double value = 0;
    if (m->kind == METRIC_INFO)
        return 1;
    switch (m->type) {
    case METRIC_U64: value = (double)*(const uint64_t *)at; break;
    case METRIC_I64: value = (double)*(const int64_t *)at; break;
    case METRIC_U32: value = *(const uint32_t *)at; break;
    case METRIC_I32: value = *(const int32_t *)at; break;
    case METRIC_DOUBLE: value = *(const double *)at; break;
    case METRIC_CLASSES: return NAN;
    }
    return m->per_unit ? value / m->per_unit : value;
}

void
metric_append_double(struct buf *out, double value)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%.*g", SHORT_DIGITS, value);
    if (n > 0 && strtod(text, NULL) != value)
        n = snprintf(text, sizeof text, "%.*g", EXACT_DIGITS, value);
    if (n > 0)
        buf_append(out, text, (size_t)n);
}

bool
metric_append(const struct metric *m, const struct metric_sources *s, size_t i, struct buf *out)
{
    const void *at = line_base(m, s, i) + m->offset;
    if (m->kind != METRIC_INFO && m->type == METRIC_U64 && m->per_unit <= 1) {
        buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
        return true;
    }
    double value = metric_value(m, s, i);
    if (isnan(value))
        return false;
    metric_append_double(out, value);
    return true;
}

/* ---- histograms ---- */

double
metric_bucket_end_s(unsigned bucket)
{
    return bucket + 1 < METRIC_BUCKETS ? ldexp(1e-9, (int)bucket + FIRST_BUCKET_LOG2) : INFINITY;
}

uint64_t
metric_buckets(const struct metric_histogram *h, uint64_t ret_counts[METRIC_BUCKETS])
{
    uint64_t total = 0;
    memset(ret_counts, 0, METRIC_BUCKETS * sizeof *ret_counts);
    unsigned bucket = 0;
    for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++) {
        if (h->counts[class] == 0)
            continue;
        /* A duration is cut to whole units: what is in the class is below the next one's begin. */
        double end_s = ((double)histogram_class_end(class) + 1) * h->unit_s;
        if (class == HISTOGRAM_CLASSES - 1)
            end_s = INFINITY;
        while (bucket + 1 < METRIC_BUCKETS && end_s > metric_bucket_end_s(bucket) * (1 + 1e-9))
            bucket++;
        ret_counts[bucket] += h->counts[class];
        total += h->counts[class];
    }
    for (unsigned i = 1; i < METRIC_BUCKETS; i++)
        ret_counts[i] += ret_counts[i - 1];
    return total;
}

double
metric_percentile_s(const struct metric_histogram *h, double permille)
{
    uint64_t total = 0, seen = 0;
    for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++)
        total += h->counts[class];
    double wanted = (double)total * permille / PERMILLE;
    for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++) {
        seen += h->counts[class];
        if (seen > 0 && (double)seen >= wanted)
            return ((double)histogram_class_end(class) + 1) * h->unit_s;
    }
    return 0;
}

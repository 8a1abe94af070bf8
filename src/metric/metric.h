/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of what is measured, and its renderings. A row of metrics.inc is one number, or one for
 * each item of a list: its name, kind and unit as Prometheus wants them, what it means, where it is
 * in struct metric_sources, and the field of INFO that shows the same number. Rows of one name
 * stand together and are a family; the first has the text. Constant data and pure functions.
 */
#ifndef ATTL_METRIC_METRIC_H
#define ATTL_METRIC_METRIC_H

#include "base/buf.h"
#include "metric/format.h"
#include "metric/sources.h"

/* The largest rendering; what is beyond makes the buffer fail. */
enum { METRIC_TEXT_MAX_BYTES = 4 << 20, METRIC_INFO_MAX = 64 };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };
enum metric_unit { METRIC_ONE, METRIC_SECONDS, METRIC_BYTES, METRIC_RATIO };

/* Of the member that a row reads. */
enum metric_type { METRIC_U64, METRIC_I64, METRIC_U32, METRIC_I32, METRIC_DOUBLE, METRIC_CLASSES };

/* Lists of struct metric_sources. */
enum metric_each {
    METRIC_ONCE, /* the row reads struct metric_sources itself */
    METRIC_SHARDS,
    METRIC_COMMANDS,
    METRIC_FAMILIES,
    METRIC_STAGES,
    METRIC_ERRORS,
    METRIC_KINDS,
    METRIC_LOG_STATES,
    METRIC_NAMESPACES,
    METRIC_EACH_COUNT
};

struct metric {
    const char *name; /* with its prefix, and _total if it is a counter */
    enum metric_kind kind;
    enum metric_unit unit;
    enum metric_type type;
    enum metric_each each;
    uint32_t offset;                   /* in struct metric_sources, or in the item */
    uint32_t per_unit;                 /* what the number is divided by; 0: by nothing */
    const char *labels[METRIC_LABELS]; /* names; NULL: no more */
    const char *values[METRIC_LABELS]; /* theirs, unless the item of a list says them */
    const char *info;                  /* "section:field" of INFO; NULL: it has none */
    const char *help;                  /* one sentence; NULL: the family's is above */
};

extern const struct metric metric_table[];
extern const size_t metric_table_len;

/* The rows of the family that begins with row `first`. */
size_t metric_family(size_t first);
/* How many lines a row has now, one for each item. */
size_t metric_lines(const struct metric *m, const struct metric_sources *s);
/* The number of line `i`, scaled; NAN: it is not known. Not for histograms. */
double metric_value(const struct metric *m, const struct metric_sources *s, size_t i);
/* The same without loss, as text; false: it is not known, nothing is appended. */
bool metric_append(const struct metric *m, const struct metric_sources *s, size_t i,
                   struct buf *out);
/* NULL: there is none. */
const struct metric_histogram *metric_classes(const struct metric *m,
                                              const struct metric_sources *s, size_t i);
/* The value of label `label` (below METRIC_LABELS) of line `i`; NULL: there is no such label. */
const char *metric_label(const struct metric *m, const struct metric_sources *s, size_t i,
                         unsigned label);
const char *metric_unit_name(enum metric_unit unit);
const char *metric_kind_name(enum metric_kind kind);
/* A number as short as it can be read back. */
void metric_append_double(struct buf *out, double value);

/* The upper ends of the buckets of every histogram: powers of two of a nanosecond, from bucket 0
 * on. METRIC_BUCKETS of them, the last is infinite. */
enum { METRIC_BUCKETS = 27 };
double metric_bucket_end_s(unsigned bucket);
/* How many observations were at or below the end of each bucket; returns how many there were. A
 * class that straddles an end, which only units above a nanosecond have, counts above it. */
uint64_t metric_buckets(const struct metric_histogram *h, uint64_t ret_counts[METRIC_BUCKETS]);
/* The upper end of the class in which the permille-th observation lies, seconds; 0 without any. */
double metric_percentile_s(const struct metric_histogram *h, double permille);

/* All of it. out->failed if it did not fit. */
void metric_render(enum metric_format format, const struct metric_sources *s, struct buf *out);
/* The reference, docs/metrics.md. */
void metric_markdown(struct buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table as JSON, for programs and the dashboard: an object with a member for each family, which
 * says its kind, unit and meaning, and has an array of samples, each with its labels. A histogram's
 * sample has percentiles worked out, so that whoever draws them needs no arithmetic. A number that
 * is not known is left out with its sample, for JSON has no word for it. Pure functions.
 */
#include "metric/render.h"

#include "base/json.h"

#include <math.h>

enum { DOUBLE_BYTES = 40 };

static void
append_labels(const struct metric *m, const struct metric_sources *s, size_t i, struct json *j)
{
    json_open(j, "labels", '{');
    for (unsigned label = 0; label < METRIC_LABELS; label++) {
        const char *value = metric_label(m, s, i, label);
        if (value)
            json_put_str(j, m->labels[label], value);
    }
    json_close(j);
}

/* A number as short as it can be read back; null if it is infinite. */
static void
append_double(struct json *j, const char *name, double value)
{
    char text[DOUBLE_BYTES];
    struct buf out;
    buf_init_fixed(&out, text, sizeof text);
    if (isinf(value))
        buf_append_str(&out, "null");
    else
        metric_append_double(&out, value);
    json_put_raw(j, name, buf_slice(&out));
}

static void
append_percentiles(const struct metric_histogram *h, struct json *j)
{
    static const struct {
        const char *name;
        double permille;
    } percentiles[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };
    for (size_t p = 0; p < sizeof percentiles / sizeof percentiles[0]; p++) {
        /* A class is a fifth wide: more digits would only look exact. */
        json_put_real(j, percentiles[p].name, metric_percentile_s(h, percentiles[p].permille), 6);
    }
}

static void
append_histogram(const struct metric_histogram *h, struct json *j)
{
    uint64_t counts[METRIC_BUCKETS];
    json_put_u64(j, "count", metric_buckets(h, counts));
    append_double(j, "sum", h->sum_s);
    append_percentiles(h, j);
    json_open(j, "buckets", '[');
    for (unsigned b = 0; b < METRIC_BUCKETS; b++) {
        json_open(j, NULL, '[');
        append_double(j, NULL, metric_bucket_end_s(b));
        json_put_u64(j, NULL, counts[b]);
        json_close(j);
    }
    json_close(j);
}

/* One sample; none if it is not known. */
static void
append_sample(const struct metric *m, const struct metric_sources *s, size_t i, struct json *j)
{
    char text[DOUBLE_BYTES];
    struct buf number;
    const struct metric_histogram *h = m->kind == METRIC_HISTOGRAM ? metric_classes(m, s, i) : NULL;
    buf_init_fixed(&number, text, sizeof text);
    if (m->kind == METRIC_HISTOGRAM ? !h : !metric_append(m, s, i, &number))
        return;
    json_open(j, NULL, '{');
    append_labels(m, s, i, j);
    if (h)
        append_histogram(h, j);
    else
        json_put_raw(j, "value", buf_slice(&number));
    json_close(j);
}

static void
append_family(size_t first, const struct metric_sources *s, struct json *j)
{
    const struct metric *m = &metric_table[first];
    json_open(j, m->name, '{');
    json_put_str(j, "type", metric_kind_name(m->kind));
    json_put_str(j, "unit", metric_unit_name(m->unit));
    json_put_str(j, "help", m->help);
    json_open(j, "samples", '[');
    for (size_t row = first; row < first + metric_family(first); row++)
        for (size_t i = 0; i < metric_lines(&metric_table[row], s); i++)
            append_sample(&metric_table[row], s, i, j);
    json_close(j);
    json_close(j);
}

void
render_json(const struct metric_sources *s, struct buf *out)
{
    struct json j;
    json_init(&j, out, 0);
    json_open(&j, NULL, '{');
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        if (first > 0)
            json_line(&j);
        append_family(first, s, &j);
    }
    json_close(&j);
    buf_append_str(out, "\n");
}

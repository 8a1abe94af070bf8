/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table as JSON, for programs and the dashboard: an object with a member for each family, which
 * says its kind, unit and meaning, and has an array of samples, each with its labels. A histogram's
 * sample has percentiles worked out, so that whoever draws them needs no arithmetic. A number that
 * is not known is left out with its sample, for JSON has no word for it. Written by hand, because a
 * writer is all that is needed and the library that could do it would be a layer's dependency.
 */
#include "metric/render.h"

#include <inttypes.h>
#include <math.h>

static void
append_string(struct buf *out, const char *text)
{
    buf_append_str(out, "\"");
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f) /* bytes, as code points: a label may be no UTF-8 */
            buf_printf(out, "\\u%04x", c);
        else
            buf_append(out, p, 1);
    }
    buf_append_str(out, "\"");
}

static void
append_labels(const struct metric *m, const struct metric_sources *s, size_t i, struct buf *out)
{
    buf_append_str(out, "{\"labels\":{");
    const char *before = "";
    for (unsigned label = 0; label < METRIC_LABELS; label++) {
        const char *value = metric_label(m, s, i, label);
        if (!value)
            continue;
        buf_append_str(out, before);
        append_string(out, m->labels[label]);
        buf_append_str(out, ":");
        append_string(out, value);
        before = ",";
    }
    buf_append_str(out, "}");
}

static void
append_percentiles(const struct metric_histogram *h, struct buf *out)
{
    static const struct {
        const char *name;
        double permille;
    } percentiles[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };
    for (size_t p = 0; p < sizeof percentiles / sizeof percentiles[0]; p++) {
        /* A class is a fifth wide: more digits would only look exact. */
        buf_printf(out, ",\"%s\":%.6g", percentiles[p].name,
                   metric_percentile_s(h, percentiles[p].permille));
    }
}

static bool
append_histogram(const struct metric *m, const struct metric_sources *s, size_t i, struct buf *out)
{
    const struct metric_histogram *h = metric_classes(m, s, i);
    uint64_t counts[METRIC_BUCKETS];
    if (!h)
        return false;
    buf_printf(out, ",\"count\":%" PRIu64 ",\"sum\":", metric_buckets(h, counts));
    metric_append_double(out, h->sum_s);
    append_percentiles(h, out);
    buf_append_str(out, ",\"buckets\":[");
    for (unsigned b = 0; b < METRIC_BUCKETS; b++) {
        double le = metric_bucket_end_s(b);
        buf_append_str(out, b > 0 ? ",[" : "[");
        if (isinf(le))
            buf_append_str(out, "null");
        else
            metric_append_double(out, le);
        buf_printf(out, ",%" PRIu64 "]", counts[b]);
    }
    buf_append_str(out, "]}");
    return true;
}

/* One sample; false, and nothing appended, if it is not known. */
static bool
append_sample(const struct metric *m, const struct metric_sources *s, size_t i, bool first,
              struct buf *out)
{
    size_t mark = out->len;
    bool known;
    if (!first)
        buf_append_str(out, ",");
    append_labels(m, s, i, out);
    if (m->kind == METRIC_HISTOGRAM) {
        known = append_histogram(m, s, i, out);
    } else {
        buf_append_str(out, ",\"value\":");
        known = metric_append(m, s, i, out);
        buf_append_str(out, "}");
    }
    if (!known)
        out->len = mark;
    return known;
}

static void
append_family(size_t first, const struct metric_sources *s, struct buf *out)
{
    const struct metric *m = &metric_table[first];
    bool is_first = true;
    append_string(out, m->name);
    buf_printf(out, ":{\"type\":\"%s\",\"unit\":\"%s\",\"help\":", metric_kind_name(m->kind),
               metric_unit_name(m->unit));
    append_string(out, m->help);
    buf_append_str(out, ",\"samples\":[");
    for (size_t row = first; row < first + metric_family(first); row++)
        for (size_t i = 0; i < metric_lines(&metric_table[row], s); i++)
            is_first &= !append_sample(&metric_table[row], s, i, is_first, out);
    buf_append_str(out, "]}");
}

void
render_json(const struct metric_sources *s, struct buf *out)
{
    buf_append_str(out, "{");
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        if (first > 0)
            buf_append_str(out, ",\n");
        append_family(first, s, out);
    }
    buf_append_str(out, "}\n");
}

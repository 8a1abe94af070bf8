/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table as text for Prometheus: its own format 0.0.4, and OpenMetrics 1.0, which differs in
 * little: a counter's family is called without _total, what only carries labels is of type info,
 * a unit has a line, and the text ends with # EOF. A family without any line is left out. The text
 * is bounded by its buffer.
 */
#include "metric/render.h"

#include <inttypes.h>
#include <math.h>

/* Backslash, quote and line end are escaped. In help texts a quote is not. */
static void
append_escaped(struct buf *out, const char *text, bool quotes)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\' || (*p == '"' && quotes))
            buf_printf(out, "\\%c", *p);
        else if (*p == '\n')
            buf_append_str(out, "\\n");
        else
            buf_append(out, p, 1);
    }
}

/* {a="x",b="y",le="0.1"}; nothing without labels. `le`: NULL, or the end of a bucket. */
static void
append_labels(const struct metric *m, const struct metric_sources *s, size_t i, const double *le,
              struct buf *out)
{
    const char *before = "{";
    for (unsigned label = 0; label < METRIC_LABELS; label++) {
        const char *value = metric_label(m, s, i, label);
        if (!value)
            continue;
        buf_printf(out, "%s%s=\"", before, m->labels[label]);
        append_escaped(out, value, true);
        buf_append_str(out, "\"");
        before = ",";
    }
    if (le) {
        buf_printf(out, "%sle=\"", before);
        if (isinf(*le))
            buf_append_str(out, "+Inf");
        else
            metric_append_double(out, *le);
        buf_append_str(out, "\"");
        before = ",";
    }
    if (before[0] == ',')
        buf_append_str(out, "}");
}

static bool
append_histogram(const struct metric *m, const struct metric_sources *s, size_t i, struct buf *out)
{
    const struct metric_histogram *h = metric_classes(m, s, i);
    uint64_t counts[METRIC_BUCKETS];
    if (!h)
        return false;
    uint64_t total = metric_buckets(h, counts);
    for (unsigned b = 0; b < METRIC_BUCKETS; b++) {
        double le = metric_bucket_end_s(b);
        buf_printf(out, "%s_bucket", m->name);
        append_labels(m, s, i, &le, out);
        buf_printf(out, " %" PRIu64 "\n", counts[b]);
    }
    buf_printf(out, "%s_sum", m->name);
    append_labels(m, s, i, NULL, out);
    buf_append_str(out, " ");
    metric_append_double(out, h->sum_s);
    buf_printf(out, "\n%s_count", m->name);
    append_labels(m, s, i, NULL, out);
    buf_printf(out, " %" PRIu64 "\n", total);
    return true;
}

/* One line, or the lines of one histogram. */
static void
append_line(const struct metric *m, const struct metric_sources *s, size_t i, struct buf *out)
{
    size_t mark = out->len;
    if (m->kind == METRIC_HISTOGRAM) {
        (void)append_histogram(m, s, i, out); /* one that is not there leaves nothing */
        return;
    }
    buf_append_str(out, m->name);
    append_labels(m, s, i, NULL, out);
    buf_append_str(out, " ");
    if (metric_append(m, s, i, out))
        buf_append_str(out, "\n");
    else
        out->len = mark;
}

/* How the family is called in # TYPE, without the NUL: what a suffix adds belongs to the lines. */
static int
family_name_len(const struct metric *m, bool open)
{
    size_t len = strlen(m->name);
    if (open && m->kind == METRIC_COUNTER)
        len -= strlen("_total");
    if (open && m->kind == METRIC_INFO)
        len -= strlen("_info");
    return (int)len;
}

static bool
ends_with_unit(const struct metric *m, int len)
{
    const char *unit = metric_unit_name(m->unit);
    size_t n = strlen(unit);
    return n > 0 && (size_t)len > n && strncmp(m->name + len - n, unit, n) == 0;
}

static void
append_head(const struct metric *m, bool open, struct buf *out)
{
    int len = family_name_len(m, open);
    const char *kind = !open && m->kind == METRIC_INFO ? "gauge" : metric_kind_name(m->kind);
    buf_printf(out, "# HELP %.*s ", len, m->name);
    append_escaped(out, m->help, open);
    buf_printf(out, "\n# TYPE %.*s %s\n", len, m->name, kind);
    if (open && ends_with_unit(m, len))
        buf_printf(out, "# UNIT %.*s %s\n", len, m->name, metric_unit_name(m->unit));
}

void
render_prometheus(const struct metric_sources *s, bool open, struct buf *out)
{
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        size_t mark = out->len;
        append_head(&metric_table[first], open, out);
        size_t head = out->len;
        for (size_t row = first; row < first + metric_family(first); row++)
            for (size_t i = 0; i < metric_lines(&metric_table[row], s); i++)
                append_line(&metric_table[row], s, i, out);
        if (out->len == head)
            out->len = mark;
    }
    if (open)
        buf_append_str(out, "# EOF\n");
}

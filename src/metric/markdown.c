/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table as a page, docs/metrics.md, in the order of the rows, which stand by topic; and the
 * choice of a rendering. What the page says of a family is what /metrics says of it, and the field
 * of INFO that shows the same number, so that nobody has to compare two lists. Nothing is kept.
 */
#include "metric/render.h"

static const char head[] =
    "# Metrics\n"
    "<!-- Made from src/metric/metrics.inc by tools/gen_docs.py: change it there. -->\n"
    "\n"
    "Everything attld measures. `GET /metrics` on the admin port and `ATTL.METRICS` give it as\n"
    "text for Prometheus (0.0.4) or OpenMetrics (1.0), `ATTL.METRICS JSON` as JSON; fields of\n"
    "INFO come from the same table. Units are seconds, bytes and ratios (1 is all). Counters\n"
    "count since the start, or since `CONFIG RESETSTAT`. A number that is not known has no line.\n"
    "Labels are bounded: none is a key or a client. What to watch is in `docs/monitoring.md`.\n"
    "\n"
    "| metric | kind | labels | INFO | meaning |\n"
    "|---|---|---|---|---|\n";

static const char histograms[] =
    "\n"
    "Buckets of histograms end at powers of two of a nanosecond, from 256 ns to 8.6 s. A\n"
    "duration is cut to whole nanoseconds, microseconds (fsync) or milliseconds (queue,\n"
    "expiry_lag) before it is counted, so there is nothing below that.\n";

/* The names of the labels of a family, with the values that its rows give them. */
static void
append_labels(size_t first, struct buf *out)
{
    const struct metric *m = &metric_table[first];
    for (unsigned label = 0; label < METRIC_LABELS && m->labels[label]; label++) {
        buf_printf(out, "%s`%s`", label > 0 ? ", " : "", m->labels[label]);
        const char *before = ": ";
        for (size_t row = first; row < first + metric_family(first); row++) {
            const char *value = metric_table[row].values[label];
            bool repeats = row > first && value &&
                           strcmp(value, metric_table[row - 1].values[label]) == 0;
            if (!value || repeats || (label > 0 && row > first + 2))
                continue;
            buf_printf(out, "%s%s", before, value);
            before = " ";
        }
    }
}

/* The fields of INFO that show the rows of a family: "section:field". */
static void
append_fields(size_t first, struct buf *out)
{
    const char *before = "";
    for (size_t row = first; row < first + metric_family(first); row++) {
        const char *info = metric_table[row].info;
        if (!info)
            continue;
        buf_printf(out, "%s`%s`", before, strchr(info, ':') + 1);
        before = " ";
    }
}

void
metric_markdown(struct buf *out)
{
    buf_append_str(out, head);
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        const struct metric *m = &metric_table[first];
        buf_printf(out, "| `%s` | %s | ", m->name, metric_kind_name(m->kind));
        append_labels(first, out);
        buf_append_str(out, " | ");
        append_fields(first, out);
        buf_printf(out, " | %s |\n", m->help);
    }
    buf_append_str(out, histograms);
}

void
metric_render(enum metric_format format, const struct metric_sources *s, struct buf *out)
{
    if (format == METRIC_JSON)
        render_json(s, out);
    else
        render_prometheus(s, format == METRIC_OPENMETRICS, out);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Columns that matter come first, as what is cut is at the end. A bar of shards is measured against
 * the busiest one, so that imbalance is seen at any load; the share of a core stands beside it.
 * Redacted, a key is told by its length only: a hash could be guessed. Nothing is kept.
 */
#include "cli/top_rows.h"

#include "cli/progress.h"
#include "cli/top_draw.h"

#include <inttypes.h>

enum { LOAD_CELLS = 20, HUNDRED = 100, MS_PER_S = 1000, US_PER_MS = 1000 };

size_t
top_rows_count(const struct top_data *d, enum top_section section)
{
    switch (section) {
    case TOP_INCIDENTS: return d->incidents_len;
    case TOP_SHARDS: return d->shards_len;
    case TOP_HOT: return d->hot_len;
    case TOP_SLOW: return d->slow_len;
    default: return 0;
    }
}

void
top_rows_heading(struct screen *s, const struct top_data *d, enum top_section section)
{
    size_t shown = top_rows_count(d, section);
    size_t all = section == TOP_INCIDENTS ? d->incidents_all
                 : section == TOP_SHARDS  ? d->shards_all
                                          : shown;
    screen_line(s, STYLE_BOLD, "%d %s (%zu)", (int)section + 1,
                section == TOP_INCIDENTS ? "open incidents" : top_section_name(section), all);
}

static void
incident_row(struct screen *s, const struct top_incident *i, int64_t wall_ms)
{
    bool critical = strcmp(i->severity, "critical") == 0;
    bool note = strcmp(i->severity, "info") == 0;
    char since[TOP_WORD_MAX];
    top_span_text((wall_ms - i->since_ms) / MS_PER_S, since);
    screen_line(s,
                critical ? STYLE_BAD
                : note   ? STYLE_PLAIN
                         : STYLE_WARN,
                "  %s %-8s %-18s for %-11s %s%s",
                critical ? "!!"
                : note   ? "- "
                         : "! ",
                i->severity, i->kind, since, i->simulated ? "(a drill) " : "", i->cause);
}

static double
busiest(const struct top_data *d)
{
    double most = 0;
    for (size_t i = 0; i < d->shards_len; i++)
        most = d->shards[i].load > most ? d->shards[i].load : most;
    return most;
}

static void
shard_row(struct screen *s, const struct top_shard *shard, double most)
{
    char keys[PROGRESS_COUNT_TEXT_MAX], bytes[PROGRESS_COUNT_TEXT_MAX];
    progress_count_text((double)shard->keys, keys);
    progress_count_text((double)shard->bytes, bytes);
    screen_add(s, STYLE_PLAIN, "  %3" PRId64 " ", shard->index);
    screen_bar(s, STYLE_GOOD, most > 0 ? shard->load / most : 0, LOAD_CELLS);
    screen_line(s, STYLE_PLAIN, " %5.1f %% of a core, %.2f of the mean  %s keys  %s bytes",
                shard->load * HUNDRED, shard->of_mean, keys, bytes);
}

static void
hot_row(struct screen *s, const struct top_hot *hot, bool redact)
{
    char reads[PROGRESS_COUNT_TEXT_MAX], writes[PROGRESS_COUNT_TEXT_MAX];
    progress_count_text(hot->reads, reads);
    progress_count_text(hot->writes, writes);
    screen_add(s, STYLE_PLAIN, "  %5.1f %%  %7s reads/s %7s writes/s  ", hot->share * HUNDRED,
               reads, writes);
    if (redact)
        screen_line(s, STYLE_DIM, "(a key of %" PRId64 " bytes)", hot->key_bytes);
    else
        screen_line(s, STYLE_BOLD, "%s", hot->key);
}

static void
slow_row(struct screen *s, const struct top_slow *slow, const struct top_slice *part)
{
    char ago[TOP_WORD_MAX];
    top_span_text(part->wall_ms / MS_PER_S - slow->at_s, ago);
    screen_add(s, STYLE_PLAIN, "  %10.3f ms  %11s ago  ", (double)slow->took_us / US_PER_MS, ago);
    screen_add(s, STYLE_BOLD, "%s", slow->name);
    if (part->redact)
        screen_line(s, STYLE_DIM, " (%" PRId64 " words)", slow->words);
    else
        screen_line(s, STYLE_PLAIN, " %s%s  %s", slow->rest, slow->words > 2 ? " ..." : "",
                    slow->client);
}

void
top_rows_draw(struct screen *s, const struct top_data *d, enum top_section section,
              const struct top_slice *part)
{
    int have = (int)top_rows_count(d, section);
    double most = busiest(d);
    if (have == 0 && part->rows > 0)
        screen_line(s, STYLE_DIM, "  none");
    for (int i = part->first; i < have && i - part->first < part->rows; i++) {
        switch (section) {
        case TOP_INCIDENTS: incident_row(s, &d->incidents[i], part->wall_ms); break;
        case TOP_SHARDS: shard_row(s, &d->shards[i], most); break;
        case TOP_HOT: hot_row(s, &d->hot[i], part->redact); break;
        default: slow_row(s, &d->slow[i], part); break;
        }
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head has a fixed number of lines, the last line is that of the keys, and what is between them
 * is shared out: in the overview each section gets a row in turn until all are shown or the room is
 * used up. Signs: "!!" critical, "! " an error or warning, "- " the rest.
 */
#include "cli/top_draw.h"

#include "cli/progress.h"
#include "cli/top_rows.h"

#include <inttypes.h>

enum {
    MEMORY_CELLS = 30,
    NEARLY_FULL = 90, /* percent */
    HUNDRED = 100,
    SECONDS_PER_MINUTE = 60,
    MINUTES_PER_HOUR = 60,
    HOURS_PER_DAY = 24,
    US_PER_MS = 1000,
    HEADINGS = TOP_SECTIONS - 1
};

void
top_span_text(int64_t span_s, char text[TOP_WORD_MAX])
{
    int64_t minutes = span_s / SECONDS_PER_MINUTE;
    int64_t hours = minutes / MINUTES_PER_HOUR;
    int64_t days = hours / HOURS_PER_DAY;
    /* Three numbers of 20 digits never meet here. */
    if (span_s < SECONDS_PER_MINUTE)
        (void)snprintf(text, TOP_WORD_MAX, "%" PRId64 " s", span_s < 0 ? 0 : span_s);
    else if (hours == 0)
        (void)snprintf(text, TOP_WORD_MAX, "%" PRId64 " min", minutes);
    else if (days == 0)
        (void)snprintf(text, TOP_WORD_MAX, "%" PRId64 " h %02" PRId64 " min", hours,
                       minutes % MINUTES_PER_HOUR);
    else
        (void)snprintf(text, TOP_WORD_MAX, "%" PRId64 " d %" PRId64 " h", days,
                       hours % HOURS_PER_DAY);
}

/* ---- the head ---- */

static enum screen_style
state_of(const struct top_picture *p, const char **ret_sign, const char **ret_word)
{
    const struct top_data *d = p->now;
    *ret_sign = "[!!]";
    if (p->lost) {
        *ret_word = "NOT REACHABLE";
        return STYLE_BAD;
    }
    if (d->loading || strcmp(d->health, "warn") == 0) {
        *ret_sign = "[! ]";
        *ret_word = d->loading ? "loading" : "warning";
        return STYLE_WARN;
    }
    if (d->health[0] == '\0' || strcmp(d->health, "ok") == 0) {
        *ret_sign = "[ok]";
        *ret_word = "serving";
        return STYLE_GOOD;
    }
    *ret_word = d->health;
    return STYLE_BAD;
}

static void
draw_title(struct screen *s, const struct top_picture *p, const struct top_view *v)
{
    const char *sign, *word;
    char up[TOP_WORD_MAX];
    if (!p->now) {
        screen_line(s, STYLE_BAD, "[!!] %s NOT REACHABLE", p->label);
        return;
    }
    enum screen_style style = state_of(p, &sign, &word);
    top_span_text(p->now->uptime_s, up);
    screen_add(s, style, "%s ", sign);
    screen_add(s, STYLE_BOLD, "%s", p->label);
    screen_add(s, style, " %s", word);
    screen_add(s, STYLE_PLAIN, "  version %s  up %s",
               p->now->version[0] ? p->now->version : "unknown", up);
    if (v->paused)
        screen_add(s, STYLE_WARN, "  = PAUSED =");
    screen_end(s);
}

static void
p99_text(const struct top_picture *p, char text[TOP_WORD_MAX])
{
    int64_t us = top_p99_us(p->then, p->now);
    if (us < 0)
        (void)snprintf(text, TOP_WORD_MAX, "-"); /* these fit */
    else if (us < US_PER_MS)
        (void)snprintf(text, TOP_WORD_MAX, "<%" PRId64 " us", us);
    else
        (void)snprintf(text, TOP_WORD_MAX, "<%.0f ms", (double)us / US_PER_MS);
}

static void
draw_rates(struct screen *s, const struct top_picture *p)
{
    struct stat_row row;
    char ops[PROGRESS_COUNT_TEXT_MAX], hit[TOP_WORD_MAX] = "-", p99[TOP_WORD_MAX];
    char items[PROGRESS_COUNT_TEXT_MAX];
    static const struct stat_sample none = { 0 };
    const struct stat_sample *now = &p->now->sample;
    stat_row_between(&row, p->then ? &p->then->sample : &none, now);
    progress_count_text(p->then ? row.commands_per_s : (double)p->now->ops_per_s, ops);
    if (row.hit_ratio >= 0)
        (void)snprintf(hit, sizeof hit, "%.1f %%", row.hit_ratio * HUNDRED); /* fits */
    progress_count_text((double)now->items, items);
    p99_text(p, p99);
    screen_add(s, STYLE_PLAIN, "ops/s ");
    screen_add(s, STYLE_BOLD, "%-7s", ops);
    screen_add(s, STYLE_PLAIN, "  hit ");
    screen_add(s, STYLE_BOLD, "%-7s", hit);
    screen_add(s, STYLE_PLAIN, "  p99 ");
    screen_add(s, STYLE_BOLD, "%-9s", p99);
    screen_line(s, STYLE_PLAIN, "  clients %" PRIu64 "  items %s%s", now->clients, items,
                p->then ? "" : "  (since the start)");
}

static void
draw_memory(struct screen *s, const struct top_data *d)
{
    char used[PROGRESS_COUNT_TEXT_MAX], limit[PROGRESS_COUNT_TEXT_MAX];
    double max = (double)d->sample.memory_max_bytes;
    double part = max > 0 ? (double)d->sample.memory_bytes / max : 0;
    bool full = part * HUNDRED >= NEARLY_FULL;
    progress_count_text((double)d->sample.memory_bytes, used);
    progress_count_text(max, limit);
    screen_add(s, STYLE_PLAIN, "memory ");
    if (max <= 0) {
        screen_line(s, STYLE_PLAIN, "%s, no limit", used);
        return;
    }
    int room = s->width / 3;
    screen_bar(s, full ? STYLE_WARN : STYLE_GOOD, part, room < MEMORY_CELLS ? room : MEMORY_CELLS);
    screen_line(s, STYLE_PLAIN, " %s of %s, %.1f %%%s", used, limit, part * HUNDRED,
                full ? "  ! nearly full" : "");
}

static void
draw_log(struct screen *s, const struct top_data *d)
{
    char lag[PROGRESS_COUNT_TEXT_MAX];
    int64_t behind = d->written_lsn > d->durable_lsn ? d->written_lsn - d->durable_lsn : 0;
    progress_count_text((double)d->unsynced_bytes, lag);
    if (strcmp(d->log_state, "off") == 0 || !d->log_state[0])
        screen_add(s, STYLE_PLAIN, "log off");
    else
        screen_add(s, STYLE_PLAIN, "log %s, lag %" PRId64 " changes, %s bytes", d->log_state,
                   behind, lag);
    if (d->pace[0])
        screen_add(s, STYLE_PLAIN, "  pace: %s", d->pace);
    if (d->cleanup[0])
        screen_add(s, STYLE_PLAIN, ", cleaning: %s", d->cleanup);
    screen_end(s);
}

static void
draw_head(struct screen *s, const struct top_picture *p, const struct top_view *v)
{
    draw_title(s, p, v);
    if (p->lost)
        screen_line(s, STYLE_BAD, "!! %s; trying again", p->lost);
    if (!p->now)
        return;
    draw_rates(s, p);
    draw_memory(s, p->now);
    draw_log(s, p->now);
    if (p->now->problem[0])
        screen_line(s, STYLE_WARN, "!  %s", p->now->problem);
}

/* ---- sections ---- */

/* How many rows each section gets of `room` lines, headings not counted. */
static void
share_rows(const size_t have[TOP_SECTIONS], int room, int ret_rows[TOP_SECTIONS])
{
    bool given = true;
    for (int i = 0; i < TOP_SECTIONS; i++)
        ret_rows[i] = 0;
    while (room > 0 && given) {
        given = false;
        for (int i = TOP_OVERVIEW + 1; i < TOP_SECTIONS && room > 0; i++) {
            size_t wanted = have[i] > 0 ? have[i] : 1; /* "none" is a row */
            if ((size_t)ret_rows[i] >= wanted)
                continue;
            ret_rows[i]++;
            room--;
            given = true;
        }
    }
}

static void
draw_overview(struct screen *s, const struct top_picture *p, const struct top_view *v)
{
    size_t have[TOP_SECTIONS];
    int rows[TOP_SECTIONS];
    for (int i = 0; i < TOP_SECTIONS; i++) {
        have[i] = top_rows_count(p->now, (enum top_section)i);
        if (s->height == 0 && have[i] > TOP_ROWS_ONCE)
            have[i] = TOP_ROWS_ONCE;
    }
    int room = s->height == 0 ? HEADINGS * TOP_ROWS_ONCE : screen_rows_left(s) - 1 - HEADINGS;
    share_rows(have, room, rows);
    for (int i = TOP_OVERVIEW + 1; i < TOP_SECTIONS; i++) {
        struct top_slice part = {
            .first = 0, .rows = rows[i], .wall_ms = p->wall_ms, .redact = v->redact
        };
        if (screen_rows_left(s) > 1)
            top_rows_heading(s, p->now, (enum top_section)i);
        top_rows_draw(s, p->now, (enum top_section)i, &part);
    }
}

static void
draw_section(struct screen *s, const struct top_picture *p, const struct top_view *v)
{
    int rows = s->height == 0 ? TOP_SHARDS_MAX : screen_rows_left(s) - 2;
    int have = (int)top_rows_count(p->now, v->section);
    int last = have > rows ? have - rows : 0;
    struct top_slice part = { .first = v->first_row < last ? v->first_row : last,
                              .rows = rows > 0 ? rows : 0,
                              .wall_ms = p->wall_ms,
                              .redact = v->redact };
    if (screen_rows_left(s) > 1)
        top_rows_heading(s, p->now, v->section);
    top_rows_draw(s, p->now, v->section, &part);
}

static void
draw_help(struct screen *s)
{
    screen_line(s, STYLE_BOLD, "Keys");
    screen_line(s, STYLE_PLAIN,
                "  1 to 5, left, right   overview, incidents, shards, hot keys, slow log");
    screen_line(s, STYLE_PLAIN, "  up, down              rows of a section");
    screen_line(s, STYLE_PLAIN, "  p                     pause: the picture stays");
    screen_line(s, STYLE_PLAIN, "  r                     hide keys and arguments, or show them");
    screen_line(s, STYLE_PLAIN, "  q                     quit");
    screen_line(s, STYLE_PLAIN, "Signs: !! critical, ! an error or warning, - the rest.");
    screen_line(s, STYLE_PLAIN, "p99: of all calls since the last look, below a power of two.");
}

static void
draw_keys(struct screen *s, const struct top_view *v)
{
    while (screen_rows_left(s) > 1)
        screen_end(s);
    for (int i = 0; i < TOP_SECTIONS; i++)
        screen_add(s, i == (int)v->section ? STYLE_BOLD : STYLE_DIM, "%s%d %s%s  ",
                   i == (int)v->section ? ">" : "", i + 1, top_section_name((enum top_section)i),
                   i == (int)v->section ? "<" : "");
    screen_line(s, STYLE_DIM, "p pause  ? help  q quit");
}

void
top_draw(struct screen *s, const struct top_picture *p, const struct top_view *v)
{
    draw_head(s, p, v);
    if (s->height == 0 || screen_rows_left(s) > 2)
        screen_end(s);
    if (v->help)
        draw_help(s);
    else if (p->now && v->section == TOP_OVERVIEW)
        draw_overview(s, p, v);
    else if (p->now)
        draw_section(s, p, v);
    if (s->live)
        draw_keys(s, v);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing is carriage return, the line, erase to its end. The clock is read for one update in 256
 * only: a load sends a key in less than a microsecond, and asking the time for each would be a
 * tenth of its cost. Standard error is shared with messages: progress_clear() comes before them.
 */
#include "cli/progress.h"

#include "cli/term.h"
#include "os/clock.h"

#include <inttypes.h>
#include <string.h>

enum { UPDATES_PER_CLOCK = 256, BAR_MAX = 40, BAR_MIN = 5, NUMBERS_WIDTH = 48 };
#define NS_PER_S 1e9

void
progress_begin(struct progress *p, uint64_t total)
{
    *p = (struct progress){ .shown = term_is(stderr), .total = total, .begin_ns = clock_mono_ns() };
}

double
progress_seconds(const struct progress *p)
{
    double seconds = (double)(clock_mono_ns() - p->begin_ns) / NS_PER_S;
    return seconds > 1e-6 ? seconds : 1e-6;
}

void
progress_count_text(double n, char text[PROGRESS_COUNT_TEXT_MAX])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    while (n >= 1000 && unit < sizeof units - 2) {
        n /= 1000;
        unit++;
    }
    int decimals = unit == 0 ? 0 : n < 10 ? 2 : n < 100 ? 1 : 0;
    (void)snprintf(text, PROGRESS_COUNT_TEXT_MAX, "%.*f", decimals, n); /* below 1000.00: fits */
    size_t len = strlen(text);
    if (unit > 0)
        (void)snprintf(text + len, PROGRESS_COUNT_TEXT_MAX - len, "%c", units[unit]);
}

static size_t
append_bar(char *to, int cells, uint64_t done, uint64_t total)
{
    int full = (int)((double)done / (double)total * cells);
    size_t n = 0;
    to[n++] = '[';
    for (int i = 0; i < cells; i++)
        to[n++] = i < full ? '#' : '.';
    to[n++] = ']';
    return n;
}

void
progress_line(char line[PROGRESS_LINE_MAX], int width, uint64_t done, uint64_t total, uint64_t keys,
              double seconds)
{
    char keys_text[PROGRESS_COUNT_TEXT_MAX], rate_text[PROGRESS_COUNT_TEXT_MAX];
    size_t n = 0;
    if (done > total)
        done = total; /* a dumped cache can grow meanwhile */
    int cells = width - NUMBERS_WIDTH > BAR_MAX ? BAR_MAX : width - NUMBERS_WIDTH;
    if (total > 0 && cells >= BAR_MIN)
        n = append_bar(line, cells, done, total);
    progress_count_text((double)keys, keys_text);
    progress_count_text((double)keys / seconds, rate_text);
    if (total > 0) {
        double left_s = done > 0 ? seconds * (double)(total - done) / (double)done : 0;
        (void)snprintf(line + n, PROGRESS_LINE_MAX - n, "%s%3d %%  %s keys  %s/s  %.0f s left",
                       n ? " " : "", (int)((double)done / (double)total * 100), keys_text,
                       rate_text, left_s);
    } else {
        (void)snprintf(line + n, PROGRESS_LINE_MAX - n, "%s keys  %s/s", keys_text, rate_text);
    }
    if (width > 0 && width < PROGRESS_LINE_MAX)
        line[width - 1] = '\0'; /* a wrapped line could not be drawn over */
}

void
progress_update(struct progress *p, uint64_t done, uint64_t keys)
{
    char line[PROGRESS_LINE_MAX] = "";
    if (!p->shown || ++p->skipped < UPDATES_PER_CLOCK)
        return;
    p->skipped = 0;
    int64_t now_ns = clock_mono_ns();
    if (now_ns - p->drawn_ns < (int64_t)PROGRESS_INTERVAL_MS * 1000000)
        return;
    p->drawn_ns = now_ns;
    progress_line(line, term_width(stderr), done, p->total, keys, progress_seconds(p));
    (void)fprintf(stderr, "\r%s\033[K", line);
}

void
progress_clear(struct progress *p)
{
    if (p->shown && p->drawn_ns != 0)
        (void)fputs("\r\033[K", stderr);
    p->drawn_ns = 0;
}

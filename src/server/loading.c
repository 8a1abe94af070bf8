/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing is said about a load that ends within a moment. On a terminal a bar is drawn in place;
 * the log erases it when it writes a line, and the next look draws it again. Failures of the data
 * directory get their exit codes here, because it may fail while it is opened and while it is read,
 * and whoever runs the server should not have to know which.
 */
#include "server/loading.h"

#include "os/clock.h"
#include "os/process.h"
#include "server/supervise.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum {
    QUIET_US = 500000, /* before the first word */
    BAR_INTERVAL_US = 100000,
    LINE_INTERVAL_US = 5000000,
    BAR_CELLS = 30,
    PERCENT = 100,
    MS_PER_SECOND = 1000
};

static int
exit_code(int status)
{
    switch (status) {
    case ATTL_E_DAMAGED: return EX_DATAERR;
    case ATTL_E_LOCKED: return EX_TEMPFAIL;
    case ATTL_E_IO: return EX_IOERR;
    case ATTL_E_CONFIG: return EX_CONFIG;
    default: return EX_OSERR;
    }
}

int
loading_failure(struct log *log, int status, const char *err)
{
    log_writef(log, LOG_ERROR, "cache_open", "cannot open the cache: %s",
               err[0] ? err : attl_strerror(status));
    if (status == ATTL_E_DAMAGED)
        log_write(log, LOG_ERROR, "recover",
                  "start with --recover=prefix to go on with what lies before the damage, or with "
                  "--recover=salvage to keep everything that is readable; what is left out is kept "
                  "aside");
    return exit_code(status);
}

static double
fraction(const attl_load_progress *p)
{
    if (p->bytes_total == 0)
        return 0;
    double part = (double)p->bytes_done / (double)p->bytes_total;
    return part > 1 ? 1 : part;
}

void
loading_text(const attl_load_progress *p, char *text, size_t len)
{
    char left[32] = "";
    if (p->eta_ms >= 0)
        (void)snprintf(left, sizeof left, ", %" PRId64 " s left",
                       (p->eta_ms + MS_PER_SECOND - 1) / MS_PER_SECOND); /* 20 digits fit */
    (void)snprintf(text, len, "%d %%, %" PRIu64 " entries%s", (int)(fraction(p) * PERCENT),
                   p->entries, left); /* cut is fine */
}

void
loading_bar(const attl_load_progress *p, char *line, size_t len)
{
    char cells[BAR_CELLS + 1];
    char text[LOADING_LINE_MAX];
    int full = (int)(fraction(p) * BAR_CELLS);
    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < full ? '#' : '.';
    cells[BAR_CELLS] = '\0';
    loading_text(p, text, sizeof text);
    (void)snprintf(line, len, "loading [%s] %s", cells, text); /* cut is fine */
}

void
loading_begin(struct loading *l, struct log *log, attl *cache)
{
    int64_t now_us = clock_mono_ns() / 1000;
    *l = (struct loading){ .log = log,
                           .cache = cache,
                           .terminal = process_stderr_is_terminal() && !log->json,
                           .begin_us = now_us,
                           /* so that the first word comes after QUIET_US */
                           .said_us = now_us };
}

static void
draw(struct loading *l, const attl_load_progress *p)
{
    char line[LOADING_LINE_MAX];
    loading_bar(p, line, sizeof line);
    atomic_store_explicit(&l->log->bar, true, memory_order_relaxed);
    (void)fprintf(stderr, "\r%s\033[K", line); /* there is nowhere to report it to */
}

static void
show(struct loading *l, const attl_load_progress *p)
{
    int64_t now_us = clock_mono_ns() / 1000;
    int64_t interval_us = l->terminal ? BAR_INTERVAL_US : LINE_INTERVAL_US;
    if (now_us - l->said_us < (l->told ? interval_us : QUIET_US))
        return;
    l->said_us = now_us;
    l->told = true;
    if (l->terminal) {
        draw(l, p);
        return;
    }
    char text[LOADING_LINE_MAX];
    loading_text(p, text, sizeof text);
    supervise_loading(text);
    log_writef(l->log, LOG_INFO, "loading", "reading the data directory: %s", text);
}

bool
loading_goes_on(struct loading *l, int *ret_code)
{
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(l->cache, &p);
    if (p.status != ATTL_OK) {
        loading_end(l);
        *ret_code = loading_failure(l->log, p.status, "");
        return false;
    }
    if (p.loading) {
        show(l, &p);
        return true;
    }
    if (l->told) {
        loading_end(l);
        log_writef(l->log, LOG_INFO, "loaded", "%" PRIu64 " entries in %.1f s", p.entries,
                   (double)(clock_mono_ns() / 1000 - l->begin_us) / 1e6);
    }
    return false;
}

void
loading_end(struct loading *l)
{
    if (atomic_exchange_explicit(&l->log->bar, false, memory_order_relaxed))
        (void)fputs("\r\033[K", stderr); /* as above */
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks INFO once per interval on one connection. Waiting is measured from a fixed beginning, so
 * that the time a reply takes does not add up to a drift; rates are computed from the moments the
 * replies came, so that a late one does not show as a peak. The view owns its client.
 */
#include "cli/stat.h"

#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/stat_row.h"
#include "cli/stream.h"
#include "cli/term.h"
#include "os/clock.h"

#include <sysexits.h>

enum { NS_PER_MS = 1000000, US_PER_MS = 1000 };

struct stat_view {
    const struct cli_args *args;
    struct client client;
    struct stat_sample last;
    bool in_place;
    uint64_t rows;
};

static int
take_sample(struct stat_view *v, struct stat_sample *ret_sample)
{
    attl_slice info = attl_s("INFO");
    const struct reply *reply;
    int status = client_call(&v->client, &info, 1, &reply);
    if (status)
        return status;
    if (reply->type == REPLY_ERROR) {
        (void)snprintf(v->client.error, sizeof v->client.error, "INFO was answered with: %.*s",
                       (int)(reply->text.len < 200 ? reply->text.len : 200),
                       (const char *)reply->text.data);
        return CLIENT_E_REFUSED;
    }
    ret_sample->at_ns = clock_mono_ns();
    stat_sample_parse(ret_sample, reply->text);
    return CLIENT_OK;
}

static void
print_row(struct stat_view *v, const struct stat_row *row)
{
    char text[STAT_TEXT_MAX];
    if (v->args->output == OUTPUT_JSON) {
        stat_row_json(stdout, row, clock_wall_us() / US_PER_MS);
        return;
    }
    if (v->in_place ? v->rows == 0 : v->rows % STAT_HEADER_EVERY == 0)
        (void)puts(stat_row_header());
    stat_row_text(row, text);
    (void)printf(v->in_place ? "\r%s\033[K" : "%s\n", text);
}

/* Sleeps until row number `row` is due; false if interrupted. */
static bool
wait_for_row(const struct stat_view *v, int64_t begin_ns, uint64_t row)
{
    int64_t due_ns = begin_ns + (int64_t)row * v->args->interval_ms * NS_PER_MS;
    for (int64_t left_ns; (left_ns = due_ns - clock_mono_ns()) > 0 && !interrupt_pending();)
        stream_sleep((int)(left_ns / NS_PER_MS) + 1);
    return !interrupt_pending();
}

static int
show_rows(struct stat_view *v)
{
    int64_t begin_ns = clock_mono_ns();
    int status = take_sample(v, &v->last);
    while (status == CLIENT_OK && wait_for_row(v, begin_ns, v->rows + 1)) {
        struct stat_sample now;
        struct stat_row row;
        status = take_sample(v, &now);
        if (status)
            break;
        stat_row_between(&row, &v->last, &now);
        print_row(v, &row);
        v->last = now;
        v->rows++;
        if (fflush(stdout) != 0 || (v->args->count > 0 && v->rows == (uint64_t)v->args->count))
            break;
    }
    return interrupt_pending() ? CLIENT_OK : status; /* control-C is how one leaves */
}

int
stat_run(const struct cli_args *args)
{
    struct stat_view v = { .args = args };
    v.in_place = args->output != OUTPUT_JSON && term_is(stdout);
    client_init(&v.client, &args->server);
    interrupt_install();
    int status = client_connect(&v.client);
    if (status == CLIENT_OK)
        status = show_rows(&v);
    if (v.in_place && v.rows > 0)
        (void)putchar('\n');
    int code = outcome_client(&v.client, status);
    client_fini(&v.client);
    return code ? code : outcome_flush();
}

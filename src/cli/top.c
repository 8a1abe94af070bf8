/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each look is one pipelined group of requests on one connection, drawn when all replies are there.
 * Between looks the keys are waited for, in slices short enough to notice a window that changed its
 * size. A server that goes away does not end the view: it says so and tries again. The picture is
 * made in memory and written at once, over the one before, on the terminal's other screen.
 */
#include "cli/top.h"

#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/term.h"
#include "cli/top_draw.h"
#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    NS_PER_MS = 1000000,
    US_PER_MS = 1000,
    SLICE_MS = 100,
    PATIENCE_MS = 2000, /* with a server that does not answer, so that keys still do something */
    PIPE_WIDTH = 200,   /* where there is no terminal to fit into */
    KEYS_MAX = 64,
    WORDS_MAX = 3
};

struct top {
    const struct cli_args *args;
    struct client client;
    struct top_view view;
    struct top_data looks[2]; /* the last two */
    int last;                 /* which of them is the newer; -1: none yet */
    bool has_then, lost, live;
    long drawn;
    int width, height; /* when it was drawn */
    bool keys_ended;   /* nothing more comes from standard input */
};

static const struct {
    const char *words[WORDS_MAX];
    void (*take)(struct top_data *d, const struct reply *r); /* NULL: INFO */
} questions[] = {
    { { "INFO", "everything" }, NULL },
    { { "ATTL.HEALTH" }, top_take_health },
    { { "ATTL.INCIDENT", "LIST", "OPEN" }, top_take_incidents },
    { { "ATTL.SHARDS" }, top_take_shards },
    { { "ATTL.HOTKEYS" }, top_take_hot },
    { { "SLOWLOG", "GET", "64" }, top_take_slow },
    { { "LATENCY", "HISTOGRAM" }, top_take_latency },
};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

static int
ask_all(struct client *c)
{
    int status = CLIENT_OK;
    for (size_t i = 0; i < QUESTIONS && status == CLIENT_OK; i++) {
        attl_slice argv[WORDS_MAX];
        size_t argc = 0;
        for (; argc < WORDS_MAX && questions[i].words[argc]; argc++)
            argv[argc] = attl_s(questions[i].words[argc]);
        status = client_append(c, argv, argc);
    }
    return status;
}

static int
take_all(struct client *c, struct top_data *d)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        const struct reply *reply;
        int status = client_read(c, &reply);
        if (status)
            return status;
        if (questions[i].take) {
            questions[i].take(d, reply);
        } else if (reply->type == REPLY_ERROR) {
            (void)snprintf(c->error, sizeof c->error, "INFO was answered with: %.*s",
                           (int)(reply->text.len < TOP_TEXT_MAX ? reply->text.len : TOP_TEXT_MAX),
                           (const char *)reply->text.data); /* a cut reason is one */
            return CLIENT_E_REFUSED;
        } else {
            top_take_info(d, reply->text, clock_mono_ns());
        }
    }
    return CLIENT_OK;
}

/* One look; the one before is kept if it was of the same life of the server. */
static int
look(struct top *t)
{
    int next = t->last == 0;
    struct top_data *d = &t->looks[next];
    *d = (struct top_data){ 0 };
    int status = client_connected(&t->client) ? CLIENT_OK : client_connect(&t->client);
    if (status == CLIENT_OK)
        status = ask_all(&t->client);
    if (status == CLIENT_OK)
        status = take_all(&t->client, d);
    if (status == CLIENT_OK) {
        t->has_then = t->last >= 0 && t->looks[t->last].uptime_s <= d->uptime_s;
        t->last = next;
    }
    t->lost = status != CLIENT_OK;
    if (t->lost) {
        t->has_then = false; /* its place was taken */
        client_disconnect(&t->client);
    }
    return status;
}

static void
draw_to(struct top *t, FILE *to)
{
    struct screen s = { .to = to,
                        .width = t->width,
                        .height = t->live ? t->height : 0,
                        .live = t->live,
                        .colour = term_has_colour(stdout) };
    struct top_picture p = { .label = t->client.label,
                             .lost = t->lost ? t->client.error : NULL,
                             .now = t->last >= 0 ? &t->looks[t->last] : NULL,
                             .then = t->has_then ? &t->looks[t->last == 0] : NULL,
                             .wall_ms = clock_wall_us() / US_PER_MS };
    top_draw(&s, &p, &t->view);
}

/* False if there is no memory for a picture. */
static bool
draw(struct top *t)
{
    char *picture = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&picture, &len);
    if (!to)
        return false;
    t->width = t->live || term_is(stdout) ? term_width(stdout) : PIPE_WIDTH;
    t->height = term_height(stdout);
    (void)fputs(t->live ? "\033[H" : "", to);
    draw_to(t, to);
    (void)fputs(t->live ? "\033[J" : "", to);
    bool made = fclose(to) == 0;
    if (made)
        (void)fwrite(picture, 1, len, stdout); /* looked at by fflush */
    free(picture);
    return made && fflush(stdout) == 0;
}

/* Waits for keys for at most `wait_ms`; true if there were some. */
static bool
take_keys(struct top *t, int wait_ms)
{
    struct pollfd input = { .fd = t->keys_ended ? -1 : STDIN_FILENO, .events = POLLIN };
    char bytes[KEYS_MAX];
    if (interrupt_poll(&input, 1, wait_ms) <= 0 || !(input.revents & (POLLIN | POLLHUP)))
        return false;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0) {
        t->keys_ended = n == 0 || errno != EINTR;
        return false;
    }
    top_view_keys(&t->view, bytes, (size_t)n);
    return true;
}

/* Until the next look is due; draws again for keys and for a new size. False: no more pictures. */
static bool
wait_for_look(struct top *t, int64_t due_ns)
{
    for (;;) {
        int64_t left_ms = (due_ns - clock_mono_ns()) / NS_PER_MS;
        if (interrupt_pending() || t->view.quit)
            return true;
        if (left_ms <= 0 && !t->view.paused)
            return true;
        int wait_ms = left_ms > 0 && left_ms < SLICE_MS ? (int)left_ms : SLICE_MS;
        bool keyed = take_keys(t, wait_ms);
        if (t->width != term_width(stdout) || t->height != term_height(stdout))
            keyed = true;
        if (keyed && !t->view.quit && !draw(t))
            return false;
    }
}

static int
show_live(struct top *t)
{
    int64_t due_ns = clock_mono_ns();
    bool fine = true;
    while (fine && !interrupt_pending() && !t->view.quit) {
        if (t->drawn > 0)
            (void)look(t); /* what went wrong is in the picture */
        fine = draw(t);
        t->drawn++;
        if (t->args->count > 0 && t->drawn >= t->args->count)
            break;
        due_ns += (int64_t)t->args->interval_ms * NS_PER_MS;
        if (due_ns < clock_mono_ns()) /* a look took longer than the interval */
            due_ns = clock_mono_ns();
        fine = fine && wait_for_look(t, due_ns);
    }
    return fine ? EX_OK : EX_IOERR;
}

static int
show(struct top *t)
{
    struct term_settings settings;
    if (!t->live)
        return draw(t) ? EX_OK : EX_IOERR;
    term_take_keys(&settings);
    (void)fputs("\033[?1049h\033[?25l", stdout); /* the other screen, no cursor */
    int code = show_live(t);
    (void)fputs("\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout); /* a terminal that has gone does not matter any more */
    term_give_keys(&settings);
    return code;
}

int
top_run(const struct cli_args *args)
{
    struct client_options options = args->server;
    struct top *t = calloc(1, sizeof *t);
    if (!t) {
        outcome_say("out of memory");
        return EX_OSERR;
    }
    t->args = args;
    t->last = -1;
    t->live = !args->once && term_is(stdout);
    t->view.redact = args->redact;
    if (t->live && (options.timeout_ms < 0 || options.timeout_ms > PATIENCE_MS))
        options.timeout_ms = PATIENCE_MS;
    client_init(&t->client, &options);
    interrupt_install();
    int code =
        outcome_client(&t->client, look(t)); /* who cannot connect at all is told and leaves */
    if (code == EX_OK)
        code = show(t);
    client_fini(&t->client);
    free(t);
    return code ? code : outcome_flush();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pipeline: requests go out in pieces of LOAD_FLUSH_BYTES, replies are matched to records
 * through a ring of record numbers, since the n-th reply belongs to the n-th request. The window
 * bounds both the ring and what a slow server can make us hold. Refusals of the server arrive up to
 * a window later than their record was sent:
 * --strict stops sending then, it cannot take back.
 */
#include "cli/load.h"

#include "base/num.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/jsonl.h"
#include "cli/outcome.h"
#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>

struct load {
    const struct cli_args *args;
    struct client client;
    struct input input;
    struct jsonl jsonl;
    struct reply_parser
        parser; /* of RESP input: requests are arrays of strings, as replies can be */
    attl_slice *words;
    size_t words_cap;
    struct progress progress;
    uint64_t *ring; /* record numbers of the requests in flight */
    size_t ring_first, in_flight;
    uint64_t record; /* number of the current line, or RESP command */
    uint64_t loaded, refused;
    const char *unit; /* "line" or "command" */
    bool stop;        /* --strict found something, or the input makes no sense any more */
};

static void refuse(struct load *l, uint64_t record, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
refuse(struct load *l, uint64_t record, const char *format, ...)
{
    l->refused++;
    l->stop = l->stop || l->args->strict;
    if (l->refused > LOAD_ERRORS_SHOWN)
        return;
    char what[CLIENT_ERROR_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args); /* a cut sentence is still one */
    va_end(args);
    progress_clear(&l->progress);
    outcome_say("%s: %s %" PRIu64 ": %s", l->input.name, l->unit, record, what);
    if (l->refused == LOAD_ERRORS_SHOWN && !l->stop)
        outcome_say("further refusals are only counted");
}

static void
take_reply(struct load *l, const struct reply *reply)
{
    uint64_t record = l->ring[l->ring_first];
    l->ring_first = (l->ring_first + 1) % LOAD_WINDOW;
    l->in_flight--;
    if (reply->type == REPLY_ERROR)
        refuse(l, record, "the server refused it: %.*s",
               (int)(reply->text.len < 200 ? reply->text.len : 200),
               (const char *)reply->text.data);
    else
        l->loaded++;
    progress_update(&l->progress, l->input.offset, l->loaded);
}

/* Takes replies, waiting until at most `most` requests are in flight. */
static int
settle(struct load *l, size_t most)
{
    while (l->in_flight > 0) {
        const struct reply *reply;
        int status = l->in_flight > most ? client_read(&l->client, &reply)
                                         : client_poll(&l->client, &reply);
        if (status || !reply)
            return status;
        take_reply(l, reply);
    }
    return CLIENT_OK;
}

static int
send_words(struct load *l, const attl_slice *words, size_t n)
{
    int status = client_append(&l->client, words, n);
    if (status)
        return status;
    l->ring[(l->ring_first + l->in_flight++) % LOAD_WINDOW] = l->record;
    if (client_unsent_bytes(&l->client) >= LOAD_FLUSH_BYTES)
        status = client_flush(&l->client);
    if (status == CLIENT_OK && l->in_flight == LOAD_WINDOW)
        status = settle(l, LOAD_WINDOW / 2);
    return status;
}

static int
send_record(struct load *l, const struct jsonl_record *r)
{
    char deadline[NUM_TEXT_MAX];
    attl_slice words[5] = { attl_s("SET"), r->key, r->value };
    size_t n = 3;
    if (r->deadline_ms != ATTL_NO_DEADLINE) {
        words[n++] = attl_s("PXAT");
        words[n++] = attl_b(deadline, num_format_i64(deadline, r->deadline_ms));
    }
    return send_words(l, words, n);
}

static bool
line_is_blank(attl_slice line)
{
    const char *p = line.data;
    for (size_t i = 0; i < line.len; i++)
        if (p[i] != ' ' && p[i] != '\t')
            return false;
    return true;
}

/* The end of the input: false with a message if it is not the ordinary one. */
static bool
input_ended_well(struct load *l, int input_status)
{
    if (input_status == INPUT_END || input_status == INPUT_E_INTERRUPTED)
        return true;
    progress_clear(&l->progress);
    outcome_say("%s: %s %" PRIu64 ": %s", l->input.name, l->unit, l->record + 1,
                input_status == INPUT_E_IO      ? strerror(l->input.error)
                : input_status == INPUT_E_LIMIT ? "larger than any record may be"
                                                : "out of memory");
    return false;
}

static int
load_json(struct load *l, bool *ret_input_fine)
{
    int status = CLIENT_OK;
    int input_status = INPUT_END;
    while (status == CLIENT_OK && !l->stop) {
        attl_slice line;
        struct jsonl_record record;
        input_status = input_line(&l->input, &line);
        if (input_status < 0 || input_status == INPUT_END)
            break;
        l->record = l->input.line;
        if (input_status == INPUT_TOO_LONG)
            refuse(l, l->record, "longer than %d MiB", INPUT_LINE_BYTES_MAX >> 20);
        else if (line_is_blank(line))
            continue;
        else if (!jsonl_read(&l->jsonl, line, &record))
            refuse(l, l->record, "%s", l->jsonl.error);
        else
            status = send_record(l, &record);
    }
    *ret_input_fine = input_status >= 0 || input_ended_well(l, input_status);
    return status;
}

/* The words of a request; false if it is anything else than an array of strings, or memory is
 * short. */
static bool
take_words(struct load *l, const struct reply *request)
{
    if (request->type != REPLY_ARRAY || request->children == 0 ||
        request->children > CLIENT_ARGS_MAX)
        return false;
    if (request->children > l->words_cap) {
        attl_slice *words = realloc(l->words, request->children * sizeof *words);
        if (!words)
            return false;
        l->words = words;
        l->words_cap = request->children;
    }
    for (size_t i = 0; i < request->children; i++) {
        const struct reply *word = request + 1 +
                                   i; /* strings have no children, so they lie side by side */
        if (word->type != REPLY_STRING)
            return false;
        l->words[i] = word->text;
    }
    return true;
}

/* One whole RESP value was read from the input. */
static int
load_request(struct load *l, const struct reply *request, size_t bytes)
{
    int status = CLIENT_OK;
    l->record++;
    if (take_words(l, request))
        status = send_words(l, l->words, request->children);
    else
        refuse(l, l->record, "not a command (an array of strings), at byte %" PRIu64,
               l->input.offset);
    input_consume(&l->input, bytes);
    return status;
}

static int
load_resp(struct load *l, bool *ret_input_fine)
{
    int status = CLIENT_OK;
    int input_status = INPUT_OK;
    while (status == CLIENT_OK && !l->stop && input_status == INPUT_OK) {
        const struct reply *request;
        size_t bytes = 0;
        attl_slice rest = input_rest(&l->input);
        int parsed = rest.len ? reply_parse(&l->parser, rest.data, rest.len, &request, &bytes)
                              : REPLY_MORE;
        if (parsed == REPLY_DONE) {
            status = load_request(l, request, bytes);
        } else if (parsed == REPLY_MORE) {
            input_status = input_more(&l->input);
        } else {
            /* Where the next command begins cannot be known after this. */
            refuse(l, l->record + 1, "%s, at byte %" PRIu64 "; the rest is not read",
                   reply_strerror(parsed), l->input.offset);
            l->stop = true;
        }
    }
    if (input_status == INPUT_END && input_rest(&l->input).len > 0 && !l->stop)
        refuse(l, l->record + 1, "the input ends in the middle of it");
    *ret_input_fine = input_status >= 0 || input_ended_well(l, input_status);
    return status;
}

/* JSON or RESP, by the first byte that is not blank. */
static enum cli_format
guess_format(struct load *l)
{
    for (;;) {
        attl_slice rest = input_rest(&l->input);
        const char *p = rest.data;
        size_t i = 0;
        while (i < rest.len && strchr(" \t\r\n", p[i]))
            i++;
        if (i < rest.len)
            return p[i] == '*' ? FORMAT_RESP : FORMAT_JSON;
        if (input_more(&l->input) != INPUT_OK)
            return FORMAT_JSON; /* the reader meets the same end and says what it is */
    }
}

static void
print_summary(struct load *l)
{
    char rate[PROGRESS_COUNT_TEXT_MAX];
    double seconds = progress_seconds(&l->progress);
    progress_clear(&l->progress);
    progress_count_text((double)l->loaded / seconds, rate);
    (void)fprintf(stderr, "loaded %" PRIu64 " keys, refused %" PRIu64 ", in %.2f s (%s/s)%s\n",
                  l->loaded, l->refused, seconds, rate,
                  interrupt_pending() ? "; interrupted"
                  : l->stop           ? "; stopped early"
                  : l->in_flight      ? "; the connection was lost, later ones are unknown"
                                      : "");
}

static int
load_all(struct load *l)
{
    bool input_fine = true;
    int status = client_connect(&l->client);
    if (status)
        return outcome_client(&l->client, status);
    progress_begin(&l->progress, l->input.size_bytes);
    enum cli_format format = l->args->format == FORMAT_AUTO ? guess_format(l) : l->args->format;
    l->unit = format == FORMAT_RESP ? "command" : "line";
    status = format == FORMAT_RESP ? load_resp(l, &input_fine) : load_json(l, &input_fine);
    if (status == CLIENT_OK && !interrupt_pending())
        status = settle(l, 0);
    print_summary(l);
    if (status)
        return outcome_client(&l->client, status);
    if (interrupt_pending())
        return OUTCOME_INTERRUPTED;
    return !input_fine ? EX_IOERR : l->refused ? OUTCOME_ERROR_REPLY : EX_OK;
}

int
load_run(const struct cli_args *args)
{
    int code = EX_OSERR;
    struct load l = { .args = args, .unit = "line" };
    if (!input_open(&l.input, args->file)) {
        outcome_say("cannot open %s: %s", args->file, strerror(errno));
        return EX_IOERR;
    }
    client_init(&l.client, &args->server);
    jsonl_init(&l.jsonl);
    reply_parser_init(&l.parser);
    interrupt_install();
    l.ring = calloc(LOAD_WINDOW, sizeof *l.ring);
    if (l.ring)
        code = load_all(&l);
    else
        outcome_say("out of memory");
    free(l.ring);
    free(l.words);
    reply_parser_fini(&l.parser);
    jsonl_fini(&l.jsonl);
    client_fini(&l.client);
    input_close(&l.input);
    return code;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies are printed as they come and standard output is flushed after each when somebody may be
 * waiting at the other end of a pipe. A failed connection ends a list of commands: the state the
 * rest relied on is unknown. Each function owns the client it opens.
 */
#include "cli/oneshot.h"

#include "cli/input.h"
#include "cli/outcome.h"
#include "cli/render.h"
#include "cli/term.h"
#include "protocol/resp_inline.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

static bool
reply_begins(const struct reply *r, const char *prefix)
{
    size_t len = strlen(prefix);
    return r->text.len >= len && memcmp(r->text.data, prefix, len) == 0;
}

int
oneshot_print(const struct cli_args *args, const struct reply *reply)
{
    bool error = reply->type == REPLY_ERROR;
    bool human = args->output == OUTPUT_HUMAN || (args->output == OUTPUT_AUTO && term_is(stdout));
    if (args->output == OUTPUT_JSON)
        render_json(stdout, reply);
    else if (error)
        render_human(stderr, reply, term_has_colour(stderr));
    else if (human)
        render_human(stdout, reply, term_has_colour(stdout));
    else
        render_raw(stdout, reply);
    if (error && reply_begins(reply, "NOAUTH"))
        outcome_say("the server wants a password: set ATTL_PASSWORD or use -a");
    return error ? OUTCOME_ERROR_REPLY : EX_OK;
}

/* All of standard input into `value`. */
static int
read_stdin(struct buf *value)
{
    struct input in;
    int status = INPUT_OK;
    (void)input_open(&in, "-"); /* standard input is open already */
    while (status == INPUT_OK && !value->failed) {
        attl_slice rest = input_rest(&in);
        buf_append(value, rest.data, rest.len);
        input_consume(&in, rest.len);
        status = input_more(&in);
    }
    if (value->failed)
        outcome_say("standard input is larger than a value may be (%d MiB)",
                    ONESHOT_VALUE_BYTES_MAX >> 20);
    else if (status != INPUT_END)
        outcome_say("cannot read standard input: %s", strerror(in.error));
    input_close(&in);
    return status == INPUT_END && !value->failed ? EX_OK : EX_IOERR;
}

static int
run_words(const struct cli_args *args, const attl_slice *words, size_t n)
{
    struct client client;
    const struct reply *reply;
    client_init(&client, &args->server);
    int status = client_connect(&client);
    if (status == CLIENT_OK)
        status = client_call(&client, words, n, &reply);
    int code = status ? outcome_client(&client, status) : oneshot_print(args, reply);
    client_fini(&client);
    return code;
}

int
oneshot_run(const struct cli_args *args)
{
    size_t n = (size_t)args->argc;
    int code = EX_OK;
    struct buf value;
    buf_init(&value, ONESHOT_VALUE_BYTES_MAX);
    attl_slice *words = calloc(n + 1, sizeof *words);
    if (!words) {
        outcome_say("out of memory");
        code = EX_OSERR;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        words[i] = attl_s(args->argv[i]);
    if (args->last_from_stdin) {
        code = read_stdin(&value);
        words[n++] = buf_slice(&value);
    }
    if (code == EX_OK)
        code = run_words(args, words, n);
    if (outcome_flush() != EX_OK)
        code = EX_IOERR;
out:
    free(words);
    buf_fini(&value);
    return code;
}

/* Sends one line of the pipe and prints the reply; *ret_client gets the client's status. */
static int
run_line(const struct cli_args *args, struct client *client, struct resp_args *words,
         attl_slice line, uint64_t number, int *ret_client)
{
    const struct reply *reply;
    *ret_client = CLIENT_OK;
    resp_args_clear(words);
    if (line.len > 0 && *(const char *)line.data == '#')
        return EX_OK; /* a comment */
    /* The line lies in the input's own buffer, which nobody else reads: unquoting in place is fine.
     */
    switch (inline_split((char *)line.data, line.len, words)) {
    case INLINE_FINE: break;
    case INLINE_UNBALANCED:
        outcome_say("line %llu: a quote is not closed", (unsigned long long)number);
        return OUTCOME_ERROR_REPLY;
    case INLINE_NUL:
        outcome_say("line %llu: holds a NUL byte; write it \"\\x00\"", (unsigned long long)number);
        return OUTCOME_ERROR_REPLY;
    default: outcome_say("out of memory"); return EX_OSERR;
    }
    if (words->len == 0)
        return EX_OK;
    *ret_client = client_call(client, words->items, words->len, &reply);
    if (*ret_client)
        return outcome_client(client, *ret_client);
    int code = oneshot_print(args, reply);
    return outcome_flush() == EX_OK ? code : EX_IOERR;
}

int
oneshot_pipe(const struct cli_args *args)
{
    struct client client;
    struct input in;
    struct resp_args words;
    client_init(&client, &args->server);
    resp_args_init(&words);
    (void)input_open(&in, "-"); /* standard input is open already */
    int status = client_connect(&client);
    int code = outcome_client(&client, status);
    int read_status = INPUT_OK;
    while (status == CLIENT_OK) {
        attl_slice line;
        read_status = input_line(&in, &line);
        if (read_status != INPUT_OK)
            break;
        int line_code = run_line(args, &client, &words, line, in.line, &status);
        code = line_code ? line_code : code;
        if (line_code == EX_IOERR || line_code == EX_OSERR)
            break;
    }
    if (read_status != INPUT_OK && read_status != INPUT_END) {
        outcome_say("line %llu: cannot be read: %s", (unsigned long long)in.line + 1,
                    read_status == INPUT_E_IO ? strerror(in.error) : "it is too long");
        code = EX_IOERR;
    }
    input_close(&in);
    resp_args_fini(&words);
    client_fini(&client);
    return code;
}

int
oneshot_healthcheck(const struct cli_args *args)
{
    struct client client;
    const struct reply *reply;
    attl_slice ping = attl_s("PING");
    client_init(&client, &args->server);
    int status = client_connect(&client);
    if (status == CLIENT_OK)
        status = client_call(&client, &ping, 1, &reply);
    int code = 1;
    if (status)
        (void)outcome_client(&client, status); /* a health check knows only healthy and not */
    else
        code = oneshot_print(args, reply);
    client_fini(&client);
    return code;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl load` against a scripted server: what is sent for each record, how refusals of both sides
 * are counted and told with the right number, and how it ends when input or connection fail. The
 * messages matter as much as the exit status, because a load of millions is judged by them.
 */
#include "cli_support.h"

#include "cli/load.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

struct run {
    struct cli_args args;
    int code;
    char *said;     /* on standard error */
    char *received; /* by the server */
};

/* Loads `input` into a server that answers with `script`. */
static void
load(struct run *r, const char *input, const char *script, bool hang_up)
{
    char path[SUPPORT_PATH_MAX];
    struct script_server server;
    temp_file(path, input, strlen(input));
    script_server_start(&server, script, strlen(script), 0, hang_up);
    r->args.server = script_server_options(&server);
    r->args.file = path;
    stderr_begin();
    r->code = load_run(&r->args);
    r->said = stderr_end();
    script_server_stop(&server);
    r->received = strdup(server.received);
    script_server_free(&server);
    assert_int_equal(unlink(path), 0);
}

static void
run_free(struct run *r)
{
    free(r->said);
    free(r->received);
}

static void
says(const struct run *r, const char *text)
{
    if (!strstr(r->said, text))
        fail_msg("not said: '%s', but:\n%s", text, r->said);
}

static void
json_lines_become_set_commands(void **state)
{
    struct run r = { .args.strict = false };
    (void)state;
    load(&r,
         "{\"key\":\"a\",\"value\":\"1\"}\n\n  \t\r\n"
         "{\"key\":\"b\",\"value\":\"2\",\"deadline_ms\":99}",
         "+OK\r\n+OK\r\n", false);
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(r.received,
                        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
                        "*5\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n$4\r\nPXAT\r\n$2\r\n99\r\n");
    says(&r, "loaded 2 keys, refused 0");
    run_free(&r);
}

static void
refused_lines_are_told_by_number_and_skipped(void **state)
{
    struct run r = { .args.strict = false };
    (void)state;
    load(&r, "{\"key\":\"a\",\"value\":\"1\"}\nnonsense\n{\"key\":\"b\",\"value\":\"2\"}\n",
         "+OK\r\n-OOM command not allowed\r\n", false);
    assert_int_equal(r.code, 1);
    says(&r, "line 2: column 1: expected '{'");
    says(&r, "line 3: the server refused it: OOM command not allowed");
    says(&r, "loaded 1 keys, refused 2");
    run_free(&r);
}

static void
strict_stops_at_the_first(void **state)
{
    struct run r = { .args.strict = true };
    (void)state;
    load(&r, "{\"key\":\"a\",\"value\":\"1\"}\nnonsense\n{\"key\":\"b\",\"value\":\"2\"}\n",
         "+OK\r\n+OK\r\n", false);
    assert_int_equal(r.code, 1);
    assert_null(strstr(r.received, "$1\r\nb"));
    says(&r, "loaded 1 keys, refused 1");
    says(&r, "stopped early");
    run_free(&r);
}

static void
only_the_first_refusals_are_shown(void **state)
{
    struct run r = { .args.strict = false };
    struct buf input;
    (void)state;
    buf_init(&input, 4096);
    for (int i = 0; i < 3 * LOAD_ERRORS_SHOWN; i++)
        buf_append_str(&input, "x\n");
    buf_append(&input, "", 1);
    load(&r, input.data, "", false);
    assert_int_equal(r.code, 1);
    int lines = 0;
    for (const char *p = r.said; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, LOAD_ERRORS_SHOWN + 2); /* "only counted", and the summary */
    says(&r, "refused 60");
    run_free(&r);
    buf_fini(&input);
}

static void
resp_is_passed_on_as_it_is(void **state)
{
    static const char input[] = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n"
                                "*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n";
    struct run r = { .args.format = FORMAT_AUTO };
    (void)state;
    load(&r, input, "+OK\r\n:1\r\n", false);
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(r.received, input);
    run_free(&r);
}

static void
resp_that_is_no_command_is_refused(void **state)
{
    static const struct {
        const char *input, *said;
        const char *script;
    } cases[] = {
        { "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n:1\r\n*1\r\n$4\r\nPING\r\n",
          "command 2: not a command (an array of strings), at byte 14", "+PONG\r\n+PONG\r\n" },
        { "*1\r\n$4\r\nPING\r\n*0\r\n", "command 2: not a command", "+PONG\r\n" },
        { "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI", "command 2: the input ends in the middle",
          "+PONG\r\n" },
        { "*1\r\n$4\r\nPING\r\nGET a\r\n", "command 2: not a RESP reply, at byte 14; the rest",
          "+PONG\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run r = { .args.format = FORMAT_RESP };
        load(&r, cases[i].input, cases[i].script, false);
        assert_int_equal(r.code, 1);
        says(&r, cases[i].said);
        run_free(&r);
    }
}

static void
a_lost_connection_is_told(void **state)
{
    struct run r = { .args.strict = false };
    (void)state;
    load(&r, "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n", "+OK\r\n", true);
    assert_int_equal(r.code, EX_IOERR);
    says(&r, "loaded 1 keys");
    says(&r, "the connection was lost");
    run_free(&r);
}

static void
more_than_a_window_is_loaded(void **state)
{
    enum { RECORDS = 2 * LOAD_WINDOW + 77 };
    struct run r = { .args.strict = false };
    struct buf input, script;
    (void)state;
    buf_init(&input, 1 << 22);
    buf_init(&script, 1 << 20);
    for (int i = 0; i < RECORDS; i++) {
        buf_append_str(&input, "{\"key\":\"a\",\"value\":\"1\"}\n");
        buf_append_str(&script, i == RECORDS - 1 ? "-ERR last\r\n" : "+OK\r\n");
    }
    buf_append(&input, "", 1);
    buf_append(&script, "", 1);
    load(&r, input.data, script.data, false);
    assert_int_equal(r.code, 1);
    says(&r, "line 32845: the server refused it: ERR last");
    says(&r, "loaded 32844 keys, refused 1");
    run_free(&r);
    buf_fini(&input);
    buf_fini(&script);
}

static void
what_cannot_be_opened_or_reached_is_told(void **state)
{
    struct run r = { .args.file = "/nonexistent/file" };
    (void)state;
    stderr_begin();
    r.code = load_run(&r.args);
    r.said = stderr_end();
    assert_int_equal(r.code, EX_IOERR);
    says(&r, "cannot open /nonexistent/file: No such file");
    run_free(&r);
    r = (struct run){ .args.file = "/dev/null",
                      .args.server = { .host = "127.0.0.1", .port = 1, .timeout_ms = 1000 } };
    stderr_begin();
    r.code = load_run(&r.args);
    r.said = stderr_end();
    assert_int_equal(r.code, EX_UNAVAILABLE);
    says(&r, "cannot connect to 127.0.0.1:1");
    run_free(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines_become_set_commands),
        cmocka_unit_test(refused_lines_are_told_by_number_and_skipped),
        cmocka_unit_test(strict_stops_at_the_first),
        cmocka_unit_test(only_the_first_refusals_are_shown),
        cmocka_unit_test(resp_is_passed_on_as_it_is),
        cmocka_unit_test(resp_that_is_no_command_is_refused),
        cmocka_unit_test(a_lost_connection_is_told),
        cmocka_unit_test(more_than_a_window_is_loaded),
        cmocka_unit_test(what_cannot_be_opened_or_reached_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl dump` against a scripted server: both formats, keys that vanish or are of another type
 * meanwhile, and that a dump which failed leaves nothing that looks like one. The script has to
 * follow the order of the requests: DBSIZE, then SCAN, GET and PEXPIRETIME for each page.
 */
#include "cli_support.h"

#include "cli/dump.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

struct run {
    struct cli_args args;
    int code;
    char *said;
    char path[SUPPORT_PATH_MAX];
    char content[4096]; /* of the file, "" if there is none */
    char received[4096];
};

static void
read_back(struct run *r)
{
    FILE *file = fopen(r->path, "r");
    r->content[0] = '\0';
    if (!file)
        return;
    size_t n = fread(r->content, 1, sizeof r->content - 1, file);
    r->content[n] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(r->path), 0);
}

static void
dump(struct run *r, const char *script, bool hang_up)
{
    char part[SUPPORT_PATH_MAX + 8];
    struct script_server server;
    temp_file(r->path, "", 0);
    assert_int_equal(unlink(r->path), 0);
    script_server_start(&server, script, strlen(script), 0, hang_up);
    r->args.server = script_server_options(&server);
    r->args.file = r->path;
    stderr_begin();
    r->code = dump_run(&r->args);
    r->said = stderr_end();
    script_server_stop(&server);
    (void)snprintf(r->received, sizeof r->received, "%s", server.received); /* its beginning */
    script_server_free(&server);
    read_back(r);
    (void)snprintf(part, sizeof part, "%s.part", r->path);
    assert_int_not_equal(access(part, F_OK), 0);
}

static void
says(const struct run *r, const char *text)
{
    if (!strstr(r->said, text))
        fail_msg("not said: '%s', but:\n%s", text, r->said);
}

/* Two pages; keys a (deadline 99), b (none), then one that is not UTF-8. */
static const char two_pages[] = ":3\r\n"
                                "*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
                                "$2\r\nv\"\r\n:99\r\n$0\r\n\r\n:-1\r\n"
                                "*2\r\n$1\r\n0\r\n*1\r\n$1\r\n\xff\r\n$1\r\n\x01\r\n:-1\r\n";

static void
keys_become_json_lines(void **state)
{
    struct run r = { .args.format = FORMAT_AUTO };
    (void)state;
    dump(&r, two_pages, false);
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(r.content, "{\"key\":\"a\",\"value\":\"v\\\"\",\"deadline_ms\":99}\n"
                                   "{\"key\":\"b\",\"value\":\"\"}\n"
                                   "{\"key_b64\":\"/w==\",\"value\":\"\\u0001\"}\n");
    says(&r, "dumped 3 keys, skipped 0, expired meanwhile 0");
    assert_non_null(strstr(r.received, "$4\r\nSCAN\r\n$2\r\n17\r\n"));
    free(r.said);
}

static void
keys_become_resp_commands(void **state)
{
    struct run r = { .args.format = FORMAT_RESP };
    (void)state;
    dump(&r, two_pages, false);
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(r.content,
                        "*5\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nv\"\r\n$4\r\nPXAT\r\n$2\r\n99\r\n"
                        "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$0\r\n\r\n"
                        "*3\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$1\r\n\x01\r\n");
    free(r.said);
}

static void
a_pattern_goes_to_the_server(void **state)
{
    struct run r = { .args.match = "user:*" };
    (void)state;
    dump(&r, "*2\r\n$1\r\n0\r\n*0\r\n", false);
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(r.content, "");
    assert_non_null(strstr(r.received, "$5\r\nMATCH\r\n$6\r\nuser:*\r\n"));
    assert_null(strstr(r.received, "DBSIZE"));
    free(r.said);
}

/* Gone before GET, gone between GET and PEXPIRETIME, of another type. */
static void
keys_that_change_meanwhile_are_left_out(void **state)
{
    struct run r = { .args.format = FORMAT_JSON };
    (void)state;
    dump(&r,
         ":4\r\n*2\r\n$1\r\n0\r\n*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n"
         "$-1\r\n:-2\r\n$1\r\nv\r\n:-2\r\n-WRONGTYPE not a string\r\n:-1\r\n$1\r\nv\r\n:-1\r\n",
         false);
    assert_int_equal(r.code, 1);
    assert_string_equal(r.content, "{\"key\":\"d\",\"value\":\"v\"}\n");
    says(&r, "skipped key 'c': WRONGTYPE");
    says(&r, "dumped 1 keys, skipped 1, expired meanwhile 2");
    free(r.said);
}

static void
a_server_without_pexpiretime_is_told(void **state)
{
    struct run r = { .args.format = FORMAT_JSON };
    (void)state;
    dump(&r, ":1\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n$1\r\nv\r\n-ERR unknown command\r\n", false);
    assert_int_equal(r.code, 1);
    assert_string_equal(r.content, "");
    says(&r, "skipped key 'a': ERR unknown command");
    free(r.said);
}

static void
a_dump_that_fails_leaves_no_file(void **state)
{
    static const struct {
        const char *script, *said;
        int code;
    } cases[] = {
        { ":1\r\n*2\r\n$1\r\n5\r\n*1\r\n$1\r\na\r\n$1\r\nv\r\n", "closed the connection",
          EX_IOERR },
        { ":1\r\n-ERR no SCAN here\r\n", "SCAN was answered with: ERR no SCAN here", 1 },
        { ":1\r\n*2\r\n:0\r\n*0\r\n", "SCAN was answered with", 1 },
        { ":1\r\n*2\r\n$40\r\n0000000000000000000000000000000000000000\r\n*0\r\n", "SCAN was", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run r = { .args.format = FORMAT_JSON };
        dump(&r, cases[i].script, true);
        assert_int_equal(r.code, cases[i].code);
        assert_string_equal(r.content, "");
        says(&r, cases[i].said);
        free(r.said);
    }
}

static void
a_file_that_cannot_be_made_is_told(void **state)
{
    struct script_server server;
    struct cli_args args = { .file = "/nonexistent/dump.json" };
    (void)state;
    script_server_start(&server, ":0\r\n", 4, 0, false);
    args.server = script_server_options(&server);
    stderr_begin();
    int code = dump_run(&args);
    char *said = stderr_end();
    assert_int_equal(code, EX_IOERR);
    assert_non_null(strstr(said, "cannot create /nonexistent/dump.json.part: No such file"));
    free(said);
    script_server_stop(&server);
    script_server_free(&server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_become_json_lines),
        cmocka_unit_test(keys_become_resp_commands),
        cmocka_unit_test(a_pattern_goes_to_the_server),
        cmocka_unit_test(keys_that_change_meanwhile_are_left_out),
        cmocka_unit_test(a_server_without_pexpiretime_is_told),
        cmocka_unit_test(a_dump_that_fails_leaves_no_file),
        cmocka_unit_test(a_file_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

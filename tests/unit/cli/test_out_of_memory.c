/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of lack of memory: allocation number 0, 1, 2 ... of an action fails, until one run needs no
 * more. Each run must either do its work or say that it could not, and leave nothing half done. The
 * tool uses the C library's allocator, so this program replaces it; under a sanitizer, which does
 * the same, the test is skipped. Only the thread that asks for it fails.
 */
#include "catalog_support.h"
#include "cli_support.h"

#include "cli/args.h"
#include "cli/dump.h"
#include "cli/jsonl.h"
#include "cli/load.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { WALK_MAX = 2000, SKIPPED = 77 };

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);

/* Volatile: a compiler knows malloc and assumes that it touches no variable of ours. */
static _Thread_local volatile long left = -1; /* allocations until one fails; < 0: none does */
static _Thread_local volatile bool failed;

/* A sanitizer replaces the allocator before main() and cannot share that with us. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define HAS_OTHER_ALLOCATOR 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OTHER_ALLOCATOR 1
#endif

#ifndef HAS_OTHER_ALLOCATOR
/* Visible to the C library, whose strdup and fopen are to fail as well. */
#define EXPORTED __attribute__((visibility("default")))

static bool
fails_now(void)
{
    if (left < 0 || left-- > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

EXPORTED void *
malloc(size_t n)
{
    return fails_now() ? NULL : __libc_malloc(n);
}

EXPORTED void *
calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

EXPORTED void *
realloc(void *old, size_t n)
{
    return fails_now() ? NULL : __libc_realloc(old, n);
}
#endif

/* Runs `action` with each of its allocations failing once. It returns whether it did its work. */
static void
walk(bool (*action)(void))
{
    int n = 0;
    for (; n < WALK_MAX; n++) {
        failed = false;
        left = n;
        bool done = action();
        left = -1;
        if (!failed) {
            assert_true(done);
            break;
        }
    }
    assert_in_range(n, 1, WALK_MAX - 1); /* something was allocated, and the walk came to its end */
}

static bool
decode_reply(void)
{
    static const char bytes[] =
        "*20\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"
        ":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n";
    struct reply_parser p;
    const struct reply *r;
    size_t used;
    reply_parser_init(&p);
    int status = reply_parse(&p, bytes, sizeof bytes - 1, &r, &used);
    bool done = status == REPLY_DONE && r->span == 21;
    bool told = status == REPLY_E_NOMEM;
    reply_parser_fini(&p);
    left = -1;
    assert_true(done || told);
    return done;
}

static bool
read_line(void)
{
    static const char line[] = "{\"key\":\"a\\nb\",\"value_b64\":\"\\u0041AE=\"}";
    struct jsonl j;
    struct jsonl_record r;
    jsonl_init(&j);
    bool done = jsonl_read(&j, attl_s(line), &r);
    bool same = done && r.key.len == 3 && r.value.len == 2;
    jsonl_fini(&j);
    left = -1;
    assert_true(same || !done);
    return done;
}

static bool
fill_catalog(void)
{
    struct reply_parser p;
    struct catalog c;
    struct buf docs;
    long fail_at = left;
    left = -1;
    reply_parser_init(&p);
    catalog_docs(&docs);
    const struct reply *r = parse_whole(&p, docs.data, docs.len);
    catalog_init(&c);
    left = fail_at;
    bool done = catalog_fill(&c, r);
    left = -1;
    assert_int_equal(c.count, done ? 6 : 0);
    catalog_fini(&c);
    reply_parser_fini(&p);
    buf_fini(&docs);
    return done;
}

static bool
parse_arguments(void)
{
    char words[4][16] = { "attl", "-a", "secret", "ping" };
    char *argv[4] = { words[0], words[1], words[2], words[3] };
    struct cli_args args;
    bool done = args_parse(&args, 4, argv, NULL);
    left = -1;
    assert_true(done || strstr(args.error, "out of memory"));
    args_fini(&args);
    return done;
}

/* load and dump with their client; what they say is not looked at, only how they end. */
static bool
run_tool(int (*run)(const struct cli_args *), const char *script, const char *file)
{
    struct script_server server;
    long fail_at = left;
    left = -1;
    script_server_start(&server, script, strlen(script), 0, false);
    struct cli_args args = { .file = file, .server = script_server_options(&server) };
    stderr_begin();
    left = fail_at;
    int code = run(&args);
    left = -1;
    free(stderr_end());
    script_server_stop(&server);
    script_server_free(&server);
    return code == 0;
}

static char input_path[SUPPORT_PATH_MAX];

static bool
load_file(void)
{
    return run_tool(load_run, "+OK\r\n+OK\r\n", input_path);
}

static bool
dump_file(void)
{
    char path[SUPPORT_PATH_MAX + 8];
    (void)snprintf(path, sizeof path, "%s.out", input_path); /* fits */
    bool done =
        run_tool(dump_run, ":1\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n$1\r\nv\r\n:-1\r\n", path);
    assert_int_equal(access(path, F_OK) == 0, done); /* a failed dump leaves no file */
    (void)unlink(path);                              /* there or not */
    return done;
}

static void
decoding_a_reply(void **state)
{
    (void)state;
    walk(decode_reply);
}

static void
reading_a_line_of_json(void **state)
{
    (void)state;
    walk(read_line);
}

static void
filling_the_catalog(void **state)
{
    (void)state;
    walk(fill_catalog);
}

static void
reading_the_command_line(void **state)
{
    (void)state;
    walk(parse_arguments);
}

static void
loading_and_dumping(void **state)
{
    static const char lines[] =
        "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\\n\",\"value\":\"2\"}\n";
    (void)state;
    temp_file(input_path, lines, sizeof lines - 1);
    walk(load_file);
    walk(dump_file);
    assert_int_equal(unlink(input_path), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_a_reply),    cmocka_unit_test(reading_a_line_of_json),
        cmocka_unit_test(filling_the_catalog), cmocka_unit_test(reading_the_command_line),
        cmocka_unit_test(loading_and_dumping),
    };
    left = 0;
    void *volatile probe = malloc(16);
    left = -1;
    if (probe) {
        free(probe);
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

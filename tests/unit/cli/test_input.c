/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input in pieces: lines whatever their ends, from files and from a pipe that trickles, numbered
 * and counted. The line that is too long is tested with a smaller maximum. A skipped line must cost
 * no memory and keep the numbers right.
 */
#include "cli_support.h"

#include "cli/input.h"

#include <stdlib.h>
#include <unistd.h>

static void
line_is(struct input *in, const char *expected, uint64_t number)
{
    attl_slice line;
    assert_int_equal(input_line(in, &line), INPUT_OK);
    assert_int_equal(line.len, strlen(expected));
    assert_memory_equal(line.len ? line.data : "", expected, line.len);
    assert_int_equal(in->line, number);
}

static void
lines_may_end_in_any_way(void **state)
{
    static const char content[] = "one\ntwo\r\n\n\r\nthree\rfour\nlast";
    char path[SUPPORT_PATH_MAX];
    struct input in;
    attl_slice line;
    (void)state;
    temp_file(path, content, sizeof content - 1);
    assert_true(input_open(&in, path));
    assert_int_equal(in.size_bytes, sizeof content - 1);
    line_is(&in, "one", 1);
    line_is(&in, "two", 2);
    line_is(&in, "", 3);
    line_is(&in, "", 4);
    line_is(&in, "three\rfour", 5);
    line_is(&in, "last", 6);
    assert_int_equal(in.offset, sizeof content - 1);
    assert_int_equal(input_line(&in, &line), INPUT_END);
    assert_int_equal(input_line(&in, &line), INPUT_END);
    input_close(&in);
    assert_int_equal(unlink(path), 0);
}

static void
long_files_come_whole(void **state)
{
    enum { LINES = 200000 };
    char path[SUPPORT_PATH_MAX], expected[32];
    struct input in;
    attl_slice line;
    (void)state;
    temp_file(path, "", 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++)
        (void)fprintf(file, "%d:%*s\n", i, i % 97, "");
    assert_int_equal(fclose(file), 0);
    assert_true(input_open(&in, path));
    for (int i = 0; i < LINES; i++) {
        int n = snprintf(expected, sizeof expected, "%d:", i);
        assert_int_equal(input_line(&in, &line), INPUT_OK);
        assert_int_equal(line.len, (size_t)n + (size_t)(i % 97 ? i % 97 : 0));
        assert_memory_equal(line.data, expected, (size_t)n);
    }
    assert_int_equal(input_line(&in, &line), INPUT_END);
    assert_int_equal(in.offset, in.size_bytes);
    input_close(&in);
    assert_int_equal(unlink(path), 0);
}

/* The bytes of a pipe are given out as they come, not when a buffer is full. */
static void
a_trickling_pipe_does_not_stall(void **state)
{
    int ends[2];
    struct input in;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(input_open(&in, "-"));
    in.fd = ends[0];
    in.owned = true;
    assert_int_equal(write(ends[1], "first\nsec", 9), 9);
    line_is(&in, "first", 1);
    assert_int_equal(write(ends[1], "ond\n", 4), 4);
    line_is(&in, "second", 2);
    assert_int_equal(write(ends[1], "rest", 4), 4);
    assert_int_equal(close(ends[1]), 0);
    line_is(&in, "rest", 3);
    input_close(&in);
}

static void
a_line_too_long_is_skipped(void **state)
{
    enum { LONG = 3 * 1024 * 1024 };
    char path[SUPPORT_PATH_MAX];
    char *content = malloc(LONG);
    struct input in;
    attl_slice line;
    (void)state;
    assert_non_null(content);
    memset(content, 'x', LONG);
    memcpy(content, "one\n", 4);
    memcpy(content + LONG - 5, "\nlast", 5);
    temp_file(path, content, LONG);
    assert_true(input_open(&in, path));
    in.line_bytes_max = 1024 * 1024;
    line_is(&in, "one", 1);
    assert_int_equal(input_line(&in, &line), INPUT_TOO_LONG);
    assert_int_equal(in.line, 2);
    line_is(&in, "last", 3);
    assert_true(in.bytes.cap < LONG);
    assert_int_equal(input_line(&in, &line), INPUT_END);
    input_close(&in);
    assert_int_equal(unlink(path), 0);
    free(content);
}

static void
what_cannot_be_read_is_told(void **state)
{
    struct input in;
    attl_slice line;
    (void)state;
    assert_false(input_open(&in, "/nonexistent/file"));
    assert_true(input_open(&in, "/")); /* a folder opens, but cannot be read */
    assert_int_equal(input_line(&in, &line), INPUT_E_IO);
    assert_int_not_equal(in.error, 0);
    input_close(&in);
}

static void
raw_bytes_can_be_taken_in_parts(void **state)
{
    char path[SUPPORT_PATH_MAX];
    struct input in;
    (void)state;
    temp_file(path, "abc\0def", 7);
    assert_true(input_open(&in, path));
    assert_int_equal(input_more(&in), INPUT_OK);
    assert_int_equal(input_rest(&in).len, 7);
    input_consume(&in, 4);
    assert_memory_equal(input_rest(&in).data, "def", 3);
    assert_int_equal(in.offset, 4);
    assert_int_equal(input_more(&in), INPUT_END);
    input_close(&in);
    assert_int_equal(unlink(path), 0);
}

static void
an_empty_input_has_no_line(void **state)
{
    struct input in;
    attl_slice line;
    (void)state;
    assert_true(input_open(&in, "/dev/null"));
    assert_int_equal(in.size_bytes, 0);
    assert_int_equal(input_line(&in, &line), INPUT_END);
    assert_int_equal(in.line, 0);
    input_close(&in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_may_end_in_any_way),
        cmocka_unit_test(long_files_come_whole),
        cmocka_unit_test(a_trickling_pipe_does_not_stall),
        cmocka_unit_test(a_line_too_long_is_skipped),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(raw_bytes_can_be_taken_in_parts),
        cmocka_unit_test(an_empty_input_has_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

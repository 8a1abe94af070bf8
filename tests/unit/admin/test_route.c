/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of routes: every row is sound, a path finds its row, parameters take their places, and
 * docs/admin.md says what the table says. With ATTL_UPDATE set the page is written instead of
 * compared.
 */
#include "admin/route.h"
#include "command/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { PAGE_MAX = 1 << 20 };

static void
rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_table_len; i++) {
        const struct route *r = &route_table[i];
        assert_int_equal(r->path[0], '/');
        assert_non_null(r->summary);
        assert_true((r->command != NULL) + (r->serve != NULL) + ((r->flags & ROUTE_STREAM) != 0) ==
                    1);
        assert_true(r->methods == HTTP_GET || r->methods == HTTP_POST);
        assert_true(r->methods == HTTP_GET || r->access == GUARD_WRITE);
        assert_ptr_equal(route_find(r->path), r); /* also: no path is there twice */
        if (!r->command)
            continue;
        size_t len = strcspn(r->command, " ");
        const struct command *cmd = command_find(attl_b(r->command, len));
        if (!cmd)
            fail_msg("%s: no command %s", r->path, r->command);
        assert_false(cmd->flags & CMD_WRITE); /* a GET changes nothing */
    }
}

static void
paths_find_their_rows(void **state)
{
    (void)state;
    assert_non_null(route_find("/livez"));
    assert_null(route_find("/livez/"));
    assert_null(route_find("/livezx"));
    assert_null(route_find("/api/v1"));
    assert_null(route_find(""));
    assert_string_equal(route_find("/")->path, "/");
    assert_string_equal(route_find("/assets/app.js")->path, "/assets/");
    assert_string_equal(route_allow(route_find("/livez")), "GET, HEAD");
    assert_string_equal(route_allow(route_find("/api/v1/command")), "POST");
}

static void
expect_words(const char *command, const char *text, const char *want)
{
    struct route r = { .command = command };
    struct target *t = malloc(sizeof *t);
    attl_slice words[ROUTE_WORDS_MAX];
    const char *problem = NULL;
    char got[256] = "";
    assert_non_null(t);
    assert_int_equal(target_parse(t, attl_s(text)), TARGET_FINE);
    size_t n = route_words(&r, t, words, &problem);
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(got + len, sizeof got - len, "[%.*s]", (int)words[i].len,
                                (const char *)words[i].data);
    assert_string_equal(got, want);
    assert_int_equal(problem != NULL, n == 0);
    free(t);
}

static void
parameters_take_their_places(void **state)
{
    (void)state;
    expect_words("INFO", "/x", "[INFO]");
    expect_words("SLOWLOG GET {count=128}", "/x", "[SLOWLOG][GET][128]");
    expect_words("SLOWLOG GET {count=128}", "/x?count=5", "[SLOWLOG][GET][5]");
    expect_words("ATTL.WHY {key}", "/x?key=a%20b+c", "[ATTL.WHY][a b c]");
    expect_words("ATTL.WHY {key}", "/x?key=", "[ATTL.WHY][]");
    expect_words("ATTL.WHY {key}", "/x", "");
    expect_words("ATTL.WHY {key}", "/x?key=1&other=2", "");
    expect_words("INFO", "/x?a=1", "");
    expect_words("A {b} {c=}", "/x?c=2&b=1", "[A][1][2]");
    expect_words("A {b} {c=}", "/x?b=1", "[A][1][]");
}

static void
the_page_says_what_the_table_says(void **state)
{
    (void)state;
    static const char begin[] = "<!-- routes: made by unit_admin_route -->\n";
    static const char end[] = "<!-- end of routes -->";
    const char *root = getenv("ATTL_SOURCE_DIR");
    if (!root)
        skip();
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/docs/admin.md", root);
    char *page = calloc(1, PAGE_MAX);
    FILE *file = fopen(path, "r");
    assert_true(page && file);
    size_t len = fread(page, 1, PAGE_MAX - 1, file);
    (void)fclose(file);
    assert_true(len > 0);
    char *from = strstr(page, begin);
    char *to = from ? strstr(from, end) : NULL;
    assert_non_null(to);
    from += sizeof begin - 1;
    struct buf rows;
    buf_init(&rows, PAGE_MAX);
    route_markdown(&rows);
    assert_false(rows.failed);
    bool same = (size_t)(to - from) == rows.len && memcmp(from, rows.data, rows.len) == 0;
    if (!same && getenv("ATTL_UPDATE")) {
        file = fopen(path, "w");
        assert_non_null(file);
        (void)fprintf(file, "%.*s%.*s%s", (int)(from - page), page, (int)rows.len, rows.data, to);
        (void)fclose(file);
        same = true;
    }
    if (!same)
        fail_msg("docs/admin.md is not up to date: run this test with ATTL_UPDATE=1");
    buf_fini(&rows);
    free(page);
}

static void
the_index_needs_memory(void **state)
{
    (void)state;
    struct buf whole;
    buf_init(&whole, PAGE_MAX);
    route_index(&whole);
    assert_false(whole.failed);
    for (size_t max = 0; max < whole.len; max += 97) {
        struct buf out;
        buf_init(&out, max);
        route_index(&out);
        assert_true(out.failed);
        buf_fini(&out);
    }
    buf_fini(&whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(paths_find_their_rows),
        cmocka_unit_test(parameters_take_their_places),
        cmocka_unit_test(the_page_says_what_the_table_says),
        cmocka_unit_test(the_index_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

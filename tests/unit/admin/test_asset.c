/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files in the program, whichever page was built in: each has a path, a type and its bytes, and
 * the page refers to nothing that is not there.
 */
#include "admin/asset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static attl_slice
bytes_of(const struct asset *a)
{
    return attl_b(a->bytes, (size_t)(a->end - a->bytes));
}

static void
the_page_is_there(void **state)
{
    (void)state;
    const struct asset *page = asset_find("/");
    assert_non_null(page);
    attl_slice text = bytes_of(page);
    assert_true(text.len > 200);
    assert_memory_equal(text.data, "<!doctype html>", 15);
    assert_string_equal(asset_type(page->name), "text/html; charset=utf-8");
    assert_null(asset_find("/assets/"));
    assert_null(asset_find("/assets/nosuch.js"));
    assert_null(asset_find(""));
}

static void
every_file_has_a_type_and_bytes(void **state)
{
    (void)state;
    assert_true(asset_table_len >= 4);
    for (size_t i = 0; i < asset_table_len; i++) {
        const struct asset *a = &asset_table[i];
        assert_ptr_equal(asset_find(a->path), a);
        assert_non_null(asset_type(a->name));
        assert_true(bytes_of(a).len > 0);
        assert_true(strcmp(a->path, "/") == 0 || strncmp(a->path, "/assets/", 8) == 0);
        if (a->gzip) {
            assert_true(a->gzip_end - a->gzip > 18);
            assert_memory_equal(a->gzip, "\x1f\x8b\x08", 3);
            /* The last four bytes are the length of what is inside. */
            const unsigned char *n = a->gzip_end - 4;
            size_t inside = n[0] | (size_t)n[1] << 8 | (size_t)n[2] << 16 | (size_t)n[3] << 24;
            assert_int_equal(inside, bytes_of(a).len);
        }
    }
}

/* The attributes of the page that name a file of ours. */
static void
the_page_refers_only_to_what_is_there(void **state)
{
    (void)state;
    attl_slice text = bytes_of(asset_find("/"));
    char *copy = malloc(text.len + 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    size_t found = 0;
    for (char *at = strstr(copy, "\"/assets/"); at; at = strstr(at, "\"/assets/")) {
        char *end = strchr(++at, '"');
        assert_non_null(end);
        *end = '\0';
        if (!asset_find(at))
            fail_msg("%s is not there", at);
        at = end + 1;
        found++;
    }
    assert_true(found >= 3); /* icon, style, script */
    assert_null(strstr(copy, "http:"));
    assert_null(strstr(copy, " style="));
    free(copy);
}

static void
types_follow_from_the_end_of_a_name(void **state)
{
    (void)state;
    assert_string_equal(asset_type("a.b.js"), "text/javascript; charset=utf-8");
    assert_string_equal(asset_type("icon.svg"), "image/svg+xml");
    assert_null(asset_type("app.exe"));
    assert_null(asset_type("js"));
    assert_null(asset_type(""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_there),
        cmocka_unit_test(every_file_has_a_type_and_bytes),
        cmocka_unit_test(the_page_refers_only_to_what_is_there),
        cmocka_unit_test(types_follow_from_the_end_of_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

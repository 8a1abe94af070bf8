/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The committed docs/commands.md is what the table says today. With ATTL_UPDATE=1 the page is
 * written anew. Each command must be on it, with its summary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command/command_doc.h"

enum { PAGE_MAX_BYTES = 1 << 20, PATH_MAX_BYTES = 4096 };

static struct buf
page(void)
{
    struct buf text;
    buf_init(&text, PAGE_MAX_BYTES);
    command_docs_markdown(&text);
    buf_append(&text, "", 1);
    assert_int_equal(text.failed, BUF_FINE);
    text.len--;
    return text;
}

static FILE *
open_page(const char *mode)
{
    const char *root = getenv("ATTL_SOURCE_DIR");
    if (!root)
        skip(); /* not run by ctest, so nobody told us where the tree is */
    char path[PATH_MAX_BYTES];
    int n = snprintf(path, sizeof path, "%s/docs/commands.md", root);
    assert_in_range(n, 1, sizeof path - 1);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

static void
the_committed_page_is_the_generated_one(void **state)
{
    (void)state;
    struct buf generated = page();
    if (getenv("ATTL_UPDATE")) {
        FILE *file = open_page("we");
        assert_int_equal(fwrite(generated.data, 1, generated.len, file), generated.len);
        assert_int_equal(fclose(file), 0);
    }
    static char committed[PAGE_MAX_BYTES];
    FILE *file = open_page("re");
    size_t len = fread(committed, 1, sizeof committed, file);
    (void)fclose(file);
    if (len != generated.len || memcmp(committed, generated.data, len) != 0)
        fail_msg("docs/commands.md is not what the table says: run this test with ATTL_UPDATE=1");
    buf_fini(&generated);
}

static void
every_command_is_on_the_page(void **state)
{
    (void)state;
    struct buf text = page();
    for (size_t row = 0; row < command_table_len; row++) {
        const struct command *cmd = &command_table[row];
        char name[2 * COMMAND_NAME_MAX];
        if (!cmd->run)
            continue;
        (void)snprintf(name, sizeof name, "\n| `%s", cmd->name);
        for (char *c = name; *c; c++)
            if (c > name + 3)
                *c = (char)(*c == '|' ? ' ' : *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        if (!strstr(text.data, name) || !strstr(text.data, cmd->summary))
            fail_msg("%s is missing", cmd->name);
    }
    buf_fini(&text);
}

static void
groups_have_names(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUP_COUNT; group++)
        assert_non_null(command_group_name((enum command_group)group));
    assert_string_equal(command_group_name(GROUP_STRING), "string");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_page_is_the_generated_one),
        cmocka_unit_test(every_command_is_on_the_page),
        cmocka_unit_test(groups_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

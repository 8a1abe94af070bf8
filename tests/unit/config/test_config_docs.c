/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generated documentation: the committed docs/config.md is what the table says today, and both
 * it and --help name every option. If the first test fails, run tools/gen_docs.py and commit the
 * result.
 */
#include "config_support.h"

#include <stdio.h>

static struct buf
markdown(void)
{
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    config_markdown_text(&text);
    assert_int_equal(text.failed, BUF_FINE);
    return text;
}

static void
the_committed_page_is_the_generated_one(void **state)
{
    (void)state;
    const char *root = getenv("ATTL_SOURCE_DIR");
    if (!root)
        skip(); /* not run by ctest, so nobody told us where the tree is */
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/docs/config.md", root);
    assert_true(n > 0 && (size_t)n < sizeof path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    struct buf committed, generated = markdown();
    buf_init(&committed, CONFIG_RENDER_BYTES_MAX);
    char *room = buf_reserve(&committed, CONFIG_RENDER_BYTES_MAX - 1);
    assert_non_null(room);
    committed.len = fread(room, 1, CONFIG_RENDER_BYTES_MAX - 1, file);
    (void)fclose(file);
    if (committed.len != generated.len ||
        memcmp(committed.data, generated.data, generated.len) != 0)
        fail_msg("docs/config.md is not what the table of options says: run tools/gen_docs.py");
    buf_fini(&committed);
    buf_fini(&generated);
}

static void
both_texts_name_every_option(void **state)
{
    (void)state;
    char name[OPTION_NAME_MAX + 8];
    struct buf page = markdown(), help;
    buf_init(&help, CONFIG_RENDER_BYTES_MAX);
    config_help_text(&help);
    buf_append(&help, "", 1);
    buf_append(&page, "", 1);
    assert_int_equal(help.failed, BUF_FINE);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        (void)snprintf(name, sizeof name, "\n  --%s=", option->name);
        assert_says(help.data, id == 0 ? name + 1 : name);
        (void)snprintf(name, sizeof name, "\n| `%s` |", option->name);
        assert_says(page.data, name);
        assert_says(page.data, option->text);
    }
    assert_says(page.data, "`CACHE_MAX_MEMORY_MB` (environment, in MiB)");
    assert_says(page.data, "libattl 100MiB, attld 0");
    buf_fini(&help);
    buf_fini(&page);
}

static void
help_fits_a_terminal(void **state)
{
    (void)state;
    struct buf help;
    buf_init(&help, CONFIG_RENDER_BYTES_MAX);
    config_help_text(&help);
    buf_append(&help, "", 1);
    for (const char *line = help.data; *line;) {
        size_t len = strcspn(line, "\n");
        if (len > 80)
            fail_msg("longer than 80 columns: %.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
    buf_fini(&help);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_page_is_the_generated_one),
        cmocka_unit_test(both_texts_name_every_option),
        cmocka_unit_test(help_fits_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

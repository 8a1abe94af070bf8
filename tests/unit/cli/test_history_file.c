/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The history: where it lives, that only its user can read it, that it does not grow for ever, and
 * that no password gets into it. Files are made in a temporary folder of their own.
 */
#include "cli_support.h"

#include "cli/history_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
the_path_follows_the_environment(void **state)
{
    char path[HISTORY_PATH_MAX], longer[HISTORY_PATH_MAX + 8];
    (void)state;
    assert_true(history_file_path("/state", "/home/u", path));
    assert_string_equal(path, "/state/attl/history");
    assert_true(history_file_path("", "/home/u", path));
    assert_string_equal(path, "/home/u/.local/state/attl/history");
    assert_true(history_file_path("relative", "/home/u", path));
    assert_string_equal(path, "/home/u/.local/state/attl/history");
    assert_true(history_file_path(NULL, "/home/u", path));
    assert_false(history_file_path(NULL, NULL, path));
    assert_false(history_file_path(NULL, "home", path));
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    assert_false(history_file_path(longer, NULL, path));
}

struct seen {
    size_t count;
    char first[32], last[32];
};

static void
see(void *ud, const char *line)
{
    struct seen *s = ud;
    if (s->count++ == 0)
        (void)snprintf(s->first, sizeof s->first, "%s", line); /* lines of the test are short */
    (void)snprintf(s->last, sizeof s->last, "%s", line);
}

static void
lines_are_appended_for_their_user_only(void **state)
{
    char folder[] = "/tmp/attl_history_XXXXXX", path[HISTORY_PATH_MAX];
    struct stat st;
    struct seen seen = { 0 };
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a/b/history", folder); /* fits */
    history_file_load(path, see, &seen); /* nothing there, nothing happens */
    assert_int_equal(seen.count, 0);
    history_file_append(path, "get a");
    history_file_append(path, "get b");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    history_file_load(path, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.first, "get a");
    assert_string_equal(seen.last, "get b");
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/a/b", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(rmdir(path), 0);
    path[strlen(path) - 2] = '\0';
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void
a_long_file_is_shortened_to_its_end(void **state)
{
    char path[SUPPORT_PATH_MAX], line[32];
    struct seen seen = { 0 };
    (void)state;
    temp_file(path, "", 0);
    for (int i = 0; i < 2 * HISTORY_LINES_MAX + 1; i++) {
        (void)snprintf(line, sizeof line, "line %d", i);
        history_file_append(path, line);
    }
    for (int twice = 0; twice < 2; twice++) {
        seen.count = 0;
        history_file_load(path, see, &seen);
        assert_int_equal(seen.count, HISTORY_LINES_MAX);
        assert_string_equal(seen.first, "line 1001");
        assert_string_equal(seen.last, "line 2000");
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int lines = 0;
    while (fgets(line, sizeof line, file))
        lines++;
    assert_int_equal(lines, HISTORY_LINES_MAX);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
}

static void
a_link_is_not_followed_and_a_long_line_not_kept(void **state)
{
    char path[SUPPORT_PATH_MAX], link_path[SUPPORT_PATH_MAX + 8];
    char *line = malloc(HISTORY_LINE_BYTES_MAX + 1);
    struct seen seen = { 0 };
    (void)state;
    assert_non_null(line);
    temp_file(path, "", 0);
    (void)snprintf(link_path, sizeof link_path, "%s.link", path);
    assert_int_equal(symlink(path, link_path), 0);
    history_file_append(link_path, "get a");
    memset(line, 'x', HISTORY_LINE_BYTES_MAX);
    line[HISTORY_LINE_BYTES_MAX] = '\0';
    history_file_append(path, line);
    history_file_load(path, see, &seen);
    assert_int_equal(seen.count, 0);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(unlink(path), 0);
    free(line);
}

static bool
keeps(const char *text)
{
    char copy[128];
    char *rest = copy;
    attl_slice words[8];
    size_t n = 0;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *word; n < 8 && (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            words[n++] = attl_s(word);
    return history_file_keeps(words, n);
}

static void
passwords_are_not_kept(void **state)
{
    (void)state;
    assert_true(keeps("get auth"));
    assert_true(keeps("config set maxmemory 1gb"));
    assert_true(keeps("config get *"));
    assert_true(keeps("hello 3"));
    assert_true(keeps("acl list"));
    assert_false(keeps(""));
    assert_false(keeps("auth secret"));
    assert_false(keeps("AUTH user secret"));
    assert_false(keeps("hello 3 auth user secret"));
    assert_false(keeps("config set requirepass secret"));
    assert_false(keeps("CONFIG SET server.requirepass secret"));
    assert_false(keeps("config set maxmemory 1 masterauth secret"));
    assert_false(keeps("acl setuser u >secret"));
    assert_false(keeps("migrate h 1 k 0 1 AUTH secret"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_follows_the_environment),
        cmocka_unit_test(lines_are_appended_for_their_user_only),
        cmocka_unit_test(a_long_file_is_shortened_to_its_end),
        cmocka_unit_test(a_link_is_not_followed_and_a_long_line_not_kept),
        cmocka_unit_test(passwords_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

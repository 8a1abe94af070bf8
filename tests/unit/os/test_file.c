/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replacing a file: the new content is there, with the right mode and nothing beside it, whatever
 * was in the way; and when it cannot be done, the old content is. Failures are made with real
 * obstacles, as this test may run as root, who ignores permissions.
 */
#include "os/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { PATH_BYTES = 100, ERR_BYTES = 300 };

struct folder {
    char name[PATH_BYTES], path[PATH_BYTES], temporary[PATH_BYTES], other[PATH_BYTES];
};

static int
setup(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memcpy(f->name, "/tmp/attl-file-XXXXXX", sizeof "/tmp/attl-file-XXXXXX");
    assert_non_null(mkdtemp(f->name));
    assert_true(snprintf(f->path, sizeof f->path, "%.80s/a.toml", f->name) > 0);
    assert_true(snprintf(f->temporary, sizeof f->temporary, "%.80s/a.toml.tmp", f->name) > 0);
    assert_true(snprintf(f->other, sizeof f->other, "%.80s/other", f->name) > 0);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct folder *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->temporary);
    (void)unlink(f->other);
    assert_int_equal(rmdir(f->name), 0); /* so nothing else was left */
    free(f);
    return 0;
}

static void
expect(const char *path, const char *wanted)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(n, strlen(wanted));
    assert_string_equal(text, wanted);
}

static void
a_file_is_made_and_replaced(void **state)
{
    struct folder *f = *state;
    char err[ERR_BYTES] = "";
    struct stat st;
    mode_t mask = umask(0);
    assert_true(file_replace(f->name, "a.toml", attl_s("one"), err, sizeof err));
    expect(f->path, "one");
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(file_replace(f->name, "a.toml", attl_s("the second"), err, sizeof err));
    expect(f->path, "the second");
    assert_true(file_replace(f->name, "a.toml", attl_s(""), err, sizeof err));
    expect(f->path, "");
    (void)umask(mask);
}

static void
what_a_crash_left_behind_is_no_obstacle(void **state)
{
    struct folder *f = *state;
    char err[ERR_BYTES] = "";
    int fd = open(f->temporary, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, "half a fi", 9), 9);
    assert_int_equal(close(fd), 0);
    assert_true(file_replace(f->name, "a.toml", attl_s("whole"), err, sizeof err));
    expect(f->path, "whole");
    assert_int_equal(access(f->temporary, F_OK), -1);
}

static void
links_are_replaced_and_not_followed(void **state)
{
    struct folder *f = *state;
    char err[ERR_BYTES] = "";
    int fd = open(f->other, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, "mine", 4), 4);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink(f->other, f->path), 0);
    assert_int_equal(symlink(f->other, f->temporary), 0);
    assert_true(file_replace(f->name, "a.toml", attl_s("ours"), err, sizeof err));
    expect(f->other, "mine");
    expect(f->path, "ours");
}

static void
the_old_content_stays_when_it_fails(void **state)
{
    struct folder *f = *state;
    char err[ERR_BYTES] = "";
    assert_true(file_replace(f->name, "a.toml", attl_s("old"), err, sizeof err));
    assert_int_equal(mkdir(f->temporary, 0700), 0); /* cannot be removed as a file */
    assert_false(file_replace(f->name, "a.toml", attl_s("new"), err, sizeof err));
    assert_non_null(strstr(err, "a.toml"));
    expect(f->path, "old");
    assert_false(file_replace("/nonexistent/folder", "a.toml", attl_s("new"), err, sizeof err));
    assert_non_null(strstr(err, "/nonexistent/folder"));
}

static void
a_name_that_does_not_fit(void **state)
{
    struct folder *f = *state;
    char err[ERR_BYTES] = "", name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(file_replace(f->name, name, attl_s("x"), err, sizeof err));
    assert_true(err[0] != '\0');
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_made_and_replaced),
        TEST(what_a_crash_left_behind_is_no_obstacle),
        TEST(links_are_replaced_and_not_followed),
        TEST(the_old_content_stays_when_it_fails),
        TEST(a_name_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may open a data directory: its owner, alone, once. Every refusal is a sentence that names the
 * directory and says what to do, and leaves nothing behind.
 */
#include "os/disk_dir.h"

#include "os/disk.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 128, OTHER_USER = 12345 };

struct fixture {
    char dir[64];
    char path[PATH_BYTES]; /* where the data directory would be */
    char err[512];
    attl_allocator alloc;
    struct os_disk os;
};

static int
setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->alloc = alloc_default();
    (void)snprintf(x->dir, sizeof x->dir, "/tmp/attl_dir_XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    (void)snprintf(x->path, sizeof x->path, "%.40s/data", x->dir);
    *state = x;
    return 0;
}

/* Removes what a test may have made: two levels, no more. */
static int
teardown(void **state)
{
    struct fixture *x = *state;
    static const char *const names[] = { "data/attl.lock", "data", "link", "real/attl.lock",
                                         "real" };
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", x->dir, names[i]);
        (void)remove(path); /* most tests have made only some of them */
    }
    assert_int_equal(rmdir(x->dir), 0);
    free(x);
    return 0;
}

static int
open_it(struct fixture *x, const char *path, bool lock)
{
    x->err[0] = '\0';
    return os_disk_open(&x->os, &x->alloc, path, lock, x->err, sizeof x->err);
}

/* Opening is refused with `error`, and the sentence has all the words. */
static void
refused(struct fixture *x, const char *path, bool lock, int error, const char *words)
{
    assert_int_equal(open_it(x, path, lock), error);
    if (strstr(x->err, path) == NULL || strstr(x->err, words) == NULL) {
        fail_msg("no '%s' in '%s'", words, x->err);
    }
}

static int
open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void
a_missing_directory_is_created_for_us_alone(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    mode_t before = umask(0);
    assert_int_equal(open_it(x, x->path, true), 0);
    (void)umask(before);
    assert_int_equal(stat(x->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    os_disk_close(&x->os);
    assert_int_equal(open_it(x, x->path, true), 0); /* and is there the next time */
    os_disk_close(&x->os);
}

static void
a_missing_directory_cannot_be_looked_at(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    refused(x, x->path, false, -ENOENT, "create it");
    assert_int_equal(stat(x->path, &st), -1);
    refused(x, "", false, -ENOENT, "does not exist");
    refused(x, "", true, -ENOENT, "does not exist");
    char path[PATH_BYTES + 8];
    (void)snprintf(path, sizeof path, "%s/deeper", x->path);
    refused(x, path, true, -ENOENT, "cannot be created");
}

static void
a_path_may_be_too_long(void **state)
{
    struct fixture *x = *state;
    static char path[8192];
    memset(path, 'x', sizeof path - 1);
    assert_int_equal(open_it(x, path, true), -ENAMETOOLONG);
    path[1000] = '\0';
    assert_int_equal(open_it(x, path, true), -ENAMETOOLONG);
}

static void
what_is_no_directory_is_refused(void **state)
{
    struct fixture *x = *state;
    int fd = open(x->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd); /* an empty file is all we want */
    refused(x, x->path, true, -ENOTDIR, "not a directory");
    refused(x, x->path, false, -ENOTDIR, "not a directory");
}

static void
a_symbolic_link_is_refused(void **state)
{
    struct fixture *x = *state;
    char link_path[PATH_BYTES], slashes[PATH_BYTES + 4];
    (void)snprintf(link_path, sizeof link_path, "%s/link", x->dir);
    (void)snprintf(slashes, sizeof slashes, "%s//", link_path);
    assert_int_equal(mkdir(x->path, 0700), 0);
    assert_int_equal(symlink(x->path, link_path), 0);
    for (int lock = 0; lock < 2; lock++) {
        assert_true(open_it(x, link_path, lock) < 0);
        assert_non_null(strstr(x->err, "symbolic link"));
        assert_true(open_it(x, slashes, lock) < 0); /* which the kernel alone would follow */
        assert_non_null(strstr(x->err, "symbolic link"));
    }
    (void)snprintf(slashes, sizeof slashes, "%s//", x->path);
    assert_int_equal(open_it(x, slashes, true), 0);
    os_disk_close(&x->os);
}

static void
what_others_may_write_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(mkdir(x->path, 0700), 0);
    static const mode_t modes[] = { 0720, 0702, 0777, 01777 };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(x->path, modes[i]), 0);
        refused(x, x->path, true, -EPERM, "chmod 700");
        assert_int_equal(open_it(x, x->path, false), 0); /* looking does no harm */
        os_disk_close(&x->os);
    }
    assert_int_equal(chmod(x->path, 0755), 0);
    assert_int_equal(open_it(x, x->path, true), 0);
    os_disk_close(&x->os);
}

static void
somebody_elses_directory_is_refused(void **state)
{
    struct fixture *x = *state;
    if (geteuid() != 0) {
        skip(); /* only root can give a directory away */
    }
    assert_int_equal(mkdir(x->path, 0700), 0);
    assert_int_equal(chown(x->path, OTHER_USER, OTHER_USER), 0);
    refused(x, x->path, true, -EPERM, "belongs to user 12345");
    assert_int_equal(open_it(x, x->path, false), 0);
    os_disk_close(&x->os);
}

static void
a_directory_is_locked_once(void **state)
{
    struct fixture *x = *state;
    struct os_disk second;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "in use by process %ld:", (long)getpid());
    assert_int_equal(open_it(x, x->path, true), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(os_disk_open(&second, &x->alloc, x->path, true, x->err, sizeof x->err),
                         -EBUSY);
        assert_non_null(strstr(x->err, pid));
    }
    assert_int_equal(os_disk_open(&second, &x->alloc, x->path, false, x->err, sizeof x->err), 0);
    os_disk_close(&second);
    assert_int_equal(os_disk_open(&second, &x->alloc, x->path, true, x->err, sizeof x->err),
                     -EBUSY); /* that close took nothing away */
    os_disk_close(&x->os);
    assert_int_equal(open_it(x, x->path, true), 0);
    os_disk_close(&x->os);
}

/* A process that takes the lock, says so, and waits to be killed. */
static pid_t
locking_process(struct fixture *x)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (open_it(x, x->path, true) == 0 && write(ready[1], "x", 1) == 1) {
            (void)pause(); /* until we are killed */
        }
        _exit(1);
    }
    (void)close(ready[1]); /* so that the end of the child ends the read */
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]); /* all has been said */
    return pid;
}

static void
a_lock_ends_with_its_process(void **state)
{
    struct fixture *x = *state;
    char words[32];
    pid_t pid = locking_process(x);
    (void)snprintf(words, sizeof words, "process %ld:", (long)pid);
    refused(x, x->path, true, -EBUSY, words);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(open_it(x, x->path, true), 0);
    os_disk_close(&x->os);
}

static void
a_strange_lock_file_is_refused(void **state)
{
    struct fixture *x = *state;
    char lock[PATH_BYTES + 16], target[PATH_BYTES];
    struct stat st;
    (void)snprintf(lock, sizeof lock, "%s/attl.lock", x->path);
    (void)snprintf(target, sizeof target, "%s/target", x->dir);
    assert_int_equal(mkdir(x->path, 0700), 0);
    assert_int_equal(symlink(target, lock), 0);
    refused(x, x->path, true, -ELOOP, "attl.lock");
    assert_int_equal(stat(target, &st), -1); /* nothing was made there */
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(mkfifo(lock, 0600), 0);
    refused(x, x->path, true, -EINVAL, "attl.lock");
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(mkdir(lock, 0700), 0);
    refused(x, x->path, true, -EISDIR, "attl.lock");
}

static void
an_old_number_in_the_lock_file_is_replaced(void **state)
{
    struct fixture *x = *state;
    char lock[PATH_BYTES + 16], text[64] = "", want[32];
    (void)snprintf(lock, sizeof lock, "%s/attl.lock", x->path);
    assert_int_equal(mkdir(x->path, 0700), 0);
    int fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "99999999999999999999\nand more", 29), 29);
    assert_int_equal(open_it(x, x->path, true), 0);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    (void)snprintf(want, sizeof want, "%ld\n", (long)getpid());
    assert_string_equal(text, want);
    assert_int_equal(ftruncate(fd, 1), 0); /* no end of line: nobody knows whose it was */
    struct os_disk second;
    assert_int_equal(os_disk_open(&second, &x->alloc, x->path, true, x->err, sizeof x->err),
                     -EBUSY);
    assert_non_null(strstr(x->err, "another process"));
    (void)close(fd); /* it was only looked at */
    os_disk_close(&x->os);
}

static void
no_descriptor_is_left_open(void **state)
{
    struct fixture *x = *state;
    int before = open_descriptors();
    struct os_disk second;
    assert_int_equal(open_it(x, x->path, true), 0);
    assert_int_equal(os_disk_open(&second, &x->alloc, x->path, true, x->err, sizeof x->err),
                     -EBUSY);
    os_disk_close(&x->os);
    assert_int_equal(chmod(x->path, 0777), 0);
    assert_true(open_it(x, x->path, true) < 0);
    assert_true(open_it(x, "/nowhere/at/all", true) < 0);
    assert_int_equal(open_descriptors(), before);
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(a_missing_directory_is_created_for_us_alone),
        DIR_TEST(a_missing_directory_cannot_be_looked_at),
        DIR_TEST(a_path_may_be_too_long),
        DIR_TEST(what_is_no_directory_is_refused),
        DIR_TEST(a_symbolic_link_is_refused),
        DIR_TEST(what_others_may_write_is_refused),
        DIR_TEST(somebody_elses_directory_is_refused),
        DIR_TEST(a_directory_is_locked_once),
        DIR_TEST(a_lock_ends_with_its_process),
        DIR_TEST(a_strange_lock_file_is_refused),
        DIR_TEST(an_old_number_in_the_lock_file_is_replaced),
        DIR_TEST(no_descriptor_is_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real directory keeps the contract of os/disk.h, also when calls are interrupted, cut short or
 * fail: this program has its own pwrite and its like, which the library's calls reach because it is
 * linked statically. Who may open a directory is in test_disk_dir.c.
 */
#include "os/disk.h"

#include "disk_contract.h"
#include "support/check.h"
#include "support/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- calls that fail when told to ---- */

enum call { PREAD, PWRITE, FDATASYNC, FSYNC, FTRUNCATE, FALLOCATE, CALLS };

static struct {
    int error[CALLS];      /* what every call fails with; 0: it works */
    bool returns_0[CALLS]; /* instead */
    bool flaky;            /* at random, calls are interrupted, and reads and writes cut short */
    struct rng rng;
    unsigned flakes;
} hurt;

/* True if the call fails, with errno; otherwise *len may have become shorter. */
static bool
is_hurt(enum call call, size_t *len)
{
    if (hurt.error[call] != 0) {
        errno = hurt.error[call];
        return true;
    }
    if (!hurt.flaky || rng_below(&hurt.rng, 3) == 0) {
        return false;
    }
    hurt.flakes++;
    if (len == NULL || rng_below(&hurt.rng, 2) == 0) {
        errno = EINTR;
        return true;
    }
    *len = *len > 1 ? (size_t)rng_range(&hurt.rng, 1, *len) : *len;
    return false;
}

ssize_t
pread(int fd, void *buf, size_t len, off_t offset)
{
    return is_hurt(PREAD, &len) ? -1 : syscall(SYS_pread64, fd, buf, len, offset);
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    if (hurt.returns_0[PWRITE]) {
        return 0;
    }
    return is_hurt(PWRITE, &len) ? -1 : syscall(SYS_pwrite64, fd, buf, len, offset);
}

int
fdatasync(int fd)
{
    return is_hurt(FDATASYNC, NULL) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    return is_hurt(FSYNC, NULL) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
ftruncate(int fd, off_t bytes)
{
    return is_hurt(FTRUNCATE, NULL) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int
fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    return is_hurt(FALLOCATE, NULL) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

static void *
no_memory(void *ud, size_t bytes)
{
    (void)ud;
    (void)bytes;
    return NULL;
}

/* ---- a directory per test ---- */

struct fixture {
    char dir[64], path[64]; /* ours, and the data directory in it */
    struct os_disk os;
    struct disk *d;
};

static int
setup(void **state)
{
    char err[256];
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    attl_allocator alloc = alloc_default();
    (void)snprintf(x->dir, sizeof x->dir, "/tmp/attl_disk_XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    (void)snprintf(x->path, sizeof x->path, "%.40s/data", x->dir);
    assert_int_equal(os_disk_open(&x->os, &alloc, x->path, true, err, sizeof err), 0);
    x->d = &x->os.disk;
    memset(&hurt, 0, sizeof hurt);
    *state = x;
    return 0;
}

static void
remove_in(struct fixture *x, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", x->path, name);
    (void)remove(path); /* most tests have made only some of them */
}

static int
teardown(void **state)
{
    struct fixture *x = *state;
    memset(&hurt, 0, sizeof hurt);
    os_disk_close(&x->os);
    static const char *const names[] = { "a", "b", "link", "pipe", "dir", "attl.lock" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        remove_in(x, names[i]);
    }
    assert_int_equal(rmdir(x->path), 0);
    assert_int_equal(rmdir(x->dir), 0);
    free(x);
    return 0;
}

static struct disk_file *
must_open(struct disk *d, const char *name, enum disk_mode mode)
{
    struct disk_file *f = NULL;
    assert_int_equal(d->ops->open(d, name, mode, &f), 0);
    return f;
}

static struct stat
stat_in(struct fixture *x, const char *name)
{
    struct stat st;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", x->path, name);
    assert_int_equal(lstat(path, &st), 0);
    return st;
}

static void
the_contract_holds(void **state)
{
    struct fixture *x = *state;
    disk_contract_check(x->d);
}

static void
interrupted_and_short_calls_are_continued(void **state)
{
    struct fixture *x = *state;
    uint64_t seed = test_seed();
    test_announce("interrupted_and_short_calls_are_continued", seed);
    hurt.rng = rng_from_seed(seed);
    hurt.flaky = true;
    for (int i = 0; i < 3; i++) {
        disk_contract_check(x->d);
    }
    hurt.error[FALLOCATE] = EOPNOTSUPP;
    disk_contract_check(x->d);
    assert_true(hurt.flakes > 100);
}

static void
errors_come_out_as_they_are(void **state)
{
    struct fixture *x = *state;
    static const int errors[] = { EIO, ENOSPC, EDQUOT, EROFS };
    char byte;
    disk_contract_put(x->d, "a", "text");
    struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        for (int call = 0; call < CALLS; call++) {
            hurt.error[call] = errors[i];
        }
        assert_int_equal(x->d->ops->read(x->d, f, &byte, 1, 0), -errors[i]);
        assert_int_equal(disk_read_exact(x->d, f, &byte, 1, 0), -errors[i]);
        assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), -errors[i]);
        assert_int_equal(x->d->ops->sync(x->d, f), -errors[i]);
        assert_int_equal(x->d->ops->truncate(x->d, f, 0), -errors[i]);
        assert_int_equal(x->d->ops->allocate(x->d, f, 10, false), -errors[i]);
        assert_int_equal(x->d->ops->allocate(x->d, f, 1, false), -errors[i]);
        assert_int_equal(x->d->ops->sync_dir(x->d), -errors[i]);
    }
    memset(&hurt, 0, sizeof hurt);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
    disk_contract_expect(x->d, "a", "text");
}

static void
a_write_that_gets_nowhere_fails(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    hurt.returns_0[PWRITE] = true;
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), -EIO);
    assert_int_equal(x->d->ops->write(x->d, f, "x", 0, 0), 0);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
}

static void
allocated_space_is_there(void **state)
{
    struct fixture *x = *state;
    static const int errors[] = { 0, EOPNOTSUPP, ENOSYS }; /* of fallocate */
    for (int i = 0; i < 6; i++) {
        struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
        uint64_t bytes = (2 << 20) + 4097;
        hurt.error[FALLOCATE] = errors[i / 2];
        assert_int_equal(x->d->ops->allocate(x->d, f, bytes, i % 2), 0);
        assert_int_equal(x->d->ops->sync(x->d, f), 0);
        assert_int_equal(stat_in(x, "a").st_size, bytes);
        assert_true((uint64_t)stat_in(x, "a").st_blocks * 512 >= bytes);
        assert_int_equal(x->d->ops->close(x->d, f), 0);
        assert_int_equal(x->d->ops->remove(x->d, "a"), 0);
    }
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    hurt.error[PWRITE] = ENOSPC;
    assert_int_equal(x->d->ops->allocate(x->d, f, 10, false), -ENOSPC);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
}

static void
no_memory_is_an_error(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE), *g = NULL;
    attl_allocator works = x->os.alloc;
    x->os.alloc.alloc = no_memory;
    assert_int_equal(x->d->ops->allocate(x->d, f, 10, true), -ENOMEM);
    assert_int_equal(x->d->ops->open(x->d, "a", DISK_READ, &g), -ENOMEM);
    assert_int_equal(x->d->ops->open(x->d, "b", DISK_CREATE, &g), -ENOMEM);
    assert_null(g);
    x->os.alloc = works;
    assert_int_equal(x->d->ops->close(x->d, f), 0);
    disk_contract_expect(x->d, "b", NULL);
}

static void
files_are_private(void **state)
{
    struct fixture *x = *state;
    mode_t before = umask(0);
    disk_contract_put(x->d, "a", "secret");
    (void)umask(before);
    assert_int_equal(stat_in(x, "a").st_mode & 07777, 0600);
    assert_int_equal(stat_in(x, "attl.lock").st_mode & 07777, 0600);
}

static void
never_called(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    (void)ud;
    (void)bytes;
    (void)modified_ms;
    fail_msg("'%s' was listed", name);
}

static void
only_regular_files_are_opened_and_listed(void **state)
{
    struct fixture *x = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/link", x->path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    (void)snprintf(path, sizeof path, "%s/pipe", x->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/dir", x->path);
    assert_int_equal(mkdir(path, 0700), 0);
    static const char *const names[] = { "link", "pipe", "dir" };
    for (size_t i = 0; i < 3; i++) {
        struct disk_file *f = NULL;
        assert_true(x->d->ops->open(x->d, names[i], DISK_READ, &f) < 0);
        assert_true(x->d->ops->open(x->d, names[i], DISK_WRITE, &f) < 0);
        assert_int_equal(x->d->ops->open(x->d, names[i], DISK_CREATE, &f), -EEXIST);
        assert_null(f);
    }
    assert_int_equal(x->d->ops->list(x->d, never_called, NULL), 0);
}

static void
the_lock_file_is_out_of_reach(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = NULL;
    disk_contract_put(x->d, "a", "text");
    assert_int_equal(x->d->ops->open(x->d, "attl.lock", DISK_WRITE, &f), -EINVAL);
    assert_int_equal(x->d->ops->remove(x->d, "attl.lock"), -EINVAL);
    assert_int_equal(x->d->ops->rename(x->d, "attl.lock", "a"), -EINVAL);
    assert_int_equal(x->d->ops->rename(x->d, "a", "attl.lock"), -EINVAL);
    disk_contract_expect(x->d, "a", "text");
}

static void
who_has_no_lock_only_looks(void **state)
{
    struct fixture *x = *state;
    struct os_disk other;
    struct disk_file *f = NULL;
    char err[256];
    uint64_t bytes;
    disk_contract_put(x->d, "a", "text");
    assert_int_equal(os_disk_open(&other, &x->os.alloc, x->path, false, err, sizeof err), 0);
    disk_contract_expect(&other.disk, "a", "text");
    assert_int_equal(other.disk.ops->open(&other.disk, "a", DISK_WRITE, &f), -EROFS);
    assert_int_equal(other.disk.ops->open(&other.disk, "b", DISK_CREATE, &f), -EROFS);
    assert_int_equal(other.disk.ops->remove(&other.disk, "a"), -EROFS);
    assert_int_equal(other.disk.ops->rename(&other.disk, "a", "b"), -EROFS);
    assert_int_equal(other.disk.ops->free_bytes(&other.disk, &bytes), 0);
    os_disk_close(&other);
    disk_contract_expect(x->d, "a", "text");
}

/* Runs in a process of its own, because the limit cannot be raised again. */
static int
grow_past_the_limit(struct fixture *x)
{
    struct rlimit limit = { 100000, 100000 };
    struct disk_file *f;
    static char bytes[150000];
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        x->d->ops->open(x->d, "a", DISK_CREATE, &f) != 0) {
        return 1;
    }
    if (x->d->ops->write(x->d, f, bytes, sizeof bytes, 0) != -EFBIG ||
        x->d->ops->allocate(x->d, f, 200000, false) != -EFBIG ||
        x->d->ops->truncate(x->d, f, 200000) != -EFBIG) {
        return 2;
    }
    return x->d->ops->close(x->d, f) == 0 ? 0 : 3;
}

static void
the_limit_of_a_file_is_an_error(void **state)
{
    struct fixture *x = *state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(grow_past_the_limit(x));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
free_space_is_what_we_may_use(void **state)
{
    struct fixture *x = *state;
    struct statvfs st;
    uint64_t bytes;
    assert_int_equal(statvfs(x->path, &st), 0);
    assert_int_equal(x->d->ops->free_bytes(x->d, &bytes), 0);
    assert_true(bytes <= (uint64_t)st.f_blocks * st.f_frsize);
}

/* A hole where the directory was: the descriptor still leads to it. */
static void
a_renamed_directory_goes_on_working(void **state)
{
    struct fixture *x = *state;
    char elsewhere[128];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", x->dir);
    assert_int_equal(rename(x->path, elsewhere), 0);
    disk_contract_put(x->d, "a", "text");
    disk_contract_expect(x->d, "a", "text");
    assert_int_equal(rename(elsewhere, x->path), 0);
}

#define DISK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(the_contract_holds),
        DISK_TEST(interrupted_and_short_calls_are_continued),
        DISK_TEST(errors_come_out_as_they_are),
        DISK_TEST(a_write_that_gets_nowhere_fails),
        DISK_TEST(allocated_space_is_there),
        DISK_TEST(no_memory_is_an_error),
        DISK_TEST(files_are_private),
        DISK_TEST(only_regular_files_are_opened_and_listed),
        DISK_TEST(the_lock_file_is_out_of_reach),
        DISK_TEST(who_has_no_lock_only_looks),
        DISK_TEST(the_limit_of_a_file_is_an_error),
        DISK_TEST(free_space_is_what_we_may_use),
        DISK_TEST(a_renamed_directory_goes_on_working),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever may write to the directory could put a file of his under a name of ours and have it
 * read as the truth, so that it must belong to us and be writable by nobody else. The lock is
 * flock's, because it goes with the process however that ends, and belongs to the opening, so that
 * a second one of the same process is refused too; fcntl's would let it pass, and would be lost
 * when any descriptor of the file is closed. The lock file is never removed: between looking and
 * removing, another process could have locked the very file that goes.
 */
#include "os/disk_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIR_MODE = 0700, LOCK_MODE = 0600, PID_TEXT_MAX = 24 };

/* The path without slashes at its end, behind which O_NOFOLLOW would follow a link. */
static int
trim_slashes(const char *path, char out[PATH_MAX])
{
    size_t len = strnlen(path, PATH_MAX);
    if (len == 0)
        return -ENOENT;
    if (len == PATH_MAX)
        return -ENAMETOOLONG;
    while (len > 1 && path[len - 1] == '/')
        len--;
    memcpy(out, path, len);
    out[len] = '\0';
    return 0;
}

static int
explain_open(const char *path, int reason, char *err, size_t err_len)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        (void)snprintf(err, err_len,
                       "data directory '%s' is a symbolic link, which is not followed: name the "
                       "directory it points to",
                       path);
    else if (reason == ENOTDIR)
        (void)snprintf(err, err_len,
                       "data directory '%s' cannot be used: it, or something before it in the "
                       "path, is not a directory; choose another path",
                       path);
    else if (reason == ENOENT)
        (void)snprintf(err, err_len, "data directory '%s' does not exist: create it", path);
    else
        (void)snprintf(err, err_len,
                       "data directory '%s' cannot be opened: %s; check its permissions and "
                       "those of the directories above it",
                       path, strerror(reason));
    return -reason;
}

/* Creates the directory unless it is there. 1: created. */
static int
create(const char *path, char *err, size_t err_len)
{
    if (mkdir(path, DIR_MODE) == 0)
        return 1;
    if (errno == EEXIST)
        return 0;
    int reason = errno;
    (void)snprintf(err, err_len,
                   "data directory '%s' cannot be created: %s; create it and give it to the user "
                   "that runs this, or choose another path",
                   path, strerror(reason));
    return -reason;
}

/* A new directory must itself survive a power loss. Where the one above cannot be opened for
 * reading, the whole file system is synced, which happens once in the life of a directory. */
static int
sync_above(int dir_fd, const char *path, char *err, size_t err_len)
{
    int above = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = (above >= 0 ? fsync(above) : syncfs(dir_fd)) == 0 ? 0 : -errno;
    if (above >= 0)
        (void)close(above); /* it was only synced */
    if (rc != 0)
        (void)snprintf(err, err_len,
                       "data directory '%s' was created but could not be made durable: %s; check "
                       "the disk",
                       path, strerror(-rc));
    return rc;
}

static int
refuse_unsafe(int dir_fd, const char *path, char *err, size_t err_len)
{
    struct stat st;
    if (fstat(dir_fd, &st) != 0)
        return explain_open(path, errno, err, err_len);
    if (st.st_uid != geteuid()) {
        (void)snprintf(err, err_len,
                       "data directory '%s' belongs to user %u, but this runs as user %u: run it "
                       "as the owner, or chown the directory",
                       path, (unsigned)st.st_uid, (unsigned)geteuid());
        return -EPERM;
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)snprintf(err, err_len,
                       "data directory '%s' can be written by others (mode %04o): chmod 700 it, "
                       "after making sure that what is in it is yours",
                       path, (unsigned)(st.st_mode & 07777));
        return -EPERM;
    }
    return 0;
}

int
disk_dir_take(const char *path, bool own, char *err, size_t err_len)
{
    char trimmed[PATH_MAX];
    int rc = trim_slashes(path, trimmed);
    if (rc != 0)
        return explain_open(path, -rc, err, err_len);
    int created = own ? create(trimmed, err, err_len) : 0;
    if (created < 0)
        return created;
    int fd = open(trimmed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return explain_open(trimmed, errno, err, err_len);
    rc = created > 0 ? sync_above(fd, path, err, err_len) : 0;
    if (rc == 0 && own)
        rc = refuse_unsafe(fd, path, err, err_len);
    if (rc != 0)
        (void)close(fd); /* it was only looked at */
    return rc != 0 ? rc : fd;
}

int
disk_dir_make(const char *path, char *err, size_t err_len)
{
    char trimmed[PATH_MAX];
    int rc = trim_slashes(path, trimmed);
    if (rc != 0)
        return explain_open(path, -rc, err, err_len);
    rc = create(trimmed, err, err_len);
    return rc < 0 ? rc : 0;
}

/* -EBUSY, with the process that has the lock, if it has told. */
static int
explain_busy(int fd, const char *path, char *err, size_t err_len)
{
    char pid[PID_TEXT_MAX] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    size_t digits = n > 0 ? strspn(pid, "0123456789") : 0;
    pid[pid[digits] == '\n' ? digits : 0] = '\0';
    (void)snprintf(err, err_len,
                   "data directory '%s' is in use by %s%s: stop that one, or choose another "
                   "directory",
                   path, pid[0] != '\0' ? "process " : "another process", pid);
    return -EBUSY;
}

static int
explain_lock(const char *path, int reason, char *err, size_t err_len)
{
    (void)snprintf(err, err_len,
                   "data directory '%s' cannot be locked by its file " DISK_LOCK_NAME ": %s; check "
                   "what that file is, and whether the file system is writable",
                   path, strerror(reason));
    return -reason;
}

/* Who has the lock, for the message of the one that is refused. It is no matter if that fails: a
 * full disk must not keep us from opening a directory in which space can be made. */
static void
tell_pid(int fd)
{
    char text[PID_TEXT_MAX];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    bool told = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
    (void)told; /* half a number has no end of line and is not believed */
}

int
disk_dir_lock(int dir_fd, const char *path, char *err, size_t err_len)
{
    struct stat st;
    int rc;
    int fd = openat(dir_fd, DISK_LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                    LOCK_MODE);
    if (fd < 0)
        return explain_lock(path, errno, err, err_len);
    do
        rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc != 0 && errno == EINTR);
    if (rc != 0)
        rc = errno == EWOULDBLOCK ? explain_busy(fd, path, err, err_len)
                                  : explain_lock(path, errno, err, err_len);
    else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = explain_lock(path, EINVAL, err, err_len);
    if (rc != 0) {
        (void)close(fd); /* nothing was written */
        return rc;
    }
    tell_pid(fd);
    return fd;
}

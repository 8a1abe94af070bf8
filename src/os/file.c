/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a file is replaced. Write under a temporary name, sync, rename over the old one, sync the
 * directory. The temporary name is fixed, so that a crash leaves at most one such file behind,
 * which the next attempt removes; O_EXCL and O_NOFOLLOW keep anybody from choosing where we
 * write.
 */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 256, PRIVATE_MODE = 0600, READ_BYTES = 16 * 1024 };

static int
read_all(int fd, struct buf *out)
{
    char portion[READ_BYTES];
    for (;;) {
        ssize_t n = read(fd, portion, sizeof portion);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        buf_append(out, portion, (size_t)n);
        if (out->failed)
            return out->failed == BUF_TOO_BIG ? -EFBIG : -ENOMEM;
    }
}

/* Takes `fd` over. */
static int
read_regular(int fd, struct buf *out)
{
    struct stat st;
    int code = fstat(fd, &st) != 0 ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : read_all(fd, out);
    (void)close(fd); /* nothing was written */
    return code;
}

int
file_read(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
    return fd < 0 ? -errno : read_regular(fd, out);
}

int
file_read_in(const char *dir, const char *name, struct buf *out)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -errno;
    int fd = strchr(name, '/')
                 ? -1
                 : openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int code = fd < 0 ? -ENOENT : read_regular(fd, out);
    (void)close(dir_fd); /* it was only a place to stand on */
    return code;
}

static bool
write_all(int fd, attl_slice content)
{
    const char *at = content.data;
    size_t left = content.len;
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        left -= (size_t)n;
    }
    return true;
}

/* The temporary file, complete and on disk. */
static bool
write_temporary(int dir_fd, const char *name, attl_slice content)
{
    (void)unlinkat(dir_fd, name, 0); /* left by a crash, perhaps */
    int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PRIVATE_MODE);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, content) && fsync(fd) == 0;
    int reason = errno;
    ok = close(fd) == 0 && ok;
    if (!ok)
        errno = reason;
    return ok;
}

bool
file_replace(const char *dir, const char *name, attl_slice content, char *err, size_t err_len)
{
    char temporary[NAME_MAX_BYTES];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = n > 0 && (size_t)n < sizeof temporary && dir_fd >= 0 &&
              write_temporary(dir_fd, temporary, content) &&
              renameat(dir_fd, temporary, dir_fd, name) == 0 && fsync(dir_fd) == 0;
    if (!ok)
        (void)snprintf(err, err_len, "cannot write %s/%s: %s", dir, name, strerror(errno));
    if (dir_fd >= 0)
        (void)close(dir_fd); /* it was only a place to stand on */
    return ok;
}

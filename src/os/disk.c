/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of disk.h over a real directory. Everything is relative to a descriptor of it, so that
 * renaming the directory while we run changes nothing, and nobody's symbolic link decides where we
 * write. Interrupted calls are repeated and short ones continued here, so that no caller has to;
 * nothing is cached, and nothing is tried again after an error, because after a failed fsync the
 * kernel may say "fine" without having written (Rebello et al., "Can applications recover from
 * fsync failures?", 2020). A file belongs to the thread that uses it; the directory to all.
 */
#include "os/disk.h"

#include "os/disk_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FILE_MODE = 0600, ZERO_PIECE_BYTES = 1 << 20, IO_MAX_BYTES = 1 << 30 };

struct disk_file {
    int fd;
};

static struct os_disk *
os_disk_of(struct disk *d)
{
    return (struct os_disk *)d; /* its first member */
}

/* 0, or why nothing may be changed under this name. */
static int
may_change(struct disk *d, const char *name)
{
    if (!disk_name_valid(name) || strcmp(name, DISK_LOCK_NAME) == 0)
        return -EINVAL;
    return os_disk_of(d)->lock_fd < 0 ? -EROFS : 0;
}

/* Opens and looks: a pipe or a device under one of our names is not ours. O_NONBLOCK, because
 * opening a pipe would otherwise wait for its other end. */
static int
open_regular(int dir_fd, const char *name, enum disk_mode mode)
{
    static const int flags[] = {
        [DISK_READ] = O_RDONLY, [DISK_WRITE] = O_RDWR, [DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL
    };
    struct stat st;
    int fd;
    do
        fd = openat(dir_fd, name, flags[mode] | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, &st) != 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (rc != 0)
        (void)close(fd); /* nothing was written */
    return rc != 0 ? rc : fd;
}

static int
dir_open(struct disk *d, const char *name, enum disk_mode mode, struct disk_file **ret_file)
{
    int rc = mode == DISK_READ ? (disk_name_valid(name) ? 0 : -EINVAL) : may_change(d, name);
    if (rc != 0)
        return rc;
    struct os_disk *o = os_disk_of(d);
    struct disk_file *f = alloc_zero(&o->alloc, sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    f->fd = open_regular(o->dir_fd, name, mode);
    if (f->fd < 0) {
        rc = f->fd;
        alloc_free(&o->alloc, f);
        return rc;
    }
    *ret_file = f;
    return 0;
}

/* Linux closes the descriptor even if it was interrupted; a second close might hit another's. */
static int
dir_close(struct disk *d, struct disk_file *f)
{
    int rc = close(f->fd) == 0 || errno == EINTR ? 0 : -errno;
    alloc_free(&os_disk_of(d)->alloc, f);
    return rc;
}

/* True if the system can express offset and length. */
static bool
in_range(uint64_t offset, uint64_t len)
{
    return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

static int64_t
dir_read(struct disk *d, struct disk_file *f, void *buf, size_t len, uint64_t offset)
{
    (void)d;
    size_t done = 0;
    if (!in_range(offset, len))
        return -EINVAL;
    while (done < len) {
        size_t piece = len - done < IO_MAX_BYTES ? len - done : IO_MAX_BYTES;
        ssize_t n = pread(f->fd, (char *)buf + done, piece, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int
write_all(int fd, const void *buf, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        size_t piece = len - done < IO_MAX_BYTES ? len - done : IO_MAX_BYTES;
        ssize_t n = pwrite(fd, (const char *)buf + done, piece, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* not an error, and no progress either: no loop may wait for that */
        done += (size_t)n;
    }
    return 0;
}

static int
dir_write(struct disk *d, struct disk_file *f, const void *buf, size_t len, uint64_t offset)
{
    (void)d;
    return in_range(offset, len) ? write_all(f->fd, buf, len, offset) : -EFBIG;
}

static int
dir_sync(struct disk *d, struct disk_file *f)
{
    (void)d;
    int rc;
    do
        rc = fdatasync(f->fd);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

static int64_t
dir_size(struct disk *d, struct disk_file *f)
{
    (void)d;
    struct stat st;
    return fstat(f->fd, &st) == 0 ? (int64_t)st.st_size : -errno;
}

static int
dir_truncate(struct disk *d, struct disk_file *f, uint64_t bytes)
{
    (void)d;
    int rc;
    if (!in_range(bytes, 0))
        return -EFBIG;
    do
        rc = ftruncate(f->fd, (off_t)bytes);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

/* Zeros in from..to. In pieces from the heap: the stack of a thread may be small. */
static int
write_zeros(const attl_allocator *alloc, int fd, uint64_t from, uint64_t to)
{
    int rc = 0;
    void *zeros = alloc_zero(alloc, ZERO_PIECE_BYTES);
    if (zeros == NULL)
        return -ENOMEM;
    while (rc == 0 && from < to) {
        size_t piece = to - from < ZERO_PIECE_BYTES ? (size_t)(to - from) : ZERO_PIECE_BYTES;
        rc = write_all(fd, zeros, piece, from);
        from += piece;
    }
    alloc_free(alloc, zeros);
    return rc;
}

/* posix_fallocate would hide which of the two ways it took, and its own is a byte per block. */
static int
dir_allocate(struct disk *d, struct disk_file *f, uint64_t bytes, bool zero)
{
    int64_t had = dir_size(d, f);
    int rc;
    if (had < 0)
        return (int)had;
    if (!in_range(bytes, 0))
        return -EFBIG;
    if ((uint64_t)had > bytes && (rc = dir_truncate(d, f, bytes)) != 0)
        return rc;
    do
        rc = bytes == 0 || fallocate(f->fd, 0, 0, (off_t)bytes) == 0 ? 0 : -errno;
    while (rc == -EINTR);
    bool must_write = rc == -EOPNOTSUPP || rc == -ENOSYS; /* some network file systems */
    if (!must_write && (rc != 0 || !zero))
        return rc;
    return write_zeros(&os_disk_of(d)->alloc, f->fd, (uint64_t)had, bytes);
}

static int
dir_rename(struct disk *d, const char *from, const char *to)
{
    int dir_fd = os_disk_of(d)->dir_fd;
    int rc = may_change(d, from);
    if (rc == 0)
        rc = may_change(d, to);
    if (rc == 0 && renameat(dir_fd, from, dir_fd, to) != 0)
        rc = -errno;
    return rc;
}

static int
dir_remove(struct disk *d, const char *name)
{
    int rc = may_change(d, name);
    if (rc == 0 && unlinkat(os_disk_of(d)->dir_fd, name, 0) != 0)
        rc = -errno;
    return rc;
}

static int
dir_sync_dir(struct disk *d)
{
    int rc;
    do
        rc = fsync(os_disk_of(d)->dir_fd);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

/* Names that are not ours to handle, and files that have gone since, are passed over. */
static int
list_one(int dir_fd, const char *name, disk_name_fn fn, void *ud)
{
    struct stat st;
    if (!disk_name_valid(name) || strcmp(name, DISK_LOCK_NAME) == 0)
        return 0;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISREG(st.st_mode))
        fn(ud, name, (uint64_t)st.st_size,
           (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    return 0;
}

/* A descriptor of its own, because reading a directory moves the position it shares with copies. */
static int
dir_list(struct disk *d, disk_name_fn fn, void *ud)
{
    int dir_fd = os_disk_of(d)->dir_fd;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    DIR *dir = fdopendir(fd);
    int rc = dir == NULL ? -errno : 0;
    if (dir == NULL) {
        (void)close(fd); /* it was only read */
        return rc;
    }
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        rc = list_one(dir_fd, entry->d_name, fn, ud);
    }
    (void)closedir(dir); /* it was only read */
    return rc;
}

static int
look_at_space(struct disk *d, struct statvfs *ret)
{
    int rc;
    do
        rc = fstatvfs(os_disk_of(d)->dir_fd, ret);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

static int
dir_free_bytes(struct disk *d, uint64_t *ret_bytes)
{
    struct statvfs st;
    int rc = look_at_space(d, &st);
    if (rc == 0)
        *ret_bytes = (uint64_t)st.f_bavail * st.f_frsize; /* without what is reserved for root */
    return rc;
}

static int
dir_total_bytes(struct disk *d, uint64_t *ret_bytes)
{
    struct statvfs st;
    int rc = look_at_space(d, &st);
    if (rc == 0)
        *ret_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return rc;
}

int
os_disk_open(struct os_disk *d, const attl_allocator *alloc, const char *path, bool lock, char *err,
             size_t err_len)
{
    static const struct disk_ops ops = {
        .open = dir_open,
        .close = dir_close,
        .read = dir_read,
        .write = dir_write,
        .sync = dir_sync,
        .allocate = dir_allocate,
        .truncate = dir_truncate,
        .size = dir_size,
        .rename = dir_rename,
        .remove = dir_remove,
        .sync_dir = dir_sync_dir,
        .list = dir_list,
        .free_bytes = dir_free_bytes,
        .total_bytes = dir_total_bytes,
    };
    int lock_fd = -1;
    int dir_fd = disk_dir_take(path, lock, err, err_len);
    if (dir_fd < 0)
        return dir_fd;
    if (lock) {
        lock_fd = disk_dir_lock(dir_fd, path, err, err_len);
        if (lock_fd < 0) {
            (void)close(dir_fd); /* it was only a place to stand on */
            return lock_fd;
        }
    }
    *d =
        (struct os_disk){ .disk = { &ops }, .alloc = *alloc, .dir_fd = dir_fd, .lock_fd = lock_fd };
    return 0;
}

void
os_disk_close(struct os_disk *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd); /* which lets go of the lock, whatever it returns */
    (void)close(d->dir_fd);      /* it was only a place to stand on */
    d->lock_fd = d->dir_fd = -1;
}

int
disk_read_exact(struct disk *d, struct disk_file *f, void *buf, size_t len, uint64_t offset)
{
    int64_t n = d->ops->read(d, f, buf, len, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -ENODATA;
}

bool
disk_name_valid(const char *name)
{
    size_t len = strnlen(name, DISK_NAME_MAX + 1);
    return len > 0 && len <= DISK_NAME_MAX && memchr(name, '/', len) == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

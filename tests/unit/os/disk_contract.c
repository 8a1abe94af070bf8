/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks, one function per group of operations. They say nothing about durability, which only
 * the simulated disk can show.
 */
#include "disk_contract.h"

#include "support/check.h"

#include <errno.h>
#include <string.h>

enum { TEXT_MAX = 64, LARGE_BYTES = 3 << 20 };

static struct disk_file *
must_open(struct disk *d, const char *name, enum disk_mode mode)
{
    struct disk_file *f = NULL;
    int rc = d->ops->open(d, name, mode, &f);
    CHECK(rc == 0 && f != NULL, "%s: %s", name, strerror(-rc));
    return f;
}

static void
must_close(struct disk *d, struct disk_file *f)
{
    int rc = d->ops->close(d, f);
    CHECK(rc == 0, "%s", strerror(-rc));
}

static void
must_not_open(struct disk *d, const char *name, enum disk_mode mode, int want)
{
    struct disk_file *f = NULL;
    int rc = d->ops->open(d, name, mode, &f);
    CHECK(rc == want && f == NULL, "'%.20s': %d, not %d", name, rc, want);
}

void
disk_contract_put(struct disk *d, const char *name, const char *text)
{
    struct disk_file *f = must_open(d, name, DISK_CREATE);
    CHECK(d->ops->write(d, f, text, strlen(text), 0) == 0, "%s", name);
    must_close(d, f);
}

void
disk_contract_expect(struct disk *d, const char *name, const char *text)
{
    char got[TEXT_MAX] = "";
    if (text == NULL) {
        must_not_open(d, name, DISK_READ, -ENOENT);
        return;
    }
    struct disk_file *f = must_open(d, name, DISK_READ);
    int64_t n = d->ops->read(d, f, got, sizeof got - 1, 0);
    CHECK(n == (int64_t)strlen(text) && strcmp(got, text) == 0, "%s: %s", name, got);
    CHECK(d->ops->size(d, f) == n, "%s", name);
    must_close(d, f);
}

static void
check_opening(struct disk *d)
{
    must_not_open(d, "a", DISK_READ, -ENOENT);
    must_not_open(d, "a", DISK_WRITE, -ENOENT);
    disk_contract_put(d, "a", "first");
    must_not_open(d, "a", DISK_CREATE, -EEXIST);
    struct disk_file *r = must_open(d, "a", DISK_READ);
    CHECK(d->ops->write(d, r, "x", 1, 0) == -EBADF, "written through a file opened for reading");
    CHECK(d->ops->truncate(d, r, 0) < 0, "cut through a file opened for reading");
    CHECK(d->ops->allocate(d, r, 100, false) < 0, "grown through a file opened for reading");
    must_close(d, r);
    disk_contract_expect(d, "a", "first");
    CHECK(d->ops->remove(d, "a") == 0, "a");
}

static void
check_names(struct disk *d)
{
    static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a/", "../a" };
    char name[DISK_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!disk_name_valid(bad[i]), "'%s'", bad[i]);
        must_not_open(d, bad[i], DISK_READ, -EINVAL);
        must_not_open(d, bad[i], DISK_CREATE, -EINVAL);
        CHECK(d->ops->remove(d, bad[i]) == -EINVAL, "'%s'", bad[i]);
        CHECK(d->ops->rename(d, "a", bad[i]) == -EINVAL, "'%s'", bad[i]);
        CHECK(d->ops->rename(d, bad[i], "a") == -EINVAL, "'%s'", bad[i]);
    }
    memset(name, 'n', sizeof name);
    name[DISK_NAME_MAX + 1] = '\0';
    must_not_open(d, name, DISK_CREATE, -EINVAL);
    name[DISK_NAME_MAX] = '\0';
    disk_contract_put(d, name, "long");
    disk_contract_expect(d, name, "long");
    CHECK(d->ops->remove(d, name) == 0, "a long name");
    disk_contract_put(d, "..a", "dots");
    CHECK(d->ops->remove(d, "..a") == 0, "dots in a name");
}

static void
check_reading(struct disk *d)
{
    char got[8];
    disk_contract_put(d, "a", "0123456789");
    struct disk_file *f = must_open(d, "a", DISK_WRITE);
    CHECK(d->ops->read(d, f, got, 8, 6) == 4 && memcmp(got, "6789", 4) == 0, "up to the end");
    CHECK(d->ops->read(d, f, got, 8, 10) == 0, "at the end");
    CHECK(d->ops->read(d, f, got, 8, 1 << 20) == 0, "behind the end");
    CHECK(d->ops->read(d, f, got, 0, 0) == 0, "nothing");
    CHECK(disk_read_exact(d, f, got, 4, 6) == 0, "all there is");
    CHECK(disk_read_exact(d, f, got, 5, 6) == -ENODATA, "more than there is");
    CHECK(d->ops->write(d, f, "ab", 2, 4) == 0, "inside");
    CHECK(d->ops->write(d, f, "", 0, 100) == 0, "nothing");
    CHECK(d->ops->sync(d, f) == 0, "sync");
    must_close(d, f);
    disk_contract_expect(d, "a", "0123ab6789");
    CHECK(d->ops->remove(d, "a") == 0, "a");
}

static void
check_holes(struct disk *d)
{
    char got[6];
    struct disk_file *f = must_open(d, "a", DISK_CREATE);
    CHECK(d->ops->write(d, f, "x", 1, 100000) == 0, "far behind the end");
    CHECK(d->ops->size(d, f) == 100001, "size");
    CHECK(disk_read_exact(d, f, got, 6, 50000) == 0 && memcmp(got, "\0\0\0\0\0", 6) == 0, "zeros");
    CHECK(d->ops->write(d, f, "x", 1, UINT64_MAX - 5) == -EFBIG, "no file has such an end");
    must_close(d, f);
    CHECK(d->ops->remove(d, "a") == 0, "a");
}

static void
check_sizes(struct disk *d)
{
    char got[4];
    disk_contract_put(d, "a", "0123456789");
    struct disk_file *f = must_open(d, "a", DISK_WRITE);
    for (int zero = 0; zero < 2; zero++) {
        CHECK(d->ops->allocate(d, f, 2000 + (uint64_t)zero, zero) == 0, "zero %d", zero);
        CHECK(d->ops->size(d, f) == 2000 + zero, "zero %d", zero);
        CHECK(disk_read_exact(d, f, got, 4, 8) == 0 && memcmp(got, "89\0", 4) == 0, "kept");
        CHECK(disk_read_exact(d, f, got, 4, 1996) == 0 && memcmp(got, "\0\0\0", 4) == 0, "new");
    }
    CHECK(d->ops->truncate(d, f, 5) == 0 && d->ops->size(d, f) == 5, "cut");
    CHECK(d->ops->truncate(d, f, 8) == 0 && d->ops->size(d, f) == 8, "grown");
    CHECK(disk_read_exact(d, f, got, 4, 4) == 0 && memcmp(got, "4\0\0", 4) == 0,
          "what was cut off stays away");
    CHECK(d->ops->allocate(d, f, 3, true) == 0 && d->ops->size(d, f) == 3, "cut by allocate");
    CHECK(d->ops->allocate(d, f, 0, false) == 0 && d->ops->size(d, f) == 0, "emptied");
    must_close(d, f);
    CHECK(d->ops->remove(d, "a") == 0, "a");
}

static void
check_large(struct disk *d)
{
    static unsigned char out[LARGE_BYTES], in[LARGE_BYTES];
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        out[i] = (unsigned char)(i * 2654435761u >> 20);
    }
    struct disk_file *f = must_open(d, "large", DISK_CREATE);
    CHECK(d->ops->allocate(d, f, LARGE_BYTES + 1000, true) == 0, "allocate");
    CHECK(d->ops->write(d, f, out, LARGE_BYTES, 777) == 0, "write");
    CHECK(d->ops->sync(d, f) == 0, "sync");
    CHECK(disk_read_exact(d, f, in, LARGE_BYTES, 777) == 0, "read");
    CHECK(memcmp(in, out, LARGE_BYTES) == 0, "what was read is not what was written");
    must_close(d, f);
    CHECK(d->ops->remove(d, "large") == 0, "large");
}

static void
check_directory(struct disk *d)
{
    CHECK(d->ops->rename(d, "a", "b") == -ENOENT, "a name that is not there");
    CHECK(d->ops->remove(d, "a") == -ENOENT, "a name that is not there");
    disk_contract_put(d, "a", "of a");
    disk_contract_put(d, "b", "of b");
    struct disk_file *old = must_open(d, "b", DISK_WRITE);
    CHECK(d->ops->rename(d, "a", "b") == 0, "over another");
    CHECK(d->ops->sync_dir(d) == 0, "sync_dir");
    disk_contract_expect(d, "a", NULL);
    disk_contract_expect(d, "b", "of a");
    CHECK(d->ops->write(d, old, "still", 5, 0) == 0, "replaced, but open");
    CHECK(d->ops->size(d, old) == 5, "replaced, but open");
    must_close(d, old);
    CHECK(d->ops->rename(d, "b", "b") == 0, "to itself");
    disk_contract_expect(d, "b", "of a");
    struct disk_file *gone = must_open(d, "b", DISK_READ);
    CHECK(d->ops->remove(d, "b") == 0 && d->ops->sync_dir(d) == 0, "removed, but open");
    CHECK(d->ops->size(d, gone) == 4, "removed, but open");
    must_close(d, gone);
    disk_contract_expect(d, "b", NULL);
}

struct listing {
    unsigned count;
    uint64_t bytes;
    struct disk *d;
};

static void
listed(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct listing *l = ud;
    CHECK(strcmp(name, "x") == 0 || strcmp(name, "y") == 0, "%s", name);
    CHECK(modified_ms >= 0, "%s", name);
    disk_contract_expect(l->d, name, bytes == 3 ? "xxx" : "yyyyy"); /* may use the disk */
    l->count++;
    l->bytes += bytes;
}

static void
check_list(struct disk *d)
{
    struct listing l = { .d = d };
    uint64_t free_bytes = 0;
    CHECK(d->ops->list(d, listed, &l) == 0 && l.count == 0, "%u in an empty directory", l.count);
    disk_contract_put(d, "x", "xxx");
    disk_contract_put(d, "y", "yyyyy");
    for (unsigned round = 1; round <= 2; round++) {
        CHECK(d->ops->list(d, listed, &l) == 0, "round %u", round);
        CHECK(l.count == 2 * round && l.bytes == 8 * round, "round %u", round);
    }
    CHECK(d->ops->free_bytes(d, &free_bytes) == 0 && free_bytes > 0, "free_bytes");
    CHECK(d->ops->remove(d, "x") == 0 && d->ops->remove(d, "y") == 0, "clean");
}

void
disk_contract_check(struct disk *d)
{
    check_opening(d);
    check_names(d);
    check_reading(d);
    check_holes(d);
    check_sizes(d);
    check_large(d);
    check_directory(d);
    check_list(d);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the file of users and of the rules in it. Whatever the text, it is taken as a
 * whole or refused with a sentence, and what was taken is written in a form that is taken again and
 * is then written the same. The table of commands is a small one of its own.
 */
#include "access/access_file.h"
#include "base/assert.h"

#include <stdint.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 5, TEXT_BYTES_MAX = 64 << 20 };

static const char *const row_names[ROWS] = { "get", "set", "config", "config|get", "select" };
static const char *const category_names[] = { "read", "write" };

static size_t
row_count(void)
{
    return ROWS;
}

static const char *
row_name(size_t row)
{
    return row_names[row];
}

static bool
row_is_sub(size_t row)
{
    return row == 3;
}

static size_t
row_subs(size_t row)
{
    return row == 2;
}

static bool
row_find(attl_slice name, size_t *ret_row)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strlen(row_names[i]) != name.len || strncasecmp(row_names[i], name.data, name.len) != 0)
            continue;
        *ret_row = i;
        return true;
    }
    return false;
}

static uint32_t
row_categories(size_t row)
{
    return row < 2 ? UINT32_C(1) << row : 0;
}

static const struct access_catalog catalog = {
    .rows = row_count,
    .name = row_name,
    .is_sub = row_is_sub,
    .subs = row_subs,
    .find = row_find,
    .categories = row_categories,
    .category_names = category_names,
    .categories_len = 2,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    attl_allocator alloc = alloc_default();
    struct access *a = access_new(&catalog, &alloc), *b = access_new(&catalog, &alloc);
    struct buf problems, once, twice;
    ASSERT(a && b);
    buf_init(&problems, TEXT_BYTES_MAX);
    buf_init(&once, TEXT_BYTES_MAX);
    buf_init(&twice, TEXT_BYTES_MAX);
    bool loaded = access_load_text(a, "input", attl_b(data, size), NULL, &problems);
    ASSERT(loaded == (problems.len == 0));
    access_text(a, &once);
    ASSERT(once.failed == BUF_FINE && once.len > 0);
    buf_clear(&problems, 0);
    ASSERT(access_load_text(b, "again", buf_slice(&once), NULL, &problems));
    access_text(b, &twice);
    ASSERT(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    buf_fini(&problems);
    buf_fini(&once);
    buf_fini(&twice);
    access_free(&a);
    access_free(&b);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of src/access share: a table of eight commands with three categories, an allocator
 * that can come to an end, and users made of a line of rules. Each test makes what it needs itself.
 * Included by each test program once.
 */
#ifndef ATTL_TESTS_ACCESS_SUPPORT_H
#define ATTL_TESTS_ACCESS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "access/access.h"
#include "support/refusing.h"

enum { FAKE_ROWS = 8, FAKE_RULES_MAX = 64, TEXT_MAX_BYTES = 4096 };
enum {
    ROW_GET,
    ROW_SET,
    ROW_CONFIG,
    ROW_CONFIG_GET,
    ROW_CONFIG_SET,
    ROW_SELECT,
    ROW_PUBLISH,
    ROW_AUTH
};

static const struct {
    const char *name;
    size_t subs;
    uint32_t categories;
} fake_rows[FAKE_ROWS] = {
    { "get", 0, 1 },        { "set", 0, 2 },    { "config", 2, 0 },  { "config|get", 0, 4 },
    { "config|set", 0, 4 }, { "select", 0, 0 }, { "publish", 0, 0 }, { "auth", 0, 0 },
};

static inline size_t
fake_count(void)
{
    return FAKE_ROWS;
}

static inline const char *
fake_name(size_t row)
{
    return fake_rows[row].name;
}

static inline bool
fake_is_sub(size_t row)
{
    return strchr(fake_rows[row].name, '|') != NULL;
}

static inline size_t
fake_subs(size_t row)
{
    return fake_rows[row].subs;
}

static inline bool
fake_find(attl_slice name, size_t *ret_row)
{
    for (size_t i = 0; i < FAKE_ROWS; i++) {
        if (strlen(fake_rows[i].name) != name.len ||
            strncasecmp(fake_rows[i].name, name.data, name.len) != 0)
            continue;
        *ret_row = i;
        return true;
    }
    return false;
}

static inline uint32_t
fake_categories(size_t row)
{
    return fake_rows[row].categories;
}

static const char *const fake_category_names[] = { "read", "write", "admin" };

static const struct access_catalog fake_catalog = {
    .rows = fake_count,
    .name = fake_name,
    .is_sub = fake_is_sub,
    .subs = fake_subs,
    .find = fake_find,
    .categories = fake_categories,
    .category_names = fake_category_names,
    .categories_len = 3,
};

/* Cuts at blanks. */
static inline size_t
split_rules(const char *line, attl_slice rules[FAKE_RULES_MAX])
{
    size_t n = 0;
    for (const char *p = line; *p;) {
        size_t len = strcspn(p, " ");
        assert_true(n < FAKE_RULES_MAX);
        rules[n++] = attl_b(p, len);
        p += len + (p[len] == ' ');
    }
    return n;
}

static inline enum rule_result
set_user(struct access *a, const char *name, const char *line)
{
    attl_slice rules[FAKE_RULES_MAX];
    struct rule_place place;
    return access_set(a, attl_s(name), rules, split_rules(line, rules), NULL, &place);
}

/* The user's rules as one text, in `text`. */
static inline const char *
user_text(struct access *a, const char *name, char text[TEXT_MAX_BYTES])
{
    struct buf out;
    struct access_user *u = access_find(a, attl_s(name));
    assert_non_null(u);
    buf_init(&out, TEXT_MAX_BYTES);
    user_describe(u, &out);
    assert_int_equal(out.failed, BUF_FINE);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    user_free(u);
    return text;
}

static inline struct access *
new_access(struct refusing *r)
{
    *r = (struct refusing){ .left = -1 };
    attl_allocator alloc = refusing_hooks(r);
    struct access *a = access_new(&fake_catalog, &alloc);
    assert_non_null(a);
    return a;
}

#endif

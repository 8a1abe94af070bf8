/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of src/config share: an allocator that fails when told to, and short forms of the
 * calls that take a message buffer. The allocator counts what is alive, so that a test can say that
 * nothing leaked on a path that failed. Included by each test program once; no state of its own.
 */
#ifndef ATTL_TESTS_CONFIG_SUPPORT_H
#define ATTL_TESTS_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"

/* Fails allocation number `fail_at` (from 1; 0: never). */
struct counting {
    size_t calls, alive, fail_at;
};

static inline void *
counting_alloc(void *ud, size_t bytes)
{
    struct counting *c = ud;
    if (++c->calls == c->fail_at)
        return NULL;
    void *ptr = malloc(bytes);
    if (ptr)
        c->alive++;
    return ptr;
}

static inline void
counting_free(void *ud, void *ptr)
{
    struct counting *c = ud;
    if (ptr)
        c->alive--;
    free(ptr);
}

static inline attl_allocator
counting_allocator(struct counting *c)
{
    return (attl_allocator){ counting_alloc, counting_free, c };
}

/* The value of `name` as text, in the form of that name. */
static inline const char *
shown(const attl_config *config, const char *name, char out[OPTION_TEXT_MAX])
{
    assert_int_equal(config_render_name(config, name, CONFIG_SHOW_SECRETS, out, OPTION_TEXT_MAX),
                     ATTL_OK);
    return out;
}

#define assert_shown(config, name, expected)                            \
    do {                                                                \
        char shown_text[OPTION_TEXT_MAX];                               \
        assert_string_equal(shown(config, name, shown_text), expected); \
    } while (0)

/* That `part` occurs in `text`; shows both if not. */
#define assert_says(text, part)                                 \
    do {                                                        \
        if (!strstr(text, part))                                \
            fail_msg("\"%s\" does not say \"%s\"", text, part); \
    } while (0)

#endif

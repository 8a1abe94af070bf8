/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reading made by hand, and looking for lines in what is rendered of it. The sources are zeroed
 * but for what a test sets; the buffer is bounded as in earnest. Each test owns its own.
 */
#ifndef ATTL_TESTS_METRIC_SUPPORT_H
#define ATTL_TESTS_METRIC_SUPPORT_H

#include "metric/metric.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct metric_sources s;
    struct buf out;
};

static inline int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->s.version = "1.2.3";
    f->s.revision = "abc";
    buf_init(&f->out, METRIC_TEXT_MAX_BYTES);
    *state = f;
    return 0;
}

static inline int
teardown(void **state)
{
    struct fixture *f = *state;
    buf_fini(&f->out);
    free(f);
    return 0;
}

/* Renders anew; the text has a NUL behind it. */
static inline const char *
rendered(struct fixture *f, enum metric_format format)
{
    buf_clear(&f->out, METRIC_TEXT_MAX_BYTES);
    metric_render(format, &f->s, &f->out);
    assert_int_equal(f->out.failed, BUF_FINE);
    buf_append(&f->out, "", 1);
    f->out.len--;
    return f->out.data;
}

static inline void
expect_part(struct fixture *f, enum metric_format format, const char *part)
{
    if (!strstr(rendered(f, format), part))
        fail_msg("without %s", part);
}

static inline void
expect_no_part(struct fixture *f, enum metric_format format, const char *part)
{
    if (strstr(rendered(f, format), part))
        fail_msg("with %s", part);
}

#define METRIC_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif

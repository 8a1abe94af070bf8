/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk with seed 1 per test.
 */
#include "sim_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int
sim_fixture_setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->sim = sim_disk_new(1);
    x->d = sim_disk_table(x->sim);
    *state = x;
    return 0;
}

int
sim_fixture_teardown(void **state)
{
    struct fixture *x = *state;
    sim_disk_free(&x->sim);
    sim_disk_free(&x->sim);
    free(x);
    return 0;
}

struct disk_file *
must_open(struct disk *d, const char *name, enum disk_mode mode)
{
    struct disk_file *f = NULL;
    assert_int_equal(d->ops->open(d, name, mode, &f), 0);
    return f;
}

void
put_durably(struct disk *d, const char *name, const char *text)
{
    struct disk_file *f = must_open(d, name, DISK_CREATE);
    assert_int_equal(d->ops->write(d, f, text, strlen(text), 0), 0);
    assert_int_equal(d->ops->sync(d, f), 0);
    assert_int_equal(d->ops->sync_dir(d), 0);
    assert_int_equal(d->ops->close(d, f), 0);
}

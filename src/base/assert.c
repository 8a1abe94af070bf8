/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a broken invariant ends. It prints one line and aborts, so that the core dump shows the
 * state. Written with stdio only: nothing of ours can be trusted at this point.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void
assert_failed(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "attl: BUG: assertion failed: %s (%s:%d)\n", what, file,
                  line); /* dying */
    abort();
}

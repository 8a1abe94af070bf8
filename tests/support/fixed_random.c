/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for the system's getrandom(). The linker takes this one because it comes with the
 * program, and the library is linked statically, so its calls end here too. It never fails, as the
 * system's does not either once it is up; the state is one atomic counter.
 */
#include "fixed_random.h"

#include "rng.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

static _Atomic uint64_t state;

void
fixed_random_seed(uint64_t seed)
{
    atomic_store(&state, rng_mix(seed));
}

ssize_t
getrandom(void *buf, size_t len, unsigned flags)
{
    unsigned char *p = buf;
    (void)flags;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t x = rng_mix(atomic_fetch_add(&state, UINT64_C(0x9e3779b97f4a7c15)));
        memcpy(p + i, &x, len - i < 8 ? len - i : 8);
    }
    return (ssize_t)len;
}

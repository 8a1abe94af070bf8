/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the response to incidents needs of the engine beside what all loops use: its time, and a
 * thread of the pool for what may block. Jobs belong to whoever submits them and are run exactly
 * once, also when the cache is being closed. The caller holds no lock of the cache.
 */
#include "engine/control.h"

#include "engine/engine.h"

int64_t
control_now_ms(struct attl *a)
{
    return engine_now_ms(a);
}

int
control_run(struct attl *a, struct pool_job *job)
{
    return pool_submit(a, job);
}

bool
control_is_closing(const struct attl *a)
{
    return pool_is_closing(a);
}

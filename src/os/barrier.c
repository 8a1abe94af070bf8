/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier(2), private expedited: an interrupt to the cores that run threads of this process, a
 * few microseconds, paid once per batch of reclaimed memory. Without it a sequentially consistent
 * fence pairs with the fence the readers then execute. No state is kept here: the caller remembers
 * whether registration worked.
 */
#include "os/barrier.h"

#include <linux/membarrier.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

void
barrier_full(void)
{
#if defined(__SANITIZE_THREAD__)
    /* gcc's thread sanitizer knows no fences; a locked exchange is one on every machine it runs on.
     */
    _Atomic int dummy = 0;
    (void)atomic_exchange(&dummy, 1);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

bool
barrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void
barrier_all_threads(bool registered)
{
    if (registered && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
        return;
    barrier_full();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The question is a number on a cache line that workers only read; the answer is a word of each
 * worker's own. So a turn pays a load and a store that nobody else touches. Relaxed order is
 * enough: nothing is published by it, and the wake-up behind the question is seen after it in any
 * case.
 */
#include "net/heartbeat.h"

#include "net/worker.h"

void
net_heartbeat_ask(struct net *net)
{
    atomic_fetch_add(&net->heartbeat, 1);
    for (size_t i = 0; i < net->workers_len; i++)
        if (atomic_load(&net->workers[i].running))
            worker_wake(&net->workers[i]);
}

bool
net_heartbeat_answered(struct net *net)
{
    uint64_t asked = atomic_load(&net->heartbeat);
    for (size_t i = 0; i < net->workers_len; i++) {
        struct worker *w = &net->workers[i];
        if (atomic_load(&w->running) && atomic_load(&w->heartbeat) != asked)
            return false;
    }
    return true;
}

void
worker_heartbeat(struct worker *w)
{
    uint64_t asked = atomic_load_explicit(&w->net->heartbeat, memory_order_relaxed);
    atomic_store_explicit(&w->heartbeat, asked, memory_order_relaxed);
}

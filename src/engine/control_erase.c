/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the control plane may know of erasures: how many are late, and what keeps the one that was
 * due first. Receipts are copied under their lock, behind which nobody waits for a disk. While none
 * is open nothing is locked; nothing is changed here.
 */
#include "engine/control.h"

#include "engine/store.h"

#include <stdio.h>

static void
note_late(const attl_erasure *r, int64_t now_ms, struct control_erasures *ret)
{
    if (!erase_is_late(r, now_ms))
        return;
    if (ret->late++ > 0 && now_ms - r->due_ms <= ret->overdue_ms)
        return;
    ret->overdue_ms = now_ms - r->due_ms;
    ret->files_left = r->files_left;
    (void)snprintf(ret->id, sizeof ret->id, "%s", r->id);                /* as long */
    (void)snprintf(ret->problem, sizeof ret->problem, "%s", r->problem); /* as long */
}

void
control_observe_erasures(struct attl *a, struct control_erasures *ret)
{
    struct store *s = a->store;
    *ret = (struct control_erasures){ 0 };
    if (!s || atomic_load(&s->erase.open) == 0)
        return;
    int64_t now_ms = engine_now_ms(a) + engine_skew_ms(a);
    ret->within_ms = atomic_load(&s->erase.within_ms);
    lock_acquire(&s->erase.lock);
    for (size_t i = 0; i < s->erase.len; i++)
        note_late(&s->erase.list[i].receipt, now_ms, ret);
    lock_release(&s->erase.lock);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decisions of S3-FIFO. New records get a tenth of the cache to prove themselves: two uses
 * promote them to the survivors, fewer end in the ghost. A survivor lives on as long as it was used
 * since it was last looked at, and pays one use for each look. Expired records go whatever the
 * reason of the drain.
 */
#include "cache/evict.h"

enum { PROMOTE_FREQ = 2, NEW_SHARE_PERCENT = 10 };

struct drain_verdict
evict_decide(const struct drain_case *c)
{
    struct drain_verdict keep = { FATE_KEEP, c->gen, c->freq };
    if (c->expired)
        return (struct drain_verdict){ FATE_EXPIRE, c->gen, 0 };
    if (c->reason != DRAIN_EVICT || c->policy == EVICT_NONE)
        return keep;
    if (c->policy == EVICT_VOLATILE_TTL)
        return c->has_ttl ? (struct drain_verdict){ FATE_EVICT, c->gen, 0 } : keep;
    if (c->gen == GEN_NEW)
        return c->freq >= PROMOTE_FREQ ? (struct drain_verdict){ FATE_KEEP, GEN_SURVIVOR, 0 }
                                       : (struct drain_verdict){ FATE_EVICT, GEN_NEW, 0 };
    return c->freq > 0 ? (struct drain_verdict){ FATE_KEEP, GEN_SURVIVOR, c->freq - 1 }
                       : (struct drain_verdict){ FATE_EVICT, GEN_SURVIVOR, 0 };
}

enum chunk_gen
evict_choose_gen(uint64_t new_bytes, uint64_t survivor_bytes)
{
    if (survivor_bytes == 0)
        return GEN_NEW;
    uint64_t share = (new_bytes + survivor_bytes) * NEW_SHARE_PERCENT / 100;
    return new_bytes > share ? GEN_NEW : GEN_SURVIVOR;
}

double
evict_clean_benefit(uint32_t live_bytes, uint32_t used_bytes, uint64_t age)
{
    if (used_bytes == 0 || live_bytes >= used_bytes)
        return 0;
    double u = (double)live_bytes / used_bytes;
    return (1 - u) / (1 + u) * (double)(age + 1);
}

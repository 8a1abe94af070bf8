/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the data directory again, for callers: a pass now, and what passes have found. Arguments
 * are checked here and the work is the engine's; a cache without a data directory has nothing to
 * read, and the calls say so. No state is kept here.
 */
#include "api/api.h"

#include "engine/store.h"

#include <stdio.h>

int
attl_scrub(attl *a, attl_scrub_report *ret_report)
{
    attl_scrub_report report;
    if (!a->store)
        return ATTL_E_UNSUPPORTED;
    if (api_is_inside(a))
        return ATTL_E_INVALID;
    int status = scrub_now(a->store, &report);
    if (status != ATTL_OK || !ret_report)
        return status;
    sized_export(&report, sizeof report, ret_report);
    return ATTL_OK;
}

void
attl_scrub_stats_get(attl *a, attl_scrub_stats *ret_stats)
{
    attl_scrub_stats st = { 0 };
    struct store *s = a->store;
    if (s) {
        struct scrub_sums sums;
        scrub_sums_get(s, &sums);
        st.running = atomic_load(&s->scrub.called) || atomic_load(&s->scrub.total_bytes) > 0;
        st.passes = sums.passes;
        st.last_pass_ms = sums.last_ms;
        st.last_took_ms = sums.last_took_ms;
        st.files = sums.files;
        st.bytes = sums.bytes;
        st.damaged = sums.damaged;
        st.unhealed = sums.unhealed;
        st.unreadable = sums.unreadable;
        st.pass_bytes_done = st.running ? atomic_load(&s->scrub.done_bytes) : 0;
        st.pass_bytes_total = atomic_load(&s->scrub.total_bytes);
    }
    sized_export(&st, sizeof st, ret_stats);
}

int
attl_damage_list(attl *a, attl_damage_fn fn, void *ud)
{
    struct scrub_finding found[SCRUB_FINDINGS];
    if (!a->store)
        return ATTL_E_UNSUPPORTED;
    for (unsigned n = scrub_findings_get(a->store, found); n > 0; n--) {
        const struct scrub_finding *f = &found[n - 1];
        attl_damage out = { .struct_size = sizeof out,
                            .healed = f->healed,
                            .unreadable = f->unreadable,
                            .found_ms = f->found_ms,
                            .offset = f->offset,
                            .lsn = f->lsn,
                            .end_lsn = f->end_lsn,
                            .file = f->name,
                            .lost = f->lost,
                            .done = f->done };
        fn(ud, &out);
    }
    return ATTL_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row per member of attl_stats, in the order of the struct; the array of refusals has a row for
 * each rule, in the order of the statuses from ATTL_E_KEY_EMPTY on. The macro exists because name
 * and offset must come from the same word: written twice they would one day differ. The rows are
 * constant.
 */
#include "command/stats_fields.h"

#include <stddef.h>

#define FIELD(member, as)                                                            \
    {                                                                                \
#member, offsetof(attl_stats, member), sizeof(((attl_stats *)0)->member), as \
    }
#define REFUSED(i, text)                                                              \
    {                                                                                 \
        text, offsetof(attl_stats, refused) + (i) * sizeof(uint64_t), 8, STATS_NUMBER \
    }

const struct stats_field stats_fields[] = {
    FIELD(shards, STATS_NUMBER),
    FIELD(partitions, STATS_NUMBER),
    FIELD(items, STATS_NUMBER),
    FIELD(items_ttl, STATS_NUMBER),
    FIELD(ttl_sum_ms, STATS_NUMBER),
    FIELD(mem_used, STATS_NUMBER),
    FIELD(mem_used_peak, STATS_NUMBER),
    FIELD(mem_live, STATS_USED_PART),
    FIELD(mem_dead, STATS_USED_PART),
    FIELD(mem_unsealed, STATS_USED_PART),
    FIELD(mem_retired, STATS_USED_PART),
    FIELD(mem_index, STATS_USED_PART),
    FIELD(mem_extents, STATS_USED_PART),
    FIELD(mem_ghost, STATS_USED_PART),
    FIELD(mem_committed, STATS_NUMBER),
    FIELD(mem_expired_unreclaimed, STATS_NUMBER),
    FIELD(mem_pinned, STATS_NUMBER),
    FIELD(max_memory, STATS_NUMBER),
    FIELD(max_entries, STATS_NUMBER),
    FIELD(huge_pages, STATS_NUMBER),
    FIELD(hits, STATS_NUMBER),
    FIELD(misses, STATS_NUMBER),
    FIELD(sets, STATS_NUMBER),
    FIELD(deletes, STATS_NUMBER),
    FIELD(expired, STATS_NUMBER),
    FIELD(evicted, STATS_NUMBER),
    FIELD(refused_full, STATS_NUMBER),
    FIELD(records_written, STATS_NUMBER),
    FIELD(records_copied, STATS_NUMBER),
    FIELD(writes_in_place, STATS_NUMBER),
    FIELD(chunks_drained, STATS_NUMBER),
    FIELD(rebuilds, STATS_NUMBER),
    FIELD(partition_moves, STATS_NUMBER),
    REFUSED(0, "refused_key_empty"),
    REFUSED(1, "refused_key_long"),
    REFUSED(2, "refused_key_control"),
    REFUSED(3, "refused_key_nul"),
    REFUSED(4, "refused_value_long"),
    REFUSED(5, "refused_ttl_range"),
    REFUSED(6, "refused_ttl_required"),
    REFUSED(7, "refused_other"),
    FIELD(expire_lag_ms_sum, STATS_NUMBER),
    FIELD(expire_lag_ms_max, STATS_NUMBER),
    FIELD(expire_cpu_ns, STATS_NUMBER),
    FIELD(ghost_hits, STATS_NUMBER),
    FIELD(shard_max_items, STATS_NUMBER),
    FIELD(shard_min_items, STATS_NUMBER),
    FIELD(misses_cold, STATS_NUMBER),
    FIELD(misses_expired, STATS_NUMBER),
    FIELD(misses_evicted, STATS_NUMBER),
    FIELD(misses_deleted, STATS_NUMBER),
    FIELD(mem_ledger, STATS_NUMBER),
};

const size_t stats_fields_len = sizeof stats_fields / sizeof stats_fields[0];

uint64_t
stats_field_value(const struct stats_field *field, const attl_stats *stats)
{
    const char *at = (const char *)stats + field->offset;
    if (field->bytes == sizeof(uint32_t)) {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

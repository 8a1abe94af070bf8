/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What INFO says of loads and leases: a row per member of attl_load_stats, as `attl_load_` and the
 * member's name, at the end of the section Attl. The macro exists for the reason that
 * stats_fields.c gives. The rows are constant, the figures one reading of the counters.
 */
#include "command/info_lines.h"

#include <inttypes.h>

struct load_field {
    const char *name;
    size_t offset;
};

#define FIELD(member)                              \
    {                                              \
#member, offsetof(attl_load_stats, member) \
    }

static const struct load_field fields[] = {
    FIELD(loading),  FIELD(waiting), FIELD(stale),    FIELD(negative),  FIELD(won),    FIELD(early),
    FIELD(promoted), FIELD(waited),  FIELD(timeouts), FIELD(missed),    FIELD(filled), FIELD(kept),
    FIELD(failed),   FIELD(lost),    FIELD(ended),    FIELD(reentrant), FIELD(busy),
};

void
info_loads(struct info *info)
{
    attl_load_stats stats = { .struct_size = sizeof stats };
    attl_load_stats_get(info->env->cache, &stats);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&stats + fields[i].offset, sizeof value);
        buf_printf(info->text, "attl_load_%s:%" PRIu64 "\r\n", fields[i].name, value);
    }
}

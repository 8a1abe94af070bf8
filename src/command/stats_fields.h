/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The members of attl_stats by name, so that ATTL.STATS, INFO's section Attl and ATTL.ACCOUNTING
 * show each of them without naming it again. A member added to attl_stats needs one row; the test
 * of ATTL.STATS fails when the rows do not cover the struct. Constant data.
 */
#ifndef ATTL_COMMAND_STATS_FIELDS_H
#define ATTL_COMMAND_STATS_FIELDS_H

#include <attl/attl.h>

enum stats_role {
    STATS_NUMBER,
    STATS_USED_PART, /* a part of mem_used: the parts add up to it */
};

struct stats_field {
    const char *name;
    uint16_t offset;
    uint8_t bytes; /* 4 or 8 */
    uint8_t role;
};

extern const struct stats_field stats_fields[];
extern const size_t stats_fields_len;

uint64_t stats_field_value(const struct stats_field *field, const attl_stats *stats);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of INFO while it is put together. A section is a title and lines "field:value"; a line
 * whose field the section already has is left out, so that the first source of a field wins and
 * nobody needs to know what the others write. The text is bounded by its buffer.
 */
#ifndef ATTL_COMMAND_INFO_LINES_H
#define ATTL_COMMAND_INFO_LINES_H

#include "command/command.h"

struct info {
    struct command_env *env;
    struct buf *text;
    size_t section; /* offset of the present section's title */
    attl_stats stats;
    struct metric_reading *reading; /* NULL: not taken yet */
};

/* Begins a section, with an empty line before it unless it is the first. */
void info_title(struct info *info, const char *title);
void info_line(struct info *info, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `field` in bytes, and `field`_human as "1.50M". */
void info_bytes(struct info *info, const char *field, uint64_t bytes);
/* The number in `field` of the present section, or `otherwise` if it has none. */
uint64_t info_number(const struct info *info, const char *field, uint64_t otherwise);
/* Lines "field:value\n". */
void info_fixed(struct info *info, const char *lines);

/* Lines of the section Attl about shards, cmd_balance.c. */
void info_balance(struct info *info);
/* The section Incidents, cmd_incident.c. */
void info_incidents(struct info *info);
/* Lines of the section Persistence about reading files again, cmd_scrub.c. */
void info_scrub(struct info *info);
/* The section Audit, cmd_audit.c. */
void info_audit(struct info *info);
/* Lines of the section Stats about slow and large commands, cmd_slowlog.c. */
void info_slowlog(struct info *info);
/* The section Persistence, info_persistence.c. */
void info_persistence(struct info *info);
/* The section Latencystats, cmd_histogram.c. */
void info_latencystats(struct info *info);
/* Those fields of a section that are metrics, info_metrics.c. */
void info_metrics(struct info *info, const char *section);

#endif

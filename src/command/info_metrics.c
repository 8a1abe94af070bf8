/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of INFO that are rows of the table of metrics: what the two show cannot differ. They
 * come before what the sections write by themselves, so that a field here wins. One reading serves
 * all sections of a reply, and is taken only if one of them has rows.
 */
#include "command/info_lines.h"
#include "command/metrics.h"

/* The field if the row belongs to the section, else NULL. */
static const char *
field_of(const struct metric *m, const char *section)
{
    size_t len = strlen(section);
    if (!m->info || strncmp(m->info, section, len) != 0 || m->info[len] != ':')
        return NULL;
    return m->info + len + 1;
}

/* Whether the row's number is the host's, which may have none to give. */
static bool
is_of_host(const struct metric *m)
{
    size_t begin = offsetof(struct metric_sources, host);
    return m->each == METRIC_ONCE && m->offset >= begin &&
           m->offset < begin + sizeof(struct metric_host);
}

static void
write_row(struct info *info, const struct metric *m, const char *field)
{
    struct buf value;
    buf_init(&value, METRIC_INFO_MAX);
    if (metric_append(m, metric_reading_sources(info->reading), 0, &value))
        info_line(info, field, "%.*s", (int)value.len, value.data);
    info->text->failed = info->text->failed ? info->text->failed : value.failed;
    buf_fini(&value);
}

void
info_metrics(struct info *info, const char *section)
{
    for (size_t row = 0; row < metric_table_len; row++) {
        const struct metric *m = &metric_table[row];
        const char *field = field_of(m, section);
        if (!field || (is_of_host(m) && !info->env->host->metrics))
            continue;
        if (!info->reading)
            info->reading = metric_reading_new(info->env, METRIC_WITHOUT_SHARDS);
        if (!info->reading) {
            info->text->failed = BUF_NO_MEMORY;
            return;
        }
        write_row(info, m, field);
    }
}

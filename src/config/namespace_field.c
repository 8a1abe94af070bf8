/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of fields of a namespace's policy, and their values as text. Parsing and bounds are
 * those of options, so that "30m" means the same everywhere and messages read alike. What may be
 * given in percent is kept as a negative number where a duration is possible too; a bare number is
 * then seconds, as for every duration.
 */
#include "config/namespace_field.h"

#include "base/assert.h"
#include "base/num.h"
#include "config/option_value.h"

#include <stdio.h>

#define DAY (INT64_C(86400) * 1000)
#define LIFE_MAX (36500 * DAY)
#define BYTES_MAX (INT64_C(1) << 50)

static const struct option_choice evictions[] = {
    { "s3fifo", CHOICE_EVICTION_S3FIFO, NULL },
    { "none", CHOICE_EVICTION_NONE, NULL },
    { "noeviction", CHOICE_EVICTION_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct option_choice durabilities[] = {
    { "log", CHOICE_DURABILITY_LOG, NULL },
    { "snapshot", CHOICE_DURABILITY_SNAPSHOT, NULL },
    { "none", CHOICE_DURABILITY_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct option_choice on_disk_errors[] = {
    { "degrade", CHOICE_ON_DISK_ERROR_DEGRADE, NULL },
    { "reject", CHOICE_ON_DISK_ERROR_REJECT, NULL },
    { NULL, 0, NULL },
};

static const struct option_choice audits[] = {
    { "inherit", CHOICE_NS_AUDIT_INHERIT, NULL }, { "yes", CHOICE_NS_AUDIT_YES, NULL },
    { "no", CHOICE_NS_AUDIT_NO, NULL },           { "true", CHOICE_NS_AUDIT_YES, NULL },
    { "false", CHOICE_NS_AUDIT_NO, NULL },        { NULL, 0, NULL },
};

static const struct option fields[NS_FIELDS] = {
    [NS_ENABLED] = { .name = "enabled",
                     .type = OPTION_BOOL,
                     .flags = OPTION_RUNTIME,
                     .library_default = "yes",
                     .text = "no: as if the namespace did not exist; its keys belong to the next "
                             "shorter "
                             "prefix. This is what `ATTL.NS DEL` leaves of a namespace of the "
                             "settings file." },
    [NS_TTL_DEFAULT] = { .name = "ttl_default",
                         .type = OPTION_DURATION,
                         .flags = OPTION_RUNTIME,
                         .library_default = "0",
                         .max = LIFE_MAX,
                         .text =
                             "Life of an entry that is stored without one. 0: cache.default_ttl "
                             "decides." },
    [NS_TTL_MAX] = { .name = "ttl_max",
                     .type = OPTION_DURATION,
                     .flags = OPTION_RUNTIME,
                     .library_default = "0",
                     .max = LIFE_MAX,
                     .text = "Longest life: a longer one, or none, is cut down to it; in strict "
                             "validation "
                             "mode it is refused. 0: validation.max_ttl alone decides." },
    [NS_TTL_REQUIRED] = { .name = "ttl_required",
                          .type = OPTION_BOOL,
                          .flags = OPTION_RUNTIME,
                          .library_default = "no",
                          .text =
                              "Refuse entries without a life, unless ttl_default gives them one." },
    [NS_SOFT] = { .name = "soft",
                  .type = OPTION_DURATION,
                  .flags = OPTION_RUNTIME,
                  .library_default = "0",
                  .max = LIFE_MAX,
                  .text =
                      "Life until an entry should be reloaded, as a time or in percent of its life "
                      "(`80%`). 0: the whole life." },
    [NS_GRACE] = { .name = "grace",
                   .type = OPTION_DURATION,
                   .flags = OPTION_RUNTIME,
                   .library_default = "0",
                   .max = LIFE_MAX,
                   .text = "Time for which an entry is kept beyond its life, for whoever accepts a "
                           "stale "
                           "value." },
    [NS_JITTER] = { .name = "jitter",
                    .type = OPTION_INT,
                    .flags = OPTION_RUNTIME,
                    .library_default = "0",
                    .max = 90,
                    .unit = "percent",
                    .text =
                        "Part of a life given as a time from now by which it may be shortened, so "
                        "that "
                        "what was stored together does not end together. The same key and life are "
                        "shortened alike; points in time are kept as given." },
    [NS_NEGATIVE_TTL] = { .name = "negative_ttl",
                          .type = OPTION_DURATION,
                          .flags = OPTION_RUNTIME,
                          .library_default = "0",
                          .max = LIFE_MAX,
                          .text = "Life of the answer of a loader that there is no value. 0: the "
                                  "loader decides." },
    [NS_SERVE_STALE] = { .name = "serve_stale",
                         .type = OPTION_BOOL,
                         .flags = OPTION_RUNTIME,
                         .library_default = "no",
                         .text = "Plain reads too may return a stale value, within grace." },
    [NS_MAX_ENTRIES] = { .name = "max_entries",
                         .type = OPTION_INT,
                         .flags = OPTION_RUNTIME,
                         .library_default = "0",
                         .max = INT64_MAX / 2,
                         .unit = "entries",
                         .text = "Entries the namespace may hold. 0: no quota." },
    [NS_MAX_BYTES] = { .name = "max_bytes",
                       .type = OPTION_BYTES,
                       .flags = OPTION_RUNTIME,
                       .library_default = "0",
                       .max = BYTES_MAX,
                       .text = "Bytes of records and large values the namespace may hold. 0: no "
                               "quota." },
    [NS_EVICTION] = { .name = "eviction",
                      .type = OPTION_ENUM,
                      .flags = OPTION_RUNTIME,
                      .library_default = "s3fifo",
                      .choices = evictions,
                      .text =
                          "At a quota: remove entries of this namespace that were not used lately "
                          "(s3fifo), or refuse what would exceed it (none)." },
    [NS_DURABILITY] = { .name = "durability",
                        .type = OPTION_ENUM,
                        .library_default = "log",
                        .choices = durabilities,
                        .text =
                            "Where there is a data directory: logged and in snapshots (log), in "
                            "snapshots "
                            "only (snapshot), or neither, and gone after a restart (none)." },
    [NS_ON_DISK_ERROR] = { .name = "on_disk_error",
                           .type = OPTION_ENUM,
                           .flags = OPTION_RUNTIME,
                           .library_default = "degrade",
                           .choices = on_disk_errors,
                           .text = "While the log cannot be written, or a gap in it is not bridged "
                                   "by a snapshot yet: refuse changes of these keys (reject), or "
                                   "do what persist.on_error says (degrade)." },
    [NS_AUDIT] = { .name = "audit",
                   .type = OPTION_ENUM,
                   .flags = OPTION_RUNTIME,
                   .library_default = "inherit",
                   .choices = audits,
                   .text = "attld's audit trail records changes of these keys by commands (yes), "
                           "does not, whatever audit.writes says (no), or does what that says "
                           "(inherit)." },
};

const struct option *
namespace_field_at(enum namespace_field field)
{
    ASSERT((unsigned)field < NS_FIELDS);
    return &fields[field];
}

const struct option *
namespace_field_find(attl_slice name, enum namespace_field *ret_field)
{
    for (unsigned i = 0; i < NS_FIELDS; i++) {
        size_t len = strlen(fields[i].name), same = 0;
        const char *p = name.data;
        while (name.len == len && same < len && (p[same] | ' ') == (fields[i].name[same] | ' '))
            same++;
        if (same != len)
            continue;
        *ret_field = (enum namespace_field)i;
        return &fields[i];
    }
    return NULL;
}

int64_t
namespace_field_default(enum namespace_field field)
{
    int64_t value = 0;
    int status = namespace_field_parse(field, attl_s(fields[field].library_default),
                                       (struct config_error){ NULL, 0 }, &value);
    ASSERT(status == ATTL_OK);
    return value;
}

/* "80%": true, with the number, which may be out of every range. */
static bool
take_percent(attl_slice text, int64_t *ret_percent)
{
    const char *p = text.data;
    return text.len > 1 && p[text.len - 1] == '%' &&
           num_parse_i64(attl_b(p, text.len - 1), ret_percent);
}

int
namespace_field_parse(enum namespace_field field, attl_slice text, struct config_error err,
                      int64_t *ret_value)
{
    const struct option *row = &fields[field];
    int64_t percent;
    if (field == NS_SOFT && take_percent(text, &percent)) {
        if (percent < 1 || percent > NS_PERCENT_MAX)
            return config_fail(err, "%s: a percentage is between 1%% and 100%%", row->name);
        *ret_value = -percent;
        return ATTL_OK;
    }
    if (field == NS_JITTER && take_percent(text, &percent))
        text.len--;
    struct option_scalar scalar;
    int status = option_parse(row, FORM_NATIVE, text, err, &scalar);
    if (status == ATTL_OK)
        *ret_value = scalar.number;
    return status;
}

int
namespace_field_format(enum namespace_field field, int64_t value, char *buf, size_t len)
{
    if (field == NS_JITTER || (field == NS_SOFT && value < 0)) {
        int n = snprintf(buf, len, "%d%%", (int)(field == NS_SOFT ? -value : value));
        return n > 0 && (size_t)n < len ? ATTL_OK : ATTL_E_BUFFER;
    }
    struct option_scalar scalar = { .number = value };
    return option_format(&fields[field], FORM_NATIVE, scalar, NULL, buf, len);
}

void
namespace_field_toml(enum namespace_field field, int64_t value, struct buf *out)
{
    char text[NS_VALUE_TEXT_MAX];
    if (namespace_field_format(field, value, text, sizeof text) != ATTL_OK)
        return; /* cannot be: it holds any value */
    bool bare = fields[field].type == OPTION_BOOL || field == NS_MAX_ENTRIES;
    buf_printf(out, bare ? "%s = %s" : "%s = \"%s\"", fields[field].name, text);
}

int
namespace_field_choice(enum namespace_field field, int64_t value)
{
    ASSERT(fields[field].type == OPTION_ENUM);
    return fields[field].choices[value].value;
}

static const char *
range_text(enum namespace_field field)
{
    switch (fields[field].type) {
    case OPTION_BOOL: return "yes or no";
    case OPTION_ENUM:
        return field == NS_EVICTION     ? "s3fifo, none"
               : field == NS_DURABILITY ? "log, snapshot, none"
               : field == NS_AUDIT      ? "inherit, yes, no"
                                        : "degrade, reject";
    case OPTION_BYTES: return "bytes, up to 1024TiB";
    case OPTION_DURATION: return field == NS_SOFT ? "time, or 1% to 100%" : "time, up to 36500d";
    default: return field == NS_JITTER ? "0% to 90%" : "a number";
    }
}

void
namespace_markdown_text(struct buf *out)
{
    buf_append_str(out, "| field | default | range | what |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < NS_FIELDS; i++)
        buf_printf(out, "| `%s` | %s | %s | %s%s |\n", fields[i].name, fields[i].library_default,
                   range_text((enum namespace_field)i),
                   fields[i].flags & OPTION_RUNTIME ? "" : "*Read when the cache is opened.* ",
                   fields[i].text);
}

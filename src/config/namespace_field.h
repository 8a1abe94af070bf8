/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a namespace's policy may say: one table of fields, from which settings.toml, the command
 * line, ATTL.NS and docs/config.md all follow, as they follow from option.h for options. A row
 * is an option whose name has no section. Every field is one number in base units; two have a
 * spelling of their own, with a percent sign. Everything here is constant and may be used by any
 * thread.
 */
#ifndef ATTL_CONFIG_NAMESPACE_FIELD_H
#define ATTL_CONFIG_NAMESPACE_FIELD_H

#include "base/buf.h"
#include "config/config_error.h"
#include "config/option.h"

/* In the order of docs/config.md. */
enum namespace_field {
    NS_ENABLED,
    NS_TTL_DEFAULT,   /* ms, 0: none */
    NS_TTL_MAX,       /* ms, 0: none */
    NS_TTL_REQUIRED,  /* bool */
    NS_SOFT,          /* ms, or < 0: so many percent of the life; 0: none */
    NS_GRACE,         /* ms */
    NS_JITTER,        /* percent */
    NS_NEGATIVE_TTL,  /* ms, 0: none */
    NS_SERVE_STALE,   /* bool */
    NS_MAX_ENTRIES,   /* 0: none */
    NS_MAX_BYTES,     /* 0: none */
    NS_EVICTION,      /* enum choice_eviction: S3FIFO or NONE */
    NS_DURABILITY,    /* enum choice_durability */
    NS_ON_DISK_ERROR, /* enum choice_on_disk_error */
    NS_AUDIT,         /* enum choice_ns_audit */
    NS_FIELDS
};

enum choice_durability {
    CHOICE_DURABILITY_LOG,
    CHOICE_DURABILITY_SNAPSHOT,
    CHOICE_DURABILITY_NONE
};

enum choice_on_disk_error { CHOICE_ON_DISK_ERROR_DEGRADE, CHOICE_ON_DISK_ERROR_REJECT };

/* What attl_ns_audit() returns. */
enum choice_ns_audit { CHOICE_NS_AUDIT_NO = -1, CHOICE_NS_AUDIT_INHERIT, CHOICE_NS_AUDIT_YES };

enum {
    NS_PERCENT_MAX = 100,
    NS_VALUE_TEXT_MAX = 64, /* longest value as text, its NUL included */
};

const struct option *namespace_field_at(enum namespace_field field);
/* NULL if there is none of that name, in any case. */
const struct option *namespace_field_find(attl_slice name, enum namespace_field *ret_field);
/* The value of a field that nobody set. */
int64_t namespace_field_default(enum namespace_field field);
/* ATTL_OK, or ATTL_E_CONFIG with a sentence. */
int namespace_field_parse(enum namespace_field field, attl_slice text, struct config_error err,
                          int64_t *ret_value);
/* ATTL_OK, ATTL_E_BUFFER; NS_VALUE_TEXT_MAX bytes always suffice. */
int namespace_field_format(enum namespace_field field, int64_t value, char *buf, size_t len);
/* The value as TOML: quoted where it has to be. */
void namespace_field_toml(enum namespace_field field, int64_t value, struct buf *out);
/* For enums: the enum choice_... behind a value. */
int namespace_field_choice(enum namespace_field field, int64_t value);
/* The table of fields, for docs/config.md. */
void namespace_markdown_text(struct buf *out);

#endif

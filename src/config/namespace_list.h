/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The namespaces of a configuration: a list of prefixes, each with its policy, whose fields know
 * where they come from, as options do. The list is sorted by prefix, byte by byte, and has no
 * duplicates, so that whoever matches keys against it need not sort. It is one block of memory,
 * because configurations are copied for every change. The configuration owns it; the rules for
 * threads are config.h's.
 */
#ifndef ATTL_CONFIG_NAMESPACE_LIST_H
#define ATTL_CONFIG_NAMESPACE_LIST_H

#include "config/namespace_field.h"

struct attl_config;

enum {
    NAMESPACE_PREFIX_MAX = 128, /* bytes */
    NAMESPACES_MAX = 1024,
    NAMESPACE_NAME_MAX = 256, /* "namespace.PREFIX.field" */
};

struct namespace_value {
    int64_t number;
    uint8_t origin; /* enum config_origin; CONFIG_DEFAULT: not given */
    uint8_t file;   /* as in config_value */
    uint32_t line;
};

struct namespace_policy {
    uint16_t prefix_len;
    uint8_t origin; /* of the section itself: the highest rank that named it */
    char prefix[NAMESPACE_PREFIX_MAX];
    struct namespace_value values[NS_FIELDS];
};

struct namespace_list {
    struct namespace_policy *items; /* sorted; NULL: none */
    size_t count;
};

/* One field on its way in; `field` may be NS_FIELDS, to only name the namespace. */
struct namespace_put {
    attl_slice prefix;
    enum namespace_field field;
    attl_slice text;
    uint8_t origin, file;
    uint32_t line;
};

static inline attl_slice
namespace_prefix(const struct namespace_policy *p)
{
    return attl_b(p->prefix, p->prefix_len);
}

/* The policy of exactly this prefix, or NULL. */
const struct namespace_policy *namespace_list_find(const struct namespace_list *l,
                                                   attl_slice prefix);
/* Both copy what they are given. False on lack of memory; *ret is then empty. */
bool namespace_list_copy(const attl_allocator *memory, const struct namespace_list *l,
                         struct namespace_list *ret);
void namespace_list_free(const attl_allocator *memory, struct namespace_list *l);

/* True if `name` begins with "namespace."; then its parts. *ret_field is empty without a second
 * dot. */
bool namespace_name_split(attl_slice name, attl_slice *ret_prefix, attl_slice *ret_field);
/* Parses, checks and stores one field; what is outranked is checked and dropped. ATTL_OK,
 * ATTL_E_CONFIG, ATTL_E_NOMEM. */
int namespace_list_put(struct attl_config *config, const struct namespace_put *put,
                       struct config_error err);
/* The same by the name of the field; unknown ones get a sentence. */
int namespace_list_put_name(struct attl_config *config, struct namespace_put *put, attl_slice field,
                            struct config_error err);
/*
 * Removes a namespace at run time: what only run time knows goes, what another source named is
 * turned off. ATTL_OK, ATTL_MISS, ATTL_E_NOMEM.
 */
int namespace_list_remove(struct attl_config *config, attl_slice prefix);
/* What must hold between fields. ATTL_OK, ATTL_E_CONFIG. */
int namespace_list_check(const struct namespace_list *l, struct config_error err);
/* Fields of that origin (CONFIG_DEFAULT: all that were given) as TOML, each section once;
 * `comments` says where each comes from. */
void namespace_list_text(const struct attl_config *config, uint8_t origin, bool comments,
                         struct buf *out);

#endif

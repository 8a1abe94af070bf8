/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping the list sorted, and the rule which value wins, which is that of options: a value is
 * never overwritten by one of a lower rank. A namespace comes into being with its first field, or
 * with an empty section. The prefix is text without control characters, because settings files and
 * messages must be able to hold it; keys of any bytes can still begin with it.
 */
#include "config/namespace_list.h"

#include "base/alloc.h"
#include "config/config_put.h"
#include "config/option_value.h"

#include <stdio.h>

static const char section[] = "namespace.";

static const struct option prefix_row = { .name = "namespace",
                                          .type = OPTION_STRING,
                                          .max = NAMESPACE_PREFIX_MAX };

static int
compare(attl_slice a, attl_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first item that is not before `prefix`. */
static size_t
lower_bound(const struct namespace_list *l, attl_slice prefix)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(namespace_prefix(&l->items[middle]), prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
is_at(const struct namespace_list *l, size_t i, attl_slice prefix)
{
    return i < l->count && compare(namespace_prefix(&l->items[i]), prefix) == 0;
}

const struct namespace_policy *
namespace_list_find(const struct namespace_list *l, attl_slice prefix)
{
    size_t i = lower_bound(l, prefix);
    return is_at(l, i, prefix) ? &l->items[i] : NULL;
}

bool
namespace_list_copy(const attl_allocator *memory, const struct namespace_list *l,
                    struct namespace_list *ret)
{
    *ret = (struct namespace_list){ NULL, 0 };
    if (l->count == 0)
        return true;
    ret->items = alloc_zero(memory, l->count * sizeof(*l->items));
    if (!ret->items)
        return false;
    memcpy(ret->items, l->items, l->count * sizeof(*l->items));
    ret->count = l->count;
    return true;
}

void
namespace_list_free(const attl_allocator *memory, struct namespace_list *l)
{
    alloc_free(memory, l->items);
    *l = (struct namespace_list){ NULL, 0 };
}

bool
namespace_name_split(attl_slice name, attl_slice *ret_prefix, attl_slice *ret_field)
{
    const size_t skip = sizeof section - 1;
    const char *p = name.data;
    if (name.len < skip || memcmp(p, section, skip) != 0)
        return false;
    size_t dot = name.len;
    while (dot > skip && p[dot - 1] != '.')
        dot--;
    bool has_field = dot > skip; /* the dot before it is not the section's own */
    *ret_prefix = attl_b(p + skip, (has_field ? dot - 1 : name.len) - skip);
    *ret_field = has_field ? attl_b(p + dot, name.len - dot) : attl_b(NULL, 0);
    return true;
}

/* Code is outside the ranks, as for options. */
static bool
outranked(uint8_t present, uint8_t coming)
{
    return coming != CONFIG_CODE && present != CONFIG_CODE && coming < present;
}

/* The item of `prefix`, entered if need be; NULL on failure. */
static struct namespace_policy *
item_for(attl_config *config, attl_slice prefix)
{
    struct namespace_list *l = &config->namespaces;
    size_t at = lower_bound(l, prefix);
    if (is_at(l, at, prefix))
        return &l->items[at];
    struct namespace_policy *grown = alloc_zero(&config->memory, (l->count + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    if (l->count > 0) {
        memcpy(grown, l->items, at * sizeof(*grown));
        memcpy(grown + at + 1, l->items + at, (l->count - at) * sizeof(*grown));
    }
    alloc_free(&config->memory, l->items);
    l->items = grown;
    l->count++;
    grown[at].prefix_len = (uint16_t)prefix.len;
    if (prefix.len)
        memcpy(grown[at].prefix, prefix.data, prefix.len);
    for (unsigned i = 0; i < NS_FIELDS; i++)
        grown[at].values[i].number = namespace_field_default((enum namespace_field)i);
    return &grown[at];
}

int
namespace_list_put(attl_config *config, const struct namespace_put *put, struct config_error err)
{
    struct option_scalar ignored;
    int64_t number = 0;
    int status = option_parse(&prefix_row, FORM_NATIVE, put->prefix, err, &ignored);
    if (status == ATTL_OK && put->field < NS_FIELDS)
        status = namespace_field_parse(put->field, put->text, err, &number);
    if (status != ATTL_OK)
        return status;
    if (config->namespaces.count >= NAMESPACES_MAX &&
        !namespace_list_find(&config->namespaces, put->prefix))
        return config_fail(err, "more than %d namespaces", NAMESPACES_MAX);
    struct namespace_policy *item = item_for(config, put->prefix);
    if (!item)
        return config_fail_memory(err);
    if (!outranked(item->origin, put->origin))
        item->origin = put->origin;
    if (put->field == NS_FIELDS || outranked(item->values[put->field].origin, put->origin))
        return ATTL_OK;
    item->values[put->field] = (struct namespace_value){
        .number = number, .origin = put->origin, .file = put->file, .line = put->line
    };
    return ATTL_OK;
}

int
namespace_list_put_name(attl_config *config, struct namespace_put *put, attl_slice field,
                        struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES], names[OPTION_ERROR_MAX / 2];
    size_t len = 0;
    if (namespace_field_find(field, &put->field))
        return namespace_list_put(config, put, err);
    names[0] = '\0';
    for (unsigned i = 0; i < NS_FIELDS && len < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "",
                                namespace_field_at((enum namespace_field)i)->name);
    return config_fail(err, "'%s' is nothing a namespace has; it has %s",
                       config_shown(shown, field), names);
}

/* What of an item was not said at run time. */
static bool
forget_run_time(struct namespace_policy *item)
{
    bool others = item->origin != CONFIG_RUN_TIME;
    for (unsigned i = 0; i < NS_FIELDS; i++)
        others |= item->values[i].origin != CONFIG_DEFAULT &&
                  item->values[i].origin != CONFIG_RUN_TIME;
    return others;
}

int
namespace_list_remove(attl_config *config, attl_slice prefix)
{
    struct namespace_list *l = &config->namespaces;
    size_t at = lower_bound(l, prefix);
    if (!is_at(l, at, prefix) || !l->items[at].values[NS_ENABLED].number)
        return ATTL_MISS;
    if (forget_run_time(&l->items[at])) {
        l->items[at].values[NS_ENABLED] =
            (struct namespace_value){ .number = 0, .origin = CONFIG_RUN_TIME };
        return ATTL_OK;
    }
    memmove(l->items + at, l->items + at + 1, (l->count - at - 1) * sizeof(*l->items));
    l->count--;
    return ATTL_OK;
}

int
namespace_list_check(const struct namespace_list *l, struct config_error err)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct namespace_value *v = l->items[i].values;
        char shown[CONFIG_SHOWN_BYTES];
        config_shown(shown, namespace_prefix(&l->items[i]));
        if (v[NS_TTL_MAX].number && v[NS_TTL_DEFAULT].number > v[NS_TTL_MAX].number)
            return config_fail(err, "namespace \"%s\": ttl_default is longer than ttl_max", shown);
        if (v[NS_SERVE_STALE].number && !v[NS_GRACE].number)
            return config_fail(err, "namespace \"%s\": serve_stale needs a grace", shown);
    }
    return ATTL_OK;
}

static void
append_section(const struct namespace_policy *item, struct buf *out)
{
    buf_printf(out, "%s[namespace.\"", out->len > 0 ? "\n" : "");
    for (size_t i = 0; i < item->prefix_len; i++) {
        if (item->prefix[i] == '"' || item->prefix[i] == '\\')
            buf_append(out, "\\", 1);
        buf_append(out, &item->prefix[i], 1);
    }
    buf_append_str(out, "\"]\n");
}

static void
append_origin(const attl_config *config, const struct namespace_value *v, struct buf *out)
{
    static const char *const names[] = {
        [CONFIG_DEFAULT] = "default",           [CONFIG_CODE] = "code",
        [CONFIG_FILE] = "settings file",        [CONFIG_ENVIRONMENT] = "environment",
        [CONFIG_COMMAND_LINE] = "command line", [CONFIG_RUN_TIME] = "run time",
    };
    if (v->file > 0)
        buf_printf(out, "  # %s:%u", config->files[v->file - 1], (unsigned)v->line);
    else
        buf_printf(out, "  # %s", names[v->origin]);
}

void
namespace_list_text(const attl_config *config, uint8_t origin, bool comments, struct buf *out)
{
    for (size_t i = 0; i < config->namespaces.count; i++) {
        const struct namespace_policy *item = &config->namespaces.items[i];
        bool begun = origin == CONFIG_DEFAULT || item->origin == origin;
        if (begun)
            append_section(item, out);
        for (unsigned f = 0; f < NS_FIELDS; f++) {
            const struct namespace_value *v = &item->values[f];
            if (v->origin == CONFIG_DEFAULT || (origin != CONFIG_DEFAULT && v->origin != origin))
                continue;
            if (!begun)
                append_section(item, out);
            begun = true;
            namespace_field_toml((enum namespace_field)f, v->number, out);
            if (comments)
                append_origin(config, v, out);
            buf_append(out, "\n", 1);
        }
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces at run time: all fields of one call or none, on a draft, as CONFIG SET does it. What
 * cannot change while a cache is open is refused by name. A namespace that was turned off comes
 * back with the first field that is set, because whoever sets one means it to count.
 */
#include "config/config_put.h"

static int
set_fields(attl_config *draft, attl_slice prefix, const attl_ns_field *fields, size_t n,
           struct config_error err)
{
    struct namespace_put put = {
        .prefix = prefix, .field = NS_ENABLED, .text = attl_s("yes"), .origin = CONFIG_RUN_TIME
    };
    const struct namespace_policy *known = namespace_list_find(&draft->namespaces, prefix);
    if (!known || known->values[NS_ENABLED].number)
        put.field = NS_FIELDS; /* only the name */
    int status = namespace_list_put(draft, &put, err);
    for (size_t i = 0; status == ATTL_OK && i < n; i++) {
        const struct option *row = namespace_field_find(fields[i].name, &put.field);
        if (row && !(row->flags & OPTION_RUNTIME)) {
            (void)config_fail(err,
                              "%s cannot be changed while running; set it in settings.toml "
                              "and restart",
                              row->name);
            return ATTL_E_IMMUTABLE;
        }
        put.text = fields[i].value;
        status = namespace_list_put_name(draft, &put, fields[i].name, err);
    }
    return status;
}

/* Commits the draft if all is well, and frees it otherwise. */
static int
end(attl_config *config, attl_config *draft, int status, struct config_error err)
{
    if (status == ATTL_OK)
        status = config_check(draft, err.text, err.len);
    if (status == ATTL_OK)
        config_commit(config, draft);
    else
        attl_config_free(draft);
    return status;
}

int
config_ns_set(attl_config *config, attl_slice prefix, const attl_ns_field *fields, size_t n,
              struct config_error err)
{
    attl_config *draft = config_copy(config);
    if (!draft)
        return config_fail_memory(err);
    return end(config, draft, set_fields(draft, prefix, fields, n, err), err);
}

int
config_ns_del(attl_config *config, attl_slice prefix, struct config_error err)
{
    attl_config *draft = config_copy(config);
    if (!draft)
        return config_fail_memory(err);
    return end(config, draft, namespace_list_remove(draft, prefix), err);
}

int
config_ns_get(const attl_config *config, attl_slice prefix, attl_slice field, char *buf, size_t len)
{
    enum namespace_field which;
    const struct namespace_policy *item = namespace_list_find(&config->namespaces, prefix);
    if (!item)
        return ATTL_MISS;
    if (!namespace_field_find(field, &which))
        return ATTL_E_CONFIG;
    return namespace_field_format(which, item->values[which].number, buf, len);
}

bool
config_ns_audits(const attl_config *config)
{
    const struct namespace_list *l = &config->namespaces;
    for (size_t i = 0; i < l->count; i++) {
        const struct namespace_value *v = l->items[i].values;
        if (v[NS_ENABLED].number &&
            namespace_field_choice(NS_AUDIT, v[NS_AUDIT].number) != CHOICE_NS_AUDIT_INHERIT)
            return true;
    }
    return false;
}

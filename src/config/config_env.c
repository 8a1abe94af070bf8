/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment as a source of settings. ATTL_SECTION__KEY names any option, so a misspelt one is
 * an error; the classic names (CACHE_MAX_ENTRIES ...) are common words in other people's
 * environments, so only exact ones count. ATTL_... wins over a classic name for the same option: it
 * is applied second. All or nothing: the variables go to a draft first.
 */
#include "config/config.h"

#include "config/config_put.h"

#define PREFIX "ATTL_"

extern char **environ; /* of libc; POSIX leaves the declaration to us */

/* The name of an option from SECTION__KEY: "section.key". False if it does not fit. */
static bool
option_name_from(attl_slice variable, char out[OPTION_NAME_MAX + 1])
{
    const char *p = variable.data;
    size_t n = 0;
    bool dot = false;
    for (size_t i = 0; i < variable.len; i++) {
        if (n == OPTION_NAME_MAX)
            return false;
        char c = p[i];
        if (!dot && c == '_' && i + 1 < variable.len && p[i + 1] == '_') {
            dot = true;
            i++;
            c = '.';
        }
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[n] = '\0';
    return true;
}

/* Prefixes the message of a failed put with the variable's name. */
static int
fail_variable(attl_slice variable, int status, const char *why, struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES];
    if (status != ATTL_E_CONFIG)
        return config_fail_memory(err);
    return config_fail(err, "environment %s: %s", config_shown(shown, variable), why);
}

/* Applies NAME=VALUE if NAME begins with ATTL_ and holds two underscores; other variables are not
 * ours. */
static int
apply_prefixed(attl_config *draft, attl_slice variable, const char *value, struct config_error err)
{
    static const size_t skip = sizeof PREFIX - 1;
    if (variable.len < skip || memcmp(variable.data, PREFIX, skip) != 0)
        return ATTL_OK;
    attl_slice name = attl_b((const char *)variable.data + skip, variable.len - skip);
    if (!memmem(name.data, name.len, "__", 2))
        return ATTL_OK;
    char option_name[OPTION_NAME_MAX + 1], why[OPTION_ERROR_MAX];
    struct config_error inner = { why, sizeof why };
    struct config_put put = { .text = attl_s(value), .origin = CONFIG_ENVIRONMENT };
    int status = ATTL_OK;
    if (!option_name_from(name, option_name))
        status = config_fail(inner, "no option has a name that long");
    else
        status = config_put_find(&put, attl_s(option_name), inner);
    if (status == ATTL_OK)
        status = config_put(draft, &put, inner);
    return status == ATTL_OK ? ATTL_OK : fail_variable(variable, status, why, err);
}

/* Applies NAME=VALUE if NAME is, letter by letter, a classic name. */
static int
apply_classic(attl_config *draft, attl_slice variable, const char *value, struct config_error err)
{
    char why[OPTION_ERROR_MAX];
    struct config_put put = { .text = attl_s(value), .origin = CONFIG_ENVIRONMENT };
    put.option = option_find_alias(variable, &put.alias);
    if (!put.option || !put.alias || put.alias->kind != ALIAS_CLASSIC ||
        memcmp(put.alias->name, variable.data, variable.len) != 0)
        return ATTL_OK;
    int status = config_put(draft, &put, (struct config_error){ why, sizeof why });
    return status == ATTL_OK ? ATTL_OK : fail_variable(variable, status, why, err);
}

static int
apply_all(attl_config *draft, char *const *environment, struct config_error err)
{
    int status = ATTL_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; environment[i] && i < CONFIG_ENV_MAX && status == ATTL_OK; i++) {
            const char *equals = strchr(environment[i], '=');
            if (!equals)
                continue;
            attl_slice variable = attl_b(environment[i], (size_t)(equals - environment[i]));
            status = pass == 0 ? apply_classic(draft, variable, equals + 1, err)
                               : apply_prefixed(draft, variable, equals + 1, err);
        }
    return status;
}

int
config_apply_env(attl_config *config, char *const *environment, char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    attl_config *draft = config_copy(config);
    if (!draft)
        return config_fail_memory(error);
    int status = apply_all(draft, environment, error);
    if (status == ATTL_OK)
        config_commit(config, draft);
    else
        attl_config_free(draft);
    return status;
}

int
attl_config_env(attl_config *config, char *err, size_t err_len)
{
    if (!config)
        return config_fail((struct config_error){ err, err_len }, "no configuration given");
    static char *const nothing[] = { NULL };
    return config_apply_env(config, environ ? environ : nothing, err, err_len);
}

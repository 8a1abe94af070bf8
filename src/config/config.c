/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration's life, its values and the rule which value wins; see config.h. Text values are
 * owned by the configuration, one allocation each, and an empty text is NULL, so that most
 * configurations own three or four strings. A failed write leaves everything as it was: the new
 * text is made before the old one is dropped, and whole sources go through a draft (config_put.h).
 */
#include "config/config.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "config/config_put.h"
#include "config/notify_flags.h"
#include "config/option_value.h"

#include <stdio.h>

static bool
is_text(const struct option *option)
{
    return option->type == OPTION_STRING || option->type == OPTION_SECRET;
}

/* A copy of `text` with a NUL; NULL for an empty one, and then *ret_failed stays as it is. */
static char *
text_copy(const attl_config *config, attl_slice text, bool *ret_failed)
{
    if (text.len == 0)
        return NULL;
    char *copy = alloc_zero(&config->memory, text.len + 1);
    if (copy)
        memcpy(copy, text.data, text.len);
    else
        *ret_failed = true;
    return copy;
}

/* Frees a text; it may be a password. */
static void
text_free(const attl_config *config, char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    alloc_free(&config->memory, text);
}

/* ---- life ---- */

/* The defaults come from the table; a test reads each of them, so a failure here is lack of memory.
 */
static bool
put_defaults(attl_config *config)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        bool own = config->server && option->server_default;
        struct config_put put = {
            .option = option,
            .text = attl_s(own ? option->server_default : option->library_default),
            .origin = CONFIG_DEFAULT,
        };
        int status = config_put(config, &put, (struct config_error){ NULL, 0 });
        ASSERT(status == ATTL_OK || status == ATTL_E_NOMEM);
        if (status != ATTL_OK)
            return false;
    }
    return true;
}

attl_config *
config_new_with(attl_allocator memory, bool server)
{
    attl_config *config = alloc_zero(&memory, sizeof *config);
    if (!config)
        return NULL;
    config->struct_bytes = sizeof *config;
    config->memory = memory;
    config->server = server;
    if (put_defaults(config))
        return config;
    attl_config_free(config);
    return NULL;
}

attl_config *
attl_config_new(void)
{
    return config_new_with(alloc_default(), false);
}

attl_config *
config_new_server(void)
{
    return config_new_with(alloc_default(), true);
}

/* Frees what `config` owns besides itself. */
static void
config_fini(attl_config *config)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        text_free(config, config->values[id].text);
    for (size_t i = 0; i < CONFIG_FILES_MAX; i++)
        text_free(config, config->files[i]);
    namespace_list_free(&config->memory, &config->namespaces);
}

void
attl_config_free(attl_config *config)
{
    if (!config)
        return;
    attl_allocator memory = config->memory;
    config_fini(config);
    alloc_free(&memory, config);
}

attl_config *
config_copy(const attl_config *config)
{
    attl_config *copy = alloc_zero(&config->memory, sizeof *copy);
    if (!copy)
        return NULL;
    bool failed = false;
    *copy = *config;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const char *text = config->values[id].text;
        copy->values[id].text = text_copy(copy, attl_s(text ? text : ""), &failed);
    }
    for (size_t i = 0; i < CONFIG_FILES_MAX; i++) {
        const char *file = config->files[i];
        copy->files[i] = text_copy(copy, attl_s(file ? file : ""), &failed);
    }
    failed |= !namespace_list_copy(&copy->memory, &config->namespaces, &copy->namespaces);
    if (!failed)
        return copy;
    attl_config_free(copy);
    return NULL;
}

void
config_commit(attl_config *config, attl_config *draft)
{
    attl_allocator memory = draft->memory;
    config_fini(config);
    *config = *draft;
    alloc_free(&memory, draft);
}

/* ---- reads ---- */

int64_t
config_i64(const attl_config *config, enum option_id id)
{
    const struct option *option = option_at(id);
    ASSERT(!is_text(option) && option->type != OPTION_BOOL && option->type != OPTION_DOUBLE);
    int64_t number = config->values[id].number;
    return option->type == OPTION_ENUM ? option->choices[number].value : number;
}

bool
config_bool(const attl_config *config, enum option_id id)
{
    ASSERT(option_at(id)->type == OPTION_BOOL);
    return config->values[id].number != 0;
}

double
config_double(const attl_config *config, enum option_id id)
{
    ASSERT(option_at(id)->type == OPTION_DOUBLE);
    return config->values[id].real;
}

const char *
config_str(const attl_config *config, enum option_id id)
{
    ASSERT(is_text(option_at(id)));
    return config->values[id].text ? config->values[id].text : "";
}

enum config_origin
config_origin(const attl_config *config, enum option_id id)
{
    ASSERT((unsigned)id < OPTION_COUNT);
    return config->values[id].origin;
}

/* ---- writes ---- */

/* Code is outside the ranks: it may say anything at any moment, and a source read later still
 * counts. */
static bool
outranked(enum config_origin present, enum config_origin coming)
{
    return coming != CONFIG_CODE && present != CONFIG_CODE && coming < present;
}

/* Letters as Redis orders them; `text` was found short enough. */
static int
normalize_events(char letters[NOTIFY_FLAGS_MAX + 1], attl_slice *text, struct config_error err)
{
    if (!notify_flags_normalize(*text, letters))
        return config_fail(err, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    *text = attl_s(letters);
    return ATTL_OK;
}

int
config_put(attl_config *config, const struct config_put *put, struct config_error err)
{
    const struct option *option = put->option;
    struct config_value *value = &config->values[option_id_of(option)];
    struct option_scalar scalar;
    int status =
        option_parse(option, put->alias ? put->alias->form : FORM_NATIVE, put->text, err, &scalar);
    char letters[NOTIFY_FLAGS_MAX + 1];
    attl_slice shown = put->text;
    if (status == ATTL_OK && option_id_of(option) == OPT_REDIS_NOTIFY_KEYSPACE_EVENTS)
        status = normalize_events(letters, &shown, err);
    if (status != ATTL_OK || outranked(value->origin, put->origin))
        return status;
    char *text = NULL;
    if (is_text(option)) {
        bool failed = false;
        text = text_copy(config, shown, &failed);
        if (failed)
            return config_fail_memory(err);
        text_free(config, value->text);
    }
    *value = (struct config_value){
        .number = scalar.number,
        .real = scalar.real,
        .text = text,
        .origin = put->origin,
        .alias = put->alias ? (uint8_t)(put->alias - option->aliases + 1) : 0,
        .file = put->file,
        .line = put->line,
    };
    return ATTL_OK;
}

int
config_put_find(struct config_put *put, attl_slice name, struct config_error err)
{
    put->option = option_find_alias(name, &put->alias);
    return put->option ? ATTL_OK : config_fail_unknown(err, name);
}

uint8_t
config_file_index(attl_config *config, const char *path)
{
    bool failed = false;
    for (size_t i = 0; i < CONFIG_FILES_MAX; i++) {
        if (!config->files[i])
            config->files[i] = text_copy(config, attl_s(path), &failed);
        if (!config->files[i])
            return 0;
        if (strcmp(config->files[i], path) == 0)
            return (uint8_t)(i + 1);
    }
    return 0;
}

int
config_set(attl_config *config, enum option_id id, const char *value, enum config_origin origin,
           char *err, size_t err_len)
{
    struct config_put put = { .option = option_at(id), .text = attl_s(value), .origin = origin };
    return config_put(config, &put, (struct config_error){ err, err_len });
}

int
attl_config_set(attl_config *config, const char *name, const char *value, char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    if (!config || !name || !value)
        return config_fail(error, "no configuration, name or value given");
    attl_slice prefix, field;
    if (namespace_name_split(attl_s(name), &prefix, &field)) {
        struct namespace_put ns = { .prefix = prefix,
                                    .text = attl_s(value),
                                    .origin = CONFIG_CODE };
        return namespace_list_put_name(config, &ns, field, error);
    }
    struct config_put put = { .text = attl_s(value), .origin = CONFIG_CODE };
    int status = config_put_find(&put, attl_s(name), error);
    return status == ATTL_OK ? config_put(config, &put, error) : status;
}

int
config_set_run_time(attl_config *config, const char *name, const char *value,
                    enum option_id *ret_id, char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    struct config_put put = { .text = attl_s(value), .origin = CONFIG_RUN_TIME };
    int status = config_put_find(&put, attl_s(name), error);
    if (status != ATTL_OK)
        return status;
    if (!(put.option->flags & OPTION_RUNTIME)) {
        (void)config_fail(error,
                          "%s cannot be changed while running; set it in settings.toml and "
                          "restart",
                          put.option->name);
        return ATTL_E_IMMUTABLE;
    }
    attl_config *draft = config_copy(config);
    if (!draft)
        return config_fail_memory(error);
    status = config_put(draft, &put, error);
    if (status == ATTL_OK)
        status = config_check(draft, err, err_len);
    if (status != ATTL_OK) {
        attl_config_free(draft);
        return status;
    }
    config_commit(config, draft);
    if (ret_id)
        *ret_id = option_id_of(put.option);
    return ATTL_OK;
}

/* ---- hooks ---- */

void
attl_config_set_allocator(attl_config *config, const attl_allocator *a)
{
    if (!config)
        return;
    config->has_allocator = a != NULL;
    config->allocator = a ? *a : (attl_allocator){ NULL, NULL, NULL };
}

void
attl_config_set_log(attl_config *config, attl_log_fn fn, void *ud)
{
    if (!config)
        return;
    config->log_fn = fn;
    config->log_ud = ud;
}

void
attl_config_set_clock(attl_config *config, attl_clock_fn fn, void *ud)
{
    if (!config)
        return;
    config->clock_fn = fn;
    config->clock_ud = ud;
}

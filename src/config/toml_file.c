/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a settings file as a whole, lets the shim parse it and hands the list to the options. The
 * size is bounded, so that pointing --config at a device or a database by mistake ends with a
 * message instead of with all memory used. Part of libattl-toml: nothing of libattl refers to this
 * file.
 */
#include "config/toml_file.h"

#include "config/config_entry.h"
#include "config/toml_shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The message of `path` with the system's reason. */
static int
fail_system(const char *path, int reason, struct config_error err)
{
    char text[128];
    (void)config_fail(err, "%s: %s", path, strerror_r(reason, text, sizeof text));
    return ATTL_E_IO;
}

/* Reads at most CONFIG_FILE_BYTES_MAX bytes of an open file into memory from malloc. */
static int
read_stream(FILE *file, const char *path, char *data, struct config_error err, size_t *ret_len)
{
    errno = 0;
    size_t n = fread(data, 1, CONFIG_FILE_BYTES_MAX + 1, file);
    if (ferror(file))
        return fail_system(path, errno, err);
    if (n > CONFIG_FILE_BYTES_MAX)
        return config_fail(err, "%s: larger than %d bytes; is this a settings file?", path,
                           CONFIG_FILE_BYTES_MAX);
    *ret_len = n;
    return ATTL_OK;
}

static int
read_and_apply(attl_config *config, FILE *file, const char *path, enum config_origin origin,
               struct config_error err)
{
    char *data = malloc(CONFIG_FILE_BYTES_MAX + 1);
    if (!data)
        return config_fail_memory(err);
    size_t len = 0;
    int status = read_stream(file, path, data, err, &len);
    if (status == ATTL_OK)
        status = config_load_text(config, path, attl_b(data, len), origin, err.text, err.len);
    explicit_bzero(data, len); /* the file may hold a password */
    free(data);
    return status;
}

/* Opens, applies, closes. `*ret_missing` says that there was no such file. */
static int
load_file(attl_config *config, const char *path, enum config_origin origin, struct config_error err,
          bool *ret_missing)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        *ret_missing = errno == ENOENT;
        return fail_system(path, errno, err);
    }
    int status = read_and_apply(config, file, path, origin, err);
    (void)fclose(file); /* only read from: nothing can be lost */
    return status;
}

int
config_load_text(attl_config *config, const char *name, attl_slice text, enum config_origin origin,
                 char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    struct toml_list *list;
    size_t count;
    if (config->struct_bytes != sizeof *config) {
        (void)config_fail(error, "libattl and libattl-toml are of different versions");
        return ATTL_E_UNSUPPORTED;
    }
    int status = toml_list_new(name, text, error, &list);
    if (status != ATTL_OK)
        return status;
    const struct config_entry *entries = toml_list_entries(list, &count);
    status = config_entries_apply(config, name, origin, entries, count, error);
    toml_list_free(list);
    return status;
}

int
attl_config_load(attl_config *config, const char *path, char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    bool missing;
    if (!config || !path)
        return config_fail(error, "no configuration or path given");
    return load_file(config, path, CONFIG_FILE, error, &missing);
}

int
config_load_runtime(attl_config *config, const char *path, char *err, size_t err_len)
{
    bool missing = false;
    int status =
        load_file(config, path, CONFIG_RUN_TIME, (struct config_error){ err, err_len }, &missing);
    return missing ? ATTL_MISS : status;
}

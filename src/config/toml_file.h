/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings files. attl_config_load() of attl.h reads the operator's file; the functions here are
 * what attld needs beyond it. They live in libattl-toml, so that a program that embeds libattl
 * without files does not get a C++ run time. Each applies the whole file or nothing.
 */
#ifndef ATTL_CONFIG_TOML_FILE_H
#define ATTL_CONFIG_TOML_FILE_H

#include "config/config.h"

/* Reads DIR/runtime.toml: values as if set by CONFIG SET. ATTL_MISS if there is no such file;
 * otherwise as attl_config_load(). */
int config_load_runtime(attl_config *config, const char *path, char *err, size_t err_len);
/* Applies settings from memory; `name` stands for the file in messages and origins. */
int config_load_text(attl_config *config, const char *name, attl_slice text,
                     enum config_origin origin, char *err, size_t err_len);

#endif

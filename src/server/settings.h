/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the command line to a complete configuration: settings file, environment, flags, and what
 * CONFIG REWRITE kept. Also answers the questions a command line may ask instead of starting a
 * server:
 * --help, --version, --check-config, --dump-options. Messages go to the standard streams, as there
 * is no log yet; the result is an exit code of sysexits.h.
 */
#ifndef ATTL_SERVER_SETTINGS_H
#define ATTL_SERVER_SETTINGS_H

#include "config/config.h"

#define SETTINGS_RUNTIME_FILE "runtime.toml"

/*
 * *ret_config is the configuration to start a server with, to be freed with attl_config_free(),
 * or NULL if there is no server to start: then the return value is the exit code, 0 included.
 */
int settings_read(int argc, char **argv, attl_config **ret_config);

#endif

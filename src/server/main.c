/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attld: the AsyncTTLCache server. It stays in the foreground, logs to standard error and exits
 * with a code of sysexits.h: 0 after a graceful stop, 64 usage, 65 damaged data, 66 settings file,
 * 69 port in use, 71 system, 73 cannot create, 74 input or output, 75 data directory in use, 77
 * permission, 78 settings. Signals are taken by this thread
 * alone, which is why they are prepared before anything that starts threads.
 */
#include "os/signal.h"
#include "server/server.h"
#include "server/settings.h"

#include <sysexits.h>

int
main(int argc, char **argv)
{
    attl_config *config;
    int code = settings_read(argc, argv, &config);
    if (!config)
        return code;
    if (!signals_prepare()) {
        attl_config_free(config);
        return EX_OSERR;
    }
    struct server server;
    code = server_open(&server, config);
    if (code == EX_OK)
        code = server_run(&server);
    server_close(&server);
    return code;
}

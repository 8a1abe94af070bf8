/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl, the command-line tool. main() reads the command line and hands over to the module of the
 * mode asked for; each of those returns the exit status. Only LC_CTYPE is taken from the
 * environment: numbers are written with a point everywhere, whatever the locale says.
 */
#include "cli/args.h"
#include "cli/dump.h"
#include "cli/help.h"
#include "cli/interactive.h"
#include "cli/load.h"
#include "cli/offline.h"
#include "cli/oneshot.h"
#include "cli/outcome.h"
#include "cli/stat.h"
#include "cli/term.h"
#include "cli/top.h"

#include <locale.h>
#include <stdlib.h>
#include <sysexits.h>

static int
run_mode(const struct cli_args *args)
{
    switch (args->mode) {
    case MODE_STAT: return stat_run(args);
    case MODE_TOP: return top_run(args);
    case MODE_LOAD: return load_run(args);
    case MODE_DUMP: return dump_run(args);
    case MODE_HEALTHCHECK: return oneshot_healthcheck(args);
    case MODE_WAL:
    case MODE_SNAPSHOT:
    case MODE_CHECK:
    case MODE_AUDIT: return offline_run(args);
    case MODE_HELP: return help_run(args);
    case MODE_VERSION: (void)puts("attl " ATTL_VERSION_STRING); return outcome_flush();
    case MODE_INTERACTIVE: return term_is(stdin) ? interactive_run(args) : oneshot_pipe(args);
    default: return oneshot_run(args);
    }
}

int
main(int argc, char **argv)
{
    struct cli_args args;
    (void)setlocale(LC_CTYPE, ""); /* without it only ASCII is edited well */
    int code = EX_USAGE;
    if (args_parse(&args, argc, argv, getenv("ATTL_PASSWORD")))
        code = run_mode(&args);
    else
        outcome_say("%s", args.error);
    args_fini(&args);
    return code;
}

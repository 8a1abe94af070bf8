/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands that need no server: they look at a data directory, stopped or in use. All share the
 * opened directory, the output and the progress bar of this struct, which lives for one command.
 * Only a verb that says so locks the directory; without the lock nothing in it can be changed.
 */
#ifndef ATTL_CLI_OFFLINE_H
#define ATTL_CLI_OFFLINE_H

#include "cli/args.h"
#include "cli/progress.h"
#include "persist/segment.h"

#include <stdio.h>

enum { OFFLINE_TEXT_MAX = 640 };

struct offline {
    const struct cli_offline *want;
    bool json;
    FILE *out;
    attl_allocator alloc;
    struct os_disk dir;
    struct disk *disk;
    struct progress progress;
    uint64_t bytes_before, keys_before; /* of the work that is done, for the bar */
};

/* Opens the directory, does what args->offline.verb says. An exit status. */
int offline_run(const struct cli_args *args);
/* The same, writing to `out`, whose errors are its owner's. */
int offline_run_to(const struct cli_args *args, FILE *out);

/* The exit status for a negative errno. */
int offline_code(int error);
/* Complains about `what` and returns that status. */
int offline_fail(struct offline *o, int error, const char *what);
/* Lists the files of the directory. 0, or an exit status with everything said. */
int offline_list(struct offline *o, struct store_list *ret);
/* True if a file is no longer there: a server removes old ones while we look. */
bool offline_gone(struct offline *o, const char *name);
/* The worse of two statuses: not to be read before damaged before fine. */
int offline_worse(int a, int b);
/*
 * The last line, with the exit status `code`, which is returned: "fine: ...", "damaged: ...". With
 * --json an object.
 */
int offline_verdict(struct offline *o, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

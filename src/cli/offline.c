/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame around every offline command. The directory is opened without the lock first, also by
 * the one verb that locks, because taking the lock would create a directory that is missing. Exit
 * statuses are those of sysexits.h: what cannot be read says nothing about the data, so it is not
 * called damage.
 */
#include "cli/offline.h"

#include "base/alloc.h"
#include "cli/args_offline.h"
#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/text.h"

#include <errno.h>
#include <stdarg.h>
#include <sysexits.h>

int
offline_code(int error)
{
    switch (error) {
    case 0: return EX_OK;
    case -ENOENT:
    case -ENOTDIR: return EX_NOINPUT;
    case -ENOMEM: return EX_OSERR;
    case -EINTR: return OUTCOME_INTERRUPTED;
    case -EBUSY:
    case -EAGAIN: return EX_TEMPFAIL;
    case -EBADMSG: return EX_DATAERR;
    default: return EX_IOERR;
    }
}

int
offline_fail(struct offline *o, int error, const char *what)
{
    progress_clear(&o->progress);
    if (error == -EINTR)
        outcome_say("interrupted");
    else
        outcome_say("%s: %s", what, strerror(-error));
    return offline_code(error);
}

int
offline_list(struct offline *o, struct store_list *ret)
{
    int rc = store_list_init(ret, &o->alloc, o->disk);
    return rc < 0 ? offline_fail(o, rc, o->want->dir) : EX_OK;
}

bool
offline_gone(struct offline *o, const char *name)
{
    struct disk_file *f;
    int rc = o->disk->ops->open(o->disk, name, DISK_READ, &f);
    if (rc == 0)
        (void)o->disk->ops->close(o->disk, f); /* nothing was done with it */
    return rc == -ENOENT;
}

int
offline_worse(int a, int b)
{
    static const int order[] = { OUTCOME_INTERRUPTED, EX_OSERR, EX_IOERR, EX_DATAERR };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a ? a : b;
}

int
offline_verdict(struct offline *o, int code, const char *format, ...)
{
    char text[OFFLINE_TEXT_MAX];
    const char *status = code == EX_OK ? "fine" : code == EX_DATAERR ? "damaged" : "unreadable";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut is fine */
    va_end(args);
    progress_clear(&o->progress);
    if (o->json) {
        (void)fprintf(
            o->out, "{\"type\":\"verdict\",\"status\":\"%s\",\"exit\":%d,\"text\":", status, code);
        text_json(o->out, attl_s(text));
        (void)fputs("}\n", o->out);
    } else {
        (void)fprintf(o->out, "%s: %s\n", status, text);
    }
    return code;
}

int
offline_run_to(const struct cli_args *args, FILE *out)
{
    char err[OFFLINE_TEXT_MAX] = "";
    struct offline o = { .want = &args->offline,
                         .json = args->output == OUTPUT_JSON,
                         .out = out,
                         .alloc = alloc_default() };
    int rc = os_disk_open(&o.dir, &o.alloc, args->offline.dir, false, err, sizeof err);
    if (rc == 0 && args->offline.verb->locks && !args->offline.dry_run) {
        os_disk_close(&o.dir);
        rc = os_disk_open(&o.dir, &o.alloc, args->offline.dir, true, err, sizeof err);
    }
    if (rc < 0) {
        outcome_say("%s", err[0] ? err : strerror(-rc));
        return offline_code(rc);
    }
    o.disk = &o.dir.disk;
    interrupt_install();
    int code = args->offline.verb->run(&o);
    os_disk_close(&o.dir);
    return code;
}

int
offline_run(const struct cli_args *args)
{
    int code = offline_run_to(args, stdout);
    return outcome_flush() == EX_OK ? code : EX_IOERR;
}

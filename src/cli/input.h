/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file or standard input, read in large pieces and given out as lines or as raw bytes. A piece is
 * whatever is there: a pipe that trickles is not waited for longer than its next byte. The bytes
 * given out are borrowed until the next call. A line longer than INPUT_LINE_BYTES_MAX is skipped
 * and reported, so that one bad line does not end a load of millions.
 */
#ifndef ATTL_CLI_INPUT_H
#define ATTL_CLI_INPUT_H

#include "base/buf.h"

#include <attl/attl.h>
#include <stdbool.h>

enum { INPUT_LINE_BYTES_MAX = 1400 * 1024 * 1024 }; /* two values of 512 MiB in base64 */

enum input_status {
    INPUT_OK = 0,
    INPUT_END = 1,
    INPUT_TOO_LONG = 2, /* the line was skipped; go on */
    INPUT_E_IO = -1,
    INPUT_E_NOMEM = -2,
    INPUT_E_LIMIT = -3,
    INPUT_E_INTERRUPTED = -4
};

struct input {
    int fd;
    const char *name; /* for messages: "standard input" or the path */
    bool owned;       /* close `fd` */
    struct buf bytes;
    size_t pos;            /* given out up to here */
    size_t scanned;        /* searched for a line feed up to here */
    uint64_t offset;       /* of `pos` in the whole input */
    uint64_t size_bytes;   /* of the whole input, 0 if unknown */
    uint64_t line;         /* number of the line given out last */
    size_t line_bytes_max; /* INPUT_LINE_BYTES_MAX */
    bool ended;
    bool skipping; /* the rest of a line that was too long */
    int error;     /* errno of INPUT_E_IO */
};

/* Opens `path`, "-" being standard input. False with errno set. */
bool input_open(struct input *in, const char *path);
void input_close(struct input *in);
/* Reads more behind what is there: INPUT_OK, INPUT_END or a failure. Waits for at least one byte.
 */
int input_more(struct input *in);
/* What has been read and not consumed. */
attl_slice input_rest(const struct input *in);
void input_consume(struct input *in, size_t n);
/* The next line without its end (LF or CRLF); the last may have none. */
int input_line(struct input *in, attl_slice *ret_line);

#endif

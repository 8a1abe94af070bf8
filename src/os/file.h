/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the server's directory. A file is replaced as a whole: whoever reads it, after a crash
 * too, finds the old content or the new one. Names are single components, opened relative to the
 * directory, never through a symbolic link, and readable by the owner only.
 */
#ifndef ATTL_OS_FILE_H
#define ATTL_OS_FILE_H

#include "base/buf.h"

#include <attl/attl.h>
#include <stdbool.h>

/* Appends the whole of the regular file `path`. 0 or a negative errno; -EFBIG: more than `out` may
 * hold, -ENOMEM: no memory for it. */
int file_read(const char *path, struct buf *out);
/* The same of `name` in `dir`, which is no path and no link. */
int file_read_in(const char *dir, const char *name, struct buf *out);
/* Writes `dir`/`name` anew. False with a sentence in `err`; then the old file is as it was. */
bool file_replace(const char *dir, const char *name, attl_slice content, char *err, size_t err_len);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of users (acl.file), in Redis' format: a line "user NAME rule rule ..." per user; blank
 * lines and, beyond Redis, lines that begin with # are left out. It is read as a whole or not at
 * all: any line that is wrong leaves the users as they are. A file without the default user leaves
 * that one as it is, so that a password set by requirepass is not lost; Redis opens it. Writing
 * replaces the file atomically, readable by its owner only.
 */
#ifndef ATTL_ACCESS_ACCESS_FILE_H
#define ATTL_ACCESS_ACCESS_FILE_H

#include "access/access.h"

/* Reads a->path. False with sentences in `problems` that name the file, the line and the word. */
bool access_load(struct access *a, const struct access_listener *l, struct buf *problems);
/* Writes a->path. False with a sentence. */
bool access_save(struct access *a, char *err, size_t err_len);
/* The same from and to text, `name` being that of the file in messages. */
bool access_load_text(struct access *a, const char *name, attl_slice text,
                      const struct access_listener *l, struct buf *problems);
void access_text(struct access *a, struct buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies of commands as JSON. A reply is what command_execute() writes under protocol 3: maps
 * become objects, arrays and sets arrays, null null, errors {"error": {"code", "message"}}; numbers
 * keep their digits. The reader believes no length and no depth, although the writer is ours, so
 * that a bug there is a refused reply and not a read beyond its end. Texts that commands write for
 * people, such as INFO's, have a shape of their own and become objects too.
 */
#ifndef ATTL_ADMIN_JSON_REPLY_H
#define ATTL_ADMIN_JSON_REPLY_H

#include "base/json.h"

enum { JSON_REPLY_DEPTH_MAX = 32 };

/* What a string at the top of the reply is. */
enum json_shape {
    JSON_AS_IS,
    JSON_INFO, /* "# Section" and "name:value" lines: an object of objects */
    JSON_ROWS  /* lines of "name=value" words: an array of objects */
};

/* Writes the first reply of `resp` as one element; false if it is none, or cut short: then what is
 * in the buffer is to be thrown away. */
bool json_put_reply(struct json *out, attl_slice resp, enum json_shape shape);
/* The error that a reply is: its text without the '-'; false if it is none. */
bool json_reply_error(attl_slice resp, attl_slice *ret_text);
/* {"code": "ERR", "message": "..."} of such a text. */
void json_put_error(struct json *out, const char *name, attl_slice text);

#endif

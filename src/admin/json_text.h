/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in the JSON of the HTTP door. Bytes that are UTF-8 become a string; others cannot, as JSON
 * knows no bytes, and become the object {"base64": "..."}, which is also how a request may give
 * them. What a page could take for markup is escaped too, so that a value is harmless wherever it
 * ends up. Nothing is kept; a failure is the writer's buf's.
 */
#ifndef ATTL_ADMIN_JSON_TEXT_H
#define ATTL_ADMIN_JSON_TEXT_H

#include "base/json.h"

enum { JSON_DOOR = JSON_SHORT | JSON_MARKUP }; /* the rules of all that the door sends */

/* A string, or {"base64": "..."}. */
void json_put_bytes(struct json *j, const char *name, attl_slice bytes);
/* As the name of the next member: "text", or "base64:...". */
void json_name_bytes(struct json *j, attl_slice bytes);

#endif

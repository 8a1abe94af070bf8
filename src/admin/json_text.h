/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON strings out of bytes. Bytes that are UTF-8 become a string; others cannot, as JSON knows no
 * bytes, and become the object {"base64": "..."}, which is also how a request may give them. What a
 * page could take for markup is escaped too, so that a value is harmless wherever it ends up. All
 * functions append to a buf, whose sticky failure is looked at once by whoever sends it.
 */
#ifndef ATTL_ADMIN_JSON_TEXT_H
#define ATTL_ADMIN_JSON_TEXT_H

#include "base/buf.h"

/* Whether `text` is UTF-8: shortest forms, no surrogates, at most U+10FFFF. */
bool json_is_utf8(attl_slice text);
/* "text" with its quotes. REQUIRES json_is_utf8. */
void json_text(struct buf *out, attl_slice text);
/* A string, or {"base64": "..."}. */
void json_bytes(struct buf *out, attl_slice bytes);
/* As the name of a member: "text", or "base64:...". */
void json_name(struct buf *out, attl_slice bytes);
/* Decodes into `out`, which has room for text.len / 4 * 3 bytes; false if it is not base64. */
bool json_unbase64(attl_slice text, unsigned char *out, size_t *ret_len);

#endif

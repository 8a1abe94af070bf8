/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64 of RFC 4648 with padding, for keys and values that JSON cannot carry. Decoding is strict:
 * no white space, no missing padding, no bits left over, so that one sequence of bytes has exactly
 * one form. No state, no allocation beyond the buffer given.
 */
#ifndef ATTL_BASE_BASE64_H
#define ATTL_BASE_BASE64_H

#include "base/buf.h"

void base64_append(struct buf *to, attl_slice bytes);
/* Appends the bytes of `text` to `to`; false if it is not base64 (or `to` failed). */
bool base64_decode(struct buf *to, attl_slice text);

#endif

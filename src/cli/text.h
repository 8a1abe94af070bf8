/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from a cache as text for people and programs. Values are arbitrary bytes: what reaches a
 * terminal must not be able to steer it, and what reaches JSON must be valid JSON that gives the
 * same bytes back. Nothing here fails or keeps state; errors of the FILE are its owner's to look at
 * (ferror) when the output is complete.
 */
#ifndef ATTL_CLI_TEXT_H
#define ATTL_CLI_TEXT_H

#include <attl/attl.h>
#include <stdbool.h>
#include <stdio.h>

/* "..." as redis-cli writes it (\n, \x1b ...), printable UTF-8 left readable. */
void text_quoted(FILE *to, attl_slice text);
/* The text with control characters escaped, line feeds and tabs kept, carriage returns dropped. */
void text_safe(FILE *to, attl_slice text);
/*
 * A JSON string. A byte 0xHH that is not part of valid UTF-8 becomes the lone surrogate \udcHH, the
 * convention of Python's "surrogateescape": still JSON, and the byte can be told from any
 * character.
 */
void text_json(FILE *to, attl_slice text);
/* Base64, without quotes. */
void text_base64(FILE *to, attl_slice bytes);

#endif

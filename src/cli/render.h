/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reply as people or programs want to see it: the numbered form of redis-cli, the bytes alone, or
 * JSON. Pure functions of the reply; recursion is as deep as the parser allows (REPLY_DEPTH_MAX).
 * Errors of the FILE are its owner's to look at when the output is complete.
 */
#ifndef ATTL_CLI_RENDER_H
#define ATTL_CLI_RENDER_H

#include "cli/reply_parse.h"

#include <stdio.h>

/* (integer) 1, "text", 1) "a" ...; ends with a line feed. Nothing in it can steer a terminal. */
void render_human(FILE *to, const struct reply *r, bool colour);
/* The bytes as they are, a line feed after each element. */
void render_raw(FILE *to, const struct reply *r);
/* One line of JSON: strings, numbers, null, arrays, objects for maps, {"error":...}; ends with a
 * line feed. */
void render_json(FILE *to, const struct reply *r);

#endif

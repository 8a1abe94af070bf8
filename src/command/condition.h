/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions on the present value: IFEQ, IFNE with a value, IFDEQ, IFDNE with its digest. SET and
 * DELEX read them. A digest is written as 16 hexadecimal digits of either case. Pure.
 */
#ifndef ATTL_COMMAND_CONDITION_H
#define ATTL_COMMAND_CONDITION_H

#include "command/table.h"

enum { CONDITION_DIGEST_DIGITS = 16 };

/* The ATTL_SET_* flag of the word, 0 if it is none of the four. */
uint32_t condition_flag(attl_slice word);
/*
 * Stores the condition's operand in `opts`, whose flags must hold the condition. Answers the client
 * and returns false if a digest is malformed.
 */
bool condition_operand(struct request *rq, attl_slice operand, attl_set_opts *opts);
/* Writes the digest's text, without a NUL. */
void condition_digest_text(uint64_t digest, char ret_text[CONDITION_DIGEST_DIGITS]);

#endif

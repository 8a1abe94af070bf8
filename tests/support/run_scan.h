/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a run that iterates: a walk spread over many operations, which must visit every entry
 * that stays for the whole of it exactly once, and complete walks that compare all contents. It
 * keeps its marks in the model's entries. One thread, as everything about a run.
 */
#ifndef ATTL_TESTS_RUN_SCAN_H
#define ATTL_TESTS_RUN_SCAN_H

#include "run.h"

/* One attl_scan() of the walk under way, starting one if there is none. */
void run_scan_step(struct run *run, size_t count);
/* A walk from start to end without operations in between: contents must be exactly the model's. */
void run_scan_everything(struct run *run);

#endif

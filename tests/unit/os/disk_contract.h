/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What os/disk.h promises, checked on any disk: the real one and the simulated one run the same
 * checks, so that what is tested on the simulated one holds on the real one. Single-threaded.
 */
#ifndef ATTL_TESTS_DISK_CONTRACT_H
#define ATTL_TESTS_DISK_CONTRACT_H

#include "os/disk.h"

/* Leaves the disk as empty as it was given. Stops the program at the first broken promise. */
void disk_contract_check(struct disk *d);

/* Helpers of these tests. */
void disk_contract_put(struct disk *d, const char *name, const char *text);
/* The whole file is this text; NULL: there is no such file. */
void disk_contract_expect(struct disk *d, const char *name, const char *text);

#endif

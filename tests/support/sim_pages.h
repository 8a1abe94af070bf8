/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of a simulated file, in pages that exist only where something was written: elsewhere are
 * zeros. So a file of any length costs nothing, and a write costs what it writes. The owner keeps
 * the file's length, and locks.
 */
#ifndef ATTL_TESTS_SIM_PAGES_H
#define ATTL_TESTS_SIM_PAGES_H

#include <stddef.h>
#include <stdint.h>

struct sim_pages {
    uint8_t **page;
    size_t count;
};

void sim_pages_fini(struct sim_pages *p);
void sim_pages_write(struct sim_pages *p, const void *data, size_t len, uint64_t offset);
void sim_pages_read(const struct sim_pages *p, void *data, size_t len, uint64_t offset);
/* Zeros from `bytes` on. */
void sim_pages_cut(struct sim_pages *p, uint64_t bytes);
/* *to becomes equal to *from; what it had is freed. */
void sim_pages_copy(struct sim_pages *to, const struct sim_pages *from);

#endif

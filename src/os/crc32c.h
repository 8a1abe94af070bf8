/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected, as in RFC 3720 appendix B.4), with the
 * processor's instruction where there is one and a table elsewhere. It guards every frame and block
 * on disk. Pure; the choice is made per call from a constant of the machine, never from state. It
 * lives here and not in base/ because which instruction there is depends on the platform.
 */
#ifndef ATTL_OS_CRC32C_H
#define ATTL_OS_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes, continuing from `crc` (0 to begin): crc32c(crc32c(0, a), b) is that
 * of a followed by b. "123456789" gives 0xe3069283. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same from the table, whatever the machine: what crc32c() is tested against. */
uint32_t crc32c_from_table(uint32_t crc, const void *data, size_t len);
/* True if crc32c() uses an instruction here. */
bool crc32c_has_instruction(void);

#endif

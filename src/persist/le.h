/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian integers in files, at any alignment. Written with shifts, which every compiler here
 * turns into one load or store, so that neither the machine's byte order nor its alignment rules
 * ever reach a file. Pure.
 */
#ifndef ATTL_PERSIST_LE_H
#define ATTL_PERSIST_LE_H

#include <stdint.h>

static inline uint16_t
le_get_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
le_get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t
le_get_u64(const unsigned char *p)
{
    return (uint64_t)le_get_u32(p) | (uint64_t)le_get_u32(p + 4) << 32;
}

static inline void
le_put_u16(unsigned char *p, uint16_t x)
{
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
}

static inline void
le_put_u32(unsigned char *p, uint32_t x)
{
    le_put_u16(p, (uint16_t)x);
    le_put_u16(p + 2, (uint16_t)(x >> 16));
}

static inline void
le_put_u64(unsigned char *p, uint64_t x)
{
    le_put_u32(p, (uint32_t)x);
    le_put_u32(p + 4, (uint32_t)(x >> 32));
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packing with zstd, where libzstd was there at build time; elsewhere opening says -ENOTSUP. Input
 * of any length is packed in steps with constant memory; unpacking is in one piece, because the
 * unpacked bytes have their place already. A frame always says how long its contents are, so that
 * the reader can compare that with what it expects before it spends memory. An object belongs to
 * one thread at a time.
 */
#ifndef ATTL_OS_ZSTD_H
#define ATTL_OS_ZSTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zstd_packer;
struct zstd_unpacker;

/* One step: what is read and where the result goes. The counters advance. */
struct zstd_step {
    const void *in;
    size_t in_bytes, in_used;
    void *out;
    size_t out_bytes, out_used;
    bool last; /* nothing follows `in` */
};

bool zstd_supported(void);
/* 0, -ENOTSUP or -ENOMEM. */
int zstd_packer_open(int level, struct zstd_packer **ret_packer);
void zstd_packer_close(struct zstd_packer **p);
/* An output of so many bytes takes any frame of `raw_bytes`. */
size_t zstd_packed_max_bytes(size_t raw_bytes);
/* Begins a frame of exactly `raw_bytes`, forgetting one that was not completed. 0 or -ENOMEM. */
int zstd_packer_begin(struct zstd_packer *p, uint64_t raw_bytes);
/* 1: the input is used up, and with `last` the frame is complete; 0: the output is full, go on with
 * another one; -ENOMEM; -EINVAL if several steps bring more or less than was said. */
int zstd_packer_step(struct zstd_packer *p, struct zstd_step *s);

int zstd_unpacker_open(struct zstd_unpacker **ret_unpacker);
void zstd_unpacker_close(struct zstd_unpacker **u);
/* How long the frame's contents are, or -1 if it does not say so or is no frame. */
int64_t zstd_raw_bytes(const void *packed, size_t packed_bytes);
/* Unpacks one frame to exactly `raw_bytes`. 0, -EBADMSG if it is not that, or -ENOMEM. */
int zstd_unpack(struct zstd_unpacker *u, const void *packed, size_t packed_bytes, void *raw,
                size_t raw_bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libzstd behind a few functions, with its error codes turned into errno values. Without the
 * library the same functions are there and refuse, so that nobody above needs to know how we were
 * built. The contexts allocate from the C library: zstd's interface for other allocators is not
 * part of its stable one.
 */
#include "os/zstd.h"

#include "base/assert.h"

#include <errno.h>

#ifdef ATTL_HAVE_ZSTD
#include <limits.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Our names for zstd's contexts; they are never looked into here. */
static ZSTD_CCtx *
packing(struct zstd_packer *p)
{
    return (ZSTD_CCtx *)p;
}

static ZSTD_DCtx *
unpacking(struct zstd_unpacker *u)
{
    return (ZSTD_DCtx *)u;
}

/* 0 or a negative errno; `other` is what anything but a lack of memory means here. */
static int
result(size_t code, int other)
{
    if (!ZSTD_isError(code))
        return 0;
    return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? -ENOMEM : other;
}

bool
zstd_supported(void)
{
    return true;
}

int
zstd_packer_open(int level, struct zstd_packer **ret_packer)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    if (!c)
        return -ENOMEM;
    int r = result(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level), -EINVAL);
    if (r < 0) {
        (void)ZSTD_freeCCtx(c); /* cannot fail */
        return r;
    }
    *ret_packer = (struct zstd_packer *)c;
    return 0;
}

void
zstd_packer_close(struct zstd_packer **p)
{
    (void)ZSTD_freeCCtx(packing(*p)); /* cannot fail, accepts NULL */
    *p = NULL;
}

size_t
zstd_packed_max_bytes(size_t raw_bytes)
{
    return ZSTD_compressBound(raw_bytes);
}

int
zstd_packer_begin(struct zstd_packer *p, uint64_t raw_bytes)
{
    int r = result(ZSTD_CCtx_reset(packing(p), ZSTD_reset_session_only), -EINVAL);
    return r < 0 ? r : result(ZSTD_CCtx_setPledgedSrcSize(packing(p), raw_bytes), -EINVAL);
}

int
zstd_packer_step(struct zstd_packer *p, struct zstd_step *s)
{
    ASSERT(s->in_used <= s->in_bytes && s->out_used <= s->out_bytes);
    ZSTD_inBuffer in = { s->in, s->in_bytes, s->in_used };
    ZSTD_outBuffer out = { s->out, s->out_bytes, s->out_used };
    size_t left =
        ZSTD_compressStream2(packing(p), &out, &in, s->last ? ZSTD_e_end : ZSTD_e_continue);
    int r = result(left, -EINVAL);
    if (r < 0)
        return r;
    s->in_used = in.pos;
    s->out_used = out.pos;
    return s->last ? left == 0 : in.pos == in.size;
}

int
zstd_unpacker_open(struct zstd_unpacker **ret_unpacker)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    if (!d)
        return -ENOMEM;
    *ret_unpacker = (struct zstd_unpacker *)d;
    return 0;
}

void
zstd_unpacker_close(struct zstd_unpacker **u)
{
    (void)ZSTD_freeDCtx(unpacking(*u)); /* cannot fail, accepts NULL */
    *u = NULL;
}

int64_t
zstd_raw_bytes(const void *packed, size_t packed_bytes)
{
    /* Its two error values are the largest numbers there are. */
    unsigned long long n = ZSTD_getFrameContentSize(packed, packed_bytes);
    return n > INT64_MAX ? -1 : (int64_t)n;
}

int
zstd_unpack(struct zstd_unpacker *u, const void *packed, size_t packed_bytes, void *raw,
            size_t raw_bytes)
{
    size_t n = ZSTD_decompressDCtx(unpacking(u), raw, raw_bytes, packed, packed_bytes);
    int r = result(n, -EBADMSG);
    return r < 0 ? r : n == raw_bytes ? 0 : -EBADMSG;
}

#else

bool
zstd_supported(void)
{
    return false;
}

int
zstd_packer_open(int level, struct zstd_packer **ret_packer)
{
    (void)level;
    (void)ret_packer;
    return -ENOTSUP;
}

void
zstd_packer_close(struct zstd_packer **p)
{
    ASSERT(!*p);
}

size_t
zstd_packed_max_bytes(size_t raw_bytes)
{
    return raw_bytes;
}

int
zstd_packer_begin(struct zstd_packer *p, uint64_t raw_bytes)
{
    (void)p;
    (void)raw_bytes;
    return -ENOTSUP;
}

int
zstd_packer_step(struct zstd_packer *p, struct zstd_step *s)
{
    (void)p;
    (void)s;
    return -ENOTSUP;
}

int
zstd_unpacker_open(struct zstd_unpacker **ret_unpacker)
{
    (void)ret_unpacker;
    return -ENOTSUP;
}

void
zstd_unpacker_close(struct zstd_unpacker **u)
{
    ASSERT(!*u);
}

int64_t
zstd_raw_bytes(const void *packed, size_t packed_bytes)
{
    (void)packed;
    (void)packed_bytes;
    return -1;
}

int
zstd_unpack(struct zstd_unpacker *u, const void *packed, size_t packed_bytes, void *raw,
            size_t raw_bytes)
{
    (void)u;
    (void)packed;
    (void)packed_bytes;
    (void)raw;
    (void)raw_bytes;
    return -ENOTSUP;
}
#endif

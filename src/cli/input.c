/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading goes below stdio, because fread would wait until its whole
 * buffer is filled and a dialogue through a pipe would stall. The buffer's front is dropped only
 * when more room is needed, and less than half of it is moved each time. The buffer belongs to the
 * input; its maximum is what bounds a line.
 */
#include "cli/input.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_READ_BYTES = 256 * 1024 };

bool
input_open(struct input *in, const char *path)
{
    bool from_stdin = strcmp(path, "-") == 0;
    *in = (struct input){ .name = from_stdin ? "standard input" : path,
                          .owned = !from_stdin,
                          .line_bytes_max = INPUT_LINE_BYTES_MAX };
    buf_init(&in->bytes, (size_t)INPUT_LINE_BYTES_MAX + INPUT_READ_BYTES);
    in->fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return false;
    struct stat st;
    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
        in->size_bytes = (uint64_t)st.st_size;
    return true;
}

void
input_close(struct input *in)
{
    if (in->owned && in->fd >= 0)
        (void)close(in->fd); /* only read from */
    in->fd = -1;
    buf_fini(&in->bytes);
}

attl_slice
input_rest(const struct input *in)
{
    if (in->pos == in->bytes.len)
        return attl_b("", 0); /* there may be no buffer yet */
    return attl_b(in->bytes.data + in->pos, in->bytes.len - in->pos);
}

void
input_consume(struct input *in, size_t n)
{
    in->pos += n;
    in->offset += n;
}

static void
make_room(struct input *in)
{
    if (in->pos == in->bytes.len)
        in->bytes.len = 0;
    else if (in->pos > in->bytes.cap / 2)
        buf_consume(&in->bytes, in->pos);
    else
        return;
    in->scanned = in->scanned > in->pos ? in->scanned - in->pos : 0;
    in->pos = 0;
}

int
input_more(struct input *in)
{
    if (in->ended)
        return INPUT_END;
    make_room(in);
    char *to = buf_reserve(&in->bytes, INPUT_READ_BYTES);
    if (!to)
        return in->bytes.failed == BUF_TOO_BIG ? INPUT_E_LIMIT : INPUT_E_NOMEM;
    for (;;) {
        struct pollfd p = { .fd = in->fd, .events = POLLIN };
        (void)interrupt_poll(&p, 1,
                             -1); /* files are always ready; what else it says, read says too */
        if (interrupt_pending())
            return INPUT_E_INTERRUPTED;
        ssize_t n = read(in->fd, to, INPUT_READ_BYTES);
        if (n > 0) {
            in->bytes.len += (size_t)n;
            return INPUT_OK;
        }
        if (n == 0) {
            in->ended = true;
            return INPUT_END;
        }
        if (errno != EINTR && errno != EAGAIN) {
            in->error = errno;
            return INPUT_E_IO;
        }
    }
}

/* Consumes a line of `bytes` (line end included) and gives it out, or ends the skipping of a long
 * one. */
static int
give_line(struct input *in, size_t bytes, size_t end_bytes, attl_slice *ret_line)
{
    attl_slice rest = input_rest(in);
    const char *p = rest.data;
    size_t len = bytes - end_bytes;
    if (end_bytes > 0 && len > 0 && p[len - 1] == '\r')
        len--;
    input_consume(in, bytes);
    in->line++;
    if (in->skipping) {
        in->skipping = false;
        return INPUT_TOO_LONG;
    }
    *ret_line = attl_b(p, len);
    return INPUT_OK;
}

int
input_line(struct input *in, attl_slice *ret_line)
{
    for (;;) {
        attl_slice rest = input_rest(in);
        const char *p = rest.data;
        size_t from = in->scanned > in->pos ? in->scanned - in->pos : 0;
        const char *end = memchr(p + from, '\n', rest.len - from);
        if (end)
            return give_line(in, (size_t)(end - p) + 1, 1, ret_line);
        in->scanned = in->bytes.len;
        if (rest.len > in->line_bytes_max)
            in->skipping = true;
        if (in->skipping) {
            input_consume(in, rest.len);
            rest.len = 0;
        }
        int status = input_more(in);
        if (status == INPUT_END && (rest.len > 0 || in->skipping))
            return give_line(in, rest.len, 0, ret_line);
        if (status != INPUT_OK)
            return status;
    }
}

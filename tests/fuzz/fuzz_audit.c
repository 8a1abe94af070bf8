/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a line of an audit trail, and a head. A line that is accepted is exactly what would
 * have been written: made anew from what was read it has the same bytes. Whatever the parser says,
 * it reads inside its input.
 */
#include "audit/files.h"
#include "audit/parse.h"
#include "base/assert.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Texts decoded, the line written again. A cut text (see record.c) reads as its own bytes. */
static void
check_same(attl_slice line, const struct audit_line *l)
{
    struct buf out;
    char *texts = malloc(line.len + 1), *at = texts;
    struct audit_record r = { .kind = l->kind, .client_id = l->client_id };
    bool cut = false;
    ASSERT(texts && audit_time_parse(l->time, &r.time_us));
    for (int i = 0; i < AUDIT_TEXTS; i++) {
        size_t n = audit_text_decode(l->text[i], at);
        r.text[i] = attl_b(at, n);
        cut |= n > AUDIT_TEXT_MAX_BYTES;
        at += n;
    }
    buf_init(&out, AUDIT_LINE_MAX_BYTES);
    audit_record_signed(&r, l->alg, l->seq, l->prev, &out);
    audit_record_finish(l->hash, &out);
    char time[AUDIT_TIME_CHARS + 1];
    audit_time_format(r.time_us, time); /* 31 February reads as a day of March */
    bool real = memcmp(time, l->time.data, AUDIT_TIME_CHARS) == 0;
    if (!cut && real && l->kind < AUDIT_KINDS)
        ASSERT(out.len == line.len + 1 && memcmp(out.data, line.data, line.len) == 0);
    buf_fini(&out);
    free(texts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audit_key none = { .len = 0 };
    struct audit_line l;
    struct audit_head head;
    bool checked;
    attl_slice line = attl_b(data, size);
    if (!audit_line_parse(line, &l)) {
        ASSERT(l.signed_len < size);
        check_same(line, &l);
    }
    (void)audit_head_parse(line, &none, &head, &checked);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a line of `attl load`. A line that is accepted must survive: written again and read
 * again it gives the same key, value and deadline. A line that is refused must say why, with a
 * column inside the line or just behind it.
 */
#include "base/assert.h"
#include "cli/jsonl.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(attl_slice a, attl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void
check_survives(const struct jsonl_record *r)
{
    struct jsonl j;
    struct jsonl_record back;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    ASSERT(to);
    jsonl_write(to, r);
    ASSERT(fclose(to) == 0);
    ASSERT(len > 0 && text[len - 1] == '\n' && !memchr(text, '\n', len - 1));
    jsonl_init(&j);
    ASSERT(jsonl_read(&j, attl_b(text, len - 1), &back));
    ASSERT(same(back.key, r->key) && same(back.value, r->value));
    ASSERT(back.deadline_ms == r->deadline_ms);
    jsonl_fini(&j);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jsonl j;
    struct jsonl_record record;
    jsonl_init(&j);
    if (jsonl_read(&j, attl_b(data, size), &record)) {
        check_survives(&record);
    } else {
        unsigned long column = 0;
        ASSERT(sscanf(j.error, "column %lu: ", &column) == 1);
        ASSERT(column >= 1 && column <= size + 1);
    }
    jsonl_fini(&j);
    return 0;
}

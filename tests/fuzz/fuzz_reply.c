/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the reply decoder and the renderers. The bytes are decoded once as a whole and once
 * in pieces whose sizes they choose themselves, each time at another address; both must give the
 * same status and the same tree. A tree must be consistent, and is then shown in all three forms.
 * Recognised limits and syntax errors are ordinary results; everything else aborts.
 */
#include "base/assert.h"
#include "cli/render.h"
#include "cli/reply_parse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPLIES_MAX = 64, RENDER_NODES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Children fill exactly the span of their parent, at every level. */
static void
check_tree(const struct reply *r)
{
    ASSERT(r->span >= 1);
    ASSERT(reply_is_aggregate(r) || (r->children == 0 && r->span == 1));
    const struct reply *child = r + 1;
    for (size_t i = 0; i < r->children; i++) {
        ASSERT(child < r + r->span);
        check_tree(child);
        child = reply_next(child);
    }
    ASSERT(child == r + r->span);
    ASSERT(r->type != REPLY_MAP || r->children % 2 == 0);
}

static void
check_same(const struct reply *a, const struct reply *b)
{
    ASSERT(a->span == b->span);
    for (size_t i = 0; i < a->span; i++) {
        ASSERT(a[i].type == b[i].type && a[i].integer == b[i].integer);
        ASSERT(a[i].children == b[i].children && a[i].span == b[i].span);
        ASSERT(a[i].text.len == b[i].text.len);
        ASSERT(memcmp(a[i].text.data, b[i].text.data, a[i].text.len) == 0);
    }
}

/* Decodes the reply at `data` in pieces; *ret_copy holds its bytes and must be freed. */
static int
parse_pieces(struct reply_parser *p, const uint8_t *data, size_t size,
             const struct reply **ret_root, size_t *ret_used, char **ret_copy)
{
    int status = REPLY_MORE;
    *ret_copy = NULL;
    for (size_t len = 0; status == REPLY_MORE;) {
        size_t step = len < size ? 1 + data[len] % 16 : 0;
        len = len + step < size ? len + step : size;
        free(*ret_copy);
        *ret_copy = malloc(len + 1);
        ASSERT(*ret_copy);
        memcpy(*ret_copy, data, len);
        status = reply_parse(p, *ret_copy, len, ret_root, ret_used);
        if (len == size)
            break;
    }
    return status;
}

static void
render(const struct reply *r)
{
    static const char *const sink = "/dev/null";
    FILE *to = fopen(sink, "w");
    ASSERT(to);
    if (r->span <= RENDER_NODES_MAX) {
        render_human(to, r, true);
        render_raw(to, r);
        render_json(to, r);
    }
    (void)fclose(to); /* nobody reads it */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply_parser whole, pieces;
    reply_parser_init(&whole);
    reply_parser_init(&pieces);
    size_t at = 0;
    for (int n = 0; n < REPLIES_MAX && at < size; n++) {
        const struct reply *a = NULL, *b = NULL;
        size_t used = 0, used_pieces = 0;
        char *copy;
        int status = reply_parse(&whole, (const char *)data + at, size - at, &a, &used);
        int again = parse_pieces(&pieces, data + at, size - at, &b, &used_pieces, &copy);
        ASSERT(status == again);
        if (status == REPLY_DONE) {
            ASSERT(used == used_pieces && used > 0 && used <= size - at);
            check_tree(a);
            check_same(a, b);
            render(a);
        }
        free(copy);
        if (status != REPLY_DONE)
            break;
        at += used;
    }
    reply_parser_fini(&whole);
    reply_parser_fini(&pieces);
    return 0;
}

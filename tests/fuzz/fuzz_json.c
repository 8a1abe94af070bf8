/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the writer of JSON. The bytes choose the rules, the room there is, the shape of a
 * document and its texts, which are any bytes. What comes out must be read by jansson and be UTF-8,
 * cut or not; a document that was not cut must be longer than one that was.
 */
#include "base/assert.h"
#include "base/json.h"
#include "base/utf8.h"
#include "support/rng.h"

#include <jansson.h>
#include <stdlib.h>

enum { TEXT_MAX = 24, STEPS_MAX = 500, LEVELS_MAX = 20, NUMBERS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In an array, so that no name is there twice. */
static void
write_element(struct json *j, struct rng *r)
{
    char text[TEXT_MAX];
    size_t len = (size_t)rng_below(r, sizeof text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)rng_below(r, 256);
    switch (rng_below(r, NUMBERS)) {
    case 0: json_put_text(j, NULL, attl_b(text, len)); return;
    case 1: json_put_i64(j, NULL, (int64_t)rng_u64(r)); return;
    case 2: json_put_real(j, NULL, (double)rng_u64(r) / 3, 1 + (int)rng_below(r, 17)); return;
    case 3: json_put_bool(j, NULL, len & 1); return;
    default:
        json_open(j, NULL, '{');
        for (size_t i = 0; i < len; i++)
            text[i] = text[i] ? text[i] : '0'; /* jansson has C strings for names */
        json_name(j, attl_b(text, len));
        json_put_null(j, NULL);
        json_close(j);
    }
}

static void
write_document(struct json *j, struct rng r)
{
    unsigned levels = 1;
    json_open(j, NULL, '[');
    for (int i = 0; i < STEPS_MAX && !rng_is_dry(&r); i++) {
        uint64_t step = rng_below(&r, 8);
        if (step == 0 && levels < LEVELS_MAX) {
            json_open(j, NULL, '[');
            levels++;
        } else if (step == 1 && levels > 1) {
            json_close(j);
            levels--;
        } else {
            write_element(j, &r);
        }
    }
    while (levels-- > 0)
        json_close(j);
}

static void
check_is_json(const struct buf *out)
{
    json_t *root = json_loadb(out->data, out->len, JSON_ALLOW_NUL, NULL);
    ASSERT(!out->failed);
    ASSERT(root);
    ASSERT(utf8_valid(buf_slice(out)));
    json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rng r = rng_from_bytes(data, size);
    unsigned rules = (unsigned)rng_below(&r, JSON_HALVES); /* jansson refuses lone surrogates */
    size_t room = 2 + (size_t)rng_below(&r, 256) * 2;
    struct buf whole, cut;
    struct json j;
    buf_init(&whole, SIZE_MAX);
    json_init(&j, &whole, rules);
    write_document(&j, r);
    check_is_json(&whole);
    buf_init(&cut, room);
    json_init_cut(&j, &cut, rules, 0);
    write_document(&j, r);
    check_is_json(&cut);
    ASSERT(cut.len <= room && j.is_cut == (cut.len < whole.len));
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules as a table of modes and cases, and as a comparison with the rules written byte by byte:
 * the word-wise search for control characters must agree for every byte at every place of short and
 * long keys. Limits are tried at, below and above their value, because that is where they go wrong.
 */
#include "engine/validate.h"

#include "base/limits.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MODES = 4, KEY_MAX = 1000, DEL = 0x7f };

#define DAY_MS INT64_C(86400000)

static void
rules_init(struct validate_rules *r, int mode)
{
    atomic_init(&r->mode, mode);
    atomic_init(&r->max_key_bytes, KEY_MAX);
    atomic_init(&r->max_value_bytes, 5000);
    atomic_init(&r->max_ttl_ms, DAY_MS);
}

/* MISSION M5's table, one byte at a time. */
static int
naive_key(int mode, const unsigned char *key, size_t len)
{
    bool nul = false, line_end = false, control = false;
    for (size_t i = 0; i < len; i++) {
        nul |= key[i] == 0;
        line_end |= key[i] == '\r' || key[i] == '\n';
        control |= key[i] < ' ' || key[i] == DEL;
    }
    if (len > KEY_MAX)
        return ATTL_E_KEY_LONG;
    if (mode == VALIDATE_BINARY)
        return ATTL_OK;
    if (len == 0)
        return ATTL_E_KEY_EMPTY;
    if (nul)
        return ATTL_E_KEY_NUL;
    if ((mode == VALIDATE_STRICT && control) || (mode == VALIDATE_NORMAL && line_end))
        return ATTL_E_KEY_CONTROL;
    return ATTL_OK;
}

static void
compare(const struct validate_rules *r, int mode, const unsigned char *key, size_t len)
{
    int want = naive_key(mode, key, len), got = validate_key(r, attl_b(key, len));
    if (got != want)
        fail_msg("mode %d, %zu bytes starting %02x: %d, not %d", mode, len, len ? key[0] : 0, got,
                 want);
}

static void
every_byte_at(const struct validate_rules *r, int mode, unsigned char *key, size_t len, size_t at)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        key[at] = (unsigned char)byte;
        compare(r, mode, key, len);
    }
    key[at] = 'a';
}

static void
every_byte_at_every_place_is_judged_by_the_table(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        struct validate_rules r;
        rules_init(&r, mode);
        for (size_t len = 1; len < 26; len++) {
            unsigned char key[26];
            memset(key, 'a', sizeof(key));
            for (size_t at = 0; at < len; at++)
                every_byte_at(&r, mode, key, len, at);
        }
    }
}

static void
random_keys_are_judged_by_the_table(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {
        0, 1, '\t', '\n', '\r', 0x1f, ' ', '~', 0x80, 0x9f, 0xff
    };
    struct rng rng = rng_from_seed(1);
    for (int mode = 0; mode < MODES; mode++) {
        struct validate_rules r;
        rules_init(&r, mode);
        for (int i = 0; i < 50000; i++) {
            unsigned char key[64];
            size_t len = rng_below(&rng, sizeof(key) + 1);
            uint64_t rarity = rng_range(&rng, 1, 40);
            for (size_t at = 0; at < len; at++)
                key[at] = rng_one_in(&rng, rarity) ? bytes[rng_below(&rng, sizeof(bytes))] : 'k';
            compare(&r, mode, key, len);
        }
    }
}

static void
lengths_are_limited_in_every_mode(void **state)
{
    (void)state;
    unsigned char *key = malloc(LIMIT_KEY_BYTES + 1);
    assert_non_null(key);
    memset(key, 'k', LIMIT_KEY_BYTES + 1);
    for (int mode = 0; mode < MODES; mode++) {
        struct validate_rules r;
        rules_init(&r, mode);
        assert_int_equal(validate_key(&r, attl_b(key, 1)), ATTL_OK);
        assert_int_equal(validate_key(&r, attl_b(key, KEY_MAX)), ATTL_OK);
        assert_int_equal(validate_key(&r, attl_b(key, KEY_MAX + 1)), ATTL_E_KEY_LONG);
        assert_int_equal(validate_key(&r, attl_b(NULL, 0)),
                         mode == VALIDATE_BINARY ? ATTL_OK : ATTL_E_KEY_EMPTY);
        atomic_store(&r.max_key_bytes, UINT64_MAX); /* a record still has to fit a chunk */
        assert_int_equal(validate_key(&r, attl_b(key, LIMIT_KEY_BYTES)), ATTL_OK);
        assert_int_equal(validate_key(&r, attl_b(key, LIMIT_KEY_BYTES + 1)), ATTL_E_KEY_LONG);
        assert_int_equal(validate_value_len(&r, 0), ATTL_OK);
        assert_int_equal(validate_value_len(&r, 5000), ATTL_OK);
        assert_int_equal(validate_value_len(&r, 5001), ATTL_E_VALUE_LONG);
        atomic_store(&r.max_value_bytes, UINT64_MAX);
        assert_int_equal(validate_value_len(&r, LIMIT_VALUE_BYTES), ATTL_OK);
        assert_int_equal(validate_value_len(&r, LIMIT_VALUE_BYTES + 1), ATTL_E_VALUE_LONG);
    }
    free(key);
}

static void
lives_are_judged_by_mode_and_maximum(void **state)
{
    (void)state;
    static const struct {
        int64_t max_ms, ttl_ms;
        int want[MODES]; /* strict, normal, relaxed, binary; 2: capped */
    } cases[] = {
        { DAY_MS, ATTL_TTL_NONE, { ATTL_E_TTL_REQUIRED, 0, 0, 0 } },
        { 0, ATTL_TTL_NONE, { ATTL_E_TTL_REQUIRED, 0, 0, 0 } },
        { DAY_MS, 1, { 0, 0, 0, 0 } },
        { DAY_MS, DAY_MS, { 0, 0, 0, 0 } },
        { DAY_MS, DAY_MS + 1, { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, 2, ATTL_E_TTL_RANGE } },
        { DAY_MS, INT64_MAX, { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, 2, ATTL_E_TTL_RANGE } },
        { 0, LIMIT_TTL_MS, { 0, 0, 0, 0 } },
        { 0,
          LIMIT_TTL_MS + 1,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE } },
        { DAY_MS, -2, { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE } },
        { 0, -500, { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE } },
        { DAY_MS, 0, { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE } },
        { DAY_MS,
          INT64_MIN,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int mode = 0; mode < MODES; mode++) {
            struct validate_rules r;
            rules_init(&r, mode);
            atomic_store(&r.max_ttl_ms, cases[i].max_ms);
            bool capped_wanted = cases[i].want[mode] == 2;
            int64_t ttl_ms = cases[i].ttl_ms;
            int capped = -1;
            assert_int_equal(validate_ttl(&r, &ttl_ms, &capped),
                             capped_wanted ? 0 : cases[i].want[mode]);
            assert_int_equal(capped, capped_wanted);
            assert_int_equal(ttl_ms, capped_wanted ? cases[i].max_ms : cases[i].ttl_ms);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place_is_judged_by_the_table),
        cmocka_unit_test(random_keys_are_judged_by_the_table),
        cmocka_unit_test(lengths_are_limited_in_every_mode),
        cmocka_unit_test(lives_are_judged_by_mode_and_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

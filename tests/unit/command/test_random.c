/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random requests: every command with random words, most of them words that mean something to one
 * command or another, at the ends of their ranges. Whatever is asked, the answer is exactly one
 * well-formed element of the protocol in force, and no value stays pinned behind it.
 */
#include "command_support.h"

#include "command/table.h"

enum { ROUNDS = 60000, EXTRA_WORDS_MAX = 7 };

static const char *const pool[] = {
    "a",
    "b",
    "key",
    "",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "10",
    "100",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "1700000000",
    "1700000100000",
    "1.5",
    "-2.25e3",
    "nan",
    "NX",
    "XX",
    "GT",
    "LT",
    "IFEQ",
    "IFNE",
    "IFDEQ",
    "IFDNE",
    "2d06800538d394c2",
    "GET",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "PERSIST",
    "MATCH",
    "COUNT",
    "TYPE",
    "string",
    "*",
    "a*",
    "[^b",
    "\\",
    "REPLACE",
    "DB",
    "SAMPLES",
    "ID",
    "ADDR",
    "TYPE",
    "normal",
    "SKIPME",
    "yes",
    "no",
    "ON",
    "OFF",
    "SETNAME",
    "AUTH",
    "default",
    "LIB-NAME",
    "FILTERBY",
    "ACLCAT",
    "PATTERN",
    "get",
    "mset",
    "maxmemory",
    "port",
    "bad",
    "all",
    "with space",
    "x\r\ny",
    "ASYNC",
    "some longer text that is beyond what fits into an embedded string of forty-four",
};

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static size_t
random_request(uint32_t *seed, const struct command *cmd, char *name, attl_slice *argv)
{
    size_t n = 0;
    memcpy(name, cmd->name, COMMAND_NAME_MAX);
    char *bar = strchr(name, '|');
    if (bar)
        *bar = '\0';
    argv[n++] = attl_s(name);
    if (bar)
        argv[n++] = attl_s(bar + 1);
    for (uint32_t extra = next_random(seed) % (EXTRA_WORDS_MAX + 1); extra > 0; extra--)
        argv[n++] = attl_s(pool[next_random(seed) % (sizeof pool / sizeof pool[0])]);
    return n;
}

static void
every_request_gets_one_well_formed_reply(void **state)
{
    struct fixture *f = fixture_of(state);
    uint32_t seed = 20240229;
    char name[COMMAND_NAME_MAX];
    attl_slice argv[EXTRA_WORDS_MAX + 2];
    for (int round = 0; round < ROUNDS; round++) {
        const struct command *cmd = &command_table[next_random(&seed) % command_table_len];
        size_t n = random_request(&seed, cmd, name, argv);
        f->now_ms += next_random(&seed) % 50;
        f->session.reply_mode = SESSION_REPLY_ON;
        f->session.close_after_reply = false;
        buf_clear(&f->out, OUT_MAX_BYTES);
        command_execute(&f->env, &f->session, argv, n, &f->out);
        bool silent = f->session.close_after_reply || f->session.reply_mode != SESSION_REPLY_ON;
        if (f->out.len == 0 && silent)
            continue;
        if (!reply_is_whole(f))
            fail_msg("round %d, %s with %zu words: %.200s", round, cmd->name, n,
                     f->out.len ? f->out.data : "nothing");
    }
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(f->cache, &stats);
    assert_int_equal(stats.mem_pinned, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_gets_one_well_formed_reply, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

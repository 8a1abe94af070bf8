/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From replies to what the view shows: maps of both protocols, replies of other servers and other
 * shapes, and histograms. Replies are literals, parsed by the tool's own parser.
 */
#include "cli_support.h"

#include "cli/top_data.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct reply_parser parser;
    struct top_data data, before;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    reply_parser_init(&f->parser);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    reply_parser_fini(&f->parser);
    free(f);
    return 0;
}

static const char incident_resp3[] =
    "*1\r\n%5\r\n$4\r\nkind\r\n$11\r\nwal_failure\r\n$8\r\nseverity\r\n$8\r\ncritical\r\n"
    "$8\r\nsince_ms\r\n:5000\r\n$9\r\nsimulated\r\n:1\r\n$5\r\ncause\r\n$7\r\nno\033room\r\n";
static const char incident_resp2[] =
    "*1\r\n*10\r\n$4\r\nkind\r\n$11\r\nwal_failure\r\n$8\r\nseverity\r\n$8\r\ncritical\r\n"
    "$8\r\nsince_ms\r\n:5000\r\n$9\r\nsimulated\r\n:1\r\n$5\r\ncause\r\n$7\r\nno\033room\r\n";

static void
incidents_come_from_maps_of_both_protocols(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = { incident_resp3, incident_resp2 };
    for (size_t i = 0; i < 2; i++) {
        f->data = (struct top_data){ 0 };
        top_take_incidents(&f->data, parse_text(&f->parser, texts[i]));
        assert_int_equal(f->data.incidents_len, 1);
        assert_int_equal(f->data.incidents_all, 1);
        assert_string_equal(f->data.incidents[0].kind, "wal_failure");
        assert_string_equal(f->data.incidents[0].severity, "critical");
        assert_string_equal(f->data.incidents[0].cause, "no\\x1broom");
        assert_int_equal(f->data.incidents[0].since_ms, 5000);
        assert_true(f->data.incidents[0].simulated);
    }
}

static void
shards_and_keys_take_numbers_of_any_kind(void **state)
{
    struct fixture *f = *state;
    top_take_shards(&f->data,
                    parse_text(&f->parser,
                               "*1\r\n%3\r\n$5\r\nshard\r\n:3\r\n$18\r\nload_ns_per_"
                               "second\r\n:500000000\r\n$12\r\nload_of_mean\r\n,1.5\r\n"));
    assert_int_equal(f->data.shards_len, 1);
    assert_int_equal(f->data.shards[0].index, 3);
    assert_true(f->data.shards[0].load > 0.49 && f->data.shards[0].load < 0.51);
    assert_true(f->data.shards[0].of_mean > 1.49 && f->data.shards[0].of_mean < 1.51);
    top_take_hot(&f->data, parse_text(&f->parser, "*1\r\n%3\r\n$3\r\nkey\r\n$2\r\nab\r\n$9\r\nkey_"
                                                  "bytes\r\n:2\r\n$16\r\nreads_per_second\r\n$4\r\n"
                                                  "12.5\r\n"));
    assert_int_equal(f->data.hot_len, 1);
    assert_string_equal(f->data.hot[0].key, "ab");
    assert_true(f->data.hot[0].reads > 12.4 && f->data.hot[0].reads < 12.6);
}

static void
a_slow_log_of_any_length_of_entry_is_read(void **state)
{
    struct fixture *f = *state;
    top_take_slow(&f->data,
                  parse_text(&f->parser, "*3\r\n"
                                         "*4\r\n:7\r\n:100\r\n:2500\r\n*2\r\n$3\r\nGET\r\n"
                                         "$1\r\nk\r\n"
                                         "*6\r\n:8\r\n:100\r\n:1\r\n*1\r\n$4\r\nPING\r\n"
                                         "$9\r\n1.2.3.4:5\r\n$0\r\n\r\n"
                                         "*1\r\n:1\r\n"));
    assert_int_equal(f->data.slow_len, 2); /* the third is none */
    assert_string_equal(f->data.slow[0].name, "GET");
    assert_string_equal(f->data.slow[0].rest, "k");
    assert_string_equal(f->data.slow[0].client, "");
    assert_int_equal(f->data.slow[0].took_us, 2500);
    assert_string_equal(f->data.slow[1].client, "1.2.3.4:5");
}

static void
other_shapes_leave_their_part_empty(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "-ERR unknown command\r\n",
        "+OK\r\n",
        ":5\r\n",
        "_\r\n",
        "*0\r\n",
        "%0\r\n",
        "$1\r\nx\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*0\r\n",
        "*2\r\n$4\r\nkind\r\n*0\r\n",
        "%1\r\n$14\r\nhistogram_usec\r\n*3\r\n:1\r\n:2\r\n:3\r\n",
        "*1\r\n*4\r\n*0\r\n*0\r\n*0\r\n*0\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        f->data = (struct top_data){ 0 };
        const struct reply *r = parse_text(&f->parser, texts[i]);
        top_take_health(&f->data, r);
        top_take_incidents(&f->data, r);
        top_take_shards(&f->data, r);
        top_take_hot(&f->data, r);
        top_take_slow(&f->data, r);
        top_take_latency(&f->data, r);
        assert_string_equal(f->data.health, "");
        assert_int_equal(top_p99_us(NULL, &f->data), -1);
        for (size_t j = 0; j < f->data.incidents_len; j++)
            assert_string_equal(f->data.incidents[j].kind, "");
    }
}

static void
more_than_fits_is_counted(void **state)
{
    struct fixture *f = *state;
    enum { MANY = TOP_INCIDENTS_MAX + 5, ROOM = 4096 };
    char text[ROOM];
    size_t used = (size_t)snprintf(text, sizeof text, "*%d\r\n", (int)MANY);
    for (int i = 0; i < MANY; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%%0\r\n");
    top_take_incidents(&f->data, parse_text(&f->parser, text));
    assert_int_equal(f->data.incidents_len, TOP_INCIDENTS_MAX);
    assert_int_equal(f->data.incidents_all, MANY);
}

static void
info_tells_state_log_and_pace(void **state)
{
    struct fixture *f = *state;
    top_take_info(&f->data,
                  attl_s("attl_version:0.6.0\r\nuptime_in_seconds:60\r\nloading:1\r\n"
                         "attl_log_state:writing\r\nattl_written_lsn:9\r\nattl_durable_lsn:4\r\n"
                         "tuner_reason:rest\r\nused_memory:10\r\nmaxmemory:20\r\n"),
                  77);
    assert_string_equal(f->data.version, "0.6.0");
    assert_string_equal(f->data.log_state, "writing");
    assert_string_equal(f->data.pace, "rest");
    assert_int_equal(f->data.written_lsn - f->data.durable_lsn, 5);
    assert_int_equal(f->data.uptime_s, 60);
    assert_int_equal(f->data.sample.memory_max_bytes, 20);
    assert_int_equal(f->data.sample.at_ns, 77);
    assert_true(f->data.loading);
}

static void
p99_is_of_the_calls_between_two_looks(void **state)
{
    struct fixture *f = *state;
    top_take_latency(&f->before, parse_text(&f->parser, "%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n"
                                                        ":100\r\n$14\r\nhistogram_usec\r\n%1\r\n"
                                                        ":1024\r\n:100\r\n"));
    top_take_latency(&f->data,
                     parse_text(&f->parser, "%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n:300\r\n"
                                            "$14\r\nhistogram_usec\r\n%2\r\n:3\r\n:199\r\n"
                                            ":1024\r\n:300\r\n"));
    assert_int_equal(top_p99_us(NULL, &f->before), 1024);
    assert_int_equal(top_p99_us(NULL, &f->data), 1024);
    assert_int_equal(top_p99_us(&f->before, &f->data), 4); /* 199 of 200 new ones within 3 us */
    assert_int_equal(top_p99_us(&f->data, &f->data), -1);
}

static void
what_could_steer_a_terminal_is_escaped(void **state)
{
    char text[16];
    (void)state;
    top_printable(text, sizeof text, attl_s("a\033[2J"));
    assert_string_equal(text, "a\\x1b[2J");
    top_printable(text, sizeof text, attl_s("gr\xc3\xbcn"));
    assert_string_equal(text, "gr\xc3\xbcn");
    top_printable(text, sizeof text, attl_s("\xc2\x9b\xff\\"));
    assert_string_equal(text, "\\xc2\\x9b\\xff"); /* C1 control, broken byte; what is left is cut */
    top_printable(text, 4, attl_s("abcdef"));
    assert_string_equal(text, "abc");
    top_printable(text, 1, attl_s("abc"));
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(incidents_come_from_maps_of_both_protocols, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(shards_and_keys_take_numbers_of_any_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_log_of_any_length_of_entry_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(other_shapes_leave_their_part_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_fits_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(info_tells_state_log_and_pace, setup, teardown),
        cmocka_unit_test_setup_teardown(p99_is_of_the_calls_between_two_looks, setup, teardown),
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

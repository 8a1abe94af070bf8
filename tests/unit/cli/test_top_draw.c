/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture: what is in it, that it fits into every size, that nothing is said by colour alone,
 * and that redacted means redacted. Drawn into memory from data made by hand.
 */
#include "cli_support.h"

#include "cli/top_draw.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct top_data now, then;
    struct top_picture picture;
    struct top_view view;
    struct screen screen;
    struct capture out;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now = (struct top_data){ .version = "0.6.0",
                                .health = "warn",
                                .problem = "1 incidents are open",
                                .log_state = "writing",
                                .pace = "rest",
                                .uptime_s = 3725,
                                .written_lsn = 12,
                                .durable_lsn = 5,
                                .sample = { .at_ns = 3000000000,
                                            .commands = 3000,
                                            .hits = 75,
                                            .misses = 25,
                                            .items = 9,
                                            .clients = 4,
                                            .memory_bytes = 95,
                                            .memory_max_bytes = 100 },
                                .incidents_len = 1,
                                .incidents_all = 1,
                                .shards_len = 2,
                                .shards_all = 2,
                                .hot_len = 1,
                                .slow_len = 1 };
    f->now.latency[5] = 10;
    f->now.incidents[0] = (struct top_incident){
        .kind = "low_disk", .severity = "critical", .cause = "3 MB are left", .since_ms = 40000
    };
    f->now.shards[0] = (struct top_shard){ .index = 0, .load = 0.25, .of_mean = 1.25 };
    f->now.shards[1] = (struct top_shard){ .index = 1, .load = 0.125, .of_mean = 0.75 };
    f->now.hot[0] = (struct top_hot){ .key = "customer:7", .key_bytes = 10, .share = 0.5 };
    f->now.slow[0] = (struct top_slow){
        .took_us = 2500, .at_s = 90, .words = 2, .name = "GET", .rest = "customer:7"
    };
    f->then.sample.at_ns = 1000000000;
    f->then.sample.commands = 1000;
    f->picture = (struct top_picture){
        .label = "127.0.0.1:6411", .now = &f->now, .then = &f->then, .wall_ms = 100000
    };
    f->screen = (struct screen){ .width = 100 };
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    free(*state);
    return 0;
}

static const char *
drawn(struct fixture *f)
{
    struct screen s = f->screen;
    capture_begin(&f->out);
    s.to = f->out.file;
    top_draw(&s, &f->picture, &f->view);
    return capture_end(&f->out);
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static void
everything_is_in_the_overview(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = {
        "127.0.0.1:6411",
        "warning",
        "version 0.6.0",
        "up 1 h 02 min",
        "ops/s 1.00k",
        "hit 75.0 %",
        "p99 <32 us",
        "clients 4",
        "95.0 %",
        "! nearly full",
        "lag 7 changes",
        "pace: rest",
        "open incidents",
        "low_disk",
        "for 1 min",
        "3 MB are left",
        "[####################]",
        "25.0 % of a core",
        "customer:7",
        "2.500 ms",
        "10 s ago",
    };
    const char *text = drawn(f);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_has(text, parts[i]);
    assert_null(strchr(text, '\033'));
    capture_free(&f->out);
}

/* That the picture is no higher and no wider than the screen. */
static void
assert_fits(struct fixture *f, int section, int width, int height)
{
    int lines = 1, column = 0;
    f->view.section = (enum top_section)section;
    f->view.help = height % 5 == 0;
    f->screen = (struct screen){ .width = width, .height = height, .live = true };
    for (const char *p = drawn(f); *p; p++) {
        if (strncmp(p, "\033[K", 3) == 0) {
            p += 2;
        } else if (*p == '\n') {
            lines++;
            column = 0;
        } else {
            assert_true(++column <= width);
        }
    }
    assert_true(lines <= height);
    capture_free(&f->out);
}

static void
it_fits_into_every_size(void **state)
{
    struct fixture *f = *state;
    f->now.shards_len = f->now.shards_all = TOP_SHARDS_MAX;
    for (int section = 0; section < TOP_SECTIONS; section++)
        for (int height = 1; height < 40; height++)
            for (int width = 1; width < 120; width += 7)
                assert_fits(f, section, width, height);
}

static void
colours_only_repeat_what_signs_say(void **state)
{
    struct fixture *f = *state;
    const char *text = drawn(f);
    assert_has(text, "[! ] ");
    assert_has(text, "!! critical low_disk");
    capture_free(&f->out);
    f->screen.colour = true;
    text = drawn(f);
    assert_has(text, "\033[1;31m");
    assert_has(text, "\033[0m");
    capture_free(&f->out);
}

static void
redacted_there_are_no_keys(void **state)
{
    struct fixture *f = *state;
    f->view.redact = true;
    const char *text = drawn(f);
    assert_null(strstr(text, "customer"));
    assert_has(text, "(a key of 10 bytes)");
    assert_has(text, "GET (2 words)");
    capture_free(&f->out);
}

static void
a_server_that_is_away_is_said_so(void **state)
{
    struct fixture *f = *state;
    f->picture.lost = "connection refused";
    const char *text = drawn(f);
    assert_has(text, "[!!]");
    assert_has(text, "NOT REACHABLE");
    assert_has(text, "connection refused; trying again");
    capture_free(&f->out);
    f->picture.now = NULL;
    text = drawn(f);
    assert_has(text, "NOT REACHABLE");
    capture_free(&f->out);
}

static void
nothing_known_is_no_number(void **state)
{
    struct fixture *f = *state;
    f->now = (struct top_data){ 0 };
    f->picture.then = NULL;
    const char *text = drawn(f);
    assert_has(text, "[ok]");
    assert_has(text, "version unknown");
    assert_has(text, "hit - ");
    assert_has(text, "p99 - ");
    assert_has(text, "no limit");
    assert_has(text, "log off");
    assert_has(text, "  none");
    capture_free(&f->out);
}

static void
a_section_alone_is_scrolled_to_its_end(void **state)
{
    struct fixture *f = *state;
    f->now.shards_len = f->now.shards_all = 100;
    for (int i = 0; i < 100; i++)
        f->now.shards[i].index = i;
    f->view.section = TOP_SHARDS;
    f->view.first_row = 100000;
    f->screen = (struct screen){ .width = 80, .height = 20, .live = true };
    const char *text = drawn(f);
    assert_has(text, "   99 [");
    assert_null(strstr(text, "    1 ["));
    assert_has(text, ">3 shards<");
    capture_free(&f->out);
}

static void
spans_are_told_in_two_units_at_most(void **state)
{
    char text[TOP_WORD_MAX];
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = { { -3, "0 s" },      { 59, "59 s" },         { 60, "1 min" },
                 { 3599, "59 min" }, { 3600, "1 h 00 min" }, { 90000, "1 d 1 h" } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        top_span_text(rows[i].s, text);
        assert_string_equal(text, rows[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_in_the_overview, setup, teardown),
        cmocka_unit_test_setup_teardown(it_fits_into_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(colours_only_repeat_what_signs_say, setup, teardown),
        cmocka_unit_test_setup_teardown(redacted_there_are_no_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_is_away_is_said_so, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_known_is_no_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_section_alone_is_scrolled_to_its_end, setup, teardown),
        cmocka_unit_test(spans_are_told_in_two_units_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

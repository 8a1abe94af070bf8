/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: what each form means, and that whatever makes no sense is refused with a
 * sentence that names the word at fault. Words of a command must reach the server untouched, also
 * those that look like options. Each case is a line as typed.
 */
#include "cli_support.h"

#include "cli/args.h"
#include "cli/args_table.h"

enum { WORDS_MAX = 16, LINE_MAX_BYTES = 256 };

/* A line cut at blanks: args borrow the words, so they live as long as this. */
struct line {
    char text[LINE_MAX_BYTES];
    char *words[WORDS_MAX];
    int count;
};

static void
line_cut(struct line *l, const char *text)
{
    char *rest = l->text;
    (void)snprintf(l->text, sizeof l->text, "attl %s", text); /* the cases are short */
    l->count = 0;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            l->words[l->count++] = word;
}

static void
accept(struct line *l, struct cli_args *args, const char *text)
{
    line_cut(l, text);
    if (!args_parse(args, l->count, l->words, NULL))
        fail_msg("'%s' was refused: %s", text, args->error);
}

static void
refuse(const char *text, const char *because)
{
    struct line l;
    struct cli_args args;
    line_cut(&l, text);
    if (args_parse(&args, l.count, l.words, NULL))
        fail_msg("'%s' was accepted", text);
    if (!strstr(args.error, because))
        fail_msg("'%s' gave: %s", text, args.error);
    args_fini(&args);
}

static void
defaults_are_the_local_server_and_a_prompt(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "");
    assert_int_equal(args.mode, MODE_INTERACTIVE);
    assert_string_equal(args.server.host, "127.0.0.1");
    assert_int_equal(args.server.port, 6411);
    assert_int_equal(args.server.timeout_ms, ARGS_TIMEOUT_DEFAULT_MS);
    assert_null(args.server.password);
    args_fini(&args);
}

static void
options_end_where_a_command_begins(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "-h example.org -p 7000 --json set -x --help -1");
    assert_int_equal(args.mode, MODE_COMMAND);
    assert_string_equal(args.server.host, "example.org");
    assert_int_equal(args.server.port, 7000);
    assert_int_equal(args.output, OUTPUT_JSON);
    assert_false(args.last_from_stdin);
    assert_int_equal(args.argc, 4);
    assert_string_equal(args.argv[1], "-x");
    assert_string_equal(args.argv[3], "-1");
}

static void
options_have_short_long_and_joined_forms(void **state)
{
    static const char *const lines[] = {
        "-p 7000 -x get", "-p7000 -x get", "--port=7000 -x get",
        "-xp7000 get",    "-xp 7000 get",  "--last-from-stdin --port 7000 get"
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct line l;
        struct cli_args args;
        accept(&l, &args, lines[i]);
        assert_int_equal(args.server.port, 7000);
        assert_true(args.last_from_stdin);
        assert_int_equal(args.argc, 1);
    }
}

static void
words_of_the_tool_take_options_after_them(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "stat -i 0.5 -n 3 --json -p 7000");
    assert_int_equal(args.mode, MODE_STAT);
    assert_int_equal(args.interval_ms, 500);
    assert_int_equal(args.count, 3);
    assert_int_equal(args.server.port, 7000);
    accept(&l, &args, "load --strict --format resp -");
    assert_int_equal(args.mode, MODE_LOAD);
    assert_true(args.strict);
    assert_int_equal(args.format, FORMAT_RESP);
    assert_string_equal(args.file, "-");
    accept(&l, &args, "dump keys.json --match user:*");
    assert_int_equal(args.mode, MODE_DUMP);
    assert_string_equal(args.match, "user:*");
    assert_string_equal(args.file, "keys.json");
    accept(&l, &args, "dump -- -odd-name");
    assert_string_equal(args.file, "-odd-name");
}

static void
commands_named_like_words_of_the_tool_can_be_sent(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "-- dump key");
    assert_int_equal(args.mode, MODE_COMMAND);
    assert_string_equal(args.argv[0], "dump");
    accept(&l, &args, "DUMP key");
    assert_int_equal(args.mode, MODE_COMMAND);
}

static void
help_and_version_outweigh_the_rest(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "--help");
    assert_int_equal(args.mode, MODE_HELP);
    assert_int_equal(args.argc, 0);
    accept(&l, &args, "--version load");
    assert_int_equal(args.mode, MODE_VERSION);
    accept(&l, &args, "stat --help");
    assert_int_equal(args.mode, MODE_HELP);
    accept(&l, &args, "-V");
    assert_int_equal(args.mode, MODE_VERSION);
    accept(&l, &args, "wal --help list");
    assert_int_equal(args.mode, MODE_HELP);
    assert_string_equal(args.topic, "wal");
    accept(&l, &args, "help wal");
    assert_null(args.topic);
    accept(&l, &args, "--healthcheck");
    assert_int_equal(args.mode, MODE_HEALTHCHECK);
    accept(&l, &args, "help config get");
    assert_int_equal(args.mode, MODE_HELP);
    assert_int_equal(args.argc, 2);
    assert_string_equal(args.argv[1], "get");
}

static void
a_password_is_taken_off_the_line(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "-a secret get k");
    assert_string_equal(args.server.password, "secret");
    assert_string_equal(l.words[2], "******");
    args_fini(&args);
    assert_null(args.server.password);
    accept(&l, &args, "--password=secret -a other get k");
    assert_string_equal(args.server.password, "other");
    assert_string_equal(l.words[1], "--password=******");
    args_fini(&args);
}

static void
the_environments_password_yields_to_the_lines(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    line_cut(&l, "get k");
    assert_true(args_parse(&args, l.count, l.words, "from-env"));
    assert_string_equal(args.server.password, "from-env");
    args_fini(&args);
    line_cut(&l, "-a mine get k");
    assert_true(args_parse(&args, l.count, l.words, "from-env"));
    assert_string_equal(args.server.password, "mine");
    args_fini(&args);
    line_cut(&l, "get k");
    assert_true(args_parse(&args, l.count, l.words, ""));
    assert_null(args.server.password);
    args_fini(&args);
}

static void
a_timeout_of_zero_is_none(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "--timeout 0 get k");
    assert_int_equal(args.server.timeout_ms, -1);
    accept(&l, &args, "--timeout 1.25 get k");
    assert_int_equal(args.server.timeout_ms, 1250);
}

static void
nonsense_is_refused_by_name(void **state)
{
    (void)state;
    refuse("--prot 1", "did you mean --port?");
    refuse("--zzzzzzzz", "unknown option --zzzzzzzz");
    refuse("-q", "unknown option -q");
    refuse("-h", "attl --help");
    refuse("--port", "--port needs a value: --port PORT");
    refuse("-p 0", "'0' is not a port");
    refuse("-p 65536", "'65536' is not a port");
    refuse("-p 64x", "'64x' is not a port");
    refuse("--json=1 get", "--json takes no value");
    refuse("--host= get", "the name is empty");
    refuse("--socket= get", "the path is empty");
    refuse("--timeout nan get", "'nan' is not a number of seconds");
    refuse("--timeout -1 get", "'-1' is not a number");
    refuse("stat -i 0", "'0' is not a number of seconds above 0");
    refuse("stat -n 0", "'0' is not a whole number");
    refuse("stat now", "stat takes no operand");
    refuse("stat --match x", "--match means nothing here");
    refuse("--strict get k", "--strict means nothing here");
    refuse("load", "load needs a file");
    refuse("dump", "attl -- dump KEY");
    refuse("load a b", "one operand too many: 'b'");
    refuse("load -- a b", "one operand too many");
    refuse("load --format xml f", "neither resp nor json");
    refuse("-x", "-x needs a command");
}

static void
help_lists_every_option(void **state)
{
    struct capture out;
    (void)state;
    capture_begin(&out);
    args_print_help(out.file);
    const char *text = capture_end(&out);
    for (size_t i = 0; i < args_option_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s", args_options[i].name); /* names are short */
        assert_non_null(strstr(text, name));
        assert_non_null(strstr(text, args_options[i].help));
    }
    assert_true(args_option_count <= 64); /* the parser keeps a bit for each */
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_in_range(strchr(line, '\n') - line, 0, 90);
    capture_free(&out);
    capture_begin(&out);
    assert_true(args_print_topic(out.file, "load"));
    assert_true(args_print_topic(out.file, "snapshot"));
    assert_false(args_print_topic(out.file, "get"));
    text = capture_end(&out);
    assert_non_null(strstr(text, "deadline_ms"));
    assert_non_null(strstr(text, "--dry-run"));
    assert_null(strstr(text, "--host"));
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_in_range(strchr(line, '\n') - line, 0, 90);
    capture_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_local_server_and_a_prompt),
        cmocka_unit_test(options_end_where_a_command_begins),
        cmocka_unit_test(options_have_short_long_and_joined_forms),
        cmocka_unit_test(words_of_the_tool_take_options_after_them),
        cmocka_unit_test(commands_named_like_words_of_the_tool_can_be_sent),
        cmocka_unit_test(help_and_version_outweigh_the_rest),
        cmocka_unit_test(a_password_is_taken_off_the_line),
        cmocka_unit_test(the_environments_password_yields_to_the_lines),
        cmocka_unit_test(a_timeout_of_zero_is_none),
        cmocka_unit_test(nonsense_is_refused_by_name),
        cmocka_unit_test(help_lists_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of wal, snapshot and check: what each line means, and that nonsense is refused with a
 * sentence that shows the right form. An option of one verb must not pass silently with another.
 */
#include "cli_support.h"

#include "cli/args_offline.h"

enum { WORDS_MAX = 16, LINE_MAX_BYTES = 256 };

struct line {
    char text[LINE_MAX_BYTES];
    char *words[WORDS_MAX];
    int count;
};

static bool
parse(struct line *l, struct cli_args *args, const char *text)
{
    char *rest = l->text;
    (void)snprintf(l->text, sizeof l->text, "attl %s", text); /* the cases are short */
    l->count = 0;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            l->words[l->count++] = word;
    return args_parse(args, l->count, l->words, NULL);
}

static void
accept(struct line *l, struct cli_args *args, const char *text, const char *usage)
{
    if (!parse(l, args, text))
        fail_msg("'%s' was refused: %s", text, args->error);
    assert_true(args_is_offline(args->mode));
    assert_string_equal(args->offline.dir, "D");
    if (strncmp(args->offline.verb->usage, usage, strlen(usage)) != 0)
        fail_msg("'%s' was taken for %s", text, args->offline.verb->usage);
}

static void
every_form_is_understood(void **state)
{
    struct line l;
    struct cli_args args;
    (void)state;
    accept(&l, &args, "wal list D", "attl wal list");
    assert_false(args.offline.verb->locks);
    accept(&l, &args, "wal dump --from 7 D --to 0x1f --limit 3 --keys", "attl wal dump");
    assert_int_equal(args.offline.from_lsn, 7);
    assert_int_equal(args.offline.to_lsn, 31);
    assert_int_equal(args.offline.limit, 3);
    assert_true(args.offline.keys);
    accept(&l, &args, "wal dump D", "attl wal dump");
    assert_int_equal(args.offline.from_lsn, 0);
    assert_int_equal(args.offline.to_lsn, INT64_MAX);
    assert_int_equal(args.offline.limit, 0);
    accept(&l, &args, "wal verify D --json", "attl wal verify");
    assert_int_equal(args.output, OUTPUT_JSON);
    accept(&l, &args, "snapshot list D", "attl snapshot list");
    accept(&l, &args, "snapshot verify D", "attl snapshot verify");
    assert_null(args.offline.name);
    accept(&l, &args, "snapshot verify D N", "attl snapshot verify");
    assert_string_equal(args.offline.name, "N");
    accept(&l, &args, "snapshot dump D N --values", "attl snapshot dump");
    assert_true(args.offline.values);
    accept(&l, &args, "snapshot restore D N -y --dry-run", "attl snapshot restore");
    assert_true(args.offline.yes && args.offline.dry_run && args.offline.verb->locks);
    accept(&l, &args, "--json check -- D", "attl check");
    assert_true(parse(&l, &args, "-- wal list D")); /* of a server that has such a command */
    assert_int_equal(args.mode, MODE_COMMAND);
}

static void
nonsense_is_refused_with_the_right_form(void **state)
{
    static const char *const cases[][2] = {
        { "wal", "attl wal list DIR; see attl wal --help" },
        { "snapshot", "attl snapshot list DIR" },
        { "check", "the directory is missing: attl check DIR" },
        { "wal lsit D", "did you mean attl wal list?" },
        { "wal zzzzzzz D", "attl wal --help says what there is" },
        { "wal list", "the directory is missing: attl wal list DIR" },
        { "snapshot dump D", "the snapshot's name is missing: attl snapshot dump DIR NAME" },
        { "snapshot restore D", "the snapshot's name is missing" },
        { "wal list D E", "one operand too many: 'E'" },
        { "snapshot dump D N M", "one operand too many: 'M'" },
        { "check D E", "one operand too many: 'E'" },
        { "check D E F G", "one operand too many: 'G'" },
        { "wal list D --limit 3", "an option means nothing here: attl wal list DIR" },
        { "snapshot dump D N --yes", "an option means nothing here" },
        { "wal dump D --dry-run", "--dry-run means nothing here" },
        { "check D --keys", "--keys means nothing here" },
        { "check D --port 1", "--port means nothing here" },
        { "get k --yes", NULL },
        { "--yes get k", "--yes means nothing here" },
        { "wal dump D --from x", "--from: 'x' is not the number of a change" },
        { "wal dump D --from -1", "--from: '-1'" },
        { "wal dump D --from 0x", "--from: '0x'" },
        { "wal dump D --to 9999999999999999999", "--to: '9999999999999999999'" },
        { "wal dump D --limit 0", "--limit: '0' is not a whole number above 0" },
        { "wal dump D --from 5 --to 4", "--to is before --from" },
        { "wal dump D --keys --values", "only one of them" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line l;
        struct cli_args args;
        bool accepted = parse(&l, &args, cases[i][0]);
        if (accepted != !cases[i][1])
            fail_msg("'%s' was %s", cases[i][0], accepted ? "accepted" : args.error);
        if (!accepted && !strstr(args.error, cases[i][1]))
            fail_msg("'%s' gave: %s", cases[i][0], args.error);
        args_fini(&args);
    }
}

static void
every_verb_says_how_it_is_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < args_verb_count; i++) {
        assert_true(args_is_offline(args_verbs[i].mode));
        assert_non_null(strstr(args_verbs[i].usage, " DIR"));
        assert_non_null(strstr(args_verbs[i].usage, args_verbs[i].word));
        assert_non_null(args_verbs[i].run);
    }
    assert_false(args_is_offline(MODE_DUMP));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_understood),
        cmocka_unit_test(nonsense_is_refused_with_the_right_form),
        cmocka_unit_test(every_verb_says_how_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

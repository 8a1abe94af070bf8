/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame around the offline commands: which failure has which exit status, how the worst of
 * several is chosen, and that looking never creates or changes a directory.
 */
#include "offline_support.h"

#include "cli/offline.h"
#include "cli/outcome.h"
#include "support/wal_log.h"

#include <errno.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static void
every_failure_has_its_status(void **state)
{
    static const int cases[][2] = {
        { 0, EX_OK },
        { -ENOENT, EX_NOINPUT },
        { -ENOTDIR, EX_NOINPUT },
        { -ENOMEM, EX_OSERR },
        { -EINTR, OUTCOME_INTERRUPTED },
        { -EBUSY, EX_TEMPFAIL },
        { -EAGAIN, EX_TEMPFAIL },
        { -EBADMSG, EX_DATAERR },
        { -EIO, EX_IOERR },
        { -EACCES, EX_IOERR },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(offline_code(cases[i][0]), cases[i][1]);
}

static void
the_worst_status_wins(void **state)
{
    (void)state;
    assert_int_equal(offline_worse(EX_OK, EX_OK), EX_OK);
    assert_int_equal(offline_worse(EX_DATAERR, EX_OK), EX_DATAERR);
    assert_int_equal(offline_worse(EX_DATAERR, EX_IOERR), EX_IOERR);
    assert_int_equal(offline_worse(EX_OSERR, EX_IOERR), EX_OSERR);
    assert_int_equal(offline_worse(EX_OK, OUTCOME_INTERRUPTED), OUTCOME_INTERRUPTED);
    assert_int_equal(offline_worse(EX_NOINPUT, EX_OK), EX_NOINPUT);
    assert_int_equal(offline_worse(EX_OK, EX_NOINPUT), EX_NOINPUT);
}

static void
a_missing_directory_is_not_created(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = { "wal list %s", "snapshot list %s", "check %s",
                                         "snapshot restore %s x --yes" };
    char path[96];
    (void)snprintf(path, sizeof path, "%s/none", w->dir); /* fits */
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[160];
        const char *at = strchr(lines[i], '%');
        (void)snprintf(line, sizeof line, "%.*s%s%s", (int)(at - lines[i]), lines[i], path,
                       at + 2); /* fits */
        world_run(w, EX_NOINPUT, line);
        world_says(w, "does not exist");
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static void
a_file_is_no_directory(void **state)
{
    struct world *w = *state;
    char line[256];
    world_segment(w, 1, 3, false);
    (void)snprintf(line, sizeof line, "check %s/wal-0000000000000001.attl", w->dir); /* fits */
    world_run(w, EX_NOINPUT, line);
    world_says(w, "is not a directory");
}

static void
looking_leaves_no_lock_file(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 3, false);
    uint64_t before = world_hash(w);
    world_run(w, EX_OK, "check DIR");
    world_run(w, EX_OK, "wal list DIR");
    world_run(w, EX_OK, "snapshot list DIR");
    assert_int_equal(world_count(w, "attl.lock"), 0);
    assert_int_equal(world_hash(w), before);
}

static void
a_directory_that_others_may_write_is_looked_at_but_not_restored(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 5, 5, 3);
    assert_int_equal(chmod(w->dir, 0777), 0);
    world_run(w, EX_OK, "snapshot list DIR");
    world_run(w, EX_IOERR, "snapshot restore DIR SNAP --yes");
    assert_string_not_equal(w->err, "");
}

static void
a_verdict_is_one_line(void **state)
{
    struct capture out;
    (void)state;
    capture_begin(&out);
    struct offline o = { .out = out.file };
    assert_int_equal(offline_verdict(&o, EX_OK, "%d files", 3), EX_OK);
    assert_int_equal(offline_verdict(&o, EX_DATAERR, "all"), EX_DATAERR);
    o.json = true;
    assert_int_equal(offline_verdict(&o, EX_IOERR, "a \"disk\""), EX_IOERR);
    assert_string_equal(capture_end(&out), "fine: 3 files\ndamaged: all\n"
                                           "{\"type\":\"verdict\",\"status\":\"unreadable\","
                                           "\"exit\":74,\"text\":\"a \\\"disk\\\"\"}\n");
    capture_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_its_status),
        cmocka_unit_test(the_worst_status_wins),
        WORLD_TEST(a_missing_directory_is_not_created),
        WORLD_TEST(a_file_is_no_directory),
        WORLD_TEST(looking_leaves_no_lock_file),
        WORLD_TEST(a_directory_that_others_may_write_is_looked_at_but_not_restored),
        cmocka_unit_test(a_verdict_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

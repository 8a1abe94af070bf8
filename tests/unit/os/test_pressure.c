/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the system says about memory, read from trees of files that the test makes: both versions of
 * control groups, parents that are tighter, containers that see themselves at the top, files that
 * are missing, empty, cut or nonsense. The parsers get every prefix of good texts and random bytes:
 * they answer or say no, and touch nothing behind the text.
 */
#include "os/pressure.h"

#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1 << 20, RANDOM_ROUNDS = 20000, TEXT_MAX = 64 };

/* ---- a tree of files ---- */

struct tree {
    char root[128];
};

static void
tree_make(struct tree *t)
{
    (void)snprintf(t->root, sizeof t->root, "/tmp/attl-pressure-XXXXXX");
    assert_non_null(mkdtemp(t->root));
}

static void
tree_remove(const struct tree *t)
{
    char command[256];
    (void)snprintf(command, sizeof command, "rm -r '%s'", t->root);
    assert_int_equal(system(command), 0);
}

static void
tree_put(const struct tree *t, const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", t->root, name);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct pressure_reading
tree_read(const struct tree *t)
{
    struct pressure_source s;
    struct pressure_reading r;
    pressure_find(&s, t->root);
    pressure_read(&s, &r);
    return r;
}

/* ---- readings ---- */

static void
test_nothing_there_is_no_limit(void **state)
{
    (void)state;
    struct tree t;
    tree_make(&t);
    struct pressure_reading r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 0);
    assert_true(r.stall_percent < 0);
    tree_put(&t, "proc/self/cgroup", "4:memory:/gone\n0::/\n");
    r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 0);
    tree_remove(&t);
}

static void
test_version_1(void **state)
{
    (void)state;
    struct tree t;
    tree_make(&t);
    tree_put(&t, "proc/self/cgroup", "9:cpu,memory:/a/b\n1:cpu:/x\n0::/\n");
    tree_put(&t, "proc/pressure/memory", "some avg10=2.50 avg60=0.00 avg300=0.00 total=0\n");
    tree_put(&t, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "104857600\n");
    tree_put(&t, "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "94371840\n");
    tree_put(&t, "sys/fs/cgroup/memory/a/b/memory.stat",
             "cache 1\ninactive_file 99999999\ntotal_inactive_file 20971520\n"
             "total_active_file 10485760\n");
    struct pressure_reading r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 100 * MIB);
    assert_int_equal(r.used_bytes, 60 * MIB);
    assert_true(r.stall_percent > 2.49 && r.stall_percent < 2.51);
    tree_put(&t, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 0);
    tree_remove(&t);
}

static void
test_the_tightest_group_counts(void **state)
{
    (void)state;
    struct tree t;
    tree_make(&t);
    tree_put(&t, "proc/self/cgroup", "0::/pod/main\n");
    tree_put(&t, "sys/fs/cgroup/pod/main/memory.max", "max\n");
    tree_put(&t, "sys/fs/cgroup/pod/main/memory.high", "209715200\n");
    tree_put(&t, "sys/fs/cgroup/pod/main/memory.current", "104857600\n");
    tree_put(&t, "sys/fs/cgroup/pod/main/memory.pressure", "some avg10=7.00 avg60=0 total=1\n");
    tree_put(&t, "proc/pressure/memory", "some avg10=99.00 avg60=0.00 avg300=0.00 total=0\n");
    struct pressure_reading r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 200 * MIB);
    assert_int_equal(r.used_bytes, 100 * MIB);
    assert_true(r.stall_percent == 7.0);
    tree_put(&t, "sys/fs/cgroup/pod/memory.max", "314572800\n");
    tree_put(&t, "sys/fs/cgroup/pod/memory.current", "293601280\n");
    r = tree_read(&t); /* 280 of 300 is more than 100 of 200 */
    assert_int_equal(r.limit_bytes, 300 * MIB);
    assert_int_equal(r.used_bytes, 280 * MIB);
    tree_put(&t, "sys/fs/cgroup/pod/memory.stat",
             "anon 1\nfile 2\ninactive_file 104857600\n"
             "active_file 104857600\n");
    r = tree_read(&t); /* 80 of 300 are not files */
    assert_int_equal(r.limit_bytes, 200 * MIB);
    tree_remove(&t);
}

static void
test_a_container_sees_itself_at_the_top(void **state)
{
    (void)state;
    struct tree t;
    tree_make(&t);
    tree_put(&t, "proc/self/cgroup", "5:memory:/docker/0123456789abcdef\n0::/\n");
    tree_put(&t, "sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    tree_put(&t, "sys/fs/cgroup/memory/memory.usage_in_bytes", "52428800\n");
    struct pressure_reading r = tree_read(&t);
    assert_int_equal(r.limit_bytes, 100 * MIB);
    assert_int_equal(r.used_bytes, 50 * MIB);
    tree_remove(&t);
}

static void
test_nonsense_counts_as_absent(void **state)
{
    (void)state;
    static const char *const limits[] = {
        "", "\n", "x", "-1\n", "99999999999999999999999\n", " 104857600", "maximum\n"
    };
    struct tree t;
    tree_make(&t);
    tree_put(&t, "proc/self/cgroup", "0::/a\n");
    tree_put(&t, "sys/fs/cgroup/a/memory.current", "52428800\n");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        tree_put(&t, "sys/fs/cgroup/a/memory.max", limits[i]);
        assert_int_equal(tree_read(&t).limit_bytes, 0);
    }
    tree_put(&t, "sys/fs/cgroup/a/memory.max", "104857600\n");
    tree_put(&t, "sys/fs/cgroup/a/memory.current", "oops\n");
    assert_int_equal(tree_read(&t).limit_bytes, 0);
    static const char *const groups[] = {
        "",       "0",          "0:",         "0::",        "0::a\n",        ":::\n",
        "\n\n\n", "4:memory\n", "4:mem:/a\n", "4:x,memory", "4:memoryx:/a\n"
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        tree_put(&t, "proc/self/cgroup", groups[i]);
        (void)tree_read(&t);
    }
    char text[8192];
    memset(text, 'a', sizeof text);
    memcpy(text, "0::/", 4);
    text[sizeof text - 1] = '\0';
    tree_put(&t, "proc/self/cgroup", text); /* longer than any path */
    assert_int_equal(tree_read(&t).limit_bytes, 0);
    tree_remove(&t);
}

static void
test_the_system_itself_can_be_asked(void **state)
{
    (void)state;
    struct pressure_source s;
    struct pressure_reading r;
    pressure_find(&s, "");
    pressure_read(&s, &r);
    assert_true(r.stall_percent <= 100);
    char longest[2048];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    pressure_find(&s, longest);
    pressure_read(&s, &r);
    assert_int_equal(r.limit_bytes, 0);
}

/* ---- parsers ---- */

static void
test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key;
        bool ok;
        uint64_t value;
    } cases[] = {
        { "0\n", NULL, true, 0 },
        { "18446744073709551615", NULL, true, UINT64_MAX },
        { "18446744073709551616", NULL, false, 0 },
        { "max", NULL, true, UINT64_MAX },
        { "max7", NULL, false, 0 },
        { "a 1\nb 2\n", "b", true, 2 },
        { "a 1\nb 2\n", "a", true, 1 },
        { "ab 1\n", "a", false, 0 },
        { "a  1\n", "a", false, 0 },
        { "a 1\n", "", false, 0 },
        { "", "a", false, 0 },
        { "a", "a", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = 0;
        bool ok = pressure_parse_number(cases[i].text, cases[i].key, &value);
        if (ok != cases[i].ok || (ok && value != cases[i].value))
            fail_msg("case %zu", i);
    }
}

static void
test_stalls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = { { "some avg10=0.00 avg60=0.00", 0 },
                  { "some avg10=12.25 avg60=0.00", 12.25 },
                  { "some avg10=100.00", 100 },
                  { "some avg10=100.50", 100 },
                  { "some avg10=101", -1 },
                  { "some avg10=7", 7 },
                  { "some avg10=7.", 7 },
                  { "some avg10=", -1 },
                  { "some avg10=x", -1 },
                  { "full avg10=1.00", -1 },
                  { "", -1 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double got = pressure_parse_stall(cases[i].text);
        if (got < cases[i].value - 0.001 || got > cases[i].value + 0.001)
            fail_msg("case %zu: %f", i, got);
    }
}

/* On the heap, so that a sanitizer sees a read behind the end. */
static void
parse_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    copy[len] = '\0';
    uint64_t value;
    (void)pressure_parse_number(copy, NULL, &value);
    (void)pressure_parse_number(copy, "inactive_file", &value);
    double stall = pressure_parse_stall(copy);
    assert_true(stall == -1 || (stall >= 0 && stall <= 100));
    free(copy);
}

static void
test_any_text_is_parsed(void **state)
{
    (void)state;
    static const char *const good[] = { "some avg10=12.25 avg60=0.00 avg300=0.00 total=0\n",
                                        "cache 1\ninactive_file 123456789\n", "max\n" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        for (size_t len = 0; len <= strlen(good[i]); len++)
            parse_copy(good[i], len);
    static const char alphabet[] = "0123456789max avg=.\n_file inactive some";
    uint64_t seed = test_seed();
    struct rng rng = rng_from_seed(seed);
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        char text[TEXT_MAX];
        size_t len = rng_below(&rng, TEXT_MAX);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
        if (rng_below(&rng, 2))
            memcpy(text, "some avg10=", len < 11 ? len : 11);
        parse_copy(text, len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there_is_no_limit),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_the_tightest_group_counts),
        cmocka_unit_test(test_a_container_sees_itself_at_the_top),
        cmocka_unit_test(test_nonsense_counts_as_absent),
        cmocka_unit_test(test_the_system_itself_can_be_asked),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_any_text_is_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

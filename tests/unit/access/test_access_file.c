/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of users: what is written is read again, what is wrong is named by line and word and
 * changes nothing, passwords are never repeated, and allocations and the disk may fail.
 */
#include "access_support.h"
#include "support/refusing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/access_file.h"

static bool
load(struct access *a, const char *text, char problems[TEXT_MAX_BYTES])
{
    struct buf out;
    buf_init(&out, TEXT_MAX_BYTES - 1);
    bool loaded = access_load_text(a, "users.acl", attl_s(text), NULL, &out);
    if (out.len)
        memcpy(problems, out.data, out.len);
    problems[out.len] = '\0';
    buf_fini(&out);
    assert_int_equal(loaded, problems[0] == '\0');
    return loaded;
}

static void
a_file_replaces_all_users_but_a_default_it_does_not_name(void **state)
{
    struct refusing r;
    char text[TEXT_MAX_BYTES], problems[TEXT_MAX_BYTES];
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(access_set_password(a, attl_s("secret")), RULE_OK);
    assert_int_equal(set_user(a, "old", "on"), RULE_OK);
    assert_int_equal(set_user(a, "bob", "on"), RULE_OK);
    struct access_user *bob = access_find(a, attl_s("bob"));
    assert_true(
        load(a, "# people\n\n  user bob on >pass ~a  +get \r\nuser eve off (+set ~b)\n", problems));
    assert_int_equal(access_count(a), 3);
    assert_true(access_auth_required(a));
    assert_string_equal(user_text(a, "eve", text),
                        "off sanitize-payload resetchannels -@all (~b resetchannels -@all +set)");
    struct access_user *newest = access_newest(a, bob); /* the same bob, who may do less */
    assert_non_null(newest);
    user_free(newest);
    user_free(bob);
    assert_true(load(a, "user default off", problems));
    assert_int_equal(access_count(a), 1);
    assert_true(load(a, "", problems));
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
what_is_wrong_is_named_by_line_and_word(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        { "user a on\nuser b +nothing\n",
          "users.acl:2: '+nothing': Unknown command or category name in ACL. " },
        { "\nbob on\n", "users.acl:2: 'bob': a line must start with \"user\" and a name. " },
        { "user\n", "users.acl:1: 'user': a line must start with \"user\" and a name. " },
        { "user a\nuser a\n", "users.acl:2: 'a': this user is defined above already. " },
        { "user a (+get ~x\n", "users.acl:1: '(+get': Unmatched parenthesis in selector. " },
        { "user a <secret\n",
          "users.acl:1: '<...': The password you are trying to remove from the user does not "
          "exist. " },
        { "user a what\nuser b that", "users.acl:1: 'what': Syntax error. users.acl:2: 'that': "
                                      "Syntax error. " },
    };
    struct refusing r;
    char problems[TEXT_MAX_BYTES];
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(set_user(a, "old", "on"), RULE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(load(a, cases[i].text, problems));
        assert_string_equal(problems, cases[i].problem);
        assert_int_equal(access_count(a), 2);
    }
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
what_is_saved_is_loaded_again_and_private(void **state)
{
    struct refusing r;
    char dir[] = "/tmp/attl-acl-XXXXXX", err[256] = "", before[TEXT_MAX_BYTES],
         after[TEXT_MAX_BYTES];
    struct stat st;
    struct buf problems;
    struct access *a = new_access(&r);
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(a->path, sizeof a->path, "%s/users.acl", dir);
    assert_int_equal(set_user(a, "bob", "on >x %R~a &c +@read -get (+set ~b)"), RULE_OK);
    user_text(a, "bob", before);
    assert_true(access_save(a, err, sizeof err));
    assert_int_equal(stat(a->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(set_user(a, "bob", "reset"), RULE_OK);
    buf_init(&problems, TEXT_MAX_BYTES);
    assert_true(access_load(a, NULL, &problems));
    assert_string_equal(user_text(a, "bob", after), before);
    assert_int_equal(unlink(a->path), 0);
    assert_false(access_load(a, NULL, &problems));
    assert_true(problems.len > 0);
    (void)snprintf(a->path, sizeof a->path, "%s/missing/users.acl", dir);
    assert_false(access_save(a, err, sizeof err));
    assert_non_null(strstr(err, "missing"));
    (void)snprintf(a->path, sizeof a->path, "%s", dir);
    assert_false(access_load(a, NULL, &problems)); /* a directory */
    buf_fini(&problems);
    assert_int_equal(rmdir(dir), 0);
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
every_allocation_may_fail(void **state)
{
    struct refusing r;
    char problems[TEXT_MAX_BYTES];
    bool loaded = false;
    int64_t n = 0;
    (void)state;
    for (; !loaded; n++) {
        struct access *a = new_access(&r);
        assert_int_equal(set_user(a, "old", "on"), RULE_OK);
        r.left = n;
        loaded = load(a, "user bob on >x ~a +get (+set ~b)\nuser eve off", problems);
        r.left = -1;
        assert_int_equal(access_count(a), loaded ? 3 : 2);
        access_free(&a);
        assert_int_equal(r.live, 0);
    }
    assert_true(n > 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_replaces_all_users_but_a_default_it_does_not_name),
        cmocka_unit_test(what_is_wrong_is_named_by_line_and_word),
        cmocka_unit_test(what_is_saved_is_loaded_again_and_private),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The set of users: changes are all or nothing and are told, versions outlive their replacement,
 * passwords open the door they belong to, and every allocation may fail.
 */
#include "access_support.h"
#include "support/refusing.h"

#define HASH_OF_SECRET "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

struct told {
    size_t made, changed, gone;
    uint64_t last_id;
};

static void
hear(void *ud, const struct access_user *before, const struct access_user *after)
{
    struct told *t = ud;
    t->made += !before;
    t->gone += !after;
    t->changed += before && after;
    t->last_id = after ? after->id : before->id;
}

static bool
logs_in(struct access *a, const char *name, const char *password)
{
    struct access_user *u = NULL;
    bool right = access_authenticate(a, attl_s(name), attl_s(password), &u);
    assert_int_equal(right, u != NULL);
    user_free(u);
    return right;
}

static void
at_first_there_is_a_default_user_who_may_do_everything(void **state)
{
    struct refusing r;
    char text[TEXT_MAX_BYTES];
    struct access *a = new_access(&r);
    (void)state;
    assert_string_equal(user_text(a, "default", text), "on nopass sanitize-payload ~* &* +@all");
    assert_int_equal(access_count(a), 1);
    assert_false(access_auth_required(a));
    assert_true(logs_in(a, "default", "anything"));
    assert_false(logs_in(a, "nobody", "anything"));
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
passwords_are_kept_as_their_digest(void **state)
{
    struct refusing r;
    char text[TEXT_MAX_BYTES];
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(set_user(a, "bob", "on >secret"), RULE_OK);
    assert_string_equal(user_text(a, "bob", text),
                        "on sanitize-payload #" HASH_OF_SECRET " resetchannels -@all");
    assert_true(logs_in(a, "bob", "secret"));
    assert_false(logs_in(a, "bob", "Secret"));
    assert_false(logs_in(a, "bob", ""));
    assert_int_equal(set_user(a, "bob", "#" HASH_OF_SECRET " >second"), RULE_OK);
    assert_true(logs_in(a, "bob", "second"));
    assert_int_equal(set_user(a, "bob", "<secret"), RULE_OK);
    assert_false(logs_in(a, "bob", "secret"));
    assert_int_equal(set_user(a, "bob", "off"), RULE_OK);
    assert_false(logs_in(a, "bob", "second"));
    assert_int_equal(set_user(a, "bob", "on nopass"), RULE_OK);
    assert_true(logs_in(a, "bob", "whatever"));
    assert_int_equal(set_user(a, "bob", "resetpass"), RULE_OK);
    assert_false(logs_in(a, "bob", "whatever"));
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
requirepass_is_the_password_of_the_default_user(void **state)
{
    struct refusing r;
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(access_set_password(a, attl_s("secret")), RULE_OK);
    assert_true(access_auth_required(a));
    assert_true(logs_in(a, "default", "secret"));
    assert_false(logs_in(a, "default", "other"));
    assert_int_equal(access_set_password(a, attl_s("other")), RULE_OK);
    assert_false(logs_in(a, "default", "secret"));
    assert_int_equal(access_set_password(a, attl_s("")), RULE_OK);
    assert_false(access_auth_required(a));
    assert_int_equal(set_user(a, "default", "off"), RULE_OK);
    assert_true(access_auth_required(a));
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
a_version_in_use_outlives_its_replacement(void **state)
{
    struct refusing r;
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(set_user(a, "bob", "+get"), RULE_OK);
    struct access_user *old = access_find(a, attl_s("bob"));
    uint64_t generation = access_generation(a);
    assert_int_equal(set_user(a, "bob", "+set"), RULE_OK);
    assert_true(access_generation(a) != generation);
    struct access_user *newest = access_newest(a, old);
    assert_non_null(newest);
    assert_ptr_not_equal(newest, old);
    assert_int_equal(newest->id, old->id);
    user_free(newest);
    assert_true(access_delete(a, attl_s("bob"), NULL));
    assert_null(access_newest(a, old));
    assert_int_equal(set_user(a, "bob", "+get"), RULE_OK);
    assert_null(access_newest(a, old)); /* another bob */
    access_free(&a);
    user_free(old);
    assert_int_equal(r.live, 0);
}

static void
changes_are_told_and_deleting_is_one(void **state)
{
    struct refusing r;
    struct told told = { 0 };
    struct access_listener listener = { hear, &told };
    attl_slice rules[FAKE_RULES_MAX];
    struct rule_place place;
    size_t n;
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(access_set(a, attl_s("bob"), rules, 0, &listener, &place), RULE_OK);
    assert_int_equal(told.made, 1);
    n = split_rules("+get", rules);
    assert_int_equal(access_set(a, attl_s("bob"), rules, n, &listener, &place), RULE_OK);
    assert_int_equal(told.changed, 1);
    n = split_rules("+get (+nothing ~a) +set", rules);
    assert_int_equal(access_set(a, attl_s("bob"), rules, n, &listener, &place), RULE_UNKNOWN);
    assert_int_equal(place.at, 1);
    assert_int_equal(place.n, 2);
    assert_int_equal(told.changed, 1);
    assert_true(access_delete(a, attl_s("bob"), &listener));
    assert_false(access_delete(a, attl_s("bob"), &listener));
    assert_int_equal(told.gone, 1);
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
append_name(void *ud, const struct access_user *u)
{
    buf_append_str(ud, u->name);
}

static void
users_are_listed_in_order_of_their_names(void **state)
{
    struct refusing r;
    struct buf names;
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(set_user(a, "z", ""), RULE_OK);
    assert_int_equal(set_user(a, "b", ""), RULE_OK);
    assert_int_equal(set_user(a, "B", ""), RULE_OK);
    assert_int_equal(set_user(a, "ba", ""), RULE_OK);
    buf_init(&names, TEXT_MAX_BYTES);
    access_each(a, append_name, &names);
    assert_int_equal(names.len, strlen("Bbbadefaultz"));
    assert_memory_equal(names.data, "Bbbadefaultz", names.len);
    buf_fini(&names);
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
every_allocation_may_fail(void **state)
{
    static const char line[] = "on >x ~a %R~b &c +get -@write +select|0 (+set ~d &e +select|1)";
    struct refusing r;
    char before[TEXT_MAX_BYTES], after[TEXT_MAX_BYTES];
    (void)state;
    int64_t n = 0;
    enum rule_result result = RULE_NO_MEMORY;
    for (; result == RULE_NO_MEMORY; n++) {
        struct access *a = new_access(&r);
        assert_int_equal(set_user(a, "bob", "+set >y"), RULE_OK);
        user_text(a, "bob", before);
        r.left = n;
        result = set_user(a, "bob", line);
        r.left = -1;
        if (result != RULE_OK) {
            assert_int_equal(result, RULE_NO_MEMORY);
            assert_string_equal(user_text(a, "bob", after), before);
        }
        access_free(&a);
        assert_int_equal(r.live, 0);
    }
    assert_true(n > 10);
    for (n = 0;; n++) {
        r = (struct refusing){ .left = n };
        attl_allocator alloc = refusing_hooks(&r);
        struct access *a = access_new(&fake_catalog, &alloc);
        bool made = a != NULL;
        access_free(&a);
        assert_int_equal(r.live, 0);
        if (made)
            break;
    }
    assert_true(n >= 4);
}

static void
names_are_checked(void **state)
{
    char longest[ACCESS_NAME_MAX + 2];
    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_true(user_name_valid(attl_s("bob")));
    assert_true(user_name_valid(attl_b(longest, ACCESS_NAME_MAX)));
    assert_false(user_name_valid(attl_b(longest, ACCESS_NAME_MAX + 1)));
    assert_false(user_name_valid(attl_s("")));
    assert_false(user_name_valid(attl_s("a b")));
    assert_false(user_name_valid(attl_b("a\0b", 3)));
    assert_false(user_name_valid(attl_s("a\n")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_first_there_is_a_default_user_who_may_do_everything),
        cmocka_unit_test(passwords_are_kept_as_their_digest),
        cmocka_unit_test(requirepass_is_the_password_of_the_default_user),
        cmocka_unit_test(a_version_in_use_outlives_its_replacement),
        cmocka_unit_test(changes_are_told_and_deleting_is_one),
        cmocka_unit_test(users_are_listed_in_order_of_their_names),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

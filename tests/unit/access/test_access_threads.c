/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users that change while others ask: readers follow a user through its versions, log in and list,
 * while the main thread sets and deletes. Every version a reader holds is whole - it allows a or b,
 * never both - and at the end nothing is left over. What a data race is, the thread sanitizer says.
 */
#include "access_support.h"
#include "support/refusing.h"
#include "os/thread.h"

enum { READERS = 3, ROUNDS = 400 };

struct rig {
    struct access *a;
    _Atomic bool stop;
    _Atomic uint64_t looks, torn;
};

static unsigned
allowed(const struct access_user *u, const char *key)
{
    attl_slice argv[2] = { attl_s("get"), attl_s(key) };
    struct access_request q = { .row = ROW_GET, .words = 1, .argv = argv, .argc = 2 };
    size_t at;
    q.key_first = q.key_n = q.key_step = 1;
    q.key_kinds = ACCESS_READ;
    return user_check(u, &q, &at) == ACCESS_ALLOWED;
}

static void
look_at(void *ud, const struct access_user *u)
{
    *(size_t *)ud += strlen(u->name);
}

static void *
read_users(void *ud)
{
    struct rig *r = ud;
    struct access_user *held = NULL;
    uint64_t seen = 0;
    size_t bytes = 0;
    while (!atomic_load(&r->stop)) {
        uint64_t generation = access_generation(r->a);
        if (generation != seen || !held) {
            struct access_user *newest = held ? access_newest(r->a, held)
                                              : access_find(r->a, attl_s("bob"));
            user_free(held);
            held = newest;
            seen = generation;
        }
        if (held && allowed(held, "a") + allowed(held, "b") != 1)
            atomic_fetch_add(&r->torn, 1);
        struct access_user *in = NULL;
        if (access_authenticate(r->a, attl_s("bob"), attl_s("x"), &in))
            user_free(in);
        access_each(r->a, look_at, &bytes);
        atomic_fetch_add(&r->looks, 1);
    }
    user_free(held);
    return NULL;
}

static void
set_bob(struct access *a, bool b)
{
    attl_slice rules[] = { attl_s("on"), attl_s(">x"), attl_s("+get"), attl_s("resetkeys"),
                           attl_s(b ? "~b" : "~a") };
    struct rule_place place;
    assert_int_equal(access_set(a, attl_s("bob"), rules, 5, NULL, &place), RULE_OK);
}

static void
versions_are_whole_while_users_change(void **state)
{
    attl_allocator alloc = alloc_default();
    struct rig r = { .a = access_new(&fake_catalog, &alloc) };
    struct thread readers[READERS];
    (void)state;
    assert_non_null(r.a);
    set_bob(r.a, false);
    for (size_t i = 0; i < READERS; i++)
        assert_true(thread_start(&readers[i], "reader", read_users, &r));
    for (unsigned i = 0; i < ROUNDS || atomic_load(&r.looks) < ROUNDS; i++) {
        set_bob(r.a, i % 2);
        if (i % 7 == 0) {
            assert_true(access_delete(r.a, attl_s("bob"), NULL));
            set_bob(r.a, i % 2);
        }
    }
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < READERS; i++)
        thread_join(&readers[i]);
    assert_int_equal(atomic_load(&r.torn), 0);
    access_free(&r.a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_whole_while_users_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

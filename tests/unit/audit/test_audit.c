/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queue and thread on the simulated disk: what is said is written in order; who waits hears whether
 * it was; a disk that fails loses lines, which a later line counts, and whoever opened the trail is
 * told once; a full queue; keys hidden; every allocation failing. Several threads at once are for
 * the thread sanitizer.
 */
#include "audit/audit.h"

#include "audit/verify.h"
#include "base/alloc.h"
#include "os/thread.h"
#include "support/refusing.h"
#include "support/sim_disk.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, LINES_EACH = 200 };

struct rig {
    struct sim_disk *sim;
    struct audit *audit;
    struct audit_settings settings;
    _Atomic int failing, well; /* times it was told */
};

static void
told(void *ud, bool failing, const char *text)
{
    struct rig *r = ud;
    assert_non_null(strstr(text, failing ? "cannot be written" : "written again"));
    atomic_fetch_add(failing ? &r->failing : &r->well, 1);
}

static void
rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->sim = sim_disk_new(1);
    r->settings = (struct audit_settings){ .rotate_bytes = 1 << 20,
                                           .queue = 1000,
                                           .told = told,
                                           .ud = r,
                                           .disk = sim_disk_table(r->sim) };
}

static void
rig_open(struct rig *r)
{
    char err[256] = "";
    attl_allocator alloc = alloc_default();
    ASSERT_STATUS(audit_open(&r->audit, &alloc, &r->settings, err, sizeof err), ATTL_OK);
}

static void
rig_close(struct rig *r)
{
    audit_close(&r->audit);
    sim_disk_free(&r->sim);
}

static struct audit_record
line(const char *object)
{
    struct audit_record r = { .kind = AUDIT_ADMIN };
    r.text[AUDIT_ACTION] = attl_s("test");
    r.text[AUDIT_OBJECT] = attl_s(object);
    return r;
}

static void
expect_fine(struct rig *r, uint64_t lines)
{
    struct audit_verify v = { 0 };
    assert_int_equal(audit_verify_now(r->audit, &v), 0);
    assert_int_equal(v.findings, 0);
    assert_int_equal(v.lines, lines);
}

static struct audit_stats
stats(struct rig *r)
{
    struct audit_stats st;
    audit_stats_get(r->audit, &st);
    return st;
}

static void
what_is_said_is_written_in_order(void **state)
{
    (void)state;
    struct rig r;
    struct buf tail;
    char text[16];
    rig_init(&r);
    rig_open(&r);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text, sizeof text, "n%d;", i);
        struct audit_record rec = line(text);
        assert_true(i % 3 ? audit_put(r.audit, &rec) : audit_put_wait(r.audit, &rec));
    }
    expect_fine(&r, 301);
    buf_init(&tail, 1 << 20);
    assert_int_equal(audit_tail(r.audit, 3, &tail), 0);
    const char *a = strstr(tail.data, "n297;"), *b = strstr(tail.data, "n298;");
    const char *c = strstr(tail.data, "n299;");
    assert_true(a && b && c && a < b && b < c);
    assert_null(memmem(tail.data, tail.len, "n296;", 5));
    buf_clear(&tail, 0);
    audit_rotate(r.audit);
    struct audit_record rec = line("last;");
    assert_true(audit_put_wait(r.audit, &rec));
    assert_int_equal(stats(&r).rotations, 1);
    assert_int_equal(audit_tail(r.audit, 4, &tail), 0); /* over two files */
    a = memmem(tail.data, tail.len, "n298;", 5);
    b = memmem(tail.data, tail.len, "last;", 5);
    assert_true(a && b && a < b);
    buf_fini(&tail);
    assert_int_equal(stats(&r).last_seq, 303);
    rig_close(&r);
}

static void
a_failing_disk_loses_lines_and_says_so(void **state)
{
    (void)state;
    struct rig r;
    struct buf tail;
    rig_init(&r);
    rig_open(&r);
    struct audit_record rec = line("x");
    sim_disk_fail(r.sim, SIM_WRITE, 1, -ENOSPC, SIM_FOREVER);
    assert_false(audit_put_wait(r.audit, &rec));
    assert_true(audit_put(r.audit, &rec)); /* taken, and lost later */
    audit_flush(r.audit);
    audit_refused(r.audit);
    assert_true(stats(&r).failing);
    assert_true(strlen(stats(&r).error) > 0);
    assert_int_equal(r.failing, 1);
    sim_disk_fail(r.sim, 0, 0, 0, SIM_ONCE);
    assert_true(audit_put_wait(r.audit, &rec));
    assert_false(stats(&r).failing);
    assert_int_equal(r.well, 1);
    assert_int_equal(stats(&r).lost, 1);
    assert_int_equal(stats(&r).refused, 1);
    buf_init(&tail, 1 << 20);
    assert_int_equal(audit_tail(r.audit, 2, &tail), 0);
    assert_non_null(memmem(tail.data, tail.len, "1 lines lost, 1 actions refused", 31));
    buf_fini(&tail);
    expect_fine(&r, 3);
    rig_close(&r);
}

static void
it_heals_by_itself(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    struct audit_record rec = line("x");
    sim_disk_fail(r.sim, SIM_WRITE, 1, -EIO, SIM_FOREVER);
    assert_false(audit_put_wait(r.audit, &rec));
    sim_disk_fail(r.sim, 0, 0, 0, SIM_ONCE);
    for (int i = 0; i < 500 && r.well == 0; i++)
        usleep(10000); /* it tries once a second */
    assert_int_equal(r.well, 1);
    rig_close(&r);
}

static void
wait_in_hook(void *ud, enum sim_op op, const char *name)
{
    (void)name;
    while (op == SIM_WRITE && atomic_load((_Atomic bool *)ud))
        usleep(1000);
}

static void
a_full_queue_loses_and_counts(void **state)
{
    (void)state;
    struct rig r;
    _Atomic bool stuck = false;
    rig_init(&r);
    r.settings.queue = 16;
    rig_open(&r);
    struct audit_record rec = line("x");
    sim_disk_set_hook(r.sim, wait_in_hook, &stuck);
    atomic_store(&stuck, true);
    int taken = 0;
    for (int i = 0; i < 100; i++)
        taken += audit_put(r.audit, &rec);
    assert_true(taken >= 16 && taken <= 34); /* the queue, and what the thread had taken */
    assert_int_equal(stats(&r).lost, 100 - taken);
    atomic_store(&stuck, false);
    audit_flush(r.audit);
    audit_flush(r.audit);
    sim_disk_set_hook(r.sim, NULL, NULL);
    expect_fine(&r, (uint64_t)(1 + taken) + 1); /* and the line about the others */
    rig_close(&r);
}

static void
an_unusable_directory_ends_a_start_only_if_closed(void **state)
{
    (void)state;
    char err[256] = "";
    attl_allocator alloc = alloc_default();
    struct rig r;
    rig_init(&r);
    sim_disk_fail(r.sim, SIM_CREATE, 1, -EACCES, SIM_FOREVER);
    r.settings.fail_closed = true;
    ASSERT_STATUS(audit_open(&r.audit, &alloc, &r.settings, err, sizeof err), ATTL_E_IO);
    assert_null(r.audit);
    assert_true(strlen(err) > 0);
    r.settings.fail_closed = false;
    rig_open(&r);
    assert_true(stats(&r).failing);
    sim_disk_fail(r.sim, 0, 0, 0, SIM_ONCE);
    struct audit_record rec = line("x");
    assert_true(audit_put_wait(r.audit, &rec));
    assert_false(stats(&r).failing);
    rig_close(&r);
}

static void
keys_are_hidden_alike(void **state)
{
    (void)state;
    struct rig r;
    struct buf a, b;
    rig_init(&r);
    r.settings.writes = "user: order:";
    rig_open(&r);
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    audit_hide(r.audit, attl_s("user:1"), &a);
    audit_hide(r.audit, attl_s("user:1"), &b);
    assert_int_equal(a.len, 33);
    assert_memory_equal(a.data, b.data, a.len);
    assert_null(memmem(a.data, a.len, "user", 4));
    buf_clear(&b, 1000);
    audit_hide(r.audit, attl_s("user:2"), &b);
    assert_memory_not_equal(a.data, b.data, 33);
    assert_true(audit_has_writes(r.audit));
    assert_true(audit_wants(r.audit, attl_s("user:1")) && audit_wants(r.audit, attl_s("order:")));
    assert_false(audit_wants(r.audit, attl_s("user")) || audit_wants(r.audit, attl_s("")));
    buf_fini(&a);
    buf_fini(&b);
    rig_close(&r);
}

static void
no_memory_is_a_lost_line(void **state)
{
    (void)state;
    for (int64_t n = 0;; n++) {
        struct rig r;
        char err[256] = "";
        struct refusing refusing = { .left = n };
        attl_allocator alloc = refusing_hooks(&refusing);
        rig_init(&r);
        int status = audit_open(&r.audit, &alloc, &r.settings, err, sizeof err);
        bool opened = status == ATTL_OK;
        if (opened) {
            struct audit_record rec = line("x");
            bool written = audit_put_wait(r.audit, &rec);
            audit_close(&r.audit);
            assert_int_equal(refusing.live, 0);
            sim_disk_free(&r.sim);
            if (written)
                break;
            continue;
        }
        assert_int_equal(refusing.live, 0);
        sim_disk_free(&r.sim);
        assert_true(n < 100);
    }
}

static void *
shout(void *arg)
{
    struct rig *r = arg;
    struct audit_record rec = line("shout");
    for (int i = 0; i < LINES_EACH; i++)
        if (!(i % 50 ? audit_put(r->audit, &rec) : audit_put_wait(r->audit, &rec)))
            return arg;
    return NULL;
}

static void
many_may_speak_at_once(void **state)
{
    (void)state;
    struct rig r;
    struct thread threads[THREADS];
    rig_init(&r);
    r.settings.rotate_bytes = 20000;
    r.settings.sync = true;
    rig_open(&r);
    for (int i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], "shout", shout, &r));
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    audit_flush(r.audit);
    struct audit_stats st = stats(&r);
    assert_int_equal(st.lost, 0);
    assert_true(st.rotations > 3);
    expect_fine(&r, THREADS * LINES_EACH + st.rotations + 1);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_written_in_order),
        cmocka_unit_test(a_failing_disk_loses_lines_and_says_so),
        cmocka_unit_test(it_heals_by_itself),
        cmocka_unit_test(a_full_queue_loses_and_counts),
        cmocka_unit_test(an_unusable_directory_ends_a_start_only_if_closed),
        cmocka_unit_test(keys_are_hidden_alike),
        cmocka_unit_test(no_memory_is_a_lost_line),
        cmocka_unit_test(many_may_speak_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces as settings: from a file, the command line and code; which source wins; what messages
 * say; what is written back by CONFIG REWRITE and read again; and that a list which cannot be
 * copied for want of memory leaves everything as it was.
 */
#include "config_support.h"

#include "config/config_entry.h"

#include <stdio.h>

static char err[OPTION_ERROR_MAX];

static struct config_entry
entry(const char *name, enum config_entry_kind kind, const char *text, int64_t integer)
{
    return (struct config_entry){ .name = attl_s(name),
                                  .kind = kind,
                                  .kind_text = "a thing",
                                  .string = attl_s(text ? text : ""),
                                  .integer = integer,
                                  .line = 3,
                                  .column = 5 };
}

static int
apply(attl_config *config, const struct config_entry *entries, size_t n)
{
    err[0] = '\0';
    return config_entries_apply(config, "s.toml", CONFIG_FILE, entries, n,
                                (struct config_error){ err, sizeof err });
}

static void
names_are_taken_apart_at_the_last_dot(void **state)
{
    (void)state;
    static const struct {
        const char *name, *prefix, *field;
    } rows[] = { { "namespace.s:.ttl_max", "s:", "ttl_max" },
                 { "namespace.a.b.ttl_max", "a.b", "ttl_max" },
                 { "namespace..ttl_max", "", "ttl_max" },
                 { "namespace....ttl_max", "..", "ttl_max" },
                 { "namespace.s", "s", "" },
                 { "namespace.", "", "" } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        attl_slice prefix, field;
        assert_true(namespace_name_split(attl_s(rows[i].name), &prefix, &field));
        assert_int_equal(prefix.len, strlen(rows[i].prefix));
        assert_memory_equal(prefix.data, rows[i].prefix, prefix.len);
        assert_int_equal(field.len, strlen(rows[i].field));
    }
    attl_slice prefix, field;
    assert_false(namespace_name_split(attl_s("namespaces.a.b"), &prefix, &field));
    assert_false(namespace_name_split(attl_s("cache.max_memory"), &prefix, &field));
}

static void
a_file_sets_fields_and_messages_say_where(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    char text[OPTION_TEXT_MAX];
    const struct config_entry good[] = {
        entry("namespace.s:.ttl_max", ENTRY_STRING, "24h", 0),
        entry("namespace.s:.soft", ENTRY_STRING, "80%", 0),
        entry("namespace.s:.jitter", ENTRY_STRING, "10%", 0),
        entry("namespace.s:.max_entries", ENTRY_INT, NULL, 7),
        entry("namespace.t.u", ENTRY_SECTION, NULL, 0),
    };
    assert_int_equal(apply(config, good, 5), ATTL_OK);
    assert_int_equal(config->namespaces.count, 2);
    assert_string_equal(shown(config, "namespace.s:.ttl_max", text), "1d");
    assert_string_equal(shown(config, "namespace.s:.soft", text), "80%");
    assert_string_equal(shown(config, "namespace.s:.jitter", text), "10%");
    assert_string_equal(shown(config, "namespace.s:.eviction", text), "s3fifo");
    assert_non_null(namespace_list_find(&config->namespaces, attl_s("t.u")));
    const struct {
        struct config_entry entry;
        const char *want;
    } bad[] = {
        { entry("namespace.s:.ttl_maxx", ENTRY_STRING, "24h", 0),
          "s.toml:3:5: 'ttl_maxx' is nothing a namespace has; it has enabled, ttl_default, "
          "ttl_max, ttl_required, soft, grace, jitter, negative_ttl, serve_stale, max_entries, "
          "max_bytes, eviction, durability, "
          "on_disk_error, audit" },
        { entry("namespace.s", ENTRY_INT, NULL, 5),
          "s.toml:3:5: a namespace is a section of its own: [namespace.\"s\"]" },
        { entry("namespace.s:.ttl_max", ENTRY_BOOL, NULL, 1),
          "s.toml:3:5: ttl_max: a thing was given, it takes a number of seconds or a text like "
          "\"30s\"" },
        { entry("namespace.s:.soft", ENTRY_STRING, "0%", 0),
          "s.toml:3:5: soft: a percentage is between 1% and 100%" },
        { entry("namespace.s:.jitter", ENTRY_INT, NULL, 91),
          "s.toml:3:5: jitter: 91 is above the maximum, 90" },
        { entry("namespace.s:.eviction", ENTRY_STRING, "lru", 0),
          "s.toml:3:5: eviction: 'lru' is not one of: s3fifo, none" },
        { entry("namespace.\x01.ttl_max", ENTRY_STRING, "5s", 0),
          "s.toml:3:5: namespace: holds a control character" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(apply(config, &bad[i].entry, 1), ATTL_E_CONFIG);
        assert_string_equal(err, bad[i].want);
    }
    assert_int_equal(config->namespaces.count, 2);
    attl_config_free(config);
}

static void
the_higher_source_wins_and_code_is_outside(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    char text[OPTION_TEXT_MAX];
    char *argv[] = { "attld", "--namespace.s:.ttl_max=2h", "--namespace.s:.ttl_default", "1h" };
    assert_int_equal(config_apply_args(config, 4, argv, err, sizeof err), ATTL_OK);
    const struct config_entry file = entry("namespace.s:.ttl_max", ENTRY_STRING, "24h", 0);
    assert_int_equal(apply(config, &file, 1), ATTL_OK);
    assert_string_equal(shown(config, "namespace.s:.ttl_max", text), "2h");
    assert_string_equal(shown(config, "namespace.s:.ttl_default", text), "1h");
    assert_int_equal(attl_config_set(config, "namespace.s:.ttl_max", "3h", err, sizeof err),
                     ATTL_OK);
    assert_string_equal(shown(config, "namespace.s:.ttl_max", text), "3h");
    attl_config_free(config);
}

static attl_ns_field
field(const char *name, const char *value)
{
    return (attl_ns_field){ attl_s(name), attl_s(value) };
}

static void
what_was_set_at_run_time_is_written_and_read_again(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    struct config_error error = { err, sizeof err };
    struct buf out;
    const struct config_entry file[] = { entry("namespace.f:.ttl_max", ENTRY_STRING, "24h", 0),
                                         entry("namespace.g:.ttl_max", ENTRY_STRING, "24h", 0) };
    assert_int_equal(apply(config, file, 2), ATTL_OK);
    attl_ns_field fields[] = { field("ttl_max", "90s"), field("soft", "50%"),
                               field("serve_stale", "yes"), field("grace", "5m") };
    assert_int_equal(config_ns_set(config, attl_s("r\"\\:"), fields, 4, error), ATTL_OK);
    assert_int_equal(config_ns_set(config, attl_s("f:"), fields, 1, error), ATTL_OK);
    assert_int_equal(config_ns_del(config, attl_s("g:"), error), ATTL_OK);
    assert_int_equal(config_ns_del(config, attl_s("g:"), error), ATTL_MISS);
    buf_init(&out, CONFIG_RENDER_BYTES_MAX);
    namespace_list_text(config, CONFIG_RUN_TIME, false, &out);
    buf_append(&out, "", 1);
    assert_string_equal(out.data,
                        "[namespace.\"f:\"]\nttl_max = \"90s\"\n"
                        "\n[namespace.\"g:\"]\nenabled = false\n"
                        "\n[namespace.\"r\\\"\\\\:\"]\nttl_max = \"90s\"\nsoft = \"50%\"\n"
                        "grace = \"5m\"\nserve_stale = true\n");
    buf_fini(&out);
    assert_int_equal(config_ns_set(config, attl_s("g:"), fields, 1, error), ATTL_OK);
    assert_true(namespace_list_find(&config->namespaces, attl_s("g:"))->values[NS_ENABLED].number);
    assert_int_equal(config_ns_del(config, attl_s("r\"\\:"), error), ATTL_OK);
    assert_null(namespace_list_find(&config->namespaces, attl_s("r\"\\:")));
    attl_config_free(config);
}

static void
fields_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    assert_int_equal(attl_config_set(config, "namespace.s:.serve_stale", "yes", NULL, 0), ATTL_OK);
    assert_int_equal(config_check(config, err, sizeof err), ATTL_E_CONFIG);
    assert_string_equal(err, "namespace \"s:\": serve_stale needs a grace");
    attl_config_free(config);
}

static void
without_memory_nothing_changes(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        struct counting c = { 0 };
        attl_config *config = config_new_with(counting_allocator(&c), false);
        assert_int_equal(attl_config_set(config, "namespace.s:.ttl_max", "1h", NULL, 0), ATTL_OK);
        attl_ns_field fields[] = { field("ttl_max", "90s") };
        c.fail_at = c.calls + n;
        int status = config_ns_set(config, attl_s("t:"), fields, 1,
                                   (struct config_error){ err, sizeof err });
        c.fail_at = 0;
        assert_int_equal(config->namespaces.count, status == ATTL_OK ? 2 : 1);
        attl_config_free(config);
        assert_int_equal(c.alive, 0);
        if (status == ATTL_OK)
            break;
        assert_int_equal(status, ATTL_E_NOMEM);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart_at_the_last_dot),
        cmocka_unit_test(a_file_sets_fields_and_messages_say_where),
        cmocka_unit_test(the_higher_source_wins_and_code_is_outside),
        cmocka_unit_test(what_was_set_at_run_time_is_written_and_read_again),
        cmocka_unit_test(fields_that_contradict_each_other_are_refused),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

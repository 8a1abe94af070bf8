/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of metrics as Prometheus' rules want it, and its completeness: every member of every
 * struct that a reading fills in is read by some row, so that a member that is added cannot be
 * forgotten.
 */
#include "metric/metric.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool
ends_with(const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);
    return n >= t && strcmp(name + n - t, tail) == 0;
}

static void
names_end_with_their_units(void **state)
{
    (void)state;
    for (size_t i = 0; i < metric_table_len; i++) {
        const struct metric *m = &metric_table[i];
        const char *unit = metric_unit_name(m->unit);
        char counted[32];
        (void)snprintf(counted, sizeof counted, "_%s_total", unit);
        if (unit[0] && !ends_with(m->name, unit) && !ends_with(m->name, counted))
            fail_msg("%s does not end with its unit, %s", m->name, unit);
    }
}

static void
names_are_what_prometheus_wants(void **state)
{
    (void)state;
    for (size_t i = 0; i < metric_table_len; i++) {
        const struct metric *m = &metric_table[i];
        bool ours = strncmp(m->name, "attl_", 5) == 0 || strncmp(m->name, "process_", 8) == 0;
        for (const char *p = m->name; *p; p++)
            if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
                fail_msg("%s: '%c'", m->name, *p);
        if (!ours || ends_with(m->name, "_total") != (m->kind == METRIC_COUNTER) ||
            ends_with(m->name, "_info") != (m->kind == METRIC_INFO))
            fail_msg("%s does not fit its kind", m->name);
        if (ends_with(m->name, "_count") || ends_with(m->name, "_sum") ||
            ends_with(m->name, "_bucket"))
            fail_msg("%s has the ending of a histogram's line", m->name);
    }
}

static void
families_stand_together_and_say_what_they_are(void **state)
{
    (void)state;
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        const struct metric *m = &metric_table[first];
        assert_non_null(m->help);
        if (!ends_with(m->help, ".") || strchr(m->help, '\n') || strchr(m->help, '|'))
            fail_msg("%s: the text is no sentence for a table", m->name);
        for (size_t row = 0; row < metric_table_len; row++) {
            bool inside = row >= first && row < first + metric_family(first);
            bool same = strcmp(metric_table[row].name, m->name) == 0;
            if (same != inside)
                fail_msg("%s: rows of one name stand apart", m->name);
            if (inside && (metric_table[row].kind != m->kind || metric_table[row].unit != m->unit))
                fail_msg("%s: rows of one name differ", m->name);
        }
    }
}

static void
rows_of_a_family_differ_in_labels(void **state)
{
    (void)state;
    for (size_t i = 1; i < metric_table_len; i++) {
        const struct metric *a = &metric_table[i - 1], *b = &metric_table[i];
        if (strcmp(a->name, b->name) != 0)
            continue;
        assert_int_equal(a->each, METRIC_ONCE);
        bool differ = false;
        for (unsigned label = 0; label < METRIC_LABELS && a->labels[label]; label++) {
            assert_string_equal(a->labels[label], b->labels[label]);
            differ |= strcmp(a->values[label], b->values[label]) != 0;
        }
        if (!differ)
            fail_msg("%s: two rows with the same labels", a->name);
    }
}

static void
labels_never_name_a_key_or_a_client(void **state)
{
    (void)state;
    static const char *const bounded[] = { "version", "revision", "cause", "reason",  "kind",
                                           "of",      "by",       "stage", "family",  "access",
                                           "cmd",     "code",     "part",  "shard",   "namespace",
                                           "how",     "severity", "class", "outcome", "state",
                                           "at",      "op",       "mode" };
    for (size_t i = 0; i < metric_table_len; i++)
        for (unsigned label = 0; label < METRIC_LABELS && metric_table[i].labels[label]; label++) {
            bool known = false;
            for (size_t b = 0; b < sizeof bounded / sizeof bounded[0]; b++)
                known |= strcmp(bounded[b], metric_table[i].labels[label]) == 0;
            if (!known)
                fail_msg("%s: is the label %s bounded?", metric_table[i].name,
                         metric_table[i].labels[label]);
        }
}

static void
fields_of_info_are_used_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < metric_table_len; i++)
        for (size_t k = i + 1; k < metric_table_len; k++)
            if (metric_table[i].info && metric_table[k].info &&
                strcmp(metric_table[i].info, metric_table[k].info) == 0)
                fail_msg("%s is two numbers", metric_table[i].info);
}

/* ---- completeness ---- */

struct hole {
    size_t begin, end;
    const char *why;
};

#define HOLE(member, why)                                     \
    {                                                         \
        offsetof(struct metric_sources, member),              \
            offsetof(struct metric_sources, member) +         \
                sizeof(((struct metric_sources *)0)->member), \
            why                                               \
    }

static const struct hole holes[] = {
    HOLE(version, "a label"),
    HOLE(revision, "a label"),
    HOLE(cache.struct_size, ""),
    HOLE(load.struct_size, ""),
    HOLE(load.reserved, ""),
    HOLE(tuner.struct_size, ""),
    HOLE(tuner.duty_reason, "text"),
    HOLE(tuner.duty_reason_text, "text"),
    HOLE(tuner.interval_reason, "text"),
    HOLE(tuner.interval_reason_text, "text"),
    HOLE(pressure.struct_size, ""),
    HOLE(pressure.stall_percent, "derived.stall_ratio"),
    HOLE(log.struct_size, ""),
    HOLE(log.state, "the list log_states"),
    HOLE(scrub.struct_size, ""),
    HOLE(incidents.struct_size, ""),
    HOLE(incidents.by_kind, "the list kinds"),
    HOLE(incidents.open_ms, "the list kinds"),
    HOLE(incidents.any_open_ms, "derived.degraded_s"),
    HOLE(incidents.critical_open_ms, "derived.critical_s"),
    HOLE(balance.struct_size, ""),
    HOLE(balance.why, "text"),
    HOLE(erase.struct_size, ""),
    HOLE(erase.reserved, ""),
    HOLE(erase.oldest_ms, "derived.erase_age_s"),
    HOLE(host.queue, "the list stages"),
    HOLE(derived.commands, "for INFO"),
    HOLE(derived.errors, "for INFO"),
    HOLE(shards, "a list"),
    HOLE(commands, "a list"),
    HOLE(families, "a list"),
    HOLE(stages, "a list"),
    HOLE(errors, "a list"),
    HOLE(kinds, "a list"),
    HOLE(log_states, "a list"),
    HOLE(namespaces, "a list"),
};

static size_t
bytes_of(enum metric_type type)
{
    return type == METRIC_U32 || type == METRIC_I32 ? 4 : 8;
}

static void
every_member_is_read(void **state)
{
    (void)state;
    static bool read[sizeof(struct metric_sources)];
    for (size_t i = 0; i < metric_table_len; i++)
        if (metric_table[i].each == METRIC_ONCE && metric_table[i].kind != METRIC_INFO)
            memset(read + metric_table[i].offset, true, bytes_of(metric_table[i].type));
    for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++)
        memset(read + holes[i].begin, true, holes[i].end - holes[i].begin);
    /* Numbers stand at multiples of four; what is left out before a larger one is padding. */
    for (size_t at = 0; at < sizeof read; at += 8)
        if (!read[at] && !read[at + 4])
            fail_msg(
                "the member at offset %zu of struct metric_sources is in no row: cache %zu, "
                "load %zu, tuner %zu, pressure %zu, log %zu, scrub %zu, incidents %zu, balance "
                "%zu, erase %zu, audit %zu, alerts %zu, host %zu, derived %zu",
                at, offsetof(struct metric_sources, cache), offsetof(struct metric_sources, load),
                offsetof(struct metric_sources, tuner), offsetof(struct metric_sources, pressure),
                offsetof(struct metric_sources, log), offsetof(struct metric_sources, scrub),
                offsetof(struct metric_sources, incidents),
                offsetof(struct metric_sources, balance), offsetof(struct metric_sources, erase),
                offsetof(struct metric_sources, audit), offsetof(struct metric_sources, alerts),
                offsetof(struct metric_sources, host), offsetof(struct metric_sources, derived));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_what_prometheus_wants),
        cmocka_unit_test(names_end_with_their_units),
        cmocka_unit_test(families_stand_together_and_say_what_they_are),
        cmocka_unit_test(rows_of_a_family_differ_in_labels),
        cmocka_unit_test(labels_never_name_a_key_or_a_client),
        cmocka_unit_test(fields_of_info_are_used_once),
        cmocka_unit_test(every_member_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

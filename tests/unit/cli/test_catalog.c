/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COMMAND DOCS to a catalog: names, texts and the syntax line built from the tree of arguments, the
 * same from both protocol versions. Replies that are not what they should be leave an empty
 * catalog, which must be usable.
 */
#include "catalog_support.h"
#include "cli_support.h"

static void
syntax_is(const struct catalog *c, const char *name, const char *syntax)
{
    const struct catalog_entry *e = catalog_find_name(c, attl_s(name));
    assert_non_null(e);
    assert_string_equal(e->syntax, syntax);
}

static void
arguments_become_a_line(void **state)
{
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    syntax_is(&c, "SET", "key value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    syntax_is(&c, "del", "key [key ...]");
    syntax_is(&c, "CONFIG GET", "<name | ALL>");
    syntax_is(&c, "CONFIG", "");
    syntax_is(&c, "COPY", "source destination [DB db] [REPLACE]");
    catalog_fini(&c);
}

static void
entries_are_sorted_and_upper_case(void **state)
{
    static const char *const names[] = {
        "CONFIG", "CONFIG GET", "CONFIG SET", "COPY", "DEL", "SET"
    };
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    assert_int_equal(c.count, 6);
    for (size_t i = 0; i < c.count; i++)
        assert_string_equal(c.entries[i].name, names[i]);
    const struct catalog_entry *set = catalog_find_name(&c, attl_s("set"));
    assert_string_equal(set->summary, "Set a value");
    assert_string_equal(set->since, "1.0.0");
    assert_string_equal(set->group, "string");
    assert_string_equal(set->complexity, "O(1)");
    catalog_fini(&c);
}

static void
two_words_are_tried_before_one(void **state)
{
    struct catalog c;
    size_t used = 0;
    attl_slice words[3] = { attl_s("config"), attl_s("get"), attl_s("x") };
    (void)state;
    catalog_of_docs(&c);
    assert_string_equal(catalog_find(&c, words, 3, &used)->name, "CONFIG GET");
    assert_int_equal(used, 2);
    assert_string_equal(catalog_find(&c, words, 1, &used)->name, "CONFIG");
    assert_int_equal(used, 1);
    words[1] = attl_s("nothing");
    assert_string_equal(catalog_find(&c, words, 2, &used)->name, "CONFIG");
    assert_int_equal(used, 1);
    words[0] = attl_s("conf");
    assert_null(catalog_find(&c, words, 1, &used));
    assert_null(catalog_find(&c, words, 0, &used));
    catalog_fini(&c);
}

/* RESP2 has no maps and sets: they come as arrays, of twice the length for maps. */
static void
append_as_resp2(struct buf *to, const struct buf *docs)
{
    for (const char *at = docs->data; at < docs->data + docs->len; at++) {
        if (*at == '%') {
            at++; /* the maps of these docs have one digit */
            buf_printf(to, "*%d", (*at - '0') * 2);
        } else {
            buf_append(to, *at == '~' ? "*" : at, 1);
        }
    }
}

static void
resp2_says_the_same(void **state)
{
    struct reply_parser p;
    struct catalog c;
    struct buf docs, flat;
    (void)state;
    catalog_docs(&docs);
    buf_init(&flat, 1 << 16);
    append_as_resp2(&flat, &docs);
    reply_parser_init(&p);
    catalog_init(&c);
    assert_true(catalog_fill(&c, parse_whole(&p, flat.data, flat.len)));
    assert_int_equal(c.count, 6);
    syntax_is(&c, "SET", "key value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    catalog_fini(&c);
    reply_parser_fini(&p);
    buf_fini(&flat);
    buf_fini(&docs);
}

static void
odd_replies_give_an_empty_catalog(void **state)
{
    static const char *const replies[] = { "+OK\r\n", "*0\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n",
                                           "_\r\n" };
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct reply_parser p;
        struct catalog c;
        size_t used;
        attl_slice word = attl_s("get");
        reply_parser_init(&p);
        catalog_init(&c);
        assert_true(catalog_fill(&c, parse_text(&p, replies[i])));
        assert_int_equal(c.count, 0);
        assert_null(catalog_find(&c, &word, 1, &used));
        catalog_fini(&c);
        reply_parser_fini(&p);
    }
}

static void
the_catalog_is_fetched_from_a_server(void **state)
{
    struct script_server s;
    struct client client;
    struct catalog c;
    struct buf docs;
    (void)state;
    catalog_docs(&docs);
    script_server_start(&s, docs.data, docs.len, 0, false);
    struct client_options options = script_server_options(&s);
    client_init(&client, &options);
    catalog_init(&c);
    assert_int_equal(client_connect(&client), CLIENT_OK);
    assert_int_equal(catalog_fetch(&c, &client), CLIENT_OK);
    assert_int_equal(c.count, 6);
    catalog_fini(&c);
    client_fini(&client);
    script_server_stop(&s);
    assert_string_equal(s.received, "*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n");
    script_server_free(&s);
    buf_fini(&docs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_become_a_line),
        cmocka_unit_test(entries_are_sorted_and_upper_case),
        cmocka_unit_test(two_words_are_tried_before_one),
        cmocka_unit_test(resp2_says_the_same),
        cmocka_unit_test(odd_replies_give_an_empty_catalog),
        cmocka_unit_test(the_catalog_is_fetched_from_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

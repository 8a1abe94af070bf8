/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The documentation below is written by hand, in a notation for RESP, with simple strings where a
 * server would use bulk ones: the catalog must not care. SET has the arguments that matter: a
 * condition (oneof of pure tokens), a flag, and a group of tokens with values.
 */
#include "catalog_support.h"

#include "cli_support.h"

/* A blank stands for the end of a line, an underscore for a blank, and ^ for an underscore. */
static const char notation[] =
    "%4 "
    /* SET key value [NX | XX] [GET] [EX seconds | PX milliseconds] */
    "+set %5 +summary +Set_a_value +since +1.0.0 +group +string +complexity +O(1) +arguments *5 "
    "%2 +name +key +type +key %2 +name +value +type +string "
    "%4 +name +condition +type +oneof +flags ~1 +optional +arguments *2 "
    "%3 +name +nx +type +pure-token +token +NX %3 +name +xx +type +pure-token +token +XX "
    "%4 +name +get +type +pure-token +token +GET +flags *1 +optional "
    "%4 +name +expiration +type +oneof +flags *1 +optional +arguments *2 "
    "%3 +name +seconds +type +integer +token +EX %3 +name +milliseconds +type +integer +token +PX "
    /* DEL key [key ...] */
    "+del %2 +group +generic +arguments *1 "
    "%4 +name +k +display^text +key +type +key +flags *1 +multiple "
    /* CONFIG, with subcommands; GET has a oneof that must be given */
    "+config %3 +summary +A_container +group +server +subcommands %2 "
    "+config|set %2 +summary +Set_options +group +server "
    "+config|get %2 +group +server +arguments *1 "
    "%3 +name +which +type +oneof +arguments *2 %2 +name +name +type +string "
    "%3 +name +all +type +pure-token +token +ALL "
    /* COPY source destination [DB db] [REPLACE] */
    "+copy %2 +group +generic +arguments *4 "
    "%2 +name +source +type +key %2 +name +destination +type +key "
    "%4 +name +db +type +integer +token +DB +flags *1 +optional "
    "%4 +name +replace +type +pure-token +token +REPLACE +flags *1 +optional ";

void
catalog_docs(struct buf *ret_docs)
{
    buf_init(ret_docs, 16384);
    for (const char *p = notation; *p; p++)
        buf_append_str(ret_docs, *p == ' '   ? "\r\n"
                                 : *p == '_' ? " "
                                 : *p == '^' ? "_"
                                             : (char[2]){ *p, '\0' });
    assert_int_equal(ret_docs->failed, BUF_FINE);
}

void
catalog_of_docs(struct catalog *c)
{
    struct reply_parser p;
    struct buf docs;
    reply_parser_init(&p);
    catalog_docs(&docs);
    catalog_init(c);
    assert_true(catalog_fill(c, parse_whole(&p, docs.data, docs.len)));
    reply_parser_fini(&p);
    buf_fini(&docs);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The documentation below is written as RESP by hand, with simple strings where a server would use
 * bulk ones: the catalog must not care. SET has the arguments that matter: a condition (oneof of
 * pure tokens), a flag, and a group of tokens with values.
 */
#include "catalog_support.h"

#include "cli_support.h"

#define NAMED(name) "%2\r\n+name\r\n+" name "\r\n+type\r\n+string\r\n"
#define TOKEN(name, token) \
    "%3\r\n+name\r\n+" name "\r\n+type\r\n+pure-token\r\n+token\r\n+" token "\r\n"
#define VALUED(name, token) \
    "%3\r\n+name\r\n+" name "\r\n+type\r\n+integer\r\n+token\r\n+" token "\r\n"

static const char docs[] =
    "%4\r\n"
    /* SET key value [NX | XX] [GET] [EX seconds | PX milliseconds] */
    "+set\r\n%5\r\n+summary\r\n+Set a value\r\n+since\r\n+1.0.0\r\n+group\r\n+string\r\n"
    "+complexity\r\n+O(1)\r\n+arguments\r\n*5\r\n" NAMED("key") NAMED(
        "value") "%4\r\n+name\r\n+condition\r\n+type\r\n+oneof\r\n+flags\r\n~1\r\n+optional\r\n"
                 "+arguments\r\n*2\r\n" TOKEN("nx", "NX") TOKEN(
                     "xx",
                     "XX") "%4\r\n+name\r\n+get\r\n+type\r\n+pure-token\r\n+token\r\n+GET\r\n+flags\r\n*1\r\n+optional\r\n"
                           "%4\r\n+name\r\n+expiration\r\n+type\r\n+oneof\r\n+flags\r\n*1\r\n+optional\r\n"
                           "+arguments\r\n*2\r\n" VALUED("seconds", "EX")
                               VALUED("milliseconds", "PX")
    /* DEL key [key ...] */
    "+del\r\n%2\r\n+group\r\n+generic\r\n+arguments\r\n*1\r\n"
    "%4\r\n+name\r\n+k\r\n+display_text\r\n+key\r\n+type\r\n+key\r\n+flags\r\n*1\r\n+multiple\r\n"
    /* CONFIG, with subcommands; GET has a oneof that must be given */
    "+config\r\n%3\r\n+summary\r\n+A container\r\n+group\r\n+server\r\n+subcommands\r\n%2\r\n"
    "+config|set\r\n%2\r\n+summary\r\n+Set options\r\n+group\r\n+server\r\n"
    "+config|get\r\n%2\r\n+group\r\n+server\r\n+arguments\r\n*1\r\n"
    "%3\r\n+name\r\n+which\r\n+type\r\n+oneof\r\n+arguments\r\n*2\r\n" NAMED("name")
        TOKEN("all", "ALL")
    /* A server of our kind */
    "+copy\r\n%2\r\n+group\r\n+generic\r\n+syntax\r\n+source destination [DB db] [REPLACE]\r\n";

const char *
catalog_docs(void)
{
    return docs;
}

void
catalog_of_docs(struct catalog *c)
{
    struct reply_parser p;
    reply_parser_init(&p);
    catalog_init(c);
    assert_true(catalog_fill(c, parse_text(&p, docs)));
    reply_parser_fini(&p);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hiredis, the C client most programs use, against a running attld: types of replies, bytes of
 * every value, errors that leave the connection usable, a pipeline longer than any buffer, and two
 * connections that see each other's writes. Usage: hiredis_client HOST PORT. Prints what failed;
 * exit code 0 if nothing did. Built and run by test_clients.py.
 */
#include <hiredis/hiredis.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPELINE = 20000, LARGE_BYTES = 3 << 20 };

#define CHECK(ok, what)                                                         \
    do {                                                                        \
        if (!(ok)) {                                                            \
            (void)fprintf(stderr, "hiredis_client.c:%d: %s\n", __LINE__, what); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static redisContext *
open_connection(const char *host, int port)
{
    struct timeval patience = { 10, 0 };
    redisContext *c = redisConnectWithTimeout(host, port, patience);
    CHECK(c != NULL && c->err == 0, "cannot connect");
    CHECK(redisSetTimeout(c, patience) == REDIS_OK, "cannot set a time limit");
    return c;
}

/* Sends a command and hands out its reply, which must be of `type`. */
static redisReply *
ask(redisContext *c, int type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(c, format, args);
    va_end(args);
    CHECK(reply != NULL, c->errstr);
    if (reply->type != type) {
        (void)fprintf(stderr, "%s: a reply of type %d, not %d: %s\n", format, reply->type, type,
                      reply->str != NULL ? reply->str : "");
        exit(1);
    }
    return reply;
}

static void
ask_integer(redisContext *c, long long want, const char *format, const char *key)
{
    redisReply *reply = ask(c, REDIS_REPLY_INTEGER, format, key);
    if (reply->integer != want) {
        (void)fprintf(stderr, format, key);
        (void)fprintf(stderr, ": %lld, not %lld\n", reply->integer, want);
        exit(1);
    }
    freeReplyObject(reply);
}

static void
check_strings(redisContext *c)
{
    static const char bytes[] = "\0\r\n$5\r\nbytes\xff";
    redisReply *reply = ask(c, REDIS_REPLY_STATUS, "SET %s %b", "h:bytes", bytes, sizeof(bytes));
    CHECK(strcmp(reply->str, "OK") == 0, "SET");
    freeReplyObject(reply);
    reply = ask(c, REDIS_REPLY_STRING, "GET h:bytes");
    CHECK((size_t)reply->len == sizeof(bytes) && memcmp(reply->str, bytes, sizeof(bytes)) == 0,
          "GET bytes");
    freeReplyObject(reply);
    freeReplyObject(ask(c, REDIS_REPLY_NIL, "GET h:absent"));
    freeReplyObject(ask(c, REDIS_REPLY_STATUS, "SET h:empty %b", "", (size_t)0));
    reply = ask(c, REDIS_REPLY_STRING, "GET h:empty");
    CHECK(reply->len == 0, "an empty value");
    freeReplyObject(reply);
}

static void
check_large(redisContext *c)
{
    char *large = malloc(LARGE_BYTES);
    CHECK(large != NULL, "no memory");
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        large[i] = (char)(i * 31 >> 3);
    }
    freeReplyObject(ask(c, REDIS_REPLY_STATUS, "SET h:large %b", large, (size_t)LARGE_BYTES));
    redisReply *reply = ask(c, REDIS_REPLY_STRING, "GET h:large");
    CHECK(reply->len == LARGE_BYTES && memcmp(reply->str, large, LARGE_BYTES) == 0,
          "a large value");
    freeReplyObject(reply);
    free(large);
}

static void
check_integers_and_lives(redisContext *c)
{
    freeReplyObject(ask(c, REDIS_REPLY_INTEGER, "DEL h:n h:empty"));
    ask_integer(c, 1, "INCR %s", "h:n");
    ask_integer(c, 42, "INCRBY %s 41", "h:n");
    ask_integer(c, -1, "TTL %s", "h:n");
    ask_integer(c, 1, "EXPIRE %s 100", "h:n");
    ask_integer(c, 100, "TTL %s", "h:n");
    ask_integer(c, 1, "PERSIST %s", "h:n");
    ask_integer(c, -2, "TTL %s", "h:absent");
    ask_integer(c, 0, "EXISTS %s", "h:absent");
    ask_integer(c, 1, "DEL %s", "h:n");
}

static void
check_arrays(redisContext *c)
{
    freeReplyObject(ask(c, REDIS_REPLY_STATUS, "MSET h:a 1 h:b 2"));
    redisReply *reply = ask(c, REDIS_REPLY_ARRAY, "MGET h:a h:absent h:b");
    CHECK(reply->elements == 3, "MGET");
    CHECK(strcmp(reply->element[0]->str, "1") == 0, "MGET 1");
    CHECK(reply->element[1]->type == REDIS_REPLY_NIL, "MGET nil");
    CHECK(strcmp(reply->element[2]->str, "2") == 0, "MGET 2");
    freeReplyObject(reply);
    reply = ask(c, REDIS_REPLY_ARRAY, "SCAN 0 COUNT 1000");
    CHECK(reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
              reply->element[1]->type == REDIS_REPLY_ARRAY,
          "SCAN");
    freeReplyObject(reply);
}

static void
check_errors(redisContext *c)
{
    static const struct {
        const char *command, *begins;
    } rows[] = {
        { "NOSUCHCOMMAND x", "ERR unknown command" },
        { "GET", "ERR wrong number of arguments" },
        { "SET h:a 1 EX 0", "ERR invalid expire time" },
        { "SET h:a 1 NX XX", "ERR syntax error" },
        { "INCR h:bytes", "ERR value is not an integer" },
        { "EXPIRE h:a abc", "ERR value is not an integer" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        redisReply *reply = ask(c, REDIS_REPLY_ERROR, rows[i].command);
        if (strncmp(reply->str, rows[i].begins, strlen(rows[i].begins)) != 0) {
            (void)fprintf(stderr, "%s: \"%s\", not \"%s...\"\n", rows[i].command, reply->str,
                          rows[i].begins);
            exit(1);
        }
        freeReplyObject(reply);
    }
    freeReplyObject(ask(c, REDIS_REPLY_STATUS, "PING"));
}

/* Everything is sent before anything is read. */
static void
check_pipeline(redisContext *c)
{
    for (int i = 0; i < PIPELINE; i++) {
        CHECK(redisAppendCommand(c, "SET h:p:%d value-of-%d EX 60", i, i) == REDIS_OK, "append");
        CHECK(redisAppendCommand(c, "GET h:p:%d", i) == REDIS_OK, "append");
    }
    for (int i = 0; i < PIPELINE; i++) {
        char want[32];
        redisReply *reply = NULL;
        CHECK(redisGetReply(c, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_STATUS,
              "pipelined SET");
        freeReplyObject(reply);
        CHECK(redisGetReply(c, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_STRING,
              "pipelined GET");
        (void)snprintf(want, sizeof(want), "value-of-%d", i);
        CHECK(strcmp(reply->str, want) == 0, "replies in order");
        freeReplyObject(reply);
    }
}

int
main(int argc, char **argv)
{
    CHECK(argc == 3, "usage: hiredis_client HOST PORT");
    int port = (int)strtol(argv[2], NULL, 10);
    redisContext *c = open_connection(argv[1], port), *other = open_connection(argv[1], port);
    check_strings(c);
    check_large(c);
    check_integers_and_lives(c);
    check_arrays(c);
    check_errors(c);
    check_pipeline(c);
    redisReply *reply = ask(other, REDIS_REPLY_STRING, "GET h:p:%d", PIPELINE - 1);
    CHECK(strncmp(reply->str, "value-of-", 9) == 0, "the other connection sees it");
    freeReplyObject(reply);
    redisFree(other);
    redisFree(c);
    return 0;
}

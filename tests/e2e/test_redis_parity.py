#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends the same requests to redis-server and to attld and compares the raw replies, byte for byte.

Every group of requests starts with empty databases and runs twice, over RESP2 and over RESP3. A request
is a line of words; "" is the empty word, {} in a word is replaced as format() does with the names in
WORDS. What differs on purpose is listed in DIFFERENCES with the reason, and nowhere else: an entry there
that no longer differs is an error too.
"""
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from attl_server import SKIP, Attld

# Words that cannot be written in a line.
WORDS = {
    "bin": b"\x00\xff\r\n\x80 end",
    "nul": b"a\x00b",
    "crlf": b"one\r\ntwo",
    "long": b"v" * 300,
    "huge": b"w" * 20000,
    "e45": b"x" * 45,
    "e44": b"x" * 44,
    "longname": b"n" * 200,
    "future_s": str(int(time.time()) + 100000).encode(),
    "later_s": str(int(time.time()) + 200000).encode(),
    "future_ms": str((int(time.time()) + 100000) * 1000).encode(),
    "past_s": b"1000000000",
    "past_ms": b"1000000000000",
    "float": b"3.0e3",
}

GROUPS = {
    "strings": """
        GET k|SET k v|GET k|GET|GET k k|get K|SET|SET k|SET k ''|GET k|STRLEN k|SET k {bin}|GET k
        STRLEN k|SET {bin} x|GET {bin}|SET k {huge}|GET k|STRLEN k|STRLEN missing|STRLEN|STRLEN k k
        APPEND a x|APPEND a yz|GET a|APPEND a ''|APPEND b ''|EXISTS b|GET b|APPEND a|APPEND
        GETSET k new|GETSET fresh one|GET fresh|GETSET k|GETSET k a b|GETDEL k|GETDEL k|GETDEL|GETDEL a b
        SETNX n 1|SETNX n 2|GET n|SETNX n|SETNX n 1 2|SET '' empty|GET ''|DEL ''|SET k {long}|GET k
        TYPE k|TYPE missing|TYPE|TYPE k k|SET '~' blank|GET '~'
    """,
    "set options": """
        SET k v NX|SET k w NX|GET k|SET k w XX|GET k|SET missing v XX|GET missing|SET k v NX XX
        SET k v XX NX|SET k v NX NX|SET k v XX XX|SET k v nx|SET k v GET|SET k w GET|SET none v GET
        SET none2 v XX GET|GET none2|SET k x NX GET|GET k|SET k x GET GET|SET k v get xx|SET k v FOO
        SET k v EX|SET k v PX|SET k v EXAT|SET k v PXAT|SET k v EX 10|TTL k|SET k v PX 10000|TTL k
        SET k v EX 0|SET k v EX -1|SET k v PX 0|SET k v PX -1|SET k v EXAT 0|SET k v PXAT -5
        SET k v EX abc|SET k v EX 1.5|SET k v EX ''|SET k v EX ' 1'|SET k v EX 01|SET k v EX +1
        SET k v EX 9223372036854775807|SET k v PX 9223372036854775807|SET k v EX 9223372036854775808
        SET k v EX 9223372036854776|SET k v PX 9223372036854775000|SET k v EXAT 9223372036854775807
        SET k v EX 10 PX 10|SET k v EX 10 EX 20|TTL k|SET k v EX 10 KEEPTTL|SET k v KEEPTTL EX 10
        SET k v KEEPTTL|TTL k|SET k v|TTL k|SET k v KEEPTTL KEEPTTL|SET k v EX 100|SET k w KEEPTTL|TTL k
        GET k|SET k v PERSIST|SET k v EXAT {future_s}|EXPIRETIME k|SET k v PXAT {future_ms}|PEXPIRETIME k
        SET k v EXAT {past_s}|GET k|EXISTS k|SET k v|SET k w PXAT {past_ms} GET|GET k|EXISTS k
        SET k v NX EX 10|TTL k|SET k v XX PX 20000 GET|TTL k|SET k v EX 10 NX|SET k v GET EX 5 XX
        SET k v EX NX|SET k v PX 10 EX|SET k v XX EX 0|SET missing v XX EX 0|SET k v NX EXAT {past_s}
        SET new v NX EXAT {past_s}|EXISTS new|SET k v ex 10 get Nx
    """,
    "set with life": """
        SETEX k 10 v|TTL k|GET k|SETEX k 0 v|SETEX k -1 v|SETEX k abc v|SETEX k 10|SETEX k 10 v x
        SETEX k 9223372036854775807 v|PSETEX k 10000 v|TTL k|PSETEX k 0 v|PSETEX k -1 v|PSETEX k x v
        PSETEX k 9223372036854775807 v|PSETEX k 10|GETEX k|TTL k|GETEX k EX 100|TTL k|GETEX k PERSIST
        TTL k|GETEX k PX 100000|TTL k|GETEX k EXAT {future_s}|EXPIRETIME k|GETEX k PXAT {future_ms}
        PEXPIRETIME k|GETEX k EX 0|GETEX k EX -1|GETEX k EX abc|GETEX k EX|GETEX k FOO|GETEX k KEEPTTL
        GETEX k EX 10 PX 10|GETEX k EX 10 PERSIST|GETEX k PERSIST EX 10|GETEX k PERSIST PERSIST
        GETEX k EX 10 EX 20|TTL k|GETEX k NX|GETEX missing|GETEX missing EX 10|GETEX missing EX 0|GETEX
        GETEX k EXAT {past_s}|GET k|EXISTS k|GETEX k EX 9223372036854775807
    """,
    "several": """
        MSET a 1 b 2|MGET a b|MGET a missing b a|MGET|MSET|MSET a|MSET a 1 b|MGET a|MSET a x a y|GET a
        MSETNX c 1 d 2|MGET c d|MSETNX d 3 e 4|MGET d e|MSETNX|MSETNX a|MSETNX a 1 b|MSETNX z 1 z 2|GET z
        MSET a {bin} b ''|MGET a b|SET t v EX 100|MSET t w|TTL t|EXISTS a b c d missing a|EXISTS|DEL a b a
        DEL missing|DEL|UNLINK c missing d|UNLINK|TOUCH t missing t|TOUCH|EXISTS t
    """,
    "ranges": """
        SET k HelloWorld|GETRANGE k 0 -1|GETRANGE k 0 4|GETRANGE k -5 -1|GETRANGE k 5 100
        GETRANGE k 100 200|GETRANGE k 5 3|GETRANGE k -1 -5|GETRANGE k -100 2|GETRANGE k 0 -100
        GETRANGE k -100 -50|GETRANGE k 0 0|GETRANGE k 9 9|GETRANGE k 10 10|GETRANGE missing 0 -1
        GETRANGE k 9223372036854775807 9223372036854775807|GETRANGE k -9223372036854775808 -1
        GETRANGE k -9223372036854775808 9223372036854775807|GETRANGE k 0 9223372036854775808
        GETRANGE k a 1|GETRANGE k 1 a|GETRANGE k 1|GETRANGE k|GETRANGE k 1 2 3|SUBSTR k 0 3|SUBSTR k -3 -1
        SUBSTR k|SET e ''|GETRANGE e 0 -1|GETRANGE e 0 0|SET n 12345|GETRANGE n 1 3|GETRANGE n -3 -1
        SETRANGE k 5 XXX|GET k|SETRANGE k 0 ''|GET k|SETRANGE missing 0 ''|EXISTS missing
        SETRANGE missing 5 ''|EXISTS missing|SETRANGE pad 3 x|GET pad|SETRANGE k 20 end|GET k
        SETRANGE k -1 x|SETRANGE k a x|SETRANGE k 536870911 xx|SETRANGE k 9223372036854775807 x
        SETRANGE k 9223372036854775807 ''|SETRANGE k 536870912 x|SETRANGE new 9223372036854775807 x
        EXISTS new|SETRANGE k -9223372036854775808 x|SETRANGE k|SETRANGE k 1|SET t v EX 100|SETRANGE t 1 x
        TTL t|SET num 12|SETRANGE num 1 5|GET num|INCR num
    """,
    "integers": """
        INCR n|INCR n|DECR n|DECR m|INCRBY n 10|DECRBY n 3|GET n|INCRBY n -5|DECRBY n -5|GET n
        SET n 9223372036854775806|INCR n|INCR n|GET n|INCRBY n 1|DECRBY n 9223372036854775807|GET n
        SET n -9223372036854775807|DECR n|DECR n|GET n|DECRBY n 1|INCRBY n -1
        DECRBY n -9223372036854775808|INCRBY n 9223372036854775807|INCRBY n 9223372036854775808
        INCRBY n abc|INCRBY n 1.5|INCRBY n ''|INCRBY n ' 1'|INCRBY n +1|INCRBY n 01|INCRBY n -0
        SET s abc|INCR s|DECR s|INCRBY s 1|SET s ''|INCR s|SET s ' 1'|INCR s|SET s '1 '|INCR s|SET s 01
        INCR s|SET s 1.0|INCR s|SET s {nul}|INCR s|SET s 9223372036854775808|INCR s|SET s -0|INCR s
        SET s -1|INCR s|GET s|INCR|INCR a b|INCRBY a|DECRBY|DECR|SET t 5 EX 100|INCR t|TTL t|DECRBY t 2
        TTL t|INCRBY z 0|GET z|APPEND z 1|INCR z|SET s +5|INCR s|SET s 123456789012345678901234567890|INCR s
    """,
    "floats": """
        INCRBYFLOAT f 10.5|INCRBYFLOAT f 0.1|GET f|INCRBYFLOAT f -5|INCRBYFLOAT f {float}|INCRBYFLOAT f 1e2
        SET f 5.0e3|INCRBYFLOAT f 200|INCRBYFLOAT f 0|SET f 3|INCRBYFLOAT f 1.1|INCRBYFLOAT f -4.1
        SET f 0|INCRBYFLOAT f -0|INCRBYFLOAT f -0.0|INCRBYFLOAT f abc|INCRBYFLOAT f ''|INCRBYFLOAT f ' 1'
        INCRBYFLOAT f '1 '|INCRBYFLOAT f inf|INCRBYFLOAT f -inf|INCRBYFLOAT f nan|INCRBYFLOAT f 0x10
        INCRBYFLOAT f 1e5000|INCRBYFLOAT f 1e-5000|INCRBYFLOAT f 1e300|GET f|SET f abc|INCRBYFLOAT f 1
        SET f ' 1'|INCRBYFLOAT f 1|SET f {nul}|INCRBYFLOAT f 1|SET f ''|INCRBYFLOAT f 1|SET f inf
        INCRBYFLOAT f 1|SET f 1e4000|INCRBYFLOAT f 1|SET f 0.1|INCRBYFLOAT f 0.2|INCRBYFLOAT f 1000000000000
        INCRBYFLOAT f 0.00000000000000001|INCRBYFLOAT f|INCRBYFLOAT f 1 2|SET t 1 EX 100
        INCRBYFLOAT t 1.5|TTL t|INCRBYFLOAT new 3|INCRBYFLOAT new 3.0|INCR new|SET f .5|INCRBYFLOAT f .5
        SET f 5.|INCRBYFLOAT f 1|INCRBYFLOAT f 123456789.123456789|INCRBYFLOAT f +1
    """,
    "keys": """
        SET a 1|RENAME a b|GET b|EXISTS a|RENAME missing x|RENAME b b|RENAME missing missing|RENAME a
        SET c 2 EX 100|RENAME c b|TTL b|GET b|SET d 3|RENAME d b|TTL b|RENAMENX b e|RENAMENX missing e
        SET f 1|RENAMENX f e|GET e|RENAMENX e e|RENAMENX missing missing|RENAMENX f|COPY e g|GET g
        COPY e g|COPY e g REPLACE|COPY missing g|COPY e e|COPY missing missing|COPY e g DB 0
        COPY e g DB 0 REPLACE|COPY e g DB x|COPY e g DB|COPY e g FOO|COPY e|COPY e g REPLACE REPLACE
        SET h v EX 100|COPY h i|TTL i|TTL h|COPY e i REPLACE|TTL i|DBSIZE|DBSIZE x|FLUSHDB|DBSIZE|KEYS *
        FLUSHALL|FLUSHALL ASYNC|FLUSHALL SYNC|FLUSHALL FOO|FLUSHDB ASYNC x|FLUSHDB sync|RANDOMKEY
        SET only 1|RANDOMKEY|RANDOMKEY x|KEYS|KEYS a b|TOUCH only|EXISTS only only
    """,
    "patterns": """
        SET hello 1|KEYS hello|KEYS h?llo|KEYS h[ae]llo|KEYS h[^e]llo|KEYS h[^a]llo|KEYS h*|KEYS *o|KEYS *l*
        KEYS h[a-e]llo|KEYS h[e-a]llo|KEYS HELLO|KEYS h\\\\ello|KEYS hell\\\\|KEYS h[ello|KEYS h[\\\\e]llo
        KEYS ''|KEYS ?????|KEYS ????|KEYS ??????|KEYS **|KEYS h**o|KEYS *hello*|KEYS hello*|KEYS *?*|KEYS []
        KEYS h[]e]llo|KEYS h[]llo|KEYS [h]ello|KEYS [^h]ello|KEYS h[a-]llo|KEYS h[^]llo|KEYS *[o]|KEYS *[^o]
        FLUSHALL|SET a*b 1|KEYS a\\\\*b|KEYS a[*]b|KEYS a*b|FLUSHALL|SET [x] 1|KEYS \\\\[x\\\\]|KEYS [[]x]
        FLUSHALL|SET {nul} 1|KEYS a*|KEYS *b|KEYS {nul}|KEYS a?b|FLUSHALL|SET '' 1|KEYS *|KEYS ''|KEYS ?
        FLUSHALL|SET aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab 1|KEYS a*a*a*a*a*a*b|KEYS a*a*a*a*a*a*c
        FLUSHALL|SET h-llo 1|KEYS h[a-]llo|KEYS h[-a]llo|KEYS h[\\\\-]llo
    """,
    "scan": """
        SCAN 0|SET k v|SCAN 0|SCAN 0 MATCH k*|SCAN 0 MATCH x*|SCAN 0 COUNT 100|SCAN 0 TYPE string
        SCAN 0 TYPE STRING|SCAN 0 TYPE list|SCAN 0 TYPE nosuch|SCAN 0 MATCH * COUNT 10 TYPE string
        SCAN 0 COUNT 0|SCAN 0 COUNT -1|SCAN 0 COUNT abc|SCAN 0 COUNT|SCAN 0 MATCH|SCAN 0 TYPE|SCAN 0 FOO 1
        SCAN abc|SCAN -1x|SCAN 1.5|SCAN ' 1'|SCAN 18446744073709551616|SCAN|SCAN 0 COUNT 9223372036854775808
        SCAN 0 count 50 match k|SCAN 0 MATCH a MATCH k|SCAN '0 '
    """,
    "expire": """
        SET k v|EXPIRE k 100|TTL k|EXPIRE k 200 NX|TTL k|EXPIRE k 200 XX|TTL k|EXPIRE k 100 GT|TTL k
        EXPIRE k 300 GT|TTL k|EXPIRE k 400 LT|TTL k|EXPIRE k 50 LT|TTL k|PERSIST k|PERSIST k|TTL k
        EXPIRE k 100 XX|EXPIRE k 100 GT|TTL k|EXPIRE k 100 LT|TTL k|EXPIRE k 60 XX LT|EXPIRE k 90 XX GT
        EXPIRE k 100 NX XX|EXPIRE k 100 NX GT|EXPIRE k 100 NX LT|EXPIRE k 100 GT LT|EXPIRE k 1 XX GT LT
        EXPIRE k 100 FOO|EXPIRE k 100 NX FOO|EXPIRE k abc FOO|EXPIRE k abc|EXPIRE k 1.5|EXPIRE k ''
        EXPIRE k|EXPIRE|EXPIRE missing 10|EXPIRE missing abc|EXPIRE missing 10 GT|EXPIRE k 100 nx nx
        EXPIRE k 9223372036854775807|EXPIRE k 9223372036854776|EXPIRE k -9223372036854775808
        EXPIRE k -9223372036854776|EXPIRE missing 9223372036854775807|PEXPIRE k 9223372036854775807
        PEXPIRE k 9223372036854775808|EXISTS k|PEXPIRE k 100000|TTL k|PEXPIRE k 200000 NX|TTL k
        EXPIREAT k {future_s}|EXPIRETIME k|PEXPIRETIME k|EXPIREAT k {later_s} LT|EXPIRETIME k
        EXPIREAT k {later_s} GT|EXPIRETIME k|PEXPIREAT k {future_ms}|PEXPIRETIME k
        EXPIREAT k 9223372036854775807|EXPIREAT k 9223372036854776|EXPIREAT k abc|PEXPIREAT k
        EXPIRETIME missing|PEXPIRETIME missing|SET p v|EXPIRETIME p|PEXPIRETIME p|TTL p|PTTL p|TTL missing
        PTTL missing|TTL|TTL a b|PTTL|EXPIRETIME|PERSIST missing|PERSIST
        EXPIRE k -1|EXISTS k|SET k v|EXPIRE k 0|EXISTS k|SET k v|PEXPIRE k -5|EXISTS k|SET k v
        EXPIREAT k {past_s}|EXISTS k|SET k v|PEXPIREAT k {past_ms}|EXISTS k|SET k v|EXPIREAT k 0|EXISTS k
        SET k v|EXPIREAT k -1|EXISTS k|SET k v|PEXPIRE k -9223372036854775808|EXISTS k|SET k v EX 100
        EXPIRE k -1 GT|EXISTS k|EXPIRE k -1 NX|EXISTS k|EXPIRE k -1 LT|EXISTS k|SET k v|EXPIRE k -1 GT
        EXISTS k|EXPIRE k -1 XX|EXISTS k|EXPIRE k -1 NX|EXISTS k
    """,
    "connection": """
        PING|PING hello|PING a b|ping|PING {bin}|ECHO hi|ECHO|ECHO a b|ECHO ''|SELECT 0|SELECT -1|SELECT 99
        SELECT abc|SELECT|SELECT 1x|CLIENT GETNAME|CLIENT SETNAME me|CLIENT GETNAME|CLIENT SETNAME 'a b'
        CLIENT SETNAME {nul}|CLIENT SETNAME ''|CLIENT GETNAME|CLIENT SETNAME|CLIENT|CLIENT FOO|CLIENT ID x
        CLIENT NO-EVICT on|CLIENT NO-EVICT OFF|CLIENT NO-EVICT x|CLIENT REPLY x|CLIENT REPLY ON
        CLIENT GETREDIR|CLIENT UNBLOCK 99|CLIENT UNBLOCK abc|CLIENT UNBLOCK 99 TIMEOUT|CLIENT UNBLOCK 99 FOO
        CLIENT UNBLOCK 99 ERROR x|CLIENT UNPAUSE|CLIENT KILL 1.2.3.4:5|CLIENT KILL ID 999999
        CLIENT KILL ID 0|CLIENT KILL ID x|CLIENT KILL ADDR 1.2.3.4:5|CLIENT KILL TYPE foo
        CLIENT KILL TYPE pubsub|CLIENT KILL USER nobody|CLIENT KILL SKIPME maybe|CLIENT KILL FOO 1
        CLIENT KILL ID|CLIENT KILL|CLIENT KILL ADDR|CLIENT KILL ADDR a LADDR|CLIENT KILL ID 999999 SKIPME no
        CLIENT KILL LADDR 1.2.3.4:5 ID 999999|CLIENT KILL USER default ID 999999|CLIENT LIST TYPE foo
        CLIENT LIST TYPE pubsub|CLIENT LIST TYPE replica|CLIENT LIST ID abc|CLIENT LIST ID 999999
        CLIENT LIST ID|CLIENT LIST FOO|CLIENT LIST TYPE|CLIENT LIST TYPE normal x|CLIENT INFO x
        AUTH|AUTH x|AUTH default x|AUTH nobody x|AUTH a b c|HELLO x|HELLO 1|HELLO 4|HELLO 9223372036854775808
        HELLO 2 FOO|HELLO 2 AUTH|HELLO 2 AUTH x|HELLO 2 AUTH nobody x|HELLO 2 SETNAME|HELLO 2 SETNAME 'a b'
        HELLO 3 AUTH nobody x SETNAME y|CLIENT GETNAME|RESET|RESET x|PING
    """,
    "unknown": """
        foo|foo bar|FOO bar baz|foo {bin}|foo {crlf} x|{crlf} a|foo {long}|foo {long} {long} tail
        {long}|{long} {long}|foo ''|'' x|foo 'a b' 'c d'|LPUSH l a|HSET h f v|SADD s m|ZADD z 1 m|{nul} {nul}
        foo {nul}|foo a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9 0 a b c d e f g h
        CONFIG|CONFIG FOO|config foo bar|CONFIG '' x|CONFIG {long}|CONFIG {crlf}|OBJECT FOO|OBJECT
        MEMORY FOO|COMMAND FOO|CLUSTER FOO|SLOWLOG FOO|LATENCY FOO|MODULE FOO|OBJECT ENCODING
        OBJECT ENCODING a b|CONFIG GET|CONFIG RESETSTAT x|MEMORY USAGE|MODULE LIST x
    """,
    "server": """
        DBSIZE|TIME x|WAIT|WAIT 0 x|WAIT 0 -1|WAIT x 0|WAIT 0 0|WAIT 0 10|SHUTDOWN FOO|SHUTDOWN ABORT
        SHUTDOWN NOSAVE SAVE|SHUTDOWN ABORT NOW|CLUSTER INFO|CLUSTER NODES|CLUSTER HELP|READONLY|READWRITE
        READONLY x|MODULE LIST|SLOWLOG LEN|SLOWLOG GET x|SLOWLOG GET -2|SLOWLOG RESET|SLOWLOG LEN x
        LATENCY LATEST|LATENCY RESET|LATENCY HISTORY foo|LATENCY HISTORY|CONFIG GET nosuch|CONFIG GET foo*x
        CONFIG SET nosuch 1|CONFIG SET maxmemory|CONFIG SET maxmemory 1 x|CONFIG SET port x y
        CONFIG SET maxmemory 0 maxmemory 0|CONFIG RESETSTAT|INFO nosuch|CONFIG SET maxmemory 0
        CONFIG GET maxmemory|CONFIG GET MAXMEMORY|CONFIG GET maxmemor[y]|CONFIG GET maxmemory maxmemory
    """,
    "objects": """
        OBJECT ENCODING missing|SET k 123|OBJECT ENCODING k|SET k abc|OBJECT ENCODING k|SET k {e44}
        OBJECT ENCODING k|SET k {e45}|OBJECT ENCODING k|SET k ''|OBJECT ENCODING k|SET k 1.5
        OBJECT ENCODING k|SET k 9223372036854775807|OBJECT ENCODING k|SET k 9223372036854775808
        OBJECT ENCODING k|SET k -5|OBJECT ENCODING k|SET k 01|OBJECT ENCODING k|OBJECT REFCOUNT k
        OBJECT REFCOUNT missing|OBJECT IDLETIME missing|OBJECT FREQ missing|OBJECT IDLETIME k
        MEMORY USAGE missing|MEMORY USAGE missing SAMPLES 5|MEMORY USAGE k SAMPLES x|MEMORY USAGE k SAMPLES
        MEMORY USAGE k FOO 1|MEMORY USAGE k SAMPLES -1|OBJECT FREQ
    """,
    "command": """
        COMMAND GETKEYS get k|COMMAND GETKEYS mset a 1 b 2|COMMAND GETKEYS del a b c|COMMAND GETKEYS get
        COMMAND GETKEYS ping x|COMMAND GETKEYS foo bar|COMMAND GETKEYS rename a b|COMMAND GETKEYS mget
        COMMAND GETKEYS get a b|COMMAND GETKEYS set k v EX 10|COMMAND GETKEYS object encoding k
        COMMAND GETKEYS memory usage k|COMMAND GETKEYS|COMMAND GETKEYS config get x
        COMMAND LIST FILTERBY MODULE x|COMMAND LIST FILTERBY FOO x|COMMAND LIST FILTERBY|COMMAND LIST FOO
        COMMAND LIST FILTERBY PATTERN nosuch*|COMMAND LIST FILTERBY PATTERN getde[l]|COMMAND COUNT x
        COMMAND LIST FILTERBY ACLCAT nosuch|COMMAND INFO nosuch|COMMAND DOCS nosuch|COMMAND INFO foo bar
        COMMAND LIST FILTERBY PATTERN config|rewrite
    """.replace("config|rewrite", "config\x01rewrite"),
    "command info": "|".join(
        f"COMMAND INFO {name}"
        for name in (
            "get setnx setex psetex getset getdel mget mset msetnx append strlen getrange substr setrange "
            "incr decr incrby decrby incrbyfloat del unlink exists type touch rename renamenx copy randomkey "
            "keys scan dbsize flushdb flushall expire pexpire expireat pexpireat ttl pttl expiretime "
            "pexpiretime persist echo hello auth quit reset select wait readonly readwrite time info shutdown "
            "config\x01get config\x01set config\x01rewrite config\x01resetstat client\x01list client\x01kill "
            "client\x01setname client\x01no-evict object\x01encoding object\x01freq memory\x01usage "
            "memory\x01doctor memory\x01purge slowlog\x01len slowlog\x01get latency\x01latest latency\x01reset "
            "module\x01list cluster\x01info command\x01count command\x01docs ping GET"
        ).split()
    ),
}

# (protocol or None, request, reason). The reply differs from Redis 7.0.15's by intention.
DIFFERENCES = [
    (None, "LPUSH l a", "there are strings only; other types are unknown commands"),
    (None, "HSET h f v", "there are strings only; other types are unknown commands"),
    (None, "SADD s m", "there are strings only; other types are unknown commands"),
    (None, "ZADD z 1 m", "there are strings only; other types are unknown commands"),
    (None, "COMMAND INFO randomkey", "the same tips in another order (they are a set)"),
    (None, "COMMAND INFO keys", "the same tips in another order (they are a set)"),
    (None, "COMMAND INFO slowlog\x01len", "the same tips in another order (they are a set)"),
    (None, "COMMAND INFO slowlog\x01get", "the same tips in another order (they are a set)"),
]


class Connection:
    """A socket that returns replies as the bytes they came in."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.sock.sendall(b"".join(parts))

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise AssertionError(f"the connection ended after {line!r}")
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=" and rest != b"-1":
            return line + self.file.read(int(rest) + 2)
        if kind in b"*~>" and rest != b"-1":
            return line + b"".join(self.reply() for _ in range(int(rest)))
        if kind == b"%":
            return line + b"".join(self.reply() for _ in range(2 * int(rest)))
        return line

    def ask(self, words):
        self.send(words)
        return self.reply()


def words_of(line):
    """The words of a request, as bytes."""
    result = []
    for word in shlex.split(line):
        name = re.fullmatch(r"\{(\w+)\}", word)
        text = word.replace("\x01", "|").replace("~", " ")
        result.append(WORDS[name.group(1)] if name else text.encode("latin-1"))
    return result


def requests_of(group):
    for line in GROUPS[group].replace("\n", "|").split("|"):
        if line.strip():
            yield line.strip()


class RedisServer:
    """A redis-server that keeps nothing, on a port of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.dir,
             "--maxmemory-policy", "allkeys-lfu", "--slowlog-log-slower-than", "60000000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                Connection(self.port).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


def differences_of(proto, line):
    return [d for d in DIFFERENCES if d[0] in (None, proto) and d[1] == line]


class Parity(unittest.TestCase):
    """One test per group of requests."""

    @classmethod
    def setUpClass(cls):
        cls.redis = RedisServer()
        cls.attld = Attld("--validation.mode=binary", "--latency.slowlog_log_slower_than=60000000")

    @classmethod
    def tearDownClass(cls):
        cls.redis.stop()
        cls.attld.stop()

    def open(self, proto):
        pair = (Connection(self.redis.port), Connection(self.attld.port))
        for connection in pair:
            self.addCleanup(connection.close)
            self.assertTrue(connection.ask([b"HELLO", b"%d" % proto])[:1] in b"*%")
            self.assertEqual(connection.ask([b"FLUSHALL"]), b"+OK\r\n")
        return pair

    def compare(self, proto, line, theirs, ours):
        expected = differences_of(proto, line)
        if expected and theirs == ours:
            return f"RESP{proto} {line}: listed as a difference, but equal: {ours!r}"
        if not expected and theirs != ours:
            return f"RESP{proto} {line}\n    redis {theirs!r}\n    attld {ours!r}"
        return None

    def run_group(self, group):
        problems = []
        count = 0
        for proto in (2, 3):
            theirs, ours = self.open(proto)
            for line in requests_of(group):
                words = words_of(line)
                problems.append(self.compare(proto, line, theirs.ask(words), ours.ask(words)))
                count += 1
        self.assertGreater(count, 10)
        problems = [problem for problem in problems if problem]
        if problems:
            self.fail(f"{len(problems)} of {count} replies:\n" + "\n".join(problems))


def add_tests():
    for group in GROUPS:
        def test(self, group=group):
            self.run_group(group)
        setattr(Parity, "test_" + group.replace(" ", "_"), test)


add_tests()

if __name__ == "__main__":
    if not shutil.which("redis-server"):
        print("redis-server is not installed: there is nothing to compare with")
        sys.exit(SKIP)
    unittest.main()

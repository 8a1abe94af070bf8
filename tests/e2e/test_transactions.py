#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""MULTI, EXEC, DISCARD, WATCH and UNWATCH, against redis-server where it is installed, and alone.

A script is a sequence of "client: request" steps; clients A, B and C are connections of the same server.
Every script runs on both servers, over RESP2 and RESP3, and the raw replies are compared step by step.
The other tests are about what redis-server need not be asked for: that EXEC is isolated from clients of
other threads, that a log holds all of a transaction or nothing, and that queues have an end.
"""
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest

from attl_server import Attld
from test_redis_parity import Connection, RedisServer, words_of

SCRIPTS = {
    "the usual": """
        A: MULTI|A: SET a 1|A: INCR a|A: GET a|A: EXEC|A: GET a|A: MULTI|A: EXEC|A: MULTI|A: DISCARD
        A: MULTI|A: SET b x|A: GET missing|A: MGET a b missing|A: DEL a b|A: EXISTS a b|A: EXEC
    """,
    "queued, not run": """
        A: MULTI|A: SET a 1|B: GET a|A: SET a 2|B: GET a|A: EXEC|B: GET a|A: MULTI|A: SET a 3|A: DISCARD|B: GET a
    """,
    "out of place": """
        A: EXEC|A: DISCARD|A: UNWATCH|A: MULTI|A: MULTI|A: SET a 1|A: EXEC|A: GET a|A: MULTI|A: WATCH a|A: EXEC
        A: MULTI x|A: EXEC x|A: DISCARD x|A: WATCH|A: UNWATCH x|A: EXEC|A: MULTI|A: UNWATCH|A: EXEC
        A: MULTI|A: EXEC x|A: EXEC|A: MULTI|A: DISCARD x|A: DISCARD|A: MULTI|A: WATCH|A: EXEC
    """,
    "refused while queueing": """
        A: MULTI|A: SET a|A: SET a 1|A: EXEC|A: EXISTS a|A: MULTI|A: NOSUCH a|A: SET a 1|A: EXEC|A: EXISTS a
        A: MULTI|A: CONFIG NOSUCH|A: EXEC|A: MULTI|A: SAVE|A: EXEC|A: MULTI|A: SHUTDOWN|A: DISCARD|A: PING
        A: MULTI|A: GET|A: DISCARD|A: MULTI|A: SET a 1|A: EXEC|A: GET a
    """,
    "failing inside": """
        A: SET s text|A: MULTI|A: INCR s|A: SET a 1|A: INCRBY a x|A: GETRANGE s 0 x|A: APPEND s y|A: EXEC|A: GET s
        A: MULTI|A: RENAME missing x|A: EXPIRE a x|A: SET a 1 EX 0|A: SELECT 99|A: GET a|A: EXEC
    """,
    "watch": """
        A: SET a 1|A: WATCH a|A: MULTI|A: SET a 2|A: EXEC|A: GET a
        A: WATCH a|B: SET a 3|A: MULTI|A: SET a 4|A: EXEC|A: GET a
        A: WATCH a|A: MULTI|B: SET a 5|A: SET a 6|A: EXEC|A: GET a
        A: WATCH a|B: GET a|B: EXISTS a|B: TTL a|B: STRLEN a|A: MULTI|A: SET a 7|A: EXEC|A: GET a
        A: WATCH a b c|B: SET c 1|A: MULTI|A: PING|A: EXEC|A: MULTI|A: PING|A: EXEC
        A: WATCH a|A: WATCH b|B: SET b 1|A: MULTI|A: PING|A: EXEC
    """,
    "watch and every kind of change": """
        A: SET a 1|A: WATCH a|B: DEL a|A: MULTI|A: PING|A: EXEC
        A: WATCH missing|B: DEL missing|A: MULTI|A: PING|A: EXEC
        A: WATCH fresh|B: SET fresh 1|A: MULTI|A: PING|A: EXEC
        A: SET a 1|A: WATCH a|B: EXPIRE a 100|A: MULTI|A: PING|A: EXEC
        A: WATCH a|B: PERSIST a|A: MULTI|A: PING|A: EXEC|A: WATCH a|B: APPEND a x|A: MULTI|A: PING|A: EXEC
        A: SET n 1|A: WATCH n|B: INCR n|A: MULTI|A: PING|A: EXEC|A: WATCH n|B: SETRANGE n 0 5|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: RENAME n m|A: MULTI|A: PING|A: EXEC|A: WATCH n|B: RENAME m n|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: MSET n 1 m 2|A: MULTI|A: PING|A: EXEC|A: WATCH n|B: SETNX n 5|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: GETDEL n|A: MULTI|A: PING|A: EXEC|A: SET n 1|A: WATCH n|B: FLUSHALL|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: MULTI|B: SET n 5|A: GET n|B: EXEC|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: MULTI|B: SET n 6|B: DISCARD|A: MULTI|A: PING|A: EXEC
        A: WATCH n|B: SET other 6|A: MULTI|A: PING|A: EXEC|A: WATCH none|B: FLUSHALL|A: MULTI|A: PING|A: EXEC
    """,
    "own changes count": """
        A: SET a 1|A: WATCH a|A: SET a 2|A: MULTI|A: GET a|A: EXEC|A: WATCH a|A: UNWATCH|A: SET a 3|A: MULTI|A: GET a
        A: EXEC|A: WATCH a|A: MULTI|A: DISCARD|B: SET a 4|A: MULTI|A: GET a|A: EXEC
        A: WATCH a|A: MULTI|A: UNWATCH|B: SET a 5|A: EXEC
    """,
    "reset": """
        A: WATCH a|B: SET a 1|A: RESET|A: MULTI|A: GET a|A: EXEC|A: MULTI|A: SET a 2|A: RESET|A: EXEC|A: GET a
    """,
    "expiry": """
        A: SET a 1 PX 30|A: WATCH a|sleep 0.08|A: MULTI|A: SET b 1|A: EXEC|A: EXISTS b
        A: SET a 1 PX 30|sleep 0.08|A: WATCH a|A: MULTI|A: SET b 1|A: EXEC|A: EXISTS b
        A: SET a 1 PX 30|sleep 0.08|A: WATCH a|B: SET a 2|A: MULTI|A: SET b 2|A: EXEC|A: GET b
        A: MULTI|A: SET a 1 PX 30|A: EXEC|sleep 0.08|A: GET a
    """,
    "all keys at once": """
        A: MSET a 1 b 2|A: MULTI|A: SET c 3|A: DBSIZE|A: FLUSHALL|A: DBSIZE|A: SET d 4|A: KEYS *|A: RANDOMKEY
        A: SCAN 0 COUNT 1000|A: FLUSHDB|A: GET d|A: SET e 5|A: EXEC|A: KEYS *|A: DBSIZE
    """,
    "one command of each kind": """
        A: MULTI|A: SET a 1|A: SETNX a 2|A: GETSET a 3|A: MSET b 1 c 2|A: MSETNX b 1 d 2|A: MSETNX d 1 e 2|A: MGET a b c
        A: COPY a f|A: RENAME f g|A: RENAMENX g a|A: SETEX h 10 x|A: TTL h|A: GETEX h PERSIST|A: TTL h|A: GETDEL h
        A: INCRBYFLOAT a 1.5|A: APPEND b long|A: SETRANGE b 2 xy|A: STRLEN b|A: GETRANGE b 0 -1|A: TYPE b|A: TOUCH a b x
        A: OBJECT ENCODING a|A: UNLINK a b|A: EXPIRE c 100|A: PERSIST c|A: EXISTS a b c|A: PING|A: ECHO x|A: TIME x
        A: DISCARD|A: MULTI|A: SET a {huge}|A: APPEND a {huge}|A: COPY a b|A: STRLEN b|A: SETRANGE b 90000 x|A: GET b
        A: MSET c {huge} d {huge}|A: GETDEL c|A: RENAME b c|A: STRLEN c|A: EXEC|A: MGET a b c d
    """,
    "commands beside the contents": """
        A: MULTI|A: PING|A: SET a 1|A: ECHO x|A: GET a|A: SELECT 0|A: CONFIG GET maxmemory|A: INCR a|A: EXEC|A: GET a
        A: MULTI|A: CLIENT SETNAME me|A: CLIENT GETNAME|A: COMMAND GETKEYS get k|A: EXEC|A: CLIENT GETNAME
    """,
    "same key again": """
        A: WATCH a a a|A: MULTI|A: SET a 1|A: SET a 2|A: DEL a|A: SET a 3|A: EXEC|A: GET a
    """,
    "command info": """
        A: COMMAND INFO multi|A: COMMAND INFO exec|A: COMMAND INFO discard|A: COMMAND INFO watch
        A: COMMAND INFO unwatch|A: COMMAND GETKEYS watch a b|A: COMMAND GETKEYS multi
    """,
}

# Redis 7.0 marks EXEC with a flag of its slow log, which we do not have.
DIFFERENCES = ["COMMAND INFO exec"]


class Clients:
    """Connections by name to one server."""

    def __init__(self, port, proto):
        self.port, self.proto, self.by_name = port, proto, {}

    def ask(self, name, line):
        if name not in self.by_name:
            self.by_name[name] = Connection(self.port)
            self.by_name[name].ask([b"HELLO", b"%d" % self.proto])
        return self.by_name[name].ask(words_of(line))

    def close(self):
        for connection in self.by_name.values():
            connection.close()


def steps_of(script):
    for step in script.replace("\n", "|").split("|"):
        step = step.strip()
        if step.startswith("sleep "):
            yield "sleep", float(step[6:])
        elif step:
            name, _, line = step.partition(": ")
            yield name, line


def unordered(line, reply):
    """KEYS and SCAN name keys in any order; no script asks for more than one left."""
    return reply


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class Parity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = RedisServer()
        cls.attld = Attld("--validation.mode=binary")

    @classmethod
    def tearDownClass(cls):
        cls.redis.stop()
        cls.attld.stop()

    def run_script(self, script, proto):
        theirs, ours = Clients(self.redis.port, proto), Clients(self.attld.port, proto)
        problems = []
        for clients in (theirs, ours):
            clients.ask("A", "FLUSHALL")
        for name, line in steps_of(script):
            if name == "sleep":
                time.sleep(line)
                continue
            expected, got = theirs.ask(name, line), ours.ask(name, line)
            if (expected == got) == (line in DIFFERENCES):
                problems.append(f"RESP{proto} {name}: {line}\n    redis {expected!r}\n    attld {got!r}")
        theirs.close()
        ours.close()
        return problems


def add_scripts():
    for noun, script in SCRIPTS.items():
        def test(self, script=script):
            problems = self.run_script(script, 2) + self.run_script(script, 3)
            self.assertFalse(problems, "\n".join(problems))
        setattr(Parity, "test_" + noun.replace(" ", "_").replace(",", ""), test)


add_scripts()


def multi(connection, *lines):
    """The raw reply to EXEC of a transaction that is sent as one."""
    requests = [b"MULTI", *[line.encode() for line in lines], b"EXEC"]
    for request in requests:
        connection.send(request.split(b" "))
    replies = [connection.reply() for _ in requests]
    return replies[-1]


class Alone(unittest.TestCase):
    """What is asked of attld only."""

    def start(self, *options):
        server = Attld("--validation.mode=binary", *options)
        self.addCleanup(server.stop)
        return server

    def open(self, server):
        connection = Connection(server.port)
        self.addCleanup(connection.close)
        return connection

    def test_nobody_sees_half_a_transaction(self):
        server = self.start("--server.threads=2")
        accounts = [f"account:{i}" for i in range(16)]
        setup = self.open(server)
        setup.ask([b"MSET"] + [w.encode() for a in accounts for w in (a, "100")])
        stop = threading.Event()
        problems = []

        def move(seed):
            rng = random.Random(seed)
            connection = Connection(server.port)
            while not stop.is_set():
                a, b = rng.sample(accounts, 2)
                amount = rng.randint(1, 9)
                reply = multi(connection, f"DECRBY {a} {amount}", f"INCRBY {b} {amount}")
                if not reply.startswith(b"*2\r\n:"):
                    problems.append(reply)
            connection.close()

        movers = [threading.Thread(target=move, args=(seed,)) for seed in (1, 2, 3)]
        for mover in movers:
            mover.start()
        reader = self.open(server)
        deadline = time.monotonic() + 1.5
        looks = 0
        while time.monotonic() < deadline:
            reply = multi(reader, "MGET " + " ".join(accounts), "DBSIZE")
            amounts = [int(x) for x in reply.split(b"\r\n")[3:-2:2]]
            self.assertEqual(sum(amounts), 1600, reply)
            plain = reader.ask([b"MGET"] + [a.encode() for a in accounts])
            amounts = [int(x) for x in plain.split(b"\r\n")[2:-1:2]]
            self.assertEqual(sum(amounts), 1600, plain)
            looks += 1
        stop.set()
        for mover in movers:
            mover.join()
        self.assertFalse(problems)
        self.assertGreater(looks, 10)

    def test_optimistic_increments_add_up(self):
        server = self.start("--server.threads=2")
        done = []

        def add(rounds):
            connection = Connection(server.port)
            won = 0
            while won < rounds:
                connection.ask([b"WATCH", b"n"])
                raw = connection.ask([b"GET", b"n"])
                value = 0 if raw == b"$-1\r\n" else int(raw.split(b"\r\n")[1])
                won += multi(connection, f"SET n {value + 1}") == b"*1\r\n+OK\r\n"
            connection.close()
            done.append(won)

        adders = [threading.Thread(target=add, args=(60,)) for _ in range(4)]
        for adder in adders:
            adder.start()
        for adder in adders:
            adder.join()
        self.assertEqual(self.open(server).ask([b"GET", b"n"]), b"$3\r\n240\r\n")

    def test_other_workers_are_not_waited_for_inside(self):
        """CLIENT LIST asks every worker; here both do at once, with keys in the same transactions."""
        server = self.start("--server.threads=2")
        stop = time.monotonic() + 1

        def ask():
            connection = Connection(server.port)
            while time.monotonic() < stop:
                reply = multi(connection, "INCR n", "CLIENT LIST", "CONFIG SET maxmemory 50mb", "INFO", "KEYS *")
                assert reply.startswith(b"*5\r\n"), reply
            connection.close()

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            self.assertFalse(thread.is_alive())

    def test_a_queue_has_an_end(self):
        server = self.start("--limits.transaction_ops=3", "--server.query_buffer_limit=1MiB")
        c = self.open(server)
        c.ask([b"MULTI"])
        for _ in range(3):
            self.assertEqual(c.ask([b"PING"]), b"+QUEUED\r\n")
        self.assertTrue(c.ask([b"PING"]).startswith(b"-ERR too many commands in one transaction"))
        self.assertTrue(c.ask([b"EXEC"]).startswith(b"-EXECABORT"))
        c.ask([b"MULTI"])
        self.assertEqual(c.ask([b"SET", b"k", b"x" * 600000]), b"+QUEUED\r\n")
        self.assertTrue(c.ask([b"SET", b"k", b"x" * 600000]).startswith(b"-ERR the transaction is too long"))
        self.assertTrue(c.ask([b"EXEC"]).startswith(b"-EXECABORT"))
        self.assertTrue(c.ask([b"WATCH", b"a", b"b", b"c", b"d"]).startswith(b"-ERR too many watched keys"))

    def test_a_full_cache_fails_single_commands(self):
        server = self.start("--cache.max_memory=8MiB", "--cache.eviction=noeviction")
        c = self.open(server)
        i = 0
        while c.ask([b"SET", b"k%d" % i, b"x" * 4000]) == b"+OK\r\n":
            i += 1
        big = "y" * 3000000
        reply = multi(c, "SET a 1", f"SET big {big}", "GET k0", "DEL k1")
        self.assertIn(b"-OOM", reply)
        self.assertTrue(reply.endswith(b":1\r\n"), reply[-80:])

    def test_disconnecting_forgets_everything(self):
        server = self.start()
        for _ in range(20):
            c = Connection(server.port)
            c.ask([b"WATCH", b"a", b"b"])
            c.ask([b"MULTI"])
            c.ask([b"SET", b"a", b"1"])
            c.close()
        c = self.open(server)
        self.assertEqual(c.ask([b"SET", b"a", b"2"]), b"+OK\r\n")
        self.assertEqual(c.ask([b"GET", b"a"]), b"$1\r\n2\r\n")

    def test_client_list_shows_the_queue(self):
        server = self.start()
        a, b = self.open(server), self.open(server)
        self.assertIn(b" multi=-1 ", b.ask([b"CLIENT", b"LIST"]))
        a.ask([b"MULTI"])
        a.ask([b"PING"])
        self.assertRegex(b.ask([b"CLIENT", b"LIST"]), rb"flags=x .* multi=1 .* multi-mem=[1-9]")

    def test_quit_ends_a_transaction(self):
        c = self.open(self.start())
        c.ask([b"MULTI"])
        self.assertEqual(c.ask([b"QUIT"]), b"+OK\r\n")

    def test_the_log_has_all_of_it_or_nothing(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory, True)
        options = ["--persist.fsync=always", "--persist.dir=" + os.path.join(directory, "data")]
        server = Attld("--validation.mode=binary", *options)
        c = Connection(server.port)
        self.assertEqual(c.ask([b"MSET", b"a", b"0", b"b", b"0", b"old", b"1"]), b"+OK\r\n")
        for i in range(1, 40):
            reply = multi(c, f"SET a {i}", "FLUSHALL" if i == 20 else "PING", f"SET b {i}", f"INCRBY a {i}")
            self.assertTrue(reply.startswith(b"*4\r\n+OK\r\n"), reply)
        sent = threading.Event()

        def more():
            other = Connection(server.port)
            try:
                for i in range(40, 100000):
                    multi(other, f"SET a {i}", f"SET b {i}", f"INCRBY a {i}")
                    sent.set()
            except (OSError, AssertionError):
                pass

        thread = threading.Thread(target=more, daemon=True)
        thread.start()
        sent.wait(10)
        time.sleep(0.1)
        server.process.kill()
        server.process.wait(10)
        thread.join(10)
        again = Attld("--validation.mode=binary", *options)
        self.addCleanup(again.stop)
        d = Connection(again.port)
        a, b = (int(d.ask([b"GET", k]).split(b"\r\n")[1]) for k in (b"a", b"b"))
        self.assertGreaterEqual(b, 39)
        self.assertEqual(a, 2 * b)
        self.assertEqual(d.ask([b"GET", b"old"]), b"$-1\r\n")
        d.close()


if __name__ == "__main__":
    sys.exit(unittest.main())

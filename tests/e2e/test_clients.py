#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attld as the clients people really use see it.

redis-cli, redis-benchmark, hiredis and python3-redis, all as Debian ships them, talk to one attld. The
assertions are about Redis' behaviour, so the same file can be pointed at another server to check itself:
ATTL_TEST_ADDRESS=127.0.0.1:6379 tests/e2e/test_clients.py. A client that is not installed skips its part.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

try:
    import redis
except ImportError:
    redis = None

SKIPPED = 77  # the exit code ctest takes for "not run here"
PATIENCE_S = 60
HOST, PORT = None, None
FOREIGN = "ATTL_TEST_ADDRESS" in os.environ


def run(*words, stdin=None, timeout=PATIENCE_S):
    """Runs a program; its exit code must be 0. Returns what it printed."""
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit code {done.returncode}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done.stdout.decode("utf-8", "replace")


@unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed")
class RedisCli(unittest.TestCase):
    """redis-cli: one-shot, scripted, bulk loading, iteration and RESP3."""

    def cli(self, *words, stdin=None):
        return run("redis-cli", "-h", HOST, "-p", str(PORT), *words, stdin=stdin)

    def setUp(self):
        self.assertEqual(self.cli("FLUSHALL"), "OK\n")

    def test_one_shot_commands_answer_as_redis_does(self):
        self.assertEqual(self.cli("SET", "k", "v", "EX", "100"), "OK\n")
        self.assertEqual(self.cli("GET", "k"), "v\n")
        self.assertEqual(self.cli("TTL", "k"), "100\n")
        self.assertEqual(self.cli("GET", "absent"), "\n")
        self.assertEqual(self.cli("DEL", "k", "absent"), "1\n")
        self.assertEqual(self.cli("PING"), "PONG\n")
        self.assertIn("ERR unknown command", self.cli("NOSUCH", "x"))
        self.assertIn("ERR wrong number of arguments", self.cli("GET"))

    def test_a_script_on_standard_input_is_run_line_by_line(self):
        lines = "".join(f"SET key:{i} value:{i}\n" for i in range(500)) + "DBSIZE\n"
        self.assertEqual(self.cli(stdin=lines.encode()).splitlines()[-1], "500")

    def test_bulk_loading_by_pipe(self):
        count = 20000
        commands = bytearray()
        for i in range(count):
            key, value = f"pipe:{i}".encode(), b"x" * (i % 300)
            commands += b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)
        out = self.cli("--pipe", stdin=bytes(commands))
        self.assertIn(f"errors: 0, replies: {count}", out)
        self.assertEqual(self.cli("DBSIZE"), f"{count}\n")

    def test_iteration_lists_every_key_once(self):
        self.cli(stdin="".join(f"SET scan:{i} {i}\n" for i in range(3000)).encode())
        keys = self.cli("--scan", "--pattern", "scan:*").split()
        self.assertEqual(len(keys), 3000)
        self.assertEqual(len(set(keys)), 3000)
        self.assertIn("Biggest string", self.cli("--bigkeys"))

    def test_resp3_is_spoken_when_asked_for(self):
        self.assertEqual(self.cli("-3", "SET", "k", "v"), "OK\n")
        hello = self.cli("-3", "HELLO", "3")
        self.assertIn("proto", hello)
        self.assertIn("3", hello)
        self.assertEqual(self.cli("-3", "GET", "absent"), "\n")

    def test_quoted_bytes_come_back(self):
        self.assertEqual(self.cli(stdin=b'SET bin "\\x00\\r\\n\\xff"\n'), "OK\n")
        self.assertEqual(self.cli("--no-raw", "GET", "bin"), '"\\x00\\r\\n\\xff"\n')

    def test_the_server_describes_itself(self):
        info = self.cli("INFO")
        for field in ("redis_version:", "used_memory:", "connected_clients:", "db0:keys="):
            if field == "db0:keys=":
                self.cli("SET", "k", "v")
                info = self.cli("INFO", "keyspace")
            self.assertIn(field, info)
        self.assertIn("maxmemory", self.cli("CONFIG", "GET", "maxmemory"))


@unittest.skipUnless(shutil.which("redis-benchmark"), "redis-benchmark is not installed")
class RedisBenchmark(unittest.TestCase):
    """redis-benchmark gets through its tests, with and without pipelines, and nothing fails."""

    def bench(self, *words):
        out = run("redis-benchmark", "-h", HOST, "-p", str(PORT), "--csv", *words, timeout=4 * PATIENCE_S)
        self.assertNotIn("rror", out)
        rows = [line.split('","') for line in out.splitlines() if line.startswith('"')]
        rates = {row[0].strip('"'): float(row[1].strip('"')) for row in rows if not row[0].startswith('"test')}
        self.assertTrue(rates)
        for name, rate in rates.items():
            self.assertGreater(rate, 0, name)
        return rates

    def test_plain_requests(self):
        rates = self.bench("-t", "ping,set,get,incr,mset", "-n", "20000", "-c", "50", "-r", "10000")
        self.assertGreaterEqual(len(rates), 5)

    def test_pipelines_of_16(self):
        self.bench("-t", "set,get", "-n", "100000", "-c", "50", "-P", "16", "-r", "10000", "-d", "100")

    def test_large_values_on_many_connections(self):
        self.bench("-t", "set,get", "-n", "5000", "-c", "200", "-d", "20000", "-r", "500")

    def test_a_command_of_ones_own(self):
        self.bench("-n", "10000", "-r", "1000", "-P", "8", "SET", "key:__rand_int__", "v", "EX", "100")


class Hiredis(unittest.TestCase):
    """The C client library, through a program of our own."""

    def test_the_program_finds_nothing_wrong(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hiredis"], capture_output=True, text=True,
                               check=False) if shutil.which("pkg-config") else None
        if not compiler or flags is None or flags.returncode != 0:
            self.skipTest("hiredis or a compiler is not installed")
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "hiredis_client")
            run(compiler, "-std=c11", "-D_GNU_SOURCE", "-O1", os.path.join(HERE, "hiredis_client.c"), "-o", program,
                *flags.stdout.split())
            run(program, HOST, str(PORT))


@unittest.skipUnless(redis, "python3-redis is not installed")
class PythonRedis(unittest.TestCase):
    """python3-redis: what its methods parse out of the replies is the test."""

    def setUp(self):
        self.r = redis.Redis(HOST, PORT, decode_responses=True, socket_timeout=20)
        self.r.flushall()

    def tearDown(self):
        self.r.close()

    def test_set_and_its_options(self):
        r = self.r
        self.assertTrue(r.set("k", "v"))
        self.assertEqual(r.get("k"), "v")
        self.assertIsNone(r.set("k", "w", nx=True))
        self.assertTrue(r.set("k", "w", xx=True))
        self.assertIsNone(r.set("absent", "w", xx=True))
        self.assertEqual(r.set("k", "x", get=True), "w")
        self.assertTrue(r.set("k", "y", px=100000))
        self.assertTrue(99000 < r.pttl("k") <= 100000)
        self.assertTrue(r.set("k", "z", keepttl=True))
        self.assertTrue(r.pttl("k") > 0)
        self.assertTrue(r.set("k", "z", exat=int(time.time()) + 50))
        self.assertTrue(48 <= r.ttl("k") <= 50)
        self.assertTrue(r.setex("k", 10, "v") and r.psetex("k", 10000, "v"))
        self.assertFalse(r.setnx("k", "v"))
        self.assertEqual(r.getset("k", "new"), "v")
        self.assertEqual(r.ttl("k"), -1)
        self.assertEqual(r.getex("k", ex=100), "new")
        self.assertEqual(r.getdel("k"), "new")
        self.assertIsNone(r.get("k"))

    def test_strings(self):
        r = self.r
        self.assertEqual(r.append("s", "Hello "), 6)
        self.assertEqual(r.append("s", "World"), 11)
        self.assertEqual(r.strlen("s"), 11)
        self.assertEqual(r.getrange("s", -5, -1), "World")
        self.assertEqual(r.setrange("s", 6, "Redis"), 11)
        self.assertEqual(r.get("s"), "Hello Redis")
        self.assertEqual([r.incr("n"), r.incrby("n", 9), r.decr("n"), r.decrby("n", 4)], [1, 10, 9, 5])
        self.assertAlmostEqual(r.incrbyfloat("n", 0.5), 5.5)
        with self.assertRaises(redis.ResponseError):
            r.incr("s")

    def test_several_keys(self):
        r = self.r
        self.assertTrue(r.mset({"a": 1, "b": 2}))
        self.assertEqual(r.mget("a", "absent", "b"), ["1", None, "2"])
        self.assertFalse(r.msetnx({"b": 3, "c": 3}))
        self.assertIsNone(r.get("c"))
        self.assertTrue(r.msetnx({"c": 3, "d": 4}))
        self.assertEqual(r.exists("a", "b", "a", "absent"), 3)
        self.assertEqual(r.touch("a", "absent"), 1)
        self.assertEqual(r.unlink("a", "absent"), 1)
        self.assertEqual(r.delete("b", "c"), 2)

    def test_keyspace(self):
        r = self.r
        for i in range(1000):
            r.set(f"user:{i}", i)
        self.assertEqual(r.dbsize(), 1000)
        self.assertEqual(len(r.keys("user:1?")), 10)
        self.assertEqual(sorted(r.scan_iter(match="user:*", count=100)), sorted(f"user:{i}" for i in range(1000)))
        self.assertTrue(r.randomkey().startswith("user:"))
        self.assertEqual(r.type("user:1"), "string")
        self.assertEqual(r.type("absent"), "none")
        self.assertTrue(r.rename("user:1", "renamed"))
        self.assertFalse(r.renamenx("renamed", "user:2"))
        self.assertTrue(r.copy("renamed", "copied"))
        self.assertEqual(r.get("copied"), "1")
        with self.assertRaises(redis.ResponseError):
            r.rename("absent", "x")
        self.assertTrue(r.flushdb())
        self.assertIsNone(r.randomkey())

    def test_lives(self):
        r = self.r
        r.set("k", "v")
        self.assertEqual((r.ttl("k"), r.ttl("absent")), (-1, -2))
        self.assertTrue(r.expire("k", 100, nx=True))
        self.assertFalse(r.expire("k", 50, nx=True))
        self.assertFalse(r.expire("k", 50, gt=True))
        self.assertTrue(r.expire("k", 50, lt=True))
        self.assertTrue(r.pexpire("k", 70000, xx=True))
        self.assertTrue(r.expireat("k", int(time.time()) + 1000))
        self.assertTrue(r.expiretime("k") - time.time() > 900)
        self.assertTrue(r.persist("k"))
        self.assertFalse(r.persist("k"))
        self.assertTrue(r.pexpire("k", 30))
        time.sleep(0.05)
        self.assertIsNone(r.get("k"))
        r.set("k", "v")
        self.assertTrue(r.expire("k", -1))
        self.assertEqual(r.exists("k"), 0)

    def test_pipelines_keep_order_and_survive_errors(self):
        pipe = self.r.pipeline(transaction=False)
        for i in range(5000):
            pipe.set(f"p:{i}", i)
            pipe.get(f"p:{i}")
        answers = pipe.execute()
        self.assertEqual(answers[1::2], [str(i) for i in range(5000)])
        pipe.set("s", "text").incr("s").get("s")
        answers = pipe.execute(raise_on_error=False)
        self.assertTrue(answers[0])
        self.assertIsInstance(answers[1], redis.ResponseError)
        self.assertEqual(answers[2], "text")

    def test_bytes_are_bytes(self):
        binary = redis.Redis(HOST, PORT)
        value = bytes(range(256)) * 5000
        binary.set("bin", value)
        self.assertEqual(binary.get("bin"), value)
        self.assertEqual(binary.getrange("bin", 255, 257), b"\xff\x00\x01")
        binary.close()

    def test_many_threads_share_a_pool(self):
        failures = []

        def work(number):
            try:
                for i in range(300):
                    self.r.set(f"t:{number}", i)
                    if self.r.get(f"t:{number}") != str(i):
                        failures.append((number, i))
                    self.r.incr("shared")
            except redis.RedisError as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.r.get("shared"), str(16 * 300))

    def test_the_server_can_be_looked_at(self):
        r = self.r
        info = r.info()
        for field in ("redis_version", "used_memory", "connected_clients", "keyspace_hits", "expired_keys"):
            self.assertIn(field, info)
        r.set("k", "v")
        self.assertEqual(r.info("keyspace")["db0"]["keys"], 1)
        self.assertIn("maxmemory", r.config_get("maxmemory*"))
        self.assertTrue(r.config_set("maxmemory", "1gb"))
        self.assertEqual(r.config_get("maxmemory")["maxmemory"], str(1 << 30))
        self.assertTrue(r.config_set("maxmemory", "0"))
        self.assertTrue(r.client_setname("tester"))
        self.assertEqual(r.client_getname(), "tester")
        self.assertTrue(any(c["name"] == "tester" for c in r.client_list()))
        self.assertGreater(r.client_id(), 0)
        self.assertTrue(abs(r.time()[0] - time.time()) < 5)
        self.assertGreater(r.memory_usage("k"), 1)
        r.set("n", 12345)
        self.assertEqual(r.object("encoding", "n"), "int")
        self.assertGreater(r.command_count(), 50)
        self.assertIn("get", r.command())

    def test_keys_with_a_ttl_disappear_from_the_keyspace(self):
        for i in range(2000):
            self.r.set(f"mortal:{i}", "x" * 100, px=300)
        deadline = time.time() + 5
        while self.r.dbsize() > 0 and time.time() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.r.dbsize(), 0)
        self.assertEqual(self.r.info("stats")["expired_keys"] >= 2000, True)


def main():
    global HOST, PORT
    if FOREIGN:
        HOST, port = os.environ["ATTL_TEST_ADDRESS"].rsplit(":", 1)
        PORT = int(port)
        return unittest.main(argv=sys.argv, verbosity=2)
    from attl_server import Server
    with Server() as server:
        HOST, PORT = "127.0.0.1", server.port
        program = unittest.main(argv=sys.argv, verbosity=2, exit=False)
    ran = program.result
    if ran.testsRun == len(ran.skipped):
        return SKIPPED
    return 0 if ran.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

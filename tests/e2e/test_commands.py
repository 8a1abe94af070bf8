#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Commands whose effect needs a whole server to be seen.

Several workers, several connections, real settings and real time: sums over workers, clients that list
and close each other, settings that hold at once, passwords, counting by many clients at the same time,
what monitoring tools ask in what order, and commands newer than the redis-server of the parity test.
"""
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from attl_server import Error, Server, encode, run  # noqa: E402

THREADS = 4


def in_threads(server, count, work):
    """Runs work(client, number) on `count` connections at once; the results in order."""
    results = [None] * count

    def one(number):
        with server.connect() as c:
            results[number] = work(c, number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def counts_of_all_workers_are_added():
    with Server(threads=THREADS) as server:
        in_threads(server, 16, lambda c, n: [c.command("GET", f"k{i}") for i in range(50)])
        stats = server.info("commandstats")
        assert "calls=800," in stats["cmdstat_get"], stats["cmdstat_get"]
        in_threads(server, 8, lambda c, n: c.command("INCRBY", "k", "x"))
        assert server.info("errorstats")["errorstat_ERR"] == "count=8"
        assert int(server.info("stats")["keyspace_misses"]) == 800
        with server.connect() as c:
            assert c.command("CONFIG", "RESETSTAT") == b"OK"
        assert "cmdstat_get" not in server.info("commandstats")
        assert int(server.info("stats")["keyspace_misses"]) == 0


def clients_see_and_close_each_other():
    with Server(threads=THREADS) as server:
        clients = [server.connect() for _ in range(8)]
        ids = [c.command("CLIENT", "ID") for c in clients]
        assert len(set(ids)) == 8
        for c, number in zip(clients, ids):
            assert c.command("CLIENT", "SETNAME", f"c{number}") == b"OK"
        lines = clients[0].command("CLIENT", "LIST").decode().splitlines()
        fields = [dict(pair.split("=", 1) for pair in line.split()) for line in lines]
        assert [int(f["id"]) for f in fields] == sorted(ids), lines
        assert all(f["name"] == "c" + f["id"] for f in fields), lines
        victim = next(f for f in fields if int(f["id"]) == ids[3])
        assert clients[0].command("CLIENT", "KILL", "ID", ids[2]) == 1
        assert clients[0].command("CLIENT", "KILL", victim["addr"]) == b"OK"
        for closed in (clients[2], clients[3]):
            assert closed.rest_until_close() == b""
        assert clients[0].command("CLIENT", "KILL", "ID", ids[2]) == 0
        assert clients[1].command("CLIENT", "KILL", "ID", ids[1], "SKIPME", "no") == 1
        assert clients[1].rest_until_close() == b""
        assert clients[0].command("CLIENT", "KILL", "TYPE", "normal") == 4
        assert clients[0].command("PING") == b"PONG"
        for c in clients:
            c.close()


def settings_hold_at_once():
    with Server() as server, server.connect() as c:
        assert c.command("CONFIG", "SET", "maxmemory", "64mb", "validation.mode", "strict") == b"OK"
        assert c.command("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"67108864"]
        refused = c.command("SET", "k", "v")
        assert isinstance(refused, Error) and b"(validation.ttl_required)" in refused, refused
        assert c.command("SET", "k", "v", "EX", "10") == b"OK"
        refused = c.command("CONFIG", "SET", "maxmemory", "32mb", "validation.mode", "nonsense")
        assert isinstance(refused, Error) and b"validation.mode" in refused, refused
        assert c.command("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"67108864"]
        refused = c.command("CONFIG", "SET", "port", "1")
        assert isinstance(refused, Error) and b"immutable" in refused, refused
        names = c.command("CONFIG", "GET", "*")[::2]
        assert len(names) == len(set(names)) > 40
        assert b"cache.max_memory" in names and b"maxclients" in names


def passwords_guard_every_command():
    with Server(requirepass="open sesame") as server:
        with server.connect() as c:
            assert c.command("GET", "k").startswith(b"NOAUTH ")
            assert c.command("AUTH", "open sesame!").startswith(b"WRONGPASS ")
            assert c.command("HELLO", "3", "AUTH", "default", "open sesame")[b"proto"] == 3
            assert c.command("GET", "k") is None
            assert b"open sesame" not in c.command("CONFIG", "GET", "requirepass")
            refused = c.command("CONFIG", "SET", "requirepass", "other", "maxclients", "nonsense")
            assert isinstance(refused, Error)
            assert c.command("CONFIG", "SET", "requirepass", "changed") == b"OK"
        with server.connect() as c:
            assert c.command("AUTH", "open sesame").startswith(b"WRONGPASS ")
            assert c.command("AUTH", "changed") == b"OK"


def counting_loses_nothing():
    with Server(threads=THREADS) as server:
        def work(c, _):
            requests = [encode("INCR", "n"), encode("INCRBYFLOAT", "f", "0.5"), encode("APPEND", "s", "x")]
            c.send(b"".join(requests) * 100)
            return [c.reply() for _ in range(300)]
        replies = in_threads(server, 8, work)
        assert not any(isinstance(r, Error) for part in replies for r in part)
        with server.connect() as c:
            assert c.command("MGET", "n", "f") == [b"800", b"400"]
            assert c.command("STRLEN", "s") == 800
        assert sorted(r for part in replies for r in part[0::3]) == list(range(1, 801))


def conditional_writers_are_atomic():
    with Server(threads=THREADS) as server:
        keys = [f"k{i}" for i in range(20)]

        def work(c, number):
            pairs = [word for key in keys for word in (key, number)]
            return c.command("MSETNX", *pairs)
        assert sorted(in_threads(server, 8, work)) == [0] * 7 + [1]
        with server.connect() as c:
            assert len(set(c.command("MGET", *keys))) == 1

        def swap(c, number):
            won = 0
            for _ in range(200):
                old = c.command("GET", "lock")
                won += c.command("SET", "lock", f"{number}:{won}", "IFEQ", old) == b"OK"
            return won
        with server.connect() as c:
            c.command("SET", "lock", "start")
            won = in_threads(server, 4, swap)
            number, last = c.command("GET", "lock").split(b":")
            assert won[int(number)] == int(last) + 1, (won, number, last)


def commands_newer_than_the_reference_work():
    with Server() as server, server.connect() as c:
        assert c.command("SET", "k", "v", "IFNE", "v") == b"OK"
        digest = c.command("DIGEST", "k")
        assert len(digest) == 16
        assert c.command("SET", "k", "w", "IFDEQ", digest) == b"OK"
        assert c.command("SET", "k", "x", "IFDEQ", digest) is None
        assert c.command("DELEX", "k", "IFEQ", "v") == 0
        assert c.command("DELIFEQ", "k", "w") == 1
        assert c.command("MSETEX", "2", "a", "1", "b", "2", "PX", "60000", "NX") == 1
        assert 59 <= c.command("TTL", "b") <= 60
        assert c.command("CLIENT", "SETINFO", "LIB-NAME", "test") == b"OK"
        assert c.command("CLIENT", "NO-TOUCH", "ON") == b"OK"
        assert c.command("CLIENT", "CAPA", "redirect") == b"OK"


def keys_expire_in_real_time():
    with Server() as server, server.connect() as c:
        assert c.command("SET", "k", "v", "PX", "150") == b"OK"
        assert c.command("MSET", "stays", "1", "also", "2") == b"OK"
        assert 0 < c.command("PTTL", "k") <= 150
        time.sleep(0.16)
        assert c.command("GET", "k") is None
        assert c.command("KEYS", "k") == []
        deadline = time.monotonic() + 10
        while c.command("DBSIZE") > 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert c.command("DBSIZE") == 2
        assert server.info("stats")["expired_keys"] == "1"


def silenced_connections_stay_in_step():
    with Server() as server, server.connect() as c:
        c.send(encode("CLIENT", "REPLY", "OFF") + encode("SET", "k", "1") * 50 + encode("NOSUCH"))
        c.send(encode("CLIENT", "REPLY", "ON") + encode("CLIENT", "REPLY", "SKIP"))
        c.send(encode("INCR", "k") + encode("GET", "k"))
        assert c.reply() == b"OK"
        assert c.reply() == b"2"


def a_full_cache_refuses_and_goes_on():
    with Server(maxmemory="8mb", maxmemory_policy="noeviction") as server, server.connect() as c:
        value, stored = "x" * 1000, 0
        for i in range(20000):
            reply = c.command("SET", f"k{i}", value)
            if isinstance(reply, Error):
                assert reply == b"OOM command not allowed when used memory > 'maxmemory'.", reply
                break
            stored += 1
        assert 1000 < stored < 20000, stored
        assert c.command("GET", "k0") == value.encode()
        assert c.command("DEL", *(f"k{i}" for i in range(1000))) == 1000
        deadline = time.monotonic() + 10
        while isinstance(c.command("SET", "again", value), Error):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert int(server.info("errorstats")["errorstat_OOM"].split("=")[1]) >= 1


def a_scan_sees_what_stays_while_others_write():
    with Server(threads=THREADS) as server:
        with server.connect() as c:
            for start in range(0, 20000, 500):
                c.command("MSET", *(word for i in range(start, start + 500) for word in (f"stay{i}", i)))
        stop = threading.Event()

        def churn(c, number):
            i = 0
            while not stop.is_set():
                c.command("SET", f"come{number}:{i % 5000}", i)
                c.command("DEL", f"come{number}:{(i * 7) % 5000}")
                i += 1

        def scan(c):
            try:
                seen, cursor = [], b"0"
                while True:
                    cursor, keys = c.command("SCAN", cursor, "COUNT", "100", "MATCH", "stay*")
                    seen += keys
                    if cursor == b"0":
                        return seen
            finally:
                stop.set()

        def work(c, number):
            return scan(c) if number == 0 else churn(c, number)
        seen = in_threads(server, 4, work)[0]
        assert len(seen) == len(set(seen)) == 20000, (len(seen), len(set(seen)))


def monitoring_tools_get_their_answers():
    with Server(args=["--latency.slowlog_log_slower_than=60000000"]) as server, server.connect() as c:
        c.command("SET", "k", "v", "EX", "100")
        # redis_exporter, then RedisInsight, then Datadog's agent.
        assert c.command("CLIENT", "SETNAME", "redis_exporter") == b"OK"
        assert b"cmdstat_set:calls=1," in c.command("INFO", "ALL")
        assert len(c.command("CONFIG", "GET", "*")) > 80
        assert c.command("LATENCY", "LATEST") == []
        histograms = c.command("LATENCY", "HISTOGRAM")
        assert b"set" in histograms[::2] and len(histograms) % 2 == 0, histograms
        assert c.command("SLOWLOG", "LEN") == 0
        assert c.command("SLOWLOG", "GET", "128") == []
        assert c.command("MODULE", "LIST") == []
        assert c.command("COMMAND", "INFO", "get")[0][0] == b"get"
        assert c.command("CONFIG", "GET", "databases") == [b"databases", b"1"]
        assert c.command("CONFIG", "GET", "maxclients")[1].isdigit()
        assert c.command("DBSIZE") == 1
        info = server.info("default")
        assert info["db0"].startswith("keys=1,expires=1,avg_ttl=")
        for name in ("total_commands_processed", "connected_clients", "used_memory", "uptime_in_seconds"):
            assert info[name].isdigit(), name
        assert len(info["run_id"]) == 40


def a_reply_too_large_for_its_client_is_an_error():
    with Server(args=("--server.output_buffer_limit=1mb",)) as server, server.connect() as c:
        for start in range(0, 20000, 500):
            c.command("MSET", *(word for i in range(start, start + 500) for word in ("k" * 90 + str(i), i)))
        assert c.command("KEYS", "*") == b"ERR too many keys for one reply, use SCAN"
        assert c.command("PING") == b"PONG"


def shutdown_ends_the_server():
    with Server() as server, server.connect() as c:
        assert c.command("SHUTDOWN", "ABORT").startswith(b"ERR No shutdown")
        assert c.command("PING") == b"PONG"
        c.send(encode("SHUTDOWN", "NOSAVE"))
        assert c.rest_until_close() == b""
        assert server.process.wait(30) == 0


if __name__ == "__main__":
    sys.exit(run([
        counts_of_all_workers_are_added,
        clients_see_and_close_each_other,
        settings_hold_at_once,
        passwords_guard_every_command,
        counting_loses_nothing,
        conditional_writers_are_atomic,
        commands_newer_than_the_reference_work,
        keys_expire_in_real_time,
        silenced_connections_stay_in_step,
        a_full_cache_refuses_and_goes_on,
        a_scan_sees_what_stays_while_others_write,
        monitoring_tools_get_their_answers,
        a_reply_too_large_for_its_client_is_an_error,
        shutdown_ends_the_server,
    ]))

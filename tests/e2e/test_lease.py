# SPDX-License-Identifier: BSD-2-Clause
"""Loading once over the wire: who wins, who waits parked on the server, how they are released, what
makes a lease worthless, and what becomes of clients that go away meanwhile."""
import socket
import threading
import time

from attl_server import Error, Server, encode, run

CROWD = 200


def is_lost(reply):
    return isinstance(reply, Error) and b"LEASELOST" in str(reply).encode()


def the_first_wins_and_fills():
    with Server() as server, server.connect() as a, server.connect() as b:
        word, token, old = a.command("ATTL.FETCH", "k")
        assert (word, old) == (b"win", None), (word, old)
        assert b.command("ATTL.FETCH", "k") == [b"wait"]
        assert a.command("ATTL.FILL", "k", token + 1, "x").__class__ is Error
        assert a.command("ATTL.FILL", "k", token, "v", "PX", 60000) == b"OK"
        assert b.command("ATTL.FETCH", "k") == [b"hit", b"v"]
        assert b.command("GET", "k") == b"v"
        assert 0 < b.command("PTTL", "k") <= 60000
        assert is_lost(a.command("ATTL.FILL", "k", token, "x"))


def an_older_value_is_served_and_kept():
    with Server() as server, server.connect() as a, server.connect() as b:
        token = a.command("ATTL.FETCH", "k")[1]
        assert a.command("ATTL.FILL", "k", token, "v", "PX", 50, "GRACE", 60000) == b"OK"
        time.sleep(0.06)
        assert a.command("GET", "k") is None
        word, token, old = a.command("ATTL.FETCH", "k")
        assert (word, old) == (b"win", b"v")
        assert b.command("ATTL.FETCH", "k") == [b"stale", b"v"]
        assert b.command("ATTL.FETCH", "k", "STALE", "NO") == [b"wait"]
        assert a.command("ATTL.KEEP", "k", token, "PX", 60000) == b"OK"
        assert b.command("ATTL.FETCH", "k") == [b"hit", b"v"]


def failures_and_negatives():
    with Server() as server, server.connect() as c:
        token = c.command("ATTL.FETCH", "k")[1]
        assert c.command("ATTL.FAIL", "k", token, "BACKOFF", 60000) == b"OK"
        word, meta = c.command("ATTL.FETCH", "k", "WITHMETA")
        assert word == b"wait"
        meta = dict(zip(meta[::2], meta[1::2]))
        assert 0 < meta[b"retry_ms"] <= 60000, meta
        token = c.command("ATTL.FETCH", "n")[1]
        assert c.command("ATTL.FAIL", "n", token, "NEG", 60000) == b"OK"
        assert c.command("ATTL.FETCH", "n") == [b"neg"]
        assert c.command("GET", "n") is None


def a_crowd_waits_and_is_released_together():
    with Server(threads=2) as server, server.connect() as winner:
        token = winner.command("ATTL.FETCH", "k")[1]
        crowd = [server.connect() for _ in range(CROWD)]
        for c in crowd:
            c.send(encode("ATTL.FETCH", "k", "WAIT", 30000) + encode("PING"))
        assert winner.command("PING") == b"PONG"  # nobody's worker is blocked
        time.sleep(0.1)
        assert winner.command("ATTL.FILL", "k", token, "x" * 100) == b"OK"
        for c in crowd:
            assert c.reply() == [b"hit", b"x" * 100]
            assert c.reply() == b"PONG"  # what came behind runs afterwards
            c.close()


def waiting_ends_in_time():
    with Server() as server, server.connect() as a, server.connect() as b:
        a.command("ATTL.FETCH", "k")
        start = time.monotonic()
        assert b.command("ATTL.FETCH", "k", "WAIT", 100) == [b"wait"]
        assert 0.09 < time.monotonic() - start < 5


def a_lease_that_ends_goes_to_who_waits():
    with Server() as server, server.connect() as a, server.connect() as b:
        first = a.command("ATTL.FETCH", "k", "LEASE", 100)[1]
        word, second, old = b.command("ATTL.FETCH", "k", "WAIT", 30000)
        assert word == b"win" and second > first and old is None
        assert is_lost(a.command("ATTL.FILL", "k", first, "late"))
        assert b.command("ATTL.FILL", "k", second, "v") == b"OK"
        assert a.command("GET", "k") == b"v"


def a_plain_write_wins():
    with Server() as server, server.connect() as a, server.connect() as b:
        for word in ("SET", "DEL", "FLUSHALL"):
            token = a.command("ATTL.FETCH", "k")[1]
            if word == "SET":
                b.command("SET", "k", "theirs")
            elif word == "DEL":
                b.command("SET", "k", "theirs")
                b.command("DEL", "k")
            else:
                b.command("FLUSHALL")
            assert is_lost(a.command("ATTL.FILL", "k", token, "ours"))
            assert a.command("GET", "k") == (b"theirs" if word == "SET" else None)
            a.command("DEL", "k")


def a_plain_write_releases_who_waits():
    with Server(threads=2) as server, server.connect() as a, server.connect() as writer:
        token = a.command("ATTL.FETCH", "k", "LEASE", 30000)[1]
        crowd = [server.connect() for _ in range(CROWD)]
        for c in crowd:
            c.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        time.sleep(0.1)
        start = time.monotonic()
        assert writer.command("SET", "k", "theirs") == b"OK"
        for c in crowd:
            assert c.reply() == [b"hit", b"theirs"]
            c.close()
        assert time.monotonic() - start < 5, "they waited for the end of the lease"
        assert is_lost(a.command("ATTL.FILL", "k", token, "ours"))


def a_delete_makes_the_first_who_waits_load():
    with Server() as server, server.connect() as a, server.connect() as b, server.connect() as c:
        a.command("ATTL.FETCH", "k", "LEASE", 30000)
        b.send(encode("ATTL.FETCH", "k", "WAIT", 20000))
        time.sleep(0.1)
        c.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        time.sleep(0.1)
        assert a.command("MULTI") == b"OK"
        a.command("DEL", "k")
        assert a.command("EXEC") == [0]
        word, token, _ = b.reply()
        assert word == b"win"
        assert b.command("ATTL.FILL", "k", token, "v") == b"OK"
        assert c.reply() == [b"hit", b"v"]


def who_goes_away_is_not_waited_for():
    with Server() as server, server.connect() as a, server.connect() as c:
        token = a.command("ATTL.FETCH", "k", "LEASE", 400)[1]
        b = server.connect()
        b.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        time.sleep(0.1)
        b.close()
        deadline = time.monotonic() + 5
        while int(a.command("INFO", "clients").decode().split("connected_clients:")[1].split()[0]) > 2:
            assert time.monotonic() < deadline, "the connection is still there"
            time.sleep(0.02)
        c.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        word, second, _ = c.reply()  # not to the one that has gone
        assert word == b"win" and second > token


def half_closed_clients_get_an_answer_at_once():
    with Server() as server, server.connect() as a, server.connect() as b:
        a.command("ATTL.FETCH", "k")
        b.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        time.sleep(0.1)
        b.socket.shutdown(socket.SHUT_WR)
        start = time.monotonic()
        assert b.reply() == [b"wait"]
        assert time.monotonic() - start < 5


def a_stop_answers_those_who_wait():
    server = Server()
    with server:
        a, b = server.connect(), server.connect()
        a.command("ATTL.FETCH", "k")
        b.send(encode("ATTL.FETCH", "k", "WAIT", 30000))
        time.sleep(0.1)
        a.send(encode("SHUTDOWN", "NOSAVE"))
        assert b.rest_until_close() in (b"*1\r\n$4\r\nwait\r\n", b"")


def arguments_are_checked():
    with Server() as server, server.connect() as c:
        for words in (("FETCH", "k", "LEASE"), ("FETCH", "k", "LEASE", "x"), ("FETCH", "k", "LEASE", -1),
                      ("FETCH", "k", "NONSENSE"), ("FETCH", "k", "WAIT", 1 << 60),
                      ("FILL", "k", "x", "v"), ("FILL", "k", 1, "v", "SOFT"),
                      ("FILL", "k", 1, "v", "EXAT", 5), ("FILL", "k", 1, "v", "JITTER", 101),
                      ("FAIL", "k", 1, "NEG", -5), ("FAIL", "k", 1, "WHY"), ("RENEW", "k", 1, "x"),
                      ("KEEP", "k", 1, "PX", 0)):
            reply = c.command("ATTL." + words[0], *words[1:])
            assert isinstance(reply, Error), (words, reply)
            assert not is_lost(reply), (words, reply)


def many_threads_load_each_key_once():
    """A stampede per key: every client gets the value, and each key is loaded once."""
    with Server(threads=2) as server:
        loads, lock, bad = {}, threading.Lock(), []

        def client():
            with server.connect() as c:
                for n in range(20):
                    key = f"key:{n}"
                    reply = c.command("ATTL.FETCH", key, "WAIT", 20000)
                    if reply[0] == b"win":
                        with lock:
                            loads[key] = loads.get(key, 0) + 1
                        time.sleep(0.002)
                        c.command("ATTL.FILL", key, reply[1], "value of " + key)
                    elif reply != [b"hit", b"value of " + key.encode()]:
                        bad.append(reply)

        threads = [threading.Thread(target=client) for _ in range(30)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not bad, bad[:3]
        assert loads == {f"key:{n}": 1 for n in range(20)}, loads


if __name__ == "__main__":
    raise SystemExit(run([
        the_first_wins_and_fills,
        an_older_value_is_served_and_kept,
        failures_and_negatives,
        a_crowd_waits_and_is_released_together,
        waiting_ends_in_time,
        a_lease_that_ends_goes_to_who_waits,
        a_plain_write_wins,
        a_plain_write_releases_who_waits,
        a_delete_makes_the_first_who_waits_load,
        who_goes_away_is_not_waited_for,
        half_closed_clients_get_an_answer_at_once,
        a_stop_answers_those_who_wait,
        arguments_are_checked,
        many_threads_load_each_key_once,
    ]))

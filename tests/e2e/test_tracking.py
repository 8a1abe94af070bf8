#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""CLIENT TRACKING with clients that keep what they have read until they are told that it has changed.

The hammer at the end is the promise itself: several such clients and several writers, and no cached
value that is older than an invalidation its client has received; and when the writers have stopped, no
cached value that is not the server's.
"""
import os
import random
import sys
import threading
import time

from attl_server import Push, Server, encode, run

SCALE = float(os.environ.get("ATTL_TEST_SCALE", "1"))
SEED = int(os.environ.get("ATTL_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def tracker(server, *words):
    c = server.connect()
    c.command("HELLO", 3)
    assert c.command("CLIENT", "TRACKING", "ON", *words) == b"OK"
    return c


def invalid(*keys):
    return [b"invalidate", [key.encode() for key in keys]]


def test_each_read_key_is_told_once():
    with Server(threads=2) as server, server.connect() as p, tracker(server) as c:
        p.command("MSET", "a", 1, "b", 2)
        assert c.ask("MGET", "a", "b", "missing") == [b"1", b"2", None]
        assert p.command("SET", "other", 1) == b"OK"
        p.command("SET", "a", 3)
        assert c.push() == invalid("a")
        p.command("SET", "a", 4)
        assert c.no_push()
        p.command("SET", "missing", 1)
        assert c.push() == invalid("missing")
        assert c.ask("GET", "a") == b"4"
        p.command("DEL", "a", "b")
        assert sorted([c.push()[1][0], c.push()[1][0]]) == [b"a", b"b"]


def test_all_ways_to_change_are_told():
    with Server(threads=2) as server, server.connect() as p, tracker(server) as c:
        for change in ("SET k 1", "SETRANGE k 0 7", "APPEND k 1", "INCR k", "EXPIRE k 100", "PERSIST k",
                       "GETEX k PX 100000", "RENAME k l", "COPY l k", "DEL k", "MSET k 1", "GETSET k 2",
                       "SET k 3 PX 20", "SETNX k 9", "GETDEL k", "MSETNX k 1", "UNLINK k"):
            c.ask("GET", "k")
            if change.startswith("SETNX"):
                assert c.push() == invalid("k"), "its life had ended"
                c.ask("GET", "k")
            p.command(*change.split())
            assert c.push() == invalid("k"), change
            assert c.no_push(), change


def test_an_evicted_key_is_told():
    with Server(threads=2, maxmemory="8mb") as server, server.connect() as p, tracker(server) as c:
        for i in range(100):
            p.command("SET", f"k{i}", "v")
            c.ask("GET", f"k{i}")
        for i in range(4000):
            p.command("SET", f"filler{i}", "x" * 4000)
        gone = [i for i in range(100) if p.command("EXISTS", f"k{i}") == 0]
        assert gone
        told = {c.push()[1][0] for _ in gone}
        assert told == {b"k%d" % i for i in gone}
        assert c.no_push()


def test_flushall_is_one_null():
    with Server(threads=2) as server, server.connect() as p, tracker(server) as c, \
            tracker(server, "BCAST") as d:
        p.command("SET", "a", 1)
        assert d.push() == invalid("a")
        c.ask("MGET", "a", "b", "c")
        for flush in ("FLUSHALL", "FLUSHDB"):
            p.command(flush)
            assert c.push() == [b"invalidate", None]
            assert d.push() == [b"invalidate", None]
            assert c.no_push() and d.no_push()
        assert server.info("stats")["tracking_total_keys"] == "0"


def test_optin_and_optout_follow_client_caching():
    with Server(threads=2) as server, server.connect() as p:
        with tracker(server, "OPTIN") as c:
            c.ask("GET", "no")
            assert c.ask("CLIENT", "CACHING", "YES") == b"OK"
            c.ask("MGET", "yes", "too")
            c.ask("GET", "again")
            p.command("MSET", "no", 1, "yes", 1, "too", 1, "again", 1)
            assert [c.push(), c.push()] == [invalid("yes"), invalid("too")]
            assert c.no_push()
        with tracker(server, "OPTOUT") as c:
            assert c.ask("CLIENT", "CACHING", "NO") == b"OK"
            c.ask("GET", "no")
            c.ask("GET", "yes")
            p.command("MSET", "no", 1, "yes", 1)
            assert c.push() == invalid("yes")
            assert c.no_push()


def test_caching_holds_for_a_transaction():
    with Server(threads=2) as server, server.connect() as p, tracker(server, "OPTIN") as c:
        assert c.ask("CLIENT", "CACHING", "YES") == b"OK"
        assert c.ask("MULTI") == b"OK"
        for key in ("a", "b"):
            assert c.ask("GET", key) == b"QUEUED"
        assert c.ask("EXEC") == [None, None]
        assert c.ask("GET", "c") is None
        p.command("MSET", "a", 1, "b", 1, "c", 1)
        assert sorted([c.push(), c.push()]) == [invalid("a"), invalid("b")]
        assert c.no_push()
    with Server(threads=2) as server, server.connect() as p, tracker(server) as c:
        c.ask("MGET", "k", "l")
        p.send(encode("MULTI") + encode("SET", "k", 1) + encode("SET", "l", 2) + encode("EXEC"))
        assert [p.reply() for _ in range(4)][-1] == [b"OK", b"OK"]
        assert sorted([c.push(), c.push()]) == [invalid("k"), invalid("l")]
        c.ask("MULTI")
        c.ask("GET", "k")
        c.ask("SET", "k", 2)
        assert c.ask("EXEC") == [b"1", b"OK"]
        assert c.push() == invalid("k")


def test_noloop_leaves_out_own_changes():
    with Server(threads=2) as server, server.connect() as p:
        for words in ((), ("BCAST", "PREFIX", "k")):
            with tracker(server, "NOLOOP", *words) as c:
                c.ask("GET", "k")
                c.ask("SET", "k", 1)
                assert c.no_push()
                c.ask("GET", "k")
                p.command("SET", "k", 2)
                assert c.push() == invalid("k")
        with tracker(server) as c:
            c.ask("GET", "k")
            c.ask("SET", "k", 1)
            assert c.push() == invalid("k")


def test_prefixes_are_broadcast_together():
    with Server(threads=2) as server, server.connect() as p, \
            tracker(server, "BCAST", "PREFIX", "u:", "PREFIX", "v:") as c, tracker(server, "BCAST") as d:
        p.send(b"".join(encode("SET", key, 1) for key in ("u:1", "w:1", "v:1", "u:1")))
        assert [p.reply() for _ in range(4)] == [b"OK"] * 4
        got = []
        while len(got) < 3:
            got += c.push()[1]
        assert got == [b"u:1", b"v:1", b"u:1"]
        got = []
        while len(got) < 4:
            got += d.push()[1]
        assert got == [b"u:1", b"w:1", b"v:1", b"u:1"]
        assert b"overlaps with an existing prefix" in c.ask("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "u:x")
        assert c.ask("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "z:") == b"OK"
        assert c.ask("CLIENT", "TRACKINGINFO")[b"prefixes"] == [b"u:", b"v:", b"z:"]
        assert server.info("stats")["tracking_total_prefixes"] == "4"
        c.ask("CLIENT", "TRACKING", "OFF")
        p.command("SET", "u:2", 1)
        assert c.no_push()
        assert d.push() == invalid("u:2")
        assert server.info("stats")["tracking_total_prefixes"] == "1"


def test_redirection_reaches_a_listener_of_either_protocol():
    with Server(threads=3) as server, server.connect() as p, server.connect() as two, \
            server.connect() as three:
        three.command("HELLO", 3)
        ids = two.command("CLIENT", "ID"), three.command("CLIENT", "ID")
        two.command("SUBSCRIBE", "__redis__:invalidate")
        with tracker(server, "REDIRECT", ids[0]) as c, tracker(server, "REDIRECT", ids[1]) as d, \
                tracker(server, "REDIRECT", ids[0], "BCAST", "PREFIX", "b") as e:
            assert c.ask("CLIENT", "GETREDIR") == ids[0]
            c.ask("GET", "k")
            d.ask("GET", "k")
            p.command("SET", "k", 1)
            assert two.reply() == [b"message", b"__redis__:invalidate", [b"k"]]
            assert three.push() == invalid("k")
            p.command("SET", "b1", 1)
            assert two.reply() == [b"message", b"__redis__:invalidate", [b"b1"]]
            p.command("FLUSHALL")
            two.send(encode("PING") * 2)
            replies = [two.reply(), two.reply()]
            # The worker of `two` may answer PING before it hears of the flush.
            while replies.count([b"pong", b""]) < 2 or len(replies) < 3:
                replies.append(two.reply())
            # Two clients redirect to it; what has not been sent yet is said once for both.
            replies = [reply for reply in replies if reply != [b"pong", b""]]
            assert 1 <= len(replies) <= 2
            assert all(reply == [b"message", b"__redis__:invalidate", None] for reply in replies)
            assert three.push() == [b"invalidate", None]
            assert c.no_push() and d.no_push() and e.no_push()


def test_a_broken_redirection_is_told():
    with Server(threads=2) as server, server.connect() as p, server.connect() as target:
        target_id = target.command("CLIENT", "ID")
        with tracker(server, "REDIRECT", target_id) as c:
            c.ask("GET", "k")
            target.close()
            deadline = time.monotonic() + 10
            while b"id=%d " % target_id in p.command("CLIENT", "LIST") and time.monotonic() < deadline:
                time.sleep(0.01)
            p.command("SET", "k", 1)
            assert c.push() == [b"tracking-redir-broken", target_id]
            assert b"broken_redirect" in c.ask("CLIENT", "TRACKINGINFO")[b"flags"]
            line = next(l for l in p.command("CLIENT", "LIST").split(b"\n") if b"flags=tR" in l)
            assert b"redir=%d" % target_id in line


def test_the_table_is_bounded_and_what_leaves_is_told():
    with Server(threads=2, args=["--tracking-table-max-keys=10"]) as server, tracker(server) as c, \
            server.connect() as p:
        for i in range(50):
            c.ask("GET", f"k{i}")
        told = {c.push()[1][0] for _ in range(40)}
        assert len(told) == 40 and c.no_push()
        assert server.info("stats")["tracking_total_keys"] == "10"
        for i in range(50):
            p.command("SET", f"k{i}", 1)
        rest = {c.push()[1][0] for _ in range(10)}
        assert not rest & told and len(rest | told) == 50
        assert p.command("CONFIG", "SET", "tracking-table-max-keys", "0") == b"OK"


def test_a_reader_that_does_not_read_is_told_to_forget_all():
    with Server(threads=2, args=["--tracking.pending_limit=64KiB"]) as server, server.connect() as p, \
            tracker(server, "BCAST") as c:
        key, changes = "k" * 1000, 20000
        for _ in range(changes // 500):
            p.send(encode("SET", key, 1) * 500)
            assert [p.reply() for _ in range(500)] == [b"OK"] * 500
        pushes = 0
        while True:
            push = c.push()
            pushes += 1
            if push[1] is None:
                break
        assert pushes < changes / 2, "they were all kept"
        for _ in range(5):
            c.ask("PING")
        assert c.pushes.count([b"invalidate", None]) < changes / 100, "one word is enough"
        c.pushes.clear()
        p.command("SET", "last", 1)
        assert c.push() == invalid("last")
        assert server.info("stats")["client_output_buffer_limit_disconnections"] == "0"


def test_clients_are_listed_with_what_they_track():
    with Server(threads=2) as server, server.connect() as p, tracker(server) as c, \
            tracker(server, "BCAST", "PREFIX", "a", "PREFIX", "b"):
        c.ask("MGET", "x", "y")
        lines = p.command("CLIENT", "LIST").decode()
        assert " flags=t " in lines and " flags=tB " in lines
        stats = server.info("stats")
        assert stats["tracking_total_keys"] == "2" and stats["tracking_total_items"] == "2"
        assert server.info("clients")["tracking_clients"] == "2"


# ---- the hammer ----

KEYS = 40


class Cache(threading.Thread):
    """A client with a local cache. Values are numbers that only grow, key by key."""

    def __init__(self, server, seed, stop, *mode):
        super().__init__()
        self.c = tracker(server, *mode)
        self.random = random.Random(seed)
        self.stop = stop
        self.local = {}
        self.hits = self.told = 0
        self.problem = None

    def hear(self, push):
        """An invalidation: what is cached of its keys is void."""
        assert push[0] == b"invalidate", push
        self.told += 1
        if push[1] is None:
            self.local.clear()
        else:
            for key in push[1]:
                self.local.pop(key, None)

    def read(self, keys):
        """Replies and invalidations in the order in which they come; that is what makes it right."""
        self.c.send(b"".join(encode("GET", key) for key in keys))
        for key in keys:
            reply = self.c.reply()
            while isinstance(reply, Push):
                self.hear(reply)
                reply = self.c.reply()
            self.local[key] = reply

    def run(self):
        try:
            while not self.stop.is_set():
                keys = [b"k%d" % self.random.randrange(KEYS) for _ in range(self.random.randrange(1, 8))]
                self.hits += sum(key in self.local for key in keys)
                self.read([key for key in keys if key not in self.local] or keys[:1])
        except Exception as e:  # pylint: disable=broad-except
            self.problem = e

    def settle(self):
        """Hears what is still under way."""
        for _ in range(2):
            self.c.send(encode("PING"))
            reply = self.c.reply()
            while isinstance(reply, Push):
                self.hear(reply)
                reply = self.c.reply()


def write(server, seed, rounds, problems):
    rng = random.Random(seed)
    try:
        with server.connect() as c:
            for i in range(rounds):
                key = b"k%d" % rng.randrange(KEYS)
                choice = rng.random()
                if choice < 0.6:
                    request = [encode("INCR", key)]
                elif choice < 0.75:
                    request = [encode("SET", key, rng.randrange(1 << 30), "PX", rng.randrange(1, 60))]
                elif choice < 0.9:
                    request = [encode("DEL", key), encode("SET", key, i)]
                elif choice < 0.998:
                    request = [encode("MSET", key, i, b"k%d" % rng.randrange(KEYS), -i)]
                else:
                    request = [encode("FLUSHALL")]
                c.send(b"".join(request))
                for _ in request:
                    c.reply()
    except Exception as e:  # pylint: disable=broad-except
        problems.append(e)


def hammer(rounds, *options):
    print(f"  seed {SEED}", flush=True)
    with Server(threads=3, args=options) as server:
        stop, problems = threading.Event(), []
        modes = ((), (), ("NOLOOP",), ("BCAST",))
        caches = [Cache(server, SEED + i, stop, *mode) for i, mode in enumerate(modes)]
        writers = [threading.Thread(target=write, args=(server, SEED + 100 + i, rounds, problems))
                   for i in range(3)]
        for thread in caches + writers:
            thread.start()
        for writer in writers:
            writer.join()
        time.sleep(0.1)
        stop.set()
        for cache in caches:
            cache.join()
        assert not problems, problems
        # Lives that ended are told within a second; until then a cached value may be one too many.
        deadline = time.monotonic() + 10
        while True:
            with server.connect() as p:
                truth = {b"k%d" % i: p.command("GET", b"k%d" % i) for i in range(KEYS)}
            wrong = {}
            for i, cache in enumerate(caches):
                assert cache.problem is None, repr(cache.problem)
                cache.settle()
                wrong.update({(i, key): (value, truth[key]) for key, value in cache.local.items()
                              if value != truth[key]})
            if not wrong or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert not wrong, wrong
        for cache in caches:
            print(f"  {cache.hits} hits, {cache.told} invalidations, {len(cache.local)} cached at the end")
            assert cache.told > 0
            cache.c.close()


def test_local_caches_equal_the_server_when_it_is_quiet():
    hammer(int(4000 * SCALE) + 200)


def test_the_same_with_a_small_table_and_small_limits():
    hammer(int(2000 * SCALE) + 200, "--tracking.table_max_keys=8", "--tracking.pending_limit=4KiB")


def test_no_cached_value_is_older_than_its_invalidation():
    """One counter: a reader that was told to forget n must not read less than n afterwards."""
    with Server(threads=2) as server, server.connect() as p:
        c = tracker(server)
        last = 0
        for i in range(int(1500 * SCALE) + 100):
            c.send(encode("GET", "n"))
            p.send(encode("SET", "n", i + 1))
            replies = []
            while len(replies) < 1:
                reply = c.reply()
                if isinstance(reply, Push):
                    c.pushes.append(reply)
                else:
                    replies.append(int(reply or 0))
            assert p.reply() == b"OK"
            assert replies[0] in (i, i + 1) and replies[0] >= last, (replies, i)
            last = replies[0]
            if replies[0] == i:  # read before the change: it must be told, behind the reply
                assert c.push() == invalid("n")
            elif c.pushes:  # told of the reading before this one
                c.pushes.clear()
        c.close()


if __name__ == "__main__":
    sys.exit(run([function for name, function in list(globals().items()) if name.startswith("test_")]))

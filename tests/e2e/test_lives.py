# SPDX-License-Identifier: BSD-2-Clause
"""Lives over the wire: what ATTL.FILL, ATTL.KEEP and ATTL.FAIL make of the policy of a key's namespace,
and what ATTL.FETCH and plain clients see while an entry is fresh, stale, negative and gone. Times are
real, so each step leaves a wide margin."""
import os
import sys
import tempfile
import time

from attl_server import Error, Server, run

POLICY = """
[namespace."price:"]
ttl_default = "400ms"
soft = "50%"
grace = "60s"
negative_ttl = "400ms"
[namespace."page:"]
ttl_default = "200ms"
grace = "60s"
serve_stale = true
[namespace."must:"]
ttl_required = true
ttl_max = "1h"
[namespace."few:"]
max_entries = 20
[namespace."full:"]
max_entries = 1
eviction = "none"
"""


def stats(c, prefix):
    reply = c.command("ATTL.NS", "STATS", prefix)
    return dict(zip(reply[::2], reply[1::2]))


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it has not come about in time"
        time.sleep(0.02)


def with_policy(test):
    """Runs `test(a, b)` with two connections to a server of that policy."""
    def wrapped():
        with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
            path = os.path.join(folder, "settings.toml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(POLICY)
            with Server(config=path) as server, server.connect() as a, server.connect() as b:
                wait_for(lambda: stats(a, "few:")[b"counted"] == b"exact")
                test(a, b)
    wrapped.__name__ = test.__name__
    return wrapped


def win(c, key):
    word, token, _ = c.command("ATTL.FETCH", key)
    assert word == b"win", word
    return token


def meta(c, key):
    reply = c.command("ATTL.FETCH", key, "WITHMETA")[-1]
    return dict(zip(reply[::2], reply[1::2]))


def sleep_past(start, seconds):
    time.sleep(max(0.0, start + seconds - time.monotonic()))


@with_policy
def a_filled_value_becomes_stale_and_is_kept(a, b):
    start = time.monotonic()
    assert a.command("ATTL.FILL", "price:1", win(a, "price:1"), "v") == b"OK"
    m = meta(b, "price:1")
    assert m[b"fresh_ms"] <= 200 and 200 < m[b"ttl_ms"] <= 400, m
    sleep_past(start, 0.21)  # past its soft life
    word, token, old = a.command("ATTL.FETCH", "price:1", "LEASE", 30000)
    assert (word, old) == (b"win", b"v"), (word, old)
    assert b.command("ATTL.FETCH", "price:1") == [b"stale", b"v"]
    sleep_past(start, 0.42)  # past its hard one
    assert b.command("GET", "price:1") is None
    assert b.command("ATTL.FETCH", "price:1") == [b"stale", b"v"]
    assert b.command("ATTL.FETCH", "price:1", "STALE", "NO") == [b"wait"]
    assert a.command("ATTL.KEEP", "price:1", token, "PX", 60000) == b"OK"
    assert b.command("ATTL.FETCH", "price:1") == [b"hit", b"v"]
    m = meta(b, "price:1")
    assert 25000 < m[b"fresh_ms"] <= 30000 and 55000 < m[b"ttl_ms"] <= 60000, m


@with_policy
def a_plain_set_is_stale_by_the_same_policy(a, b):
    start = time.monotonic()
    a.command("SET", "page:1", "v")
    assert b.command("PTTL", "page:1") <= 200
    sleep_past(start, 0.22)
    assert b.command("GET", "page:1") == b"v"  # serve_stale
    assert b.command("EXISTS", "page:1") == 0
    word, token, old = a.command("ATTL.FETCH", "page:1")
    assert (word, old) == (b"win", b"v")
    assert b.command("ATTL.FETCH", "page:1") == [b"stale", b"v"]
    assert a.command("ATTL.FAIL", "page:1", token, "BACKOFF", 60000) == b"OK"
    assert b.command("ATTL.FETCH", "page:1") == [b"stale", b"v"]  # fail-safe
    assert b.command("GET", "page:1") == b"v"


@with_policy
def negatives_end_when_the_namespace_says(a, b):
    start = time.monotonic()
    assert a.command("ATTL.FAIL", "price:no", win(a, "price:no"), "NEG") == b"OK"
    assert b.command("ATTL.FETCH", "price:no") == [b"neg"]
    assert b.command("GET", "price:no") is None
    assert b.command("DBSIZE") == 0 or b.command("EXISTS", "price:no") == 0
    sleep_past(start, 0.42)
    assert b.command("ATTL.FETCH", "price:no")[0] == b"win"
    assert a.command("ATTL.FAIL", "other", win(a, "other"), "NEG") == b"OK"
    assert b.command("ATTL.FETCH", "other")[0] == b"win"  # nobody keeps it
    assert a.command("ATTL.FAIL", "price:x", win(a, "price:x"), "NEG", 60000) == b"OK"
    assert meta(b, "price:x")[b"ttl_ms"] > 50000
    assert a.command("SET", "price:x", "v") == b"OK"
    assert b.command("ATTL.FETCH", "price:x") == [b"hit", b"v"]


@with_policy
def what_the_policy_refuses_keeps_the_lease(a, b):
    token = win(a, "must:1")
    assert isinstance(a.command("ATTL.FILL", "must:1", token, "v"), Error)
    assert b.command("ATTL.FETCH", "must:1") == [b"wait"]
    assert a.command("ATTL.FILL", "must:1", token, "v", "EX", 7200) == b"OK"
    assert 3590 <= b.command("TTL", "must:1") <= 3600
    a.command("SET", "full:1", "v")
    token = win(a, "full:2")
    refused = a.command("ATTL.FILL", "full:2", token, "v")
    assert isinstance(refused, Error) and "OOM" in str(refused), refused
    a.command("DEL", "full:1")
    assert a.command("ATTL.FILL", "full:2", token, "v") == b"OK"


@with_policy
def fills_evict_within_their_namespace(a, b):
    for i in range(100):
        a.command("ATTL.FILL", f"few:{i}", win(a, f"few:{i}"), "v")
        a.command("ATTL.FILL", f"many:{i}", win(a, f"many:{i}"), "v")
    st = stats(b, "few:")
    assert st[b"entries"] <= 20 and st[b"evicted"] >= 80, st
    assert sum(b.command("EXISTS", f"many:{i}") for i in range(100)) == 100
    assert b.command("GET", "few:99") == b"v"


if __name__ == "__main__":
    sys.exit(run([a_filled_value_becomes_stale_and_is_kept, a_plain_set_is_stale_by_the_same_policy,
                  negatives_end_when_the_namespace_says, what_the_policy_refuses_keeps_the_lease,
                  fills_evict_within_their_namespace]))

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Publish and subscribe, and keyspace notifications, over real connections of several workers.

Where redis-server is installed the same conversations are held with both and the bytes compared.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from attl_server import Client, Error, Server, encode, free_port, run

SLOW = float(os.environ.get("ATTL_TEST_SCALE", "1"))


def subscriber(server, *channels, proto=2, pattern=False):
    c = server.connect()
    if proto == 3:
        c.command("HELLO", 3)
    for i, channel in enumerate(channels):
        verb = "PSUBSCRIBE" if pattern else "SUBSCRIBE"
        assert c.command(verb, channel) == [verb.lower().encode(), channel.encode(), i + 1]
    return c


def test_messages_reach_all_who_want_them_on_any_worker():
    with Server(threads=3) as server:
        direct = [subscriber(server, "news", proto=2 + i % 2) for i in range(6)]
        pattern = subscriber(server, "n*s", pattern=True)
        other = subscriber(server, "olds")
        with server.connect() as p:
            assert p.command("PUBLISH", "news", "one") == 7
            assert p.command("PUBLISH", "nobody", "hears") == 0
            assert p.command("PUBLISH", "olds", "\x00\r\n") == 1
        for c in direct:
            assert c.reply() == [b"message", b"news", b"one"]
        assert pattern.reply() == [b"pmessage", b"n*s", b"news", b"one"]
        assert other.reply() == [b"message", b"olds", b"\x00\r\n"]
        assert all(c.no_push() for c in direct + [pattern, other] if c in direct[1::2])
        for c in direct + [pattern, other]:
            c.close()


def test_messages_of_one_publisher_keep_their_order():
    with Server(threads=2) as server:
        count = int(5000 * SLOW) + 100
        subs = [subscriber(server, "c") for _ in range(4)]
        with server.connect() as p:
            p.send(b"".join(encode("PUBLISH", "c", i) for i in range(count)))
            assert all(p.reply() == 4 for _ in range(count))
        for c in subs:
            for i in range(count):
                assert c.reply() == [b"message", b"c", str(i).encode()]
            c.close()


def test_nothing_comes_behind_the_answer_to_unsubscribe():
    with Server(threads=2) as server, server.connect() as p:
        c = subscriber(server, "c", proto=3)
        for i in range(200):
            p.send(encode("PUBLISH", "c", i) * 3)
            c.send(encode("UNSUBSCRIBE", "c"))
            while True:
                push = c.reply()
                if push[0] == b"unsubscribe":
                    break
                assert push == [b"message", b"c", str(i).encode()], push
            assert [p.reply() for _ in range(3)][-1] in (0, 1)
            assert c.no_push(), c.pushes
            assert c.command("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
        c.close()


def test_a_closed_or_reset_connection_is_not_subscribed():
    with Server(threads=2) as server, server.connect() as p:
        a, b = subscriber(server, "x", "y"), subscriber(server, "x", proto=3)
        assert p.command("PUBSUB", "NUMSUB", "x", "y") == [b"x", 2, b"y", 1]
        assert b.ask("RESET") == b"RESET"
        a.close()
        deadline = time.monotonic() + 10
        while p.command("PUBSUB", "CHANNELS") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert p.command("PUBSUB", "CHANNELS") == []
        assert p.command("PUBLISH", "x", "m") == 0
        assert b.command("GET", "x") is None
        b.close()


def test_subscribers_are_a_type_of_client():
    with Server(threads=2) as server, server.connect() as p:
        c = subscriber(server, "c")
        pubsub, normal = p.command("CLIENT", "LIST", "TYPE", "pubsub"), p.command("CLIENT", "LIST", "TYPE", "normal")
        assert pubsub.count(b"\n") == 1 and b" flags=P " in pubsub and b" sub=1 " in pubsub
        assert b" flags=N " in normal and b" flags=P " not in normal
        assert p.command("CLIENT", "LIST", "TYPE", "replica") == b""
        assert p.command("CLIENT", "KILL", "TYPE", "pubsub") == 1
        assert c.rest_until_close() == b""
        assert p.command("CLIENT", "KILL", "TYPE", "replica", "SKIPME", "no") == 0
        c.close()


def test_shard_channels_are_names_of_their_own():
    with Server() as server, server.connect() as p, server.connect() as c:
        assert c.command("SSUBSCRIBE", "c") == [b"ssubscribe", b"c", 1]
        assert c.command("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
        assert p.command("SPUBLISH", "c", "shard") == 1
        assert p.command("PUBLISH", "c", "plain") == 1
        assert c.reply() == [b"smessage", b"c", b"shard"]
        assert c.reply() == [b"message", b"c", b"plain"]
        assert p.command("PUBSUB", "SHARDNUMSUB", "c") == [b"c", 1]
        assert p.command("PUBSUB", "SHARDCHANNELS") == [b"c"]
        assert c.command("SUNSUBSCRIBE") == [b"sunsubscribe", b"c", 0]


def test_a_subscriber_that_does_not_read_is_cut_and_nobody_waits():
    with Server(threads=2, args=["--pubsub.buffer_limit=1MiB"]) as server, server.connect() as p:
        slow = subscriber(server, "c")
        quick = subscriber(server, "c")
        payload = b"x" * 100000
        received = 0
        for _ in range(400):
            n = p.command("PUBLISH", "c", payload)
            assert quick.reply() == [b"message", b"c", payload]
            received += 1
            if n == 1:
                break
        assert n == 1, "the slow one is still there"
        assert slow.rest_until_close().count(b"message") < received
        assert server.info("stats")["client_output_buffer_limit_disconnections"] != "0"
        quick.close()


def test_an_idle_subscriber_is_not_timed_out():
    with Server(timeout=1) as server:
        c = subscriber(server, "c")
        with server.connect() as other:
            time.sleep(3.2)
            assert other.rest_until_close() == b""
        with server.connect() as p:
            assert p.command("PUBLISH", "c", "m") == 1
        assert c.reply() == [b"message", b"c", b"m"]
        c.close()


# ---- keyspace notifications ----


def events(server, flags, *requests, wait=0):
    """What is published of the requests, in order."""
    with server.connect() as p, server.connect() as c:
        p.command("FLUSHALL")
        assert p.command("CONFIG", "SET", "notify-keyspace-events", flags) == b"OK"
        c.command("PSUBSCRIBE", "__key*@0__:*")
        for request in requests:
            reply = p.command(*request.split())
            assert not isinstance(reply, Error), reply
        time.sleep(wait)
        # Events pass through the first worker, and so does what is published behind them.
        for _ in range(3):
            p.command("PUBLISH", "none", "x")
            time.sleep(0.05)
        c.send(encode("PING"))
        got = []
        while True:
            message = c.reply()
            if message[0] == b"pong":
                return got
            got.append((message[2].decode(), message[3].decode()))


def both(event, key):
    return [(f"__keyspace@0__:{key}", event), (f"__keyevent@0__:{event}", key)]


def test_changes_are_published_by_their_names():
    with Server(threads=2) as server:
        got = events(server, "KEA", "SET k v", "APPEND k w", "SETRANGE k 1 z", "EXPIRE k 100", "PERSIST k",
                     "GET k", "DEL k", "DEL k", "INCR n", "DECRBY n 3", "INCRBYFLOAT n 1.5", "SETEX t 100 v",
                     "GETDEL t", "GETEX n EX 100", "EXPIRE n -1")
        want = []
        for event, key in (("set", "k"), ("append", "k"), ("setrange", "k"), ("expire", "k"), ("persist", "k"),
                           ("del", "k"), ("incrby", "n"), ("incrby", "n"), ("incrbyfloat", "n"), ("set", "t"),
                           ("expire", "t"), ("del", "t"), ("expire", "n"), ("del", "n")):
            want += both(event, key)
        assert got == want, got


def test_new_keys_and_moved_ones():
    with Server(threads=2) as server:
        got = events(server, "Egn", "SET a 1", "SET a 2", "SETEX b 100 1", "RENAME a b", "COPY b c", "COPY b c REPLACE",
                     "MSET b 1 d 1", "INCR n", "INCR n", "DEL a", "APPEND e x")
        assert [(channel.split(":")[1], key) for channel, key in got] == [
            ("new", "a"), ("new", "b"), ("expire", "b"), ("rename_from", "a"), ("new", "b"), ("rename_to", "b"),
            ("new", "c"), ("copy_to", "c"), ("new", "c"), ("copy_to", "c"), ("new", "d"), ("new", "n"),
            ("new", "e")], got
        got = events(server, "EA", "SET a 1", "RENAME a b")
        assert [channel.split(":")[1] for channel, _ in got] == ["set", "rename_from", "rename_to"], got
        got = events(server, "EAn", "SET a 1")
        assert [channel.split(":")[1] for channel, _ in got] == ["new", "set"], got


def test_one_event_per_death():
    with Server(threads=2) as server:
        got = events(server, "Ex", "SET k v PX 50", "SET l v PX 60", "SET m v", wait=3)
        assert sorted(got) == [("__keyevent@0__:expired", "k"), ("__keyevent@0__:expired", "l")], got
        with server.connect() as p:
            p.command("CONFIG", "SET", "maxmemory", "8mb")
        got = events(server, "Ee", *(f"SET key{i} {'v' * 4000}" for i in range(4000)))
        assert got and all(channel == "__keyevent@0__:evicted" for channel, _ in got)
        assert len(got) == len(set(got)) == int(server.info("stats")["evicted_keys"])


def test_flags_choose_what_is_published():
    with Server() as server, server.connect() as c:
        requests = ("SET k v", "EXPIRE k 100", "DEL k")
        assert events(server, "", *requests) == []
        assert events(server, "A", *requests) == []
        assert events(server, "K", *requests) == []
        assert events(server, "K$", *requests) == [("__keyspace@0__:k", "set")]
        assert events(server, "Eg", *requests) == [("__keyevent@0__:expire", "k"), ("__keyevent@0__:del", "k")]
        for flags, shown in (("KEA", b"AKE"), ("gEK$", b"g$KE"), ("", b""), ("lshzxetdg$m", b"Am"), ("nE", b"nE")):
            assert c.command("CONFIG", "SET", "notify-keyspace-events", flags) == b"OK"
            assert c.command("CONFIG", "GET", "notify-keyspace-events")[1] == shown
        error = c.command("CONFIG", "SET", "notify-keyspace-events", "KEq")
        assert b"Invalid event class character. Use 'Ag$lshzxeKEtmdn'." in error, error


# ---- the same as Redis ----

# (connection, request): "3" speaks RESP3.
CONVERSATION = """
    2 SUBSCRIBE a b|2 SUBSCRIBE a|2 GET k|2 PING|2 PING hi|2 PING a b|2 PSUBSCRIBE a* {e}|2 PUBLISH a m|2 HELLO 3
    p PUBLISH a 1|p PUBLISH b 2|p PUBLISH c 3|p PUBSUB NUMPAT|p PUBSUB NUMSUB a b c|p PUBSUB NUMSUB
    p PUBSUB CHANNELS x*|p PUBSUB CHANNELS a b|p PUBSUB NUMPAT x|p PUBSUB FOO|p PUBSUB|p PUBLISH a|p PUBLISH
    2 UNSUBSCRIBE zzz|2 UNSUBSCRIBE a|2 UNSUBSCRIBE|2 UNSUBSCRIBE|2 PUNSUBSCRIBE a*|p PUBLISH ax 4
    2 PUNSUBSCRIBE|2 PUNSUBSCRIBE|2 GET k|2 SUBSCRIBE|2 PSUBSCRIBE|2 SSUBSCRIBE s|2 SUNSUBSCRIBE|2 SUNSUBSCRIBE x
    2 SUBSCRIBE q|2 RESET|2 GET k|p PUBLISH q 5
    3 SUBSCRIBE a|3 GET k|3 PING|3 PING hi|3 PSUBSCRIBE [ab]|p PUBLISH a 6|p PUBLISH b 7|3 UNSUBSCRIBE x
    3 CLIENT REPLY OFF|3 SUBSCRIBE c|p PUBLISH c 8|3 UNSUBSCRIBE c|3 CLIENT REPLY ON|3 PUNSUBSCRIBE|3 UNSUBSCRIBE
    3 UNSUBSCRIBE|3 SSUBSCRIBE a|p SPUBLISH a 9|p PUBLISH a 10|p PUBSUB SHARDNUMSUB a|3 SUNSUBSCRIBE|p SPUBLISH a 11
    3 CLIENT TRACKING|3 CLIENT TRACKING x|3 CLIENT TRACKING ON x|3 CLIENT TRACKING ON PREFIX a
    3 CLIENT TRACKING ON BCAST OPTIN|3 CLIENT TRACKING ON OPTIN OPTOUT|3 CLIENT TRACKING ON REDIRECT 99999
    3 CLIENT TRACKING ON REDIRECT x|3 CLIENT TRACKING ON BCAST PREFIX ab PREFIX a|3 CLIENT CACHING YES
    3 CLIENT GETREDIR|3 CLIENT TRACKINGINFO|3 CLIENT TRACKING ON OPTIN|3 CLIENT TRACKING ON OPTOUT
    3 CLIENT TRACKING ON BCAST|3 CLIENT CACHING NO|3 CLIENT CACHING x|3 CLIENT CACHING YES|3 CLIENT TRACKINGINFO
    3 GET k|p SET k 1|3 GET k|p SET k 2|3 CLIENT TRACKING OFF|3 CLIENT TRACKING OFF|3 CLIENT TRACKING ON
    3 GET k|p SET k 3|p SET k 4|3 MGET k l m|p DEL k l m|3 EXISTS l|p SET l 1|3 STRLEN l|p EXPIRE l 100
    3 TTL l|p PERSIST l|3 TYPE l|p RENAME l n|3 GET n|p INCR n|3 GET n|p APPEND n 1|3 GET n|p GETDEL n|3 GET n
    p SET n 1|3 SET own 1|3 GET own|3 SET own 2|3 GET own|p FLUSHALL|3 CLIENT TRACKING OFF
    3 CLIENT TRACKING ON BCAST PREFIX u: PREFIX v:|3 CLIENT TRACKING ON BCAST PREFIX u|3 CLIENT TRACKINGINFO
    p SET u:1 1|p SET w:1 1|p SET v:2 2|p DEL u:1|3 CLIENT TRACKING ON|3 CLIENT TRACKING OFF|3 CLIENT TRACKINGINFO
    3 CLIENT TRACKING ON NOLOOP|3 GET k|3 SET k 1|3 GET k|p SET k 2|3 CLIENT TRACKINGINFO|3 RESET|3 CLIENT TRACKINGINFO
"""


def connections_to(port):
    connections = {name: Client(("127.0.0.1", port)) for name in "23p"}
    connections["3"].command("HELLO", 3)
    return connections


def take(c, quiet_s):
    """What has arrived, once nothing more arrives for a while."""
    c.socket.settimeout(quiet_s)
    data = b""
    try:
        while True:
            more = c.socket.recv(1 << 16)
            if not more:
                break
            data += more
    except socket.timeout:
        pass
    return data


def converse(theirs, ours):
    """Holds the conversation with both; yields what differs after each request."""
    for line in "|".join(CONVERSATION.strip().splitlines()).split("|"):
        name, *words = line.split()
        request = encode(*(word.replace("{e}", "") for word in words))
        theirs[name].send(request)
        ours[name].send(request)
        want = {n: take(c, 0.01) for n, c in theirs.items()}
        got = dict.fromkeys(ours, b"")
        deadline = time.monotonic() + 2
        while True:  # ours may come later, but not for long
            got = {n: got[n] + take(c, 0.003) for n, c in ours.items()}
            if got == want or time.monotonic() > deadline:
                break
            want = {n: want[n] + take(c, 0.003) for n, c in theirs.items()}
        for n in want:
            if got[n] != want[n]:
                yield f"{line.strip()} at {n}:\n  redis {want[n]}\n  attld {got[n]}"


def test_conversations_are_those_of_redis():
    if not shutil.which("redis-server"):
        print("redis-server is not installed: not compared")
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Server(threads=2) as server:
        # pylint: disable=consider-using-with
        redis = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                  "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.05)
            wrong = list(converse(connections_to(port), connections_to(server.port)))
        finally:
            redis.terminate()
            redis.wait()
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(run([function for name, function in list(globals().items()) if name.startswith("test_")]))

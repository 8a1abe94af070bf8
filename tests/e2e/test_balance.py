#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The balancer of a running attld: an uneven load is named by ATTL.SHARDS, a dry run changes nothing,
ATTL.BALANCE NOW moves partitions and the imbalance falls, every key keeps its value; an even load moves
nothing; ATTL.HOTKEYS names the key that is asked for most. The load is uneven by what is asked for: reads
of keys that all lie in one shard, found by ATTL.HOTKEYS, as nothing else tells where a key lies."""
import sys
import time

from attl_server import Error, Server, encode, run, sanitized

KEYS = 4000
SHARDS = 4
BATCH = 500
ROUNDS = 60 if sanitized() else 300


def start(*more):
    return Server(threads=2, args=[f"--cache.num_shards={SHARDS}", "--balancer.interval=1s",
                                   "--balancer.imbalance_threshold=1.3", "--balancer.budget=256", *more])


def words(reply):
    """A map reply of protocol 2 as a dictionary."""
    return {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


def fill(client):
    for first in range(0, KEYS, BATCH):
        client.send(b"".join(encode("SET", f"key:{i}", f"value {i}") for i in range(first, first + BATCH)))
        for _ in range(BATCH):
            assert client.reply() == b"OK"


def read(client, keys, rounds=1):
    for _ in range(rounds):
        for first in range(0, len(keys), BATCH):
            part = keys[first:first + BATCH]
            client.send(b"".join(encode("GET", f"key:{i}") for i in part))
            for i in part:
                assert client.reply() == b"value %d" % i


def shards(client):
    return [words(s) for s in client.command("ATTL.SHARDS")]


def why(client):
    return words(client.command("ATTL.SHARDS", "WHY"))


def place_of(client, key):
    """Shard and partition of a key: made hot for a moment, it is named."""
    client.send(encode("GET", f"key:{key}") * 3000)
    for _ in range(3000):
        client.reply()
    for line in client.command("ATTL.HOTKEYS", "COUNT", "30"):
        hot = words(line)
        if hot["key"] == b"key:%d" % key:
            return int(hot["shard"]), int(hot["partition"])
    raise AssertionError(f"key:{key} is not named")


def uneven_keys(client):
    """Some keys of one shard, in several of its partitions."""
    found = {}
    for key in range(24):  # as many as are remembered, and some room
        shard, partition = place_of(client, key)
        found.setdefault(shard, {}).setdefault(partition, key)
    most = max(found.values(), key=len)
    assert len(most) >= 4, found
    return list(most.values())


def imbalance(client, keys, rounds):
    """As the balancer sees it after some looks at this load."""
    end = time.monotonic() + 3.5
    while time.monotonic() < end:
        read(client, keys * (BATCH // len(keys)), rounds // 20)
    return float(why(client)["imbalance"])


def test_an_uneven_load_is_balanced_when_asked():
    with start("--balancer.enabled=yes", "--balancer.interval=1h") as server, server.connect(60) as c:
        fill(c)
        keys = uneven_keys(c)
        time.sleep(1)
        read(c, keys * (BATCH // len(keys)), ROUNDS)
        before = {s["shard"]: s["partitions"] for s in shards(c)}
        assert len(before) == SHARDS and sum(s["keys"] for s in shards(c)) == KEYS
        plan = words(c.command("ATTL.BALANCE", "DRYRUN"))
        assert plan["dry_run"] == 1 and float(plan["imbalance"]) > 1.3, plan
        assert plan["moves"], plan
        assert {s["shard"]: s["partitions"] for s in shards(c)} == before, "a dry run moved something"
        read(c, keys * (BATCH // len(keys)), ROUNDS)
        done = words(c.command("ATTL.BALANCE", "NOW"))
        assert done["dry_run"] == 0 and done["by"] == b"request" and done["moves"], done
        assert float(done["expected"]) < float(done["imbalance"]), done
        told = why(c)
        assert told["partitions_moved"] == len(done["moves"]) and told["rebalances"] == 1, told
        after = {s["shard"]: s["partitions"] for s in shards(c)}
        assert after != before and sum(after.values()) == sum(before.values())
        read(c, keys * (BATCH // len(keys)), ROUNDS)
        again = words(c.command("ATTL.BALANCE", "DRYRUN"))
        assert float(again["imbalance"]) < float(done["imbalance"]) - 0.3, (done, again)
        read(c, list(range(KEYS)))  # nothing was lost on the way
        assert c.command("DBSIZE") == KEYS
        assert isinstance(c.command("ATTL.BALANCE", "PERHAPS"), Error)
        assert isinstance(c.command("ATTL.SHARDS", "WHY", "NOT"), Error)


def test_an_uneven_load_is_balanced_by_itself():
    with start() as server, server.connect(60) as c:
        fill(c)
        keys = uneven_keys(c)
        end = time.monotonic() + 30
        while why(c)["rebalances"] == 0:
            assert time.monotonic() < end, why(c)
            read(c, keys * (BATCH // len(keys)), 20)
        cycle = words(why(c)["cycles"][0])
        assert cycle["by"] == b"itself" and float(cycle["expected"]) < float(cycle["imbalance"]), cycle
        assert imbalance(c, keys, ROUNDS) < float(cycle["imbalance"])
        assert f"attl_moved_partitions:{why(c)['partitions_moved']}".encode() in c.command("INFO", "attl")


def test_an_even_load_moves_nothing():
    with start() as server, server.connect(60) as c:
        fill(c)
        keys = list(range(KEYS))
        end = time.monotonic() + (3 if sanitized() else 6)
        while time.monotonic() < end:
            read(c, keys)
        told = why(c)
        assert told["looks"] >= 2 and told["partitions_moved"] == 0, told
        report = words(c.command("ATTL.BALANCE", "NOW"))
        assert not report["moves"], report


def test_the_hot_key_is_named():
    with start() as server, server.connect(60) as c:
        fill(c)
        for _ in range(20):
            read(c, [7] * BATCH)
            read(c, list(range(BATCH)))
        c.send(encode("SET", "key:7", "value 7") * 500)
        for _ in range(500):
            assert c.reply() == b"OK"
        hot = [words(line) for line in c.command("ATTL.HOTKEYS", "COUNT", "3")]
        assert 1 <= len(hot) <= 3 and hot[0]["key"] == b"key:7", hot
        assert float(hot[0]["share"]) > 0.3 and float(hot[0]["reads_per_second"]) > 0, hot[0]
        assert float(hot[0]["writes_per_second"]) > 0 and 0 <= hot[0]["shard"] < SHARDS, hot[0]
        assert isinstance(c.command("ATTL.HOTKEYS", "COUNT", "0"), Error)
        assert c.command("CONFIG", "SET", "hotkeys.enabled", "no") == b"OK"
        assert isinstance(c.command("ATTL.HOTKEYS"), Error)


if __name__ == "__main__":
    sys.exit(run([f for name, f in list(globals().items()) if name.startswith("test_")]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""get and set per second of the Python package, beside cachetools' TTLCache and a plain dict.

All in one process, in turn, round after round; the table shows the median of the rounds. Calls are made
one by one, as a program makes them, over --keys keys in an order that is no order. cachetools has no
lock; its line `+ lock` is the one that may be used from threads, as ours may. The dict knows no time and
no limit: it is what a call costs at least. The awaited lines are a coroutine each: for the dict that is
what `await` itself costs. durable: with a log, persist.fsync as named, each set awaited before the next.
"""
import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time

from asyncttlcache import AsyncTTLCache, TTLCache

try:
    import cachetools
except ImportError:
    cachetools = None

STRIDE = 7919  # a prime: visits every key, neighbours far apart


class AsyncDict:
    def __init__(self):
        self.items = {}

    async def get(self, key):
        return self.items.get(key)

    async def set(self, key, value):
        self.items[key] = value
        return True


def locked(cache):
    lock = threading.Lock()

    def get(key):
        with lock:
            return cache.get(key)

    def put(key, value):
        with lock:
            cache[key] = value

    return get, put


def time_calls(call, keys, value):
    """Nanoseconds per call."""
    begun = time.perf_counter_ns()
    if value is None:
        for key in keys:
            call(key)
    else:
        for key in keys:
            call(key, value)
    return (time.perf_counter_ns() - begun) / len(keys)


async def time_awaits(call, keys, value):
    begun = time.perf_counter_ns()
    if value is None:
        for key in keys:
            await call(key)
    else:
        for key in keys:
            await call(key, value)
    return (time.perf_counter_ns() - begun) / len(keys)


def time_mget(cache, keys):
    begun = time.perf_counter_ns()
    for i in range(0, len(keys), 64):
        cache.mget(keys[i:i + 64])
    return (time.perf_counter_ns() - begun) / len(keys)


def synchronous(keys, limit):
    """Name -> (get, set)."""
    peers = {}
    plain = {}
    peers["dict"] = plain.get, plain.__setitem__
    if cachetools:
        single = cachetools.TTLCache(limit, 3600)
        peers["cachetools"] = single.get, single.__setitem__
        peers["cachetools + lock"] = locked(cachetools.TTLCache(limit, 3600))
    ours = TTLCache(ttl_seconds=3600, max_entries=limit)
    peers["asyncttlcache"] = ours.get, ours.set
    return peers, ours


async def awaited(limit, folder, durable_keys, keys, value):
    """Name -> (get ns, set ns)."""
    result = {}
    plain = AsyncDict()
    cache = AsyncTTLCache(ttl_seconds=3600, max_entries=limit)
    for name, peer in (("await dict", plain), ("await asyncttlcache", cache)):
        put = await time_awaits(peer.set, keys, value)
        result[name] = await time_awaits(peer.get, keys, None), put
    await cache.stop()
    for policy in ("everysec", "always"):
        async with AsyncTTLCache(ttl_seconds=3600, enable_wal=True, wal_path=f"{folder}/{policy}",
                                 max_entries=limit, options={"persist.fsync": policy}) as durable:
            few = durable_keys if policy == "everysec" else durable_keys[:500]
            put = await time_awaits(durable.set, few, value)
            result[f"await durable {policy}"] = await time_awaits(durable.get, few, None), put
    return result


def one_round(keys, value, limit):
    result = {}
    peers, ours = synchronous(keys, limit)
    for name, (get, put) in peers.items():
        set_ns = time_calls(put, keys, value)
        result[name] = time_calls(get, keys, None), set_ns
    result["asyncttlcache mget(64)"] = time_mget(ours, keys), None
    ours.close()
    with tempfile.TemporaryDirectory(prefix="attl-bench-") as folder:
        result.update(asyncio.run(awaited(limit, folder, keys[:20_000], keys, value)))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--operations", type=int, default=200_000)
    parser.add_argument("--keys", type=int, default=50_000)
    parser.add_argument("--value-bytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    keys = [f"user:{i * STRIDE % args.keys:08d}" for i in range(args.operations)]
    value = b"x" * args.value_bytes
    rounds = [one_round(keys, value, 2 * args.keys) for _ in range(args.rounds)]

    def median(name, which):
        values = [r[name][which] for r in rounds]
        return None if None in values else statistics.median(values)

    base = "cachetools" if cachetools else "dict"
    print(f"{args.operations} operations over {args.keys} keys, values of {args.value_bytes} bytes, "
          f"{args.rounds} rounds" + ("" if cachetools else "; no python3-cachetools here"))
    print(f"{'':28}{'get ns':>9}{'set ns':>9}{'get/s':>12}{'set/s':>12}{'get x':>8}{'set x':>8}")
    for name in rounds[0]:
        get, put = median(name, 0), median(name, 1)
        ratios = median(base, 0) / get, median(base, 1) / put if put else None
        cells = [f"{get:9.0f}", f"{put:9.0f}" if put else f"{'':9}", f"{1e9 / get:12,.0f}",
                 f"{1e9 / put:12,.0f}" if put else f"{'':12}", f"{ratios[0]:8.2f}",
                 f"{ratios[1]:8.2f}" if put else ""]
        print(f"{name:28}" + "".join(cells))
        if args.json:
            with open(args.json, "a", encoding="utf-8") as file:
                file.write(json.dumps({"part": "python", "name": name, "get_ns": get,
                                       "set_ns": put}) + "\n")
    print(f"x: times faster than {base}")


if __name__ == "__main__":
    main()

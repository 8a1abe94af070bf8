#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Loops, threads, forks, garbage and references: the life of a cache in a Python process."""
import asyncio
import gc
import os
import sys
import threading
import time
import tracemalloc
import unittest
import warnings
import weakref

import support

try:
    from asyncttlcache import AsyncTTLCache, CacheClosedError, CacheError, TTLCache
except ImportError:
    support.run()


class Value(bytes):
    """Not exactly bytes, so it is pickled."""


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


class Loops(unittest.TestCase):
    def test_one_cache_in_one_loop_after_the_other(self):
        with support.temporary_directory() as path:
            cache = AsyncTTLCache(enable_wal=True, wal_path=path, options={"persist.fsync": "always"})
            for i in range(20):
                self.assertTrue(asyncio.run(cache.set(f"key{i}", i)))
            before = descriptors()
            for i in range(20):
                self.assertEqual(asyncio.run(cache.get_or_load(f"other{i}", lambda: i)), i)
            self.assertLessEqual(descriptors(), before)  # queues of closed loops are closed
            asyncio.run(cache.stop())

    def test_one_cache_in_several_loops_at_once(self):
        with support.temporary_directory() as path:
            cache = AsyncTTLCache(enable_wal=True, wal_path=path, options={"persist.fsync": "always"})
            failures = []

            async def work(name):
                for i in range(50):
                    await cache.set(f"{name}{i}", i)
                    if await cache.get(f"{name}{i}") != i:
                        failures.append((name, i))

            running = [threading.Thread(target=asyncio.run, args=(work(n),)) for n in "abcd"]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(cache.size(), 200)
            asyncio.run(cache.stop())

    def test_stopping_in_one_loop_while_another_uses_it(self):
        with support.temporary_directory() as path:
            cache = AsyncTTLCache(enable_wal=True, wal_path=path, options={"persist.fsync": "always"})
            ends, begun = [], threading.Event()

            async def work():
                try:
                    while True:
                        await cache.set("key", 1)
                        begun.set()
                except CacheClosedError:
                    ends.append("closed")

            thread = threading.Thread(target=asyncio.run, args=(work(),))
            thread.start()
            begun.wait()
            asyncio.run(cache.stop())
            thread.join(20)
            self.assertEqual(ends, ["closed"])
            TTLCache(enable_wal=True, wal_path=path).close()  # it is not locked any more


class Garbage(unittest.TestCase):
    def test_a_forgotten_cache_goes_with_its_threads_and_descriptors(self):
        async def main():
            before = descriptors(), threads()
            for _ in range(5):
                cache = AsyncTTLCache()
                await cache.get_or_load("key", lambda: 1)
                gone = weakref.ref(cache)
                del cache
                gc.collect()
                self.assertIsNone(gone())
                await asyncio.sleep(0.01)  # the loop lets go of its queue
                gc.collect()
            for _ in range(200):  # threads of the loop's executor stay
                if descriptors() <= before[0] + 1:
                    break
                await asyncio.sleep(0.01)
            self.assertLessEqual(descriptors(), before[0] + 1)

        asyncio.run(main())

    def test_a_forgotten_durable_cache_warns_and_is_closed(self):
        with support.temporary_directory() as path:
            async def main():
                cache = AsyncTTLCache(enable_wal=True, wal_path=path)
                await cache.set("key", 1)

            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                asyncio.run(main())
                gc.collect()
            self.assertIn(ResourceWarning, [w.category for w in caught])
            del caught  # a warning holds what it is about
            gc.collect()
            with TTLCache(enable_wal=True, wal_path=path) as cache:
                self.assertEqual(cache.get("key"), 1)

    def test_a_forgotten_task_in_a_closed_loop_does_no_harm(self):
        async def main():
            cache = AsyncTTLCache()
            task = asyncio.create_task(cache.get_or_load("key", lambda: time.sleep(0.05)))
            await asyncio.sleep(0.01)
            return task

        asyncio.run(main())
        gc.collect()

    def test_values_and_keys_are_let_go(self):
        with TTLCache() as cache:
            value = Value(b"x")
            counts = sys.getrefcount(value), sys.getrefcount("a key of ours")
            for _ in range(100):
                cache.set("a key of ours", value)
                cache.get("a key of ours")
                cache.entry("a key of ours")
                cache.mget(["a key of ours"])
                for bad in (lambda: cache.set("a key of ours", None), lambda: cache.get(None),
                            lambda: cache.set("a key of ours", value, -1)):
                    self.assertRaises(ValueError, bad)
            self.assertEqual(sys.getrefcount(value), counts[0])
            self.assertEqual(sys.getrefcount("a key of ours"), counts[1])

    def test_memory_does_not_grow(self):
        async def rounds(cache, n):
            for i in range(n):
                await cache.set("key", [i])
                await cache.set("large", b"x" * 5000)
                await cache.get("key")
                await cache.get("large")
                await cache.mget(["key", "large", "none"])
                await cache.delete("key")
                await cache.get_or_load(f"load{i % 7}", lambda: 5, 0.001)
                cache.get_detailed_metrics()
                for bad in (None, "", "a\n"):
                    try:
                        await cache.get(bad)
                    except ValueError:
                        pass

        async def main():
            async with AsyncTTLCache() as cache:
                await rounds(cache, 50)
                gc.collect()
                tracemalloc.start()
                sizes, counts = [], []
                for _ in range(5):
                    await rounds(cache, 100)
                    gc.collect()
                    sizes.append(tracemalloc.get_traced_memory()[0])
                    counts.append(len(gc.get_objects()))
                tracemalloc.stop()
                # A leak shows in every step; a table that grew, in one.
                self.assertLess(min(b - a for a, b in zip(sizes, sizes[1:])), 10_000, sizes)
                self.assertLess(min(b - a for a, b in zip(counts, counts[1:])), 50, counts)

        asyncio.run(main())


class Threads(unittest.TestCase):
    def test_threads_share_a_synchronous_cache(self):
        with TTLCache(max_entries=0) as cache:
            failures = []

            def work(name):
                for i in range(support.scaled(5000)):
                    cache.set(f"{name}{i % 100}", (name, i))
                    if cache.get(f"{name}{i % 100}") != (name, i):
                        failures.append((name, i))

            running = [threading.Thread(target=work, args=(n,)) for n in "abcd"]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            self.assertEqual(failures, [])

    def test_closing_under_threads_is_an_error_for_them_and_no_more(self):
        for _ in range(support.scaled(10)):
            with support.temporary_directory() as path:
                cache = TTLCache(enable_wal=True, wal_path=path, options={"persist.fsync": "always"})
                ends = []

                def work():
                    try:
                        while True:
                            cache.set("key", b"x" * 100)
                            cache.get("key")
                    except CacheClosedError:
                        ends.append(True)

                running = [threading.Thread(target=work) for _ in range(4)]
                for thread in running:
                    thread.start()
                time.sleep(0.02)
                cache.close()
                for thread in running:
                    thread.join()
                self.assertEqual(len(ends), 4)

    def test_other_threads_run_while_one_waits_for_the_disk(self):
        with support.temporary_directory() as path:
            with TTLCache(enable_wal=True, wal_path=path, options={"persist.fsync": "always"}) as cache:
                counted = [0]
                stop = threading.Event()

                def count():
                    while not stop.is_set():
                        counted[0] += 1

                thread = threading.Thread(target=count)
                thread.start()
                before = counted[0]
                for i in range(50):
                    cache.set(f"key{i}", i)
                self.assertGreater(counted[0], before)
                stop.set()
                thread.join()

    def test_a_value_that_closes_the_cache_while_it_is_pickled(self):
        cache = TTLCache()

        class Closing:
            def __reduce__(self):
                cache.close()
                return (str, ())

        self.assertRaises(CacheClosedError, cache.set, "key", Closing())


class Fork(unittest.TestCase):
    def test_a_child_neither_uses_nor_closes_its_parents_cache(self):
        with support.temporary_directory() as path:
            cache = TTLCache(enable_wal=True, wal_path=path)
            cache.set("key", 1)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    cache.get("key")
                except CacheError:
                    cache.close()
                    with TTLCache() as own:
                        own.set("key", 2)
                        code = 0 if own.get("key") == 2 else 2
                finally:
                    os._exit(code)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertEqual(cache.get("key"), 1)
            cache.close()


if __name__ == "__main__":
    support.run()

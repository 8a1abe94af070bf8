#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The class as its users know it: arguments, get and set, validation, codecs, lives, metrics, health."""
import asyncio
import inspect
import math
import pickle
import unittest

import support

try:
    import asyncttlcache
    from asyncttlcache import (AsyncTTLCache, CacheClosedError, CacheError, CacheFullError, TTLCache,
                               ValidationError, ValidationTypeError)
except ImportError:
    support.run()

YEAR_S = 365 * 86400


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x


class Shape(unittest.TestCase):
    def test_the_constructor_takes_the_ancestors_arguments_in_their_order(self):
        names = list(inspect.signature(AsyncTTLCache).parameters)
        self.assertEqual(names[:8], ["ttl_seconds", "cleanup_interval", "num_shards", "enable_wal",
                                     "wal_path", "max_entries", "max_memory_mb", "paranoia_mode"])

    def test_coroutines_and_plain_methods_are_what_they_were(self):
        for name in ("get", "set", "delete", "clear", "rollback_transaction", "restore_from_snapshot",
                     "health_check", "stop", "get_or_load"):
            self.assertTrue(inspect.iscoroutinefunction(getattr(AsyncTTLCache, name)), name)
        for name in ("size", "create_backup_snapshot", "get_detailed_metrics"):
            self.assertFalse(inspect.iscoroutinefunction(getattr(AsyncTTLCache, name)), name)

    def test_everything_public_is_documented(self):
        for name in asyncttlcache.__all__:
            self.assertTrue(getattr(asyncttlcache, name).__doc__, name)
        for name, member in vars(AsyncTTLCache).items():
            if not name.startswith("_"):
                self.assertTrue(member.__doc__, name)


class Cache(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.cache = AsyncTTLCache(ttl_seconds=60)

    async def asyncTearDown(self):
        await self.cache.stop()

    async def test_what_is_set_is_got_until_it_is_deleted(self):
        self.assertIs(await self.cache.set("key", "value"), True)
        self.assertEqual(await self.cache.get("key"), "value")
        self.assertIs(await self.cache.delete("key"), True)
        self.assertIs(await self.cache.delete("key"), False)
        self.assertIsNone(await self.cache.get("key"))

    async def test_a_str_and_its_bytes_are_one_key(self):
        await self.cache.set("schlüssel", 1)
        self.assertEqual(await self.cache.get("schlüssel".encode()), 1)

    async def test_clear_and_size(self):
        for i in range(100):
            await self.cache.set(f"key{i}", i)
        self.assertEqual(self.cache.size(), 100)
        self.assertEqual(len(self.cache), 100)
        await self.cache.clear()
        self.assertEqual(self.cache.size(), 0)
        self.assertIsNone(await self.cache.get("key1"))

    async def test_mget_keeps_the_order_and_has_none_for_the_absent(self):
        await self.cache.set("a", 1)
        await self.cache.set("b", "two")
        self.assertEqual(await self.cache.mget(["b", "x", b"a", "b"]), ["two", None, 1, "two"])
        self.assertEqual(await self.cache.mget([]), [])
        with self.assertRaises(ValidationError):
            await self.cache.mget(["a", None])
        with self.assertRaises(ValidationError):
            await self.cache.mget(["a", ""])

    async def test_keys_that_strict_mode_refuses(self):
        table = [(None, "KEY_TYPE"), (5, "KEY_TYPE"), (["a"], "KEY_TYPE"), (bytearray(b"a"), "KEY_TYPE"),
                 ("", "KEY_EMPTY"), (b"", "KEY_EMPTY"), ("x" * 1001, "KEY_LONG"),
                 ("é" * 501, "KEY_LONG"), ("a\r", "KEY_CONTROL"), ("a\nb", "KEY_CONTROL"),
                 ("a\0", "KEY_NUL"), ("\x01", "KEY_CONTROL"), ("\x7f", "KEY_CONTROL"),
                 ("\ud800", "KEY_ENCODING")]
        for key, rule in table:
            for call in (lambda k: self.cache.get(k), lambda k: self.cache.set(k, 1),
                         lambda k: self.cache.delete(k), lambda k: self.cache.entry(k),
                         lambda k: self.cache.get_or_load(k, lambda: 1)):
                with self.subTest(key=key), self.assertRaises(ValueError) as caught:
                    await call(key)
                self.assertEqual(caught.exception.rule, rule)
                self.assertEqual(isinstance(caught.exception, TypeError), rule == "KEY_TYPE")
        self.assertTrue(await self.cache.set("x" * 1000, 1))
        self.assertEqual(self.cache.size(), 1)

    async def test_values_and_lives_that_are_refused(self):
        with self.assertRaises(ValueError) as caught:
            await self.cache.set("key", None)
        self.assertIsInstance(caught.exception, TypeError)
        for ttl in (-1, -0.001, YEAR_S + 1, 1e300, 10 ** 400, math.inf, math.nan):
            with self.subTest(ttl=ttl), self.assertRaises(ValueError) as caught:
                await self.cache.set("key", 1, ttl)
            self.assertEqual(caught.exception.rule, "TTL_RANGE")
        for ttl in ("60", [1], True, 1j):
            with self.subTest(ttl=ttl), self.assertRaises(TypeError) as caught:
                await self.cache.set("key", 1, ttl)
            self.assertIsInstance(caught.exception, ValidationTypeError)
        self.assertEqual(self.cache.size(), 0)
        for ttl in (1, 0.5, YEAR_S, None):
            self.assertTrue(await self.cache.set("key", 1, ttl_seconds=ttl))

    async def test_arguments_that_are_refused(self):
        for kwargs in ({"ttl_seconds": 0}, {"ttl_seconds": -1}, {"ttl_seconds": YEAR_S + 1},
                       {"num_shards": 0}, {"max_entries": -1}, {"max_memory_mb": -1},
                       {"codec": "marshal"}, {"options": {"cache.no_such": 1}},
                       {"options": {"cache.eviction": "sometimes"}}):
            with self.subTest(kwargs=kwargs), self.assertRaises(ValueError):
                AsyncTTLCache(**kwargs)
        for kwargs in ({"ttl_seconds": "60"}, {"num_shards": 1.5}, {"max_entries": None}):
            with self.subTest(kwargs=kwargs), self.assertRaises(TypeError):
                AsyncTTLCache(**kwargs)

    async def test_values_come_back_as_what_they_were(self):
        for value in (b"", b"bytes", "", "text", "täxt \U0001f600", "\ud800", 0, -1, 2 ** 63 - 1,
                      -2 ** 63, 2 ** 63, 10 ** 100, 0.1, -math.inf, True, False, [1, {"a": (2, 3)}],
                      bytearray(b"x"), Point(3), b"x" * 511, b"x" * 512, "y" * 100_000, b"z" * 1_000_000):
            await self.cache.set("key", value)
            got = await self.cache.get("key")
            self.assertEqual(got, value)
            self.assertIs(type(got), type(value))
            self.assertEqual(await self.cache.mget(["key"]), [value])

    async def test_json_keeps_json_and_refuses_to_unpickle(self):
        with support.temporary_directory() as path:
            async with AsyncTTLCache(enable_wal=True, wal_path=path) as pickling:
                await pickling.set("pickled", Point(1))
            async with AsyncTTLCache(enable_wal=True, wal_path=path, codec="json") as cache:
                for value in ({"a": [1, None]}, "text", b"bytes", 7, 1.5, [True]):
                    await cache.set("key", value)
                    self.assertEqual(await cache.get("key"), value)
                with self.assertRaises(TypeError):
                    await cache.set("key", Point(1))
                with self.assertRaises(CacheError):
                    await cache.get("pickled")

    async def test_bytes_stores_nothing_but_the_bytes(self):
        async with AsyncTTLCache(codec="bytes") as cache:
            for value in (b"", b"x", b"y" * 10_000):
                await cache.set("key", value)
                self.assertEqual(await cache.get("key"), value)
            await cache.set("key", memoryview(b"view"))
            self.assertEqual(await cache.get("key"), b"view")
            for value in ("text", 5, [1]):
                with self.assertRaises(TypeError):
                    await cache.set("key", value)

    async def test_a_value_that_cannot_be_pickled_changes_nothing(self):
        await self.cache.set("key", 1)
        with self.assertRaises((pickle.PicklingError, AttributeError, TypeError)):
            await self.cache.set("key", lambda: 1)
        self.assertEqual(await self.cache.get("key"), 1)

    async def test_an_entry_ends_with_its_life(self):
        await self.cache.set("short", 1, 0.05)
        await self.cache.set("long", 2, 30)
        self.assertEqual(await self.cache.get("short"), 1)
        await asyncio.sleep(0.06)
        self.assertIsNone(await self.cache.get("short"))
        self.assertEqual(await self.cache.get("long"), 2)

    async def test_a_life_of_zero_is_over_at_once(self):
        await self.cache.set("key", 1)
        self.assertTrue(await self.cache.set("key", 2, 0))
        self.assertIsNone(await self.cache.get("key"))

    async def test_the_default_life_is_the_constructors(self):
        async with AsyncTTLCache(ttl_seconds=0.05) as cache:
            await cache.set("key", 1)
            await cache.set("other", 1, 10)
            await asyncio.sleep(0.06)
            self.assertIsNone(await cache.get("key"))
            self.assertEqual(await cache.get("other"), 1)

    async def test_a_full_cache_evicts_or_says_false(self):
        async with AsyncTTLCache(max_entries=1000) as cache:
            for i in range(3000):
                self.assertTrue(await cache.set(f"key{i}", i))
            self.assertLessEqual(cache.size(), 1000)
        async with AsyncTTLCache(max_entries=100, options={"cache.eviction": "noeviction"}) as cache:
            answers = [await cache.set(f"key{i}", i) for i in range(200)]
            self.assertIn(False, answers)
            self.assertTrue(answers[0])
            self.assertTrue(issubclass(CacheFullError, CacheError))

    async def test_paranoia_bounds_the_cache(self):
        async with AsyncTTLCache(paranoia_mode=True) as cache:
            for i in range(12_000):
                await cache.set(f"key{i}", i)
            self.assertLessEqual(cache.size(), 10_000)

    async def test_metrics_count(self):
        await self.cache.set("key", 1)
        await self.cache.get("key")
        await self.cache.get("other")
        m = self.cache.get_detailed_metrics()
        self.assertEqual((m["hits"], m["misses"], m["sets"], m["size"]), (1, 1, 1, 1))
        self.assertEqual(m["hit_rate"], 0.5)
        for name in ("evictions", "expirations", "memory_bytes", "operations_per_second",
                     "shard_imbalance", "persistence", "uptime_seconds"):
            self.assertIn(name, m)

    async def test_health_is_tried_for_real(self):
        await self.cache.set("key", 1)
        health = await self.cache.health_check()
        self.assertEqual(health["status"], "healthy", health)
        self.assertLessEqual({"functionality", "integrity", "bounds", "background", "durability",
                              "performance"}, set(health["checks"]))
        self.assertEqual(self.cache.size(), 1)
        await self.cache.stop()
        health = await self.cache.health_check()
        self.assertEqual(health["status"], "unhealthy")

    async def test_options_are_settings_of_the_library(self):
        async with AsyncTTLCache(options={"validation.mode": "relaxed",
                                          "cache.eviction": "volatile-ttl"}) as cache:
            self.assertEqual(cache.get_option("cache.eviction"), "volatile-ttl")
            self.assertTrue(await cache.set("with\nnewline", 1))

    async def test_a_stopped_cache_refuses_and_stops_again(self):
        await self.cache.stop()
        await self.cache.stop()
        for call in (lambda: self.cache.get("a"), lambda: self.cache.set("a", 1),
                     lambda: self.cache.delete("a"), lambda: self.cache.clear(),
                     lambda: self.cache.get_or_load("a", lambda: 1), lambda: self.cache.mget(["a"])):
            with self.assertRaises(CacheClosedError) as caught:
                await call()
            self.assertIsInstance(caught.exception, RuntimeError)
        with self.assertRaises(CacheClosedError):
            self.cache.size()


class Synchronous(unittest.TestCase):
    def test_the_same_without_asyncio(self):
        with TTLCache(ttl_seconds=30) as cache:
            self.assertTrue(cache.set("key", {"a": 1}, ttl_seconds=5))
            self.assertEqual(cache.get("key"), {"a": 1})
            self.assertEqual(cache.get("other", "default"), "default")
            self.assertIn("key", cache)
            self.assertEqual(len(cache), 1)
            value, deadline = cache.entry("key")
            self.assertEqual(value, {"a": 1})
            self.assertGreater(deadline, 0)
            self.assertTrue(cache.delete("key"))
            self.assertEqual(cache.mget(["key"]), [None])
            for call in (lambda: cache.set("key"), lambda: cache.set("key", 1, 2, 3),
                         lambda: cache.set("key", 1, ttl=3), lambda: cache.get(),
                         lambda: cache.set("key", 1, 2, ttl_seconds=3)):
                self.assertRaises(TypeError, call)
        cache.close()
        self.assertRaises(CacheClosedError, cache.get, "key")

    def test_a_cache_without_its_init_is_closed(self):
        class Hollow(TTLCache):
            def __init__(self):  # pylint: disable=super-init-not-called
                pass

        self.assertRaises(CacheClosedError, Hollow().get, "key")


if __name__ == "__main__":
    support.run()

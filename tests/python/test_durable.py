#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""With a log: restarts, snapshots, undoing, and an event loop that never stands still."""
import asyncio
import os
import subprocess
import sys
import time
import unittest

import support

try:
    from asyncttlcache import (AsyncTTLCache, CacheError, CacheFullError, DurabilityError, TTLCache,
                               ValidationError)
except ImportError:
    support.run()

ALWAYS = {"persist.fsync": "always"}
STILL_S = 0.25  # a shared machine takes its time; what is waited for here takes longer


def can_undo():
    with TTLCache() as cache:
        try:
            cache.rollback([])
        except CacheError as error:
            return error.rule != "UNSUPPORTED"
    return True


class Durable(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.directory = support.temporary_directory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "wal")

    def open(self, **kwargs):
        kwargs.setdefault("options", ALWAYS)
        return AsyncTTLCache(enable_wal=True, wal_path=self.path, max_entries=0, **kwargs)

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)

    async def test_what_was_set_is_there_after_a_restart(self):
        async with self.open() as cache:
            self.assertTrue(await cache.set("key", {"a": 1}, 30))
            self.assertTrue(await cache.set("gone", 1, 0.2))
            self.assertTrue(await cache.set("deleted", 1))
            self.assertTrue(await cache.delete("deleted"))
            self.assertFalse(await cache.delete("deleted"))
        await asyncio.sleep(0.2)
        async with self.open() as cache:
            self.assertEqual(await cache.get("key"), {"a": 1})
            self.assertIsNone(await cache.get("gone"))
            self.assertIsNone(await cache.get("deleted"))
            _, deadline = await cache.entry("key")
            self.assertLess(deadline, time.time() + 30)
            await cache.clear()
        async with self.open() as cache:
            self.assertEqual(cache.size(), 0)

    async def test_every_policy_works_and_many_sets_at_once_share_a_sync(self):
        for policy in ("no", "everysec", "always"):
            async with self.open(options={"persist.fsync": policy}) as cache:
                n = support.scaled(2000)
                got = await asyncio.gather(*(cache.set(f"{policy}{i}", i) for i in range(n)))
                self.assertEqual(set(got), {True})
                syncs = cache.get_detailed_metrics()["persistence"]["log_syncs"]
                self.assertLess(syncs, n / 2)
        async with self.open() as cache:
            self.assertEqual(cache.size(), 3 * n)

    async def test_refusals_are_the_same_with_a_log(self):
        async with self.open() as cache:
            for key, value, ttl in ((None, 1, 1), ("", 1, 1), ("a\n", 1, 1), ("a", None, 1),
                                    ("a", 1, -1), ("a", 1, 10 ** 9)):
                with self.assertRaises(ValueError):
                    await cache.set(key, value, ttl)
            with self.assertRaises(ValueError):
                await cache.delete("")
            self.assertEqual(cache.size(), 0)
            self.assertTrue(await cache.set("key", 1))
            self.assertTrue(await cache.set("key", 1, 0))
            self.assertIsNone(await cache.get("key"))

    async def test_full_is_false_with_a_log(self):
        async with AsyncTTLCache(enable_wal=True, wal_path=self.path, max_entries=100,
                                 options={**ALWAYS, "cache.eviction": "noeviction"}) as cache:
            self.assertIn(False, [await cache.set(f"key{i}", i) for i in range(150)])
        self.assertTrue(CacheFullError)

    async def test_a_directory_in_use_or_impossible_is_refused(self):
        async with self.open():
            with self.assertRaises(DurabilityError):
                self.open()
        with open(os.path.join(self.directory.name, "file"), "wb"):
            pass
        with self.assertRaises(ValidationError):
            AsyncTTLCache(enable_wal=True, wal_path=os.path.join(self.directory.name, "file"))

    async def test_a_snapshot_can_be_restored_by_name_path_and_object(self):
        async with self.open() as cache:
            for i in range(100):
                await cache.set(f"key{i}", i)
            pending = cache.create_backup_snapshot()
            self.assertFalse(pending.done())
            snapshot = await pending
            self.assertEqual(snapshot.entries, 100)
            self.assertTrue(snapshot.name)
            self.assertEqual([s["name"] for s in await cache.list_snapshots()], [snapshot.name])
            for given in (snapshot, snapshot.name, os.path.join(self.path, snapshot.name),
                          cache.create_backup_snapshot()):
                await cache.set("more", 1)
                await cache.delete("key7")
                report = await cache.restore_from_snapshot(given)
                self.assertGreater(report["entries_before"], 0)
                if given is not snapshot:
                    continue
                self.assertEqual(await cache.get("key7"), 7)
                self.assertIsNone(await cache.get("more"))
            with self.assertRaises(CacheError):
                await cache.restore_from_snapshot("snap-0000000000000000-0000000000000000.attl")
            for wrong in ("", None, 5):
                with self.assertRaises(TypeError):
                    await cache.restore_from_snapshot(wrong)
            with self.assertRaises(ValueError):
                await cache.restore_from_snapshot("/elsewhere/" + snapshot.name)

    async def test_snapshots_do_not_need_a_log(self):
        options = {"persist.dir": self.path}
        async with AsyncTTLCache(options=options) as cache:
            await cache.set("key", 1)
            await cache.create_backup_snapshot()
            await cache.set("key", 2)
        async with AsyncTTLCache(options=options) as cache:
            self.assertEqual(await cache.get("key"), 1)

    async def test_without_a_directory_a_snapshot_is_refused(self):
        async with AsyncTTLCache() as cache:
            with self.assertRaises(CacheError) as caught:
                await cache.create_backup_snapshot()
            self.assertEqual(caught.exception.rule, "UNSUPPORTED")

    def test_a_snapshot_without_a_loop_is_there_at_once(self):
        cache = self.open()
        time.sleep(0.1)
        snapshot = cache.create_backup_snapshot()
        self.assertTrue(snapshot.done())
        self.assertEqual(snapshot.entries, 0)
        asyncio.run(cache.stop())

    async def test_the_loop_runs_on_while_a_long_log_is_read_and_a_snapshot_taken(self):
        n = support.scaled(600_000)
        with TTLCache(enable_wal=True, wal_path=self.path, ttl_seconds=3600, max_entries=0,
                      max_memory_mb=1000, options={"persist.fsync": "no"}) as cache:
            for i in range(n):
                cache.set(f"key{i}", "value")
        async with support.heartbeat(STILL_S) as gaps:
            begun = time.monotonic()
            cache = self.open(max_memory_mb=1000)
            opened = time.monotonic()
            first = await cache.get("key1")
            loaded = time.monotonic()
            self.assertEqual(first, "value")
            self.assertEqual(cache.size(), n)
            self.assertLess(opened - begun, STILL_S)
            beats = len(gaps)
            await cache.create_backup_snapshot()
            self.assertGreater(len(gaps), beats)
            await cache.stop()
        self.assertGreater(loaded - opened, 0.01)  # otherwise nothing was shown

    async def test_setting_durably_does_not_stop_the_loop(self):
        async with self.open() as cache, support.heartbeat(STILL_S):
            for _ in range(20):
                await asyncio.gather(*(cache.set(f"key{i}", b"x" * 1000) for i in range(50)))

    async def test_cancelling_a_durable_set_leaves_no_trace(self):
        async with self.open() as cache:
            tasks = [asyncio.create_task(cache.set(f"key{i}", i)) for i in range(200)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            got = await asyncio.gather(*tasks, return_exceptions=True)
            self.assertTrue(all(isinstance(x, asyncio.CancelledError) or x is True for x in got))
            self.assertEqual(set(got[1::2]), {True})
            await cache.sync()

    async def test_stop_waits_for_what_is_under_way(self):
        cache = self.open()
        await cache.get("key")
        tasks = [asyncio.create_task(cache.set(f"key{i}", i)) for i in range(100)]
        await asyncio.sleep(0)
        await cache.stop()
        self.assertEqual(set(await asyncio.gather(*tasks)), {True})
        async with self.open() as cache:
            self.assertEqual(cache.size(), 100)

    def test_a_program_that_only_ends_loses_nothing(self):
        program = ("import asyncio, sys\nfrom asyncttlcache import AsyncTTLCache\n"
                   "async def main():\n"
                   "    global cache\n"
                   "    cache = AsyncTTLCache(enable_wal=True, wal_path=sys.argv[1])\n"
                   "    await cache.set('key', 1)\n"
                   "asyncio.run(main())\n")
        environment = {**os.environ, "PYTHONPATH": os.path.join(support.BUILD, "python")}
        subprocess.run([sys.executable, "-c", program, self.path], env=environment, check=True,
                       timeout=60)
        with TTLCache(enable_wal=True, wal_path=self.path) as cache:
            self.assertEqual(cache.get("key"), 1)


@unittest.skipUnless(can_undo(), "libattl has no attl_rollback_ops yet")
class Undo(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.cache = AsyncTTLCache(ttl_seconds=60)
        self.addAsyncCleanup(self.cache.stop)

    async def test_a_list_of_operations_is_undone_newest_first(self):
        cache = self.cache
        await cache.set("changed", "old", 30)
        await cache.set("deleted", b"was", 30)
        operations = [
            {"op": "set", "key": "changed", "previous_value": "old", "previous_ttl": 30},
            {"op": "set", "key": "changed", "previous_value": "between", "previous_ttl": 30},
            ("delete", "deleted", b"was", 10),
            {"operation": "set", "key": "new", "old_value": None},
        ]
        await cache.set("changed", "between")
        await cache.set("changed", "new")
        await cache.delete("deleted")
        await cache.set("new", 1)
        self.assertTrue(await cache.rollback_transaction(operations))
        self.assertEqual(await cache.mget(["changed", "deleted", "new"]), ["old", b"was", None])
        _, deadline = await cache.entry("deleted")
        self.assertAlmostEqual(deadline - time.time(), 10, delta=2)

    async def test_what_entry_gives_is_what_rollback_takes(self):
        await self.cache.set("key", [1, 2], 20)
        value, deadline = await self.cache.entry("key")
        await self.cache.set("key", "other")
        await self.cache.rollback_transaction([{"op": "set", "key": "key", "previous_value": value,
                                                "previous_deadline": deadline}])
        restored = await self.cache.entry("key")
        self.assertEqual(restored[0], [1, 2])
        self.assertAlmostEqual(restored[1], deadline, places=2)

    async def test_bad_operations_change_nothing(self):
        await self.cache.set("key", 1)
        good = ("set", "key", None)
        for bad in (5, {"op": "set"}, {"op": "move", "key": "a"}, ("set", "key"), ("set", "", 1),
                    ("set", "a", 1, -1), ("set", "a", 1, 10 ** 9), ("set", "a", 1, "x"),
                    ("set", None, 1)):
            with self.subTest(bad=bad), self.assertRaises(ValueError):
                await self.cache.rollback_transaction([good, bad])
        for bad in ("text", b"bytes", {"op": "set"}):
            with self.assertRaises(TypeError):
                await self.cache.rollback_transaction(bad)
        self.assertEqual(await self.cache.get("key"), 1)

    async def test_a_list_has_a_limit(self):
        operations = [("set", f"key{i}", i, 30) for i in range(10_000)]
        self.assertTrue(await self.cache.rollback_transaction(operations))
        self.assertEqual(self.cache.size(), 10_000)
        with self.assertRaises(ValueError):
            await self.cache.rollback_transaction(operations + operations)
        await self.cache.rollback_transaction([])

    async def test_undoing_is_durable(self):
        with support.temporary_directory() as path:
            async with AsyncTTLCache(enable_wal=True, wal_path=path, options=ALWAYS) as cache:
                await cache.set("key", 1)
                await cache.rollback_transaction([("set", "key", None), ("delete", "a", "b", 30)])
            async with AsyncTTLCache(enable_wal=True, wal_path=path) as cache:
                self.assertEqual(await cache.mget(["key", "a"]), [None, "b"])


if __name__ == "__main__":
    support.run()

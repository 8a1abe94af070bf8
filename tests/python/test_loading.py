#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""get_or_load(): one load per key, whatever the loader does and whoever waits."""
import asyncio
import threading
import time
import unittest

import support

try:
    from asyncttlcache import AsyncTTLCache, CacheClosedError, LoaderError
except ImportError:
    support.run()


class Counted:
    """A loader that counts its calls."""

    def __init__(self, value="loaded", pause_s=0.02, error=None):
        self.calls, self.value, self.pause_s, self.error = 0, value, pause_s, error

    async def __call__(self, key):
        self.calls += 1
        await asyncio.sleep(self.pause_s)
        if self.error:
            raise self.error
        return self.value


class Loading(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.cache = AsyncTTLCache()

    async def asyncTearDown(self):
        await self.cache.stop()

    async def test_a_thousand_callers_cause_one_load(self):
        loader = Counted()
        got = await asyncio.gather(*(self.cache.get_or_load("key", loader) for _ in range(1000)))
        self.assertEqual(set(got), {"loaded"})
        self.assertEqual(loader.calls, 1)
        self.assertEqual(await self.cache.get("key"), "loaded")
        await self.cache.get_or_load("key", loader)
        self.assertEqual(loader.calls, 1)

    async def test_keys_are_loaded_beside_each_other(self):
        loader = Counted(pause_s=0.1)
        begun = time.monotonic()
        await asyncio.gather(*(self.cache.get_or_load(f"key{i}", loader) for i in range(200)))
        self.assertEqual(loader.calls, 200)
        self.assertLess(time.monotonic() - begun, 3)

    async def test_loaders_of_all_kinds(self):
        async def with_key(key):
            return key.upper()

        async def without():
            return "without"

        self.assertEqual(await self.cache.get_or_load("a", with_key), "A")
        self.assertEqual(await self.cache.get_or_load("b", without), "without")
        self.assertEqual(await self.cache.get_or_load("c", lambda: 3), 3)
        self.assertEqual(await self.cache.get_or_load("d", lambda key: key * 2), "dd")
        self.assertEqual(await self.cache.get_or_load("e", lambda key: with_key(key)), "E")
        with self.assertRaises(TypeError):
            await self.cache.get_or_load("f", "not callable")

    async def test_a_loader_that_blocks_does_not_block_the_loop(self):
        async with support.heartbeat(0.15):
            self.assertEqual(await self.cache.get_or_load("key", lambda: time.sleep(0.3) or 5), 5)

    async def test_what_is_loaded_lives_as_long_as_asked(self):
        await self.cache.get_or_load("key", lambda: 1, 0.05)
        await asyncio.sleep(0.07)
        self.assertIsNone(await self.cache.get("key"))

    async def test_all_waiters_get_the_loaders_exception_and_the_next_call_tries_again(self):
        loader = Counted(error=ZeroDivisionError("no"))
        got = await asyncio.gather(*(self.cache.get_or_load("key", loader) for _ in range(100)),
                                   return_exceptions=True)
        self.assertEqual({type(e) for e in got}, {ZeroDivisionError})
        self.assertEqual(loader.calls, 1)
        loader.error = None
        self.assertEqual(await self.cache.get_or_load("key", loader), "loaded")

    async def test_a_source_that_failed_can_be_left_alone(self):
        loader = Counted(error=ZeroDivisionError("no"))
        with self.assertRaises(ZeroDivisionError):
            await self.cache.get_or_load("key", loader, backoff_seconds=0.2)
        with self.assertRaises(LoaderError):
            await self.cache.get_or_load("key", loader, backoff_seconds=0.2)
        self.assertEqual(loader.calls, 1)
        await asyncio.sleep(0.25)
        loader.error = None
        self.assertEqual(await self.cache.get_or_load("key", loader), "loaded")

    async def test_a_loader_that_asks_for_its_own_key_is_refused(self):
        async def loader(key):
            return await self.cache.get_or_load(key, loader)

        async def round_about(key):
            return await self.cache.get_or_load("y" if key == "x" else "x", round_about)

        with self.assertRaises(LoaderError) as caught:
            await asyncio.wait_for(self.cache.get_or_load("key", loader), 5)
        self.assertEqual(caught.exception.rule, "REENTRANT")
        with self.assertRaises(LoaderError):
            await asyncio.wait_for(self.cache.get_or_load("x", round_about), 5)
        self.assertEqual(await self.cache.get_or_load("key", lambda: 1), 1)

    async def test_a_loader_may_load_other_keys(self):
        async def loader(key):
            return 1 + await self.cache.get_or_load("inner", lambda: 41)

        self.assertEqual(await self.cache.get_or_load("outer", loader), 42)

    async def test_a_loader_that_takes_too_long_is_cancelled(self):
        cancelled = []

        async def loader():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        got = await asyncio.gather(*(self.cache.get_or_load("key", loader, timeout=0.05)
                                     for _ in range(10)), return_exceptions=True)
        self.assertEqual({type(e) for e in got}, {TimeoutError})
        self.assertEqual(cancelled, [True])
        self.assertEqual(await self.cache.get_or_load("key", lambda: 1), 1)

    async def test_a_waiter_that_is_cancelled_does_not_end_the_load(self):
        loader = Counted(pause_s=0.1)
        tasks = [asyncio.create_task(self.cache.get_or_load("key", loader)) for _ in range(5)]
        await asyncio.sleep(0.02)
        for task in tasks[:4]:
            task.cancel()
        self.assertEqual(await tasks[4], "loaded")
        self.assertTrue(all(task.cancelled() for task in tasks[:4]))
        loader = Counted(value="unwatched", pause_s=0.05)
        task = asyncio.create_task(self.cache.get_or_load("other", loader))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0.1)
        self.assertEqual(await self.cache.get("other"), "unwatched")

    async def test_none_is_not_stored_but_can_be_remembered(self):
        loader = Counted(value=None, pause_s=0)
        self.assertIsNone(await self.cache.get_or_load("key", loader))
        self.assertIsNone(await self.cache.get_or_load("key", loader))
        self.assertEqual(loader.calls, 2)
        self.assertIsNone(await self.cache.get_or_load("key", loader, negative_seconds=0.1))
        self.assertIsNone(await self.cache.get_or_load("key", loader, negative_seconds=0.1))
        self.assertEqual(loader.calls, 3)
        self.assertIsNone(await self.cache.get("key"))
        await asyncio.sleep(0.12)
        loader.value = "there"
        self.assertEqual(await self.cache.get_or_load("key", loader), "there")

    async def test_an_older_value_is_served_while_it_is_reloaded(self):
        loader = Counted(value=1, pause_s=0.01)
        await self.cache.get_or_load("key", loader, 0.1, stale_seconds=30)
        await asyncio.sleep(0.12)
        loader.value, loader.pause_s = 2, 0.8
        begun = time.monotonic()
        got = await asyncio.gather(*(self.cache.get_or_load("key", loader, 30, stale_seconds=30)
                                     for _ in range(100)))
        self.assertEqual(set(got), {1})
        self.assertLess(time.monotonic() - begun, 0.7)
        while await self.cache.get("key") is None:
            await asyncio.sleep(0.01)
        self.assertEqual(await self.cache.get_or_load("key", loader, 30, stale_seconds=30), 2)
        self.assertEqual(loader.calls, 2)

    async def test_an_older_value_is_served_while_the_source_fails(self):
        loader = Counted(value=1, pause_s=0)
        await self.cache.get_or_load("key", loader, 0.05, stale_seconds=30)
        await asyncio.sleep(0.07)
        loader.error = OSError("down")
        with self.assertLogs("asyncttlcache", "WARNING"):
            for _ in range(20):
                self.assertEqual(await self.cache.get_or_load("key", loader, stale_seconds=30), 1)
                await asyncio.sleep(0.002)
        self.assertEqual(loader.calls, 2)  # it backs off

    async def test_a_value_is_renewed_before_its_end(self):
        loader = Counted(value=1, pause_s=0)
        await self.cache.get_or_load("key", loader, 30, soft_seconds=0.05)
        await asyncio.sleep(0.07)
        loader.value = 2
        self.assertEqual(await self.cache.get_or_load("key", loader, 30, soft_seconds=0.05), 1)
        await asyncio.sleep(0.02)
        self.assertEqual(await self.cache.get("key"), 2)

    async def test_what_somebody_writes_during_a_load_stays(self):
        loader = Counted(value="loaded", pause_s=0.05)
        task = asyncio.create_task(self.cache.get_or_load("key", loader))
        await asyncio.sleep(0.02)
        await self.cache.set("key", "written")
        self.assertEqual(await task, "loaded")
        self.assertEqual(await self.cache.get("key"), "written")

    async def test_a_value_that_cannot_be_stored_is_an_error_for_all(self):
        got = await asyncio.gather(*(self.cache.get_or_load("key", Counted(value=lambda: 1))
                                     for _ in range(3)), return_exceptions=True)
        self.assertTrue(all(isinstance(e, Exception) for e in got), got)
        self.assertEqual(await self.cache.get_or_load("key", lambda: 1), 1)

    async def test_stop_ends_the_loads(self):
        task = asyncio.create_task(self.cache.get_or_load("key", Counted(pause_s=60)))
        await asyncio.sleep(0.02)
        await self.cache.stop()
        with self.assertRaises(CacheClosedError):
            await task


class Loops(unittest.TestCase):
    def test_one_load_for_several_event_loops(self):
        cache, calls, got = AsyncTTLCache(), [], []
        barrier = threading.Barrier(4)

        async def loader():
            calls.append(1)
            await asyncio.sleep(0.1)
            return "loaded"

        async def main():
            barrier.wait()
            got.extend(await asyncio.gather(*(cache.get_or_load("key", loader) for _ in range(50))))

        threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(calls), len(got), set(got)), (1, 200, {"loaded"}))
        asyncio.run(cache.stop())

    def test_a_load_that_fails_in_one_loop_is_taken_up_in_another(self):
        cache, got = AsyncTTLCache(), []
        begun = threading.Event()

        async def failing():
            begun.set()
            await asyncio.sleep(0.1)
            raise OSError("down")

        async def first():
            try:
                await cache.get_or_load("key", failing)
            except OSError:
                got.append("failed")

        async def second():
            got.append(await cache.get_or_load("key", lambda: "loaded"))

        thread = threading.Thread(target=asyncio.run, args=(first(),))
        thread.start()
        begun.wait()
        asyncio.run(second())
        thread.join()
        self.assertEqual(sorted(got), ["failed", "loaded"])
        asyncio.run(cache.stop())


if __name__ == "__main__":
    support.run()

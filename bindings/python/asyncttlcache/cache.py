# SPDX-License-Identifier: BSD-2-Clause
"""AsyncTTLCache, the interface for asyncio.

Without a log, get, set and delete are done in the call itself: they take a microsecond and never wait.
Whatever may wait for a disk is submitted to a completion queue of the running loop (loop.py), and the
few calls that have no such form run in a thread. An instance may be used from several event loops.
"""
from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import Any

from . import _attl, loading, report, status, undo
from .loop import Completion, LoopQueue
from .settings import Arguments, refuse, seconds_ms
from .sync import Engine

Key = str | bytes
Loader = Callable[..., Any]

LOAD_PAUSE_S, LOAD_PAUSE_MAX_S = 0.001, 0.05
INLINE_ENTRIES = 50_000  # clearing that many takes no longer than a thread's start
INLINE_OPERATIONS = 256
DETACH_S = 5


class BackupSnapshot:
    """A snapshot that is being taken, or was. Awaiting it waits until it is there, and returns it.

    name, created_at (Unix seconds), entries and bytes are None until then.
    """

    def __init__(self, cache: AsyncTTLCache) -> None:
        self.name: str | None = None
        self.created_at: float | None = None
        self.entries: int | None = None
        self.bytes: int | None = None
        self._task: asyncio.Task[dict[str, Any]] | None = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            while cache._cache.progress()["loading"]:  # nobody else's turn is kept from them
                time.sleep(LOAD_PAUSE_S)
            self._fill(cache._cache.snapshot())
        else:
            self._task = loop.create_task(cache._take_snapshot())
            self._task.add_done_callback(self._taken)

    def _fill(self, info: dict[str, Any]) -> None:
        self.name, self.created_at = info["name"], info["created_at"]
        self.entries, self.bytes = info["entries"], info["bytes"]

    def _taken(self, task: asyncio.Task[dict[str, Any]]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._fill(task.result())

    def done(self) -> bool:
        return self._task is None or self._task.done()

    async def _wait(self) -> BackupSnapshot:
        if self._task is not None:
            self._fill(await asyncio.shield(self._task))
        return self

    def __await__(self) -> Generator[Any, None, BackupSnapshot]:
        return self._wait().__await__()

    def __repr__(self) -> str:
        return f"<BackupSnapshot {self.name or 'being taken'}>"


class AsyncTTLCache:
    """A cache for asyncio.

    ttl_seconds       life of an entry that is set without one
    cleanup_interval  seconds between deep maintenance; expiry is exact whatever it is
    num_shards        shards of the cache
    enable_wal        log every change in the directory wal_path, and read it when constructed
    wal_path          that directory; None: asyncttlcache-data in the working directory
    max_entries       entries above which some are evicted; 0: no limit
    max_memory_mb     the same for memory, in MiB
    paranoia_mode     at most 10 000 entries and 10 MiB, whatever the limits say
    codec             for values other than bytes, str, int and float: "pickle" or "json"; or "bytes",
                      which takes bytes only and stores nothing else, for others to read
    options           settings of libattl by name, applied last: {"cache.eviction": "noeviction"}

    Keys are str or bytes; a str is its UTF-8. Bad arguments raise ValidationError, a ValueError, and if
    a type is wrong ValidationTypeError, a TypeError too.
    """

    def __init__(self, ttl_seconds: float = 60, cleanup_interval: float = 30, num_shards: int = 16,
                 enable_wal: bool = False, wal_path: str | os.PathLike[str] | None = None,
                 max_entries: int = 100000, max_memory_mb: float = 100,
                 paranoia_mode: bool = False, *, codec: str = "pickle",
                 options: Mapping[str, Any] | None = None) -> None:
        self._queues: dict[asyncio.AbstractEventLoop, LoopQueue] = {}
        self._cache = Engine(Arguments(ttl_seconds, cleanup_interval, num_shards, enable_wal, wal_path,
                                       max_entries, max_memory_mb, paranoia_mode, codec, options),
                             background_load=True)
        self._get, self._set = self._cache.get, self._cache.set
        self._default_ttl = ttl_seconds
        self._started = time.monotonic()
        self._loaded = not self._cache.data_dir
        # Nothing can wait: no log, and nothing is being read.
        self._inline = self._loaded and not self._cache.is_durable()

    # ---- the cache ----

    async def get(self, key: Key) -> Any:
        """The value, or None if there is none or its time is over."""
        if not self._loaded:
            await self._wait_loaded()
        return self._get(key)

    async def set(self, key: Key, value: Any, ttl_seconds: float | None = None) -> bool:
        """Stores. Returns when the promise of persist.fsync holds. With ttl_seconds = 0 the entry is
        gone at once. False: there is no room (noeviction), and nothing has changed."""
        if self._inline:
            return self._set(key, value, ttl_seconds)
        queue = await self._ready_queue()
        try:
            code = await self._submit(queue.queue.submit_set, key, value, ttl_seconds)
        except _attl.CacheFullError:
            return False
        return self._checked(code[1]) >= 0

    async def delete(self, key: Key) -> bool:
        """True if the key was there."""
        if self._inline:
            return self._cache.delete(key)
        queue = await self._ready_queue()
        done = await self._submit(queue.queue.submit_delete, key)
        return self._checked(done[1]) == status.OK

    async def mget(self, keys: Iterable[Key]) -> list[Any]:
        """The values of several keys, None for each that is absent; faster than one by one."""
        if not self._loaded:
            await self._wait_loaded()
        return self._cache.mget(keys)

    async def entry(self, key: Key) -> tuple[Any, float | None] | None:
        """(value, deadline in Unix seconds), or None: what to remember before a change that may have
        to be undone, see rollback_transaction()."""
        if not self._loaded:
            await self._wait_loaded()
        return self._cache.entry(key)

    async def clear(self) -> None:
        """Removes everything."""
        if self._inline and self._cache.size() <= INLINE_ENTRIES:
            self._cache.clear()
        else:
            await self._wait_loaded()
            await asyncio.to_thread(self._cache.clear)

    def size(self) -> int:
        """Number of entries. One whose time is over may count for up to a second."""
        return self._cache.size()

    def __len__(self) -> int:
        return self._cache.size()

    async def get_or_load(self, key: Key, loader: Loader, ttl_seconds: float | None = None, *,
                          soft_seconds: float | None = None, stale_seconds: float = 0,
                          negative_seconds: float = 0, timeout: float | None = 30,
                          backoff_seconds: float | None = None, jitter_percent: int = 0) -> Any:
        """The value; if there is none it is loaded, once, however many ask.

        `loader` is called with the key if it takes an argument. A coroutine function runs in this
        loop, anything else in a thread. If it raises, all who wait get the exception, unless there is
        an older value. None from it means that there is no value: nothing is stored.

        soft_seconds      after this part of its life a value is reloaded in the background when it is
                          asked for, and meanwhile served as it is
        stale_seconds     for so long after its life a value may still be served while it is reloaded,
                          or because that fails
        negative_seconds  how long the loader's None is remembered
        timeout           seconds a load may take, and the caller waits: then TimeoutError
        backoff_seconds   how long a source that failed is left alone; None: one second, growing, while
                          an older value can be served, and not at all otherwise
        jitter_percent    shortens lives by up to so much, so that they do not end together
        """
        if not self._loaded:
            await self._wait_loaded()
        plan = loading.Plan(loader, ttl_seconds, soft_seconds, stale_seconds,
                            seconds_ms("negative_seconds", negative_seconds), timeout,
                            None if backoff_seconds is None
                            else seconds_ms("backoff_seconds", backoff_seconds), jitter_percent)
        plan.check()
        return await loading.get_or_load(self._queue, self._cache, key, plan)

    async def rollback_transaction(self, operations: Iterable[Any]) -> bool:
        """Undoes operations, given in the order in which they were made, all of them or none.

        Each is a dict {"op": "set" | "delete", "key": ..., "previous_value": ..., "previous_ttl": ...}
        or a tuple (op, key, previous_value[, previous_ttl]). previous_value None: the key was absent.
        previous_ttl is the rest of its life in seconds, None the default; "previous_deadline", in Unix
        seconds as entry() gives it, is exact. Returns True; too many operations (limits.rollback_ops)
        raise ValidationError.
        """
        operations = undo.undo_list(operations, self._default_ttl)
        if self._inline and len(operations) <= INLINE_OPERATIONS:
            self._cache.rollback(operations)
        else:
            await self._wait_loaded()
            await asyncio.to_thread(self._cache.rollback, operations)
        return True

    # ---- snapshots ----

    def create_backup_snapshot(self) -> BackupSnapshot:
        """Starts a snapshot of this moment and returns at once: await the result, or hand it to
        restore_from_snapshot(). Where no loop runs it is taken before this returns. Needs a data
        directory: enable_wal, or options={"persist.dir": ...}."""
        return BackupSnapshot(self)

    async def restore_from_snapshot(
            self, snapshot: BackupSnapshot | str | os.PathLike[str]) -> dict[str, Any]:
        """Brings the contents back to those of a snapshot of this cache's directory, named, or given
        by its path or as what create_backup_snapshot() returned. Returns a report; the snapshot it
        names as safety_snapshot undoes the restoration."""
        if isinstance(snapshot, BackupSnapshot):
            snapshot = (await snapshot).name or ""
        name = self._snapshot_name(snapshot)
        queue = await self._ready_queue()
        done = await self._submit(queue.queue.submit_restore, name)
        if done[1] != status.OK:
            self._cache.raise_status(done[1], done[2] or "")
        return done[2]

    async def list_snapshots(self) -> list[dict[str, Any]]:
        """The snapshots of the directory, oldest first."""
        return await asyncio.to_thread(self._cache.snapshots)

    def _snapshot_name(self, snapshot: Any) -> str:
        if isinstance(snapshot, Mapping):
            snapshot = snapshot.get("name")
        if not isinstance(snapshot, (str, os.PathLike)) or not os.fspath(snapshot):
            raise refuse("SNAPSHOT", "a snapshot is named, or given by its path",
                         _attl.ValidationTypeError)
        folder, name = os.path.split(os.fspath(snapshot))
        if folder and not (self._cache.data_dir and os.path.realpath(folder) ==
                           os.path.realpath(self._cache.data_dir)):
            raise refuse("SNAPSHOT", f"the snapshot is not in {self._cache.data_dir!r}")
        return name

    async def _take_snapshot(self) -> dict[str, Any]:
        queue = await self._ready_queue()
        done = await self._submit(queue.queue.submit_snapshot)
        self._checked(done[1])
        return done[2]

    async def sync(self) -> None:
        """Returns when every change made so far is durable, whatever persist.fsync says."""
        queue = await self._ready_queue()
        self._checked((await self._submit(queue.queue.submit_sync))[1])

    # ---- observing ----

    def get_detailed_metrics(self) -> dict[str, Any]:
        """Counters and sizes: hits, misses, sets, evictions, expirations, hit_rate, memory_bytes,
        shard_imbalance, persistence ... Never waits."""
        return report.metrics(self._cache, self._started)

    async def health_check(self) -> dict[str, Any]:
        """Sets, gets and deletes an entry for real, and looks at sums, limits, maintenance and log.

        {"status": "healthy" | "degraded" | "unhealthy", "checks": {name: {"ok": bool, ...}}}
        """
        begun = time.perf_counter()
        error = ""
        works = False
        try:
            key = report.probe_key()
            works = (await self.set(key, b"probe", 10) and await self.get(key) == b"probe" and
                     await self.delete(key) and await self.get(key) is None)
        except _attl.CacheError as failure:
            error = str(failure)
        took_s = time.perf_counter() - begun
        if self._cache.is_closed():
            return {"status": "unhealthy", "checks": {"functionality": {"ok": False, "error": error}}}
        checks = {"functionality": {"ok": works, "error": error},
                  **report.check_contents(self._cache),
                  "performance": {"ok": took_s < report.SLOW_S, "seconds": took_s}}
        return {"status": report.verdict(checks), "checks": checks}

    def get_option(self, name: str) -> str:
        """The value of a setting in force, as text."""
        return self._cache.option_get(name)

    # ---- life ----

    async def stop(self) -> None:
        """Ends what is under way and closes the cache; with a log, everything is written. Idempotent."""
        loop = asyncio.get_running_loop()
        own = self._queues.pop(loop, None)
        others, self._queues = self._queues, {}
        self._inline, self._loaded = False, True  # from here on calls meet a closed cache
        try:
            if own is not None:
                await own.finish()
            for queue in others.values():
                await _detach(queue)
        finally:
            await asyncio.to_thread(self._cache.close)

    async def __aenter__(self) -> AsyncTTLCache:
        if not self._loaded:
            await self._wait_loaded()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        traceback: TracebackType | None) -> None:
        await self.stop()

    def __del__(self) -> None:
        queues = getattr(self, "_queues", None)
        cache = getattr(self, "_cache", None)
        if cache is not None and not cache.is_closed() and cache.is_durable():
            warnings.warn("an AsyncTTLCache with a log was not stopped", ResourceWarning, source=self)
        for queue in (queues or {}).values():
            _close_soon(queue)

    # ---- inside ----

    async def _wait_loaded(self) -> None:
        pause_s = LOAD_PAUSE_S
        while not self._loaded:
            if not self._cache.progress()["loading"]:
                self._loaded = True
                self._inline = not self._cache.is_durable()
                return
            await asyncio.sleep(pause_s)
            pause_s = min(1.5 * pause_s, LOAD_PAUSE_MAX_S)

    def _queue(self) -> LoopQueue:
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            for dead in [other for other in self._queues if other.is_closed()]:
                self._queues.pop(dead).close()
            queue = LoopQueue(self._cache, loop)
            self._queues[loop] = queue
        return queue

    async def _ready_queue(self) -> LoopQueue:
        if not self._loaded:
            await self._wait_loaded()
        return self._queue()

    async def _submit(self, call: Callable[..., int | None], *args: Any) -> Completion:
        return await self._queue().submit(call, *args)

    def _checked(self, code: int) -> int:
        if code < 0:
            self._cache.raise_status(code, "")
        return code


def _close_soon(queue: LoopQueue) -> None:
    """Closes a queue in its own loop, or here if that loop does not run."""
    try:
        if queue.loop.is_running():
            queue.loop.call_soon_threadsafe(queue.close)
            return
    except RuntimeError:
        pass  # it was closed this moment
    queue.close()


async def _detach(queue: LoopQueue) -> None:
    """Closes the queue of another loop, and waits until it is."""
    _close_soon(queue)
    end = time.monotonic() + DETACH_S
    while not queue.closed and not queue.loop.is_closed() and time.monotonic() < end:
        await asyncio.sleep(0.001)
    queue.close()

# SPDX-License-Identifier: BSD-2-Clause
"""get_or_load(): one load per key, whoever asks.

The right to load is a lease of libattl, so it is one in the whole process, over threads and loops.
Callers in the loop of the one who loads wait for its task, and so get its exception too; those in other
loops wait in libattl, and are told when the value is there. The lease is renewed while the loader runs
and ends with it. A value that somebody writes during a load is never overwritten by the load.
"""
from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import _attl, status
from .loop import Completion, LoopQueue
from .settings import refuse, seconds_ms

LEASE_MS = 10_000
FOREVER_MS = 7 * 86_400_000
BACKOFF_MS = 1000  # where an older value can be served meanwhile

log = logging.getLogger("asyncttlcache")
# What is being loaded by the task, or by the tasks that it is a part of.
_loading: contextvars.ContextVar[frozenset[tuple[int, bytes]]] = contextvars.ContextVar(
    "asyncttlcache_loading", default=frozenset())


@dataclass(frozen=True)
class Plan:
    """How a value is loaded, and how long it lives."""

    loader: Callable[..., Any]
    ttl: float | None
    soft: float | None
    stale: float
    negative_ms: int
    timeout: float | None
    backoff_ms: int | None
    jitter_percent: int

    def check(self) -> None:
        if not callable(self.loader):
            raise refuse("LOADER", "the loader is not callable", _attl.ValidationTypeError)
        seconds_ms("soft_seconds", self.soft)
        seconds_ms("stale_seconds", self.stale)
        seconds_ms("timeout", self.timeout)
        if not 0 <= self.jitter_percent <= 100:
            raise refuse("JITTER", "jitter_percent is between 0 and 100")

    def options(self) -> tuple[int, int, int, int]:
        """For a fetch: lease, wait, how stale, flags."""
        wait_ms = FOREVER_MS if self.timeout is None else max(round(self.timeout * 1000), 1)
        flags = 0 if self.stale or self.soft else status.FETCH_NO_STALE
        return LEASE_MS, wait_ms, 0, flags


def _takes_key(loader: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(loader).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD,
                  inspect.Parameter.VAR_POSITIONAL)
    return any(p.kind in positional and (p.default is p.empty or p.kind is p.VAR_POSITIONAL)
               for p in parameters)


async def _call(loader: Callable[..., Any], key: str | bytes) -> Any:
    """Runs the loader: a coroutine function here, anything else in a thread."""
    args = (key,) if _takes_key(loader) else ()
    if inspect.iscoroutinefunction(loader) or inspect.iscoroutinefunction(
            getattr(loader, "__call__", None)):
        return await loader(*args)
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    value = await loop.run_in_executor(None, lambda: context.run(loader, *args))
    return await value if inspect.isawaitable(value) else value


class Load:
    """One load, with its lease."""

    def __init__(self, cache: _attl.Cache, key: str | bytes, token: int, plan: Plan,
                 older: Any) -> None:
        self.cache, self.key, self.token, self.plan, self.older = cache, key, token, plan, older
        self.timer: asyncio.TimerHandle | None = None

    async def run(self) -> Any:
        self.renew()
        try:
            async with asyncio.timeout(self.plan.timeout):
                value = await _call(self.plan.loader, self.key)
            self.store(value)
            return value
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            if self.timer:
                self.timer.cancel()

    def renew(self) -> None:
        if self.timer and self.cache.renew(self.key, self.token, LEASE_MS) != status.OK:
            return  # somebody wrote the key: nothing of ours will be stored
        self.timer = asyncio.get_running_loop().call_later(LEASE_MS / 3000, self.renew)

    def store(self, value: Any) -> None:
        plan = self.plan
        if value is None and plan.negative_ms:
            self.cache.fail(self.key, self.token, plan.negative_ms, 0)
        elif value is None:
            self.give_back()
        elif self.cache.fill(self.key, self.token, value, plan.ttl, plan.soft, plan.stale,
                             plan.jitter_percent) in (status.E_FULL, status.E_QUOTA,
                                                      status.E_BUSY):
            self.give_back()  # there is no room for it; who asked has it all the same

    def failed(self, error: BaseException) -> None:
        if self.cache.is_closed():
            return
        backoff_ms = self.plan.backoff_ms
        if backoff_ms is None and self.older is not None:
            backoff_ms = BACKOFF_MS
        if backoff_ms and isinstance(error, Exception):
            self.cache.fail(self.key, self.token, 0, backoff_ms)
        else:
            self.give_back()

    def give_back(self) -> None:
        self.cache.renew(self.key, self.token, 0)


def _start(queue: LoopQueue, cache: _attl.Cache, key: str | bytes, name: bytes,
           load: Load) -> asyncio.Task[Any]:
    async def run() -> Any:
        _loading.set(_loading.get() | {(id(cache), name)})
        return await load.run()

    def ended(task: asyncio.Task[Any]) -> None:
        queue.loads.pop(name, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and load.older is not None:
            log.warning("reloading %r failed, the older value stays for now: %r", key, error)

    task = queue.loop.create_task(run(), name=f"asyncttlcache load {key!r}")
    queue.loads[name] = task
    task.add_done_callback(ended)
    return task


async def _follow(task: asyncio.Task[Any], queue: LoopQueue) -> Any:
    """The result of somebody's load, which goes on if we are cancelled."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.cancelled() and queue.stopping:
            raise _attl.CacheClosedError("the cache was stopped during the load") from None
        raise


async def get_or_load(queue_of: Callable[[], LoopQueue], cache: _attl.Cache, key: str | bytes,
                      plan: Plan) -> Any:
    options = plan.options()
    code, value, token, retry_ms = cache.fetch(key, options)
    if code == status.OK:
        return value
    name = key.encode() if isinstance(key, str) else bytes(key)
    queue = queue_of()

    def give_back(done: Completion) -> None:
        if done[1] == status.WON and not cache.is_closed():
            cache.renew(key, done[3], 0)

    while True:
        if code in (status.OK, status.STALE):
            return value
        if code == status.NEGATIVE:
            return None
        if code == status.WON:
            task = _start(queue, cache, key, name, Load(cache, key, token, plan, value))
            return value if value is not None else await _follow(task, queue)
        if code == status.E_TIMEOUT:
            raise TimeoutError("the value was not loaded in time")
        if code == status.E_CLOSED:
            raise _attl.CacheClosedError("the cache was stopped during the load")
        if (id(cache), name) in _loading.get():
            raise refuse("REENTRANT", f"the loader of {key!r} asks for what it loads",
                         _attl.LoaderError)
        running = queue.loads.get(name)
        if running is not None and not running.done():
            return await _follow(running, queue)
        if retry_ms or code == status.MISS and token == -1:
            raise refuse("LOADER", f"loading {key!r} has failed, and the source is left alone for "
                         f"now", _attl.LoaderError)
        if code == status.E_BUSY:
            await asyncio.sleep(0.001)
            code, value, token, retry_ms = cache.fetch(key, options)
            continue
        _, code, stored, token = await queue.submit(queue.queue.submit_fetch, key, options,
                                                    orphaned=give_back)
        value = cache.decode(stored) if stored is not None else None
        if code == status.MISS:
            token = -1  # it has failed elsewhere

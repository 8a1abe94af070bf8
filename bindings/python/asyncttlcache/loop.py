# SPDX-License-Identifier: BSD-2-Clause
"""One completion queue in one event loop.

A submission is made at once; if its completion is there already, as it is when nothing has to wait for
the disk, it is taken on the spot, and the event loop is not involved. Otherwise a future waits for it,
and the queue's descriptor, which the loop watches, wakes us. Every accepted submission gets exactly one
completion, so every future is settled. Everything here runs in the loop's thread.
"""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import _attl, status

Completion = tuple[int, int, Any, int]  # number, status, payload, token

CAPACITY = 16384
BUSY_PAUSE_S = 0.001


class LoopQueue:
    def __init__(self, cache: _attl.Cache, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.queue = _attl.Queue(cache, CAPACITY)
        # Number -> who waits, and what to do with a result that nobody waits for any more.
        self.pending: dict[int, tuple[asyncio.Future[Completion],
                                      Callable[[Completion], None] | None]] = {}
        self.loads: dict[bytes, asyncio.Task[Any]] = {}  # see loading.py
        self.next_number = 1
        self.fd = self.queue.fileno()
        self.closed = self.stopping = False
        loop.add_reader(self.fd, self.reap)

    def reap(self, mine: int = 0) -> Completion | None:
        """Settles what is complete; the completion numbered `mine` is returned instead."""
        found = None
        for done in self.queue.reap():
            if done[0] == mine:
                found = done
                continue
            future, orphaned = self.pending.pop(done[0])
            if not future.done():
                future.set_result(done)
            elif orphaned:
                orphaned(done)
        return found

    async def submit(self, call: Callable[..., int | None], *args: Any,
                     orphaned: Callable[[Completion], None] | None = None) -> Completion:
        """Submits, waiting for room if need be, and returns the completion."""
        number = self.next_number
        self.next_number += 1
        while (accepted := call(number, *args)) is None:
            await asyncio.sleep(BUSY_PAUSE_S)
        done = self.reap(number)
        if done is not None:
            return done
        future: asyncio.Future[Completion] = self.loop.create_future()
        self.pending[number] = (future, orphaned)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.done() and orphaned:
                orphaned(future.result())  # both at once: it was complete, and we are cancelled
            elif not self.closed:
                self.queue.cancel(accepted)
            raise

    async def finish(self) -> None:
        """Takes nothing new, waits for what is under way, and closes."""
        self.stopping = True
        for task in list(self.loads.values()):
            task.cancel()
        if self.loads:
            await asyncio.wait(list(self.loads.values()))
        self.queue.shutdown()
        while self.pending:
            await asyncio.wait([future for future, _ in self.pending.values()])
            await asyncio.sleep(0)
        self.close()

    def close(self) -> None:
        """At once. Who still waits is told that the cache is closed."""
        if self.closed:
            return
        self.closed = self.stopping = True
        if not self.loop.is_closed():
            self.loop.remove_reader(self.fd)
        self.queue.close()
        pending, self.pending = self.pending, {}
        for number, (future, _) in pending.items():
            if not future.done() and not self.loop.is_closed():
                future.set_result((number, status.E_CLOSED, None, 0))

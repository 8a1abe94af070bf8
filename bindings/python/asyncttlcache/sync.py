# SPDX-License-Identifier: BSD-2-Clause
"""The cache without asyncio: calls that return when they are done."""
from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from . import _attl
from .settings import Arguments, codec_of, settings_of

# Caches that are open: closed when the interpreter ends, so that the log has everything, and
# disowned in the child of a fork, which does not have their threads.
_open_caches: weakref.WeakSet[_attl.Cache] = weakref.WeakSet()


def _close_all() -> None:
    for cache in list(_open_caches):
        cache.close()


def _disown_all() -> None:
    for cache in list(_open_caches):
        cache.disown()
    _open_caches.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_disown_all)


class Engine(_attl.Cache):
    """A cache of libattl, opened from arguments, and known to the fork and exit handlers."""

    def __init__(self, args: Arguments, background_load: bool) -> None:
        settings = settings_of(args, background_load)
        super().__init__(settings, *codec_of(args.codec))
        # Empty: there is no data directory.
        self.data_dir = self.option_get("persist.dir")
        _open_caches.add(self)

    def close(self) -> None:
        _open_caches.discard(self)
        super().close()


class TTLCache(Engine):
    """A cache for threads and scripts; any number of threads may use it.

    get, set, delete, mget, `in` and len() are those of _attl.Cache, in C. With enable_wal a change
    may wait for the disk, and opening reads the data directory; other threads run on meanwhile.
    """

    def __init__(self, ttl_seconds: float = 60, cleanup_interval: float = 30, num_shards: int = 16,
                 enable_wal: bool = False, wal_path: str | os.PathLike[str] | None = None,
                 max_entries: int = 100000, max_memory_mb: float = 100,
                 paranoia_mode: bool = False, *, codec: str = "pickle",
                 options: Mapping[str, Any] | None = None) -> None:
        super().__init__(Arguments(ttl_seconds, cleanup_interval, num_shards, enable_wal, wal_path,
                                   max_entries, max_memory_mb, paranoia_mode, codec, options),
                         background_load=False)

    def __enter__(self) -> TTLCache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

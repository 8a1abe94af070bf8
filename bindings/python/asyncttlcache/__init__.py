# SPDX-License-Identifier: BSD-2-Clause
"""AsyncTTLCache: a sharded cache for values with a time to live, in C, for asyncio and without it.

    async with AsyncTTLCache(ttl_seconds=60) as cache:
        await cache.set("user:42", {"name": "Ada"}, ttl_seconds=30)
        user = await cache.get("user:42")

AsyncTTLCache is for asyncio, TTLCache for everybody else; both are the same engine.
"""
from ._attl import (CacheClosedError, CacheError, CacheFullError, CacheLoadingError, DurabilityError,
                    LoaderError, ValidationError, ValidationTypeError, library_version)
from .cache import AsyncTTLCache, BackupSnapshot
from .sync import TTLCache

__version__ = library_version
__all__ = ["AsyncTTLCache", "BackupSnapshot", "CacheClosedError", "CacheError", "CacheFullError",
           "CacheLoadingError", "DurabilityError", "LoaderError", "TTLCache", "ValidationError",
           "ValidationTypeError"]

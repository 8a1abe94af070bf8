# SPDX-License-Identifier: BSD-2-Clause
"""Metrics and health, from the engine's counters."""
from __future__ import annotations

import os
import time
from typing import Any

from ._attl import Cache

LOG_STATES = ("writing", "trying", "memory only", "closed", "behind a gap")
SLOW_S = 0.5


def metrics(cache: Cache, started: float) -> dict[str, Any]:
    """Everything the engine counts, and the ratios that people ask for."""
    stats: dict[str, Any] = dict(cache.stats())
    persist = cache.persist_stats()
    uptime = max(time.monotonic() - started, 1e-9)
    lookups = stats["hits"] + stats["misses"]
    mean = stats["items"] / stats["shards"] if stats["shards"] else 0
    stats.update(
        size=stats["items"],
        uptime_seconds=uptime,
        hit_rate=stats["hits"] / lookups if lookups else 0.0,
        evictions=stats["evicted"],
        expirations=stats["expired"],
        eviction_rate=stats["evicted"] / stats["sets"] if stats["sets"] else 0.0,
        operations_per_second=(lookups + stats["sets"] + stats["deletes"]) / uptime,
        memory_bytes=stats["mem_used"],
        shard_imbalance=stats["shard_max_items"] / mean if mean else 1.0,
        wal_enabled=bool(persist["enabled"]),
    )
    stats["persistence"] = {**persist, "state": _log_state(persist)}
    return stats


def _log_state(persist: dict[str, int]) -> str:
    if not persist["enabled"]:
        return "off"
    state = persist["state"]
    return LOG_STATES[state] if state < len(LOG_STATES) else str(state)


def probe_key() -> str:
    return f"asyncttlcache:health:{os.getpid()}:{time.monotonic_ns()}"


def check_contents(cache: Cache) -> dict[str, dict[str, Any]]:
    """What can be seen from outside: sums, limits, shards, the log."""
    stats, persist = cache.stats(), cache.persist_stats()
    items, over = stats["items"], 17 / 16  # a batch may pass the limit by a sixteenth
    entries_ok = not stats["max_entries"] or items <= stats["max_entries"] * over
    memory_ok = not stats["max_memory"] or stats["mem_used"] <= stats["max_memory"] * over
    sums_ok = (stats["shard_min_items"] * stats["shards"] <= items <=
               stats["shard_max_items"] * stats["shards"] + stats["shards"]
               and stats["items_ttl"] <= items and stats["mem_used"] <= stats["mem_committed"])
    log_state = _log_state(persist)
    return {
        "integrity": {"ok": sums_ok, "size": items, "shards": stats["shards"]},
        "bounds": {"ok": entries_ok and memory_ok, "entries": items,
                   "max_entries": stats["max_entries"], "memory_bytes": stats["mem_used"],
                   "max_memory_bytes": stats["max_memory"]},
        "background": {"ok": stats["expire_lag_ms_max"] < 10_000,
                       "expire_lag_ms_max": stats["expire_lag_ms_max"]},
        "durability": {"ok": log_state in ("off", "writing"), "state": log_state,
                       "last_error": persist["last_error"]},
    }


def verdict(checks: dict[str, dict[str, Any]]) -> str:
    if not checks["functionality"]["ok"] or not checks["integrity"]["ok"]:
        return "unhealthy"
    return "healthy" if all(check["ok"] for check in checks.values()) else "degraded"

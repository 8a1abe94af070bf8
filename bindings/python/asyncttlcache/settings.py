# SPDX-License-Identifier: BSD-2-Clause
"""The constructors' arguments as settings of libattl, and the codecs."""
from __future__ import annotations

import functools
import json
import math
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._attl import ValidationError, ValidationTypeError

YEAR_S = 365 * 86400
MIB = 1 << 20
CODECS = ("pickle", "json", "bytes")
DEFAULT_WAL_PATH = "asyncttlcache-data"
# The engine takes no other interval; expiry is exact whatever it is.
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.1, 86400


@dataclass
class Arguments:
    """What AsyncTTLCache and TTLCache are constructed with."""

    ttl_seconds: float
    cleanup_interval: float
    num_shards: int
    enable_wal: bool
    wal_path: str | os.PathLike[str] | None
    max_entries: int
    max_memory_mb: float
    paranoia_mode: bool
    codec: str
    options: Mapping[str, Any] | None


def refuse(rule: str, text: str, kind: type[ValidationError] = ValidationError) -> ValidationError:
    error = kind(text)
    error.rule = rule
    return error


def _number(name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refuse(name.upper(), f"{name} is a number", ValidationTypeError)
    if not math.isfinite(value) or not least <= value <= most:
        raise refuse(name.upper(), f"{name} is {value}, and must be between {least:g} and {most:g}")
    return value


def _count(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(name.upper(), f"{name} is an integer", ValidationTypeError)
    return int(_number(name, value, least, most))


def seconds_ms(name: str, value: Any, none_ms: int = 0) -> int:
    """A span in seconds, from 0 to a year, as milliseconds; None is `none_ms`."""
    if value is None:
        return none_ms
    seconds = _number(name, value, 0, YEAR_S)
    return max(round(seconds * 1000), 1) if seconds > 0 else 0


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _durability(args: Arguments) -> list[tuple[str, str]]:
    if not args.enable_wal:
        return []
    path = os.fspath(args.wal_path) if args.wal_path is not None else DEFAULT_WAL_PATH
    if os.path.exists(path) and not os.path.isdir(path):
        raise refuse("WAL_PATH", f"wal_path is a directory here, and {path!r} is a file")
    return [("persist.dir", os.path.abspath(path)), ("persist.fsync", "everysec")]


def settings_of(args: Arguments, background_load: bool) -> list[tuple[str, str]]:
    """The settings, in the order in which they are applied: what `options` says comes last."""
    ttl_ms = seconds_ms("ttl_seconds", _number("ttl_seconds", args.ttl_seconds, 0, YEAR_S))
    if ttl_ms == 0:
        raise refuse("TTL_RANGE", "ttl_seconds is 0: an entry would be gone when it is stored")
    interval_s = _number("cleanup_interval", args.cleanup_interval, 0, math.inf)
    interval_ms = round(min(max(interval_s, MIN_INTERVAL_S), MAX_INTERVAL_S) * 1000)
    memory = round(_number("max_memory_mb", args.max_memory_mb, 0, 1 << 30) * MIB)
    settings = [
        ("validation.mode", "strict"),
        ("cache.default_ttl", f"{ttl_ms}ms"),
        ("adaptive.base_interval", f"{interval_ms}ms"),
        ("cache.num_shards", str(_count("num_shards", args.num_shards, 1, 1 << 20))),
        ("cache.max_entries", str(_count("max_entries", args.max_entries, 0, 10 ** 12))),
        ("cache.max_memory", str(memory)),
        ("cache.paranoia", _text(bool(args.paranoia_mode))),
    ]
    settings += _durability(args)
    settings += [(name, _text(value)) for name, value in (args.options or {}).items()]
    if background_load:
        settings.append(("persist.background_load", "yes"))
    return settings


def codec_of(codec: str) -> tuple[int, Any, Any, Any]:
    """Number, dumps, pickle's loads, json's loads. Only the codec pickle unpickles."""
    if codec not in CODECS:
        raise refuse("CODEC", f"codec is one of {', '.join(CODECS)}, not {codec!r}")
    number = CODECS.index(codec)
    if codec == "pickle":
        return number, pickle.dumps, pickle.loads, json.loads
    if codec == "json":
        return number, functools.partial(json.dumps, separators=(",", ":")), None, json.loads
    return number, None, None, None

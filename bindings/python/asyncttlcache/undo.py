# SPDX-License-Identifier: BSD-2-Clause
"""Operations to be undone, in the shapes that rollback_transaction() accepts."""
from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ._attl import ValidationTypeError
from .settings import YEAR_S, refuse

KINDS = ("set", "delete")
NAMES = {
    "kind": ("op", "type", "operation"),
    "key": ("key",),
    "value": ("previous_value", "old_value", "prev_value"),
    "ttl": ("previous_ttl", "old_ttl", "prev_ttl"),
    "deadline": ("previous_deadline",),
}


def _member(operation: Mapping[str, Any], what: str) -> Any:
    return next((operation[name] for name in NAMES[what] if name in operation), None)


def _parts(operation: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Kind, key, previous value, previous TTL, previous deadline."""
    if isinstance(operation, Mapping):
        return (_member(operation, "kind"), _member(operation, "key"), _member(operation, "value"),
                _member(operation, "ttl"), _member(operation, "deadline"))
    if isinstance(operation, (tuple, list)) and 3 <= len(operation) <= 4:
        kind, key, value, *ttl = operation
        return kind, key, value, ttl[0] if ttl else None, None
    raise refuse("OPERATION", "an operation is a dict, or a tuple (op, key, previous_value, "
                 "previous_ttl)", ValidationTypeError)


def _deadline_ms(ttl: Any, deadline: Any, default_ttl: float, now: float) -> int:
    if deadline is not None:
        moment = deadline
    else:
        moment = now + (default_ttl if ttl is None else ttl)
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise refuse("TTL_TYPE", "a TTL is a number of seconds", ValidationTypeError)
    if ttl is not None and not 0 <= ttl <= YEAR_S or not 0 < moment <= now + YEAR_S + 1:
        raise refuse("TTL_RANGE", "the previous TTL is negative or above a year")
    return max(round(moment * 1000), 1)


def undo_list(operations: Iterable[Any], default_ttl: float) -> list[tuple[Any, Any, int]]:
    """(key, previous value or None, deadline in Unix ms) of each operation, in their order."""
    if isinstance(operations, (str, bytes, Mapping)):
        raise refuse("OPERATIONS", "operations are a list", ValidationTypeError)
    now = time.time()
    undo = []
    for operation in operations:
        kind, key, value, ttl, deadline = _parts(operation)
        if not isinstance(kind, str) or kind.lower() not in KINDS:
            raise refuse("OPERATION", f"the operation is one of {', '.join(KINDS)}, not {kind!r}")
        deadline_ms = 0 if value is None else _deadline_ms(ttl, deadline, default_ttl, now)
        undo.append((key, value, deadline_ms))
    return undo

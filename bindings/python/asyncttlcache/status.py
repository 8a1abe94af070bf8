# SPDX-License-Identifier: BSD-2-Clause
"""Statuses of libattl that the Python layer tells apart; the numbers are attl.h's."""
from __future__ import annotations

OK = 0
MISS = 1
STALE = 5
NEGATIVE = 6
WON = 7
E_FULL = -3
E_BUSY = -14
E_TIMEOUT = -23
E_CLOSED = -25
E_LEASE_LOST = -28
E_QUOTA = -29

FETCH_NO_STALE = 1

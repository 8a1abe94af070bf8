# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the Python package share: the path to what was built, directories, a heartbeat.

A test file is run by itself, with Debian's interpreter; $ATTL_BUILD_DIR says where the package was built.
run() ends with exit code 77, a skip, if it was not.
"""
import asyncio
import contextlib
import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("ATTL_BUILD_DIR") or os.path.join(HERE, "..", "..", "build")
sys.path.insert(0, os.path.join(BUILD, "python"))
SKIP = 77


def scaled(n):
    return max(int(n * float(os.environ.get("ATTL_TEST_SCALE", "1"))), 1)


def temporary_directory():
    return tempfile.TemporaryDirectory(prefix="attl-python-")


@contextlib.asynccontextmanager
async def heartbeat(longest_s):
    """Fails if the event loop was kept from its turn for longer than longest_s."""
    gaps = []

    async def beat():
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.002)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    task = asyncio.create_task(beat())
    await asyncio.sleep(0)
    try:
        yield gaps
        await asyncio.sleep(0.005)
    finally:
        task.cancel()
    worst = max(gaps, default=0)
    if worst > longest_s:
        raise AssertionError(f"the event loop stood still for {worst * 1000:.0f} ms")


def run():
    try:
        import asyncttlcache  # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(SKIP)
    unittest.main(verbosity=1)

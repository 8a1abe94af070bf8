# SPDX-License-Identifier: BSD-2-Clause
"""Power loss on real file systems: ext4 and XFS in a file, shut down in the middle of a load.

A round: attld serves on the file system, connections write and record what was acknowledged; all of
attld's threads are stopped (a sync that raced with the shutdown could return 0 for what is lost, which
a machine without power cannot), the file system is shut down without its journal, attld dies, the
file system is mounted again and attld started on it. Then `always` must have everything that was
acknowledged, `everysec` all but the last two seconds, `no` some prefix; and each of them what it had
called durable (INFO). The directory is attld's own making, so it must survive its first round too.

ATTL_POWER_ROUNDS=200 runs so many rounds per file system, ATTL_POWER_KINDS=xfs only those, and
ATTL_KEEP_DIR keeps the files as they were found if a round fails.
"""
import os
import random
import shutil
import sys
import time

from attl_server import SKIP, Error, run, sanitized
from durable import Durable, LoopDisk, Witness, has_log, keep_copy
from ledger import ALL, NEVER, Ledger

KINDS = os.environ.get("ATTL_POWER_KINDS", "ext4 xfs").split()
ROUNDS = int(os.environ.get("ATTL_POWER_ROUNDS", "6"))
SEED = int(os.environ.get("ATTL_TEST_SEED", str(random.randrange(1 << 32))))
ROUNDS_PER_DISK = 12
EVERYSEC_S = 2
# Mode, snapshot at the time of the loss; in the order in which rounds take them.
PLAN = [("always", False), ("everysec", False), ("always", True), ("no", True), ("always", False),
        ("always", True), ("everysec", True), ("no", False)]
OPTIONS = {"persist.segment_size": "1MiB", "persist.snapshot_log_size": "8MiB",
           "retention.interval": "1s", "retention.log_ttl": "1s", "retention.snapshots": "2"}


def load_s(mode, rng):
    """How long to write: everysec promises nothing about less than two seconds."""
    return rng.uniform(0.2, 0.8) + (EVERYSEC_S if mode == "everysec" else 0)


def load_and_lose(server, disk, ledger, snapshot, seconds, rng):
    """Writes, then cuts the power. When that was, and what the witness saw."""
    witness = Witness(server, 0.02)
    writers = ledger.write(server)
    time.sleep(seconds)
    if snapshot:
        with server.connect() as c:
            reply = c.command("BGSAVE")
            assert not isinstance(reply, Error) or reply.startswith(b"ERR Background save"), reply
        time.sleep(rng.uniform(0, 0.06))
    lost_at = time.monotonic()
    server.freeze()
    disk.cut_power(flush_journal=rng.random() < 0.25)
    server.kill()
    for writer in writers:
        writer.join()
        writer.check()
        assert writer.acked > 0, "nothing was written"
    witness.join()
    return lost_at, witness


def one_round(server, disk, ledger, number, rng):
    mode, snapshot = PLAN[number % len(PLAN)]
    server.restart(fsync=mode).wait_loaded()
    if not ledger.has_fill:
        with server.connect() as c:
            ledger.fill(c, 5000, 300)
    lost_at, witness = load_and_lose(server, disk, ledger, snapshot, load_s(mode, rng), rng)
    disk.come_back()
    kept = keep_copy(server.data, f"power-{disk.kind}")
    server.restart(fsync="always").wait_loaded()
    grace_s = max(EVERYSEC_S, 1 + 2 * witness.slowest_sync_s)  # a sync may take its second
    before = {"always": ALL, "everysec": lost_at - grace_s, "no": NEVER}[mode]
    try:
        with server.connect() as c:
            ledger.verify(c, before)
        next_lsn = int(server.persistence()["attl_next_lsn"])
        assert next_lsn >= witness.durable_lsn > 0, \
            f"LSN {witness.durable_lsn} was called durable, {next_lsn} comes next"
    except AssertionError:
        print(f"round {number} ({disk.kind}, {mode}{', snapshot' if snapshot else ''}), "
              f"kept: {kept}\n{server.log()[-3000:]}", flush=True)
        raise
    if kept:
        shutil.rmtree(kept)
    server.stop()
    assert server.exit_code == 0, server.exit_code


def rounds_on(kind):
    rng = random.Random(f"{SEED}/{kind}")
    totals = {"rounds": 0, "acknowledged": 0, "allowed losses": 0}
    while totals["rounds"] < ROUNDS:
        ledger = Ledger(f"{SEED}/{kind}/{totals['rounds']}")
        with LoopDisk(kind) as disk:
            if disk.problem:
                return disk.problem
            server = Durable(fsync="always", **OPTIONS, **{"persist.dir": f"{disk.path}/data"})
            server.data = f"{disk.path}/data"
            try:
                for _ in range(min(ROUNDS_PER_DISK, ROUNDS - totals["rounds"])):
                    one_round(server, disk, ledger, totals["rounds"], rng)
                    totals["rounds"] += 1
            finally:
                server.stop()
                server.dir.cleanup()
        totals["acknowledged"] += ledger.acked
        totals["allowed losses"] += ledger.lost
    print(f"{kind}: " + ", ".join(f"{value} {name}" for name, value in totals.items()), flush=True)
    return None


def test_of(kind):
    def test():
        problem = rounds_on(kind)
        if problem:
            print(f"skip: no power loss on {kind}: {problem}")
            SKIPPED.append(kind)
    test.__name__ = f"power_loss_on_{kind}"
    return test


SKIPPED = []

if __name__ == "__main__":
    if sanitized() or not has_log():
        print("skip: needs attld with its log, and without a sanitizer")
        sys.exit(SKIP)
    print(f"ATTL_TEST_SEED={SEED}")
    code = run([test_of(kind) for kind in KINDS])
    sys.exit(SKIP if code == 0 and len(SKIPPED) == len(KINDS) else code)

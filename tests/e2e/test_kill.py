# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 under load, again and again on the same directory, at any moment of attld's life.

What a dead process had handed to the system is not lost: every mode must come back with all that was
older than a second, with all that INFO had called written, and with a prefix of the rest; `always`
with everything that was acknowledged. Rounds differ in mode and in what else goes on at the moment of
death: nothing, segments of 64 KiB that end all the time, a snapshot, another death while it recovers
from this one, or one soon after.

ATTL_KILL_ROUNDS=1000 runs so many; ATTL_KEEP_DIR keeps the directory as it was if a round fails.
"""
import os
import random
import shutil
import subprocess
import sys
import time

from attl_server import SKIP, run, sanitized
from durable import Durable, Witness, has_log, keep_copy
from ledger import ALL, SHARED_A, Ledger, Loss

SLOW = 4 if sanitized() else 1
ROUNDS = int(os.environ.get("ATTL_KILL_ROUNDS", "12"))
SEED = int(os.environ.get("ATTL_TEST_SEED", str(random.randrange(1 << 32))))
ROUNDS_PER_DIRECTORY = 24
WRITTEN_AFTER_S = 1 * SLOW
MODES = ["always", "everysec", "no"]
EXTRAS = ["rotation", "snapshot", "recovery", "nothing"]
SMALL, LARGE = "64KiB", "1MiB"
OPTIONS = {"persist.snapshot_log_size": "8MiB", "retention.interval": "1s",
           "retention.log_ttl": "1s", "retention.snapshots": "2"}


def load_and_kill(server, ledger, extra, seconds, rng):
    """When attld died, and the witness."""
    witness = Witness(server, 0.005)
    writers = ledger.write(server)
    time.sleep(seconds)
    if extra == "snapshot":
        with server.connect() as c:
            c.command("BGSAVE")  # which may answer that one is running
        time.sleep(rng.uniform(0, 0.05))
    killed_at = time.monotonic()
    server.kill()
    for writer in writers:
        writer.join()
        writer.check()
        assert writer.acked > 0, "nothing was written"
    witness.join()
    return killed_at, witness


def kill_while_loading(server, rng, times=3):
    """Starts attld and kills it before it can have done much; how often it was still loading."""
    for _ in range(times):
        with open(server.log_path, "ab") as log:
            # pylint: disable=consider-using-with
            server.process = subprocess.Popen(server.argv, env=server.env, stdout=log, stderr=log,
                                              stdin=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.001, 0.12) * SLOW)
        assert server.process.poll() is None, f"attld ended by itself: {server.log()[-2000:]}"
        server.kill()


def one_round(server, ledger, number, rng):
    mode, extra = MODES[number % len(MODES)], EXTRAS[number % len(EXTRAS)]
    size = SMALL if extra == "rotation" else LARGE
    server.restart(**{"fsync": mode, "persist.segment_size": size}).wait_loaded()
    if not ledger.has_fill:
        with server.connect() as c:
            ledger.fill(c, 5000, 300)
    seconds = rng.uniform(0.05, 0.6) + (0 if mode == "always" else WRITTEN_AFTER_S)
    killed_at, witness = load_and_kill(server, ledger, extra, seconds * SLOW, rng)
    kept = keep_copy(server.dir.name, "kill")
    if extra == "recovery":
        kill_while_loading(server, rng)
    server.restart().wait_loaded()
    try:
        with server.connect() as c:
            ledger.verify(c, ALL if mode == "always" else killed_at - WRITTEN_AFTER_S)
        next_lsn = int(server.persistence()["attl_next_lsn"])
        assert next_lsn >= witness.written_lsn > 0, \
            f"LSN {witness.written_lsn} was called written, {next_lsn} comes next"
    except AssertionError:
        print(f"round {number} ({mode}, {extra}), kept: {kept}\n{server.log()[-3000:]}", flush=True)
        raise
    if kept:
        shutil.rmtree(kept)
    server.kill()


def kill_rounds_lose_nothing():
    rng = random.Random(SEED)
    done = acked = lost = 0
    while done < ROUNDS:
        ledger = Ledger(f"{SEED}/{done}")
        server = Durable(fsync="always", **OPTIONS)
        try:
            for _ in range(min(ROUNDS_PER_DIRECTORY, ROUNDS - done)):
                one_round(server, ledger, done, rng)
                done += 1
        finally:
            server.stop()
            server.dir.cleanup()
        acked, lost = acked + ledger.acked, lost + ledger.lost
    print(f"{done} rounds, {acked} acknowledged, {lost} allowed losses")


def the_checker_sees_what_is_missing():
    """Each kind of damage, done to a server that has lost nothing."""
    damages = [("DEL", "w0:c0"), ("SET", "w1:c1", "1", "KEEPTTL"), ("SET", "w2:7", "old"),
               ("SET", SHARED_A, "w0.1"), ("DECR", "shared:n"), ("DEL", "fill:17"),
               ("SET", "w0:unknown", "1"), ("PEXPIRE", "w3:c2", "10000000")]
    for damage in damages:
        ledger = Ledger(SEED)
        with Durable(fsync="off") as server:
            with server.connect() as c:
                ledger.fill(c, 100, 10)
                writers = ledger.write(server)
                time.sleep(0.3 * SLOW)
                for writer in writers:
                    writer.stop()
                ledger.verify(c, ALL)
                c.command(*damage)
                try:
                    ledger.verify(c, ALL)
                except Loss:
                    continue
                raise AssertionError(f"nobody has noticed {damage}")


if __name__ == "__main__":
    if not has_log():
        print("skip: attld was built without its log (attl_log_enabled is not 1)")
        sys.exit(SKIP)
    print(f"ATTL_TEST_SEED={SEED}")
    sys.exit(run([the_checker_sees_what_is_missing, kill_rounds_lose_nothing]))

# SPDX-License-Identifier: BSD-2-Clause
"""A disk that fails, is slow, or is full, under a running attld.

strace makes system calls of the living server fail: now and then, or for a while all of them. Writers
record what was acknowledged and what was refused; a reader asks all the time and must always be
answered. Whatever happened, attld comes back by itself, has said in INFO and in its log what was the
matter, and has after kill -9 everything it had acknowledged under `always`, and under `everysec` (where
it goes on in memory) everything once a snapshot has bridged the gap. One test adds a power loss: what
a sync that failed was to bring to the disk is then really not there.

A failed system call is not made, so the kernel keeps its promises for the others. A short write that
strace only pretends would be one that no program can survive; real ones come from RLIMIT_FSIZE and
from a tmpfs that is full.
"""
import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from attl_server import SKIP, Error, run, sanitized
from durable import Durable, LoopDisk, SmallDisk, has_log, keep_copy, wait_for
from ledger import ALL, Ledger

SEED = int(os.environ.get("ATTL_TEST_SEED", "1"))
ANSWER_S = 1.0  # strace stops every call of every thread, and the machine may be busy
TROUBLE_S = 1.2
SMALL = {"persist.segment_size": "64KiB"}
RENAME = "renameat,renameat2"
CALLS = f"fdatasync,fsync,pwrite64,fallocate,ftruncate,unlinkat,openat,{RENAME}"


class Inject:
    """System calls of the server fail by these rules of strace while the block lasts."""

    def __init__(self, server, *rules):
        self.server, self.rules = server, rules
        self.out = os.path.join(server.dir.name, "strace")
        self.fired = 0

    def __enter__(self):
        argv = ["strace", "-f", "-qq", "-o", self.out, "-e", f"trace={CALLS}"]
        for rule in self.rules:
            argv += ["-e", f"inject={rule}"]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(argv + ["-p", str(self.server.process.pid)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(self._attached, "strace to attach", 10)
        return self

    def _attached(self):
        assert self.process.poll() is None, self.process.stderr.read().decode()
        tasks = f"/proc/{self.server.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/status", encoding="ascii") as f:
                if "\nTracerPid:\t0\n" in f.read():
                    return False
        return True

    def cut_power(self, disk):
        """Where the server is, and nothing of it gets any further."""
        self.process.send_signal(signal.SIGSTOP)  # which holds every thread at its next system call
        time.sleep(0.05)
        disk.cut_power()
        self.server.process.kill()
        self.process.send_signal(signal.SIGCONT)  # it is told of deaths first
        self.server.kill()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        with open(self.out, encoding="utf-8", errors="replace") as f:
            text = f.read()
            self.fired = text.count("(INJECTED)") + text.count("(DELAYED)")
        os.remove(self.out)


class Reader(threading.Thread):
    """Reads and looks at INFO all the time: never an error, never long without an answer."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client = server.connect(timeout=30)
        assert self.client.command("SET", "read", "me") == b"OK"
        self.slowest_s, self.states, self.problem, self.stopping = 0, [], None, False
        self.start()

    def run(self):
        try:
            while not self.stopping:
                start = time.monotonic()
                value = self.client.command("GET", "read")
                info = self.client.command("INFO", "persistence").decode()
                self.slowest_s = max(self.slowest_s, time.monotonic() - start)
                assert value == b"me", value
                state = info.split("attl_log_state:")[1].split("\r\n")[0]
                if self.states[-1:] != [state]:
                    self.states.append(state)
                time.sleep(0.01)
        except Exception as e:  # pylint: disable=broad-except
            self.problem = f"{type(e).__name__}: {e}"

    def stop(self):
        self.stopping = True
        self.join()
        assert self.client.command("DEL", "read") == 1
        self.client.close()
        assert self.problem is None, self.problem
        assert self.slowest_s < ANSWER_S, f"a read took {self.slowest_s:.1f} s"


class Trouble:
    """A server under load. The block makes the trouble; behind it attld must come back by itself,
    be killed, and have kept what it acknowledged."""

    def __init__(self, mode="always", **options):
        self.ledger = Ledger(SEED, shared=False)
        self.server = Durable(fsync=mode, **options)
        self.states, self.writers = [], []

    def __enter__(self):
        self.server.start().wait_loaded()
        self.reader = Reader(self.server)
        self.writers = self.ledger.write(self.server, depth=1, lookup=self.server.connect)
        time.sleep(0.2)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self._come_back()
        except BaseException:
            kept = keep_copy(self.server.dir.name, "bad-disk")
            print(f"kept: {kept}\n{self.server.log()[-4000:]}")
            raise
        finally:
            self.server.stop()
            self.server.dir.cleanup()

    def _come_back(self):
        server = self.server
        wait_for(lambda: server.persistence()["attl_log_state"] == "writing", "it writes", 15)
        time.sleep(0.2)
        for writer in self.writers:
            writer.stop()
            assert writer.acked > 0, "nothing was acknowledged"
        self.reader.stop()
        self.states = self.reader.states
        with server.connect() as c:
            wait_for(lambda: c.command("ATTL.LOG", "SYNC") == b"OK", "the log is durable")
        wait_for(bridged(server), "a snapshot bridges the gap")
        server.kill()
        server.restart().wait_loaded()
        with server.connect() as c:
            self.ledger.verify(c, ALL)

    def count(self, what):
        return sum(getattr(writer, what) for writer in self.writers)

    def said(self, *events):
        log = self.server.log()
        for event in events:
            assert f'"event":"{event}"' in log, f"{event} is not in the log:\n{log}"


def bridged(server):
    """Memory only leaves a gap in the log, which counts when a snapshot is behind it."""
    def condition():
        log = server.log()
        return log.rfind('"event":"snapshot"') >= log.rfind('"event":"log_back"')
    return condition


def now_and_then(*rules, **options):
    """The rules hold for a while; the clients need not notice much, but nothing is lost."""
    with Trouble(**options) as t:
        with Inject(t.server, *rules) as inject:
            time.sleep(TROUBLE_S)
        assert inject.fired > 0, "nothing has failed"
        assert int(t.server.persistence()["attl_log_errors"]) > 0
        t.said("wal_segment_abandoned")
        wait_for(lambda: '"event":"wal_recovered"' in t.server.log(), "it says that it is back")


def a_sync_fails_now_and_then():
    now_and_then("fdatasync:error=EIO:when=4+7")


def a_write_fails_now_and_then():
    now_and_then("pwrite64:error=EIO:when=4+7")
    now_and_then("pwrite64:error=ENOSPC:when=3+5", **SMALL)


def a_write_makes_no_progress():
    now_and_then("pwrite64:retval=0:when=4+7")


def segments_cannot_be_made_now_and_then():
    now_and_then("fallocate:error=ENOSPC:when=2+2", **SMALL)
    now_and_then(f"{RENAME}:error=EIO:when=1+2", "fsync:error=EIO:when=2+3", **SMALL)


def everything_fails_now_and_then():
    now_and_then("fdatasync:error=EIO:when=5+11", "pwrite64:error=ENOSPC:when=7+13",
                 "fallocate:error=ENOSPC:when=2+3", f"{RENAME}:error=EIO:when=2+4",
                 "fsync:error=EIO:when=3+5", "ftruncate:error=EIO:when=1+2",
                 "unlinkat:error=EIO:when=1+3", **SMALL)


def always_refuses_while_nothing_can_be_synced():
    for rule in ("fdatasync:error=EIO", "pwrite64:error=ENOSPC", f"{RENAME}:error=EIO",
                 "fsync:error=EIO"):
        options = SMALL if RENAME in rule or rule.startswith("fsync") else {}
        with Trouble(**options) as t:
            with Inject(t.server, rule) as inject:
                wait_for(lambda: "retrying" in t.reader.states, "it says that it retries")
                assert t.server.persistence()["aof_last_write_status"] == "err"
                with t.server.connect() as c:
                    reply = c.command("SET", "refused", "1")
                    assert isinstance(reply, Error) and reply.startswith(b"MISCONF "), reply
                    assert c.command("GET", "refused") is None
                time.sleep(0.3)
            assert inject.fired > 0
            t.said("wal_segment_abandoned", "wal_retrying")
            assert t.count("refused") > 0, f"{rule}: nobody was refused"
        assert t.states[0] == t.states[-1] == "writing", t.states
        assert set(t.states) == {"writing", "retrying"}, t.states


def everysec_goes_on_in_memory_and_comes_back():
    for rule in ("pwrite64:error=EIO", "fdatasync:error=EIO"):
        with Trouble("everysec") as t:
            with Inject(t.server, rule):
                wait_for(lambda: "memory_only" in t.reader.states, "it gives the log up")
                before = t.count("acked")
                time.sleep(0.5)
                assert t.count("acked") > before, "changes were refused"
            assert int(t.server.persistence()["attl_unlogged_changes"]) > 0
            t.said("wal_retrying", "wal_detached")
            wait_for(lambda: '"event":"log_back"' in t.server.log(), "it comes back", 15)
        assert t.states[-1] == "writing", t.states


def a_slow_disk_slows_only_those_who_write():
    with Trouble() as t:
        with Inject(t.server, "fdatasync:delay_enter=400000") as inject:
            time.sleep(2)
        assert inject.fired > 1
        assert int(t.server.persistence()["attl_fsync_max_us"]) >= 400000
        assert max(writer.slowest_s for writer in t.writers) >= 0.4
    assert t.states == ["writing"], t.states
    assert t.reader.slowest_s < 0.35, f"a read took {t.reader.slowest_s} s"


def a_snapshot_that_fails_harms_nothing():
    with Trouble() as t:
        with t.server.connect() as c:
            assert c.command("BGSAVE") == b"Background saving started"
            wait_for(lambda: t.server.persistence()["rdb_saves"] == "1", "a snapshot")
            with Inject(t.server, f"{RENAME}:error=EIO"):
                c.command("BGSAVE")
                wait_for(lambda: t.server.persistence()["rdb_last_bgsave_status"] == "err",
                         "it says that there is no snapshot")
            t.said("snapshot_failed")
            assert c.command("BGSAVE") == b"Background saving started"
            wait_for(lambda: t.server.persistence()["rdb_last_bgsave_status"] == "ok", "the next")


def a_limit_on_the_size_of_files_cuts_writes_short():
    with Trouble(**{"persist.segment_size": "1MiB"}) as t:
        pid = t.server.process.pid
        for limit in (300001, 150001):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            wait_for(lambda: t.reader.states[-1] == "retrying", "it says that it retries")
            time.sleep(0.3)
            resource.prlimit(pid, resource.RLIMIT_FSIZE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_for(lambda: t.reader.states[-1] == "writing", "it is back")
        assert t.count("refused") > 0


def a_full_disk_gets_room_again():
    for mode, trouble in (("always", "retrying"), ("everysec", "memory_only")):
        with SmallDisk(16) as disk:
            if not disk.mounted:
                print("skip: a tmpfs cannot be mounted here")
                return
            options = {"persist.dir": f"{disk.path}/data", "persist.segment_size": "256KiB",
                       "persist.snapshot_log_size": "0"}
            with Trouble(mode, **options) as t:
                ballast(disk.path)
                wait_for(lambda: trouble in t.reader.states, f"it is {trouble}")
                time.sleep(0.3)
                acked = t.count("acked")
                os.remove(f"{disk.path}/ballast")
                wait_for(lambda: t.reader.states[-1] == "writing", "it is back")
                wait_for(lambda: t.count("acked") > acked, "writes are taken")
            assert trouble in t.states, t.states


def ballast(folder):
    """Leaves less than a segment on the disk, which others may be taking space from meanwhile."""
    with open(f"{folder}/ballast", "wb") as f:
        for attempt in range(20):
            free = os.statvfs(folder)
            try:
                os.posix_fallocate(f.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - 100000))
                return
            except OSError as e:
                if e.errno != errno.ENOSPC or attempt == 19:
                    raise


def a_power_loss_amid_failing_syncs_loses_nothing():
    with LoopDisk("ext4") as disk:
        if disk.problem:
            print(f"skip: {disk.problem}")
            return
        server = Durable(fsync="always", **{"persist.dir": f"{disk.path}/data"})
        ledger = Ledger(SEED, shared=False)
        try:
            for number in range(6):
                rule = ("fdatasync:error=EIO:when=2+2", "pwrite64:error=EIO:when=3+3")[number % 2]
                lose_power_amid(rule, server, disk, ledger)
                disk.come_back()
                server.restart().wait_loaded()
                with server.connect() as c:
                    ledger.verify(c, ALL)
                server.stop()
        finally:
            server.stop()
            server.dir.cleanup()


def lose_power_amid(rule, server, disk, ledger):
    server.restart().wait_loaded()
    writers = ledger.write(server, depth=1, lookup=server.connect)
    with Inject(server, rule) as inject:
        time.sleep(random.uniform(0.2, 0.5))
        inject.cut_power(disk)
    assert inject.fired > 0
    for writer in writers:
        writer.join()
        writer.check()
        assert writer.acked > 0, "nothing was acknowledged"


def can_trace():
    """Why not, or None."""
    if not shutil.which("strace"):
        return "strace is not installed"
    with Durable(fsync="always") as server, tempfile.TemporaryFile() as err:
        with subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fdatasync", "-e",
                               "inject=fdatasync:error=EIO:when=1", "-p", str(server.process.pid)],
                              stdin=subprocess.DEVNULL, stderr=err) as process:
            time.sleep(0.3)
            attached = process.poll() is None
            process.terminate()
        err.seek(0)
        return None if attached else f"strace cannot trace here: {err.read().decode().strip()}"


TRACED = [
    a_sync_fails_now_and_then,
    a_write_fails_now_and_then,
    a_write_makes_no_progress,
    segments_cannot_be_made_now_and_then,
    everything_fails_now_and_then,
    always_refuses_while_nothing_can_be_synced,
    everysec_goes_on_in_memory_and_comes_back,
    a_slow_disk_slows_only_those_who_write,
    a_snapshot_that_fails_harms_nothing,
    a_power_loss_amid_failing_syncs_loses_nothing,
]
OTHERS = [
    a_limit_on_the_size_of_files_cuts_writes_short,
    a_full_disk_gets_room_again,
]

if __name__ == "__main__":
    if sanitized() or not has_log():
        print("skip: needs attld with its log, and without a sanitizer")
        sys.exit(SKIP)
    problem = can_trace()
    if problem:
        print(f"skip: no failing system calls: {problem}")
    chosen = OTHERS + ([] if problem else TRACED)
    if len(sys.argv) > 1:
        chosen = [test for test in chosen if test.__name__ in sys.argv[1:]]
    sys.exit(run(chosen))

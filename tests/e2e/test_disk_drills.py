#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every incident of the disk on the real server: it is noticed, something is done, the server comes back
without a restart, and the account is exact.

A writer counts up in keys of its own and remembers what was acknowledged; at the end all of it must be
readable, and after kill -9 as well, because by then the log has been whole for longer than everysec asks.
Rotten files are test_scrub's, losses under failing calls of every kind are test_bad_disk's. Where system
calls cannot be made to fail, or a tmpfs cannot be mounted, that drill says so and is left out.
"""
import os
import sys
import threading
import time

from attl_server import SKIP, Error, run, sanitized
from durable import Durable, SmallDisk, has_log, wait_for
from test_bad_disk import RENAME, Inject, ballast, can_trace

QUICK = {"incident.interval": "200ms", "incident.open_after": "2", "incident.close_after": "3",
         "incident.cooldown": "1s"}
VALUE = b"v" * 900
PROBLEM = []  # why no system call can be made to fail, once it is known


class Writer(threading.Thread):
    """SETs key after key, a hundred times a second and more."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client = server.connect(timeout=30)
        self.acked, self.refused, self.slowest_s, self.problem, self.stopping = [], 0, 0, None, False
        self.start()

    def run(self):
        number = 0
        try:
            while not self.stopping:
                start = time.monotonic()
                reply = self.client.command("SET", f"w{number}", VALUE)
                self.slowest_s = max(self.slowest_s, time.monotonic() - start)
                if reply == b"OK":
                    self.acked.append(number)
                else:
                    assert isinstance(reply, Error) and reply.startswith(b"MISCONF"), reply
                    self.refused += 1
                number += 1
                time.sleep(0.002)
        except Exception as e:  # pylint: disable=broad-except
            self.problem = f"{type(e).__name__}: {e}"

    def stop(self):
        self.stopping = True
        self.join()
        self.client.close()
        assert self.problem is None, self.problem
        assert self.acked, "nothing was acknowledged"


def as_dict(reply):
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))


class Drill:
    """A server under load. The block makes trouble; afterwards the incident of `kind` must have come and
    gone, and everything acknowledged be there, also after kill -9."""

    def __init__(self, kind, mode="everysec", **options):
        self.kind = kind.encode()
        self.server = Durable(fsync=mode, **{**QUICK, **options})
        self.account = None

    def __enter__(self):
        self.server.start().wait_loaded()
        self.writer = Writer(self.server)
        time.sleep(0.3)
        return self

    def incident(self):
        """The newest of the kind, {}: none."""
        with self.server.connect() as c:
            found = [as_dict(i) for i in c.command("ATTL.INCIDENT", "LIST")]
        newest = next((i for i in found if i[b"kind"] == self.kind), {})
        if newest:
            newest[b"actions"] = b"\n".join(newest[b"actions"])
        return newest

    def opened(self, part=b""):
        return wait_for(lambda: self.incident() if part in self.incident().get(b"cause", b"-")
                        else None, f"{self.kind} with {part!r}", 20)

    def __exit__(self, kind, *_):
        server = self.server
        try:
            if kind is None:
                self._come_back()
        except BaseException:
            print(server.log()[-4000:])
            raise
        finally:
            server.stop()
            server.dir.cleanup()

    def _come_back(self):
        server = self.server
        process = server.process
        self.account = wait_for(lambda: self.incident() if self.incident().get(b"state") == b"resolved"
                                else None, "resolved", 40)
        assert self.account[b"actions"], self.account
        self.writer.stop()
        wait_for(lambda: server.persistence()["attl_log_state"] == "writing", "the log is whole", 20)
        with server.connect() as c:
            wait_for(lambda: c.command("ATTL.LOG", "SYNC") == b"OK", "durable", 20)
            self._verify(c)
        assert server.process is process and process.poll() is None, "it was restarted"
        server.kill()
        server.restart().wait_loaded()
        with server.connect() as c:
            self._verify(c)

    def _verify(self, client):
        for number in self.writer.acked:
            assert client.command("GET", f"w{number}") == VALUE, f"w{number} is lost"


def a_full_disk():
    for mode in ("everysec", "always"):
        with SmallDisk(64) as disk:
            if not disk.mounted:
                print("skip: a tmpfs cannot be mounted here")
                return
            options = {"persist.dir": f"{disk.path}/data", "persist.segment_size": "256KiB"}
            with Drill("wal_failure", mode, **options) as d:
                wait_for(lambda: int(d.server.persistence()["attl_reserve_bytes"]) > 0, "a reserve")
                ballast(disk.path)
                d.opened(b"No space left" if mode == "always" else b"")
                info = wait_for(lambda: d.server.persistence()
                                if d.server.persistence()["attl_reserve_released"] == "1" else None,
                                "the reserve goes")
                assert int(info["attl_disk_free_bytes"]) < 4 << 20, info
                ballast_more(disk.path)
                time.sleep(1.5)
                os.remove(f"{disk.path}/ballast")
                os.remove(f"{disk.path}/more")
            said = d.server.log() if os.path.exists(d.server.log_path) else ""
            assert not said or '"event":"reserve_released"' in said


def ballast_more(folder):
    """What the reserve gave back is taken as well."""
    with open(f"{folder}/more", "wb") as f:
        for _ in range(3):
            free = os.statvfs(folder)
            try:
                os.posix_fallocate(f.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - 20000))
                return
            except OSError:
                time.sleep(0.01)


def low_space():
    with SmallDisk(64) as disk:
        if not disk.mounted:
            print("skip: a tmpfs cannot be mounted here")
            return
        options = {"persist.dir": f"{disk.path}/data", "persist.segment_size": "256KiB",
                   "incident.low_disk": "16MiB"}
        with Drill("low_disk", **options) as d:
            with open(f"{disk.path}/ballast", "wb") as f:
                os.posix_fallocate(f.fileno(), 0, 52 << 20)
            incident = d.opened(b"are free")
            assert b"does not need" in incident[b"actions"], incident
            os.remove(f"{disk.path}/ballast")


def memory_only_and_back():
    if PROBLEM[0]:
        return
    with Drill("wal_failure") as d:
        with Inject(d.server, "pwrite64:error=EIO"):
            d.opened(b"memory only")
            acked = len(d.writer.acked)
            time.sleep(0.5)
            assert len(d.writer.acked) > acked, "changes were refused"
        info = wait_for(lambda: d.server.persistence()
                        if d.server.persistence()["attl_log_gap_to"] != "0" else None, "the gap ends", 20)
        assert 0 < int(info["attl_log_gap_from"]) < int(info["attl_log_gap_to"]), info
        assert int(info["attl_log_gap_changes"]) > 0, info
    assert b"were not logged, a snapshot holds them" in d.account[b"actions"], d.account


def one_failed_sync_is_told():
    if PROBLEM[0]:
        return
    with Drill("wal_failure", "always") as d:
        with Inject(d.server, "fdatasync:error=EIO:when=3"):
            d.opened(b"another segment")
    assert d.writer.refused == 0


def syncs_that_hang():
    if PROBLEM[0]:
        return
    with Drill("wal_failure", **{"persist.slow_sync": "300ms"}) as d:
        with Inject(d.server, "fdatasync:delay_enter=700000"):
            incident = d.opened(b"a sync of the log took")
            assert incident[b"cause"].count(b"limit is 300 ms") == 1, incident
    assert d.writer.refused == 0


def a_snapshot_that_fails():
    if PROBLEM[0]:
        return
    with Drill("snapshot_failure") as d:
        with d.server.connect() as c, Inject(d.server, f"{RENAME}:error=EIO"):
            c.command("BGSAVE")
            d.opened(b"Input/output error")
        wait_for(lambda: d.server.persistence()["rdb_last_bgsave_status"] == "ok",
                 "another is taken without anybody asking", 30)


def open_segment(server):
    """Its name and path."""
    name = sorted(n for n in os.listdir(server.dir.name) if n.startswith("wal-0"))[-1]
    return name.encode(), os.path.join(server.dir.name, name)


def the_open_segment_goes():
    with Drill("corruption", "always") as d:
        name, path = open_segment(d.server)
        os.remove(path)
        incident = d.opened(name)
        assert b"removed or cut" in incident[b"actions"], incident
        wait_for(lambda: int(d.server.persistence()["rdb_saves"]) > 0, "a snapshot")
    assert d.writer.refused == 0


def the_open_segment_is_cut():
    with Drill("corruption") as d:
        name, path = open_segment(d.server)
        os.truncate(path, 100)  # the log goes on behind the hole
        incident = d.opened(name)
        assert b"removed or cut" in incident[b"actions"], incident
        wait_for(lambda: int(d.server.persistence()["rdb_saves"]) > 0, "a snapshot")
    assert d.writer.refused == 0


def a_segment_that_goes_while_nobody_writes():
    server = Durable(fsync="everysec", **QUICK)
    try:
        server.start().wait_loaded()
        with server.connect() as c:
            for number in range(100):
                assert c.command("SET", f"k{number}", VALUE) == b"OK"
            wait_for(lambda: c.command("ATTL.LOG", "SYNC") == b"OK", "durable", 20)
        time.sleep(2.5)  # the last look
        os.remove(open_segment(server)[1])
        server.stop()
        server.restart().wait_loaded()
        with server.connect() as c:
            for number in range(100):
                assert c.command("GET", f"k{number}") == VALUE, number
    finally:
        server.stop()
        server.dir.cleanup()


def a_damaged_newest_snapshot_at_start():
    server = Durable(fsync="always", **QUICK)
    try:
        server.start().wait_loaded()
        with server.connect() as c:
            for number in range(200):
                assert c.command("SET", f"k{number}", VALUE) == b"OK"
                if number in (50, 150):
                    assert c.command("SAVE") == b"OK"
        server.kill()
        name = sorted(n for n in os.listdir(server.dir.name) if n.startswith("snap-"))[-1]
        with open(os.path.join(server.dir.name, name), "r+b") as f:
            f.seek(5000)
            f.write(b"\x55\xaa\x55\xaa")
        server.restart().wait_loaded()
        with server.connect() as c:
            for number in range(200):
                assert c.command("GET", f"k{number}") == VALUE, number
            found = wait_for(lambda: [i for i in map(as_dict, c.command("ATTL.INCIDENT", "LIST"))
                                      if i[b"kind"] == b"corruption"], "an incident", 10)
            assert name.encode() in found[0][b"cause"], found
        assert any(n.startswith("aside-") and name in n for n in os.listdir(server.dir.name))
    finally:
        server.stop()
        server.dir.cleanup()


TESTS = [a_full_disk, low_space, memory_only_and_back, one_failed_sync_is_told, syncs_that_hang,
         a_snapshot_that_fails, the_open_segment_goes, the_open_segment_is_cut,
         a_segment_that_goes_while_nobody_writes, a_damaged_newest_snapshot_at_start]

if __name__ == "__main__":
    if sanitized() or not has_log():
        print("skip: needs attld with its log, and without a sanitizer")
        sys.exit(SKIP)
    PROBLEM.append(can_trace())
    if PROBLEM[0]:
        print(f"skip: no failing system calls: {PROBLEM[0]}")
    sys.exit(run([t for t in TESTS if not sys.argv[1:] or t.__name__ in sys.argv[1:]]))

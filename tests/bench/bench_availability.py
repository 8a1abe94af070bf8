#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Availability under one written schedule of faults, for attld as it comes, for the same attld with
incident.enabled=no and nothing else changed, for the same attld with everything off that looks after it
(incidents, retention, pressure, scrubbing; and refusing writes while the disk fails, as other stores do),
and for redis-server. All have a log (everysec) on a small
tmpfs of their own and the same memory limit. One client writes and reads by timetable; a second counts as
unavailable if an operation that was due in it failed, or took longer than a second. Nobody helps but a
supervisor that starts a process that has ended, every half second, as systemd would. Nobody repairs the
damaged file: who does not start with it is unavailable for the whole of the last phase. In the end every
key is asked for: a loss is a key whose last acknowledged write is missing or has another value; what was
evicted in the memory phase is none. everysec may lose the second before a kill.

The schedule (seconds): quiet 2, disk full 8 and then 4 with space again, memory limit reached 4, kill -9
4, kill -9 with a byte of the newest snapshot flipped 8. The four run at the same time, each on its disk."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from durable import SmallDisk  # noqa: E402

RATE = 300  # operations a second, half of them writes
DISK_MIB = 96
MEMORY = "12mb"
PADDING = b"x" * 480
KEYS = 4000
RESTART_S = 0.5
SCHEDULE = [("quiet", 2), ("disk full", 8), ("space again", 4), ("memory limit", 4), ("kill -9", 4),
            ("kill -9, snapshot damaged", 8)]
OFF = ["--incident.enabled=no"]  # the whole difference between the first two
ALL_OFF = OFF + ["--persist.on_error=reject", "--retention.enabled=no", "--pressure.enabled=no",
                 "--scrub.enabled=no", "--persist.reserve=0"]


def encode(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Subject:
    """A server under test, with its supervisor."""

    def __init__(self, name, argv, folder, newest):
        self.name, self.argv, self.folder, self.newest = name, argv, folder, newest
        self.port = free_port()
        self.process, self.socket, self.reader = None, None, None
        self.retry_at = 0.0
        self.starts = 0

    def tend(self):
        """Starts it if it is not there; the supervisor waits between two tries."""
        if self.process and self.process.poll() is None:
            return
        if time.monotonic() < self.retry_at:
            return
        self.retry_at = time.monotonic() + RESTART_S
        os.makedirs(self.folder, exist_ok=True)
        argv = [a.replace("{port}", str(self.port)).replace("{dir}", self.folder) for a in self.argv]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        cwd=self.folder)
        self.starts += 1

    def ask(self, *words):
        """The reply, or None if there was none within a second."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=1)
                self.reader = self.socket.makefile("rb")
            self.socket.sendall(encode(*words))
            line = self.reader.readline()
            if not line:
                raise OSError("closed")
            if line[:1] == b"$" and line[1:2] != b"-":
                return line + self.reader.read(int(line[1:]) + 2)
            return line
        except OSError:
            self.hang_up()
            return None

    def hang_up(self):
        if self.socket:
            self.reader.close()
            self.socket.close()
        self.socket = None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.hang_up()

    def damage(self):
        """Flips a byte in the middle of the newest snapshot; its name, or None."""
        found = [p for p in files_of(self.folder) if self.newest(os.path.basename(p))]
        if not found:
            return None
        path = max(found, key=os.path.getmtime)
        with open(path, "r+b") as f:
            f.seek(os.path.getsize(path) // 2)
            byte = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte[0] ^ 0x40]))
        return path


def files_of(folder):
    return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ballast(folder):
    """Takes all space that is left."""
    with open(os.path.join(folder, "ballast"), "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * (1 << 16))
        except OSError:
            return


class Clock:
    """The timetable: operations, and the seconds in which one of them was not answered well."""

    def __init__(self, subject):
        self.subject = subject
        self.number = 0
        self.bad = {}
        self.lost = None
        self.acknowledged = {}  # key -> number of the last write that was
        self.unsure = {}  # key -> writes since then of which nobody knows

    def run(self, phase, seconds, grow=False):
        """`grow`: the keys are new ones, so that the memory limit is reached."""
        begun = time.monotonic()
        bad = set()
        due = begun
        while due < begun + seconds:
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
            self.subject.tend()
            if not self._one(grow):
                bad.add(int(due - begun))
            elif time.monotonic() - due > 1:
                bad.update(range(int(due - begun), min(int(time.monotonic() - begun) + 1, seconds)))
                due = time.monotonic()
            due += 1 / RATE
            if time.monotonic() - due > 1:  # what was due while nobody answered has failed
                bad.update(range(int(due - begun), min(int(time.monotonic() - begun), seconds)))
                due = time.monotonic()
        self.bad[phase] = len(bad)

    def _one(self, grow):
        self.number += 1
        if not self.number % 2:
            reply = self.subject.ask("GET", f"key:{self.number % KEYS}")
            return reply is not None and reply[:1] == b"$"
        if grow:
            return self.subject.ask("SET", f"more:{self.number}", PADDING * 40, "EX", 3600) == b"+OK\r\n"
        return self.write(self.number % KEYS, self.number)

    def write(self, key, number):
        reply = self.subject.ask("SET", f"key:{key}", b"%d %b" % (number, PADDING), "EX", 3600)
        if reply == b"+OK\r\n":
            self.acknowledged[key] = number
            self.unsure.pop(key, None)
        elif reply is None:  # it may have been done, or not
            self.unsure.setdefault(key, set()).add(number)
        return reply == b"+OK\r\n"

    def clear_memory(self):
        """After the memory phase: its keys go, and what has been evicted is no loss."""
        for number in range(self.number + 1):
            if number % 2:
                self.subject.ask("DEL", f"more:{number}")
        for key in list(self.acknowledged):
            if self.subject.ask("GET", f"key:{key}") == b"$-1\r\n":
                del self.acknowledged[key]

    def settle(self):
        """Waits for the server at the end of the schedule, and counts the losses."""
        deadline = time.monotonic() + 3
        while self.subject.ask("PING") != b"+PONG\r\n":
            if time.monotonic() > deadline:
                return None
            self.subject.tend()
            time.sleep(0.05)
        lost = 0
        for key, number in self.acknowledged.items():
            reply = self.subject.ask("GET", f"key:{key}") or b""
            body = reply.split(b"\r\n", 1)[1] if b"\r\n" in reply else b""
            found = int(body.split(b" ", 1)[0]) if body[:1].isdigit() else None
            lost += found != number and found not in self.unsure.get(key, ())
        return lost


def drive(subject, disk):
    clock = Clock(subject)
    subject.tend()
    deadline = time.monotonic() + 20
    while subject.ask("PING") != b"+PONG\r\n":
        assert time.monotonic() < deadline, f"{subject.name} does not start"
        time.sleep(0.05)
    for number in range(KEYS):
        clock.write(number, 0)
    subject.ask(*subject.snapshot)
    time.sleep(1)
    for phase, seconds in SCHEDULE:
        if phase == "disk full":
            ballast(disk)
        elif phase == "space again":
            os.remove(os.path.join(disk, "ballast"))
        elif phase.startswith("kill"):
            subject.ask(*subject.snapshot)
            time.sleep(1.5)
            subject.kill()
            if "damaged" in phase:
                assert subject.damage(), f"{subject.name} has no snapshot"
        clock.run(phase, seconds, grow=phase == "memory limit")
        if phase == "memory limit":
            clock.clear_memory()
    clock.lost = clock.settle()
    return clock


def subjects(attld):
    attl = [attld, "--port={port}", "--admin-port=0", "--bind=127.0.0.1", "--threads=1", "--dir={dir}", "--fsync=everysec",
            "--persist.segment_size=256KiB", f"--cache.max_memory={MEMORY}"]
    snapshot = lambda name: name.startswith("snap-")  # noqa: E731
    yield "attld", attl, snapshot, ("BGSAVE",)
    yield "attld, incidents off", attl + OFF, snapshot, ("BGSAVE",)
    yield "attld, all off", attl + ALL_OFF, snapshot, ("BGSAVE",)
    redis = shutil.which("redis-server")
    if redis:
        yield ("redis-server", [redis, "--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}",
                                "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory", MEMORY,
                                "--maxmemory-policy", "allkeys-lru"],
               lambda name: name.endswith(".base.rdb"), ("BGREWRITEAOF",))


def show(subject, disk, results):
    try:
        results[subject.name] = drive(subject, disk)
    finally:
        if subject.process and subject.process.poll() is None:
            subject.kill()
        shutil.rmtree(subject.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attld", default=os.environ.get("ATTLD", "build/attld"))
    parser.add_argument("--json")
    args = parser.parse_args()
    results, threads = {}, []
    with contextlib.ExitStack() as disks:
        for name, argv, newest, snapshot in subjects(os.path.abspath(args.attld)):
            disk = disks.enter_context(SmallDisk(DISK_MIB))
            if not disk.mounted:
                print("left out: a tmpfs cannot be mounted here (it needs root)")
                return 0
            subject = Subject(name, argv, os.path.join(disk.path, "data"), newest)
            subject.snapshot = snapshot
            results[name] = None
            threads.append(threading.Thread(target=show, args=(subject, disk.path, results)))
            threads[-1].start()
        for thread in threads:
            thread.join()
    if None in results.values():
        return 1
    print(f"{RATE} operations a second, half of them writes; seconds in which one failed or took over a "
          f"second")
    print(f"{'phase':28}{'of':>5}" + "".join(f"{name:>24}" for name in results))
    for phase, seconds in SCHEDULE:
        print(f"{phase:28}{seconds:5}" + "".join(f"{c.bad[phase]:24}" for c in results.values()))
    sums = {name: sum(c.bad.values()) for name, c in results.items()}
    print(f"{'unavailable':28}{sum(s for _, s in SCHEDULE):5}" + "".join(f"{n:24}" for n in sums.values()))
    print(f"{'acknowledged writes lost':28}{'':5}" + "".join(
        f"{'does not start' if c.lost is None else c.lost:>24}" for c in results.values()))
    print(f"incidents off: the same command line and {' '.join(OFF)}")
    print(f"all off: the same command line and {' '.join(ALL_OFF)}")
    ours = sums["attld"]
    for name, other in sums.items():
        if name != "attld":
            print(f"attld / {name}: {ours} s / {other} s" + (f" = {ours / other:.2f}" if other else ""))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            for name, clock in results.items():
                f.write(json.dumps({"part": "availability", "subject": name, "lost": clock.lost, **clock.bad}) + "\n")
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Memory pressure on the real server: without cache.max_memory in a small control group (version 1 or 2)
under writes at full speed it fills the group and stops below its limit, also when another process takes a
part of it and gives it back; under an address space limit (ulimit -v) failed allocations are -OOM at worst,
other clients are served, and the incident is recorded. Skips what the machine does not allow.
"""
import os
import resource
import subprocess
import sys
import time

from attl_server import SKIP, Error, Server, encode, run, sanitized

MIB = 1 << 20
V1 = "/sys/fs/cgroup/memory"
V2 = "/sys/fs/cgroup"


class Group:
    """A control group of our own with a memory limit; None if the machine does not let us."""

    def __init__(self, limit):
        self.v1 = os.path.exists(f"{V1}/memory.limit_in_bytes") or os.path.exists(f"{V1}/cgroup.procs")
        self.path = f"{V1 if self.v1 else V2}/attl-test-{os.getpid()}-{time.monotonic_ns()}"
        self.usage = "memory.usage_in_bytes" if self.v1 else "memory.current"
        os.mkdir(self.path)
        try:
            self.put("memory.limit_in_bytes" if self.v1 else "memory.max", limit)
            self.used()
        except OSError:
            os.rmdir(self.path)
            raise

    def put(self, name, value):
        with open(f"{self.path}/{name}", "w", encoding="ascii") as f:
            f.write(str(value))

    def get(self, name):
        with open(f"{self.path}/{name}", encoding="ascii") as f:
            return int(f.read())

    def used(self):
        return self.get(self.usage)

    def enter(self):
        """For preexec: the process is in the group before it runs."""
        self.put("cgroup.procs", os.getpid())

    def remove(self):
        end = time.monotonic() + 5
        while True:
            try:
                os.rmdir(self.path)
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


def group_or_none(limit):
    try:
        return Group(limit)
    except OSError as e:
        print(f"skip: no control group with a memory limit to be had here ({e})")
        return None


class Limited(Server):
    """A server whose process is prepared by a function first."""

    def __init__(self, prepare, **options):
        super().__init__(**options)
        self.prepare = prepare

    def start(self):
        popen = subprocess.Popen

        def prepared(*args, **kwargs):
            return popen(*args, preexec_fn=self.prepare, **kwargs)  # pylint: disable=subprocess-popen-preexec-fn
        subprocess.Popen = prepared
        try:
            return super().start()
        finally:
            subprocess.Popen = popen


def write(client, first, count, value):
    """Sets `count` keys; how many were refused with -OOM."""
    client.send(b"".join(encode("SET", f"key:{i}", value) for i in range(first, first + count)))
    refused = 0
    for _ in range(count):
        reply = client.reply()
        if isinstance(reply, Error):
            assert reply.startswith(b"OOM"), reply
            refused += 1
    return refused


def load(client, seconds, value, at=0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        write(client, at, 500, value)
        at += 500
    return at


def test_a_small_group_is_filled_and_never_left():
    group = group_or_none(128 * MIB)
    if not group:
        return
    try:
        with Limited(group.enter) as server, server.connect() as c:
            at = load(c, 5, b"x" * 1000)
            info = server.info("memory")
            assert int(info["mem_cgroup_limit"]) == 128 * MIB
            assert int(info["mem_soft_limit"]) > 0
            assert int(info["maxmemory"]) == 0
            if not sanitized():
                assert int(info["used_memory"]) > 80 * MIB, info["used_memory"]
            assert int(server.info("stats")["evicted_keys"]) > 0
            assert c.command("GET", f"key:{at - 1}") == b"x" * 1000
            # The same with large values, and with some of every size.
            at = load(c, 3, b"y" * 300000, at)
            for size in (1, 100, 5000, 70000, 1000000):
                at = load(c, 1, b"z" * size, at) if size < 70000 else at
                write(c, at, 20, b"z" * size)
            assert c.command("PING") == b"PONG"
            assert c.command("CONFIG", "SET", "pressure.enabled", "no") == b"OK"
            assert server.info("memory")["mem_soft_limit"] == "0"
    finally:
        group.remove()


HOG = """
import sys, time
block = bytearray(int(sys.argv[1]))
for i in range(0, len(block), 4096):
    block[i] = 1
    if i % (1 << 22) == 0:
        time.sleep(0.1)
print("holding", flush=True)
sys.stdin.read()
"""


def test_another_process_in_the_group_is_made_room_for():
    group = group_or_none(192 * MIB)
    if not group:
        return
    try:
        with Limited(group.enter) as server, server.connect() as c:
            at = load(c, 3, b"x" * 1000)
            before = int(server.info("memory")["used_memory"])
            with subprocess.Popen([sys.executable, "-c", HOG, str(60 * MIB)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  preexec_fn=group.enter) as hog:  # pylint: disable=subprocess-popen-preexec-fn
                at = load(c, 8, b"x" * 1000, at)
                assert hog.poll() is None, "the other process was killed"
                during = int(server.info("memory")["used_memory"])
                assert during < before - 30 * MIB, (before, during)
                if int(server.info("memory")["mem_pressure_level"]) == 0:
                    assert "memory_pressure" in server.log()
                kinds = c.command("ATTL.INCIDENT", "LIST")
                assert "memory" in str(kinds), kinds
                hog.stdin.close()
                hog.wait()
            end = time.monotonic() + 40
            while int(server.info("memory")["used_memory"]) < before * 0.9:
                assert time.monotonic() < end, server.info("memory")
                at = load(c, 0.5, b"x" * 1000, at)
            assert server.info("memory")["mem_pressure_level"] == "0"
    finally:
        group.remove()


def allocation_failures(server):
    return int(server.info("memory")["mem_allocation_failures"])


def test_without_address_space_requests_are_refused_and_nobody_else_suffers():
    if sanitized():
        print("skip: a sanitizer needs more address space than there is")
        return
    probe = None
    try:
        with Server() as server:
            with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
                probe = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmSize"))
    except StopIteration:
        pass
    limit = 400 * MIB  # the range that is reserved shrinks to what is to be had

    def prepare():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        server = Limited(prepare, threads=1).start()
    except AssertionError as e:
        print(f"skip: attld does not start in {limit // MIB} MiB of addresses (it has {probe}): {e}")
        return
    try:
        with server.connect() as c, server.connect() as other:
            assert other.command("SET", "mine", "1", "EX", "1000") in (b"OK",)
            refused = at = 0
            start = time.monotonic()
            while time.monotonic() < start + 6 or not allocation_failures(server):
                assert time.monotonic() < start + 60, "there is no end to the addresses"
                refused += write(c, at, 10, b"x" * 2000000)
                at += 10
                assert other.command("PING") == b"PONG"
                reply = other.command("SET", f"small:{at}", "v")
                assert reply == b"OK" or reply.startswith(b"OOM"), reply
            print(f"  {refused} of {at} refused, {allocation_failures(server)} allocations failed")
            end = time.monotonic() + 10
            while "memory" not in str(other.command("ATTL.INCIDENT", "LIST")):
                assert time.monotonic() < end, "no incident was recorded"
                time.sleep(0.1)
            write(c, at, 100, b"x" * 10)
            assert c.command("PING") == b"PONG"
    finally:
        server.stop()
        server.dir.cleanup()
    assert server.exit_code == 0, server.exit_code


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        sys.exit(SKIP)
    sys.exit(run([f for name, f in list(globals().items()) if name.startswith("test_")]))

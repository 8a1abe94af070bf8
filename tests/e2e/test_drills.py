# SPDX-License-Identifier: BSD-2-Clause
"""Failures of the world under a running attld, each from its first sign to its end: a disk that fills and
gets room again, system calls that fail, memory that runs out. Every drill asks four things: was it told of
(ATTL.INCIDENT LIST), was something done, did it end by itself, and is the account right: every write that
was acknowledged can be read, while it lasts, afterwards, and after a restart what the mode promises."""
import os
import sys
import time

from attl_server import SKIP, Error, Server, run, sanitized
from durable import Durable, SmallDisk, has_log, wait_for
from test_bad_disk import Inject, ballast, can_trace

FAST = {"incident.interval": "100ms", "incident.open_after": "1", "incident.close_after": "2",
        "incident.cooldown": "0"}
PATIENCE_S = 40
VALUE = b"v" * 200


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def incidents(client, kind):
    """The records of a kind, newest first."""
    found = []
    for flat in client.command("ATTL.INCIDENT", "LIST"):
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2])
        record = {text(k): v for k, v in pairs}
        if text(record["kind"]) == kind:
            record["actions"] = b"; ".join(record["actions"])
            found.append({k: text(v) for k, v in record.items()})
    return found


def wait_for_state(client, kind, state):
    wait_for(lambda: any(i["state"] == state for i in incidents(client, kind)), f"{kind} is {state}",
             PATIENCE_S)
    return incidents(client, kind)[0]


class Writes:
    """Numbered writes: what was acknowledged must be there."""

    def __init__(self, client):
        self.client, self.acked, self.refused = client, 0, 0

    def make(self, count):
        for _ in range(count):
            number = self.acked + self.refused
            reply = self.client.command("SET", f"key:{number}", VALUE + b"%d" % number)
            if isinstance(reply, Error):
                self.refused += 1
            else:
                self.acked += 1

    def check(self, client):
        assert self.refused == 0, "under everysec the server goes on"
        for number in range(self.acked):
            assert client.command("GET", f"key:{number}") == VALUE + b"%d" % number, number


def a_full_disk_is_told_of_and_ends_by_itself():
    with SmallDisk(16) as disk:
        if not disk.mounted:
            print("skip: a tmpfs cannot be mounted here")
            return
        with Durable(fsync="everysec", **FAST, **{"persist.dir": f"{disk.path}/data",
                                                 "persist.segment_size": "256KiB"}) as server:
            with server.connect(timeout=30) as c:
                writes = Writes(c)
                writes.make(200)
                ballast(disk.path)
                wait_for(lambda: writes.make(200) or incidents(c, "wal_failure"), "it is told of",
                         PATIENCE_S)
                found = incidents(c, "wal_failure")[0]
                assert "No space left" in found["cause"], found
                assert "a new segment is tried" in found["actions"], found
                assert incidents(c, "low_disk") or wait_for_state(c, "low_disk", "open")
                writes.make(500)
                os.remove(f"{disk.path}/ballast")
                found = wait_for_state(c, "wal_failure", "resolved")
                said = found["actions"]
                assert "the log is whole again" in said or "nothing was left out" in said, found
                wait_for_state(c, "low_disk", "resolved")
                writes.check(c)
                wait_for(lambda: server.persistence()["attl_log_state"] == "writing", "it is back")
                assert c.command("SAVE") == b"OK"
            server.kill()
            server.start().wait_loaded()
            with server.connect(timeout=30) as c:
                writes.check(c)


def a_strict_namespace_refuses_while_the_others_go_on():
    with SmallDisk(16) as disk:
        if not disk.mounted:
            print("skip: a tmpfs cannot be mounted here")
            return
        with Durable(fsync="everysec", **FAST, **{"persist.dir": f"{disk.path}/data",
                                                 "persist.segment_size": "256KiB",
                                                 "persist.reserve": "0"}) as server:
            with server.connect(timeout=30) as c:
                assert c.command("ATTL.NS", "SET", "order:", "on_disk_error", "reject") == b"OK"
                acked = strict_writes(c, 0)
                assert acked
                writes = Writes(c)
                ballast(disk.path)
                wait_for(lambda: writes.make(200) or incidents(c, "wal_failure"), "it is told of",
                         PATIENCE_S)
                wait_for(lambda: writes.make(200) or server.persistence()["attl_log_state"] != "writing",
                         "nothing fits any more", PATIENCE_S)
                reply = c.command("SET", "order:refused", "1")
                assert isinstance(reply, Error) and reply.startswith(b"MISCONF "), reply
                reply = c.command("MSET", "x", "1", "order:refused", "1")
                assert isinstance(reply, Error) and reply.startswith(b"MISCONF "), reply
                assert c.command("GET", "x") is None and c.command("GET", "order:refused") is None
                assert c.command("GET", "order:0") == b"0"
                writes.make(200)
                os.remove(f"{disk.path}/ballast")
                wait_for(lambda: server.persistence()["attl_log_state"] == "writing", "it is back",
                         PATIENCE_S)
                acked += strict_writes(c, acked)
                assert c.command("ATTL.LOG", "SYNC") == b"OK"
            server.kill()
            server.start().wait_loaded()
            with server.connect(timeout=30) as c:
                writes.check(c)
                for number in range(acked):
                    assert c.command("GET", f"order:{number}") == b"%d" % number, number


def strict_writes(client, first):
    for number in range(first, first + 100):
        assert client.command("SET", f"order:{number}", number) == b"OK"
    return 100


def failing_writes_are_told_of_and_end_by_themselves():
    with Durable(fsync="everysec", **FAST, **{"persist.segment_size": "64KiB"}) as server:
        with server.connect(timeout=30) as c:
            writes = Writes(c)
            writes.make(100)
            with Inject(server, "pwrite64:error=EIO", "fdatasync:error=EIO"):
                wait_for(lambda: writes.make(50) or incidents(c, "wal_failure"), "it is told of",
                         PATIENCE_S)
                assert "Input/output error" in incidents(c, "wal_failure")[0]["cause"]
            wait_for_state(c, "wal_failure", "resolved")
            writes.check(c)


def a_snapshot_that_fails_is_told_of_until_one_succeeds():
    with Durable(fsync="everysec", **FAST) as server:
        with server.connect(timeout=30) as c:
            Writes(c).make(100)
            with Inject(server, "renameat:error=EIO", "renameat2:error=EIO"):
                assert isinstance(c.command("SAVE"), Error)
                found = wait_for_state(c, "snapshot_failure", "open")
                assert "the older ones are kept" in found["cause"], found
            # One that is taken because of the incident may be running.
            wait_for(lambda: c.command("SAVE") == b"OK", "a snapshot", PATIENCE_S)
            wait_for_state(c, "snapshot_failure", "resolved")


def limits_that_are_too_small_are_told_of():
    with Server(args=[f"--{k}={v}" for k, v in FAST.items()] + ["--cache.max_memory=2MiB"]) as server:
        with server.connect(timeout=30) as c:
            end = time.monotonic() + PATIENCE_S
            number = 0
            while not incidents(c, "eviction_rate") and not incidents(c, "bounds_exceeded"):
                assert time.monotonic() < end, "nothing was told of"
                for _ in range(500):
                    assert c.command("SET", f"key:{number}", VALUE) == b"OK"
                    number += 1
            found = (incidents(c, "eviction_rate") + incidents(c, "bounds_exceeded"))[0]
            assert found["actions"], found
            wait_for(lambda: not any(i["state"] == "open" for i in incidents(c, "eviction_rate") +
                                     incidents(c, "bounds_exceeded")), "it ends", PATIENCE_S)
            assert c.command("GET", f"key:{number - 1}") == VALUE


if __name__ == "__main__":
    if sanitized() or not has_log():
        print("skip: needs attld with its log, and without a sanitizer")
        sys.exit(SKIP)
    problem = can_trace()
    if problem:
        print(f"skip: no failing system calls: {problem}")
    tests = [a_full_disk_is_told_of_and_ends_by_itself, limits_that_are_too_small_are_told_of,
             a_strict_namespace_refuses_while_the_others_go_on]
    if not problem:
        tests += [failing_writes_are_told_of_and_end_by_themselves,
                  a_snapshot_that_fails_is_told_of_until_one_succeeds]
    sys.exit(run(tests))

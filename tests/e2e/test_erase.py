#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ATTL.ERASE: a marker in names and values is in no file after NOW, other keys are intact after a restart, a
pending erasure goes when it is due, a rollback does not bring it back, receipts can be verified with SHA-256,
and the trail knows of it without the names. Skips where attld has no log."""
import hashlib
import json
import os
import sys

import attl_server
from attl_server import Error
from durable import Durable, Folder, wait_for

MARKER = b"marker-7f3a9c"
OTHERS = 200


def as_dict(pairs):
    return pairs if isinstance(pairs, dict) else dict(zip(pairs[::2], pairs[1::2]))


class Site(Folder):
    """A data directory with a server on it."""

    def __init__(self, **options):
        super().__init__()
        self.server = Durable(fsync="always", dir=self.path, **{"persist.segment_size": "64KiB"},
                              **options)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, kind, *rest):
        self.server.__exit__(kind, *rest)
        super().__exit__(kind, *rest)

    def holding(self, what=MARKER):
        """Files of the directory that hold the bytes, as they are or in hexadecimal digits."""
        found = []
        for root, _, names in os.walk(self.path):
            for name in names:
                with open(os.path.join(root, name), "rb") as f:
                    data = f.read()
                if what in data or what.hex().encode() in data:
                    found.append(name)
        return found

    def receipts(self):
        with open(os.path.join(self.path, "erasures.jsonl"), "rb") as f:
            return f.read().splitlines()


def populate(c):
    for i in range(OTHERS):
        assert c.command("SET", f"other:{i}", b"v" * 300 + str(i).encode()) == b"OK"
        if i % 20 == 0:
            assert c.command("SET", b"user:42:%s:%d" % (MARKER, i), MARKER * 10) == b"OK"
    assert c.command("SAVE") == b"OK"
    for i in range(0, OTHERS, 20):
        assert c.command("SET", b"user:42:%s:%d" % (MARKER, i), MARKER * 12) == b"OK"


def check_others(c):
    assert c.command("DBSIZE") == OTHERS
    for i in range(OTHERS):
        assert c.command("GET", f"other:{i}") == b"v" * 300 + str(i).encode(), i


def verify(lines):
    """The chain of receipts: each digest is that of its line, and names the one before."""
    prev = ""
    for line in lines:
        body, _, end = line.rpartition(b',"hash":"')
        made = hashlib.sha256(body).hexdigest()
        assert end == made.encode() + b'"}', line
        receipt = json.loads(line)
        assert receipt["prev"] == prev
        prev = made


def now_leaves_nothing():
    with Site() as site:
        with site.server.connect(timeout=60) as c:
            populate(c)
            assert site.holding(), "the marker was never in a file"
            dry = as_dict(c.command("ATTL.ERASE", "PREFIX", b"user:42:" + MARKER, "DRYRUN"))
            assert dry[b"in_memory"] == OTHERS // 20 and dry[b"in_log"] == OTHERS // 10, dry
            assert dry[b"in_snapshots"] == OTHERS // 20, dry
            assert c.command("DBSIZE") == OTHERS + OTHERS // 20
            reply = c.command("ATTL.ERASE", "MATCH", b"user:42:*", "NOW")
            assert not isinstance(reply, Error), reply
            r = as_dict(reply)
            assert r[b"state"] == b"done" and r[b"checked"] == b"clean", r
            assert r[b"in_memory"] == OTHERS // 20 and r[b"files_left"] == 0, r
            assert r[b"files_removed"] > 0 and r[b"who"] == b"default" and r[b"intact"] == 1, r
            assert site.holding() == [], site.holding()
            assert site.holding(b"user:42:") == []
            check_others(c)
            shown = as_dict(c.command("ATTL.ERASE", "STATUS", r[b"id"]))
            assert shown[b"hash"] == r[b"hash"]
            assert [as_dict(x)[b"id"] for x in c.command("ATTL.ERASE", "LIST")] == [r[b"id"]]
            assert c.command("ATTL.ERASE", "STATUS") == []
            lines = site.receipts()
            verify(lines)
            assert [json.loads(x)["state"] for x in lines] == ["started", "pending", "done"]
            assert all(os.stat(os.path.join(site.path, n)).st_mode & 0o777 == 0o600
                       for n in ("erasures.jsonl", "erasures.key"))
        site.server.kill()
        site.server.restart()
        site.server.wait_loaded()
        with site.server.connect(timeout=60) as c:
            check_others(c)
            shown = as_dict(c.command("ATTL.ERASE", "STATUS", r[b"id"]))
            assert shown[b"hash"] == r[b"hash"] and shown[b"intact"] == 1, shown
            assert site.holding() == []


def pending_goes_when_it_is_due():
    with Site(**{"erase.within": "3s"}) as site:
        with site.server.connect(timeout=60) as c:
            populate(c)
            lsn = int(as_dict(c.command("ATTL.RETENTION", "REPORT"))[b"rollback_reaches_lsn"])
            r = as_dict(c.command("ATTL.ERASE", "PREFIX", b"user:42:"))
            assert r[b"state"] == b"pending" and r[b"in_log"] > 0 and r[b"files_left"] > 0, r
            assert site.holding(), "older files are kept until it is due"
            back = c.command("ATTL.ROLLBACK", "TO", f"lsn:{max(lsn, 1)}")
            assert not isinstance(back, Error), back
            assert c.command("KEYS", "user:42:*") == []
            wait_for(lambda: as_dict(c.command("ATTL.ERASE", "STATUS", r[b"id"]))[b"state"] == b"done",
                     "done", 20)
            assert site.holding() == [], site.holding()
            assert isinstance(c.command("ATTL.ROLLBACK", "TO", f"lsn:{max(lsn, 1)}"), Error)
            verify(site.receipts())


def a_crash_in_the_middle_is_gone_on_with():
    with Site(**{"erase.within": "1h"}) as site:
        with site.server.connect(timeout=60) as c:
            populate(c)
            r = as_dict(c.command("ATTL.ERASE", "MATCH", b"user:42:*"))
            assert r[b"state"] == b"pending", r
        site.server.kill()
        site.server.restart()
        site.server.wait_loaded()
        with site.server.connect(timeout=60) as c:
            assert as_dict(c.command("ATTL.ERASE", "STATUS")[0])[b"id"] == r[b"id"]
            metrics = c.command("ATTL.METRICS").decode()
            assert "\nattl_erase_pending 1\n" in metrics and "\nattl_erase_late 0\n" in metrics, metrics
            age = metrics.split("\nattl_erase_oldest_age_seconds ")[1].split("\n")[0]
            assert 0 <= float(age) < 120, age
            assert site.server.info("erasure")["erase_pending"] == "1"
            check_others(c)
            assert c.command("CONFIG", "SET", "retention.snapshots", "1", "retention.log_ttl", "1s",
                             "retention.interval", "1s") == b"OK"
            now = as_dict(c.command("ATTL.ERASE", "KEY", "none", "NOW"))
            assert now[b"state"] == b"done", now
            wait_for(lambda: as_dict(c.command("ATTL.ERASE", "STATUS", r[b"id"]))[b"state"] == b"done",
                     "done", 30)
            assert site.holding() == [], site.holding()


def the_trail_knows_and_does_not_tell():
    with Site(**{"audit.mode": "on"}) as site:
        with site.server.connect(timeout=60) as c:
            populate(c)
            r = as_dict(c.command("ATTL.ERASE", "MATCH", b"user:42:%s*" % MARKER, "NOW"))
            assert r[b"state"] == b"done" and r[b"note"] == b"", r
            tail = wait_for(lambda: [x for x in c.command("ATTL.AUDIT", "TAIL", 20)
                                     if b'"erase"' in x], "a line")
            assert b"attl.erase" in tail[-1].lower() and MARKER not in tail[-1], tail
            assert site.holding() == [], site.holding()


def without_files_memory_only():
    with attl_server.Server() as server, server.connect() as c:
        c.command("SET", "a", "1")
        c.command("SET", "now", "1")
        r = as_dict(c.command("ATTL.ERASE", "KEY", "now", "a"))
        assert r[b"in_memory"] == 2, r
        assert c.command("DBSIZE") == 0
        for words in (["KEY"], ["MATCH", ""], ["MATCH", "x" * 129], ["PREFIX", ""], ["SOON"]):
            assert isinstance(c.command("ATTL.ERASE", *words), Error), words
        assert isinstance(c.command("ATTL.ERASE", "STATUS", "nothing"), Error)


TESTS = [now_leaves_nothing, pending_goes_when_it_is_due, a_crash_in_the_middle_is_gone_on_with,
         the_trail_knows_and_does_not_tell, without_files_memory_only]


if __name__ == "__main__":
    sys.exit(attl_server.run([t for t in TESTS
                              if not sys.argv[1:] or any(w in t.__name__ for w in sys.argv[1:])]))

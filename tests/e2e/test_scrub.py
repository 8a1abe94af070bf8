#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Files that rot under a running server: ATTL.SCRUB NOW finds each flipped byte and heals it from memory,
an incident says what was done, and after a restart all data is there. Skips where attld has no log."""
import sys

import attl_server
from attl_server import Error
from durable import Durable, Folder, wait_for

KEYS = 400
VALUE = b"v" * 500


def as_dict(pairs):
    if isinstance(pairs, dict):
        return pairs
    return dict(zip(pairs[::2], pairs[1::2]))


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


def fill(client, first, last):
    for i in range(first, last):
        assert client.command("SET", f"k{i}", VALUE + str(i).encode()) == b"OK"


def check(client):
    assert client.command("DBSIZE") == KEYS
    for i in range(KEYS):
        assert client.command("GET", f"k{i}") == VALUE + str(i).encode(), i


def populate(client):
    fill(client, 0, KEYS // 2)
    assert client.command("SAVE") == b"OK"
    fill(client, KEYS // 2, KEYS)


def scrub(client):
    reply = client.command("ATTL.SCRUB", "NOW")
    assert not isinstance(reply, Error), reply
    return as_dict(reply)


def corruption(client):
    """The newest incident of that kind, or None."""
    found = [as_dict(i) for i in client.command("ATTL.INCIDENT", "LIST")]
    return next((i for i in found if i[b"kind"] == b"corruption"), None)


def rot(site, pick, fresh):
    with site.server.connect(timeout=60) as c:
        populate(c)
        assert scrub(c)[b"damaged"] == 0
        name, offset = pick(site)
        before = int(site.server.persistence()["rdb_saves"])
        site.flip(name, offset)
        report = scrub(c)
        assert report[b"damaged"] == 1 and report[b"healed"] == 1, report
        assert name not in site.files("") and any(name in n for n in site.files("aside-"))
        assert int(site.server.persistence()["rdb_saves"]) == before + fresh
        incident = wait_for(lambda: corruption(c), "an incident")
        assert name.encode() in incident[b"cause"], incident
        assert b"aside" in b" ".join(incident[b"actions"]), incident
        status = as_dict(c.command("ATTL.SCRUB", "STATUS"))
        finding = as_dict(status[b"findings"][0])
        assert finding[b"file"] == name.encode() and finding[b"healed"] == 1, finding
        assert status[b"unhealed"] == 0 and status[b"passes"] == 2, status
        info = site.server.persistence()
        assert info["attl_scrub_damaged"] == "1" and info["attl_scrub_unhealed"] == "0", info
        assert scrub(c)[b"damaged"] == 0
        check(c)
    site.server.kill()
    site.server.restart()
    site.server.wait_loaded()
    with site.server.connect(timeout=60) as c:
        check(c)
        assert scrub(c)[b"damaged"] == 0


def a_snapshot_that_rots_is_replaced():
    with Site() as site:
        rot(site, lambda s: (s.files("snap-")[-1], 1000), 1)


def a_segment_that_rots_and_is_needed_is_replaced():
    with Site() as site:
        rot(site, lambda s: (s.files("wal-0")[-2], 3000), 1)


def old_history_that_rots_is_set_aside():
    with Site() as site:
        rot(site, lambda s: (s.files("wal-0")[0], 3000), 0)


def the_background_finds_it_by_itself():
    with Site(**{"scrub.interval": "1s", "scrub.rate": "1MiB"}) as site:
        with site.server.connect(timeout=60) as c:
            populate(c)
            name = site.files("snap-")[-1]
            site.flip(name, 2000)
            wait_for(lambda: site.server.persistence()["attl_scrub_damaged"] == "1", "found")
            wait_for(lambda: name not in site.files(""), "set aside")
            wait_for(lambda: (corruption(c) or {}).get(b"state") == b"resolved", "resolved")
            check(c)


def words_are_checked():
    with attl_server.Server() as server, server.connect() as c:
        assert isinstance(c.command("ATTL.SCRUB", "later"), Error)
        assert as_dict(c.command("ATTL.SCRUB", "STATUS"))[b"passes"] == 0
        assert scrub(c)[b"damaged"] == 0  # its folder is empty
        assert as_dict(c.command("ATTL.SCRUB", "STATUS"))[b"passes"] == 1


TESTS = [a_snapshot_that_rots_is_replaced, a_segment_that_rots_and_is_needed_is_replaced,
         old_history_that_rots_is_set_aside, the_background_finds_it_by_itself, words_are_checked]


if __name__ == "__main__":
    sys.exit(attl_server.run([t for t in TESTS
                              if not sys.argv[1:] or any(w in t.__name__ for w in sys.argv[1:])]))

# SPDX-License-Identifier: BSD-2-Clause
"""Policies by key prefix in a real server: from settings.toml, by ATTL.NS at run time, for a client that
knows nothing of them; kept by CONFIG REWRITE; and mistakes in the file, which prevent the start."""
import os
import subprocess
import sys
import tempfile
import time

from attl_server import Error, Server, attld_path, run


def write(folder, text):
    path = os.path.join(folder, "settings.toml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def fields(reply):
    return {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


def the_file_decides_how_long_things_live():
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        path = write(folder, '[namespace."session:"]\nttl_default = "30m"\nttl_max = "1h"\n'
                             '[namespace."session:admin:"]\nttl_max = "60s"\n'
                             '[namespace."page:"]\njitter = "20%"\n')
        with Server(config=path) as server, server.connect() as c:
            assert c.command("ATTL.NS", "LIST") == [b"page:", b"session:", b"session:admin:"]
            c.command("SET", "session:1", "v")
            assert c.command("TTL", "session:1") == 1800
            c.command("SET", "session:1", "v", "EX", 86400)
            assert c.command("TTL", "session:1") == 3600
            c.command("SET", "session:admin:1", "v")
            assert c.command("TTL", "session:admin:1") == 60
            c.command("MSET", "session:2", "v", "other", "v")
            assert c.command("TTL", "session:2") == 1800
            assert c.command("TTL", "other") == -1
            lives = set()
            for i in range(100):
                c.command("SET", f"page:{i}", "v", "PX", 1000000)
                lives.add(c.command("PTTL", f"page:{i}") // 10000)
            assert min(lives) >= 79 and max(lives) <= 100 and len(lives) > 10, lives


def a_quota_is_kept_and_counted():
    with Server() as server, server.connect() as c:
        for i in range(500):
            c.command("SET", f"other:{i}", "v")
            c.command("SET", f"s:{i}", "v")
        assert c.command("ATTL.NS", "SET", "s:", "max_entries", 100) == b"OK"
        c.command("SET", "s:new", "v")
        deadline = time.monotonic() + 10
        while fields(c.command("ATTL.NS", "STATS", "s:"))["entries"] > 100:
            assert time.monotonic() < deadline, "the quota is not kept"
            time.sleep(0.02)
        assert c.command("DBSIZE") == 600
        assert c.command("GET", "s:new") == b"v"
        c.command("ATTL.NS", "SET", "s:", "eviction", "none")
        refused = c.command("SET", "s:one more", "v")
        assert isinstance(refused, Error) and "OOM" in str(refused), refused
        assert c.command("ATTL.NS", "FLUSH", "s:") == 100
        assert c.command("DBSIZE") == 500


def changes_survive_a_rewrite():
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        path = write(folder, '[namespace."file:"]\nttl_max = "1h"\n[namespace."gone:"]\nttl_max = "1h"\n')
        with Server(config=path, dir=folder) as server, server.connect() as c:
            c.command("ATTL.NS", "SET", "run:", "ttl_max", "90s", "soft", "80%")
            c.command("ATTL.NS", "SET", "file:", "ttl_default", "5s")
            c.command("ATTL.NS", "DEL", "gone:")
            assert c.command("CONFIG", "REWRITE") == b"OK"
        with Server(config=path, dir=folder) as server, server.connect() as c:
            assert c.command("ATTL.NS", "LIST") == [b"file:", b"run:"]
            assert c.command("ATTL.NS", "GET", "run:", "soft") == b"80%"
            assert fields(c.command("ATTL.NS", "GET", "file:"))["ttl_default"] == b"5s"
            assert fields(c.command("ATTL.NS", "GET", "file:"))["ttl_max"] == b"1h"


def what_nobody_keeps_is_gone_after_a_restart():
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        path = write(folder, '[persist]\nfsync = "always"\n[namespace."tmp:"]\ndurability = "none"\n')
        with Server(config=path, dir=folder) as server, server.connect() as c:
            c.command("MSET", "tmp:1", "v", "kept", "v")
        with Server(config=path, dir=folder) as server, server.connect() as c:
            assert c.command("EXISTS", "tmp:1") == 0
            assert c.command("GET", "kept") == b"v"


def mistakes_prevent_the_start():
    rows = [('[namespace."s:"]\nttl_maxx = "1h"\n', ":2:1: 'ttl_maxx' is nothing a namespace has"),
            ('[namespace]\ns = 5\n', ':2:1: a namespace is a section of its own: [namespace."s"]'),
            ('[namespace."s:"]\nttl_max = true\n', ":2:1: ttl_max: true or false was given"),
            ('[namespace."s:"]\nttl_max = "1h"\nttl_default = "2h"\n',
             'namespace "s:": ttl_default is longer than ttl_max')]
    for text, want in rows:
        with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
            done = subprocess.run([attld_path(), f"--dir={folder}", "--config", write(folder, text)],
                                  capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode != 0 and want in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(run([the_file_decides_how_long_things_live, a_quota_is_kept_and_counted,
                  changes_survive_a_rewrite, what_nobody_keeps_is_gone_after_a_restart,
                  mistakes_prevent_the_start]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attl wal, attl snapshot and attl check on directories that attld has written: what they say must be
what a start then does. Values must not leak, looking must change nothing, and a restored snapshot must be
what the next start serves. The whole file skips where attld has no log, or there is no attl."""
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

import attl_server
import test_cli
from attl_server import SKIP, Error, Server
from durable import Folder

FINE, USAGE, DATAERR, NOINPUT, TEMPFAIL = 0, 64, 65, 66, 75
WAIT_S = 120
SECRET = b"secret-value"


def attl_path():
    build = os.environ.get("ATTL_BUILD_DIR") or os.path.dirname(attl_server.attld_path())
    return os.path.join(build, "attl")


def attl(*args, code=FINE, data=b""):
    """Runs the tool; standard output as text."""
    result = subprocess.run([attl_path(), *args], input=data, capture_output=True, timeout=WAIT_S,
                            check=False)
    assert result.returncode == code, (args, result.returncode, result.stdout[-800:],
                                       result.stderr[-800:])
    return result.stdout.decode()


def objects(*args, code=FINE):
    return [json.loads(line) for line in attl(*args, "--json", code=code).splitlines()]


def of_type(lines, kind):
    return [line for line in lines if line.get("type") == kind]


def fingerprint(folder):
    """Names and contents of all but the lock file, which says who had it last."""
    state = {}
    for name in set(os.listdir(folder)) - {"attl.lock"}:
        if os.path.isdir(os.path.join(folder, name)):
            continue  # the audit trail is not the tools' business
        with open(os.path.join(folder, name), "rb") as f:
            state[name] = hashlib.sha256(f.read()).hexdigest()
    return state


class Site(Folder):
    """A data directory, and servers on it one after another."""

    def server(self, **options):
        return Server(fsync="always", dir=self.path, **options)


def snapshot(client):
    reply = client.command("SAVE")
    assert not isinstance(reply, Error), reply


def fill(client, first, last):
    for i in range(first, last):
        assert client.command("SET", f"k{i}", SECRET) == b"OK"


def build(site):
    """Snapshots with 10 and 20 keys, 30 keys in all. The names of the two, and what is the newest."""
    with site.server() as server, server.connect() as c:
        fill(c, 0, 10)
        assert c.command("PEXPIREAT", "k0", 4_000_000_000_000) == 1
        snapshot(c)
        fill(c, 10, 20)
        snapshot(c)
        fill(c, 20, 30)
        assert c.command("DEL", "k29") == 1
    names = [line["name"] for line in of_type(objects("snapshot", "list", site.path), "snapshot")]
    by_size = {len(objects("snapshot", "dump", site.path, name, "--keys")): name for name in names}
    return by_size[10], by_size[20], names[-1]


def keys_of(site, **options):
    with site.server(**options) as server, server.connect() as c:
        return {k.decode() for k in c.command("KEYS", "*")}


def numbered(first, last):
    return {f"k{i}" for i in range(first, last)}


def looking_tells_what_is_there_and_changes_nothing():
    with Site() as site:
        ten, twenty, _ = build(site)
        before = fingerprint(site.path)
        assert "SEGMENT" in attl("wal", "list", site.path)
        segments = of_type(objects("wal", "list", site.path), "segment")
        assert segments and all(s["state"] == "ok" for s in segments), segments
        shown = {s["name"]: s for s in of_type(objects("snapshot", "list", site.path), "snapshot")}
        assert shown[ten]["entries"] == 10 and shown[twenty]["entries"] == 20, shown
        assert attl("wal", "verify", site.path).splitlines()[-1].startswith("fine: ")
        assert attl("snapshot", "verify", site.path).splitlines()[-1].startswith("fine: ")
        assert attl("snapshot", "verify", site.path, ten).splitlines()[-1].startswith("fine: 1 ")
        text = attl("check", site.path)
        assert text.splitlines()[-1].startswith("fine: "), text
        assert re.search(r"A start uses snap-\S+ and \d+ changes of the log", text), text
        start, = of_type(objects("check", site.path), "start")
        assert start["result"] == "fine" and start["end"] == "clean", start
        assert fingerprint(site.path) == before
        assert keys_of(site) == numbered(0, 29)


def dumps_show_keys_and_hide_values():
    with Site() as site:
        ten, _, _ = build(site)
        for args in (["wal", "dump", site.path], ["wal", "dump", site.path, "--keys"],
                     ["snapshot", "dump", site.path, ten]):
            for form in ([], ["--json"]):
                text = attl(*args, *form)
                assert '"k3"' in text and SECRET.decode() not in text, text
        assert SECRET.decode() in attl("wal", "dump", site.path, "--values")
        frames = objects("wal", "dump", site.path)
        assert [f["lsn"] for f in frames] == sorted({f["lsn"] for f in frames})
        deleted = [f["key"] for f in frames if f["kind"] == "del"]
        assert deleted[-1:] == ["k29"], deleted
        some = objects("wal", "dump", site.path, "--from", str(frames[3]["lsn"]), "--limit", "2")
        assert some == frames[3:5]
        expiring = [e for e in objects("snapshot", "dump", site.path, ten) if "deadline_ms" in e]
        assert [(e["key"], e["deadline"]) for e in expiring] == [("k0", "2096-10-02T07:06:40.000Z")]


def a_snapshot_can_be_loaded_into_another_server():
    with Site() as site, Server() as other:
        ten, _, _ = build(site)
        lines = attl("snapshot", "dump", site.path, ten, "--json", "--values")
        attl("-p", str(other.port), "load", "-", data=lines.encode())
        with other.connect() as c:
            assert {k.decode() for k in c.command("KEYS", "*")} == numbered(0, 10)
            assert c.command("GET", "k3") == SECRET
            assert c.command("PEXPIRETIME", "k0") == 4_000_000_000_000


def damage_is_found_and_a_start_does_what_was_said():
    with Site() as site:
        build(site)
        for name in site.files("snap-"):
            os.remove(os.path.join(site.path, name))
        frames = objects("wal", "dump", site.path)
        victim = [f for f in frames if f.get("key") == "k5"][0]
        site.flip(victim["segment"], victim["offset"] + 26)
        before = fingerprint(site.path)
        text = attl("wal", "verify", site.path, code=DATAERR)
        assert f"offset {victim['offset']}" in text, text
        assert text.splitlines()[-1].startswith("damaged: "), text
        attl("wal", "dump", site.path, code=DATAERR)
        text = attl("check", site.path, code=DATAERR)
        assert text.splitlines()[-1].startswith("damaged: a start with --recover=strict refuses"), text
        start, = of_type(objects("check", site.path, code=DATAERR), "start")
        assert start["next_lsn"] == victim["lsn"] and start["lost_frames"] > 0, start
        assert fingerprint(site.path) == before
        try:
            site.server().start()
        except AssertionError as e:
            assert f"ended with {DATAERR}" in str(e), e
        else:
            raise AssertionError("it started on a damaged log")
        assert keys_of(site, recover="prefix") == numbered(0, 5)
        attl("check", site.path)


def a_damaged_snapshot_is_found_and_passed_over():
    with Site() as site:
        ten, twenty, newest = build(site)
        for name in {twenty, newest} - {ten}:
            site.flip(name, os.path.getsize(os.path.join(site.path, name)) // 2)
        text = attl("snapshot", "verify", site.path, code=DATAERR)
        assert text.splitlines()[-1].startswith("damaged: "), text
        attl("snapshot", "verify", site.path, ten)
        start, = of_type(objects("check", site.path, code=DATAERR), "start")
        assert start["snapshot"] == ten and start["result"] == "fine", start
        assert keys_of(site) == numbered(0, 29)


def a_restored_snapshot_is_what_the_next_start_serves():
    for index, expected in ((1, numbered(0, 20)), (0, numbered(0, 10))):
        with Site() as site:
            name = build(site)[index]
            before = fingerprint(site.path)
            plan = attl("snapshot", "restore", site.path, name, "--dry-run")
            assert "set aside" in plan or "cut off" in plan, plan
            attl("snapshot", "restore", site.path, name, code=USAGE)  # nobody to ask
            assert fingerprint(site.path) == before
            assert "done: " in attl("snapshot", "restore", site.path, name, "--yes")
            assert site.files("aside-")
            start, = of_type(objects("check", site.path), "start")
            assert start["snapshot"] == name, start
            assert "nothing to do" in attl("snapshot", "restore", site.path, name)
            with site.server() as server, server.connect() as c:
                assert {k.decode() for k in c.command("KEYS", "*")} == expected
                fill(c, 100, 110)
            attl("check", site.path)
            assert keys_of(site) == expected | numbered(100, 110)


def a_directory_in_use_is_looked_at_but_not_restored():
    with Site() as site:
        ten, _, _ = build(site)
        with site.server() as server, server.connect() as c:
            for i in range(5):
                fill(c, 30, 60)
                attl("wal", "verify", site.path)
                attl("check", site.path)
                if i == 2:
                    snapshot(c)
            attl("wal", "list", site.path)
            attl("snapshot", "restore", site.path, ten, "--dry-run")
            attl("snapshot", "restore", site.path, ten, "--yes", code=TEMPFAIL)
            assert c.command("DBSIZE") == 59


def a_terminal_is_asked():
    with Site() as site:
        ten, _, _ = build(site)
        before = fingerprint(site.path)
        code, seen = on_terminal(["snapshot", "restore", site.path, ten], b"n\n")
        assert code == 1 and b"[y/N]" in seen and b"nothing was changed" in seen, (code, seen)
        assert fingerprint(site.path) == before
        code, seen = on_terminal(["snapshot", "restore", site.path, ten], b"y\n")
        assert code == 0 and b"done: " in seen, (code, seen)
        assert keys_of(site) == numbered(0, 10)


def the_prompt_knows_the_words():
    with Site() as site, Server() as server:
        ten, _, _ = build(site)
        with test_cli.Terminal("-p", str(server.port)) as t:
            t.wait(t.at_prompt, "no prompt")
            t.enter(b"WAL verify " + site.path.encode())
            t.expect(b"fine: ")
            t.enter(b"snapshot dump " + site.path.encode() + b" " + ten.encode() + b" --keys")
            t.expect(b'"k9"')
            t.enter(b"wal lsit x")
            t.expect(b"did you mean attl wal list?")
            t.enter(b"check --version")  # makes no sense here: explained instead
            t.expect(b"attl check DIR [--json]")
            t.enter(b"help snapshot")
            t.expect(b"attl snapshot restore DIR NAME")
            t.enter(b"ping")
            t.expect(b"PONG")
            t.leave()


def on_terminal(args, answer):
    """Runs the tool on a pseudo-terminal and answers its question."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(attl_path(), [attl_path(), *args])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    seen, answered, deadline = b"", False, time.monotonic() + WAIT_S
    with contextlib.suppress(OSError):  # the end of a terminal is EIO
        while time.monotonic() < deadline:
            if select.select([fd], [], [], 1)[0]:
                data = os.read(fd, 65536)
                if not data:
                    break
                seen += data
            if b"[y/N]" in seen and not answered:
                answered = True
                os.write(fd, answer)
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


def mistakes_have_their_status():
    with tempfile.TemporaryDirectory() as folder:
        missing = os.path.join(folder, "none")
        for args in (["check"], ["wal", "list"], ["wal", "verify"], ["snapshot", "list"]):
            attl(*args, missing, code=NOINPUT)
            assert not os.path.exists(missing)
        attl("snapshot", "restore", missing, "x", "--yes", code=NOINPUT)
        attl("snapshot", "restore", folder, "x", "--yes", code=NOINPUT)
        attl("wal", "lsit", folder, code=USAGE)
        attl("check", code=USAGE)
        assert attl("check", folder).splitlines()[-1].startswith("fine: there is nothing here")
    for word in ("wal", "snapshot", "check"):
        assert f"attl {word}" in attl(word, "--help")


TESTS = [looking_tells_what_is_there_and_changes_nothing, dumps_show_keys_and_hide_values,
         a_snapshot_can_be_loaded_into_another_server,
         damage_is_found_and_a_start_does_what_was_said,
         a_damaged_snapshot_is_found_and_passed_over,
         a_restored_snapshot_is_what_the_next_start_serves,
         a_directory_in_use_is_looked_at_but_not_restored, a_terminal_is_asked,
         the_prompt_knows_the_words, mistakes_have_their_status]


def has_log():
    try:
        with Server(fsync="always") as server:
            return server.info("persistence").get("attl_log_enabled") == "1"
    except AssertionError:
        return False


def main():
    if not os.path.exists(attl_path()):
        print("skip: there is no attl, which needs libedit")
        return SKIP
    if not has_log():
        print("skip: attld has no log (attl_log_enabled is not 1)")
        return SKIP
    wanted = sys.argv[1:]
    return attl_server.run([t for t in TESTS if not wanted or any(w in t.__name__ for w in wanted)])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The audit trail end to end: everything that must appear does, secrets never do, the chain holds
over rotations, restarts and kill -9, tampering is found by the tool, a full disk is an incident and,
under fail_closed, refuses. The chain is also checked here, by a second implementation."""
import glob
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time

from attl_server import Error, Server, attld_path, run
from durable import SmallDisk

KEY = b"an audit key for the tests"
SECRETS = ("s3cret-pass", "another-hush", "hunter2-acl")


def trail_dir(server):
    return os.path.join(server.dir.name, "audit")


def lines_of(directory):
    lines = []
    for path in sorted(glob.glob(os.path.join(directory, "audit-0*.jsonl"))):
        with open(path, "rb") as f:
            lines += f.read().splitlines()
    return lines


def check_chain(lines, key=None, first=1):
    """As docs/audit-format.md says it."""
    prev = "0" * 64
    for i, line in enumerate(lines):
        record = json.loads(line)
        body = line[:line.rindex(b',"hash":"')]
        digest = hmac.new(key, body, hashlib.sha256) if key else hashlib.sha256(body)
        assert record["seq"] == first + i, record
        assert record["hash"] == digest.hexdigest(), record
        assert i == 0 and first > 1 or record["prev"] == prev, record
        prev = record["hash"]


def records(directory):
    return [json.loads(line) for line in lines_of(directory)]


def attl(*args):
    path = os.path.join(os.path.dirname(attld_path()), "attl")
    done = subprocess.run([path, *args], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def wait_for(what, condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


def flushed(client):
    """What was done before is in the file now."""
    client.command("ATTL.AUDIT", "TAIL", 1)


def everything_appears_and_no_secret():
    with Server(requirepass=SECRETS[0], **{"audit.writes": "user:"}) as server:
        with server.connect() as c:
            assert isinstance(c.command("AUTH", "wrong-password"), Error)
            assert c.command("AUTH", SECRETS[0]) == b"OK"
            c.command("CLIENT", "SETNAME", "tester")
            c.command("ATTL.TRACE", "trace-77")
            assert c.command("CONFIG", "SET", "maxmemory", "64mb", "requirepass", SECRETS[1]) == b"OK"
            assert isinstance(c.command("CONFIG", "SET", "port", "1"), Error)
            assert isinstance(c.command("HELLO", 3, "AUTH", "default", SECRETS[2]), Error)
            c.command("ACL", "SETUSER", "bob", "on", ">" + SECRETS[2], "~*", "+get")
            c.command("SET", "user:17", "value-of-a-user")
            c.command("SET", "other:17", "value-of-another")
            c.command("MULTI")
            c.command("SET", "user:18", "in-a-transaction")
            c.command("CONFIG", "SET", "maxmemory", "65mb")
            c.command("EXEC")
            c.command("ATTL.NS", "SET", "ns:", "ttl_default", "60s")
            c.command("CLIENT", "KILL", "ID", "999999")
            c.command("ATTL.INCIDENT", "SIMULATE", "overload")
            c.command("KEYS", "user:*")
            c.command("SAVE")
            c.command("FLUSHALL")
            c.command("ATTL.AUDIT", "ROTATE")
            wait_for("the incident", lambda: (flushed(c), any(
                r["action"] == "incident|open" for r in records(trail_dir(server))))[1])
            status = c.command("ATTL.AUDIT", "STATUS")
            status = dict(zip(status[::2], status[1::2]))
            assert status[b"state"] == b"writing" and status[b"lost"] == 0, status
            tail = c.command("ATTL.AUDIT", "TAIL", 3)
            assert len(tail) == 3 and json.loads(tail[0])["seq"] + 2 == json.loads(tail[2])["seq"]
            verified = c.command("ATTL.AUDIT", "VERIFY")
            verified = dict(zip(verified[::2], verified[1::2]))
            assert verified[b"verdict"] == b"fine" and verified[b"files"] == 2, verified
            info = c.command("INFO", "audit").decode()
            assert "audit_failing:0" in info and "audit_lines_lost:0" in info, info
            metrics = c.command("ATTL.METRICS").decode()
            for line in ('attl_audit_mode{mode="fail_open"} 1', "attl_audit_files 2", "attl_audit_failing 0"):
                assert f"\n{line}\n" in metrics, line
            kept = sum(os.path.getsize(p) for p in glob.glob(os.path.join(trail_dir(server), "audit-0*.jsonl")))
            written = int(metrics.split("\nattl_audit_written_bytes_total ")[1].split("\n")[0])
            assert kept == written, (kept, written)
            assert 0 <= float(metrics.split("\nattl_audit_oldest_age_seconds ")[1].split("\n")[0]) < 120
        directory = trail_dir(server)
        server.stop()
        assert os.stat(directory).st_mode & 0o777 == 0o700
        for path in glob.glob(os.path.join(directory, "audit-*")):
            assert os.stat(path).st_mode & 0o777 == 0o600, path
        check_chain(lines_of(directory))
        done = [(r["kind"], r["action"], r["outcome"]) for r in records(directory)]
        for wanted in [("file", "begin", "ok"), ("start", "start", "ok"), ("auth", "auth", "WRONGPASS"),
                       ("auth", "auth", "ok"), ("auth", "hello", "WRONGPASS"),
                       ("config", "config|set", "ok"), ("config", "config|set", "ERR"),
                       ("namespace", "attl.ns|set", "ok"), ("client", "client|kill", "ok"),
                       ("incident", "attl.incident|simulate", "ok"),
                       ("incident", "incident|open", "open"), ("admin", "keys", "ok"),
                       ("admin", "save", "started"), ("admin", "save", "ok"),
                       ("flush", "flushall", "ok"), ("audit", "attl.audit|rotate", "ok"),
                       ("write", "set", "ok"), ("stop", "stop", "ok")]:
            assert wanted in done, (wanted, done)
        all_records = records(directory)
        change = next(r for r in all_records if r["object"] == "maxmemory")
        assert (change["before"], change["after"]) == ("0", "67108864"), change
        assert change["trace"] == "trace-77" and change["client"] == "tester", change
        assert change["addr"].startswith("127.0.0.1:") and change["id"] > 0, change
        assert sum(r["kind"] == "write" for r in all_records) == 2, done  # and not other:17
        text = b"\n".join(lines_of(directory)).decode()
        for secret in (*SECRETS, "wrong-password", "user:1", "value-of", "in-a-transaction"):
            assert secret not in text, secret
        code, out, _ = attl("audit", "verify", directory)
        assert code == 0 and out.startswith("fine: "), out
        code, out, _ = attl("audit", "show", directory, "--kind", "config", "--json")
        assert code == 0 and len(out.splitlines()) == 4, out
        code, out, _ = attl("audit", "show", directory, "--user", "nobody")
        assert code == 0 and out == "", out
        code, out, _ = attl("audit", "show", directory, "--since", "2999")
        assert code == 0 and out == "", out


def the_chain_holds_over_restarts_and_kills():
    with tempfile.TemporaryDirectory() as keys:
        path = os.path.join(keys, "key")
        with open(path, "wb") as f:
            f.write(KEY + b"\n")
        with Server(**{"audit.key_file": path}) as server:
            for i in range(6):
                with server.connect() as c:
                    for j in range(40):
                        c.command("CONFIG", "SET", "maxmemory", f"{100 + 40 * i + j}mb")
                    if i % 2:
                        flushed(c)
                if i % 2:
                    server.process.kill()
                    server.process.wait()
                    server.process = None
                else:
                    server.stop()
                server.start()
            directory = trail_dir(server)
            server.stop()
            lines = lines_of(directory)
            check_chain(lines, KEY)
            assert sum(json.loads(line)["kind"] == "start" for line in lines) == 7
            assert sum(json.loads(line)["kind"] == "config" for line in lines) == 240
            assert attl("audit", "verify", directory, "--key-file", path)[0] == 0
            code, out, _ = attl("audit", "verify", directory)
            assert code == 66 and "--key-file" in out, out
            find_tampering(directory, path)


def find_tampering(directory, key):
    name = sorted(glob.glob(os.path.join(directory, "audit-0*.jsonl")))[0]
    with open(name, "rb") as f:
        whole = f.read()
    lines = whole.splitlines(keepends=True)

    def expect(content, what, line):
        with open(name, "wb") as out:
            out.write(content)
        code, out, _ = attl("audit", "verify", directory, "--key-file", key)
        assert code == 65 and what in out, (what, out)
        assert f"{os.path.basename(name)}:{line}: " in out or not line, out
        code, out, _ = attl("audit", "verify", directory, "--key-file", key, "--json")
        assert code == 65 and all(json.loads(x) for x in out.splitlines()), out

    expect(whole.replace(b'"object":"maxmemory"', b'"object":"maxmemorx"', 1), ": changed: ", 3)
    expect(b"".join(lines[:9] + lines[10:]), ": missing: line 10 is missing", 10)
    expect(b"".join(lines[:9] + [lines[10], lines[9]] + lines[11:]), ": reordered: ", 11)
    expect(b"".join(lines[:-5]), ": truncated: ", 0)
    expect(whole[:-20], ": truncated: ", len(lines))
    expect(b"".join(lines[1:]), ": missing: ", 1)
    forged, prev = [], "0" * 64  # all of it made anew by somebody without the key
    for line in lines:
        body = line[:line.rindex(b',"hash":"')]
        body = body[:-65] + prev.encode() + b'"'
        prev = hashlib.sha256(body).hexdigest()
        forged.append(body + b',"hash":"' + prev.encode() + b'"}\n')
    expect(b"".join(forged), ": changed: ", 1)
    plain, prev = [], "0" * 64
    for line in forged:
        body = line[:line.rindex(b',"hash":"')].replace(b'"hmac-sha256"', b'"sha256"', 1)
        body = body[:-65] + prev.encode() + b'"'
        prev = hashlib.sha256(body).hexdigest()
        plain.append(body + b',"hash":"' + prev.encode() + b'"}\n')
    expect(b"".join(plain), ": not-keyed: ", 1)
    code, out, _ = attl("audit", "verify", name)  # without the key such a forgery is not seen
    assert code == 0 and "without a key" in out, out
    with open(name, "wb") as out:
        out.write(whole)
    assert attl("audit", "verify", directory, "--key-file", key)[0] == 0
    os.rename(name, name + ".away")
    assert attl("audit", "verify", directory, "--key-file", key)[0] == 65
    os.rename(name + ".away", name)


def a_full_disk_refuses_and_is_an_incident():
    with SmallDisk(1) as disk:
        if not disk.mounted:
            print("skipped: mounting needs root")
            return
        with Server(**{"audit.dir": os.path.join(disk.path, "audit"),
                       "audit.on_error": "fail_closed", "incident.close_after": 1}) as server:
            with server.connect() as c:
                assert c.command("CONFIG", "SET", "maxmemory", "64mb") == b"OK"
                kinds = [r["outcome"] for r in records(os.path.join(disk.path, "audit"))
                         if r["kind"] == "config"]
                assert kinds[0] == "begun", kinds
                fill = os.path.join(disk.path, "fill")
                with open(fill, "wb", buffering=0) as f:
                    try:
                        while f.write(b"x" * 512):
                            pass
                    except OSError:
                        pass
                refused = None
                for i in range(40):  # what is left of the last block
                    refused = c.command("CONFIG", "SET", "maxmemory", f"{65 + i}mb")
                    if isinstance(refused, Error):
                        break
                assert isinstance(refused, Error) and refused.startswith(b"AUDIT "), refused
                before = c.command("CONFIG", "GET", "maxmemory")
                for words in (("CONFIG", "SET", "maxmemory", "1gb"), ("FLUSHALL",)):
                    c.command("SET", "k", "v")
                    assert c.command(*words).startswith(b"AUDIT "), words
                assert c.command("CONFIG", "GET", "maxmemory") == before
                assert c.command("GET", "k") == b"v"
                assert "audit_failing:1" in c.command("INFO", "audit").decode()
                wait_for("the incident", lambda: b"audit_failure" in
                         b" ".join(map(repr_bytes, c.command("ATTL.INCIDENT", "LIST", "OPEN"))))
                os.unlink(fill)
                wait_for("the end", lambda: "audit_failing:0" in c.command("INFO", "audit").decode())
                assert c.command("CONFIG", "SET", "maxmemory", "70mb") == b"OK"
                wait_for("the end of the incident",
                         lambda: c.command("ATTL.INCIDENT", "LIST", "OPEN") == [])
            server.stop()
            directory = os.path.join(disk.path, "audit")
            assert attl("audit", "verify", directory)[0] == 0
            gaps = [r["object"] for r in records(directory) if r["kind"] == "gap"]
            assert any("actions refused" in g for g in gaps), gaps


def repr_bytes(value):
    return repr(value).encode()


def without_a_directory_there_is_none():
    with tempfile.TemporaryDirectory() as here:
        old = os.getcwd()
        os.chdir(here)
        try:
            with Server(**{"audit.mode": "off"}) as server:
                with server.connect() as c:
                    assert isinstance(c.command("ATTL.AUDIT", "STATUS"), Error)
                    assert c.command("CONFIG", "SET", "maxmemory", "64mb") == b"OK"
                    assert "audit_enabled:0" in c.command("INFO", "audit").decode()
                assert not os.path.exists(trail_dir(server))
        finally:
            os.chdir(old)


if __name__ == "__main__":
    sys.exit(run([everything_appears_and_no_secret, the_chain_holds_over_restarts_and_kills,
                  a_full_disk_refuses_and_is_an_incident, without_a_directory_there_is_none]))

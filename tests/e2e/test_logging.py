#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attld's log as a collector sees it: JSON lines that parse whatever clients send, text on request, levels
and rates at run time, priorities for the journal, no keys unless asked for, and every event in the table of
docs/logging.md.
"""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

from attl_server import Server, attld_path, free_port, run

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SLOW = ("--slowlog-log-slower-than=0",)


def every_line_is_json_whatever_clients_send():
    with Server(args=SLOW + ("--log.redact=no",)) as server:
        with server.connect() as c:
            for key in (b"\xff\xfe", b"a\nb", b'"', b"\\", "grün €".encode(), bytes(range(256)), b"\0"):
                c.command("GET", key)
        lines = [json.loads(line) for line in server.log().splitlines()]
        assert all(set(line) <= {"time", "level", "event", "trace", "text"} for line in lines)
        texts = [line["text"] for line in lines if line["event"] == "slow_command"]
        assert any("grün €" in text for text in texts) and any('GET " took' in text for text in texts)
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)


def keys_are_redacted_unless_asked_for():
    with Server(args=SLOW) as server:
        with server.connect() as c:
            for _ in range(2):
                c.command("SET", "customer:7", "value-9")
            hashes = re.findall(r"SET (k:[0-9a-f]{16}) \(7 bytes\) took", server.log())
            assert len(hashes) == 2 and len(set(hashes)) == 1, hashes
            assert "customer" not in server.log()
            c.command("CONFIG", "SET", "log.redact", "no")
            c.command("SET", "customer:7", "value-9")
            assert "SET customer:7 value-9 took" in server.log()


def level_and_rate_change_at_run_time():
    with Server(args=SLOW + ("--log.rate=5",)) as server:
        with server.connect() as c:
            for _ in range(50):
                c.command("PING")
            assert server.log().count('"slow_command"') == 5
            c.command("CONFIG", "SET", "log.rate", "0")
            for _ in range(20):
                c.command("ECHO", "x")
            assert server.log().count("ECHO") == 20
            c.command("CONFIG", "SET", "log.level", "warning")
            before = server.log().count('"slow_command"')
            c.command("ECHO", "x")
            assert server.log().count('"slow_command"') == before
            c.command("CONFIG", "SET", "log.level", "info")
        server.stop()
        held = [json.loads(line) for line in server.log().splitlines() if '"held_back"' in line]
        assert len(held) == 1 and re.match(r"\d+ more lines of slow_command ", held[0]["text"]), held


def text_is_for_people():
    with Server(args=SLOW + ("--log.format=text",)) as server:
        with server.connect() as c:
            c.command("GET", "k\r\n")
        assert re.search(r"^\S+Z info ready: attld ", server.log(), re.M)
        assert re.search(r"^\S+Z info slow_command: GET k:[0-9a-f]{16} took \d+ us", server.log(), re.M)


def the_journal_gets_priorities():
    """A stream socket stands in for the journal's; JOURNAL_STREAM names it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stat = os.fstat(theirs.fileno())
        env = dict(os.environ, JOURNAL_STREAM=f"{stat.st_dev}:{stat.st_ino}")
        with subprocess.Popen([attld_path(), f"--port={free_port()}"], stderr=theirs, env=env) as attld:
            ours.settimeout(20)
            data = b""
            while b"ready" not in data:
                data += ours.recv(4096)
            attld.send_signal(signal.SIGUSR1)  # there is no file to open again
            time.sleep(0.1)
            assert attld.poll() is None
            attld.terminate()
            assert attld.wait(20) == 0
        lines = data.decode().splitlines()
        assert all(re.match(r"<[3467]>[a-z_]+: ", line) for line in lines), lines


def every_event_is_documented():
    page = open(os.path.join(ROOT, "docs", "logging.md"), encoding="utf-8").read()
    call = re.compile(r"\b(?:log_writef?|engine_log|control_log|store_log|say|host->log)\(\s*[^;\"]*?\"([a-z][a-z_]{2,})\"")
    missing = []
    for path in glob.glob(os.path.join(ROOT, "src", "**", "*.c"), recursive=True):
        if os.sep + "cli" + os.sep in path:
            continue
        with open(path, encoding="utf-8") as f:
            missing += [event for event in call.findall(f.read()) if f"`{event}`" not in page]
    assert not missing, sorted(set(missing))


TESTS = [every_line_is_json_whatever_clients_send, keys_are_redacted_unless_asked_for,
         level_and_rate_change_at_run_time, text_is_for_people, the_journal_gets_priorities,
         every_event_is_documented]

if __name__ == "__main__":
    sys.exit(run(TESTS))

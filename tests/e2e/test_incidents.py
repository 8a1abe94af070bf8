# SPDX-License-Identifier: BSD-2-Clause
"""Incidents on a running attld: a drill of every kind from its opening to its end, acknowledging, the
counts of INFO, a program that is told, and that no client can name one. Each test starts its own server."""
import json
import os
import stat
import sys
import tempfile
import time

from attl_server import Error, Server, run

FAST = ["--incident.interval=100ms", "--incident.open_after=1", "--incident.close_after=2",
        "--incident.cooldown=0"]
PATIENCE_S = 20


def text(value):
    if isinstance(value, bytes):
        return value.decode()
    return [text(v) for v in value] if isinstance(value, list) else value


def record(flat):
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2])
    return {text(k): text(v) for k, v in pairs}


def incidents(client, *more):
    reply = client.command("ATTL.INCIDENT", "LIST", *more)
    assert not isinstance(reply, Error), reply
    return [record(flat) for flat in reply]


def kinds(client):
    return [record(flat)["kind"] for flat in client.command("ATTL.INCIDENT", "KINDS")]


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def every_kind_can_be_drilled():
    with Server(args=FAST) as server, server.connect() as c:
        names = kinds(c)
        assert len(names) == len(set(names)) >= 11, names
        for name in names:
            assert c.command("ATTL.INCIDENT", "SIMULATE", name) == b"OK"
        found = wait_until(lambda: len(incidents(c, "OPEN")) == len(names) and incidents(c, "OPEN"),
                           "not all of them opened")
        assert sorted(i["kind"] for i in found) == sorted(names)
        for i in found:
            assert i["state"] == "open" and i["simulated"] == 1, i
            assert i["cause"].startswith("simulated: ") and len(i["correlation"]) == 16, i
            assert all("would" in action or "drill" in action for action in i["actions"]), i
        assert len({i["correlation"] for i in found}) == len(names)
        levels = wait_until(lambda: all(i["level"] > 0 for i in incidents(c, "OPEN")) and
                            incidents(c, "OPEN"), "not all of them escalated")
        assert len(levels) == len(names)
        for name in names:
            assert c.command("ATTL.INCIDENT", "SIMULATE", name, "OFF") == b"OK"
        wait_until(lambda: not incidents(c, "OPEN"), "not all of them were resolved")
        for i in incidents(c):
            assert i["state"] == "resolved" and i["resolved_ms"] >= i["since_ms"], i
        info = server.info("incidents")
        assert int(info["incidents_open"]) == 0 and int(info["incidents_total"]) == len(names), info
        assert all(int(info[f"incidents_{name}"]) == 1 for name in names), info
        assert "kind=" in info["incident_last"], info


def a_drill_ends_by_itself():
    with Server(args=FAST) as server, server.connect() as c:
        c.command("ATTL.INCIDENT", "SIMULATE", "latency")
        [i] = wait_until(lambda: incidents(c, "OPEN"), "it did not open")
        wait_until(lambda: not incidents(c, "OPEN"), "it did not end")
        shown = record(c.command("ATTL.INCIDENT", "SHOW", i["id"]))
        assert shown["state"] == "resolved", shown
        assert 4000 < shown["resolved_ms"] - shown["since_ms"] < 15000, shown


def acknowledging_is_seen():
    with Server(args=FAST) as server, server.connect() as c:
        c.command("ATTL.INCIDENT", "SIMULATE", "memory")
        [i] = wait_until(lambda: incidents(c, "OPEN"), "it did not open")
        assert c.command("ATTL.INCIDENT", "ACK", i["id"]) == b"OK"
        assert incidents(c, "OPEN")[0]["state"] == "acknowledged"
        assert record(c.command("ATTL.INCIDENT", "SHOW", i["id"]))["state"] == "acknowledged"


def wrong_arguments_are_refused():
    with Server() as server, server.connect() as c:
        for words in (["LIST", "ALL"], ["SHOW", "x"], ["SHOW", "99"], ["ACK", "99"], ["ACK", "x"],
                      ["SIMULATE", "fire"], ["SIMULATE", "memory", "NOW"], ["SIMULATE"], ["SHOW"],
                      ["KINDS", "x"], ["BURN"], []):
            reply = c.command("ATTL.INCIDENT", *words)
            assert isinstance(reply, Error), (words, reply)
        assert incidents(c) == []


def switched_off_it_does_nothing():
    with Server(args=["--incident.enabled=no"]) as server, server.connect() as c:
        reply = c.command("ATTL.INCIDENT", "SIMULATE", "memory")
        assert isinstance(reply, Error) and b"incident.enabled" in reply, reply
        assert c.command("CONFIG", "SET", "incident.enabled", "yes") == b"OK"
        assert c.command("ATTL.INCIDENT", "SIMULATE", "memory") == b"OK"
        wait_until(lambda: incidents(c, "OPEN"), "it did not open")
        assert c.command("CONFIG", "SET", "incident.enabled", "no") == b"OK"
        assert incidents(c, "OPEN") == []


def script(server_dir, body):
    path = os.path.join(server_dir, "told.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + body)
    os.chmod(path, stat.S_IRWXU)
    return path


def told(path):
    """The records of a file that a program has written, one line each."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def a_program_is_told_without_a_shell(tmp):
    out = os.path.join(tmp, "out")
    words = os.path.join(tmp, "words")
    path = script(tmp, f'cat >> "{out}"\n'
                       f'echo "$ATTL_INCIDENT_EVENT $ATTL_INCIDENT_KIND $# $1 $2" >> "{words}"\n'
                       f'env | grep -c SECRET >> "{words}.secrets"\n')
    # What a shell would take for commands are plain words here.
    args = [*FAST, f"--incident.exec={path} $(touch{tmp}/x) ;reboot"]
    with Server(args=args, env={"MY_SECRET": "secret"}) as server, server.connect() as c:
        c.command("ATTL.INCIDENT", "SIMULATE", "low_disk")
        wait_until(lambda: len(told(out)) >= 2, "the program was not told")
        c.command("ATTL.INCIDENT", "SIMULATE", "low_disk", "OFF")
        records = wait_until(lambda: [r for r in told(out) if r["event"] == "resolve"] and told(out),
                             "the program was not told of the end")
        assert [r["event"] for r in records] == ["open", "escalate", "resolve"], records
        assert {r["kind"] for r in records} == {"low_disk"}
        assert {r["id"] for r in records} == {1} and len({r["correlation"] for r in records}) == 1
        assert records[0]["simulated"] is True and records[0]["severity"] == "warning"
        wait_until(lambda: os.path.exists(words), "no words")
        with open(words, encoding="utf-8") as f:
            assert f.readline() == f"open low_disk 2 $(touch{tmp}/x) ;reboot\n"
        with open(words + ".secrets", encoding="utf-8") as f:
            assert f.readline() == "0\n"
        assert not os.path.exists(os.path.join(tmp, "x"))


def no_client_can_name_a_program(_):
    with Server() as server, server.connect() as c:
        reply = c.command("CONFIG", "SET", "incident.exec", "/bin/sh")
        assert isinstance(reply, Error), reply
        assert text(c.command("CONFIG", "GET", "incident.exec")) == ["incident.exec", ""]


def a_program_that_hangs_is_killed(tmp):
    path = script(tmp, "trap '' TERM\nsleep 1000\n")
    args = [*FAST, f"--incident.exec={path}", "--incident.exec_timeout=300ms"]
    with Server(args=args) as server, server.connect() as c:
        c.command("ATTL.INCIDENT", "SIMULATE", "memory")
        wait_until(lambda: int(server.info("incidents")["incidents_told_failed"]) >= 1,
                   "nothing has failed")
        assert c.command("PING") == b"PONG"


def a_server_with_a_program_that_hangs_stops(tmp):
    path = script(tmp, f'echo > "{tmp}/begun"\nsleep 1000\n')
    with Server(args=[*FAST, f"--incident.exec={path}"]) as server, server.connect() as c:
        c.command("ATTL.INCIDENT", "SIMULATE", "memory")
        wait_until(lambda: os.path.exists(f"{tmp}/begun"), "it did not begin")
        begun = time.monotonic()
    assert time.monotonic() - begun < 9  # it is not waited for


def with_place(test):
    def run_it():
        with tempfile.TemporaryDirectory(prefix="attl-test-") as place:
            test(place)
    run_it.__name__ = test.__name__
    return run_it


if __name__ == "__main__":
    sys.exit(run([every_kind_can_be_drilled, a_drill_ends_by_itself, acknowledging_is_seen,
                  wrong_arguments_are_refused, switched_off_it_does_nothing,
                  with_place(a_program_is_told_without_a_shell),
                  with_place(no_client_can_name_a_program),
                  with_place(a_program_that_hangs_is_killed),
                  with_place(a_server_with_a_program_that_hangs_stops)]))

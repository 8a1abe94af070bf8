#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Correlation ids over the wire: what carries one, how long it lasts, what may be one; random bytes never
get into CLIENT LIST or the log as anything but one word.
"""
import json
import os
import random
import sys
import time

from attl_server import Error, Server, run

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def trace_of(c, client_id):
    for line in c.command("CLIENT", "LIST").decode().splitlines():
        fields = dict(word.split("=", 1) for word in line.split(" "))
        if fields["id"] == str(client_id):
            return fields["trace"]
    return None


def an_id_lasts_as_long_as_it_was_asked_to():
    with Server() as server:
        with server.connect() as c, server.connect() as other:
            me = c.command("CLIENT", "ID")
            assert c.command("ATTL.TRACE", PARENT) == b"OK"
            assert trace_of(other, me) == PARENT
            assert trace_of(c, me) == PARENT  # it is this request's
            assert trace_of(c, me) == ""
            assert c.command("ATTL.TRACE", "all", "STICKY") == b"OK"
            c.command("PING")
            assert trace_of(c, me) == "all" and trace_of(other, me) == "all"
            assert c.command("ATTL.TRACE", "OFF") == b"OK"
            assert trace_of(other, me) == ""


def log_lines_carry_it():
    with Server(args=("--slowlog-log-slower-than=0",)) as server:
        with server.connect() as c:
            c.command("ATTL.TRACE", 'quo"te\\d')
            c.command("GET", "secret-key")
            c.command("GET", "secret-key")
        lines = [json.loads(line) for line in server.log().splitlines()]
        got = [line for line in lines if line["text"].startswith("GET ")]
        assert [line.get("trace") for line in got] == ['quo"te\\d', None], got
        assert "secret-key" not in server.log()


def a_transaction_and_a_slow_command_carry_it():
    with Server(args=("--slowlog-log-slower-than=0",), fsync="everysec") as server:
        with server.connect(60) as c:
            c.command("ATTL.TRACE", "tx")
            for words in (("MULTI",), ("SET", "k", "v"), ("EXEC",)):
                c.command(*words)
            c.command("ATTL.TRACE", "disk")
            assert c.command("SAVE") == b"OK"
            found = {e[7][0]: e[-1] for e in c.command("ATTL.SLOWLOG", -1)}
            assert found[b"SET"] == b"tx" and found[b"save"] == b"disk", found
            assert c.command("ATTL.TRACE", "GET") == b""
        snapshot = [line for line in server.log().splitlines() if '"event":"snapshot"' in line]
        assert snapshot and '"trace":"disk"' in snapshot[0], snapshot


def a_death_and_an_incident_name_their_request():
    with Server(**{"incident.interval": "100ms"}) as server:
        with server.connect(60) as c:
            c.command("SET", "k", "v")
            c.command("ATTL.TRACE", PARENT)
            c.command("DEL", "k")
            c.command("ATTL.TRACE", "flush", "STICKY")
            c.command("FLUSHALL")
            c.command("ATTL.INCIDENT", "SIMULATE", "overload")
            c.command("ATTL.TRACE", "OFF")
            deaths = [dict(zip(d[::2], d[1::2])) for d in c.command("ATTL.WHY", "k")]
            assert [d[b"trace"] for d in deaths] == [b"flush", PARENT.encode()], deaths
            end = time.monotonic() + 20
            while not (found := c.command("ATTL.INCIDENT", "LIST")):
                assert time.monotonic() < end, "no incident was opened"
                time.sleep(0.05)
            assert dict(zip(found[0][::2], found[0][1::2]))[b"request"] == b"flush", found
        lines = [line for line in server.log().splitlines() if '"event":"incident_open"' in line]
        assert len(lines) == 1 and '"trace":"flush"' in lines[0], lines


def random_ids_are_refused_or_one_word():
    seed = int(os.environ.get("ATTL_TEST_SEED") or random.randrange(1 << 32))
    print(f"    seed {seed}")
    rng = random.Random(seed)
    with Server() as server:
        with server.connect() as c, server.connect() as other:
            me = c.command("CLIENT", "ID")
            for _ in range(500):
                alphabet = range(256) if rng.random() < 0.5 else range(33, 127)
                text = bytes(rng.choice(alphabet) for _ in range(rng.randrange(70)))
                good = 0 < len(text) <= 64 and all(33 <= b <= 126 for b in text)
                if text.lower() in (b"get", b"off"):
                    continue
                reply = c.command("ATTL.TRACE", text, "STICKY")
                assert isinstance(reply, Error) != good, (text, reply)
                if good:
                    assert trace_of(other, me) == text.decode(), text


TESTS = [an_id_lasts_as_long_as_it_was_asked_to, log_lines_carry_it, a_transaction_and_a_slow_command_carry_it,
         a_death_and_an_incident_name_their_request, random_ids_are_refused_or_one_word]

if __name__ == "__main__":
    sys.exit(run(TESTS))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The slow log of a running attld, read by a raw client and by redis-cli: every command is caught, whether
it comes alone, in a pipeline or in a transaction; settings change it at run time; secrets stay out; a
command that waits for the disk counts with its work; LATENCY tells spikes.
"""
import shutil
import subprocess
import sys
import time

from attl_server import Error, Server, encode, run

BIG = b"b" * 2_000_000


def entries(c, count=-1):
    return c.command("SLOWLOG", "GET", count)


def every_command_of_a_pipeline_is_caught():
    with Server(args=("--slowlog-log-slower-than=0", "--slowlog-max-len=1000")) as server:
        with server.connect() as c:
            c.command("SLOWLOG", "RESET")
            c.send(b"".join(encode("SET", f"k{i}", i) for i in range(200)))
            for _ in range(200):
                assert c.reply() == b"OK"
            seen = [e[3][1] for e in entries(c) if e[3][0] == b"SET"]
            assert seen == [b"k%d" % i for i in reversed(range(200))], seen[:3]
            ids = [e[0] for e in entries(c)]
            assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids)
            now = time.time()
            assert all(abs(e[1] - now) < 60 and 0 <= e[2] < 60_000_000 for e in entries(c))


def a_slow_command_is_found_among_fast_ones():
    with Server(args=("--slowlog-log-slower-than=2000",)) as server:
        with server.connect(60) as c:
            c.send(b"".join(encode("SET", f"key:{i}", "v") for i in range(300_000)))
            for _ in range(300_000):
                c.reply()
            c.command("CLIENT", "SETNAME", "scanner")
            c.command("ATTL.TRACE", "job-17")
            c.command("SLOWLOG", "RESET")
            c.send(encode("PING") * 20 + encode("ATTL.TRACE", "job-17") + encode("KEYS", "no*") +
                   encode("PING") * 20)
            for _ in range(42):
                c.reply()
            found = [e for e in c.command("ATTL.SLOWLOG", -1) if e[7][0] == b"KEYS"]
            assert len(found) == 1, found
            entry = dict(zip(found[0][::2], found[0][1::2]))
            assert entry[b"duration_us"] >= 2000 and entry[b"name"] == b"scanner"
            assert entry[b"trace"] == b"job-17", entry
            assert entry[b"addr"].startswith(b"127.0.0.1:")
            assert len(entries(c)[0]) == 6  # no more elements than Redis: some clients count them
        assert '"event":"slow_command","trace":"job-17","text":"KEYS (3 bytes) took ' in server.log()


def settings_hold_at_once():
    with Server() as server:
        with server.connect() as c:
            get = lambda name: c.command("CONFIG", "GET", name)[1]
            assert get("slowlog-log-slower-than") == b"10000" and get("slowlog-max-len") == b"128"
            assert get("commandlog-reply-larger-than") == b"1048576"
            assert c.command("CONFIG", "SET", "slowlog-log-slower-than", 0) == b"OK"
            c.command("SET", "k", "v")
            assert [b"SET", b"k", b"v"] in [e[3] for e in entries(c)]
            c.command("CONFIG", "SET", "slowlog-max-len", 2)
            assert c.command("SLOWLOG", "LEN") == 2
            assert c.command("CONFIG", "SET", "slowlog-log-slower-than", -1) == b"OK"
            c.command("SLOWLOG", "RESET")
            c.command("SET", "k", "v")
            assert entries(c) == []
            assert isinstance(c.command("CONFIG", "SET", "slowlog-log-slower-than", -2), Error)


def large_requests_and_replies_are_kept():
    with Server() as server:
        with server.connect(60) as c:
            c.command("SET", "big", BIG)
            assert c.command("GET", "big") == BIG
            request = c.command("COMMANDLOG", "GET", 10, "large-request")
            reply = c.command("COMMANDLOG", "GET", 10, "large-reply")
            assert [e[2] for e in request] == [2000006], request
            assert request[0][3][2] == b"b" * 128 + b"... (1999872 more bytes)"
            assert [e[2] for e in reply] == [2000012], reply
            assert c.command("COMMANDLOG", "RESET", "large-reply") == b"OK"
            assert c.command("COMMANDLOG", "LEN", "large-reply") == 0
            info = c.command("INFO", "stats")
            assert b"commandlog_large_requests_count:1\r\n" in info


def secrets_stay_out():
    with Server(args=("--slowlog-log-slower-than=0", "--log.redact=no"), requirepass="hush-1") as server:
        with server.connect() as c:
            c.command("AUTH", "hush-1")
            c.command("HELLO", "2", "AUTH", "default", "hush-1")
            c.command("CONFIG", "SET", "requirepass", "hush-2")
            text = repr(entries(c))
            assert "(redacted)" in text and "hush" not in text
        log = server.log()
        assert "CONFIG SET requirepass (redacted) took" in log and "hush" not in log


def a_command_that_waits_for_the_disk_counts():
    with Server(fsync="everysec") as server:
        with server.connect(60) as c:
            c.command("CONFIG", "SET", "slowlog-log-slower-than", 1)
            c.command("SET", "k", "v")
            assert c.command("SAVE") == b"OK"
            assert [b"save"] in [e[3] for e in entries(c)], entries(c)


def spikes_are_told():
    with Server(args=("--latency-monitor-threshold=1",)) as server:
        with server.connect(60) as c:
            c.send(b"".join(encode("SET", f"key:{i}", "v") for i in range(200_000)))
            for _ in range(200_000):
                c.reply()
            c.command("KEYS", "no*")
            latest = {e[0]: e for e in c.command("LATENCY", "LATEST")}
            assert latest[b"command"][3] >= 1, latest
            assert len(c.command("LATENCY", "HISTORY", "command")) >= 1
            assert b"command: " in c.command("LATENCY", "DOCTOR")
            assert b"command - high " in c.command("LATENCY", "GRAPH", "command")
            assert c.command("LATENCY", "RESET", "command") == 1


def spikes_of_the_cache_itself_are_told():
    with Server(args=("--latency-monitor-threshold=0",), fsync="everysec") as server:
        with server.connect(60) as c:
            for i in range(2000):
                c.send(encode("SET", f"key:{i}", "v" * 5000))
            for _ in range(2000):
                c.reply()
            assert c.command("SAVE") == b"OK"
            assert c.command("LATENCY", "LATEST") == []
            assert c.command("CONFIG", "SET", "latency-monitor-threshold", 1) == b"OK"
            assert c.command("SAVE") == b"OK"
            assert [e[0] for e in c.command("LATENCY", "LATEST") if e[0] == b"snapshot"], "no snapshot"
            assert b"snapshot: " in c.command("LATENCY", "DOCTOR")


def redis_cli_reads_it():
    cli = shutil.which("redis-cli")
    if not cli:
        print("    no redis-cli")
        return
    with Server(args=("--slowlog-log-slower-than=0",)) as server:
        ask = lambda *words: subprocess.run([cli, "--no-raw", "-p", str(server.port), *words], check=True, timeout=20,
                                            capture_output=True, text=True).stdout
        ask("SET", "k", "v")
        text = ask("SLOWLOG", "GET", "5")
        assert '4) 1) "SET"' in text and '2) "k"' in text, text
        assert "(integer)" in text
        assert "SLOWLOG <subcommand>" in ask("SLOWLOG", "HELP")
        assert "DOCTOR" in ask("LATENCY", "HELP")


TESTS = [every_command_of_a_pipeline_is_caught, a_slow_command_is_found_among_fast_ones, settings_hold_at_once,
         large_requests_and_replies_are_kept, secrets_stay_out, a_command_that_waits_for_the_disk_counts,
         spikes_are_told, spikes_of_the_cache_itself_are_told, redis_cli_reads_it]

if __name__ == "__main__":
    sys.exit(run(TESTS))

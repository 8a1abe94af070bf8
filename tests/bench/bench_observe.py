#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What observing costs: attld with everything on beside attld with everything off.

Three servers with one worker each, together on core 0, loaded with the same keys and visited in turn by a
generator on core 1: "off" has every switch of observing off, "on" has all of them on, "scraped" as well, and
somebody takes ATTL.METRICS and INFO once a second meanwhile. A ratio is taken between two servers of the same
round; the median and the smallest and largest are printed. What is aimed at is 0.97 of the throughput, which is
CPU per operation where a server's core is the limit. Switches that this attld does not have are left out.
"""

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
import threading

from bench_server import Server, generator, note, ratio

AIM = 0.97
SWITCHES = [  # option, value that observes, value that does not
    ("metrics.enabled", "yes", "no"),
    ("hotkeys.enabled", "yes", "no"),
    ("incident.enabled", "yes", "no"),
    ("ledger.entries", "65536", "0"),
    ("latency.slowlog_log_slower_than", "10000", "-1"),
    ("latency.commandlog_request_larger_than", "1048576", "-1"),
    ("latency.commandlog_reply_larger_than", "1048576", "-1"),
    ("audit.mode", "on", "off"),
]


class Scraper(threading.Thread):
    """Takes all that is measured once a second, over a connection of its own."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.ended = threading.Event()
        self.taken = 0

    def reply(self, request):
        self.socket.sendall(request)
        data = self.socket.recv(1 << 16)
        head, _, rest = data.partition(b"\r\n")
        left = int(head[1:]) + 2 - len(rest)
        while left > 0:
            left -= len(self.socket.recv(1 << 16))

    def run(self):
        while not self.ended.wait(1):
            self.reply(b"ATTL.METRICS\r\n")
            self.reply(b"INFO everything\r\n")
            self.taken += 1

    def stop(self):
        self.ended.set()
        self.join()
        self.socket.close()


def switches(attld, which):
    """The options that this attld has, as flags; `which` 1: on, 2: off."""
    options = subprocess.run([attld, "--dump-options"], check=True, capture_output=True, text=True).stdout
    return [f"--{row[0]}={row[which]}" for row in SWITCHES if f"| `{row[0]}` |" in options]


def measure(args, servers):
    for op in ("get", "set"):
        for pipeline in args.pipelines:
            results = {s.name: [] for s in servers}
            for round_ in range(args.rounds):
                order = servers if round_ % 2 == 0 else servers[::-1]
                for s in order:
                    scraper = Scraper(s.port) if s.name == "scraped" else None
                    if scraper:
                        scraper.start()
                    try:
                        results[s.name].append(generator(
                            args, "bench_load", s, "--op", op, "--pipeline", pipeline, "--keys", args.keys,
                            "--seconds", args.seconds, "--seed", args.seed + round_))
                    finally:
                        if scraper:
                            scraper.stop()
            show(args, servers, op, pipeline, results)


def show(args, servers, op, pipeline, results):
    off = [r["cpu_us_per_op"] for r in results["off"]]
    print("\n%s, pipeline %d\n%-8s %10s %11s %9s  %-22s %-22s" % (
        op.upper(), pipeline, "", "ops/s", "CPU us/op", "p99 us", "ops/s: this / off", "ops per CPU: this / off"))
    for s in servers:
        rows = results[s.name]
        cpu = [r["cpu_us_per_op"] for r in rows]
        ops = ratio([r["ops_per_s"] for r in rows], [r["ops_per_s"] for r in results["off"]])
        per_cpu = [a / b for a, b in zip(off, cpu)]
        print("%-8s %10.0f %11.3f %9.0f  %-22s %-22s" % (
            s.name, statistics.median(r["ops_per_s"] for r in rows), statistics.median(cpu),
            statistics.median(r["p99_us"] for r in rows), ops if s.name != "off" else "",
            ratio(off, cpu) if s.name != "off" else ""), flush=True)
        note(args, bench="observe", op=op, pipeline=pipeline, server=s.name, rounds=len(rows),
             ops_per_s=statistics.median(r["ops_per_s"] for r in rows), cpu_us_per_op=statistics.median(cpu),
             ops_per_cpu_ratio=statistics.median(per_cpu), aim=AIM)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--attld", required=True)
    parser.add_argument("--bin", required=True, help="where the generators are")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--keys", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pipelines", type=lambda text: [int(n) for n in text.split(",")], default=[1, 64])
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    on, off = switches(args.attld, 1), switches(args.attld, 2)
    args.attld = os.path.abspath(args.attld)  # servers have a directory of their own
    base = [args.attld, "--port", "{port}", "--bind", "127.0.0.1", "--threads", "1", "--server.admin_port=0",
            "--persist.fsync=off"]
    print("off: %s\non:  %s" % (" ".join(off), " ".join(on)))
    servers = []
    directory = tempfile.TemporaryDirectory(prefix="bench-observe-")
    try:
        for name, flags in (("off", off), ("on", on), ("scraped", on)):
            place = os.path.join(directory.name, name)
            os.mkdir(place)
            servers.append(Server(name, base + [f"--server.dir={place}"] + flags, "resp"))
        for s in servers:
            generator(args, "bench_load", s, "--op", "preload", "--pipeline", 64, "--keys", args.keys)
        print("%d keys of 16 + 100 bytes, 50 connections, medians of %d rounds of %g s; %d cores; aimed at %g"
              % (args.keys, args.rounds, args.seconds, os.cpu_count(), AIM))
        measure(args, servers)
    finally:
        for s in servers:
            s.stop()
        directory.cleanup()


if __name__ == "__main__":
    main()

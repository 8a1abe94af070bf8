#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attld beside redis-server, memcached and valkey-server, in one run.

All servers are started together, pinned to core 0 and loaded with the same keys; the generator runs on
core 1 and visits them in turn, A B C A B C. A ratio is taken between two servers of the same round, and
its smallest and largest value over the rounds is printed, because the speed of a shared machine drifts
more than the servers differ. CPU per operation is read from /proc and counts all threads of a server.
Every server started here is stopped here, by its process id. Nothing but loopback is used.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BASE = "redis"  # what attld's ratios are taken against


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One server process on core 0."""

    cores = {0}

    def __init__(self, name, argv, protocol):
        self.name, self.protocol = name, protocol
        self.port = free_port()
        self.log = tempfile.NamedTemporaryFile("w+", prefix="bench-" + name)
        argv = [word.replace("{port}", str(self.port)) for word in argv]
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        cwd=tempfile.gettempdir(),
                                        preexec_fn=lambda: os.sched_setaffinity(0, self.cores))
        try:
            self.wait_ready()
        except RuntimeError:
            self.stop()
            raise

    def wait_ready(self):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    s.sendall(b"version\r\n" if self.protocol == "memcache" else b"PING\r\n")
                    if s.recv(64):
                        return
            except OSError:
                time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError("%s does not answer: %s" % (self.name, self.log.read()[-400:]))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def threads(self):
        """CPU in ns and context switches (voluntary and not) of all threads."""
        cpu = switches = 0
        base = "/proc/%d/task" % self.process.pid
        for task in os.listdir(base):
            with open("%s/%s/schedstat" % (base, task)) as f:
                cpu += int(f.read().split()[0])
            with open("%s/%s/status" % (base, task)) as f:
                switches += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        return cpu, switches

    def rss(self):
        with open("/proc/%d/smaps_rollup" % self.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Rss:"))


def known_servers(args):
    """Name -> (command line, protocol), of those that are there."""
    redis = ["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize",
             "no"]
    found = {
        "attld": ([args.attld, "--port", "{port}", "--admin-port=0", "--bind", "127.0.0.1", "--threads", "1"], "resp"),
        "redis": (["redis-server"] + redis, "resp"),
        "memcached": (["memcached", "-p", "{port}", "-l", "127.0.0.1", "-U", "0", "-t", "1", "-m", "4096",
                       "-u", "nobody"], "memcache"),
        "valkey": ([args.valkey or "valkey-server"] + redis, "resp"),
    }
    names = [n for n in args.servers.split(",") if n]
    for name in list(names):
        program = found[name][0][0]
        if not shutil.which(program):
            print("%s: not installed, left out" % program)
            names.remove(name)
    return {name: found[name] for name in names}


def start(args, known, only=None):
    servers = []
    for name, (argv, protocol) in known.items():
        if only and name not in only:
            continue
        try:
            servers.append(Server(name, argv, protocol))
        except RuntimeError as e:
            print(e)
    return servers


def generator(args, program, server, *words):
    """Runs a generator on core 1; returns its result, which is also appended to the JSON file."""
    command = [os.path.join(args.bin, program), "--port", str(server.port), "--label", server.name,
               "--server-pid", str(server.process.pid), "--json", "/dev/stdout"]
    if program == "bench_load":
        command += ["--protocol", server.protocol]
    done = subprocess.run(command + [str(w) for w in words], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise RuntimeError("%s against %s: %s" % (program, server.name, done.stderr.strip()))
    if args.json:
        with open(args.json, "a") as f:
            f.write(lines[-1] + "\n")
    return json.loads(lines[-1])


def ratio(ours, theirs):
    """'median (min..max)' of the paired ratios."""
    r = [a / b for a, b in zip(ours, theirs) if a and b]
    if not r:
        return "-"
    return "%.2f (%.2f..%.2f)" % (statistics.median(r), min(r), max(r))


def note(args, **what):
    if args.json:
        with open(args.json, "a") as f:
            f.write(json.dumps(what) + "\n")


# ---- throughput, latency, CPU per operation ----


def part_load(args, known):
    servers = start(args, known)
    try:
        for s in servers:
            generator(args, "bench_load", s, "--op", "preload", "--pipeline", 64, "--keys", args.keys)
        print("\n%d keys of 16 + 100 bytes, uniform, 50 connections; servers on core 0, generator on core 1"
              "\n(memcached speaks its text protocol); medians of %d rounds, ratios attld/%s"
              % (args.keys, args.rounds, BASE))
        for pipeline in args.pipelines:
            for op in ("get", "set"):
                load_table(args, servers, op, pipeline)
    finally:
        for s in servers:
            s.stop()


def load_table(args, servers, op, pipeline):
    results = {s.name: [] for s in servers}
    for round_ in range(args.rounds):
        for s in servers:
            results[s.name].append(generator(
                args, "bench_load", s, "--op", op, "--pipeline", pipeline, "--keys", args.keys,
                "--seconds", args.seconds, "--seed", args.seed + round_))
    print("\n%s, pipeline %d\n%-10s %9s %9s %7s | %7s %7s %7s %8s | %-20s %-20s" % (
        op.upper(), pipeline, "", "ops/s", "CPU us/op", "busy %", "p50 us", "p99", "p99.9", "max",
        "CPU: attld / this", "ops/s: attld / this"))
    for s in servers:
        rows = results[s.name]

        def middle(key):
            return statistics.median(r[key] for r in rows)

        cpu = [r["cpu_us_per_op"] for r in rows]
        own = [r["cpu_us_per_op"] for r in results.get("attld", [])]
        cpu_ratio = ratio(own, cpu) if s.name != "attld" else ""
        ops_ratio = ratio([r["ops_per_s"] for r in results.get("attld", [])],
                          [r["ops_per_s"] for r in rows]) if s.name != "attld" else ""
        print("%-10s %9.0f %9.3f %7.0f | %7.0f %7.0f %7.0f %8.0f | %-20s %-20s" % (
            s.name, middle("ops_per_s"), middle("cpu_us_per_op"), middle("server_busy") * 100,
            middle("p50_us"), middle("p99_us"), middle("p999_us"), max(r["max_us"] for r in rows),
            cpu_ratio, ops_ratio))
        paired = [a / b for a, b in zip(own, cpu) if a and b]
        note(args, bench="server", op=op, pipeline=pipeline, server=s.name,
             ops_per_s=middle("ops_per_s"), cpu_us_per_op=middle("cpu_us_per_op"),
             p50_us=middle("p50_us"), p99_us=middle("p99_us"), p999_us=middle("p999_us"),
             max_us=max(r["max_us"] for r in rows), rounds=len(rows),
             cpu_ratio_min=min(paired, default=None), cpu_ratio_max=max(paired, default=None))
    sys.stdout.flush()


# ---- idle ----


def part_idle(args, known):
    servers = start(args, known)
    try:
        for s in servers:
            generator(args, "bench_load", s, "--op", "preload", "--pipeline", 64, "--keys", args.keys,
                      "--ttl-ms", 3600000)
        time.sleep(3)
        before = {s.name: s.threads() for s in servers}
        time.sleep(args.idle_s)
        print("\nidle %g s with %d live keys, TTL 1 h (scaled to a minute)\n%-10s %9s %18s %14s" % (
            args.idle_s, args.keys, "", "CPU ms", "context switches", "resident MiB"))
        scale = 60.0 / args.idle_s
        for s in servers:
            cpu, switches = (b - a for a, b in zip(before[s.name], s.threads()))
            print("%-10s %9.1f %18.0f %14.0f" % (s.name, cpu / 1e6 * scale, switches * scale,
                                                 s.rss() / 2**20))
            note(args, bench="idle", server=s.name, seconds=args.idle_s, keys=args.keys,
                 cpu_ms_per_min=cpu / 1e6 * scale, switches_per_min=switches * scale, rss=s.rss())
        sys.stdout.flush()
    finally:
        for s in servers:
            s.stop()


# ---- expiry ----


def expire_once(args, server):
    """Loads, waits and watches; starts over with more time when loading was too slow."""
    for keys_per_s in (150000.0, 50000.0, 15000.0):
        deadline = int((time.time() + 5 + args.expire_keys / keys_per_s) * 1000)
        common = ["--keys", args.expire_keys, "--deadline-ms", deadline, "--spread-ms", 1000]
        generator(args, "bench_load", server, "--op", "preload", "--pipeline", 64, *common)
        if time.time() * 1000 < deadline - 2500:
            break
    before = server.rss()
    result = generator(args, "bench_wire_expiry", server, *common)
    time.sleep(2)
    result["rss_before"], result["rss_after"] = before, server.rss()
    return result


def part_expiry(args, known):
    print("\n%d keys of 16 + 100 bytes expire within one second; a client gets a live key every 200 us\n"
          "%-10s %10s %10s %10s %20s %20s %20s" % (
              args.expire_keys, "", "stale ms", "last gone", "CPU us/key", "quiet p99 / max us",
              "during p99 / max us", "resident MiB"))
    for name in known:
        if known[name][1] != "resp":
            continue
        servers = start(args, known, [name])
        try:
            for s in servers:
                r = expire_once(args, s)
                print("%-10s %10.0f %10d %10.3f %20s %20s %20s" % (
                    name, r["stale_ms"], r["gone_after_ms"], r["cpu_us_per_key"],
                    "%.0f / %.0f" % (r["quiet_p99_us"], r["quiet_max_us"]),
                    "%.0f / %.0f" % (r["during_p99_us"], r["during_max_us"]),
                    "%.0f -> %.0f" % (r["rss_before"] / 2**20, r["rss_after"] / 2**20)))
                note(args, **dict(r, bench="wire_expiry_memory"))
                sys.stdout.flush()
        finally:
            for s in servers:
                s.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", required=True, help="folder of bench_load and bench_wire_expiry")
    p.add_argument("--attld", default="attld", help="the server")
    p.add_argument("--valkey", default="", help="valkey-server, if it is not in PATH")
    p.add_argument("--servers", default="attld,redis,memcached,valkey", help="which, in this order")
    p.add_argument("--parts", default="load,idle,expiry", help="which of load,idle,expiry")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
    p.add_argument("--pipelines", default="1,16,64")
    p.add_argument("--keys", type=int, default=1000000)
    p.add_argument("--expire-keys", type=int, default=2000000)
    p.add_argument("--idle-s", type=float, default=20.0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--json", default="", help="file to append JSON lines to")
    args = p.parse_args()
    args.pipelines = [int(x) for x in args.pipelines.split(",")]
    print("# parameters:", " ".join("%s=%s" % kv for kv in sorted(vars(args).items()) if kv[1] != ""))
    if len(os.sched_getaffinity(0)) < 2:
        print("needs two cores, one for the servers and one for the generator: skipped")
        return
    known = known_servers(args)
    parts = {"load": part_load, "idle": part_idle, "expiry": part_expiry}
    for part in args.parts.split(","):
        parts[part](args, known)


if __name__ == "__main__":
    main()

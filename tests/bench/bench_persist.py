#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attld's log, snapshots and restart beside those of redis-server, in one run.

Three tables: SET under each fsync policy; a snapshot taken under a steady load, with what it costs
memory and clients; and the seconds a restart takes. Servers are pinned to core 0, generator and this
script to core 1, data directories lie side by side on one file system, whose fdatasync is measured
first. Rounds go in turn and ratios are taken inside a round. Both servers are kept from taking
snapshots or rewriting their log by themselves. What is started here is stopped here, by process id.
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

from bench_server import Server, generator, note, ratio

MODES = ("always", "everysec", "no", "off")
TTL_MS = 4 * 3600 * 1000
PROBE_WRITES, PROBE_BYTES = 300, 4096


# ---- servers ----


def attld_words(dir_, fsync):
    return ["--admin-port=0", "--bind", "127.0.0.1", "--threads", "1", "--fsync", fsync, "--persist.dir", dir_,
            "--persist.snapshot_log_size", "0", "--persist.save", ""]


def redis_words(dir_, fsync):
    words = ["--bind", "127.0.0.1", "--daemonize", "no", "--dir", dir_, "--save", "",
             "--auto-aof-rewrite-percentage", "0", "--aof-use-rdb-preamble", "no"]
    if fsync == "off":
        return words + ["--appendonly", "no"]
    return words + ["--appendonly", "yes", "--appendfsync", fsync]


class Durable(Server):
    """A server with a data directory; `ready_s` says how long it took from exec to an answer."""

    def __init__(self, args, name, fsync, dir_, cores=(0,)):
        self.cores = set(cores)
        self.dir, self.connection = dir_, None
        os.makedirs(dir_, mode=0o700, exist_ok=True)
        self.born = time.monotonic()
        words = redis_words(dir_, fsync) if name == "redis" else attld_words(dir_, fsync)
        if name == "release":  # it had no log
            words = ["--bind", "127.0.0.1", "--threads", "1"]
        program = {"redis": "redis-server", "attld": args.attld, "release": args.release}[name]
        super().__init__(name, [program, "--port", "{port}"] + words, "resp")

    def wait_ready(self):
        while time.monotonic() - self.born < 600 and self.process.poll() is None:
            try:
                reply = self.ask("GET", "a key that is not there")
            except OSError:
                reply, self.connection = "-", None
            if not reply.startswith("-"):
                self.ready_s = time.monotonic() - self.born
                return
            time.sleep(0.005)
        self.log.seek(0)
        raise RuntimeError("%s does not answer: %s" % (self.name, self.log.read()[-400:]))

    def ask(self, *words):
        """One command; the first line of the reply, or a bulk's text."""
        request = "*%d\r\n" % len(words) + "".join("$%d\r\n%s\r\n" % (len(w), w) for w in words)
        if not self.connection:
            self.connection = socket.create_connection(("127.0.0.1", self.port), 600)
            self.replies = self.connection.makefile("rb")
        self.connection.sendall(request.encode())
        line = self.replies.readline().decode().rstrip("\r\n")
        if not line:
            raise OSError("closed")
        return self.replies.read(int(line[1:]) + 2).decode() if line[0] == "$" and line != "$-1" else line

    def info(self, section, field):
        for line in self.ask("INFO", section).splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1]
        raise RuntimeError("%s: INFO %s has no %s" % (self.name, section, field))

    def must(self, *words):
        reply = self.ask(*words)
        if reply.startswith("-"):
            raise RuntimeError("%s: %s: %s" % (self.name, " ".join(words), reply))
        return reply

    def stop(self):
        if self.connection:
            self.replies.close()
            self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def cpu_s(self):
        """CPU of all threads, those that have ended too."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Bytes in use by the process and its children; pages that they share count once (PSS)."""
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            pids = [self.process.pid] + [int(pid) for pid in f.read().split()]
        total = 0
        for pid in pids:
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    total += next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
            except (OSError, StopIteration):
                pass  # the child has just ended
        return total


def disk_bytes(dir_):
    return sum(os.path.getsize(os.path.join(at, f)) for at, _, files in os.walk(dir_) for f in files)


def preload(args, server, keys, value_bytes=100, ttl_ms=0):
    generator(args, "bench_load", server, "--op", "preload", "--pipeline", 64, "--keys", keys,
              "--value-bytes", value_bytes, "--ttl-ms", ttl_ms)


def spread(rows):
    return "%.2f (%.2f..%.2f)" % (statistics.median(rows), min(rows), max(rows)) if rows else "-"


# ---- the disk ----


def part_disk(args):
    """fdatasync after overwriting a block of a file that is there already, as a log does at best."""
    path = os.path.join(args.dir, "probe")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    us = []
    try:
        os.write(fd, bytes(PROBE_BYTES * PROBE_WRITES))
        os.fsync(fd)
        for i in range(PROBE_WRITES):
            os.pwrite(fd, b"x" * PROBE_BYTES, i * PROBE_BYTES)
            start = time.perf_counter_ns()
            os.fdatasync(fd)
            us.append((time.perf_counter_ns() - start) / 1e3)
    finally:
        os.close(fd)
        os.unlink(path)
    us.sort()
    p50, p99 = us[len(us) // 2], us[len(us) * 99 // 100]
    print("\nfdatasync of 4 KiB: p50 %.0f us, p99 %.0f us, longest %.0f us; load %s" % (
        p50, p99, us[-1], " ".join("%.1f" % x for x in os.getloadavg())))
    note(args, bench="persist_disk", p50_us=p50, p99_us=p99, max_us=us[-1], load=os.getloadavg())


# ---- SET under each policy ----


def set_servers(args, mode):
    names = ["attld", "redis"]
    if args.release and mode in ("no", "off"):
        names.append("release")
    return names


def part_set(args):
    print("\nSET, %d keys of 16 + 100 bytes, uniform, 50 connections; medians of %d rounds, ratios: attld /"
          " this, (smallest..largest)" % (args.keys, args.rounds))
    for mode in args.modes:
        servers = []
        try:
            for name in set_servers(args, mode):
                servers.append(Durable(args, name, mode, os.path.join(args.dir, "set-" + name)))
            for s in servers:
                preload(args, s, args.keys)
            for pipeline in args.pipelines:
                set_table(args, servers, mode, pipeline)
        finally:
            for s in servers:
                s.stop()
                shutil.rmtree(s.dir)


def set_table(args, servers, mode, pipeline):
    results = {s.name: [] for s in servers}
    for round_ in range(args.rounds):
        for s in servers:
            os.sync()  # what one left to be written back is not the next one's load
            results[s.name].append(generator(
                args, "bench_load", s, "--op", "set", "--pipeline", pipeline, "--keys", args.keys,
                "--seconds", args.seconds, "--seed", args.seed + round_))
    print("\nfsync %s, pipeline %d\n%-8s %9s %9s %7s | %7s %7s %7s %8s | %-19s %-19s" % (
        mode, pipeline, "", "ops/s", "CPU us/op", "busy %", "p50 us", "p99", "p99.9", "max", "ops/s", "CPU"))
    own = results["attld"]
    for s in servers:
        rows = results[s.name]
        middle = {key: statistics.median(r[key] for r in rows)
                  for key in ("ops_per_s", "cpu_us_per_op", "server_busy", "p50_us", "p99_us", "p999_us")}
        ratios = [""] * 2 if s is servers[0] else [
            ratio([r[key] for r in own], [r[key] for r in rows]) for key in ("ops_per_s", "cpu_us_per_op")]
        longest = max(r["max_us"] for r in rows)
        print("%-8s %9.0f %9.3f %7.0f | %7.0f %7.0f %7.0f %8.0f | %-19s %-19s" % (
            s.name, middle["ops_per_s"], middle["cpu_us_per_op"], middle["server_busy"] * 100,
            middle["p50_us"], middle["p99_us"], middle["p999_us"], longest, ratios[0], ratios[1]))
        note(args, bench="persist_set", fsync=mode, pipeline=pipeline, server=s.name, max_us=longest,
             rounds=len(rows), ops_ratio=ratios[0], cpu_ratio=ratios[1], **middle)
    sys.stdout.flush()


# ---- a snapshot under load ----


class Load:
    """A generator at a fixed rate that measures until finish()."""

    def __init__(self, args, server):
        self.process = subprocess.Popen(
            [os.path.join(args.bin, "bench_load"), "--port", str(server.port), "--label", server.name,
             "--server-pid", str(server.process.pid), "--json", "/dev/stdout", "--op", "set", "--keys",
             str(args.items), "--value-bytes", "64", "--ttl-ms", str(TTL_MS), "--rate", str(args.rate),
             "--seconds", "600", "--until-eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("# measuring"):
                return
        raise RuntimeError("no load on %s" % server.name)

    def finish(self):
        self.process.stdin.close()
        lines = [line for line in self.process.stdout if line.startswith("{")]
        if self.process.wait() != 0 or not lines:
            raise RuntimeError("the generator failed")
        return json.loads(lines[-1])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def snapshot_taken(server, each):
    """BGSAVE; calls `each` until it has ended. Seconds."""
    start = time.monotonic()
    server.must("BGSAVE")
    while server.info("persistence", "rdb_bgsave_in_progress") != "0":
        each()
        time.sleep(0.1)
    if server.info("persistence", "rdb_last_bgsave_status") != "ok":
        raise RuntimeError("%s: the snapshot failed" % server.name)
    return time.monotonic() - start


def snapshot_round(args, server, watch_memory):
    """One snapshot under load. Watching memory costs the server time: not in rounds that are timed."""
    load = Load(args, server)
    try:
        time.sleep(args.quiet_s)
        quiet = load.finish()
        os.sync()
        before = server.memory()
        peak = [before]
        load = Load(args, server)
        took_s = snapshot_taken(server, (lambda: peak.append(server.memory())) if watch_memory
                                else (lambda: None))
        during = load.finish()
    finally:
        load.kill()
    return {"took_s": took_s, "extra_bytes": max(peak) - before, "before_bytes": before,
            "quiet_max_us": quiet["max_us"], "quiet_p999_us": quiet["p999_us"],
            "during_max_us": during["max_us"], "during_p999_us": during["p999_us"],
            "during_p99_us": during["p99_us"], "gap_us": during["gap_us"], "during_ops_per_s": during["ops_per_s"],
            "cpu_us_per_op": during["cpu_us_per_op"]}


def part_snapshot(args):
    for mode in args.snapshot_modes:
        rows = {"attld": [], "redis": []}
        memory = {}
        servers = []
        try:
            for name in rows:
                servers.append(Durable(args, name, mode, os.path.join(args.dir, "snap-" + name)))
                preload(args, servers[-1], args.items, 64, TTL_MS)
            # The first snapshot has to get memory that later ones find: it is told apart.
            for s in servers:
                memory[s.name] = snapshot_round(args, s, True)
            for _ in range(args.snapshot_rounds):
                for s in servers:
                    rows[s.name].append(snapshot_round(args, s, False))
            snapshot_table(args, servers, mode, rows, memory)
        finally:
            for s in servers:
                s.stop()
                shutil.rmtree(s.dir)


def snapshot_table(args, servers, mode, rows, memory):
    print("\nsnapshot of %d items of 16 + 64 bytes with TTL, fsync %s, under %d SET/s by timetable;\n"
          "median (smallest..largest) of %d rounds; the first snapshot, in a round before them: PSS of server\n"
          "and child, and its worst latency" % (
              args.items, mode, args.rate, args.snapshot_rounds))
    print("%-6s %-20s %-21s %-21s %-21s %-21s %-18s %9s %6s %8s" % (
        "", "seconds", "quiet p99.9 ms", "during p99.9 ms", "quiet worst ms", "during worst ms",
        "generator's gap ms", "extra MiB", "of MiB", "first ms"))
    for s in servers:
        r = rows[s.name]
        m = memory[s.name]
        print("%-6s %-20s %-21s %-21s %-21s %-21s %-18s %9.0f %6.0f %8.0f" % (
            s.name, spread([x["took_s"] for x in r]),
            *[spread([x[key] / 1e3 for x in r])
              for key in ("quiet_p999_us", "during_p999_us", "quiet_max_us", "during_max_us", "gap_us")],
            m["extra_bytes"] / 2**20, m["before_bytes"] / 2**20, m["during_max_us"] / 1e3))
        note(args, bench="persist_snapshot", fsync=mode, server=s.name, items=args.items, rate=args.rate,
             rounds=r, memory=m)
    print("duration attld/redis %s, worst during %s" % (
        *[ratio([x[key] for x in rows["attld"]], [x[key] for x in rows["redis"]])
          for key in ("took_s", "during_max_us")],))
    sys.stdout.flush()


# ---- restart ----


def restart_prepare(args, name, case, dir_):
    """Fills a directory: with a snapshot alone, or a log alone."""
    server = Durable(args, name, "off" if case == "snapshot" else "everysec", dir_)
    try:
        preload(args, server, args.items, 64, TTL_MS)
        if case == "snapshot":
            server.must("SAVE")
    finally:
        server.stop()


def restart_once(args, name, case, dir_, cores):
    server = Durable(args, name, "off" if case == "snapshot" else "everysec", dir_, cores)
    try:
        found = server.must("DBSIZE")
        if found != ":%d" % args.items:
            raise RuntimeError("%s has %s of %d items after a restart" % (name, found, args.items))
        return {"ready_s": server.ready_s, "cpu_s": server.cpu_s(), "rss": server.rss()}
    finally:
        server.stop()


def part_restart(args):
    """attld also on both cores: it reads with as many threads as it finds cores, redis with one."""
    print("\nrestart with %d items of 16 + 64 bytes with TTL, files in the page cache; seconds until a GET is"
          " answered,\nmedian (smallest..largest) of %d rounds\n%-9s %-20s %-20s %7s %9s  %s" % (
              args.items, args.restart_rounds, "from", "", "seconds", "CPU s", "disk MiB", "redis / this"))
    variants = {"attld": ("attld", (0,)), "redis": ("redis", (0,)), "attld, both cores": ("attld", (0, 1))}
    for case in args.restart_cases:
        rows = {label: [] for label in variants}
        dirs = {name: os.path.join(args.dir, "restart-" + name) for name in ("attld", "redis")}
        try:
            for name, dir_ in dirs.items():
                restart_prepare(args, name, case, dir_)
            os.sync()
            for _ in range(args.restart_rounds):
                for label, (name, cores) in variants.items():
                    rows[label].append(restart_once(args, name, case, dirs[name], cores))
            times = {label: [x["ready_s"] for x in rows[label]] for label in variants}
            for label, r in rows.items():
                size = disk_bytes(dirs[variants[label][0]])
                print("%-9s %-20s %-20s %7.2f %9.0f  %s" % (
                    case, label, spread(times[label]), statistics.median(x["cpu_s"] for x in r), size / 2**20,
                    "" if label == "redis" else ratio(times["redis"], times[label])))
                note(args, bench="persist_restart", case=case, server=label, items=args.items, rounds=r,
                     disk_bytes=size)
            sys.stdout.flush()
        finally:
            for dir_ in dirs.values():
                shutil.rmtree(dir_, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", required=True, help="folder of bench_load")
    p.add_argument("--attld", default="attld", help="the server")
    p.add_argument("--release", default="", help="an attld from before the log, beside no and off")
    p.add_argument("--dir", default="", help="where data directories are made: a real disk (default: --bin)")
    p.add_argument("--parts", default="set,snapshot,restart")
    p.add_argument("--modes", default=",".join(MODES))
    p.add_argument("--pipelines", default="1,16")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=1.0, help="length of one measurement of SET")
    p.add_argument("--keys", type=int, default=1000000)
    p.add_argument("--items", type=int, default=5000000, help="for snapshot and restart")
    p.add_argument("--rate", type=int, default=20000, help="SET/s during a snapshot")
    p.add_argument("--quiet-s", type=float, default=5.0)
    p.add_argument("--snapshot-modes", default="everysec,off")
    p.add_argument("--snapshot-rounds", type=int, default=2)
    p.add_argument("--restart-cases", default="snapshot,log")
    p.add_argument("--restart-rounds", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--json", default="", help="file to append JSON lines to")
    args = p.parse_args()
    print("# parameters:", " ".join("%s=%s" % kv for kv in sorted(vars(args).items()) if kv[1] != ""))
    for name in ("modes", "snapshot_modes", "restart_cases"):
        setattr(args, name, getattr(args, name).split(","))
    args.pipelines = [int(x) for x in args.pipelines.split(",")]
    args.attld, args.bin = os.path.abspath(args.attld), os.path.abspath(args.bin)
    if len(os.sched_getaffinity(0)) < 2:
        print("needs two cores, one for the servers and one for the generator: skipped")
        return
    if not shutil.which("redis-server"):
        print("redis-server: not installed, skipped")
        return
    os.sched_setaffinity(0, {1})
    parts = {"set": part_set, "snapshot": part_snapshot, "restart": part_restart}
    with tempfile.TemporaryDirectory(prefix="persist-", dir=args.dir or args.bin) as dir_:
        args.dir = dir_
        part_disk(args)
        for part in args.parts.split(","):
            parts[part](args)


if __name__ == "__main__":
    main()

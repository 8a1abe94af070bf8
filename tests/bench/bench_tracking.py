#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What CLIENT TRACKING costs: CPU of the server per command, with and without it.

One attld with one worker on core 0, one generator on core 1, pipelines of 64. The cases are visited in
turn, round after round; a case's cost is the CPU of the server's threads divided by its commands, and the
medians and the smallest and largest ratio to its base over the rounds are printed.
"""

import argparse
import json
import os
import random
import socket
import statistics
import time

from bench_server import Server

PIPELINE = 64


class Client:
    def __init__(self, port, *setup):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = b""
        for words in setup:
            self.batch(encode(*words), None)
            time.sleep(0.02)
            self.socket.recv(1 << 16)

    def batch(self, data, lines):
        """Sends, and reads until so many lines have come; None: reads nothing."""
        self.socket.sendall(data)
        while lines and lines > 0:
            lines -= self.socket.recv(1 << 20).count(b"\r\n")


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(w), w) for w in (str(word).encode() for word in words))


def batches(args, verb, rng, *value):
    """Ready requests for random keys."""
    return [b"".join(encode(verb, "key:%08d" % key, *value) for key in rng.sample(range(args.keys), PIPELINE))
            for _ in range(200)]


def cases(args, server):
    """Name, the name of its base, what begins it, and one batch of it."""
    rng = random.Random(args.seed)
    value = "v" * 100
    gets, sets = batches(args, "GET", rng), batches(args, "SET", rng, value)
    writes = [b"".join(b"*3\r\n$3\r\nSET\r\n" + request.split(b"GET\r\n")[1] + b"$1\r\nv\r\n"
                       for request in batch.split(b"*2\r\n")[1:]) for batch in gets]
    plain = Client(server.port)
    pick = rng.randrange

    def get(client):
        client.batch(gets[pick(len(gets))], 2 * PIPELINE)

    def put(client):
        client.batch(sets[pick(len(sets))], PIPELINE)

    def read_and_write(reader):
        i = pick(len(gets))
        reader.batch(gets[i], 2 * PIPELINE)
        plain.batch(writes[i], PIPELINE)

    def read_write_and_hear(reader):
        read_and_write(reader)
        # An invalidation is six lines: push, word with its length, array, key with its length.
        reader.batch(b"", 6 * PIPELINE)

    def on(*words):
        return Client(server.port, ("HELLO", 3), ("CLIENT", "TRACKING", "ON", *words))

    yield "GET", None, lambda: None, lambda _: get(plain)
    yield "GET, tracking", "GET", on, get
    yield "SET", None, lambda: None, lambda _: put(plain)
    yield "SET, others tracked", "SET", on, lambda _: put(plain)
    yield "SET, prefix elsewhere", "SET", lambda: on("BCAST", "PREFIX", "other:"), lambda _: put(plain)
    yield "GET + SET", None, lambda: Client(server.port), read_and_write
    yield "GET + SET, each told", "GET + SET", on, read_write_and_hear


def measure(args, server, begin, batch):
    """CPU in microseconds per batch."""
    state = begin()
    batch(state)
    before, count = server.threads()[0], 0
    end = time.monotonic() + args.seconds
    while time.monotonic() < end:
        batch(state)
        count += 1
    cpu = server.threads()[0] - before
    if state:
        state.socket.close()
        time.sleep(0.02)
    return cpu / 1e3 / count / PIPELINE


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--attld", default="attld", help="the server")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
    p.add_argument("--keys", type=int, default=100000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--json", default="", help="file to append JSON lines to")
    args = p.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        print("needs two cores, one for the server and one for the generator: skipped")
        return
    os.sched_setaffinity(0, {1})
    server = Server("attld", [args.attld, "--port", "{port}", "--admin-port=0", "--bind", "127.0.0.1", "--threads", "1"], "resp")
    try:
        filler = Client(server.port)
        for i in range(0, args.keys, PIPELINE):
            filler.batch(b"".join(encode("SET", "key:%08d" % k, "v" * 100) for k in range(i, i + PIPELINE)),
                         PIPELINE)
        table = list(cases(args, server))
        results = {name: [] for name, *_ in table}
        for _ in range(args.rounds):
            for name, _, begin, batch in table:
                results[name].append(measure(args, server, begin, batch))
        print("%-24s %12s   %s" % ("", "CPU us/op", "beside the same without tracking"))
        for name, base, *_ in table:
            cost = statistics.median(results[name])
            ratios = [a / b for a, b in zip(results[name], results[base])] if base else []
            text = "%.2f (%.2f..%.2f) of %s" % (statistics.median(ratios), min(ratios), max(ratios),
                                                 base) if base else ""
            print("%-24s %12.3f   %s" % (name, cost, text))
            if args.json:
                with open(args.json, "a", encoding="ascii") as f:
                    f.write(json.dumps({"bench": "tracking", "case": name, "cpu_us_per_op": cost,
                                        "ratio": statistics.median(ratios) if ratios else None}) + "\n")
    finally:
        server.stop()


if __name__ == "__main__":
    main()

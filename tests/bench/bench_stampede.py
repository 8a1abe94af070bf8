#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A stampede over the wire: many connections ask one attld for a key that is not there, with WAIT. One
wins and fills a little later; the others are released by it. Counted are the wins, which must be one;
measured is the time from sending the FILL to having read a waiter's reply, in this one process, so that
a good part of it is python's reading."""

import argparse
import json
import os
import selectors
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from attl_server import Server, encode  # noqa: E402

LOAD_S = 0.02


def one_round(connections, key):
    """Wins, and the sorted seconds from the FILL to each waiter's reply."""
    ask = encode("ATTL.FETCH", key, "WAIT", 30000)
    with selectors.DefaultSelector() as selector:
        for c in connections:
            selector.register(c.socket, selectors.EVENT_READ, c)
            c.send(ask)
        wins, times, filled = 0, [], None
        until_fill = None
        winner = None
        while len(times) + wins < len(connections):
            if until_fill and time.perf_counter() >= until_fill:
                filled, until_fill = time.perf_counter(), None
                winner[0].send(encode("ATTL.FILL", key, winner[1], "the value that all of them want"))
            for ready, _ in selector.select(0.001 if until_fill else 10):
                reply = ready.data.reply()
                if reply[0] == b"win":
                    wins += 1
                    winner = (ready.data, reply[1])
                    selector.unregister(ready.data.socket)
                    until_fill = time.perf_counter() + LOAD_S
                else:
                    assert reply[0] == b"hit", reply
                    times.append(time.perf_counter() - filled)
        assert winner[0].reply() == b"OK"
    return wins, sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json")
    args = parser.parse_args()
    p99s, lasts, all_wins = [], [], []
    with Server(threads=1) as server:
        connections = [server.connect() for _ in range(args.clients)]
        for n in range(args.rounds):
            wins, times = one_round(connections, f"key:{n}")
            all_wins.append(wins)
            p99s.append(times[len(times) * 99 // 100] * 1000)
            lasts.append(times[-1] * 1000)
        for c in connections:
            c.close()
    row = {"clients": args.clients, "loads_max": max(all_wins), "p99_ms": statistics.median(p99s),
           "last_ms": statistics.median(lasts)}
    print(f"{args.clients} clients miss one key over the wire, load of {LOAD_S * 1000:.0f} ms, medians of "
          f"{args.rounds} rounds")
    print(f"  loads {max(all_wins)}   replies after the FILL: p99 {row['p99_ms']:.1f} ms, last {row['last_ms']:.1f} ms")
    if args.json:
        with open(args.json, "a", encoding="utf-8") as f:
            f.write(json.dumps(row) + "\n")
    return 0 if max(all_wins) == 1 else 1


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    sys.exit(main())

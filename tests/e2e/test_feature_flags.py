# SPDX-License-Identifier: BSD-2-Clause
"""Every component of attld can be switched off and on by CONFIG SET, in any combination, while clients
work: what they read is always what they wrote. The switches are those that CONFIG GET *.enabled names,
so that a new one joins by itself."""
import itertools
import random
import sys
import threading

from attl_server import Error, Server, run

COMBINATIONS_MAX = 128
KEYS = 200


def switches(client):
    names = [name.decode() for name in client.command("CONFIG", "GET", "*.enabled")[::2]]
    assert {"incident.enabled", "balancer.enabled", "adaptive.enabled"} <= set(names), names
    return names


def combinations(count, rng):
    if 2 ** count <= COMBINATIONS_MAX:
        return list(itertools.product((True, False), repeat=count))
    some = [tuple(rng.random() < 0.5 for _ in range(count)) for _ in range(COMBINATIONS_MAX)]
    return some + [(True,) * count, (False,) * count]


def throw(client, names, states):
    words = [word for name, on in zip(names, states) for word in (name, "yes" if on else "no")]
    assert client.command("CONFIG", "SET", *words) == b"OK"
    for name, on in zip(names, states):
        assert client.command("CONFIG", "GET", name)[1] == (b"true" if on else b"false"), name


class Worker(threading.Thread):
    """Sets, reads and deletes keys of its own, and compares."""

    def __init__(self, server, number):
        super().__init__()
        self.client = server.connect()
        self.rng = random.Random(number)
        self.prefix = f"w{number}:"
        self.have, self.wrong, self.steps = {}, [], 0
        self.stop = threading.Event()

    def run(self):
        while not self.stop.is_set() and not self.wrong:
            key = self.prefix + str(self.rng.randrange(KEYS))
            value = str(self.rng.random())
            batch = (("GET", key), ("SET", key, value), ("GET", key),
                     *((("DEL", key), ("GET", key)) if self.steps % 5 == 0 else ()))
            replies = [self.client.command(*words) for words in batch]
            want = [self.have.get(key), b"OK", value.encode()]
            self.have[key] = value.encode()
            if self.steps % 5 == 0:
                want += [1, None]
                del self.have[key]
            if replies != want:
                self.wrong.append((batch, replies, want))
            self.steps += 1


def any_combination_is_right_while_clients_work():
    rng = random.Random(1)
    with Server(args=["--incident.interval=100ms", "--balancer.interval=100ms"]) as server, \
            server.connect() as c:
        names = switches(c)
        workers = [Worker(server, n) for n in range(3)]
        for w in workers:
            w.start()
        tried = combinations(len(names), rng)
        try:
            for states in tried:
                throw(c, names, states)
                before = workers[0].steps
                while workers[0].steps < before + 5 and not any(w.wrong for w in workers):
                    assert c.command("PING") == b"PONG"
        finally:
            for w in workers:
                w.stop.set()
                w.join()
        for w in workers:
            assert not w.wrong, w.wrong
        print(f"# {len(names)} switches, {len(tried)} combinations, "
              f"{sum(w.steps for w in workers)} rounds of clients")


def a_switch_wants_yes_or_no():
    with Server() as server, server.connect() as c:
        for name in switches(c):
            assert isinstance(c.command("CONFIG", "SET", name, "perhaps"), Error), name
            before = c.command("CONFIG", "GET", name)
            assert before[1] in (b"true", b"false"), before


if __name__ == "__main__":
    sys.exit(run([any_combination_is_right_while_clients_work, a_switch_wants_yes_or_no]))

# SPDX-License-Identifier: BSD-2-Clause
"""What was acknowledged when, and whether a server that came back still has it.

A Ledger has some Accounts. Each owns keys that nobody else writes and has one Writer at a time, a
connection that sends random changes; so the order of an account's changes is known exactly. The log is
one sequence, therefore what survives a crash must be, for each account, the state after its first n
changes for some n: never a hole, never half an MSET, never an old deadline. verify() finds that n and
demands that it reaches what the mode had promised. The accounts also share a counter and a pair of
keys: what is found there must fit the n of all of them at once.

A refused change counts as not made. One whose fate the server could not tell is looked up (`lookup`),
which needs an account that sends one change at a time.
"""
import random
import threading
import time

from attl_server import Error, encode

NEVER = float("-inf")
ALL = float("inf")
SHARED_COUNTER, SHARED_A, SHARED_B = b"shared:n", b"shared:a", b"shared:b"
KEYS, COUNTERS, SHORT_KEYS = 400, 4, 40
BATCH = 500
REFUSED = (b"MISCONF the log cannot be written, so changes are refused", b"BUSY ",
           b"ERR no such key")
UNKNOWN = b"MISCONF the log cannot be written: the change is in memory but not durable"


class Loss(AssertionError):
    """What is there is not what was promised."""


class Op:
    """A change: its request, and what it does to a state (key: (value, deadline or None)). `parts` are
    changes that the same request makes before it, each by itself."""
    __slots__ = ("words", "keys", "effect", "acked_at", "dropped", "shared", "undo", "parts")

    def __init__(self, words, keys, effect, shared=None):
        self.words, self.keys, self.effect, self.shared = words, keys, effect, shared
        self.acked_at, self.dropped, self.undo, self.parts = None, False, None, ()

    def apply(self, state):
        for key, value in self.effect(state).items():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value


def put(key, value, deadline=None):
    words = ["SET", key, value] + (["PXAT", deadline] if deadline else [])
    return Op(words, (key,), lambda state: {key: (value, deadline)})


def delete(keys):
    """A DEL of several keys is several changes, in the order of the keys."""
    ops = [Op(["DEL", *keys], (key,), lambda state, key=key: {key: None}) for key in keys]
    ops[-1].parts = ops[:-1]
    return ops[-1]


def increment(key, by):
    def effect(state):
        value, deadline = state.get(key, (b"0", None))
        return {key: (b"%d" % (int(value) + by), deadline)}
    return Op(["INCRBY", key, by], (key,), effect)


def append(key, text):
    def effect(state):
        value, deadline = state.get(key, (b"", None))
        return {key: (value + text, deadline)}
    return Op(["APPEND", key, text], (key,), effect)


def put_many(pairs):
    words = ["MSET"] + [word for pair in pairs.items() for word in pair]
    return Op(words, tuple(pairs), lambda state: {k: (v, None) for k, v in pairs.items()})


def redeadline(key, deadline):
    words = ["PEXPIREAT", key, deadline] if deadline else ["PERSIST", key]
    return Op(words, (key,), lambda state: {key: (state[key][0], deadline)} if key in state else {})


def rename(old, new):
    return Op(["RENAME", old, new], (old, new),
              lambda state: {old: None, new: state[old]} if old in state else {})


def nothing(_state):
    return {}


class Account:
    """Keys of its own, and the changes made to them since the last verify()."""

    def __init__(self, number, seed, shared):
        self.name = b"w%d" % number
        self.random = random.Random(f"{seed}/{number}")
        self.shared = shared
        self.serial = 0
        self.base, self.model = {}, {}
        self.ops, self.keys = [], set()

    def _key(self):
        return b"%s:%d" % (self.name, self.random.randrange(KEYS))

    def _value(self):
        self.serial += 1
        r = self.random.random()
        size = 40000 if r < 0.005 else 9000 if r < 0.02 else 2000 if r < 0.1 else 30
        text = b"%s.%d." % (self.name, self.serial)
        return text + b"x" * self.random.randrange(size)

    def _later(self):
        return int(time.time() * 1000) + 3600000 + self.random.randrange(3600000)

    def _shared(self):
        if self.random.random() < 0.5:
            return Op(["INCR", SHARED_COUNTER], (), nothing, shared="counter")
        self.serial += 1
        value = b"%s.%d" % (self.name, self.serial)
        return Op(["MSET", SHARED_A, value, SHARED_B, value], (), nothing, shared=value)

    def next_op(self):
        pick = self.random.random()
        key = self._key()
        if pick < 0.10 and self.shared:
            return self._shared()
        if pick < 0.35:
            return put(key, self._value())
        if pick < 0.45:
            return put(key, self._value(), self._later())
        if pick < 0.50:
            short = b"%s:t%d" % (self.name, self.random.randrange(SHORT_KEYS))
            return put(short, self._value(),
                       int(time.time() * 1000) + self.random.randrange(50, 4000))
        if pick < 0.60:
            count = self.random.randrange(1, 4) if self.shared else 1
            return delete(list({self._key() for _ in range(count)}))
        if pick < 0.78:
            counter = b"%s:c%d" % (self.name, self.random.randrange(COUNTERS))
            return increment(counter, self.random.randrange(1, 100))
        if pick < 0.88:
            return put_many({self._key(): self._value()
                             for _ in range(self.random.randrange(2, 6))})
        return self._on_existing()

    def _on_existing(self):
        for _ in range(20):
            key = self._key()
            if key not in self.model:
                continue
            pick = self.random.randrange(4)
            if pick == 0:
                return redeadline(key, self._later())
            if pick == 1:
                return redeadline(key, None)
            other = self._key()
            if pick == 2 and other != key:
                return rename(key, other)
            if len(self.model[key][0]) < 4000:
                self.serial += 1
                return append(key, b"+%d" % self.serial)
        return put(key, self._value())

    def record(self, op):
        """Must come before the request is sent."""
        for part in op.parts:
            self.record(part)
        op.undo = {key: self.model.get(key) for key in op.keys}
        op.apply(self.model)
        self.keys.update(op.keys)
        self.ops.append(op)

    def forget(self, op):
        """The change was refused. (With others behind it, the model is only a guess from now on.)"""
        for key, value in [i for part in (op, *op.parts[::-1]) for i in part.undo.items()]:
            if value is None:
                self.model.pop(key, None)
            else:
                self.model[key] = value

    # ---- what survived ----

    def promised(self, before):
        """How many changes must be there if what was acknowledged until `before` must be."""
        return max((i for i, op in enumerate(self.ops, 1)
                    if op.acked_at is not None and op.acked_at <= before), default=0)

    def survivors(self, found, promised):
        """The possible n, smallest and largest, and makes the state found the new base."""
        state = dict(self.base)
        differing = {k for k in self.keys if not found.fits(k, state.get(k))}
        best = None
        fitting = []
        for n in range(len(self.ops) + 1):
            if n > 0 and not self.ops[n - 1].dropped:
                op = self.ops[n - 1]
                op.apply(state)
                for key in op.keys:
                    if found.fits(key, state.get(key)):
                        differing.discard(key)
                    else:
                        differing.add(key)
            if not differing:
                fitting.append(n)
                after = dict(state)
            if best is None or len(differing) < len(best[1]):
                best = (n, {k: state.get(k) for k in differing})
        if not fitting:
            raise Loss(self._not_a_prefix(found, best))
        if fitting[-1] < promised:
            raise Loss(f"{self.name.decode()}: {promised} changes were promised, {fitting[-1]} of "
                       f"{len(self.ops)} are there; next: {self.ops[fitting[-1]].words!r:.200}")
        self.base, self.model = after, dict(after)
        return max([n for n in fitting if n >= promised][0], promised), fitting[-1]

    def _not_a_prefix(self, found, best):
        n, differing = best
        lines = [f"{self.name.decode()}: no prefix of {len(self.ops)} changes; nearest is {n}, where"]
        for key, want in sorted(differing.items())[:10]:
            lines.append(f"  {key.decode()}: wanted {want!r:.120}, found {found.values.get(key)!r:.120}")
            touched = [(i, op) for i, op in enumerate(self.ops, 1) if key in op.keys]
            lines += [f"    {i}{'' if op.acked_at else '?'}: {op.words!r:.150}"
                      for i, op in touched if abs(i - n) < 500][-8:]
        return "\n".join(lines)


class Found:
    """The contents of a server: value and deadline of the named keys, and when they were read."""

    def __init__(self, client, keys):
        self.values = {}
        keys = sorted(keys)
        self.start_ms = int(time.time() * 1000)
        for at in range(0, len(keys), BATCH):
            batch = keys[at:at + BATCH]
            client.send(b"".join(encode("GET", k) + encode("PEXPIRETIME", k) for k in batch))
            for key in batch:
                value, deadline = client.reply(), client.reply()
                if isinstance(value, Error) or isinstance(deadline, Error):
                    raise AssertionError(f"GET or PEXPIRETIME {key!r}: {value!r:.100} {deadline!r}")
                if value is not None and deadline != -2:
                    self.values[key] = (value, None if deadline == -1 else deadline)
        self.end_ms = int(time.time() * 1000)

    def fits(self, key, want):
        got = self.values.get(key)
        if got == want:
            return got is None or got[1] is None or got[1] > self.start_ms
        return got is None and want[1] is not None and want[1] <= self.end_ms


def names(client):
    """All keys of the server."""
    cursor, keys = b"0", set()
    while True:
        cursor, some = client.command("SCAN", cursor, "COUNT", 1000)
        keys.update(some)
        if cursor == b"0":
            return keys


class Writer(threading.Thread):
    """Sends an account's changes until the connection ends, stop() or the first wrong reply."""

    def __init__(self, account, client, depth, lookup=None):
        super().__init__(daemon=True)
        self.account, self.client, self.depth, self.lookup = account, client, depth, lookup
        self.acked = self.refused = self.unknown = 0
        self.slowest_s = 0
        self.problem = None
        self.stopping = False

    def run(self):
        try:
            while not self.stopping:
                self._round()
        except TimeoutError as e:
            self.problem = f"no reply: {e}"
        except (OSError, EOFError):
            pass  # the server is gone
        except Exception as e:  # pylint: disable=broad-except
            self.problem = f"{type(e).__name__}: {e}"
        finally:
            self.client.close()

    def stop(self):
        self.stopping = True
        self.join()
        self.check()

    def check(self):
        if self.problem:
            raise AssertionError(f"{self.account.name.decode()}: {self.problem}")

    def _round(self):
        ops = []
        for _ in range(self.account.random.randrange(self.depth) + 1):
            ops.append(self.account.next_op())
            self.account.record(ops[-1])
        start = time.monotonic()
        self.client.send(b"".join(encode(*op.words) for op in ops))
        for op in ops:
            self._take(op, self.client.reply())
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)

    def _take(self, op, reply):
        if not isinstance(reply, Error):
            op.acked_at = time.monotonic()
            self.acked += 1
            return
        if not self.lookup:
            raise AssertionError(f"{op.words!r:.100}: {reply!r}")
        if reply.startswith(UNKNOWN):
            self.unknown += 1
            op.dropped = not self._was_made(op)
        elif reply.startswith(REFUSED):
            self.refused += 1
            for refused in (op, *op.parts):
                refused.dropped = True
            time.sleep(0.005)
        else:
            raise AssertionError(f"{op.words!r:.100}: {reply!r}")
        if op.dropped:
            self.account.forget(op)

    def _was_made(self, op):
        """Looks where a change has no known fate; only one is on its way."""
        assert self.depth == 1 and not op.shared
        with self.lookup() as c:
            found = Found(c, op.keys)
        if all(found.fits(key, self.account.model.get(key)) for key in op.keys):
            return True
        if all(found.fits(key, want) for key, want in op.undo.items()):
            return False
        raise Loss(f"{op.words!r:.100} was made by half: {found.values!r:.300}")


class Ledger:
    """The accounts of one data directory, over any number of crashes."""

    def __init__(self, seed, accounts=4, shared=True):
        self.writing = [Account(i, seed, shared) for i in range(accounts)]
        self.accounts = list(self.writing)
        self.has_fill = False
        self.counter, self.pair = 0, None
        self.acked = self.lost = 0

    def fill(self, client, count, size):
        """`count` keys that no writer touches, so that loading and snapshots take their time."""
        self.has_fill = True
        account = Account(len(self.accounts), 0, False)
        self.accounts.append(account)
        for start in range(0, count, BATCH):
            ops = [put(b"fill:%d" % i, b"%d." % i + b"y" * size)
                   for i in range(start, min(count, start + BATCH))]
            for op in ops:
                account.record(op)
            client.send(b"".join(encode(*op.words) for op in ops))
            for op in ops:
                assert client.reply() == b"OK"
                op.acked_at = time.monotonic()

    def write(self, server, depth=6, lookup=None):
        """Running writers, one per account but that of fill()."""
        writers = [Writer(a, server.connect(timeout=60), depth, lookup) for a in self.writing]
        for writer in writers:
            writer.start()
        return writers

    def verify(self, client, before):
        """Everything acknowledged until `before` is there, and what is there is a prefix. Raises Loss."""
        keys = {SHARED_COUNTER, SHARED_A, SHARED_B}
        for account in self.accounts:
            keys |= account.keys
        found = Found(client, keys)
        bounds = []
        for account in self.accounts:
            lo, hi = account.survivors(found, account.promised(before))
            self.acked += sum(op.acked_at is not None for op in account.ops)
            self.lost += sum(op.acked_at is not None for op in account.ops[hi:])
            bounds.append((account, lo, hi))
        self._verify_counter(found, bounds)
        self._verify_pair(found, bounds)
        unknown = names(client) - keys
        if unknown:
            raise Loss(f"nobody has written {sorted(unknown)[:5]}")
        for account in self.accounts:
            account.ops = []

    def _verify_counter(self, found, bounds):
        low = high = self.counter
        for account, lo, hi in bounds:
            made = [i for i, op in enumerate(account.ops) if op.shared == "counter"]
            low += sum(i < lo for i in made)
            high += sum(i < hi for i in made)
        value = int(found.values.get(SHARED_COUNTER, (b"0",))[0])
        if not low <= value <= high:
            raise Loss(f"the shared counter is {value}, not {low} to {high}")
        self.counter = value

    def _verify_pair(self, found, bounds):
        a, b = (found.values.get(k, (None,))[0] for k in (SHARED_A, SHARED_B))
        if a != b:
            raise Loss(f"half an MSET: {a!r} and {b!r}")
        for account, lo, hi in bounds:
            made = {op.shared: i for i, op in enumerate(account.ops)
                    if op.shared not in (None, "counter")}
            last = max((i for i in made.values() if i < lo), default=-1)
            if a is None or a == self.pair:
                wrong = last >= 0
            elif a.startswith(account.name + b"."):
                wrong = not last <= made.get(a, -1) < hi
            else:
                continue
            if wrong:
                raise Loss(f"the shared pair is {a!r}, but {account.name!r} wrote it later or not")
        self.pair = a

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Load shedding with a contract: a worker that is kept busy by scans refuses those of clients that have
said CLIENT CAPA throttled, puts off those of the others, which get every reply all the same, and serves
reads and PING meanwhile; a deadline drops what has waited; it ends by itself, and can be switched off.
"""
import re
import sys
import threading
import time

from attl_server import Error, Server, encode, run, sanitized

KEYS = 20000 if sanitized() else 100000
SCANNERS = 6


def fill(client, n=KEYS):
    for start in range(0, n, 1000):
        client.send(b"".join(encode("SET", f"key:{i}", "v") for i in range(start, start + 1000)))
        for _ in range(1000):
            assert client.reply() == b"OK"


class Scanner(threading.Thread):
    """Sends scans without end, some at a time, and counts the replies."""

    def __init__(self, server, capa=False, pattern="nothing*"):
        super().__init__()
        self.client = server.connect(timeout=60)
        if capa:
            assert self.client.command("CLIENT", "CAPA", "redirect", "throttled") == b"OK"
        self.request = encode("KEYS", pattern)
        self.stopping = threading.Event()
        self.done = 0
        self.errors = []
        self.start()

    def run(self):
        while not self.stopping.is_set():
            self.client.send(self.request * 4)
            for _ in range(4):
                reply = self.client.reply()
                if isinstance(reply, Error):
                    self.errors.append(bytes(reply))
                    match = re.search(rb"retry-after-ms=(\d+)", reply)
                    self.stopping.wait(min(int(match.group(1)) / 1000, 0.2))
                else:
                    assert reply == [], reply
                    self.done += 1

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive()
        self.client.close()


def overloaded(server, **kind):
    return [Scanner(server, **kind) for _ in range(SCANNERS)]


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def level(admin):
    text = admin.command("INFO", "attl").decode()
    return int(re.search(r"attl_shed_level:(\d)", text).group(1))


def field(admin, name):
    text = admin.command("INFO", "attl").decode()
    return int(re.search(rf"{name}:(\d+)", text).group(1))


def busy_server(**more):
    # With one thread everybody shares the worker that is kept busy.
    options = {"threads": 1, "shed.target": "5ms"}
    options.update(more)
    return Server(**options)


def test_clients_that_understand_are_refused_and_reads_go_on():
    with busy_server() as server, server.connect() as admin:
        fill(admin)
        plain = overloaded(server)
        wait_for(lambda: level(admin) > 0)
        with server.connect() as c:
            assert c.command("CLIENT", "CAPA", "throttled", "no-such-thing") == b"OK"
            refused = 0
            end = time.monotonic() + 10
            while time.monotonic() < end and refused < 5:
                reply = c.command("SCAN", "0")
                if isinstance(reply, Error):
                    assert re.fullmatch(rb"THROTTLED overload retry-after-ms=[1-9]\d*", reply), reply
                    refused += 1
                assert c.command("PING") == b"PONG"
                assert c.command("GET", "key:1") == b"v"
                assert c.command("CONFIG", "GET", "shed.target") == [b"shed.target", b"5ms"]
            assert refused == 5
        assert field(admin, "attl_shed_scan_overload") >= 5
        for scanner in plain:
            scanner.stop()
            assert not scanner.errors and scanner.done > 0
        assert field(admin, "attl_shed_scan_delayed") > 0
        # It ends by itself.
        wait_for(lambda: level(admin) == 0)
        with server.connect() as c:
            assert c.command("CLIENT", "CAPA", "throttled") == b"OK"
            assert not isinstance(c.command("SCAN", "0"), Error)


def test_scans_of_others_do_not_hold_up_a_read():
    """Even with nothing shed: a scan is the last request of its connection in a turn."""
    with busy_server(**{"shed.enabled": "no"}) as server, server.connect() as admin:
        fill(admin)
        scanner = server.connect(timeout=60)
        scanner.send(encode("KEYS", "nothing*") * 1000)
        worst = 0
        for _ in range(20):
            start = time.monotonic()
            assert admin.command("GET", "key:1") == b"v"
            worst = max(worst, time.monotonic() - start)
        scanner.close()
        assert worst < 1, worst
        assert field(admin, "attl_shed_level") == 0


def test_who_was_put_off_gets_everything_in_order():
    with busy_server(**{"shed.max_delay": "50ms"}) as server, server.connect() as admin:
        fill(admin)
        plain = overloaded(server)
        wait_for(lambda: level(admin) > 0)
        with server.connect(timeout=60) as c:
            c.send(b"".join(encode("SET", "n", i) + encode("SCAN", "0", "COUNT", "1") + encode("GET", "n")
                            for i in range(40)) + b"SCAN 0 COUNT 1\r\nPING\r\n")
            for i in range(40):
                assert c.reply() == b"OK"
                assert isinstance(c.reply(), list)
                assert c.reply() == b"%d" % i
            assert isinstance(c.reply(), list)
            assert c.reply() == b"PONG"
        with server.connect() as c:  # leaves while it waits
            c.send(encode("SCAN", "0") * 100)
        for scanner in plain:
            scanner.stop()
            assert not scanner.errors
        assert admin.command("PING") == b"PONG"


def test_an_open_transaction_is_never_shed():
    with busy_server() as server, server.connect() as admin:
        fill(admin)
        plain = overloaded(server)
        with server.connect() as c:
            assert c.command("CLIENT", "CAPA", "throttled") == b"OK"
            wait_for(lambda: isinstance(c.command("SCAN", "0"), Error))
            assert c.command("MULTI") == b"OK"
            assert c.command("SET", "t", "1") == b"QUEUED"
            assert c.command("SCAN", "0") == b"QUEUED"
            assert c.command("EXEC")[0] == b"OK"
        for scanner in plain:
            scanner.stop()


def test_what_has_waited_too_long_is_not_executed():
    with busy_server(**{"shed.enabled": "no"}) as server, server.connect() as admin:
        fill(admin)
        with server.connect(timeout=60) as c:
            assert isinstance(c.command("ATTL.DEADLINE", "-1"), Error)
            assert isinstance(c.command("ATTL.DEADLINE", "soon"), Error)
            assert c.command("ATTL.DEADLINE", "20") == b"OK"
            assert c.command("SET", "d", "1") == b"OK"
            c.send(encode("KEYS", "nothing*") * 100 + encode("SET", "d", "2") + encode("PING"))
            late = 0
            for _ in range(100):
                reply = c.reply()
                late += isinstance(reply, Error)
                assert reply == [] or reply.startswith(b"THROTTLED deadline"), reply
            assert 0 < late < 100
            assert c.reply().startswith(b"THROTTLED deadline retry-after-ms=")
            assert c.reply() == b"PONG"
            assert c.command("GET", "d") == b"1"
            assert c.command("ATTL.DEADLINE", "0") == b"OK"
            c.send(encode("KEYS", "nothing*") * 10)
            assert all(c.reply() == [] for _ in range(10))
        assert field(admin, "attl_shed_scan_deadline") == late
        assert field(admin, "attl_shed_write_deadline") == 1


def test_it_can_be_switched_off_while_it_runs():
    with busy_server() as server, server.connect() as admin:
        fill(admin)
        plain = overloaded(server, capa=True)
        wait_for(lambda: level(admin) > 0)
        assert admin.command("CONFIG", "SET", "shed.enabled", "no") == b"OK"
        wait_for(lambda: level(admin) == 0, 5)
        time.sleep(0.3)
        before = field(admin, "attl_shed_scan_overload")
        time.sleep(0.5)
        assert field(admin, "attl_shed_scan_overload") == before
        assert level(admin) == 0
        for scanner in plain:
            scanner.stop()
        assert any(scanner.errors for scanner in plain)


def test_a_busy_server_of_cheap_commands_sheds_nothing():
    with Server(threads=1) as server, server.connect() as admin:
        fill(admin, 1000)
        clients = [server.connect(timeout=60) for _ in range(8)]
        request = b"".join(encode("GET", f"key:{i}") for i in range(1000))
        for _ in range(10):
            for c in clients:
                c.send(request)
            for c in clients:
                for _ in range(1000):
                    assert c.reply() == b"v"
        for c in clients:
            c.close()
        assert level(admin) == 0
        for kind in ("read", "write", "scan"):
            for outcome in ("overload", "delayed", "deadline"):
                assert field(admin, f"attl_shed_{kind}_{outcome}") == 0


if __name__ == "__main__":
    sys.exit(run([f for name, f in list(globals().items()) if name.startswith("test_")]))

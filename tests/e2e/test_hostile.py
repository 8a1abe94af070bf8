# SPDX-License-Identifier: BSD-2-Clause
"""Hostile input on the RESP port: every line of the checklist that applies to it.

Each test attacks a running server and then looks at three things: the attacker got the safe answer, a
well-behaved client was served meanwhile, and the server's memory stayed within bounds.
"""
import os
import random
import socket
import struct
import sys
import threading
import time

from attl_server import Error, Server, encode, run

MIB = 1 << 20
SERVER = None


class Bystander:
    """A client that must be served all the time: counts its replies and keeps its longest wait."""

    def __init__(self, server):
        self.client = server.connect()
        self.worst_s = 0.0
        self.replies = 0
        self.problem = None
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ends.set()
        self.thread.join()
        self.client.close()
        if kind is None:
            assert self.problem is None, f"the bystander got {self.problem!r}"
            assert self.replies > 0, "the bystander was not served"
            assert self.worst_s < 2, f"the bystander waited {self.worst_s:.1f} s"

    def work(self):
        try:
            while not self.ends.is_set():
                start = time.monotonic()
                self.client.command("SET", "bystander", "x")
                if self.client.command("GET", "bystander") != b"x":
                    raise AssertionError("wrong value")
                self.worst_s = max(self.worst_s, time.monotonic() - start)
                self.replies += 1
                time.sleep(0.002)
        except Exception as e:  # pylint: disable=broad-except
            self.problem = e


def attack(data, wanted=None):
    """Sends bytes; the server must close, having said nothing but `wanted` (None: nothing at all)."""
    with SERVER.connect() as c:
        c.send_quietly(data)
        got = c.rest_until_close()
    if wanted is None:
        assert got == b"", f"{data[:60]!r}: got {got[:200]!r}"
    else:
        assert got.startswith(wanted) and got.endswith(b"\r\n"), f"{data[:60]!r}: got {got[:200]!r}"
        assert got.count(b"\r\n") == 1, f"{data[:60]!r}: more than one line: {got[:200]!r}"


def untouched(key):
    with SERVER.connect() as c:
        assert c.command("EXISTS", key) == 0, f"{key} was set"


def lengths_that_lie():
    bad_count = b"-ERR Protocol error: invalid multibulk length"
    bad_length = b"-ERR Protocol error: invalid bulk length"
    with Bystander(SERVER):
        for text in (b"-1", b"-9223372036854775808", b"1048577", b"2147483648", b"4294967297",
                     b"9223372036854775808", b"99999999999999999999", b"+3", b" 3", b"3 ", b"0x3",
                     b"03", b"3\0", b"\0", b"a", b"", b"1.5", b"9" * 65536):
            attack(b"*" + text + b"\r\n", bad_count)
        for text in (b"-1", b"-2147483648", b"536870913", b"2147483648", b"4294967299",
                     b"9223372036854775808", b"+3", b" 3", b"3 ", b"0x3", b"03", b"3\0", b"a", b"",
                     b"9" * 65536):
            attack(b"*2\r\n$3\r\nGET\r\n$" + text + b"\r\n", bad_length)
        attack(b"*2\r\n$3\r\nGET\r\n:1\r\n", b"-ERR Protocol error: expected '$', got ':'")
        attack(b"*1\r\n$4\r\nPINGPING", b"-ERR Protocol error: expected CRLF")


def memory_grows_with_bytes_received_only():
    before = SERVER.rss_bytes()
    clients = []
    with Bystander(SERVER):
        for _ in range(50):
            c = SERVER.connect()
            c.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc")
            clients.append(c)
        for _ in range(50):
            c = SERVER.connect()
            c.send(b"*1048576\r\n$3\r\nSET\r\n")
            clients.append(c)
        time.sleep(0.3)
        grown = SERVER.rss_bytes() - before
    for c in clients:
        c.close()
    assert grown < 16 * MIB, f"{grown / MIB:.1f} MiB for 100 announcements"


def a_long_value_arrives_in_pieces():
    value = os.urandom(MIB) * 6
    request = encode("SET", "long", value)
    with Bystander(SERVER), SERVER.connect(60) as c:
        for at in range(0, len(request), 777777):
            c.send(request[at:at + 777777])
        assert c.reply() == b"OK"
        assert c.command("GET", "long") == value
        assert c.command("DEL", "long") == 1


def a_request_byte_by_byte():
    with Bystander(SERVER), SERVER.connect() as c:
        for byte in encode("SET", "slow", "v\r\n*1") + b"get slow\r\n":
            c.send(bytes([byte]))
        assert c.reply() == b"OK"
        assert c.reply() == b"v\r\n*1"


def inline_requests():
    with Bystander(SERVER):
        attack(b"get " + b"a" * 70000, b"-ERR Protocol error: too big inline request")
        attack(b"get " + b"a" * 70000 + b"\r\n", b"-ERR Protocol error: too big inline request")
        attack(b'set victim "a\r\n', b"-ERR Protocol error: unbalanced quotes in request")
        attack(b"set victim 'a' 'b\r\n", b"-ERR Protocol error: unbalanced quotes in request")
        attack(b"set victim a\0b\r\n", b"-ERR Protocol error: NUL byte")
    untouched("victim")


def types_that_are_no_requests():
    with Bystander(SERVER):
        for first in b"%~,#_(=>|!:+-$;.{[<@\\0123456789":
            attack(bytes([first]) + b"1\r\nset victim 1\r\n", b"-ERR Protocol error: expected '*'")
        attack(b"*1\r\n" * 10000, b"-ERR Protocol error: expected '$', got '*'")
        attack(b"*?\r\n$?\r\n;4\r\nPING\r\n", b"-ERR Protocol error: invalid multibulk length")
    untouched("victim")


def other_protocols():
    with Bystander(SERVER):
        attack(b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\nset victim 1\r\n")
        attack(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nset victim 1\r\n")
        attack(b"OPTIONS / HTTP/1.1\r\nset victim 1\r\n")
        attack(b"Host: 127.0.0.1\r\nset victim 1\r\n")
        attack(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\nset victim 1\r\n")
        attack(b"EHLO example.org\r\nset victim 1\r\n")
        attack(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nset victim 1\r\n")
        attack(b"set other 0 0 12\r\nset victim 1\r\n")
        attack(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500), b"-ERR Protocol error")
        attack(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", b"-ERR Protocol error")
    untouched("victim")
    lines = SERVER.log().count("foreign_protocol")
    assert lines == 1, f"{lines} log lines about other protocols within a minute"
    assert int(SERVER.info("attl")["attl_foreign_protocols"]) >= 8


def errors_are_one_line():
    with SERVER.connect() as c:
        for word in (b"nothing\r\n+OK\r\n", b"x" * 100000, b"\x1b[31m\0\x7f\n", b"%s%n%n"):
            for request in ((word,), (b"CONFIG", word), (b"GET", b"a", word), (b"HELLO", b"3", word),
                            (b"CLIENT", b"KILL", word), (b"CONFIG", b"SET", word, b"1")):
                reply = c.command(*request)
                assert isinstance(reply, Error), f"{request[:2]!r}: {reply!r}"
                assert len(reply) < 600, f"{request[0]!r}: an error of {len(reply)} bytes"
                assert not any(byte < 32 or byte == 127 for byte in reply), repr(reply)
        assert c.command("PING") == b"PONG"


def a_client_that_never_reads():
    with SERVER.connect() as c:
        assert c.command("SET", "big", b"x" * MIB) == b"OK"
    before = SERVER.rss_bytes()
    limit = 8 * MIB  # server.output_buffer_limit of this server
    peak = 0
    clients = [SERVER.connect() for _ in range(8)]
    with Bystander(SERVER):
        for c in clients:
            c.socket.settimeout(0.3)
            c.send_quietly(encode("GET", "big") * 200)
        for _ in range(20):
            peak = max(peak, SERVER.rss_bytes() - before)
            time.sleep(0.05)
        # One that reads after all gets everything, in order.
        clients[0].socket.settimeout(20)
        for _ in range(200):
            assert clients[0].reply() == b"x" * MIB
    for c in clients:
        c.close()
    with SERVER.connect() as c:
        c.command("DEL", "big")
    assert peak < (len(clients) + 4) * limit, f"{peak / MIB:.0f} MiB held for clients that do not read"


def replies_of_a_pipeline_sent_before_reading():
    count = 20000
    with Bystander(SERVER), SERVER.connect(30) as c:
        sender = threading.Thread(target=c.send, args=(encode("SET", "p", b"y" * 100) * count,))
        sender.start()
        sender.join(20)
        assert not sender.is_alive(), "the server stopped reading"
        for _ in range(count):
            assert c.reply() == b"OK"


def resets_and_half_open_connections():
    with Bystander(SERVER):
        for i in range(300):
            s = socket.create_connection(("127.0.0.1", SERVER.port))
            s.sendall(b"*2\r\n$3\r\nGET\r\n$1" if i % 2 else encode("GET", "a") * 10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()  # a reset
        # The client has half-closed: what it asked for is still answered.
        with SERVER.connect() as c:
            c.send(encode("PING") * 3)
            c.socket.shutdown(socket.SHUT_WR)
            assert c.rest_until_close() == b"+PONG\r\n" * 3
    deadline = time.monotonic() + 5
    while int(SERVER.info("clients")["connected_clients"]) > 2:
        assert time.monotonic() < deadline, "connections of clients that went away are still counted"
        time.sleep(0.05)


def slow_senders_do_not_hold_others():
    clients = [SERVER.connect() for _ in range(150)]
    with Bystander(SERVER) as b:
        for _ in range(10):
            for c in clients:
                c.send(b"*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$100\r\n"[:1] if c.rest else b"")
                c.send(b"\r\n")
        assert b.problem is None
    for c in clients:
        c.close()


def patterns_and_numbers_at_their_edges():
    bomb = b"*a" * 10000 + b"b"
    with Bystander(SERVER), SERVER.connect(30) as c:
        c.command("SET", "aaaa", "1")
        c.command("SET", b"a" * 1000, "1")
        start = time.monotonic()
        c.command("KEYS", bomb)
        c.command("SCAN", "0", "MATCH", bomb)
        c.command("CONFIG", "GET", bomb)
        c.command("KEYS", b"[" * 10000)
        c.command("KEYS", b"\\" * 9999)
        took = time.monotonic() - start
        assert took < 2, f"patterns took {took:.1f} s"
        big = "9223372036854775807"
        small = "-9223372036854775808"
        assert c.command("SET", "n", big) == b"OK"
        for request in (("INCR", "n"), ("INCRBY", "n", "1"), ("DECRBY", "n", small),
                        ("INCRBY", "n", "1.5"), ("INCRBYFLOAT", "n", "nan"),
                        ("INCRBYFLOAT", "n", "inf"), ("SETRANGE", "n", big, "x"),
                        ("SETRANGE", "n", "-1", "x"), ("EXPIRE", "n", big), ("PEXPIREAT", "n", "x"),
                        ("SET", "n", "1", "EX", big), ("SET", "n", "1", "EX", "0"),
                        ("SET", "n", "1", "PX", "-1"), ("GETRANGE", "n", "a", "1")):
            reply = c.command(*request)
            assert isinstance(reply, Error), f"{request}: {reply!r}"
        assert c.command("GET", "n") == big.encode()
        assert c.command("GETRANGE", "n", small, big) == big.encode()
        assert c.command("DECR", "n") == int(big) - 1


def settings_that_may_not_change():
    with SERVER.connect() as c:
        for name in ("dir", "unixsocket", "port", "bind"):
            reply = c.command("CONFIG", "SET", name, "/tmp/x")
            assert isinstance(reply, Error), f"{name}: {reply!r}"
        for request in (("MODULE", "LOAD", "/tmp/x.so"), ("DEBUG", "SEGFAULT"), ("EVAL", "1", "0"),
                        ("REPLICAOF", "127.0.0.1", "1"), ("MONITOR",)):
            reply = c.command(*request)
            assert isinstance(reply, Error), f"{request}: {reply!r}"


def random_bytes_never_stop_it():
    rng = random.Random(20261122)
    pieces = [b"*", b"$", b"\r\n", b"\n", b"3", b"-1", b"SET", b"GET", b"a", b"\0", b'"', b"'", b"\\x",
              b" ", b"*1\r\n$4\r\nPING\r\n", b"$1000000\r\n", b"HELLO 3\r\n", b"*2\r\n$3\r\nGET\r\n"]
    with Bystander(SERVER):
        for _ in range(400):
            data = b"".join(rng.choice(pieces) if rng.random() < 0.8 else rng.randbytes(20)
                            for _ in range(rng.randrange(1, 60)))
            with SERVER.connect() as c:
                c.send_quietly(data)
                c.socket.settimeout(0.01)
                try:
                    c.rest_until_close()
                except socket.timeout:
                    pass


def main():
    global SERVER  # pylint: disable=global-statement
    with Server(threads=2, **{"server.output_buffer_limit": "8MiB"}) as server:
        SERVER = server
        before = server.rss_bytes()
        tests = [lengths_that_lie, memory_grows_with_bytes_received_only,
                 a_long_value_arrives_in_pieces, a_request_byte_by_byte, inline_requests,
                 types_that_are_no_requests, other_protocols, errors_are_one_line,
                 a_client_that_never_reads, replies_of_a_pipeline_sent_before_reading,
                 resets_and_half_open_connections, slow_senders_do_not_hold_others,
                 patterns_and_numbers_at_their_edges, settings_that_may_not_change,
                 random_bytes_never_stop_it]

        def memory_is_back():
            grown = server.rss_bytes() - before
            assert grown < 200 * MIB, f"{grown / MIB:.0f} MiB more than before the attacks"

        return run(tests + [memory_is_back])


if __name__ == "__main__":
    sys.exit(main())

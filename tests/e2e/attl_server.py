# SPDX-License-Identifier: BSD-2-Clause
r"""Starts attld for a test, and stops it again.

    with Server(threads=2, maxclients=10) as server:
        with server.connect() as c:
            c.send(b"PING\r\n")
            assert c.line() == b"+PONG"

Options are attld's, with underscores; the server listens on a free loopback port and, in its own
temporary directory, on a unix socket; on an admin port only if asked to (admin_port=free_port()). It is stopped by process id. Client is a socket that speaks just
enough RESP for tests that must send what no client library would. run(tests) runs functions and returns
an exit code. Attld("--option=value", ...) is a server started without a `with`, for unittest classes.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SKIP = 77  # the exit code of a test that cannot run here
START_S = 20
STOP_S = 30


def attld_path():
    build = os.environ.get("ATTL_BUILD_DIR")
    if not build:
        here = os.path.dirname(os.path.abspath(__file__))
        build = os.path.join(here, "..", "..", "build")
    for name in ("attld", os.path.join("bin", "attld"), os.path.join("src", "attld")):
        path = os.path.join(build, name)
        if os.path.exists(path):
            return path
    print(f"no attld in {build}: set ATTL_BUILD_DIR")
    sys.exit(SKIP)


def sanitized():
    """True if attld was built with a sanitizer: then sizes and wake-ups say nothing."""
    with open(attld_path(), "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    """A blocking socket with a timeout."""

    def __init__(self, address, timeout=10):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.rest = b""
        self.pushes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_quietly(self, data):
        """Sends to a server that may hang up meanwhile."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def command(self, *words):
        """Sends a request and returns its parsed reply."""
        self.send(encode(*words))
        return self.reply()

    def _fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("the server has closed the connection")
        self.rest += data

    def line(self):
        while b"\r\n" not in self.rest:
            self._fill()
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line

    def bytes(self, count):
        parts, have = [self.rest], len(self.rest)
        while have < count:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the server has closed the connection")
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        self.rest = whole[count:]
        return whole[:count]

    def reply(self):
        """bytes, int, list, None; an error is an instance of Error."""
        line = self.line()
        kind, text = line[:1], line[1:]
        if kind == b"+":
            return text
        if kind == b"-":
            return Error(text)
        if kind == b":":
            return int(text)
        if kind == b"_":
            return None
        if kind in b"$=":
            if int(text) < 0:
                return None
            return self.bytes(int(text) + 2)[:-2]
        if kind == b">":
            return Push(self.reply() for _ in range(int(text)))
        if kind in b"*~":
            return None if int(text) < 0 else [self.reply() for _ in range(int(text))]
        if kind == b"%":
            return {self.reply(): self.reply() for _ in range(int(text))}
        raise AssertionError(f"not a reply: {line!r}")

    def rest_until_close(self):
        """Everything the server still sends before it closes; a reset counts as closed."""
        data = self.rest
        self.rest = b""
        try:
            while True:
                more = self.socket.recv(1 << 16)
                if not more:
                    return data
                data += more
        except ConnectionError:
            return data


    def ask(self, *words):
        """As command(), but pushes that come before the reply are kept for push()."""
        self.send(encode(*words))
        while True:
            reply = self.reply()
            if not isinstance(reply, Push):
                return reply
            self.pushes.append(reply)

    def push(self):
        """The next push, or message under protocol 2."""
        return self.pushes.pop(0) if self.pushes else self.reply()

    def no_push(self):
        """True if nothing has been pushed that was sent before this call."""
        self.ask("PING")
        self.ask("PING")  # what arrived in the turn of the first comes before the second's reply
        return not self.pushes


class Error(bytes):
    """An error reply."""


class Push(list):
    """Out-of-band data of protocol 3."""


def encode(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


class Server:
    def __init__(self, env=None, args=(), **options):
        self.dir = tempfile.TemporaryDirectory(prefix="attl-test-")
        self.host = "127.0.0.1"
        self.port = free_port()
        self.unix_path = os.path.join(self.dir.name, "attl.sock")
        settings = {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.unix_path,
                    "dir": self.dir.name, "threads": 2, "admin_port": 0}
        self.password = options.get("requirepass")
        settings.update(options)
        self.argv = [attld_path(), *args]
        for name, value in settings.items():
            flag = name if "." in name else name.replace("_", "-")
            self.argv.append(f"--{flag}={value}")
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.log_path = os.path.join(self.dir.name, "log")
        self.exit_code = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop()
        if kind is not None or self.exit_code != 0:
            print("--- log of attld ---")
            print(self.log()[-4000:])
        self.dir.cleanup()
        if kind is None and self.exit_code != 0:
            raise AssertionError(f"attld ended with {self.exit_code}")

    def start(self):
        with open(self.log_path, "ab") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"attld ended with {self.process.returncode}: {self.log()}")
            try:
                with self.connect() as c:
                    if self.password:
                        c.command("AUTH", self.password)
                    if c.command("PING") == b"PONG":
                        return self
            except (OSError, EOFError):  # not there yet, or on its way out
                time.sleep(0.02)
        self.stop()
        raise AssertionError("attld does not answer: " + self.log())

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.exit_code = -signal.SIGKILL
        self.process = None

    def connect(self, timeout=10):
        return Client(("127.0.0.1", self.port), timeout)

    def connect_unix(self, timeout=10):
        return Client(self.unix_path, timeout)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def cpu_ticks(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def info(self, section):
        with self.connect() as c:
            if self.password:
                c.command("AUTH", self.password)
            text = c.command("INFO", section).decode()
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {name: value for name, value in pairs}


class Attld(Server):
    """A running server; options as on the command line; ends at stop()."""

    def __init__(self, *args):
        super().__init__(args=args)
        self.start()

    def stop(self):
        super().stop()
        self.dir.cleanup()
        assert self.exit_code == 0, f"attld ended with {self.exit_code}"


AttlServer = Server


def run(tests):
    """Runs each function and says which failed and why; the exit code."""
    failed = 0
    for test in tests:
        start = time.monotonic()
        try:
            test()
            print(f"ok   {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {test.__name__}", flush=True)
            traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0

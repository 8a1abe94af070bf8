#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attl top on a pseudo-terminal: what it shows, its keys, colours and NO_COLOR, a window that changes its size, a
server that goes and comes back, the terminal as it was afterwards; and its plain output without a terminal."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import attl_server

WAIT_S = 20
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def attl_path():
    build = os.environ.get("ATTL_BUILD_DIR") or os.path.dirname(attl_server.attld_path())
    path = os.path.join(build, "attl")
    if not os.path.exists(path):
        print(f"no attl in {build}: it needs libedit")
        sys.exit(attl_server.SKIP)
    return path


def served(**options):
    """A server that has nothing to warn of."""
    return attl_server.Server(**{"cache.max_memory": "100M", **options})


class Terminal:
    """attl top on a pseudo-terminal of 24 by 100."""

    def __init__(self, port, *args, env=None):
        self.master, slave = pty.openpty()
        self.resize(24, 100)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = dict(os.environ, TERM="xterm", **(env or {}))
        if env is None:
            environment.pop("NO_COLOR", None)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen([attl_path(), "-p", str(port), "top", "-i", "0.2", *args], stdin=slave,
                                        stdout=slave, stderr=slave, env=environment, start_new_session=True)
        self.raw = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.1):
        if select.select([self.master], [], [], seconds)[0]:
            self.raw += os.read(self.master, 65536).decode(errors="replace")

    def picture(self):
        """The last whole one, as lines."""
        pictures = [part for part in self.raw.split("\x1b[H")[1:] if "\x1b[J" in part]
        return ESCAPES.sub("", pictures[-1].split("\x1b[J")[0]).split("\r\n") if pictures else []

    def until(self, text, absent=False):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.read()
            shown = "\n".join(self.picture())
            if shown and (text in shown) != absent:
                return shown
        raise AssertionError(f"{text!r} {'stays' if absent else 'does not come'}:\n" + "\n".join(self.picture()))

    def key(self, keys):
        self.raw = ""
        os.write(self.master, keys.encode())

    def end(self):
        deadline = time.monotonic() + WAIT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("attl top does not end")
        self.read()
        assert "\x1b[?1049l" in self.raw and "\x1b[?25h" in self.raw, self.raw[-200:]
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextlib.contextmanager
def terminal(*args, **options):
    t = Terminal(*args, **options)
    try:
        yield t
    finally:
        t.close()


def everything_is_shown_and_keys_work():
    with served(args=("--slowlog-log-slower-than=0",)) as server, server.connect() as c:
        for _ in range(300):
            c.command("SET", "hot:key", "v", "EX", "60")
        c.command("ATTL.INCIDENT", "SIMULATE", "latency")
        with terminal(server.port) as t:
            shown = t.until("latency")
            for part in ("warning", "version", "ops/s", "memory [", "clients", "open incidents (1)",
                         "3 shards", "4 hot keys", "5 slow log", "q quit"):
                assert part in shown, (part, shown)
            assert len(t.picture()) <= 24 and max(map(len, t.picture())) <= 100
            assert "!  warning  latency" in shown and "[! ]" in shown, shown
            assert "\x1b[1m" in t.raw  # this terminal has colours
            t.key("2")
            assert "3 shards (" not in t.until(">2 incidents<")
            t.key("\x1b[C")
            assert "% of a core" in t.until(">3 shards<")
            t.key("4")
            t.until("hot:key")
            t.key("r")
            assert "a key of 7 bytes" in t.until("hot:key", absent=True)
            t.key("?")
            t.until("rows of a section")
            t.key("p")
            t.until("PAUSED")
            t.read(0.3)
            t.raw = ""
            t.read(1)
            assert t.raw == "", "drawn while paused"
            t.key("q")
            assert t.end() == 0


def no_color_is_honoured():
    with served() as server, terminal(server.port, env={"NO_COLOR": "1"}) as t:
        t.until("serving")
        assert not re.search(r"\x1b\[[0-9;]*m", t.raw)
        t.key("q")
        assert t.end() == 0


def a_window_may_change_its_size():
    with served() as server, terminal(server.port) as t:
        t.until("serving")
        t.resize(12, 40)
        t.raw = ""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            t.read()
            lines = t.picture()
            if lines and len(lines) <= 12 and max(map(len, lines)) <= 40:
                break
        else:
            raise AssertionError(t.picture())
        t.process.send_signal(signal.SIGINT)
        assert t.end() == 0


def a_server_may_go_and_come_back():
    with served() as server, terminal(server.port) as t:
        t.until("serving")
        server.stop()
        t.until("NOT REACHABLE")
        server.start()
        t.until("NOT REACHABLE", absent=True)
        t.until("serving")
        t.key("q")
        assert t.end() == 0


def a_count_ends_it():
    with served() as server, terminal(server.port, "-n", "2") as t:
        assert t.end() == 0


def without_a_terminal_it_is_plain_text():
    with served(requirepass="secret") as server:
        argv = [attl_path(), "-p", str(server.port), "top", "--redact"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False,
                              env=dict(os.environ, ATTL_PASSWORD="secret"))
        assert done.returncode == 0 and "\x1b" not in done.stdout, done
        assert "ops/s" in done.stdout and "open incidents (0)" in done.stdout, done.stdout
        assert "\n3 shards" in done.stdout and "\n5 slow log" in done.stdout
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False)
        assert done.returncode != 0 and "NOAUTH" in done.stderr, done


def nobody_there_is_an_exit_status():
    done = subprocess.run([attl_path(), "-p", str(attl_server.free_port()), "top"], capture_output=True, text=True,
                          timeout=WAIT_S, check=False)
    assert done.returncode == 69 and "cannot connect" in done.stderr, done
    done = subprocess.run([attl_path(), "top", "--match", "x"], capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 64, done
    done = subprocess.run([attl_path(), "top", "more"], capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 64, done


def main():
    return attl_server.run([
        everything_is_shown_and_keys_work, no_color_is_honoured, a_window_may_change_its_size,
        a_server_may_go_and_come_back, a_count_ends_it, without_a_terminal_it_is_plain_text,
        nobody_there_is_an_exit_status,
    ])


if __name__ == "__main__":
    sys.exit(main())

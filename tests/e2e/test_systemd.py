#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attld under a supervisor: what it tells the socket that NOTIFY_SOCKET names (ready, reloading, stopping, signs
of life), that it is woken for it no more often than said, and that the shipped unit is right as far as the tools
of systemd can tell. The supervisor is a datagram socket of the test's own."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import attl_server

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
UNIT = os.path.join(ROOT, "packaging", "systemd", "attld.service")
WAIT_S = 20


class Supervisor:
    """Receives the messages of sd_notify."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.name = name

    def next(self, timeout=WAIT_S):
        self.socket.settimeout(timeout)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def until(self, key):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            message = self.next()
            if key in message:
                return message
        raise AssertionError(f"no {key}")

    def drain(self, seconds):
        """All messages of this time."""
        messages = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                messages.append(self.next(left))
            except (TimeoutError, socket.timeout):
                break
        return messages


@contextlib.contextmanager
def supervised(watchdog_s=None, name=None, **options):
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        supervisor = Supervisor(name or os.path.join(folder, "notify"))
        env = {"NOTIFY_SOCKET": supervisor.name}
        if watchdog_s:
            env["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        with attl_server.Server(env=env, **options) as server:
            yield supervisor, server
        supervisor.socket.close()


def ready_reload_and_stop_are_told():
    with supervised() as (supervisor, server):
        message = supervisor.until("READY")
        assert message == {"READY": "1", "STATUS": "serving"}, message
        assert server.info("server")["process_supervised"] == "systemd"
        server.process.send_signal(signal.SIGHUP)
        message = supervisor.until("RELOADING")
        assert abs(int(message["MONOTONIC_USEC"]) / 1e6 - time.monotonic()) < WAIT_S, message
        assert supervisor.until("READY")["READY"] == "1"
        server.process.send_signal(signal.SIGTERM)
        assert supervisor.until("STOPPING")["STOPPING"] == "1"


def an_abstract_socket_will_do():
    with supervised(name=f"@attl-test-{os.getpid()}") as (supervisor, _):
        assert supervisor.until("READY")["READY"] == "1"


def signs_of_life_come_twice_in_the_time_given():
    with supervised(watchdog_s=1) as (supervisor, server):
        supervisor.until("READY")
        supervisor.drain(0.6)
        signs = [m for m in supervisor.drain(3) if "WATCHDOG" in m]
        assert 4 <= len(signs) <= 7, signs
        with server.connect() as c:  # and under load
            for _ in range(500):
                c.command("SET", "k", "v")
        assert any("WATCHDOG" in m for m in supervisor.drain(1))


def without_a_watchdog_nobody_is_told_anything():
    with supervised() as (supervisor, _):
        supervisor.until("READY")
        assert not supervisor.drain(1.5)


def a_process_that_hangs_gives_no_sign():
    with supervised(watchdog_s=0.5) as (supervisor, server):
        supervisor.until("READY")
        server.process.send_signal(signal.SIGSTOP)
        try:
            supervisor.drain(0.3)
            assert not supervisor.drain(1)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert any("WATCHDOG" in m for m in supervisor.drain(1.5))


def the_unit_is_right():
    tool = shutil.which("systemd-analyze")
    if not tool:
        print("     (no systemd-analyze here)")
        return
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        with open(UNIT, encoding="utf-8") as source:
            text = source.read()
        path = os.path.join(folder, "attld.service")
        with open(path, "w", encoding="utf-8") as unit:  # with a program that exists, without manual pages
            text = re.sub(r"^ExecStart=\S+", f"ExecStart={os.path.abspath(attl_server.attld_path())}", text,
                          flags=re.MULTILINE)
            unit.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
        done = subprocess.run([tool, "verify", path], capture_output=True, text=True, timeout=60, check=False)
        ours = [line for line in done.stderr.splitlines() if "attld.service" in line]
        assert not ours, ours
        done = subprocess.run([tool, "security", "--offline=true", "--no-pager", path], capture_output=True,
                              text=True, timeout=60, check=False)
        found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
        if not found:
            print("     (this systemd-analyze cannot look at a file)")
            return
        print(f"     (exposure {found[1]} of 10)")
        assert float(found[1]) < 1.5, found[0]


def main():
    return attl_server.run([
        ready_reload_and_stop_are_told, an_abstract_socket_will_do, signs_of_life_come_twice_in_the_time_given,
        without_a_watchdog_nobody_is_told_anything, a_process_that_hangs_gives_no_sign,
        the_unit_is_right,
    ])


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-2-Clause
"""The limits and manners of attld as a daemon: who may connect, for how long, with how much memory;
how it starts, refuses to start, stops, and what it leaves behind. Each test starts its own server."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

from attl_server import Error, Server, attld_path, encode, free_port, run, sanitized

MIB = 1 << 20
SECRET = "correct horse battery staple"


def wait_for(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def field(client, section, name):
    text = client.command("INFO", section).decode()
    return int(text.split(f"{name}:")[1].split("\r\n")[0])


def start_and_fail(*args, env=None):
    """The exit code and standard error of a server that must not start."""
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        done = subprocess.run([attld_path(), f"--dir={folder}", *args],
                              capture_output=True, text=True, timeout=20, check=False,
                              env=dict(os.environ, **(env or {})))
    return done.returncode, done.stderr


# ---- clients ----

def clients_above_the_maximum_are_told_and_closed():
    with Server(maxclients=6, threads=2) as server, server.connect_unix() as admin:
        def connected():
            return field(admin, "clients", "connected_clients") - 1

        wait_for("the first probe is gone", lambda: connected() == 0)
        inside = [server.connect() for _ in range(5)]
        for c in inside:
            assert c.command("PING") == b"PONG"
        for _ in range(3):
            with server.connect() as refused:
                got = refused.rest_until_close()
                assert got == b"-ERR max number of clients reached\r\n", got
        for c in inside:
            assert c.command("PING") == b"PONG", "an established client was harmed"
        assert field(admin, "stats", "rejected_connections") == 3
        # The administrator's door: a few clients more over the unix socket.
        with server.connect_unix() as second:
            assert second.command("CONFIG", "SET", "maxclients", "7") == b"OK"
        wait_for("the second administrator is gone", lambda: connected() == 5)
        with server.connect() as c:
            assert c.command("PING") == b"PONG", "the new maximum does not hold"
        for c in inside:
            c.close()
        wait_for("all places are free", lambda: connected() == 0)


def idle_clients_are_disconnected_when_a_timeout_is_set():
    with Server() as server, server.connect() as busy, server.connect() as idle:
        assert idle.command("PING") == b"PONG"
        assert busy.command("CONFIG", "SET", "timeout", "1") == b"OK"
        idle.socket.settimeout(0.1)
        closed = None
        for _ in range(60):
            assert busy.command("PING") == b"PONG"
            try:
                closed = idle.socket.recv(1)
                break
            except socket.timeout:
                pass
        assert closed == b"", "the idle client was not disconnected"
        assert busy.command("PING") == b"PONG"
        assert int(server.info("attl")["attl_clients_timed_out"]) >= 1


def connections_are_spread_over_the_workers():
    with Server(threads=2) as server:
        clients = [server.connect() for _ in range(40)]
        for c in clients:
            assert c.command("PING") == b"PONG"
        # Each worker names its thread; their sockets are not visible, but their work is.
        before = thread_ticks(server)
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            for c in clients:
                c.send(encode("SET", "k", "v") * 50)
            for c in clients:
                for _ in range(50):
                    c.reply()
        spent = [b - a for a, b in zip(before, thread_ticks(server))]
        assert len(spent) == 2 and min(spent) > 0, f"ticks per worker: {spent}"
        for c in clients:
            c.close()


def thread_ticks(server):
    ticks = []
    folder = f"/proc/{server.process.pid}/task"
    for tid in sorted(os.listdir(folder)):
        with open(f"{folder}/{tid}/stat", encoding="ascii") as f:
            name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        if name.startswith("attld-net"):
            fields = rest.split()
            ticks.append(int(fields[11]) + int(fields[12]))
    return ticks


def clients_are_listed_and_killed_whoever_serves_them():
    with Server(threads=2) as server:
        clients = [server.connect() for _ in range(10)]
        for i, c in enumerate(clients):
            assert c.command("CLIENT", "SETNAME", f"c{i}") == b"OK"
        first = clients[0]
        lines = first.command("CLIENT", "LIST").decode().splitlines()
        rows = [dict(word.split("=", 1) for word in line.split(" ")) for line in lines]
        names = [row["name"] for row in rows if row["name"].startswith("c")]
        assert names == [f"c{i}" for i in range(10)], names
        ids = {row["name"]: row["id"] for row in rows}
        addrs = {row["name"]: row["addr"] for row in rows}
        for i in range(2, 6):
            assert first.command("CLIENT", "KILL", "ID", ids[f"c{i}"]) == 1
        for i in range(6, 9):
            assert first.command("CLIENT", "KILL", addrs[f"c{i}"]) == b"OK"
        for i in range(2, 9):
            assert clients[i].rest_until_close() == b"", f"c{i} was not killed"
        assert clients[1].command("PING") == b"PONG"
        assert clients[9].command("PING") == b"PONG"
        # Two workers listing at the same time must not wait for each other.
        threads = [threading.Thread(target=lambda c=c: [c.command("CLIENT", "LIST")
                                                        for _ in range(300)])
                   for c in (clients[0], clients[1], clients[9])]
        for t in threads:
            t.start()
        for t in threads:
            t.join(20)
            assert not t.is_alive(), "CLIENT LIST hangs"
        for c in clients:
            c.close()


# ---- memory ----

def an_output_limit_disconnects_who_wants_more():
    with Server(**{"server.output_buffer_limit": "1MiB"}) as server, server.connect() as c:
        assert c.command("SET", "big", b"x" * (2 * MIB)) == b"OK"
        c.send(encode("GET", "big"))
        assert len(c.rest_until_close()) < 2 * MIB
        with server.connect() as d:
            assert d.command("STRLEN", "big") == 2 * MIB
        assert server.info("stats")["client_output_buffer_limit_disconnections"] == "1"
        assert "client_output_limit" in server.log()


def a_query_limit_disconnects_who_sends_more():
    with Server(**{"server.query_buffer_limit": "1MiB"}) as server, server.connect() as c:
        c.send_quietly(encode("SET", "big", b"x" * (3 * MIB)))
        assert c.rest_until_close() == b""
        assert server.info("stats")["client_query_buffer_limit_disconnections"] == "1"
        with server.connect() as d:
            assert d.command("EXISTS", "big") == 0
            # Long pipelines of short requests are no long request.
            d.send(encode("SET", "k", b"y" * 1000) * 3000)
            for _ in range(3000):
                assert d.reply() == b"OK"


def all_buffers_together_have_a_limit():
    with Server(threads=2, **{"server.clients_memory": "32MiB"}) as server:
        small = [server.connect() for _ in range(4)]
        for c in small:
            c.send(encode("SET", "k", b"x" * 100)[:-3])  # all but finished
        hogs = [server.connect() for _ in range(6)]
        for i, c in enumerate(hogs):
            c.send_quietly(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n" + b"x" * ((6 + i) * MIB))
        wait_for("a hog is gone", lambda: int(server.info("stats")["evicted_clients"]) >= 1)
        wait_for("within the limit",
                 lambda: int(server.info("memory")["mem_clients_normal"]) <= 32 * MIB)
        for c in small:
            c.send(b"x\r\n"[-3:])
            assert c.reply() == b"OK", "a small client was harmed"
        for c in hogs + small:
            c.close()
        wait_for("all memory is accounted for",
                 lambda: server.info("memory")["mem_clients_normal"] == "0")


# ---- passwords ----

def strangers_can_do_little():
    with Server(requirepass=SECRET) as server:
        with server.connect() as c:
            for request in (("GET", "a"), ("SET", "a", "1"), ("INFO",), ("CONFIG", "GET", "*"),
                            ("CLIENT", "LIST"), ("SHUTDOWN",), ("FLUSHALL",)):
                reply = c.command(*request)
                assert isinstance(reply, Error) and reply.startswith(b"NOAUTH"), f"{request}: {reply}"
            reply = c.command("AUTH", "wrong")
            assert reply.startswith(b"WRONGPASS"), reply
            other = c.command("AUTH", "somebody", SECRET)
            assert other == reply, "an unknown user is told apart from a wrong password"
            assert c.command("AUTH", SECRET) == b"OK"
            assert c.command("SET", "a", "1") == b"OK"
        for data, wanted in ((b"*11\r\n", b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
                             (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
                              b"-ERR Protocol error: unauthenticated bulk length\r\n")):
            with server.connect() as c:
                c.send(data)
                assert c.rest_until_close() == wanted
        # AUTH and what it allows in one pipeline, larger than a stranger may send.
        with server.connect() as c:
            c.send(encode("AUTH", SECRET) + encode("SET", "b", b"x" * 100000) +
                   encode("MGET", *["a"] * 100))
            assert c.reply() == b"OK"
            assert c.reply() == b"OK"
            assert c.reply() == [b"1"] * 100
        # Unread replies of strangers are bounded (CVE-2025-21605).
        before = server.rss_bytes()
        with server.connect() as c:
            c.socket.settimeout(1)
            c.send_quietly(encode("GET", "a") * 400000)
            assert server.rss_bytes() - before < 100 * MIB
        assert SECRET not in server.log()
        assert "wrong" not in server.log()


def guessing_ends_the_connection():
    with Server(requirepass=SECRET) as server, server.connect() as c:
        c.send(encode("AUTH", "guess") * 100)
        got = c.rest_until_close()
        assert got.count(b"-WRONGPASS") == 16, got.count(b"-WRONGPASS")
        assert server.info("attl")["attl_auth_lockouts"] == "1"


def a_password_set_at_run_time_holds_for_new_clients():
    with Server() as server, server.connect() as old:
        assert old.command("CONFIG", "SET", "requirepass", SECRET) == b"OK"
        server.password = SECRET
        assert old.command("PING") == b"PONG"
        with server.connect() as c:
            assert c.command("GET", "a").startswith(b"NOAUTH")
            assert c.command("HELLO", "3", "AUTH", "default", SECRET)[b"proto"] == 3
        assert old.command("CONFIG", "GET", "requirepass")[1] != SECRET.encode()


def protected_mode_refuses_a_public_bind():
    port = f"--port={free_port()}"
    code, err = start_and_fail(port, "--bind=0.0.0.0")
    assert code == 78 and "requirepass" in err, (code, err)
    code, err = start_and_fail(port, "--bind=127.0.0.1 ::")
    assert code == 78, (code, err)
    with Server(bind="0.0.0.0", requirepass=SECRET):
        pass
    with Server(bind="0.0.0.0", protected_mode="no"):
        pass
    with Server(bind="127.0.0.1 -::1"):
        pass


# ---- files ----

def files_are_private():
    with Server(unixsocketperm="700") as server, server.connect_unix() as c:
        mode = stat.S_IMODE(os.stat(server.unix_path).st_mode)
        assert mode == 0o700, oct(mode)
        assert c.command("CONFIG", "SET", "timeout", "77", "requirepass", SECRET) == b"OK"
        assert c.command("CONFIG", "REWRITE") == b"OK"
        path = os.path.join(server.dir.name, "runtime.toml")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, encoding="utf-8") as f:
            text = f.read()
        assert "timeout" in text and SECRET in text, text
        assert not os.path.exists(path + ".tmp")
        # What was rewritten is in force after a restart, and the socket of the old one is replaced.
        server.password = SECRET
        server.stop()
        assert not os.path.exists(server.unix_path)
        leave_dead_socket(server.unix_path)
        server.start()
        with server.connect_unix() as d:
            assert d.command("AUTH", SECRET) == b"OK"
            assert d.command("CONFIG", "GET", "timeout") == [b"timeout", b"77"]
        # A link where the file goes is replaced, not followed.
        target = os.path.join(server.dir.name, "target")
        with open(target, "w", encoding="ascii") as f:
            f.write("untouched")
        os.remove(path)
        os.symlink(target, path)
        with server.connect_unix() as d:
            d.command("AUTH", SECRET)
            assert d.command("CONFIG", "REWRITE") == b"OK"
        with open(target, encoding="ascii") as f:
            assert f.read() == "untouched"
        os.remove(target)


def leave_dead_socket(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()


def a_path_that_is_no_socket_is_not_touched():
    with tempfile.NamedTemporaryFile() as f:
        code, err = start_and_fail("--port=0", f"--unixsocket={f.name}")
        assert code == 69, (code, err)
        assert os.path.exists(f.name)


# ---- start and stop ----

def exit_codes():
    port = free_port()
    assert start_and_fail("--no-such-option")[0] == 64
    assert start_and_fail("--config=/nonexistent/settings.toml")[0] == 66
    assert start_and_fail(f"--port={port}", "--maxclients=0")[0] == 64
    assert start_and_fail(f"--port={port}", env={"ATTL_SERVER__PORTT": "1"})[0] == 78
    assert start_and_fail("--port=0", "--unixsocket=/nonexistent/x.sock")[0] == 73
    with Server() as server:
        code, err = start_and_fail(f"--port={server.port}")
        assert code == 69 and str(server.port) in err, (code, err)
        code, err = start_and_fail("--port=0", f"--unixsocket={server.unix_path}")
        assert code == 69, (code, err)
    for words in (("--help",), ("--version",), ("--check-config",), ("--dump-options",)):
        done = subprocess.run([attld_path(), *words], capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode == 0 and done.stdout and not done.stderr, (words, done)


def check_config_says_where_values_come_from():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "settings.toml")
        with open(path, "w", encoding="ascii") as f:
            f.write("[server]\ntimeout = \"7s\"\nrequirepass = \"" + SECRET + "\"\n")
        done = subprocess.run([attld_path(), f"--config={path}", "--maxclients=77", "--check-config",
                               f"--dir={folder}"],
                              env=dict(os.environ, ATTL_SERVER__TCP_BACKLOG="99"),
                              capture_output=True, text=True, timeout=20, check=False)
    server = done.stdout.split("[server]")[1].split("\n[")[0]
    lines = {line.split("=")[0].strip(): line for line in server.splitlines() if "=" in line}
    assert done.returncode == 0, done
    assert "settings.toml:2" in lines["timeout"], lines["timeout"]
    assert "command line" in lines["max_clients"], lines["max_clients"]
    assert "environment" in lines["tcp_backlog"], lines["tcp_backlog"]
    assert SECRET not in done.stdout


def sigterm_lets_clients_read_their_replies():
    with Server(shutdown_timeout=10) as server, server.connect() as c:
        count = 20
        assert c.command("SET", "big", b"x" * MIB) == b"OK"
        c.send(encode("GET", "big") * count)
        assert c.reply() == b"x" * MIB
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        try:
            server.connect(1).close()
            accepted = True
        except OSError:
            accepted = False
        got = 1
        try:
            while True:
                assert c.reply() == b"x" * MIB
                got += 1
        except EOFError:
            pass
        assert server.process.wait(10) == 0
        assert got >= 2, "replies that were due were not sent"
        assert not accepted, "a new connection was accepted while stopping"


def a_second_sigterm_does_not_wait():
    with Server(shutdown_timeout=60) as server, server.connect() as c:
        c.command("SET", "big", b"x" * (8 * MIB))
        c.send(encode("GET", "big") * 4)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None, "it did not wait for the client"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0


def shutdown_is_a_command():
    with Server() as server, server.connect() as c:
        c.send(encode("SHUTDOWN", "NOSAVE"))
        assert c.rest_until_close() == b""
        assert server.process.wait(5) == 0


def signals_that_must_not_stop_it():
    with Server() as server, server.connect() as c:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            server.process.send_signal(number)
            time.sleep(0.05)
            assert c.command("PING") == b"PONG", number


def the_log_is_one_json_object_per_line():
    with Server(**{"log.format": "json", "log.level": "debug"}) as server, server.connect() as c:
        deadline = time.monotonic() + 5
        while '"ready"' not in server.log() and time.monotonic() < deadline:
            time.sleep(0.01)
        c.command("CLIENT", "SETNAME", "evil")
        c.send(b"POST /\"}\x1b[2J HTTP/1.1\r\n\r\n")
        c.rest_until_close()
        with server.connect() as d:
            assert d.command("CONFIG", "SET", "loglevel", "warning") == b"OK"
        lines = server.log().splitlines()
    assert len(lines) >= 2, lines
    for line in lines:
        row = json.loads(line)
        assert {"time", "level", "event", "text"} <= set(row), row
        assert "\x1b" not in line


def an_idle_server_sleeps():
    if sanitized():
        return  # its run time wakes up by itself
    with Server(threads=2) as server:
        clients = [server.connect() for _ in range(20)]
        for c in clients:
            assert c.command("SET", "k", "v") == b"OK"
        time.sleep(1.5)
        before = switches(server)
        time.sleep(3)
        woken = switches(server) - before
        assert woken <= 6, f"{woken} context switches in 3 idle seconds"
        for c in clients:
            c.close()


def switches(server):
    total = 0
    folder = f"/proc/{server.process.pid}/task"
    for tid in os.listdir(folder):
        with open(f"{folder}/{tid}/status", encoding="ascii") as f:
            for line in f:
                if "ctxt_switches" in line:
                    total += int(line.split()[1])
    return total


def idle_connections_hold_little_memory():
    if sanitized():
        return  # its allocator has other sizes
    count = 2000
    with Server(threads=2) as server:
        clients = [server.connect() for _ in range(100)]
        for c in clients:  # whatever the server needs once, it has now
            c.send(encode("SET", "k", "v" * 1000) * 100)
            assert [c.reply() for _ in range(100)] == [b"OK"] * 100
        before = server.rss_bytes()
        clients += [server.connect() for _ in range(count)]
        for c in clients:
            assert c.command("SET", "k", "v" * 1000) == b"OK"
        each = (server.rss_bytes() - before) / count
        for c in clients:
            c.close()
        assert each < 2048, f"{each:.0f} bytes per idle connection"


if __name__ == "__main__":
    sys.exit(run([
        clients_above_the_maximum_are_told_and_closed,
        idle_clients_are_disconnected_when_a_timeout_is_set,
        connections_are_spread_over_the_workers,
        clients_are_listed_and_killed_whoever_serves_them,
        an_output_limit_disconnects_who_wants_more,
        a_query_limit_disconnects_who_sends_more,
        all_buffers_together_have_a_limit,
        strangers_can_do_little,
        guessing_ends_the_connection,
        a_password_set_at_run_time_holds_for_new_clients,
        protected_mode_refuses_a_public_bind,
        files_are_private,
        a_path_that_is_no_socket_is_not_touched,
        exit_codes,
        check_config_says_where_values_come_from,
        sigterm_lets_clients_read_their_replies,
        a_second_sigterm_does_not_wait,
        shutdown_is_a_command,
        signals_that_must_not_stop_it,
        the_log_is_one_json_object_per_line,
        an_idle_server_sleeps,
        idle_connections_hold_little_memory,
    ]))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tool attl from outside: exit statuses, output, pipes, load and dump, stat, and the prompt on a
pseudo-terminal. Whatever any server must answer runs twice, against attld and against redis-server (if
it is installed), because the tool speaks plain RESP."""
import base64
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import attl_server

WAIT_S = 20
BINARY = {"validation.mode": "binary"}  # keys of any bytes


def attl_path():
    build = os.environ.get("ATTL_BUILD_DIR") or os.path.dirname(attl_server.attld_path())
    path = os.path.join(build, "attl")
    if not os.path.exists(path):
        print(f"no attl in {build}: it needs libedit")
        sys.exit(attl_server.SKIP)
    return path


class RedisServer:
    """redis-server on a free port, with the same face as attl_server.Server."""

    def __init__(self, port=None, password=None):
        self.dir = tempfile.TemporaryDirectory(prefix="attl-test-redis-")
        self.port = port or attl_server.free_port()
        self.unix_path = os.path.join(self.dir.name, "redis.sock")
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--unixsocket", self.unix_path, "--dir", self.dir.name]
        if password:
            argv += ["--requirepass", password]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        wait_for(lambda: connects(self.port), "redis-server does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(WAIT_S)
        self.dir.cleanup()


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_for(condition, why):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def attl(server, *args, data=b"", env=None, raw_port=None):
    """Runs the tool; the result has returncode, stdout and stderr (bytes)."""
    where = ["-p", str(raw_port or server.port)]
    full = dict(os.environ, **(env or {}))
    for name in ("ATTL_PASSWORD",):
        if not env or name not in env:
            full.pop(name, None)
    return subprocess.run([attl_path(), *where, *args], input=data, capture_output=True,
                          timeout=120, env=full, check=False)


def says(result, code, out=None, err=None):
    """The exit status, the whole output, and a part of what is on standard error."""
    what = f"{result.returncode} {result.stdout[:300]!r} {result.stderr[:500]!r}"
    assert result.returncode == code, what
    if out is not None:
        assert result.stdout == out, what
    if err is not None:
        assert err in result.stderr, what


# ---- one command -----------------------------------------------------------------------------------


def check_replies(server):
    says(attl(server, "set", "k", "v", "EX", "100"), 0, b"OK\n", b"")
    says(attl(server, "get", "k"), 0, b"v\n")
    says(attl(server, "--no-raw", "get", "k"), 0, b'"v"\n')
    says(attl(server, "--no-raw", "get", "none"), 0, b"(nil)\n")
    says(attl(server, "get", "none"), 0, b"\n")
    says(attl(server, "--no-raw", "mget", "k", "none"), 0, b'1) "v"\n2) (nil)\n')
    says(attl(server, "mget", "k", "none"), 0, b"v\n\n")
    says(attl(server, "--no-raw", "exists", "k"), 0, b"(integer) 1\n")
    says(attl(server, "--json", "mget", "k", "none"), 0, b'["v",null]\n')
    assert attl(server, "--json", "--resp2", "config", "get", "maxclients").stdout.startswith(b'["')
    assert attl(server, "--json", "config", "get", "maxclients").stdout.startswith(b'{"')
    says(attl(server, "set", "n", "-5"), 0, b"OK\n")
    says(attl(server, "incrby", "n", "-1"), 0, b"-6\n")


def check_errors(server):
    says(attl(server, "nosuch"), 1, b"", b"(error) ERR unknown command")
    says(attl(server, "get"), 1, b"", b"wrong number of arguments")
    result = attl(server, "--json", "get")
    says(result, 1, err=b"")
    assert "wrong number" in json.loads(result.stdout)["error"]
    assert b"\x1b" not in attl(server, "get").stderr


def check_binary(server):
    value = bytes(range(256)) * 1000
    says(attl(server, "-x", "set", "bin", data=value), 0, b"OK\n")
    says(attl(server, "get", "bin"), 0, value + b"\n")
    text = json.loads(attl(server, "--json", "get", "bin").stdout)
    assert text.encode("utf-8", "surrogateescape") == value
    large = os.urandom(1 << 20) * 24
    says(attl(server, "-x", "set", "large", data=large), 0, b"OK\n")
    assert attl(server, "get", "large").stdout == large + b"\n"
    says(attl(server, "del", "large", "bin"), 0, b"2\n")


def check_pipe(server):
    lines = b'set p "a\\x00b\\n"\nget p\n\n# a comment\nmget p \'it\\\'s\'\n'
    says(attl(server, data=lines), 0, b"OK\na\0b\n\na\0b\n\n\n")
    result = attl(server, "--no-raw", data=b'nosuch\nset p 1\nset "unclosed\nget p')
    says(result, 1, b'OK\n"1"\n', b"unknown command")
    assert b"line 3: a quote is not closed" in result.stderr


def check_unix_socket(server):
    result = subprocess.run([attl_path(), "-s", server.unix_path, "ping"], capture_output=True,
                            timeout=WAIT_S, check=False)
    says(result, 0, b"PONG\n", b"")


def check_healthcheck(server):
    says(attl(server, "--healthcheck"), 0)


def test_usage_errors_are_64():
    closed = attl_server.free_port()
    for args, why in ((["--prot", "1", "ping"], b"did you mean --port?"), (["-h"], b"attl --help"),
                      (["stat", "--match", "x"], b"--match"), (["load"], b"needs a file")):
        says(attl(None, *args, raw_port=closed), 64, b"", why)


def test_nobody_there_is_69():
    closed = attl_server.free_port()
    for args in (["ping"], ["stat"], ["dump", "-"], ["load", "/dev/null"], ["help", "get"], []):
        says(attl(None, *args, raw_port=closed), 69, b"",
             b"connection refused; is attld running? start it with")
    says(attl(None, "--healthcheck", raw_port=closed), 1, b"")


class Listener:
    """Accepts connections and either keeps silent or hangs up."""

    def __init__(self, hang_up):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.hang_up = hang_up
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                if self.hang_up:
                    connection.close()
                else:
                    self.open.append(connection)

    def close(self):
        self.socket.close()
        for connection in self.open:
            connection.close()


def test_silence_is_75_and_a_hang_up_74():
    silent, rude = Listener(False), Listener(True)
    begin = time.monotonic()
    says(attl(silent, "--timeout", "0.3", "ping"), 75, b"", b"did not answer within 0.300 s")
    assert time.monotonic() - begin < 5
    says(attl(rude, "ping"), 74, b"")
    silent.close()
    rude.close()


def test_output_that_cannot_be_written_is_74():
    with attl_server.Server() as server:
        for args in (["ping"], ["dump", "-"], ["--help"]):
            attl(server, "set", "k", "v")
            with open("/dev/full", "wb") as full:
                result = subprocess.run([attl_path(), "-p", str(server.port), *args], stdout=full,
                                        stderr=subprocess.PIPE, timeout=WAIT_S, check=False)
            assert result.returncode == 74, (args, result)


def test_a_password_comes_from_the_environment_or_the_line_and_hides():
    with attl_server.Server(requirepass="sesame") as server:
        says(attl(server, "get", "k"), 1, b"", b"set ATTL_PASSWORD or use -a")
        says(attl(server, "ping", env={"ATTL_PASSWORD": "sesame"}), 0, b"PONG\n", b"")
        says(attl(server, "-a", "sesame", "ping"), 0, b"PONG\n", b"")
        says(attl(server, "--resp2", "-a", "sesame", "ping"), 0, b"PONG\n", b"")
        says(attl(server, "--user", "default", "-a", "sesame", "ping"), 0, b"PONG\n", b"")
        says(attl(server, "-a", "wrong", "ping"), 1, b"", b"refused the password")
        says(attl(server, "--healthcheck"), 1, b"")
        says(attl(server, "--healthcheck", "-a", "sesame"), 0)
    silent = Listener(False)
    with subprocess.Popen([attl_path(), "-p", str(silent.port), "-a", "sesame", "ping"]) as process:
        wait_for(lambda: silent.open, "no connection")
        with open(f"/proc/{process.pid}/cmdline", "rb") as f:
            assert b"sesame" not in f.read()
        process.terminate()
    silent.close()


def test_help_and_version_need_no_server():
    closed = attl_server.free_port()
    result = attl(None, "--help", raw_port=closed)
    says(result, 0, err=b"")
    assert b"--timeout SECONDS" in result.stdout and b"Exit status" in result.stdout
    result = attl(None, "--version", raw_port=closed)
    assert re.fullmatch(rb"attl \d+\.\d+\.\d+\n", result.stdout), result
    assert b"deadline_ms" in attl(None, "help", "load", raw_port=closed).stdout


def check_help(server):
    result = attl(server, "help", "getrange")
    says(result, 0, err=b"")
    assert result.stdout.startswith(b"GETRANGE"), result.stdout
    says(attl(server, "help", "getrnge"), 64, b"", b"did you mean GETRANGE?")
    assert attl(server, "help", "config", "get").stdout.startswith(b"CONFIG GET")


# ---- load and dump ---------------------------------------------------------------------------------


def records(count):
    """Lines for load, a third of them with a deadline."""
    far_ms = int(time.time() * 1000) + 10_000_000
    for i in range(count):
        record = {"key": f"user:{i}", "value": f"value {i} é"}
        if i % 3 == 0:
            record["deadline_ms"] = far_ms + i
        yield record


def lines_of(path):
    with open(path, encoding="utf-8") as f:
        return sorted((json.loads(line) for line in f), key=lambda r: r.get("key") or r["key_b64"])


def same_records(got, wanted):
    """Says what differs rather than that something does."""
    got_lines, wanted_lines = ({json.dumps(r, sort_keys=True) for r in rs} for rs in (got, wanted))
    missing, surplus = sorted(wanted_lines - got_lines), sorted(got_lines - wanted_lines)
    assert not missing and not surplus and len(got) == len(wanted), \
        f"{len(got)} of {len(wanted)}; missing {missing[:3]}, surplus {surplus[:3]}"


def check_round_trip(server, folder):
    path = os.path.join(folder, "in.json")
    wanted = list(records(20_000)) + [
        {"key_b64": base64.b64encode(b"\xff\x00k").decode(), "value_b64": "gIGC"},
        {"key": "control\n\u0001", "value": "\u0000"}, {"key": "empty", "value": ""}]
    with open(path, "w", encoding="utf-8") as f:
        for record in wanted:
            f.write(json.dumps(record) + "\n")
    wanted.sort(key=lambda r: r.get("key") or r["key_b64"])
    attl(server, "flushall")
    says(attl(server, "load", path), 0, b"", b"loaded 20003 keys, refused 0")
    for name, arguments in (("out.json", []), ("out.resp", []), ("out2", ["--format", "resp"])):
        out = os.path.join(folder, name)
        says(attl(server, "dump", *arguments, out), 0, b"", b"dumped 20003 keys, skipped 0")
        assert not os.path.exists(out + ".part")
        attl(server, "flushall")
        says(attl(server, "load", out), 0, b"", b"refused 0")
        again = os.path.join(folder, "again.json")
        says(attl(server, "dump", again), 0)
        same_records(lines_of(again), wanted)
    result = attl(server, "dump", "--match", "user:1999*", "-")
    assert sorted(json.loads(line)["key"] for line in result.stdout.splitlines()) == sorted(
        ["user:1999"] + [f"user:1999{i}" for i in range(10)])


def check_refused_lines(server):
    data = b'{"key":"a","value":"1"}\nnonsense\n{"key":"b","value":"2","deadline":5}\n' \
           b'{"key":"c","value":"3"}\n'
    attl(server, "flushall")
    result = attl(server, "load", "-", data=data)
    says(result, 1, b"", b"standard input: line 2: column 1: expected '{'")
    assert b"line 3: column 34: unknown member 'deadline'" in result.stderr, result.stderr
    assert b"loaded 2 keys, refused 2" in result.stderr
    attl(server, "flushall")
    says(attl(server, "load", "--strict", "-", data=data), 1, b"", b"loaded 1 keys, refused 1")
    says(attl(server, "exists", "c"), 0, b"0\n")
    data = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n7\r\n*2\r\n$6\r\nNOSUCH\r\n$1\r\nx\r\n"
    says(attl(server, "load", "-", data=data), 1, b"",
         b"command 2: the server refused it: ERR unknown command")
    says(attl(server, "get", "a"), 0, b"7\n")


def check_mass_insertion(server, folder):
    path = os.path.join(folder, "mass.json")
    count = 200_000
    with open(path, "w", encoding="utf-8") as f:
        for i in range(count):
            f.write(f'{{"key":"mass:{i}","value":"{"x" * 64}","deadline_ms":{4 * 10**12 + i}}}\n')
    attl(server, "flushall")
    result = attl(server, "load", path)
    says(result, 0, b"", b"loaded 200000 keys, refused 0")
    says(attl(server, "dbsize"), 0, b"200000\n")
    print("    " + result.stderr.decode().strip())


def test_a_dump_of_attld_feeds_redis_cli():
    if not shutil.which("redis-server"):
        return
    with attl_server.Server(**BINARY) as server, RedisServer() as redis, \
            tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "keys.resp")
        says(attl(server, "set", "k\r\n", "v", "PX", "5000000"), 0)
        says(attl(server, "set", "m", "w"), 0)
        says(attl(server, "dump", path), 0)
        with open(path, "rb") as f:
            piped = subprocess.run(["redis-cli", "-p", str(redis.port), "--pipe"], stdin=f,
                                   capture_output=True, timeout=WAIT_S, check=False)
        assert b"errors: 0, replies: 2" in piped.stdout, piped
        same = attl(server, "pexpiretime", "k\r\n").stdout
        says(attl(redis, "pexpiretime", "k\r\n"), 0, same)


def test_other_types_are_skipped_and_told():
    if not shutil.which("redis-server"):
        return
    with RedisServer() as redis:
        attl(redis, "rpush", "list", "a")
        attl(redis, "set", "text", "b")
        result = attl(redis, "dump", "-")
        says(result, 1, b'{"key":"text","value":"b"}\n', b"skipped key 'list': WRONGTYPE")


def test_a_dump_interrupted_leaves_no_file():
    with attl_server.Server() as server, tempfile.TemporaryDirectory() as folder:
        data = b"".join(b'{"key":"%d","value":"x"}\n' % i for i in range(50_000))
        says(attl(server, "load", "-", data=data), 0)
        path = os.path.join(folder, "keys.json")
        with subprocess.Popen([attl_path(), "-p", str(server.port), "dump", path],
                              stderr=subprocess.PIPE) as process:
            wait_for(lambda: os.listdir(folder), "no file")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=WAIT_S)
            # It may have been faster than the signal; otherwise nothing may be left.
            assert (process.returncode, os.listdir(folder)) in ((130, []), (0, ["keys.json"]))


# ---- stat ------------------------------------------------------------------------------------------


def check_stat(server):
    attl(server, "flushall")
    attl(server, "set", "k", "v")
    result = attl(server, "stat", "-i", "0.05", "-n", "3")
    says(result, 0, err=b"")
    lines = result.stdout.splitlines()
    assert len(lines) == 4 and b"ops/s" in lines[0], lines
    assert all(len(line) == len(lines[0]) < 80 for line in lines), lines
    result = attl(server, "stat", "--json", "-i", "0.05", "-n", "2")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 2 and rows[1]["items"] == 1 and rows[1]["clients"] >= 1, rows
    assert rows[1]["commands_per_s"] > 0 and rows[0]["memory_bytes"] > 0


def test_stat_knows_how_late_expiry_is():
    with attl_server.Server() as server:
        for i in range(100):
            attl_server_set(server, i)
        result = attl(server, "stat", "--json", "-i", "0.5", "-n", "4")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        expired = [row for row in rows if row["expired_per_s"] > 0]
        assert expired and all(0 <= row["expire_lag_ms"] <= 2000 for row in expired), rows


def attl_server_set(server, i):
    with server.connect() as c:
        assert c.command("SET", f"k{i}", "v", "PX", 300) == b"OK"


# ---- on a terminal ---------------------------------------------------------------------------------


class Screen:
    """What a terminal without scrolling would show: enough of ECMA-48 for libedit under TERM=xterm."""
    SEQUENCE = re.compile(rb"\x1b\[([0-9;?]*)([@-~])|\x1b[=>]|\x1b\([A-Z0-9]")

    def __init__(self):
        self.rows = [bytearray()]
        self.row = self.column = 0
        self.pending = b""

    def feed(self, data):
        data = self.pending + data
        at = 0
        while at < len(data):
            if data[at] == 0x1b:
                match = self.SEQUENCE.match(data, at)
                if not match:
                    break  # the rest of it is still to come
                self.control(match)
                at = match.end()
            else:
                self.character(data[at])
                at += 1
        self.pending = data[at:]

    def control(self, match):
        count = int(match[1]) if match[1] and match[1].isdigit() else None
        row = self.rows[self.row]
        if match[2] == b"G":
            self.column = (count or 1) - 1
        elif match[2] == b"C":
            self.column += count or 1
        elif match[2] == b"D":
            self.column -= count or 1
        elif match[2] == b"A":
            self.row -= count or 1
        elif match[2] == b"K":
            del row[self.column:]
        elif match[2] == b"J":
            del row[self.column:]
            del self.rows[self.row + 1:]
        elif match[2] == b"P":
            del row[self.column:self.column + (count or 1)]
        elif match[2] == b"@":
            row[self.column:self.column] = b" " * (count or 1)

    def character(self, byte):
        if byte == 0x0d:
            self.column = 0
        elif byte == 0x0a:
            self.row += 1
            if self.row == len(self.rows):
                self.rows.append(bytearray())
        elif byte == 0x08:
            self.column -= 1
        elif byte >= 0x20:
            row = self.rows[self.row]
            row.extend(b" " * (self.column + 1 - len(row)))
            row[self.column] = byte
            self.column += 1

    def text(self, first_row=0):
        return b"\n".join(bytes(row).rstrip() for row in self.rows[first_row:])


class Terminal:
    """The tool on a pseudo-terminal of 100 columns."""

    def __init__(self, *args, env=None):
        self.home = tempfile.TemporaryDirectory(prefix="attl-test-home-")
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        full = {name: value for name, value in os.environ.items()
                if name not in ("NO_COLOR", "ATTL_PASSWORD")}
        full.update(TERM="xterm", XDG_STATE_HOME=self.home.name, HOME=self.home.name,
                    LC_ALL="C.UTF-8", **(env or {}))

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
        self.process = subprocess.Popen([attl_path(), *args], stdin=follower, stdout=follower,
                                        stderr=follower, env=full, start_new_session=True,
                                        preexec_fn=take_terminal)
        os.close(follower)
        self.seen = b""  # everything, as it came
        self.screen = Screen()
        self.mark = 0    # the row where typing began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_S)
        os.close(self.leader)
        self.home.cleanup()

    def type(self, text):
        """Types; what is expected next must be shown on this line or below."""
        self.mark = self.screen.row
        os.write(self.leader, text)

    def resize(self, columns):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def enter(self, line):
        """Types a whole line at the prompt. Before the prompt the terminal is not the editor's."""
        self.wait(self.at_prompt, "no prompt")
        self.type(line + b"\r")

    def at_prompt(self):
        return re.fullmatch(rb"\S.*> ", bytes(self.screen.rows[self.screen.row]).rstrip() + b" ")

    def read(self, timeout):
        readable, _, _ = select.select([self.leader], [], [], timeout)
        if not readable:
            return False
        try:
            data = os.read(self.leader, 65536)
        except OSError:
            return False  # the other end is closed
        self.seen += data
        self.screen.feed(data)
        return bool(data)

    def wait(self, condition, why):
        deadline = time.monotonic() + WAIT_S
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0 and (self.read(left) or self.process.poll() is None), \
                why + ":\n" + self.screen.text().decode(errors="replace")

    def expect(self, text):
        self.wait(lambda: text in self.screen.text(self.mark), f"{text!r} was not shown")

    def ends(self):
        deadline = time.monotonic() + WAIT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        while self.read(0.05):
            pass
        return self.process.wait(1)

    def leave(self):
        self.enter(b"exit")
        assert self.ends() == 0

    def history(self):
        path = os.path.join(self.home.name, "attl", "history")
        with open(path, "rb") as f:
            assert os.fstat(f.fileno()).st_mode & 0o777 == 0o600
            return f.read()


def check_prompt(server):
    with Terminal("-p", str(server.port)) as t:
        t.enter(b"set greeting 'hello there'")
        t.expect(b"127.0.0.1:%d> set greeting 'hello there'\nOK" % server.port)
        t.enter(b"get greeting")
        t.expect(b'"hello there"')
        t.enter(b"nosuch")
        t.expect(b"(error) ERR unknown command")
        assert b"\x1b[31m(error)" in t.seen
        t.enter(b'get "unclosed')
        t.expect(b"a quote is not closed")
        t.enter(b"config set requirepass")
        t.expect(b"(error)")
        t.enter(b"auth one two three four")
        t.expect(b"(error)")
        t.enter(b"help getrange")
        t.expect(b"since")
        t.resize(60)  # the signal that tells of it must not end the line
        t.enter("append greeting ' é€😀'".encode())
        t.expect(b"(integer) 21")
        t.enter(b"get greeting")
        t.expect('"hello there é€😀"'.encode())
        t.enter(b"help")
        t.expect(b"connect HOST [PORT]")
        t.leave()
        assert t.history() == ("set greeting 'hello there'\nget greeting\nnosuch\nhelp getrange\n"
                               "append greeting ' é€😀'\nget greeting\nhelp\nexit\n"
                               ).encode(), t.history()


def check_completion(server):
    with Terminal("-p", str(server.port)) as t:
        t.wait(t.at_prompt, "no prompt")
        t.type(b"GETRA\t")
        t.expect(b"> GETRANGE")
        t.type(b"\x15config r\t")  # control-U clears the line
        t.expect(b"> config re")
        t.type(b"\t")
        t.expect(b"resetstat  rewrite\n")
        t.type(b"\x15help conf\t")
        t.expect(b"> help config")
        t.type(b"\x15zzzz\t\x15ping\r")
        t.expect(b"PONG")
        t.enter(b"\x1b[A")  # the last line again
        t.expect(b"> ping\nPONG")
        t.wait(t.at_prompt, "no prompt")
        t.type(b"\x04")
        assert t.ends() == 0


def check_control_c(server):
    with Terminal("-p", str(server.port)) as t:
        t.wait(t.at_prompt, "no prompt")
        t.type(b"set never typed")
        t.expect(b"typed")
        t.type(b"\x03")
        t.enter(b"exists never")
        t.expect(b"(integer) 0")
        t.leave()
    silent = Listener(False)
    with Terminal("-p", str(silent.port), "--resp2") as t:
        wait_for(lambda: silent.open, "no connection")
        time.sleep(0.1)  # it now waits for the reply to COMMAND DOCS
        t.type(b"\x03")
        t.expect(b"interrupted")
        t.expect(b"not connected")
        t.leave()
    silent.close()


def check_hints(server):
    with Terminal("-p", str(server.port)) as t:
        t.wait(t.at_prompt, "no prompt")
        t.type(b"getrange ")
        t.expect(b" key start end")
        t.type(b"k ")
        t.wait(lambda: re.search(rb"> getrange k {20,}start end", t.screen.text()), "no hint")
        t.type(b"0 -1\r")
        t.expect(b'> getrange k 0 -1\n""')  # entering the line took the hint away
        t.leave()


def server_at(port):
    server = attl_server.Server(port=port)
    server.port = port
    return server


def test_the_prompt_survives_its_server():
    port = attl_server.free_port()
    with Terminal("-p", str(port)) as t:
        t.expect(b"is attld running?")
        t.expect(b"not connected")
        with server_at(port):
            t.enter(b"ping")
            t.expect(b"PONG\n127.0.0.1:%d>" % port)
        t.enter(b"ping")
        t.expect(b"closed the connection")
        t.expect(b"\nnot connected")
        with server_at(port) as server, attl_server.Server() as other:
            t.enter(b"set k 1")
            t.expect(b"OK")
            t.enter(b"connect localhost %d" % other.port)
            t.expect(b"\nlocalhost:%d>" % other.port)
            t.enter(b"get k")
            t.expect(b"(nil)")
            t.enter(b"connect")
            t.expect(b"usage: connect HOST [PORT]")
            says(attl(server, "get", "k"), 0, b"1\n")
            t.leave()


def test_colours_stay_off_when_asked():
    with attl_server.Server() as server:
        with Terminal("-p", str(server.port), "get", env={"NO_COLOR": "1"}) as t:
            assert t.ends() == 1
            assert b"(error)" in t.seen and b"\x1b" not in t.seen, t.seen
        with Terminal("-p", str(server.port), "get", "k") as t:
            assert t.ends() == 0
            assert t.seen == b"\x1b[2m(nil)\x1b[0m\r\n", t.seen


def test_on_a_terminal_stat_draws_in_place_and_load_shows_progress():
    with attl_server.Server() as server, tempfile.TemporaryDirectory() as folder:
        with Terminal("-p", str(server.port), "stat", "-i", "0.1") as t:
            t.expect(b"ops/s")
            t.wait(lambda: b"\x1b[K\r" in t.seen, "not drawn twice")
            t.type(b"\x03")
            assert t.ends() == 0
            assert t.seen.count(b"\n") == 2, t.seen  # after the header, and at the end
        path = os.path.join(folder, "keys.json")
        with open(path, "wb") as f:
            for i in range(300_000):
                f.write(b'{"key":"%d","value":"x"}\n' % i)
        with Terminal("-p", str(server.port), "load", path) as t:
            assert t.ends() == 0
            assert b"\r[" in t.seen and b" keys  " in t.seen, t.seen
            assert b"loaded 300000 keys, refused 0" in t.seen


# ----------------------------------------------------------------------------------------------------

CHECKS = (check_replies, check_errors, check_binary, check_pipe, check_unix_socket,
          check_healthcheck, check_help, check_refused_lines, check_stat, check_prompt,
          check_completion, check_control_c, check_hints)
CHECKS_WITH_FOLDER = (check_round_trip, check_mass_insertion)


def against(name, serve):
    """A test for each check, against a server of its own kind."""
    def make(check, with_folder):
        def test():
            with serve() as server, tempfile.TemporaryDirectory() as folder:
                check(*((server, folder) if with_folder else (server,)))
        test.__name__ = f"{check.__name__[len('check_'):]}_of_{name}"
        return test
    return [make(c, False) for c in CHECKS] + [make(c, True) for c in CHECKS_WITH_FOLDER]


def main():
    attl_path()
    tests = [f for name, f in globals().items() if name.startswith("test_")]
    tests += against("attld", lambda: attl_server.Server(**BINARY))
    if shutil.which("redis-server"):
        tests += against("redis", RedisServer)
    else:
        print("no redis-server: checked against attld only")
    wanted = sys.argv[1:]
    return attl_server.run([t for t in tests if not wanted or any(w in t.__name__ for w in wanted)])


if __name__ == "__main__":
    sys.exit(main())

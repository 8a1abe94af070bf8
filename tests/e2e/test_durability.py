# SPDX-License-Identifier: BSD-2-Clause
"""What survives: restarts, kill -9, a full disk, damaged files, and going back in time.

Each test has a data directory of its own and starts attld on it more than once. A load is some
connections that each write a growing number to a key of their own, so that what was acknowledged, and
in which order, is known exactly. The whole file skips where attld has no log.
"""
import glob
import os
import subprocess
import sys
import tempfile
import threading
import time

from attl_server import SKIP, Client, Error, attld_path, encode, run, sanitized
from durable import READY_S, Durable, SmallDisk, has_log, wait_for

SLOW = 4 if sanitized() else 1
KILL_ROUNDS = 4
LOAD_S = 1.0
WRITERS = 4
EX_DATAERR, EX_TEMPFAIL = 65, 75


def fill(client, count, prefix="k", value=b"v" * 20, batch=1000):
    """`count` keys, in pipelines."""
    for start in range(0, count, batch):
        end = min(start + batch, count)
        client.send(b"".join(encode("SET", f"{prefix}{i}", value) for i in range(start, end)))
        for _ in range(start, end):
            assert client.reply() == b"OK"


class Writer(threading.Thread):
    """Writes 1, 2, 3 ... to its own key and to keys of their own, and knows what was acknowledged."""

    def __init__(self, server, number, keep_all=False):
        super().__init__()
        self.key, self.keep_all = f"w{number}", keep_all
        self.client = server.connect()
        self.sent, self.acked, self.acked_at = 0, 0, []
        self.problem = None

    def run(self):
        depth = 1 if self.keep_all else 4
        try:
            while True:
                for _ in range(depth):
                    self.sent += 1
                    words = [encode("SET", self.key, self.sent)]
                    if self.keep_all:
                        words = [encode("SET", f"{self.key}:{self.sent}", self.sent)]
                    self.client.send(b"".join(words))
                for _ in range(depth):
                    reply = self.client.reply()
                    if isinstance(reply, Error):
                        self.problem = reply
                        return
                    self.acked += 1
                    self.acked_at.append(time.monotonic())
        except (OSError, EOFError):
            pass  # the server was killed
        finally:
            self.client.close()


def load_and_kill(server, seconds, writers=WRITERS, keep_all=False):
    """The writers, and when the server was killed."""
    threads = [Writer(server, i, keep_all) for i in range(writers)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    killed_at = time.monotonic()
    server.kill()
    for thread in threads:
        thread.join()
        assert thread.problem is None, thread.problem
        assert thread.acked > 0, "nothing was written"
    return threads, killed_at


def a_restart_keeps_data_and_deadlines():
    with Durable(fsync="everysec") as server:
        with server.connect() as c:
            assert c.command("SET", "plain", "1") == b"OK"
            assert c.command("SET", "long", "2", "EX", 1000) == b"OK"
            assert c.command("SET", "short", "3", "PX", 100) == b"OK"
            assert c.command("SET", "soon", "4", "PX", 3000 * SLOW) == b"OK"
            assert c.command("SET", "gone", "5") == b"OK"
            assert c.command("DEL", "gone") == 1
            assert c.command("APPEND", "plain", "23") == 3
            assert c.command("INCRBY", "number", 41) == 41
            assert c.command("INCR", "number") == 42
            assert c.command("MSET", "m1", "a", "m2", "b") == b"OK"
            assert c.command("RENAME", "m2", "m3") == b"OK"
            assert c.command("SET", "big", b"x" * 300000) == b"OK"
            deadlines = [c.command("PEXPIRETIME", key) for key in ("long", "soon")]
        server.stop()
        assert server.exit_code == 0
        time.sleep(0.2)
        server.restart()
        with server.connect() as c:
            assert c.command("GET", "plain") == b"123"
            assert c.command("GET", "number") == b"42"
            assert c.command("MGET", "m1", "m2", "m3") == [b"a", None, b"b"]
            assert c.command("GET", "gone") is None
            assert c.command("GET", "short") is None
            assert c.command("GET", "big") == b"x" * 300000
            assert [c.command("PEXPIRETIME", key) for key in ("long", "soon")] == deadlines
            while time.time() * 1000 < deadlines[1]:
                time.sleep(0.01)
            assert c.command("GET", "soon") is None
            assert c.command("FLUSHALL") == b"OK"
        server.stop()
        server.restart()
        with server.connect() as c:
            assert c.command("DBSIZE") == 0


def always_loses_nothing_that_was_acknowledged():
    with Durable(fsync="always") as server:
        base = {}
        for _ in range(KILL_ROUNDS):
            writers, _ = load_and_kill(server, LOAD_S)
            server.restart()
            with server.connect() as c:
                for w in writers:
                    value = int(c.command("GET", w.key) or 0)
                    assert w.acked <= value <= w.sent, \
                        f"{w.key}: {w.acked} acknowledged, {value} there, {w.sent} sent"
                    base[w.key] = value


def a_held_reply_says_so():
    with Durable(fsync="always") as server:
        with server.connect() as c:
            for i in range(50):
                assert c.command("SET", "a", i) == b"OK"
            stats = server.persistence()
            assert int(stats["attl_durable_lsn"]) == int(stats["attl_next_lsn"]), stats
            assert int(stats["attl_unsynced_bytes"]) == 0
            assert int(server.info("attl")["attl_replies_held"]) > 0
            assert c.command("ATTL.LOG", "SYNC") == b"OK"
            assert c.command("CONFIG", "GET", "appendonly") == [b"appendonly", b"yes"]
            # A whole pipeline waits once, and in order.
            c.send(b"".join(encode("SET", "p", i) + encode("GET", "p") for i in range(500)))
            for i in range(500):
                assert c.reply() == b"OK"
                assert c.reply() == str(i).encode()


def everysec_loses_two_seconds_at_most():
    with Durable(fsync="everysec") as server:
        (w,), killed_at = load_and_kill(server, 2.5, writers=1, keep_all=True)
        server.restart()
        there = survivors(server, w)
        old = sum(1 for at in w.acked_at if at < killed_at - 2)
        assert there >= old, f"{old} are older than two seconds, {there} are there"


def no_leaves_a_prefix():
    with Durable(fsync="no") as server:
        for _ in range(2):
            (w,), _ = load_and_kill(server, 0.7, writers=1, keep_all=True)
            server.restart()
            survivors(server, w)
            with server.connect() as c:
                assert c.command("FLUSHALL") == b"OK"
                assert c.command("ATTL.LOG", "SYNC") == b"OK"


def survivors(server, w):
    """How many of the writer's changes are there; they must be the first ones."""
    with server.connect() as c:
        for i in range(1, w.sent + 1):
            c.send(encode("GET", f"{w.key}:{i}"))
        values = [c.reply() for i in range(w.sent)]
    count = sum(value is not None for value in values)
    for i, value in enumerate(values):
        wanted = str(i + 1).encode() if i < count else None
        assert value == wanted, f"change {i + 1} of {count}: {value}"
    return count


def clients_are_told_while_it_loads():
    count = 400000 // SLOW
    with Durable(fsync="no", threads=1) as server:
        with server.connect() as c:
            fill(c, count, value=b"v" * 50)
        server.stop()
        with open(server.log_path, "ab") as log:
            # pylint: disable=consider-using-with
            server.process = subprocess.Popen(server.argv, env=server.env, stdout=log, stderr=log,
                                              stdin=subprocess.DEVNULL)
        seen = watch_loading(server)
        took_ms = int(server.persistence()["attl_recovery_ms"])
        assert seen or took_ms < 200, f"no -LOADING in {took_ms} ms"
        with server.connect() as c:
            assert c.command("DBSIZE") == count + 1  # the watcher's own key


def watch_loading(server):
    """Whether -LOADING was seen before commands worked."""
    client = wait_for(lambda: try_connect(server), "a listener")
    seen = False
    with client as c:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            reply = c.command("SET", "a", "1")
            if reply == b"OK":
                return seen
            assert reply == b"LOADING Redis is loading the dataset in memory", reply
            text = c.command("INFO", "persistence").decode()
            if "\r\nloading:1\r\n" in text:
                seen = True
                assert "\r\nloading_total_bytes:" in text, text
            assert c.command("CONFIG", "GET", "port")[0] == b"port"
    raise AssertionError("it loads for ever")


def try_connect(server):
    assert server.process.poll() is None, server.log()
    try:
        return Client(("127.0.0.1", server.port))
    except OSError:
        return None


def snapshots_on_request():
    with Durable(fsync="everysec") as server:
        with server.connect() as c:
            fill(c, 5000)
            before = int(time.time()) - 1
            assert c.command("BGSAVE") == b"Background saving started"
            wait_for(lambda: server.persistence()["rdb_bgsave_in_progress"] == "0", "BGSAVE")
            assert c.command("LASTSAVE") >= before
            stats = server.persistence()
            assert stats["rdb_last_bgsave_status"] == "ok"
            assert stats["attl_last_snapshot_entries"] == "5000"
            fill(c, 100, prefix="more")
            assert int(server.persistence()["rdb_changes_since_last_save"]) == 100
            assert c.command("SAVE") == b"OK"
            assert server.persistence()["rdb_changes_since_last_save"] == "0"
            assert c.command("BGREWRITEAOF") == b"Background append only file rewriting started"
            wait_for(lambda: server.persistence()["aof_rewrite_in_progress"] == "0", "BGREWRITEAOF")
            rows = [dict(zip(row[::2], row[1::2])) for row in c.command("ATTL.SNAPSHOT", "LIST")]
            assert [row[b"entries"] for row in rows] == [5000, 5100, 5100], rows
            assert all(row[b"bytes"] > 0 for row in rows)
            assert isinstance(c.command("ATTL.RETENTION", "DRYRUN"), list)
            fill(c, 10, prefix="tail")
        server.stop()
        server.restart()
        with server.connect() as c:
            assert c.command("DBSIZE") == 5110
            assert c.command("GET", "tail9") == b"v" * 20
            c.send(encode("SHUTDOWN", "SAVE"))
            assert c.rest_until_close() == b""
        server.exit_code = server.process.wait(30)
        server.process = None
        assert server.exit_code == 0
        server.restart()
        stats = server.persistence()
        assert int(stats["attl_replay_bytes"]) < 1 << 20


def a_rollback_undoes_a_flush_and_itself():
    with Durable(fsync="everysec") as server:
        with server.connect() as c:
            fill(c, 300)
            time.sleep(0.05)
            seconds, micros = (int(part) for part in c.command("TIME"))
            good_ms = seconds * 1000 + micros // 1000
            time.sleep(0.05)
            assert c.command("FLUSHALL") == b"OK"
            assert c.command("SET", "new", "1") == b"OK"
            dry = report(c, "ATTL.ROLLBACK", "TO", good_ms, "DRYRUN")
            assert (dry["restored"], dry["removed"], dry["dry_run"]) == (300, 1, 1), dry
            assert c.command("DBSIZE") == 1
            done = report(c, "ATTL.ROLLBACK", "TO", good_ms)
            assert (done["restored"], done["removed"]) == (300, 1), done
            assert c.command("DBSIZE") == 300
            assert c.command("GET", "k299") == b"v" * 20
            assert c.command("GET", "new") is None
            undone = report(c, "ATTL.ROLLBACK", "TO", done["safety_snapshot"])
            assert (undone["restored"], undone["removed"]) == (1, 300), undone
            assert c.command("GET", "new") == b"1"
            redone = report(c, "ATTL.ROLLBACK", "TO", undone["safety_snapshot"])
            assert redone["restored"] == 300, redone
            for words in (("TO", "2999-01-01T00:00:00Z"), ("TO", "-5x"), ("TO", "nosuch"),
                          ("TO", "lsn:999999999"), ("TO", "1970-01-02T00:00:00Z")):
                assert isinstance(c.command("ATTL.ROLLBACK", *words), Error), words
        server.kill()
        time.sleep(0.1)
        server.restart()
        with server.connect() as c:
            assert c.command("GET", "new") is None
            assert c.command("DBSIZE") == 300


def report(client, *words):
    reply = client.command(*words)
    assert not isinstance(reply, Error), reply
    pairs = zip(reply[::2], reply[1::2])
    return {name.decode(): value.decode() if isinstance(value, bytes) else value
            for name, value in pairs}


def a_full_disk_refuses_writes_and_recovers_by_itself():
    with SmallDisk(24) as disk:
        if not disk.mounted:
            print("skip: a tmpfs cannot be mounted here")
            return
        data = os.path.join(disk.path, "data")
        os.mkdir(data, 0o700)
        ballast = os.path.join(disk.path, "ballast")
        with open(ballast, "wb") as f:
            f.write(b"\0" * (12 << 20))
        options = {"persist.dir": data, "persist.segment_size": "1MiB", "fsync": "always"}
        with Durable(**options) as server:
            acked = write_until_full(server)
            with server.connect() as c:
                assert c.command("GET", "d0") == b"x" * 10000
                stats = server.persistence()
                assert stats["aof_last_write_status"] == "err", stats
                assert int(stats["attl_log_errors"]) > 0
                os.remove(ballast)
                wait_for(lambda: c.command("SET", "after", "1") == b"OK", "writes come back")
                assert c.command("SET", "last", "1") == b"OK"
            wait_for(lambda: server.persistence()["attl_log_state"] == "writing", "the log writes")
            server.kill()
            server.restart()
            with server.connect() as c:
                for i in acked:
                    assert c.command("STRLEN", f"d{i}") == 10000, f"d{i} was acknowledged"
                assert c.command("GET", "last") == b"1"


def write_until_full(server):
    """The numbers of the writes that were acknowledged."""
    acked = []
    with server.connect(timeout=30) as c:
        for i in range(5000):
            reply = c.command("SET", f"d{i}", b"x" * 10000)
            if reply == b"OK":
                acked.append(i)
                continue
            assert reply.startswith(b"MISCONF "), reply
            assert c.command("PING") == b"PONG"
            return acked
    raise AssertionError("the disk is not full after 50 MB")


def damage_in_the_middle_is_refused_and_named():
    options = {"persist.segment_size": "64KiB", "fsync": "always",
               "persist.snapshot_log_size": "0"}
    with Durable(**options) as server:
        with server.connect() as c:
            fill(c, 5000, value=b"y" * 100)
        server.kill()
        segments = sorted(glob.glob(os.path.join(server.dir.name, "wal-[0-9a-f]*.attl")))
        segments = [s for s in segments if not s.endswith("wal-next.attl")]
        assert len(segments) > 4, segments
        broken = segments[len(segments) // 2]
        with open(broken, "r+b") as f:
            f.seek(30000)
            byte = f.read(1)
            f.seek(30000)
            f.write(bytes([byte[0] ^ 0x55]))
        text, code = run_to_end(server)
        assert code == EX_DATAERR, f"{code}: {text}"
        assert os.path.basename(broken) in text, text
        assert "recover=prefix" in text, text
        server.restart(recover="prefix")
        with server.connect() as c:
            there = c.command("DBSIZE")
            assert 0 < there < 5000
            assert c.command("EXISTS", *[f"k{i}" for i in range(there)]) == there
            assert c.command("SET", "and", "on") == b"OK"


def run_to_end(server):
    """Output and exit code of a server that does not stay."""
    done = subprocess.run(server.argv, env=server.env, stdin=subprocess.DEVNULL, timeout=READY_S,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace"), done.returncode


def a_directory_has_one_server():
    with Durable(fsync="everysec") as server:
        argv = [attld_path(), "--port=0", "--admin-port=0", f"--unixsocket={server.dir.name}/second",
                f"--dir={server.dir.name}", "--fsync=everysec"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=READY_S, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = done.stdout.decode(errors="replace")
        assert done.returncode == EX_TEMPFAIL, f"{done.returncode}: {text}"
        assert server.dir.name in text and "cannot open the cache" in text, text
        with server.connect() as c:
            assert c.command("SET", "a", "1") == b"OK"


def nothing_is_kept_unless_asked_for():
    with tempfile.TemporaryDirectory(prefix="attl-cwd-") as cwd:
        unix = os.path.join(cwd, "s")
        # pylint: disable=consider-using-with
        process = subprocess.Popen([os.path.abspath(attld_path()), "--port=0", "--admin-port=0",
                                    f"--unixsocket={unix}"],
                                   cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: os.path.exists(unix), "the socket")
            with Client(unix) as c:
                assert c.command("SET", "a", "1") == b"OK"
                reply = c.command("SAVE")
                assert reply.startswith(b"ERR there is no data directory"), reply
                assert c.command("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]
        finally:
            process.terminate()
            process.wait(30)
        assert process.returncode == 0
        assert os.listdir(cwd) == [], os.listdir(cwd)


TESTS = [
    nothing_is_kept_unless_asked_for,
    a_restart_keeps_data_and_deadlines,
    always_loses_nothing_that_was_acknowledged,
    a_held_reply_says_so,
    everysec_loses_two_seconds_at_most,
    no_leaves_a_prefix,
    clients_are_told_while_it_loads,
    snapshots_on_request,
    a_rollback_undoes_a_flush_and_itself,
    a_full_disk_refuses_writes_and_recovers_by_itself,
    damage_in_the_middle_is_refused_and_named,
    a_directory_has_one_server,
]


if __name__ == "__main__":
    if not has_log():
        print("skip: attld was built without its log (attl_log_enabled is not 1)")
        sys.exit(SKIP)
    sys.exit(run(TESTS))

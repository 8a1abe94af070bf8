#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Users and permissions over the wire.

What rules mean is compared with a redis-server where one is installed: the same requests to both, the
same answers, apart from texts that changed between 7.0 and 7.2. The rest is ours alone: changes reach
live connections at once, deleted users are disconnected, files are all or nothing, redis-cli works.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from attl_server import Client, Error, Server, free_port, run

# Both servers get these, in order.
COMPARED = """
ACL WHOAMI
ACL USERS
ACL LIST
ACL GETUSER default
ACL GETUSER nobody
ACL SETUSER bob
ACL LIST
ACL SETUSER bob on >secret ~a:* %R~r:* %W~w:* &news* +get +set +mget +publish +subscribe +psubscribe
ACL GETUSER bob
ACL LIST
ACL SETUSER bob +nosuch
ACL SETUSER bob +@nosuch
ACL SETUSER bob -get|x
ACL SETUSER bob +config|nosuch
ACL SETUSER bob +config|get|x
ACL SETUSER bob +select|
ACL SETUSER bob ~* ~b
ACL SETUSER bob &* &b
ACL SETUSER bob <wrong
ACL SETUSER bob #abc
ACL SETUSER bob !abc
ACL SETUSER bob %~x
ACL SETUSER bob %RR~x
ACL SETUSER bob nonsense
ACL SETUSER bob (+get
ACL SETUSER bob (+nosuch ~x)
ACL GETUSER bob
ACL DRYRUN bob get a:1
ACL DRYRUN bob get r:1
ACL DRYRUN bob set w:1 x
ACL DRYRUN bob set a:1 x GET
ACL DRYRUN nobody get a
ACL DRYRUN bob nosuch a
ACL DELUSER default
ACL DELUSER nobody
ACL SETUSER sel on nopass ~x +get (~y +set) (%R~z +get)
ACL GETUSER sel
ACL DRYRUN sel get x
ACL DRYRUN sel set y v
ACL DRYRUN sel get z
ACL SETUSER sel clearselectors
ACL GETUSER sel
ACL SETUSER many +@all -config
ACL SETUSER one +config|get +select|0
ACL LIST
ACL SETUSER one reset
ACL LIST
ACL CAT nosuch
ACL CAT transaction
ACL LOAD
ACL SAVE
ACL GENPASS 0
ACL GENPASS 4097
ACL GENPASS x
ACL LOG
ACL LOG x
ACL LOG RESET
ACL NOSUCH
ACL CAT a b
AUTH x
AUTH bob wrong
AUTH bob secret
ACL WHOAMI
SET a:1 1
GET a:1
GET r:1
SET w:1 1
MGET a:1 r:1
""".strip().splitlines()

# The same requests by bob: only whether they are refused is compared, the texts differ by version.
AS_BOB = """
GET w:1
SET r:1 x
SET b x
MGET a:1 b
MSET a:1 1
DEL a:1
EXISTS a:1
PING
CONFIG GET port
PUBLISH news1 x
PUBLISH other x
SUBSCRIBE other
PSUBSCRIBE news*
PSUBSCRIBE new*
ACL WHOAMI
MULTI
HELLO 2
""".strip().splitlines()


class Redis:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="attl-acl-")
        self.port = free_port()
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--dir", self.dir.name],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                Client(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("redis-server does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()


def plain(reply):
    if isinstance(reply, Error):
        return ("error", bytes(reply))
    if isinstance(reply, list):
        return [plain(item) for item in reply]
    return reply


def test_rules_mean_what_they_mean_in_redis():
    if not shutil.which("redis-server"):
        print("     no redis-server: nothing to compare with")
        return
    different = []
    with Server() as server, Redis() as redis, server.connect() as ours, \
            Client(("127.0.0.1", redis.port)) as theirs:
        for line in COMPARED:
            words = line.split(" ")
            a, b = plain(ours.command(*words)), plain(theirs.command(*words))
            if a != b and not known_difference(line, a, b):
                different.append(f"{line}\n     ours   {a}\n     theirs {b}")
        for line in AS_BOB:
            with server.connect() as c, Client(("127.0.0.1", redis.port)) as d:
                assert c.command("AUTH", "bob", "secret") == b"OK"
                assert d.command("AUTH", "bob", "secret") == b"OK"
                a, b = c.command(*line.split(" ")), d.command(*line.split(" "))
                if isinstance(a, Error) != isinstance(b, Error) or \
                        (isinstance(a, Error) and a[:6] != b[:6]):
                    different.append(f"{line}\n     ours   {a}\n     theirs {b}")
    assert not different, "\n".join(different)


def known_difference(line, ours, theirs):
    """What Redis 7.2 answers otherwise than the 7.0 that may be installed."""
    if line == "ACL CAT transaction":
        return sorted(ours) == sorted(theirs)
    if line.startswith("ACL DRYRUN"):
        # 7.2 names the user.
        text = theirs if isinstance(theirs, bytes) else b""
        return isinstance(ours, bytes) and \
            ours.replace(b"User bob", b"This user").replace(b"User sel", b"This user") == \
            text.replace(b"'acl|dryrun'", b"'" + line.split()[3].encode() + b"'")
    if line == "ACL WHOAMI":  # refused to bob: 7.2 names the user
        return theirs == ("error", ours[1].replace(b"User bob", b"this user"))
    if line == "ACL LIST" or line.startswith("ACL GETUSER"):
        # 7.0 has commands in an order of its own, and sanitize-payload only after a reset.
        return normal_rules(ours) == normal_rules(theirs)
    return False


def normal_rules(reply):
    """Rules in alphabetical order, without sanitize-payload."""
    if isinstance(reply, bytes):
        return sorted(word for word in reply.split(b" ") if word != b"sanitize-payload")
    if isinstance(reply, list):
        return [normal_rules(item) for item in reply if item != b"sanitize-payload"]
    return reply


def test_a_change_reaches_live_connections_at_once():
    with Server(threads=2) as server, server.connect() as admin:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+@all", "~*", "&*")
        with server.connect() as one, server.connect() as two:
            for c in (one, two):
                assert c.command("AUTH", "bob", "x") == b"OK"
                assert c.command("SET", "k", "1") == b"OK"
            assert admin.command("ACL", "SETUSER", "bob", "-set") == b"OK"
            for c in (one, two):
                assert c.command("SET", "k", "2").startswith(b"NOPERM User bob has no permissions")
                assert c.command("GET", "k") == b"1"
            assert admin.command("ACL", "SETUSER", "bob", "resetkeys", "~z*") == b"OK"
            assert one.command("GET", "k") == b"NOPERM No permissions to access a key"
            assert one.command("GET", "z") is None
            # Deleted and made again under the same name: the connections are another user's.
            assert admin.command("ACL", "DELUSER", "bob") == 1
            assert admin.command("ACL", "SETUSER", "bob", "on", "nopass", "+@all", "~*") == b"OK"
            for c in (one, two):
                try:
                    reply = c.command("GET", "z")
                    raise AssertionError(f"still there: {reply}")
                except (EOFError, ConnectionError):
                    pass


def test_the_default_user_can_be_restricted_while_it_is_connected():
    with Server() as server, server.connect() as admin, server.connect() as other:
        assert other.command("SET", "a", "1") == b"OK"
        admin.command("ACL", "SETUSER", "root", "on", ">x", "+@all", "~*", "&*")
        assert admin.command("AUTH", "root", "x") == b"OK"
        assert admin.command("ACL", "SETUSER", "default", "-@all", "+ping", "+get") == b"OK"
        assert other.command("SET", "a", "2").startswith(b"NOPERM User default")
        assert other.command("GET", "a") == b"1"
        assert other.command("RESET") == b"RESET"
        assert other.command("SET", "a", "2").startswith(b"NOPERM User default")
        assert admin.command("ACL", "SETUSER", "default", "+@all") == b"OK"
        assert other.command("SET", "a", "2") == b"OK"
        assert admin.command("ACL", "SETUSER", "default", "off") == b"OK"
        with server.connect() as stranger:
            assert stranger.command("GET", "a") == b"NOAUTH Authentication required."
            assert stranger.command("AUTH", "root", "x") == b"OK"
        assert admin.command("ACL", "SETUSER", "default", "on", "nopass") == b"OK"


def test_transactions_are_checked_when_queued_and_when_run():
    with Server() as server, server.connect() as admin, server.connect() as c:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+@all", "-flushall", "~a*", "&*")
        c.command("AUTH", "bob", "x")
        assert c.command("MULTI") == b"OK"
        assert c.command("SET", "b", "1").startswith(b"NOPERM")
        assert c.command("EXEC").startswith(b"EXECABORT")
        assert c.command("MULTI") == b"OK"
        assert c.command("SET", "a1", "1") == b"QUEUED"
        assert c.command("GET", "a1") == b"QUEUED"
        assert admin.command("ACL", "SETUSER", "bob", "-set") == b"OK"
        replies = c.command("EXEC")
        assert replies[0].startswith(b"NOPERM ACLs rules changed between the moment"), replies
        assert replies[1] is None
        entries = admin.command("ACL", "LOG")
        assert {e[e.index(b"context") + 1] for e in entries} == {b"multi", b"toplevel"}, entries


def test_erasing_keeps_to_the_patterns():
    with Server(fsync="everysec") as server, server.connect(60) as admin, server.connect(60) as c:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+@all", "~app:*")
        for key in ("app:1", "app:2", "other:1"):
            admin.command("SET", key, "v")
        c.command("AUTH", "bob", "x")
        for words in (("KEY", "other:1"), ("KEY", "app:1", "other:1", "NOW"), ("PREFIX", "app"),
                      ("PREFIX", "other:", "NOW"), ("MATCH", "app:*")):
            assert c.command("ATTL.ERASE", *words).startswith(b"NOPERM"), words
        assert admin.command("EXISTS", "app:1", "app:2", "other:1") == 3
        assert not isinstance(c.command("ATTL.ERASE", "KEY", "app:1", "NOW"), Error)
        assert not isinstance(c.command("ATTL.ERASE", "PREFIX", "app:", "NOW"), Error)
        assert admin.command("EXISTS", "app:1", "app:2", "other:1") == 1


def test_refusals_are_recorded():
    with Server(**{"acl.log_max_len": 3}) as server, server.connect() as admin, \
            server.connect() as c:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+get", "+publish", "~a")
        assert c.command("AUTH", "bob", "wrong").startswith(b"WRONGPASS")
        assert c.command("AUTH", "bob", "x") == b"OK"
        c.command("GET", "secret-key")
        c.command("GET", "secret-key")
        c.command("SET", "a", "1")
        c.command("PUBLISH", "ch", "1")
        log = [dict(zip(e[::2], e[1::2])) for e in admin.command("ACL", "LOG")]
        assert [e[b"reason"] for e in log] == [b"channel", b"command", b"key"], log
        assert [e[b"object"] for e in log] == [b"ch", b"set", b"secret-key"]
        assert log[2][b"count"] == 2 and log[2][b"username"] == b"bob"
        assert b"user=bob" in log[2][b"client-info"]
        assert len(admin.command("ACL", "LOG", "1")) == 1
        stats = server.info("stats")
        assert stats["acl_access_denied_auth"] == "1" and stats["acl_access_denied_key"] == "2"
        assert admin.command("ACL", "LOG", "RESET") == b"OK"
        assert admin.command("ACL", "LOG") == []


def test_subscribers_that_may_not_hear_any_more_are_disconnected():
    with Server() as server, server.connect() as admin:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+@all", "&a*", "&b*")
        with server.connect() as a, server.connect() as b, server.connect() as idle:
            for c in (a, b, idle):
                assert c.command("AUTH", "bob", "x") == b"OK"
            a.command("SUBSCRIBE", "a1")
            b.command("SUBSCRIBE", "b1")
            assert admin.command("ACL", "SETUSER", "bob", "resetchannels", "&a*") == b"OK"
            assert b.rest_until_close() == b""
            assert admin.command("PUBLISH", "a1", "x") == 1
            assert a.reply() == [b"message", b"a1", b"x"]
            assert idle.command("PING") == b"PONG"


def test_files_are_read_at_the_start_and_replaced_as_a_whole():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "users.acl")
        with open(path, "w", encoding="ascii") as f:
            f.write("user admin on >x +@all ~* &*\nuser default off\n")
        with ServerWithUsers(path) as server:
            with server.connect() as c:
                assert c.command("GET", "a").startswith(b"NOAUTH")
                assert c.command("AUTH", "admin", "x") == b"OK"
                assert c.command("ACL", "SETUSER", "bob", "on", ">pw", "+get", "~a") == b"OK"
                assert c.command("ACL", "SAVE") == b"OK"
                assert os.stat(path).st_mode & 0o777 == 0o600
                text = open(path, encoding="ascii").read()
                assert "user bob on sanitize-payload #" in text and "pw" not in text
                with open(path, "a", encoding="ascii") as f:
                    f.write("user eve +nosuch\n")
                reply = c.command("ACL", "LOAD")
                assert b"users.acl:4: '+nosuch'" in reply, reply
                assert c.command("ACL", "USERS") == [b"admin", b"bob", b"default"]
                with open(path, "w", encoding="ascii") as f:
                    f.write("user admin on >x +@all ~* &*\nuser default off\n")
                with server.connect() as bob:
                    assert bob.command("AUTH", "bob", "pw") == b"OK"
                    assert c.command("ACL", "LOAD") == b"OK"
                    assert bob.rest_until_close() == b""
                assert c.command("ACL", "WHOAMI") == b"admin"
        with open(path, "w", encoding="ascii") as f:
            f.write("user admin on\nuser bob +get +nosuch\n")
        failed = Server(**{"acl.file": path})
        try:
            failed.start()
            raise AssertionError("a wrong file was accepted")
        except AssertionError as problem:
            assert "users.acl:2: '+nosuch'" in str(problem), problem
        finally:
            failed.dir.cleanup()


class ServerWithUsers(Server):
    """A server whose default user is off: it is ready when it answers at all."""

    def __init__(self, path):
        super().__init__(**{"acl.file": path})

    def connect(self, timeout=10):
        client = super().connect(timeout)
        if not self.ready:
            client.command("AUTH", "admin", "x")
        return client

    ready = False

    def start(self):
        super().start()
        self.ready = True
        return self


def test_redis_cli_logs_in():
    if not shutil.which("redis-cli"):
        return
    with Server() as server, server.connect() as admin:
        admin.command("ACL", "SETUSER", "bob", "on", ">secret", "+@all", "~*")
        out = subprocess.run(["redis-cli", "-p", str(server.port), "--user", "bob", "--pass",
                              "secret", "--no-auth-warning", "ACL", "WHOAMI"],
                             capture_output=True, check=True, timeout=20).stdout
        assert out.strip() == b"bob", out


def test_clients_are_listed_and_killed_by_user():
    with Server() as server, server.connect() as admin, server.connect() as c:
        admin.command("ACL", "SETUSER", "bob", "on", ">x", "+@all")
        reply = c.command("HELLO", "3", "AUTH", "bob", "x")
        assert isinstance(reply, dict), reply
        assert b" user=bob " in admin.command("CLIENT", "LIST")
        assert b" user=default " in admin.command("CLIENT", "INFO")
        assert admin.command("CLIENT", "KILL", "USER", "nobody").startswith(b"ERR No such user")
        assert admin.command("CLIENT", "KILL", "USER", "bob") == 1
        assert c.rest_until_close() == b""


def test_requirepass_is_the_password_of_the_default_user():
    with Server(requirepass="first") as server, server.connect() as c:
        assert c.command("AUTH", "first") == b"OK"
        listed = c.command("ACL", "LIST")
        assert listed[0].startswith(b"user default on sanitize-payload #"), listed
        assert c.command("CONFIG", "SET", "requirepass", "second") == b"OK"
        with server.connect() as d:
            assert d.command("AUTH", "first").startswith(b"WRONGPASS")
            assert d.command("AUTH", "default", "second") == b"OK"
        assert c.command("CONFIG", "SET", "requirepass", "") == b"OK"
        with server.connect() as d:
            assert d.command("PING") == b"PONG"
            assert d.command("AUTH", "x").startswith(b"ERR AUTH <password> called without")
        server.password = None


if __name__ == "__main__":
    sys.exit(run([value for name, value in list(globals().items())
                  if name.startswith("test_") and callable(value)]))

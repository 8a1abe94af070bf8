#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""TLS: python's ssl, openssl s_client, redis-cli and attl against attld."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

from attl_server import SKIP, Client, Server, attld_path, free_port, run
from certificates import make_files, path


def options(port, **more):
    settings = {"tls-port": port, "tls.cert_file": path("server.crt"),
                "tls.key_file": path("server.key"), "tls.ca_file": path("ca.crt"),
                "tls.auth_clients": "no"}
    settings.update({name.replace("__", "."): value for name, value in more.items()})
    return settings


class TlsServer(Server):
    def __init__(self, **more):
        self.tls_port = free_port()
        super().__init__(**options(self.tls_port, **more))

    def context(self, certificate=None):
        context = ssl.create_default_context(cafile=path("ca.crt"))
        if certificate:
            context.load_cert_chain(path(certificate + ".crt"), path(certificate + ".key"))
        return context

    def secure(self, context=None, timeout=10):
        client = Client(("127.0.0.1", self.tls_port), timeout)
        client.socket = (context or self.context()).wrap_socket(client.socket,
                                                                server_hostname="localhost")
        return client


def refused(function):
    """Whether the server ends the connection instead of answering."""
    try:
        with function() as c:
            reply = c.command("PING")
            return reply != b"PONG"
    except (ssl.SSLError, OSError, EOFError):
        return True


def test_requests_and_replies_of_any_size():
    with TlsServer() as server, server.secure() as c, server.connect() as plain:
        assert c.socket.version() == "TLSv1.3"
        assert c.command("PING") == b"PONG"
        value = os.urandom(5 << 20)
        assert c.command("SET", "big", value) == b"OK"
        assert plain.command("GET", "big") == value
        for _ in range(3):
            assert c.command("GET", "big") == value
        many = b"".join(b"*2\r\n$4\r\nECHO\r\n$5\r\n%05d\r\n" % i for i in range(20000))
        c.send(many)
        for i in range(20000):
            assert c.reply() == b"%05d" % i
        info = server.info("attl")
        assert info["attl_tls_clients"] == "1", info


def test_replies_wait_for_a_slow_reader():
    with TlsServer() as server, server.secure(timeout=30) as c:
        value = b"x" * (1 << 20)
        assert c.command("SET", "k", value) == b"OK"
        c.send(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * 40)
        time.sleep(0.5)
        for _ in range(40):
            assert c.reply() == value


def test_messages_are_pushed():
    with TlsServer() as server, server.secure() as c, server.connect() as plain:
        c.command("SUBSCRIBE", "ch")
        assert plain.command("PUBLISH", "ch", "hello") == 1
        assert c.reply() == [b"message", b"ch", b"hello"]


def test_old_versions_and_plain_text_are_refused():
    with TlsServer() as server:
        context = server.context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with server.secure(context) as c:
            assert c.socket.version() == "TLSv1.2" and c.command("PING") == b"PONG"
        out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}",
                              "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", timeout=20,
                             capture_output=True, check=False)
        assert out.returncode != 0 or b"Cipher is (NONE)" in out.stdout
        assert refused(lambda: Client(("127.0.0.1", server.tls_port), 5))
        with server.secure() as c:
            assert c.command("PING") == b"PONG"
    with TlsServer(tls__min_version="1.3") as server:
        context = server.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert refused(lambda: server.secure(context))


def test_openssl_s_client_talks():
    with TlsServer() as server:
        out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}",
                              "-CAfile", path("ca.crt"), "-verify_return_error", "-quiet"],
                             input=b"PING\r\nQUIT\r\n", timeout=20, capture_output=True, check=False)
        assert b"+PONG" in out.stdout and b"+OK" in out.stdout, out


def test_clients_show_certificates():
    with TlsServer(tls__auth_clients="yes") as server:
        assert refused(server.secure)
        assert refused(lambda: server.secure(server.context("stranger")))
        with server.secure(server.context("client")) as c:
            assert c.command("PING") == b"PONG"
        assert int(server.info("attl")["attl_tls_failures"]) >= 2
    with TlsServer(tls__auth_clients="optional") as server:
        assert not refused(server.secure)
        assert refused(lambda: server.secure(server.context("stranger")))
        assert not refused(lambda: server.secure(server.context("client")))


def test_the_name_in_a_certificate_is_its_user():
    with TlsServer(tls__auth_clients="optional", tls__auth_clients_user="CN") as server:
        with server.connect() as admin:
            with server.secure(server.context("client")) as c: # nobody of that name yet
                assert c.command("ACL", "WHOAMI") == b"default"
            assert admin.command("ACL", "SETUSER", "bob", "on", "+@all", "~*") == b"OK"
            with server.secure(server.context("client")) as c:
                assert c.command("ACL", "WHOAMI") == b"bob"
            with server.secure() as c:
                assert c.command("ACL", "WHOAMI") == b"default"
            log = admin.command("ACL", "LOG")
            assert log[0][3] == b"tls-cert", log


def common_name(server):
    with server.secure() as c:
        assert c.command("PING") == b"PONG"
        subject = c.socket.getpeercert()["subject"]
        return subject[0][0][1]


def test_certificates_are_replaced_while_connections_live():
    shutil.copy(path("server.crt"), path("live.crt"))
    shutil.copy(path("server.key"), path("live.key"))
    with TlsServer(tls__cert_file=path("live.crt"), tls__key_file=path("live.key")) as server:
        with server.secure() as old, server.connect() as admin:
            assert old.command("PING") == b"PONG"
            assert common_name(server) == "localhost"
            shutil.copy(path("renewed.crt"), path("live.crt"))
            shutil.copy(path("renewed.key"), path("live.key"))
            server.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 10
            while common_name(server) != "renewed" and time.monotonic() < deadline:
                time.sleep(0.02)
            assert common_name(server) == "renewed"
            # One of a pair that does not belong together: nothing changes, and it is said why.
            reply = admin.command("CONFIG", "SET", "tls-cert-file", path("server.crt"))
            assert b"mismatch" in reply, reply
            assert admin.command("CONFIG", "GET", "tls-cert-file")[1] == path("live.crt").encode()
            assert common_name(server) == "renewed"
            reply = admin.command("CONFIG", "SET", "tls-cert-file", path("server.crt"),
                                  "tls-key-file", path("server.key"))
            assert reply == b"OK", reply
            assert common_name(server) == "localhost"
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("locked.crt"),
                                  "tls.key_file", path("locked.key"), "tls.key_file_pass", "wrong")
            assert b"private key" in reply, reply
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("locked.crt"),
                                  "tls.key_file", path("locked.key"), "tls.key_file_pass",
                                  "let me in")
            assert reply == b"OK", reply
            assert common_name(server) == "localhost"
            with open(path("live.crt"), "w", encoding="ascii") as f:
                f.write("nothing")
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("live.crt"))
            assert b"cannot be used" in reply, reply
            assert common_name(server) == "localhost"
            assert old.command("PING") == b"PONG"


def test_a_handshake_may_not_take_for_ever():
    with TlsServer(tls__handshake_timeout="1s", tls__max_handshakes=2) as server:
        silent = [socket.create_connection(("127.0.0.1", server.tls_port)) for _ in range(2)]
        time.sleep(0.2)
        assert refused(server.secure) # no third at a time
        for s in silent:
            s.settimeout(10)
            assert s.recv(1) == b""
            s.close()
        assert not refused(server.secure)


def test_a_server_with_a_wrong_certificate_does_not_start():
    server = TlsServer(tls__key_file=path("client.key"))
    try:
        server.start()
        raise AssertionError("it starts")
    except AssertionError as problem:
        assert "mismatch" in str(problem), problem
    finally:
        server.dir.cleanup()


def tool():
    directory = os.path.dirname(attld_path())
    return os.path.join(directory, "attl")


def ask(server, *args):
    out = subprocess.run([tool(), "-p", str(server.tls_port), "--tls", *args], timeout=30,
                         capture_output=True, check=False)
    return out.returncode, out.stdout.strip(), out.stderr


def test_attl_speaks_tls():
    if not os.path.exists(tool()):
        return
    with TlsServer(tls__auth_clients="optional") as server:
        trust = ["--cacert", path("ca.crt")]
        assert ask(server, *trust, "ping")[1] == b"PONG"
        assert ask(server, *trust, "--sni", "localhost", "ping")[1] == b"PONG"
        assert ask(server, "--insecure", "ping")[1] == b"PONG"
        code, _, err = ask(server, *trust, "--sni", "elsewhere", "ping")
        assert code != 0 and b"mismatch" in err, err
        code, _, err = ask(server, "--cacert", path("other.crt"), "ping")
        assert code != 0 and b"certificate" in err, err
        code, out, _ = ask(server, *trust, "--cert", path("client.crt"), "--key",
                           path("client.key"), "set", "k", "v" * 100000)
        assert (code, out) == (0, b"OK")
        assert ask(server, *trust, "get", "k")[1] == b"v" * 100000


def test_redis_cli_speaks_tls():
    if not shutil.which("redis-cli") or \
            b"--cacert" not in subprocess.run(["redis-cli", "--help"], capture_output=True,
                                              check=False).stdout:
        return
    with TlsServer() as server:
        out = subprocess.run(["redis-cli", "--tls", "-p", str(server.tls_port), "--cacert",
                              path("ca.crt"), "PING"], capture_output=True, check=False, timeout=20)
        assert out.stdout.strip() == b"PONG", out


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("no openssl to make certificates with")
        sys.exit(SKIP)
    make_files()
    sys.exit(run([value for name, value in list(globals().items())
                  if name.startswith("test_") and callable(value)]))

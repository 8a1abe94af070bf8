#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The HTTP door with TLS: versions, everything it serves, certificates of clients, files that are replaced
or wrong, and those who do not speak TLS. Python's ssl and openssl s_client are the other side."""
import contextlib
import http.client
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

from attl_server import SKIP, Server, free_port, run, sanitized
from certificates import make_files, path

TOKEN = "a-token-of-more-than-sixteen"


class Secure(Server):
    """A server whose door speaks TLS, and which has no TLS port beside it unless asked to."""

    def __init__(self, **more):
        self.admin_port = free_port()
        settings = {"admin.tls": "on", "admin.token": TOKEN, "tls-port": 0,
                    "tls.cert_file": path("server.crt"), "tls.key_file": path("server.key"),
                    "tls.ca_file": path("ca.crt"), "tls.auth_clients": "no"}
        settings.update({name.replace("__", "."): value for name, value in more.items()})
        super().__init__(admin_port=self.admin_port, **settings)

    def start(self):
        super().start()
        wait_for("the door", self.is_open)
        return self

    def is_open(self):
        """True if it is open, or never will be."""
        if self.process.poll() is not None:
            raise AssertionError(f"attld ended with {self.process.returncode}: {self.log()}")
        try:
            socket.create_connection(("127.0.0.1", self.admin_port)).close()
            return True
        except OSError:
            return False

    def context(self, certificate=None, version=None):
        context = ssl.create_default_context(cafile=path("ca.crt"))
        if certificate:
            context.load_cert_chain(path(certificate + ".crt"), path(certificate + ".key"))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def http(self, context=None, timeout=10):
        return http.client.HTTPSConnection("localhost", self.admin_port, timeout=timeout,
                                           context=context or self.context())

    def ask(self, method, url, body=None, headers=None, context=None):
        """(status, headers, body)"""
        with contextlib.closing(self.http(context)) as c:
            c.request(method, url, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()

    def get(self, url, context=None):
        return self.ask("GET", url, context=context)

    def refused(self, context):
        """Whether a client of this kind gets no answer."""
        try:
            self.get("/livez", context)
            return False
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return True

    def name(self):
        """The common name in the certificate that new connections see."""
        with contextlib.closing(self.http()) as c:
            c.connect()
            return c.sock.getpeercert()["subject"][0][0][1]


def wait_for(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def test_everything_is_served():
    with Secure() as server, contextlib.closing(server.http()) as c:
        c.connect()
        assert c.sock.version() == "TLSv1.3"
        c.request("GET", "/api/v1/")
        rows = json.loads(c.getresponse().read())["endpoints"]
        for row in rows:
            if row["methods"] == "POST" or row["path"].endswith(("events", "/")):
                continue
            c.request("GET", row["path"] + "?" + ("id=1" if row["path"].endswith("incident") else ""))
            r = c.getresponse()
            assert r.read() and r.status in (200, 400, 404), (row["path"], r.status)
        status, headers, body = server.get("/metrics")
        assert status == 200 and b"attl_build_info" in body and headers["content-type"].startswith("text/")
        assert server.get("/")[0] == 200
        status, _, body = server.ask("HEAD", "/readyz")
        assert status == 200 and body == b""


def test_large_bodies_go_both_ways():
    value = "x" * 900_000
    with Secure() as server, contextlib.closing(server.http(timeout=60)) as c:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + TOKEN}
        for _ in range(3):
            c.request("POST", "/api/v1/command", json.dumps({"argv": ["SET", "k", value]}), headers)
            r = c.getresponse()
            assert (r.status, json.loads(r.read())["result"]) == (200, "OK")
            c.request("POST", "/api/v1/command", json.dumps({"argv": ["GET", "k"]}), headers)
            assert json.loads(c.getresponse().read())["result"] == value


def test_versions():
    v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    with Secure() as server:
        assert server.get("/livez", server.context(version=v12))[0] == 200
        assert server.get("/livez", server.context(version=v13))[0] == 200
        out = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.admin_port}",
                              "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", timeout=20,
                             capture_output=True, check=False)
        assert out.returncode != 0 or b"Cipher is (NONE)" in out.stdout, out
        # No key exchange without forward secrecy, and no renegotiation.
        out = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.admin_port}",
                              "-tls1_2", "-cipher", "kRSA"], input=b"", timeout=20,
                             capture_output=True, check=False)
        assert out.returncode != 0 or b"Cipher is (NONE)" in out.stdout, out
    with Secure(tls__min_version="1.3") as server:
        assert server.refused(server.context(version=v12))
        assert server.get("/livez", server.context(version=v13))[0] == 200


def test_events_come_over_tls():
    with Secure() as server, contextlib.closing(server.http()) as c:
        c.request("GET", "/api/v1/events")
        r = c.getresponse()
        assert r.status == 200 and r.getheader("content-type") == "text/event-stream"
        seen, started = 0, time.monotonic()
        while seen < 3:
            line = r.readline()
            assert line, "the stream has ended"
            if line.startswith(b"data: "):
                assert json.loads(line[6:])["ready"] is True
                seen += 1
        assert time.monotonic() - started < 10
        assert server.get("/livez")[0] == 200


def refuses_pages_of(server, origin):
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + TOKEN, "Origin": origin}
    return server.ask("POST", "/api/v1/command", '{"argv": ["PING"]}', headers)[0] == 403


def test_pages_are_ours_over_https_only():
    with Secure() as server:
        assert not refuses_pages_of(server, f"https://localhost:{server.admin_port}")
        assert refuses_pages_of(server, f"http://localhost:{server.admin_port}")
        assert refuses_pages_of(server, "https://localhost")


def test_those_who_do_not_speak_tls_get_nothing():
    with Secure() as server:
        for hello in (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x00\x02\x01\x00",
                      b"*1\r\n$4\r\nPING\r\n", b"\x00" * 4096, b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff"):
            with socket.create_connection(("127.0.0.1", server.admin_port), 30) as s:
                s.sendall(hello)
                s.shutdown(socket.SHUT_WR)
                got = b""
                with contextlib.suppress(ConnectionError):
                    while True:
                        more = s.recv(4096)
                        if not more:
                            break
                        got += more
                assert b"HTTP/1." not in got, (hello, got)
        assert server.get("/livez")[0] == 200


def test_a_slow_handshake_costs_nothing_and_gives_way():
    with Secure(admin__max_connections=4) as server:
        slow = []
        for _ in range(4):
            s = socket.create_connection(("127.0.0.1", server.admin_port), 30)
            s.sendall(b"\x16\x03\x01\x02")
            slow.append(s)
        time.sleep(0.3)
        ticks = server.cpu_ticks()
        time.sleep(1.5)
        if not sanitized():
            assert server.cpu_ticks() - ticks < 30, "it turns while it waits"
        for _ in range(8):
            assert server.get("/livez")[0] == 200
        for s in slow:
            s.close()


def test_clients_show_certificates():
    versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    for version in versions:
        with Secure(tls__auth_clients="yes") as server:
            assert server.refused(server.context(version=version))
            assert server.refused(server.context("stranger", version))
            assert server.refused(server.context("serving", version))
            assert server.get("/livez", server.context("client", version))[0] == 200
            wait_for("the reason", lambda: "refused for its certificate" in server.log())
        with Secure(tls__auth_clients="optional") as server:
            assert server.get("/livez", server.context(version=version))[0] == 200
            assert server.refused(server.context("stranger", version))
            assert server.refused(server.context("serving", version))
            assert server.get("/livez", server.context("client", version))[0] == 200
    with Secure(tls__auth_clients="no") as server:
        assert server.get("/livez", server.context("stranger"))[0] == 200


def test_the_door_may_ask_something_else_of_clients_than_the_port():
    with Secure(**{"tls-port": free_port()}, tls__auth_clients="yes", admin__tls_auth_clients="no") as server:
        assert server.get("/livez")[0] == 200
    with Secure(tls__auth_clients="no", admin__tls_auth_clients="yes") as server:
        assert server.refused(server.context())
        assert server.get("/livez", server.context("client"))[0] == 200


def next_event(r):
    while True:
        line = r.readline()
        assert line, "the stream has ended"
        if line.startswith(b"data: "):
            return json.loads(line[6:])["number"]


def test_certificates_are_replaced_while_connections_live():
    live = {"tls__cert_file": path("live.crt"), "tls__key_file": path("live.key")}
    for more in ({}, {"tls-port": free_port()}):
        shutil.copy(path("server.crt"), path("live.crt"))
        shutil.copy(path("server.key"), path("live.key"))
        with Secure(**live, **more) as server, server.connect() as admin, \
                contextlib.closing(server.http()) as old, contextlib.closing(server.http()) as stream:
            old.request("GET", "/livez")
            assert old.getresponse().read() == b"ok\n"
            stream.request("GET", "/api/v1/events")
            events = stream.getresponse()
            next_event(events)
            assert server.name() == "localhost"
            shutil.copy(path("renewed.crt"), path("live.crt"))
            shutil.copy(path("renewed.key"), path("live.key"))
            server.process.send_signal(signal.SIGHUP)
            wait_for("the new certificate", lambda: server.name() == "renewed")
            # What does not belong together changes nothing, and it is said why.
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("server.crt"))
            assert b"key" in reply and reply.startswith(b"ERR"), reply
            assert server.name() == "renewed"
            assert admin.command("CONFIG", "GET", "tls.cert_file")[1] == path("live.crt").encode()
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("locked.crt"), "tls.key_file",
                                  path("locked.key"), "tls.key_file_pass", "wrong")
            assert b"private key" in reply, reply
            reply = admin.command("CONFIG", "SET", "tls.cert_file", path("locked.crt"), "tls.key_file",
                                  path("locked.key"), "tls.key_file_pass", "let me in")
            assert reply == b"OK", reply
            assert server.name() == "localhost"
            with open(path("live.crt"), "w", encoding="ascii") as f:
                f.write("nothing")
            assert b"live.crt" in admin.command("CONFIG", "SET", "tls.cert_file", path("live.crt"))
            assert server.name() == "localhost"
            # Settings of clients come with them.
            assert admin.command("CONFIG", "SET", "tls.auth_clients", "yes") == b"OK"
            assert server.refused(server.context())
            assert server.get("/livez", server.context("client"))[0] == 200
            # Those who were there go on.
            old.request("GET", "/livez")
            assert old.getresponse().read() == b"ok\n"
            assert next_event(events) < next_event(events)


def test_a_bad_file_at_a_hangup_is_told():
    shutil.copy(path("server.crt"), path("live.crt"))
    with Secure(tls__cert_file=path("live.crt")) as server:
        with open(path("live.crt"), "w", encoding="ascii") as f:
            f.write("nothing")
        server.process.send_signal(signal.SIGHUP)
        wait_for("the line", lambda: "the certificate stays as it was" in server.log())
        assert server.name() == "localhost"


def does_not_start(*words, **more):
    server = Secure(**more)
    try:
        server.start()
        server.stop()
        raise RuntimeError(f"it starts with {more}")
    except AssertionError as problem:
        for word in words:
            assert word in str(problem), (word, str(problem))
    finally:
        server.dir.cleanup()


def test_wrong_files_are_told_at_the_start():
    with open(path("nothing.pem"), "w", encoding="ascii") as f:
        f.write("nothing\n")
    does_not_start("attld ended with 78", path("nowhere"), "cannot be read", tls__cert_file=path("nowhere"))
    does_not_start(path("nowhere"), "private key", "tls.key_file", tls__key_file=path("nowhere"))
    does_not_start(path("nothing.pem"), "certificate", tls__cert_file=path("nothing.pem"))
    does_not_start(path("nothing.pem"), "private key", tls__key_file=path("nothing.pem"))
    does_not_start(path("client.key"), "does not belong", tls__key_file=path("client.key"))
    does_not_start("tls.key_file_pass", tls__cert_file=path("locked.crt"), tls__key_file=path("locked.key"))
    does_not_start("tls.ca_file", tls__auth_clients="yes", tls__ca_file="")
    does_not_start(path("nothing.pem"), "authorities", tls__auth_clients="yes", tls__ca_file=path("nothing.pem"))
    does_not_start("admin.tls is on", "tls.cert_file", tls__cert_file="")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("no openssl to make certificates with")
        sys.exit(SKIP)
    make_files()
    sys.exit(run([value for name, value in list(globals().items())
                  if name.startswith("test_") and callable(value)]))

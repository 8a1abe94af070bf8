# SPDX-License-Identifier: BSD-2-Clause
"""attld's HTTP door, as its friends and its enemies use it: probes, the API, events, tokens, and requests
that no honest program sends. Each test starts its own server; hostile requests are raw bytes."""
import contextlib
import gzip
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

from attl_server import Server, attld_path, free_port, run, sanitized

TOKEN = "a-token-of-more-than-sixteen"
READ_TOKEN = "another-one-for-reading-only"
METRICS_TOKEN = "and-a-third-one-for-metrics"


class Admin(Server):
    """A server with a door."""

    def __init__(self, **options):
        self.admin_port = free_port()
        options.setdefault("admin.token", TOKEN)
        super().__init__(admin_port=self.admin_port, **options)

    def start(self):
        super().start()
        wait_for("the door", self.is_open)
        return self

    def is_open(self):
        try:
            return self.get("/livez")[0] == 200
        except OSError:
            return False

    def http(self, timeout=10):
        return http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body)"""
        c = self.http()
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        finally:
            c.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def command(self, *argv, token=TOKEN, **headers):
        """(status, envelope) of POST /api/v1/command."""
        all_headers = {"Content-Type": "application/json"}
        if token:
            all_headers["Authorization"] = "Bearer " + token
        all_headers.update({k.replace("_", "-"): v for k, v in headers.items()})
        status, _, body = self.ask("POST", "/api/v1/command", json.dumps({"argv": list(argv)}), all_headers)
        return status, json.loads(body)

    def raw(self, data, timeout=10):
        """Everything the server says to these bytes; a reset counts as an end."""
        with socket.create_connection(("127.0.0.1", self.admin_port), timeout) as s:
            got = b""
            try:
                s.sendall(data)
                while True:
                    more = s.recv(1 << 16)
                    if not more:
                        return got
                    got += more
            except (ConnectionError, socket.timeout):
                return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def wait_for(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


# ---- what it is for ----

def probes_answer():
    with Admin() as server:
        assert server.get("/livez")[::2] == (200, b"ok\n")
        status, headers, body = server.get("/readyz?verbose")
        assert status == 200 and b"[+]loading ok\n" in body and body.endswith(b"ok\n"), body
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        assert server.get("/healthz")[0] == 200
        status, _, body = server.get("/readyz?verbose&exclude=memory,log")
        assert status == 200 and body.count(b"excluded: ok") == 2, body
        status, headers, body = server.ask("HEAD", "/readyz")
        assert status == 200 and body == b"" and int(headers["content-length"]) > 0


def the_api_lists_itself_and_every_row_answers():
    with Admin() as server:
        status, headers, body = server.get("/api/v1/")
        assert status == 200 and headers["content-type"] == "application/json"
        rows = json.loads(body)["endpoints"]
        assert len(rows) > 20
        with contextlib.closing(server.http()) as c:
            for row in rows:
                if row["methods"] == "POST" or row["path"].endswith(("events", "/")):
                    continue
                path = row["path"]
                needs = [w[1:-1] for w in row.get("command", "").split() if w[0] == "{" and "=" not in w]
                if needs:
                    path += "?" + "&".join(f"{n}=1" for n in needs)
                c.request("GET", path)
                r = c.getresponse()
                text = r.read()
                assert r.status in (200, 400, 404, 501), (path, r.status, text)
                if row["path"].startswith("/api"):
                    envelope = json.loads(text)
                    assert envelope["command"].split()[0] == row["command"].split()[0], text
                    assert ("result" in envelope) == (r.status == 200), text
        info = json.loads(server.get("/api/v1/info?section=server")[2])
        assert info["command"] == "INFO server"
        assert info["result"]["server"]["tcp_port"] == server.port
        assert server.get("/api/v1/info?sectoin=server")[0] == 400, "a parameter that nobody knows"
        assert server.get("/api/v1/incident")[0] == 400, "a parameter that is missing"
        health = json.loads(server.get("/api/v1/health")[2])["result"]
        assert health["areas"]["function"] == "ok", health
        assert {c["check"] for c in health["checks"]} >= {"probe_us", "sum_difference", "settings"}


def metrics_come_as_asked_for():
    with Admin() as server:
        kinds = (("*/*", "text/plain; version=0.0.4", b"# TYPE "),
                 ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text", b"# EOF\n"),
                 ("application/json", "application/json", b"{"))
        for accept, kind, part in kinds:
            status, headers, body = server.get("/metrics", Accept=accept)
            assert status == 200 and headers["content-type"].startswith(kind) and part in body, (accept, headers, body[:200])


def settings_come_with_their_origins():
    with Admin(**{"env": {"ATTL_SHED__TARGET": "150ms"}}) as server:
        def setting(name):
            rows = json.loads(server.get("/api/v1/settings?pattern=" + name)[2])["result"]
            assert len(rows) == 1, rows
            return rows[0]
        every = json.loads(server.get("/api/v1/settings")[2])
        assert every["command"] == "ATTL.CONFIG *" and len(every["result"]) > 100
        assert all(row["text"] and row["name"] for row in every["result"])
        assert setting("cache.eviction")["origin"] == "default"
        port = setting("server.admin_port")
        assert port["value"] == str(server.admin_port) and port["origin"] == "command line" and port["live"] == 0, port
        assert setting("shed.target")["origin"] == "environment ATTL_SHED__TARGET"
        assert setting("admin.token")["value"] == "********" and setting("admin.token")["type"] == "secret"
        assert server.command("CONFIG", "SET", "cache.max_memory", "64MiB")[0] == 200
        limit = setting("maxmemory")
        assert (limit["name"], limit["value"], limit["origin"], limit["live"], limit["type"]) == (
            "cache.max_memory", "64MiB", "run time", 1, "bytes"), limit


def the_page_and_its_files_are_in_the_program():
    with Admin() as server:
        status, headers, page = server.get("/")
        assert status == 200 and headers["content-type"] == "text/html; charset=utf-8", (status, headers)
        assert "content-encoding" not in headers and page.startswith(b"<!doctype html>")
        names = re.findall(rb'"(/assets/[^"]+)"', page)
        assert len(names) >= 3, page
        types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        for path in [b"/", *names]:
            path = path.decode()
            status, headers, plain = server.get(path)
            assert status == 200 and plain, path
            if path != "/":
                assert headers["content-type"].startswith(types[path.rsplit(".", 1)[1]]), (path, headers)
            status, headers, packed = server.get(path, Accept_Encoding="gzip")
            if headers.get("content-encoding") == "gzip":
                assert len(packed) < len(plain) or len(plain) < 400, path
                packed = gzip.decompress(packed)
            assert packed == plain, path
            status, _, nothing = server.get(path, Accept_Encoding="gzip", If_None_Match=headers["etag"])
            assert status == 304 and nothing == b"", path


def a_trace_goes_along():
    with Admin() as server:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        parent = f"00-{trace}-00f067aa0ba902b7-01"
        assert server.command("CONFIG", "SET", "slowlog-log-slower-than", "0")[0] in (200, 400)
        assert server.command("SET", "k", "v", traceparent=parent)[0] == 200
        for bad in ("", "x", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", parent.upper(), "x" * 5000):
            assert server.command("SET", "k", "v", traceparent=bad)[0] == 200, bad


def commands_run_with_the_token():
    with Admin() as server:
        assert server.command("SET", "k", "v w") == (200, {"command": 'SET k "v w"', "result": "OK"})
        assert server.command("GET", "k") == (200, {"command": "GET k", "result": "v w"})
        status, envelope = server.command("INCR", "k")
        assert status == 400 and envelope["error"]["code"] == "ERR", envelope
        status, envelope = server.command("SET", "b", {"base64": "AP/+"})
        assert (status, envelope["result"]) == (200, "OK"), envelope
        assert server.command("GET", "b")[1]["result"] == {"base64": "AP/+"}
        with server.connect() as c:
            assert c.command("GET", "b") == b"\x00\xff\xfe"
            stats = c.command("INFO", "commandstats").decode()
        assert "cmdstat_set:calls=2" in stats, "what comes over HTTP counts like anything else"
        assert server.command("CONFIG", "SET", "server.timeout", "77")[0] == 200
        assert server.command("CONFIG", "GET", "timeout")[1]["result"] == {"timeout": "77"}
        for words in (["SUBSCRIBE", "a"], ["MULTI"], ["AUTH", "x"], ["QUIT"], ["nonsense"], ["GET"]):
            status, envelope = server.command(*words)
            assert status == 400 and "error" in envelope, (words, envelope)
        secret = server.command("CONFIG", "SET", "server.requirepass", "hushhush")[1]
        assert "hushhush" not in json.dumps(secret), "a secret in the line of the command"
        # From now on reading is not free any more for those who connect, and commands still run here.
        assert server.command("GET", "k")[0] == 200
        assert server.command("CONFIG", "SET", "server.requirepass", "")[0] == 200
        assert server.command("SAVE")[0] == 200


def a_long_command_does_not_keep_probes_waiting():
    with Admin() as server:
        with server.connect() as c:
            for i in range(200):
                c.command("MSET", *[w for k in range(100) for w in (f"key:{i}:{k}", "x" * 50)])
        body = json.dumps({"argv": ["KEYS", "*"]})
        threads = [threading.Thread(target=server.ask, args=("POST", "/api/v1/command", body, {
            "Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})) for _ in range(6)]
        for t in threads:
            t.start()
        worst = 0
        while any(t.is_alive() for t in threads):
            begin = time.monotonic()
            assert server.get("/livez")[0] == 200
            worst = max(worst, time.monotonic() - begin)
        for t in threads:
            t.join()
        assert worst < 2, worst


def events_come_every_second():
    with Admin(**{"admin.max_listeners": 2}) as server:
        def listen():
            c = server.http()
            c.request("GET", "/api/v1/events")
            return c, c.getresponse()

        c, r = listen()
        assert r.status == 200 and r.getheader("Content-Type") == "text/event-stream"
        lines, ids, begin = [], [], time.monotonic()
        while len(ids) < 3:
            line = r.readline().decode().rstrip("\n")
            lines.append(line)
            if line.startswith("id: "):
                ids.append(int(line[4:]))
            if line.startswith("data: "):
                event = json.loads(line[6:])
                assert event["ready"] is True and event["stats"]["items"] == 0
                assert event["health"]["areas"]["function"] == "ok"
                assert len(event["shards"]) >= 1 and event["incidents"] == []
        took = time.monotonic() - begin
        assert "retry: 2000" in lines and ids == sorted(set(ids))
        assert took > 1 and (took < 6 or sanitized()), took
        second = listen()
        assert second[1].status == 200
        third = listen()
        assert third[1].status == 503, "one listener too many"
        for conn in (c, second[0], third[0]):
            conn.close()
        wait_for("the place is free again", lambda: try_listen(server) == 200)


def try_listen(server):
    c = server.http()
    try:
        c.request("GET", "/api/v1/events")
        return c.getresponse().status
    finally:
        c.close()


def who_does_not_read_events_is_cut_off_and_harms_nobody():
    with Admin() as server:
        with socket.create_connection(("127.0.0.1", server.admin_port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(2.5)
            assert server.get("/livez")[0] == 200


# ---- who may ----

def changes_need_the_token():
    with Admin() as server:
        status, envelope = server.command("SET", "k", "v", token=None)
        assert status == 401 and envelope["error"]["code"] == "token_missing"
        for wrong in ("x" * len(TOKEN), TOKEN + "x", TOKEN[:-1], "", "x" * 4000):
            assert server.command("SET", "k", "v", token=wrong or " ")[0] == 403, wrong
        status, headers, _ = server.ask("POST", "/api/v1/command", "{}", {"Content-Type": "application/json"})
        assert status == 401 and headers["www-authenticate"] == "Bearer"
        assert server.command("EXISTS", "k")[1]["result"] == 0, "one of them was obeyed"
        assert server.get("/api/v1/stats")[0] == 200, "reading is free on a loopback address"


def a_token_is_made_where_none_is_set():
    with Admin(**{"admin.token": ""}) as server:
        path = os.path.join(server.dir.name, "admin.token")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, encoding="ascii") as f:
            made = f.read().strip()
        assert len(made) == 64 and made not in server.log() and path in server.log()
        assert server.command("PING", token=made)[1]["result"] == "PONG"
        assert server.command("PING", token="")[0] in (401, 403)


def reading_needs_a_token_where_it_should():
    with Admin(**{"admin.read_token": READ_TOKEN, "admin.metrics_token": METRICS_TOKEN}) as server:
        assert server.get("/livez")[0] == 200 and server.get("/readyz")[0] == 200
        assert server.get("/api/v1/stats")[0] == 401
        assert server.get("/api/v1/events")[0] == 401
        assert server.get("/api/v1/stats", Authorization="Bearer " + READ_TOKEN)[0] == 200
        assert server.get("/api/v1/stats", Authorization="Bearer " + TOKEN)[0] == 200
        assert server.get("/api/v1/stats", Authorization="Bearer " + METRICS_TOKEN)[0] == 403
        assert server.command("PING", token=READ_TOKEN)[0] == 403, "a token for reading changed something"
    with Admin(requirepass="correct horse battery") as server:
        assert server.get("/api/v1/stats")[0] == 401, "the password was for nothing"
        assert server.get("/api/v1/stats", Authorization="Bearer " + TOKEN)[0] == 200


def pages_of_others_are_refused():
    with Admin() as server:
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "", "127.0.0.1.evil.example",
                     "[::1", "localhost:8x"):
            answer = server.raw(b"GET /api/v1/stats HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n")
            assert status_of(answer) in (400, 421), (host, answer[:80])
            assert b"evil" not in answer
        for good in ("localhost", "127.0.0.1:1", "[::1]:80", "10.0.0.7", "LOCALHOST:99"):
            answer = server.raw(b"GET /livez HTTP/1.1\r\nHost: " + good.encode() + b"\r\nConnection: close\r\n\r\n")
            assert status_of(answer) == 200, (good, answer[:80])
        assert status_of(server.raw(b"GET /livez HTTP/1.1\r\n\r\n")) == 400
        assert status_of(server.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")) == 400
        own = f"http://127.0.0.1:{server.admin_port}"
        assert server.command("PING", Origin=own, Sec_Fetch_Site="same-origin")[0] == 200
        assert server.command("PING", Origin="http://evil.example")[0] == 403
        assert server.command("PING", Origin="null")[0] == 403
        assert server.command("PING", Origin=own + ".evil.example")[0] == 403
        for site in ("cross-site", "same-site", "Nonsense"):
            assert server.command("PING", Sec_Fetch_Site=site)[0] == 403, site
        assert server.get("/api/v1/stats", Sec_Fetch_Site="cross-site")[0] == 403
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"):
            assert server.command("PING", Content_Type=kind)[0] == 415, kind
        assert server.command("PING", Content_Type="application/json; charset=utf-8")[0] == 200
    with Admin(**{"admin.hosts": "cache.internal other"}) as server:
        assert server.get("/livez", Host="cache.internal:6413")[0] == 200
        assert server.get("/livez", Host="cache.internal.evil")[0] == 421


# ---- what no honest program sends ----

def malformed_requests_are_refused():
    head = b"Host: localhost\r\n"
    auth = head + b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Type: application/json\r\n"
    post = b"POST /api/v1/command HTTP/1.1\r\n" + auth
    body = b'{"argv":["SET","smuggled","1"]}'
    both = post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    cases = [
        (both, {400}),
        (post + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(body) + body, {400}),
        (post + b"Content-Length: -1\r\n\r\n", {400}),
        (post + b"Content-Length: 1e3\r\n\r\n", {400, 413}),
        (post + b"Content-Length: 99999999999999999999\r\n\r\n", {400, 413}),
        (post + b"Content-Length: 2000000\r\n\r\n", {413}),
        (post + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n", {411}),
        (post + b"\r\n" + body, {411}),
        (b"GET /livez HTTP/1.1\r\n" + head + b"Content-Length: 5\r\n\r\nhello", {400}),
        (b"TRACE / HTTP/1.1\r\n" + head + b"X-Secret: 1\r\n\r\n", {404, 405}),
        (b"TRACE /livez HTTP/1.1\r\n" + head + b"X-Secret: tracked\r\n\r\n", {405}),
        (b"DELETE /api/v1/stats HTTP/1.1\r\n" + head + b"\r\n", {405}),
        (b"POST /api/v1/stats HTTP/1.1\r\n" + auth + b"Content-Length: 2\r\n\r\n{}", {405}),
        (b"GET /api/v1/command HTTP/1.1\r\n" + head + b"\r\n", {405}),
        (b"BREW /livez HTTP/1.1\r\n" + head + b"\r\n", {405}),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + head + b"\r\n", {400, 404, 414, 431}),
        (b"GET /livez HTTP/1.1\r\n" + head + b"X: " + b"a" * 9000 + b"\r\n\r\n", {431}),
        (b"GET /livez HTTP/1.1\r\n" + head + b"X: a\r\n" * 3000 + b"\r\n", {431}),
        (b"GET /api/v1/why?key=%zz HTTP/1.1\r\n" + head + b"\r\n", {400}),
        (b"GET /api/v1/why?key=1&key=2 HTTP/1.1\r\n" + head + b"\r\n", {400}),
        (b"GET http://evil.example/livez HTTP/1.1\r\n" + head + b"\r\n", {404}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, {None, 400}),
        (b"*1\r\n$4\r\nPING\r\n", {None, 400}),
        (b"GET /livez\r\n\r\n", {None, 400}),
        (b"GET /livez HTTP/9.9\r\n" + head + b"\r\n", {None, 200, 400, 505}),
    ]
    with Admin() as server:
        for data, allowed in cases:
            answer = server.raw(data, timeout=3)
            assert status_of(answer) in allowed or answer == b"", (data[:120], answer[:200])
            assert b"tracked" not in answer and b"evil" not in answer, answer
            assert answer.count(b"HTTP/1.1 200") == (status_of(answer) == 200), ("answered twice", data[:80], answer)
        assert server.command("EXISTS", "smuggled")[1]["result"] == 0
        for text in ("", "{", "[]", "null", '{"argv":[]}', '{"argv":"PING"}', '{"argv":[1]}', '{"argv":[null]}',
                     '{"argv":["PING"],"argv":["FLUSHALL"]}', '{"argv":["PING"]} x', '{"argv":[{"base64":"x"}]}',
                     '{"argv":["PING"],"more":1}', json.dumps({"argv": ["EXISTS"] + ["k"] * 1024}),
                     "[" * 100000, '{"argv":[{"base64":"AAAA","x":1}]}'):
            status, _, reply = server.ask("POST", "/api/v1/command", text, {
                "Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
            assert status == 400 and b'"bad_body"' in reply, (text[:60], status, reply)
        assert server.get("/livez")[0] == 200


def paths_lead_nowhere():
    with Admin() as server:
        for path in ("/../etc/passwd", "/assets/../../etc/passwd", "/%2e%2e/etc/passwd", "/assets/%2e%2e%2fx", "//livez",
                     "/livez/", "/livez%00", "/./livez", "/assets/..%5cx", "/assets/.hidden", "/LIVEZ", "*",
                     "/api/v1/nothing", "/<script>alert(1)</script>"):
            answer = server.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            assert status_of(answer) in (400, 404), (path, answer[:80])
            assert b"script" not in answer and b"passwd" not in answer and b"root:" not in answer


def slow_and_many_clients_do_not_keep_others_out():
    with Admin(**{"admin.max_connections": 16}) as server:
        slow = []
        for i in range(40):
            s = socket.create_connection(("127.0.0.1", server.admin_port), 5)
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: local"[:i % 30 + 1])
            slow.append(s)
        begin = time.monotonic()

        def drip():
            for s in slow:
                try:
                    s.sendall(b"x")
                except OSError:
                    pass
            try:
                return server.get("/livez")[0] == 200
            except OSError:
                return False

        wait_for("a probe gets through", drip, 40)
        print(f"     a probe got through after {time.monotonic() - begin:.1f} s")
        with server.connect() as c:
            assert c.command("PING") == b"PONG"
        for s in slow:
            s.close()


# ---- beginning and ending ----

def it_says_it_is_not_ready_before_it_stops():
    with Admin(**{"server.readiness_delay": "1500ms"}) as server:
        with server.connect() as c:
            assert server.get("/readyz")[0] == 200
            server.process.send_signal(signal.SIGTERM)
            wait_for("unready", lambda: server.get("/readyz")[0] == 503)
            assert b"[-]shutdown failed" in server.get("/readyz")[2]
            assert server.get("/livez")[0] == 200, "alive until the end"
            assert c.command("PING") == b"PONG", "clients are served meanwhile"
            with server.connect() as late:
                assert late.command("PING") == b"PONG", "and new ones are too"
        assert server.process.wait(20) == 0


def listeners_and_waiting_requests_end_with_the_server():
    with Admin() as server:
        c = server.http()
        c.request("GET", "/api/v1/events")
        r = c.getresponse()
        r.readline()
        begin = time.monotonic()
        server.stop()
        assert server.exit_code == 0 and time.monotonic() - begin < (5 if not sanitized() else 20)
        c.close()


def it_is_not_ready_while_it_loads():
    with Admin(**{"persist.fsync": "no", "persist.save": ""}) as server:
        with server.connect() as c:
            for i in range(300):
                c.command("MSET", *[w for k in range(300) for w in (f"key:{i}:{k}", "x" * 100)])
        server.stop()
        assert server.exit_code == 0
        with open(server.log_path, "ab") as log:
            server.process = subprocess.Popen(server.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        seen = set()
        deadline = time.monotonic() + 30
        while "200" not in seen and time.monotonic() < deadline:
            try:
                status, _, body = server.get("/readyz")
            except OSError:
                continue
            seen.add(str(status))
            if status == 503:
                assert b"[-]loading failed: loading" in body, body
                assert server.get("/livez")[0] == 200
        assert "200" in seen, seen
        print(f"     seen while loading: {sorted(seen)}")


def it_does_not_start_where_it_must_not():
    def start(*args):
        with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
            done = subprocess.run([attld_path(), f"--dir={folder}", f"--port={free_port()}", *args],
                                  capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stderr

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, text = start(f"--admin-port={port}")
        assert code == 69 and str(port) in text, (code, text)
    code, text = start(f"--admin-port={free_port()}", "--admin.bind=0.0.0.0")
    assert code == 78 and "admin.token" in text, (code, text)
    code, text = start(f"--admin-port={free_port()}", "--admin.token=short")
    assert code == 78 and "16" in text, (code, text)


def a_door_that_nobody_uses_costs_nothing():
    if sanitized():
        return
    with Admin() as server:
        assert server.get("/livez")[0] == 200
        assert try_listen(server) == 200

        def switches():
            total = 0
            for task in os.listdir(f"/proc/{server.process.pid}/task"):
                with open(f"/proc/{server.process.pid}/task/{task}/status", encoding="ascii") as f:
                    total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
            return total

        time.sleep(3)  # what a listener left behind
        before = switches()
        time.sleep(3)
        woken = switches() - before
        assert woken <= 6, f"{woken} context switches in 3 idle seconds"


TESTS = [
    probes_answer,
    the_api_lists_itself_and_every_row_answers,
    commands_run_with_the_token,
    metrics_come_as_asked_for,
    settings_come_with_their_origins,
    the_page_and_its_files_are_in_the_program,
    a_trace_goes_along,
    a_long_command_does_not_keep_probes_waiting,
    events_come_every_second,
    who_does_not_read_events_is_cut_off_and_harms_nobody,
    changes_need_the_token,
    a_token_is_made_where_none_is_set,
    reading_needs_a_token_where_it_should,
    pages_of_others_are_refused,
    malformed_requests_are_refused,
    paths_lead_nowhere,
    slow_and_many_clients_do_not_keep_others_out,
    it_says_it_is_not_ready_before_it_stops,
    listeners_and_waiting_requests_end_with_the_server,
    it_is_not_ready_while_it_loads,
    it_does_not_start_where_it_must_not,
    a_door_that_nobody_uses_costs_nothing,
]

if __name__ == "__main__":
    wanted = sys.argv[1:]
    sys.exit(run([t for t in TESTS if not wanted or t.__name__ in wanted]))

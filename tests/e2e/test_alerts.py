# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks of a running attld: a receiver checks each signature; receivers that fail, refuse, hang, are
away or lie; templates; that secrets are shown nowhere; that nothing holds up clients or the end."""
import hashlib
import hmac
import http.server
import json
import subprocess
import sys
import threading
import time

from attl_server import Error, Server, attld_path, free_port, run
from test_incidents import FAST, record, text, wait_until

SECRET = "s3cret-of-the-hook"
PATH = "/hook/T0PSECRET?x=1"
QUICK = FAST + ["--alert.backoff=50ms", "--alert.timeout=1s", "--alert.min_severity=info"]


class Receiver:
    """Answers with the codes it is told, the last one for ever, and keeps what it got."""

    def __init__(self, codes=(204,), port=0, hang_s=0.0, headers=()):
        receiver = self
        self.codes, self.got = list(codes), []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = receiver.codes.pop(0) if len(receiver.codes) > 1 else receiver.codes[0]
                receiver.got.append((time.time(), self.path, dict(self.headers), body, code))
                time.sleep(hang_s)
                try:
                    self.send_response(code)
                    for name, value in headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path=PATH):
        return f"http://127.0.0.1:{self.port}{path}"

    def taken(self):
        return [json.loads(body) for _, _, _, body, code in self.got if 200 <= code < 300]


def check_signature(post, secret=SECRET):
    when, _, headers, body, _ = post
    fields = dict(part.split("=", 1) for part in headers["X-Attl-Signature"].split(","))
    want = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(fields["v1"], want), headers
    assert abs(when - int(fields["t"])) < 10, headers


def deliveries(client, *more):
    reply = client.command("ATTL.ALERT", "LIST", *more)
    assert not isinstance(reply, Error), reply
    return [record(flat) for flat in reply]


def all_delivered(client):
    """The deliveries, once the answer to each has been read; None before."""
    shown = deliveries(client)
    return shown if all(d["state"] == "delivered" for d in shown) else None


def status(client):
    return record(client.command("ATTL.ALERT", "STATUS"))


def drill(client, kind="memory"):
    assert client.command("ATTL.INCIDENT", "SIMULATE", kind) == b"OK"


def an_incident_is_told_from_its_opening_to_its_end():
    with Receiver() as hook, Server(args=QUICK + [f"--alert.url={hook.url()}",
                                                  f"--alert.secret={SECRET}"]) as server:
        with server.connect() as c:
            drill(c)
            wait_until(lambda: [b for b in hook.taken() if b["event"] == "resolve"], "no end was told")
            bodies = hook.taken()
            assert [b["event"] for b in bodies][0] == "open" and bodies[-1]["event"] == "resolve"
            assert {b["kind"] for b in bodies} == {"memory"} and all(b["simulated"] for b in bodies)
            assert len({b["correlation"] for b in bodies}) == 1
            for post in hook.got:
                check_signature(post)
                assert post[1] == PATH and post[2]["Content-Type"] == "application/json"
            numbers = [post[2]["X-Attl-Delivery"] for post in hook.got]
            assert len(set(numbers)) == len(numbers), numbers
            shown = wait_until(lambda: all_delivered(c), "a delivery is not confirmed")
            assert all(d["http_code"] == 204 for d in shown), shown
            assert shown[0]["event"] == "resolve" and shown[0]["target"] == f"http://127.0.0.1:{hook.port}"
            info = server.info("incidents")
            assert int(info["alerts_delivered"]) == len(bodies) and info["alert_targets"] == "1", info


def a_receiver_that_fails_is_tried_again():
    with Receiver(codes=[500, 503, 429, 204]) as hook:
        with Server(args=QUICK + [f"--alert.url={hook.url()}"]) as server, server.connect() as c:
            assert c.command("ATTL.ALERT", "TEST") == 1
            [d] = wait_until(lambda: [d for d in deliveries(c) if d["state"] == "delivered"],
                             "it was not delivered")
            assert d["attempts"] == 4 and d["event"] == "test", d
            assert len({post[2]["X-Attl-Delivery"] for post in hook.got}) == 1
            times = [post[0] for post in hook.got]
            pauses = [b - a for a, b in zip(times, times[1:])]
            assert pauses[0] >= 0.035 and pauses[2] >= 0.15, pauses  # 50 ms, doubled, less a fifth
            assert "X-Attl-Signature" not in hook.got[0][2]


def a_refusal_is_final_and_tries_end():
    with Receiver(codes=[403]) as no, Receiver(codes=[500]) as never:
        args = QUICK + [f"--alert.url={no.url()} {never.url()}", "--alert.tries=3"]
        with Server(args=args) as server, server.connect() as c:
            assert c.command("ATTL.ALERT", "TEST") == 2
            wait_until(lambda: status(c)["gave_up"] == 2, "they were not given up")
            by_port = {d["target"].rsplit(":", 1)[1]: d for d in deliveries(c)}
            assert by_port[str(no.port)]["attempts"] == 1, by_port
            assert by_port[str(never.port)]["attempts"] == 3, by_port
            assert "500" in by_port[str(never.port)]["problem"]
            assert len(never.got) == 3 and len(no.got) == 1


def one_that_asks_to_wait_is_heard():
    with Receiver(codes=[429, 204], headers=[("Retry-After", "1")]) as hook:
        with Server(args=QUICK + [f"--alert.url={hook.url()}"]) as server, server.connect() as c:
            c.command("ATTL.ALERT", "TEST")
            wait_until(hook.taken, "it was not delivered")
            assert hook.got[1][0] - hook.got[0][0] >= 0.95


def who_was_away_hears_the_latest_state_once():
    with Receiver() as other:
        port_of = Receiver()
        port = port_of.port
        port_of.__exit__()
        args = QUICK + [f"--alert.url=http://127.0.0.1:{port}/a {other.url()}", "--alert.tries=100",
                        "--alert.backoff_max=200ms"]
        with Server(args=args) as server, server.connect() as c:
            drill(c)
            wait_until(lambda: [b for b in other.taken() if b["event"] == "resolve"], "no end was told")
            waiting = [d for d in deliveries(c) if d["state"] in ("waiting", "sending")]
            assert len(waiting) == 1 and waiting[0]["event"] == "resolve", deliveries(c)
            assert waiting[0]["problem"] and waiting[0]["next_ms"] >= 0, waiting
            with Receiver(port=port) as back:
                wait_until(back.taken, "it was not told after it came back")
                time.sleep(0.3)
                assert [b["event"] for b in back.taken()] == ["resolve"]
            assert status(c)["superseded"] >= 1


def a_redirect_is_not_followed():
    with Receiver() as aim, Receiver(codes=[302]) as hook:
        hook.codes = [302]
        args = QUICK + [f"--alert.url={hook.url()}"]
        with Server(args=args) as server, server.connect() as c:
            c.command("ATTL.ALERT", "TEST")
            wait_until(lambda: status(c)["gave_up"] == 1, "it was not given up")
            assert not aim.got


def a_hanging_receiver_holds_up_nobody():
    with Receiver(hang_s=30) as slow, Receiver() as quick:
        args = QUICK + [f"--alert.url={slow.url()} {quick.url()}", "--alert.timeout=20s"]
        with Server(args=args) as server, server.connect() as c:
            drill(c)
            wait_until(quick.taken, "the quick one was not told")
            began = time.monotonic()
            assert c.command("PING") == b"PONG"
            assert time.monotonic() - began < 1
            began = time.monotonic()
            server.process.terminate()
            server.process.wait(timeout=20)
            assert time.monotonic() - began < 8, "the end waited for a receiver"
            assert "were not made before the end" in server.log(), server.log()


def severity_and_switch_decide():
    with Receiver() as hook:
        args = FAST + [f"--alert.url={hook.url()}", "--alert.min_severity=critical"]
        with Server(args=args) as server, server.connect() as c:
            drill(c, "clock_jump")
            drill(c, "memory")
            wait_until(hook.taken, "nothing was told")
            assert c.command("CONFIG", "SET", "alert.enabled", "no") == b"OK"
            assert c.command("ATTL.INCIDENT", "SIMULATE", "memory", "OFF") == b"OK"
            wait_until(lambda: all(text(i["state"]) == "resolved" for i in
                                   map(record, c.command("ATTL.INCIDENT", "LIST"))), "no end")
            assert {b["kind"] for b in hook.taken()} == {"memory"}
            assert "resolve" not in {b["event"] for b in hook.taken()}


def a_template_makes_the_body():
    with Receiver() as hook:
        args = QUICK + [f"--alert.url={hook.url()}", "--alert.header=Authorization: Bearer t0ken",
                        '--alert.template={"text":"$$ ${severity} ${kind}: ${cause}"}']
        with Server(args=args) as server, server.connect() as c:
            drill(c)
            [body, *_] = wait_until(hook.taken, "nothing was told")
            assert set(body) == {"text"} and body["text"].startswith("$ critical memory: simulated"), body
            assert hook.got[0][2]["Authorization"] == "Bearer t0ken"


def secrets_are_shown_nowhere():
    with Receiver(codes=[403]) as hook:
        args = QUICK + [f"--alert.url={hook.url()}", f"--alert.secret={SECRET}",
                        "--alert.header=Authorization: Bearer t0ken"]
        with Server(args=args) as server, server.connect() as c:
            c.command("ATTL.ALERT", "TEST")
            wait_until(lambda: status(c)["gave_up"] == 1, "it was not given up")
            for name in ("alert.url", "alert.secret", "alert.header"):
                assert isinstance(c.command("CONFIG", "SET", name, "x"), Error)
            seen = repr(c.command("CONFIG", "GET", "*")) + repr(c.command("INFO", "everything"))
            seen += repr(c.command("ATTL.ALERT", "LIST"))
            seen += server.log()
        for word in (SECRET, "T0PSECRET", "t0ken"):
            assert word not in seen, word


def wrong_settings_are_told_at_the_start():
    for args, word in ((["--alert.url=ftp://x/y"], "http"), (["--alert.url=http:///"], "host"),
                       (["--alert.url=" + " ".join(["http://a/b"] * 5)], "more than 4"),
                       (["--alert.template=${Kind}"], "alert.template"),
                       (["--alert.header=nothing"], "alert.header")):
        done = subprocess.run([attld_path(), f"--port={free_port()}", *args], timeout=20, check=False,
                              capture_output=True, text=True)
        assert done.returncode == 78 and word in done.stderr, (args, done)


def without_a_url_it_says_so():
    with Server() as server, server.connect() as c:
        reply = c.command("ATTL.ALERT", "TEST")
        assert isinstance(reply, Error) and b"alert.url" in reply, reply
        assert deliveries(c) == [] and status(c)["targets"] == 0
        for words in (["LIST", "0"], ["LIST", "x"], ["LIST", "257"], ["LIST", "1", "2"], ["STATUS", "x"]):
            assert isinstance(c.command("ATTL.ALERT", *words), Error), words


if __name__ == "__main__":
    sys.exit(run([an_incident_is_told_from_its_opening_to_its_end, a_receiver_that_fails_is_tried_again,
                  a_refusal_is_final_and_tries_end, one_that_asks_to_wait_is_heard,
                  who_was_away_hears_the_latest_state_once, a_redirect_is_not_followed,
                  a_hanging_receiver_holds_up_nobody, severity_and_switch_decide, a_template_makes_the_body,
                  secrets_are_shown_nowhere, wrong_settings_are_told_at_the_start,
                  without_a_url_it_says_so]))

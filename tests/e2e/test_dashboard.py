# SPDX-License-Identifier: BSD-2-Clause
"""The dashboard of a real attld under load, in a headless Chromium. What is checked stands in
ui/test/page.mjs, which drives the browser with playwright-core; screenshots for people to look at are
written to build/screenshots. Also run here: the unit tests of the page's own functions, by node.
Skipped where node, Chromium or what `npm ci` fetches is missing."""
import json
import math
import os
import random
import shutil
import subprocess
import sys
import threading
import time

from attl_server import SKIP, Server, attld_path, encode, free_port, run, sanitized

TOKEN = "a-token-of-more-than-sixteen"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UI = os.path.join(ROOT, "ui")
SHOTS = os.path.join(os.path.dirname(attld_path()), "screenshots")


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


def missing():
    """What is not here that the test needs; None if all is."""
    if not shutil.which("node"):
        return "node (apt-get install nodejs npm)"
    if not chromium():
        return "Chromium (apt-get install chromium)"
    for module in ("playwright-core", "axe-core", "esbuild", "uplot"):
        if not os.path.isdir(os.path.join(UI, "node_modules", module)):
            return f"{module} (cd ui && npm ci --ignore-scripts)"
    return None


def patience():
    """Times are for a machine that has nothing else to do."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, busy) * (5 if sanitized() else 1)


class Load:
    """A client that reads and writes with a few hot keys, until it is told to stop."""

    def __init__(self, server):
        self.server = server
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def work(self):
        dice = random.Random(7)
        with self.server.connect(timeout=60) as c:
            c.command("ATTL.NS", "SET", "session:", "ttl_default", "10m", "max_entries", "5000")
            while not self.stopping.is_set():
                batch = [self.request(dice) for _ in range(150)]
                c.send(b"".join(encode(*words) for words in batch))
                for _ in batch:
                    c.reply()
                time.sleep(0.04 + 0.02 * math.sin(time.monotonic() / 5))

    @staticmethod
    def request(dice):
        number = int(dice.paretovariate(0.6)) % 20000
        kind = dice.random()
        if kind < 0.6:
            return ("GET", f"session:{number}")
        if kind < 0.85:
            return ("SET", f"session:{number}", "x" * dice.randint(20, 900), "PX", dice.randint(500, 60000))
        if kind < 0.95:
            return ("SET", f"page:{number}", "y" * dice.randint(100, 3000), "EX", dice.randint(1, 60))
        return ("GET", f"nothing:{number}")


def pure_functions_are_right():
    code = subprocess.run(["npm", "test", "--silent"], cwd=UI, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    assert code.returncode == 0, code.stdout[-4000:]


def page_works():
    port = free_port()
    options = {"admin.token": TOKEN, "fsync": "everysec", "maxmemory": "64MiB",
               "latency.slowlog_log_slower_than": 200, "audit.mode": "on"}
    if os.environ.get("ATTL_UI_DIR"):
        options["admin.ui_dir"] = os.environ["ATTL_UI_DIR"]
    with Server(admin_port=port, **options) as server, Load(server):
        time.sleep(2)
        given = {"url": f"http://127.0.0.1:{port}", "token": TOKEN, "pid": server.process.pid,
                 "chromium": chromium(), "shots": SHOTS, "patience": patience()}
        code = subprocess.run(["node", os.path.join(UI, "test", "page.mjs"), json.dumps(given)], cwd=UI, timeout=280, check=False)
        assert code.returncode == 0, f"page.mjs ended with {code.returncode}; see {SHOTS}/failed.png"


def page_is_embedded():
    with open(attld_path(), "rb") as f:
        return b"/assets/app.js" in f.read()


if __name__ == "__main__":
    lacking = missing()
    if not lacking and not page_is_embedded() and not os.environ.get("ATTL_UI_DIR"):
        lacking = "a build with the dashboard (ATTL_WITH_UI)"
    if lacking:
        print(f"skipped: {lacking} is not here")
        sys.exit(SKIP)
    os.makedirs(SHOTS, exist_ok=True)
    sys.exit(run([pure_functions_are_right, page_works]))

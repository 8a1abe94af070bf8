# SPDX-License-Identifier: BSD-2-Clause
"""A server whose process may die and come back on the same data, and small disks to put the data on."""
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from attl_server import Server

READY_S = 60
FROZEN_S = 2
IMAGE_BYTES = 320 << 20  # XFS does not make smaller ones


class Durable(Server):
    """A server that may be killed and started again on the same data."""

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self, **options):
        for name, value in options.items():
            flag = name if "." in name else name.replace("_", "-")
            self.argv.append(f"--{flag}={value}")
        return self.start()

    def persistence(self):
        return self.info("persistence")

    def wait_loaded(self):
        """start() returns while it loads."""
        wait_for(lambda: self.persistence()["loading"] == "0", "loaded")
        return self

    def freeze(self):
        """Stops all threads where they are, so that none of them can answer any more."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = f"/proc/{self.process.pid}/task"

        def stopped():
            return all(state_of(f"{tasks}/{task}/stat") in "TtZX" for task in os.listdir(tasks))

        try:
            wait_for(stopped, "all threads stopped", FROZEN_S)
        except AssertionError:
            pass  # one is in a system call, and will stop when it comes out: nothing is answered


class Folder:
    """The data directory of servers that come and go: its files, and damage to them."""

    def __init__(self):
        # pylint: disable=consider-using-with
        self.temporary = tempfile.TemporaryDirectory(prefix="attl-test-data-")
        self.path = os.path.join(self.temporary.name, "data")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def files(self, prefix):
        return sorted(n for n in os.listdir(self.path) if n.startswith(prefix))

    def flip(self, name, offset):
        with open(os.path.join(self.path, name), "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 0x40]))


def state_of(stat_path):
    try:
        with open(stat_path, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def wait_for(condition, what, timeout_s=READY_S):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not in {timeout_s} s: {what}")


class Witness(threading.Thread):
    """Asks attld again and again how far its log is, until the connection ends."""

    def __init__(self, server, pause_s):
        super().__init__(daemon=True)
        self.client, self.pause_s = server.connect(timeout=60), pause_s
        self.written_lsn, self.durable_lsn, self.slowest_sync_s = 0, 0, 0.0
        self.start()

    def run(self):
        try:
            while True:
                text = self.client.command("INFO", "persistence").decode()
                fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
                self.written_lsn = int(fields["attl_written_lsn"])
                self.durable_lsn = int(fields["attl_durable_lsn"])
                self.slowest_sync_s = int(fields["attl_fsync_max_us"]) / 1e6
                time.sleep(self.pause_s)
        except (OSError, EOFError):
            self.client.close()


def keep_copy(folder, name):
    """A copy of a data directory as it was found, for whoever set ATTL_KEEP_DIR; or None."""
    where = os.environ.get("ATTL_KEEP_DIR")
    if not where:
        return None
    path = os.path.join(where, f"{name}-{os.getpid()}-{int(time.time() * 1000)}")
    shutil.copytree(folder, path, ignore=shutil.ignore_patterns("*.sock"))
    return path


def has_log():
    """Whether attld was built with its log."""
    with Server(fsync="always") as server:
        return server.info("persistence").get("attl_log_enabled") == "1"


def quiet(*argv):
    """Runs a program; its exit code."""
    try:
        return subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except FileNotFoundError:
        return 127


class SmallDisk:
    """A tmpfs of some MiB, or None where we may not mount."""

    def __init__(self, mebibytes):
        self.path = tempfile.mkdtemp(prefix="attl-disk-")
        self.mounted = os.geteuid() == 0 and quiet(
            "mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", self.path) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", self.path], check=False)
        os.rmdir(self.path)


class LoopDisk:
    """A file system in a file, whose power can be cut. `problem` says why there is none."""

    def __init__(self, kind):
        self.kind = kind
        self.folder = tempfile.mkdtemp(prefix=f"attl-{kind}-")
        self.image = os.path.join(self.folder, "image")
        self.path = os.path.join(self.folder, "mnt")
        self.mounted = False
        self.problem = None
        os.mkdir(self.path, 0o700)

    def __enter__(self):
        self.problem = self._make()
        return self

    def __exit__(self, *_):
        if self.mounted:
            self._unmount()
        shutil.rmtree(self.folder)

    def _make(self):
        if os.geteuid() != 0:
            return "mounting needs root"
        for program in (f"mkfs.{self.kind}", "xfs_io", "mount", "umount"):
            if not shutil.which(program):
                return f"{program} is not installed"
        with open(self.image, "wb") as f:
            f.truncate(IMAGE_BYTES)
        force = ["-F"] if self.kind == "ext4" else []
        if quiet(f"mkfs.{self.kind}", "-q", *force, self.image) != 0:
            return f"mkfs.{self.kind} failed"
        return None if self._mount() else "a loop device cannot be mounted here"

    def _mount(self):
        self.mounted = quiet("mount", "-o", "loop", self.image, self.path) == 0
        return self.mounted

    def _unmount(self):
        wait_for(lambda: quiet("umount", self.path) == 0, f"umount {self.path}", 20)
        self.mounted = False

    def cut_power(self, flush_journal=False):
        """From here on nothing reaches the image; what was not synced is lost. With flush_journal the
        file system still gets its own journal out, as it might have by chance."""
        command = "shutdown -f" if flush_journal else "shutdown"
        assert quiet("xfs_io", "-x", "-c", command, self.path) == 0, "shutdown failed"

    def come_back(self):
        """As after a power loss; nobody uses the file system any more."""
        self._unmount()
        assert self._mount(), "it cannot be mounted again"

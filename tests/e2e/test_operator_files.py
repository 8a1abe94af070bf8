#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What operators get besides the programs: manual pages that man and mandoc render without a warning, completions
that complete (in bash, zsh and fish themselves, as far as they are here) and know every option and command there
is, an example of settings that attld accepts. That they are up to date is checked by tools/gen_docs.py --check
(check/docs)."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import attl_server

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
COMPLETIONS = os.path.join(ROOT, "packaging", "completions")
WAIT_S = 60


def read(*names):
    with open(os.path.join(ROOT, *names), encoding="utf-8") as f:
        return f.read()


def attl_path():
    path = os.path.join(os.path.dirname(attl_server.attld_path()), "attl")
    return path if os.path.exists(path) else None


def manual_pages_are_without_a_warning():
    if not shutil.which("man"):
        print("     (no man here)")
        return
    pages = sorted(os.listdir(os.path.join(ROOT, "man")))
    assert pages == ["attl-settings.toml.5", "attl.1", "attld.8", "libattl.3"], pages
    for page in pages:
        path = os.path.join(ROOT, "man", page)
        done = subprocess.run(["man", "--warnings", "-l", "-E", "UTF-8", path], capture_output=True, text=True,
                              timeout=WAIT_S, check=False, env=dict(os.environ, MANWIDTH="80", MANPAGER="cat",
                                                                    LC_ALL="C.UTF-8"))
        if "No such file" in done.stderr or "not been installed" in done.stdout:
            print("     (man has no macros here)")
            return
        assert done.returncode == 0 and not done.stderr, (page, done.stderr)
        assert "NAME" in done.stdout and "SEE ALSO" in done.stdout, page


def mandoc_has_nothing_to_say_about_them():
    if not shutil.which("mandoc"):
        print("     (no mandoc here)")
        return
    for page in sorted(os.listdir(os.path.join(ROOT, "man"))):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "all", os.path.join(ROOT, "man", page)],
                              capture_output=True, text=True, timeout=WAIT_S, check=False)
        # Pages that refer to each other need not be installed.
        said = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
        assert not said and not done.stderr, said or done.stderr


def shells_read_their_completions():
    for shell, name in (("bash", "attl.bash"), ("zsh", "_attl"), ("fish", "attl.fish")):
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", os.path.join(COMPLETIONS, name)], timeout=WAIT_S, check=False,
                                  capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, (shell, done.stderr)


# What is typed, and what is offered then, among others or alone.
TYPED = (("attl attl.inc", "attl.incident"), ("attl attl.incident si", "simulate"), ("attl SHUT", "shutdown"),
         ("attl -p 6411 wal ver", "verify"), ("attl help attl.inc", "attl.incident"), ("attl --red", "--redact"),
         ("attl --format re", "resp"), ("attl snapshot list pack", "packaging/"),
         ("attld --cache.max_m", "--cache.max_memory"), ("attld --config READ", "README.md"))


def fish_completes():
    if not shutil.which("fish"):
        print("     (no fish here)")
        return
    with tempfile.TemporaryDirectory(prefix="attl-test-") as home:
        env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_CACHE_HOME=home)

        def offered(typed):
            script = f"source {COMPLETIONS}/attl.fish; complete -C $argv[1]"
            done = subprocess.run(["fish", "--no-config", "-c", script, typed], capture_output=True, text=True,
                                  timeout=WAIT_S, check=True, cwd=ROOT, env=env)
            assert not done.stderr, done.stderr
            return [line.partition("\t")[0] for line in done.stdout.splitlines()]

        for typed, wanted in TYPED:
            assert wanted in offered(typed), (typed, offered(typed))
        assert offered("attl get pack") == [] and offered("attl -p ") == []
        assert "simulate" not in offered("attl attl.incident show s")


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execvpe(argv[0], argv, env)

    def until(self, text):
        """What is shown until `text` is."""
        shown, deadline = "", time.monotonic() + WAIT_S
        while text not in shown and time.monotonic() < deadline:
            if select.select([self.fd], [], [], 1)[0]:
                shown += os.read(self.fd, 65536).decode(errors="replace")
        assert text in shown, (text, shown)
        return shown

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def zsh_completes():
    if not shutil.which("zsh"):
        print("     (no zsh here)")
        return
    with tempfile.TemporaryDirectory(prefix="attl-test-") as home:
        terminal = Terminal(["zsh", "-f", "-i"], dict(os.environ, HOME=home, ZDOTDIR=home, TERM="dumb", COLUMNS="200"))
        try:
            terminal.type(f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -u -D; PS1='%%'; echo re''ady\n")
            terminal.until("ready")
            for typed, wanted in TYPED:
                # The line is thrown away (^U) once it is completed.
                terminal.type(f"{typed}\t")
                terminal.until(wanted)
                terminal.type("\x15")
            terminal.type("attl attl.incident \t\t")
            terminal.until("simulate")
        finally:
            terminal.close()


def completed(*words):
    """What bash offers for the last of `words`."""
    script = (f". {COMPLETIONS}/attl.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
              "_$1; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "-", *words], capture_output=True, text=True, timeout=WAIT_S,
                          check=True)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def bash_completes_words_options_and_subcommands():
    assert {"top", "stat"} <= set(completed("attl", "")) and "set" in completed("attl", "se")
    assert completed("attl", "--red") == ["--redact"]
    assert "list" in completed("attl", "-p", "6411", "attl.incident", "l")
    assert completed("attl", "wal", "ver") == ["verify"]
    assert completed("attl", "--format", "r") == ["resp"]
    assert completed("attl", "-p", "") == []
    assert completed("attl", "SHUT") == ["shutdown"]
    assert completed("attld", "--cache.max_m") == ["--cache.max_memory"]


def completions_know_all_there_is():
    texts = {name: read("packaging", "completions", name) for name in ("attl.bash", "_attl", "attl.fish")}
    if attl_path():
        text = subprocess.run([attl_path(), "--help"], capture_output=True, text=True, timeout=WAIT_S,
                              check=True).stdout
        for option in set(re.findall(r"^ +(?:-., )?--([a-z0-9-]+)", text, re.MULTILINE)):
            for name, completion in texts.items():
                assert re.search(rf"(--|-l ){option}\b", completion), (name, option)
    with attl_server.Server() as server, server.connect() as c:
        commands = [command.decode() for command in c.command("COMMAND", "LIST")]
        assert len(commands) > 100
        for command in commands:
            for name, completion in texts.items():
                assert re.search(rf"(?<![\w.]){re.escape(command.partition('|')[0].lower())}(?![\w.])",
                                 completion), (name, command)


def the_example_of_settings_is_accepted():
    path = os.path.join(ROOT, "packaging", "etc", "settings.toml")
    argv = [attl_server.attld_path(), "--config", path, "--check-config"]
    with tempfile.TemporaryDirectory(prefix="attl-test-") as folder:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert 'max_memory = "1GiB"' in done.stdout and 'dir = "/var/lib/attl"' in done.stdout
        # Every default that it shows is one that may be written.
        plain = re.sub(r"^#: ", "", read("packaging", "etc", "settings.toml"), flags=re.MULTILINE)
        all_set = os.path.join(folder, "all.toml")
        with open(all_set, "w", encoding="utf-8") as f:
            f.write(plain)
        argv[2] = all_set
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr


def main():
    return attl_server.run([
        manual_pages_are_without_a_warning, mandoc_has_nothing_to_say_about_them, shells_read_their_completions,
        bash_completes_words_options_and_subcommands, fish_completes, zsh_completes, completions_know_all_there_is,
        the_example_of_settings_is_accepted,
    ])


if __name__ == "__main__":
    sys.exit(main())

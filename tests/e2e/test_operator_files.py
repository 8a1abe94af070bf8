#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What operators get besides the programs: manual pages that man renders without a warning, completions that
complete and know every option and command there is, an example of settings that attld accepts. That they are up
to date is checked by tools/gen_docs.py --check (check/docs)."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

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
        if shutil.which("mandoc"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", path], capture_output=True, text=True,
                                  timeout=WAIT_S, check=False)
            assert done.returncode == 0, done.stdout


def shells_read_their_completions():
    for shell, name in (("bash", "attl.bash"), ("zsh", "_attl"), ("fish", "attl.fish")):
        if shutil.which(shell):
            subprocess.run([shell, "-n", os.path.join(COMPLETIONS, name)], timeout=WAIT_S, check=True)


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
        manual_pages_are_without_a_warning, shells_read_their_completions,
        bash_completes_words_options_and_subcommands, completions_know_all_there_is,
        the_example_of_settings_is_accepted,
    ])


if __name__ == "__main__":
    sys.exit(main())

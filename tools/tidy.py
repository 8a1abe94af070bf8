#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks the rules of CONTRIBUTING.md that a program can check. Runs as a test.

    tools/tidy.py [--build DIR] [--no-format] [PATH ...]

Prints `file:line: rule: text` for each finding and fails if there is one. With paths, only findings in
files below them are shown. With --build, the exported symbols of the libraries built there are checked
too. A finding that cannot be avoided is listed in tools/tidy_exceptions.txt as `rule file name`; an
exception that is no longer needed is itself a finding, so that the list only shrinks.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from tidy_rules import files, outside, tree  # noqa: E402
from tidy_rules.csource import CSource  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("include", "src", "tests", "examples", "tools", "scripts", "cmake", "bindings", ".ci")
TOP_FILES = ("CMakeLists.txt", "Makefile", ".clang-format", ".editorconfig")
EXCEPTIONS = "tools/tidy_exceptions.txt"
C_SUFFIXES = (".c", ".h", ".cpp")
# Text that has a first line to carry the licence, besides C.
MARKED_SUFFIXES = C_SUFFIXES + (".py", ".sh", ".cmake", ".map", "CMakeLists.txt", "Makefile")


class Findings:
    """What was found, less what is excepted."""

    def __init__(self, exceptions):
        self.exceptions = exceptions  # (rule, file, name) -> line in the exceptions file
        self.used = set()
        self.list = []

    def add(self, rule, path, line, text, name="-"):
        if (rule, path, name) in self.exceptions:
            self.used.add((rule, path, name))
        else:
            self.list.append((path, line, rule, text))

    def add_unused_exceptions(self):
        for key, line in self.exceptions.items():
            if key not in self.used:
                self.list.append((EXCEPTIONS, line, "exception", f"'{' '.join(key)}' is no longer needed"))


def read_exceptions(root):
    exceptions = {}
    path = os.path.join(root, EXCEPTIONS)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                words = line.split("#")[0].split()
                if len(words) == 3:
                    exceptions[tuple(words)] = number
                elif words:
                    sys.exit(f"{EXCEPTIONS}:{number}: a line is `rule file name`")
    return exceptions


def find_paths(root):
    """Every file the rules are about, relative to the root, sorted."""
    found = [p for p in TOP_FILES if os.path.exists(os.path.join(root, p))]
    for folder in FOLDERS:
        for here, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = [f for f in folders if f not in ("corpus", "golden", "__pycache__")]
            found += [os.path.relpath(os.path.join(here, n), root) for n in names]
    return sorted(found)


def is_shell(path, text):
    return path.endswith(".sh") or text.startswith(("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh"))


def check_c(source, layers, root, add):
    """All rules about one C file; src/ and include/ carry more of them than tests do."""
    path = source.path
    in_src = path.startswith("src/")
    in_os = path.startswith("src/os/")
    is_product = in_src or path.startswith("include/")
    files.check_size(source, add)
    files.check_header_comment(source, add)
    files.check_functions(source, add)
    files.check_calls(source, in_os, is_product, add)
    files.check_todo(path, source.comments, add)
    if is_product:
        files.check_conditions(source, in_os, add)
        files.check_units(source, add)
        files.check_dead_code(source, add)
    if in_src:
        if os.path.basename(path) != "main.c":
            files.check_state(source, add)
        tree.check_includes(source, layers, root, add)
        tree.check_own_header_first(source, root, add)
        tree.check_system_headers(source, layers, add)
    if path.startswith("examples/"):
        tree.check_examples(source, add)
    if path.startswith("include/attl/") and path != "include/attl/attl_unstable.h":
        tree.check_public_comments(source, add)


def check_tree(root, findings, with_format, build):
    """Runs everything; returns remarks about what could not be checked."""
    add = findings.add
    layers = tree.read_layers(root)
    sources, shell, remarks = [], [], []
    for path in find_paths(root):
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # data, or gone since it was listed
        if path.endswith(MARKED_SUFFIXES) or text.startswith("#!"):
            files.check_spdx(path, text, add)
        if path.endswith(C_SUFFIXES):
            files.check_columns(path, text, add)
            source = CSource(path, text)
            sources.append(source)
            check_c(source, layers, root, add)
        if is_shell(path, text):
            shell.append(path)
    tree.check_shared_headers(sources, add)
    tree.check_pairs(sources, add)
    document = os.path.join(root, "ARCHITECTURE.md")
    if os.path.exists(document):
        functions = {f.name for s in sources for f in s.functions} | outside.declared_symbols(root)
        with open(document, encoding="utf-8") as file:
            tree.check_document("ARCHITECTURE.md", file.read(), root, functions, add)
    outside.check_maps(root, add)
    if build:
        outside.check_libraries(root, build, add)
    if not outside.check_shell(root, shell, add):
        remarks.append("no shellcheck: shell scripts were not checked")
    if with_format and not outside.check_format(root, [s.path for s in sources], add):
        remarks.append("no clang-format 14: formatting was not checked")
    return remarks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", help="a build folder: check the libraries in it")
    parser.add_argument("--no-format", action="store_true", help="do not run clang-format")
    parser.add_argument("--root", default=ROOT, help="the tree to check")
    parser.add_argument("paths", nargs="*", help="show only findings below these")
    options = parser.parse_args()

    findings = Findings(read_exceptions(options.root))
    remarks = check_tree(options.root, findings, not options.no_format, options.build)
    findings.add_unused_exceptions()

    wanted = tuple(p.rstrip("/") for p in options.paths)
    shown = [f for f in sorted(findings.list) if not wanted or f[0].startswith(wanted)]
    for path, line, rule, text in shown:
        print(f"{path}:{line}: {rule}: {text}")
    for remark in remarks:
        print(f"tidy: {remark}")
    print(f"tidy: {len(shown)} findings, {len(findings.used)} exceptions")
    return 1 if shown else 0


if __name__ == "__main__":
    sys.exit(main())

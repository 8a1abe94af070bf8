#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the generated documentation: docs/config.md from the table of options, docs/metrics.md from that of
metrics, and the pages about files from the comments that specify them.

    tools/gen_docs.py ATTLD            writes what `ATTLD --dump-options` and the like print, and the other pages
    tools/gen_docs.py --check ATTLD    writes nothing; exit code 1 if a page is not up to date

The text of docs/config.md is made by src/config/config_docs.c, and that of docs/metrics.md by
src/metric/markdown.c, so that they cannot disagree with the program. A format's page is the first comment of its source file that begins with a title (`# ...`). Of
docs/incidents.md only the table of kinds is made, from src/control/incidents.inc. Manual pages, completions and the
example of settings.toml are gen_operator.py's.
"""
import argparse
import pathlib
import re
import subprocess
import sys

import gen_operator

ROOT = pathlib.Path(__file__).resolve().parent.parent
DUMPED = {  # page: the option that prints it, and how it begins
    "docs/config.md": ("--dump-options", b"# Settings\n"),
    "docs/metrics.md": ("--dump-metrics", b"# Metrics\n"),
}
FORMATS = {  # page: the source that specifies it; one that does not exist yet is left out
    "docs/wal-format.md": "src/persist/wal_format.c",
    "docs/snapshot-format.md": "src/persist/snapshot_format.c",
}
INCIDENTS_PAGE = "docs/incidents.md"
INCIDENTS = "src/control/incidents.inc"


def dumped_page(attld, option, head):
    dump = subprocess.run([attld, option], check=True, timeout=10, stdout=subprocess.PIPE).stdout
    if not dump.startswith(head):
        sys.exit(f"gen_docs: {attld} {option} printed something else")
    return dump


def format_page(source, text):
    """The comment of `text` that begins with a title, as a page that says where it is from."""
    found = re.search(r"^/\*\n(?P<lines> \* # .*\n(?: \*.*\n)*?) \*/$", text, re.MULTILINE)
    if not found:
        sys.exit(f"gen_docs: {source} has no comment that begins with a title")
    lines = [re.sub(r"^ \* ?", "", line) for line in found["lines"].splitlines()]
    origin = f"<!-- Made from {source} by tools/gen_docs.py: change it there. -->"
    return "\n".join([lines[0], origin] + lines[1:] + [""]).encode()


def incidents_page():
    """The page with its table of kinds as the rows of the source say."""
    source = (ROOT / INCIDENTS).read_text(encoding="utf-8")
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    lines = ["| kind | severity | detected by | what is done |", "|---|---|---|---|"]
    for row in re.findall(r"INCIDENT\((.*?)\)\n", source, flags=re.DOTALL):
        words = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', part))
                 for part in re.split(r"(?<=\"),", row)]
        severity = re.search(r"ATTL_SEVERITY_([A-Z]+)", row).group(1).lower()
        lines.append(f"| `{words[0]}` | {severity} | {words[1]} | {words[2]} |")
    page = (ROOT / INCIDENTS_PAGE).read_text(encoding="utf-8")
    return re.sub(r"(<!-- kinds:[^\n]*\n).*?(<!-- end of kinds -->)",
                  lambda found: found[1] + "\n".join(lines) + "\n" + found[2], page,
                  flags=re.DOTALL).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("attld", help="the server's program, as built")
    args = parser.parse_args()
    pages = {page: dumped_page(args.attld, *dump) for page, dump in DUMPED.items()}
    for page, source in FORMATS.items():
        if (ROOT / source).exists():
            pages[page] = format_page(source, (ROOT / source).read_text(encoding="utf-8"))
    pages[INCIDENTS_PAGE] = incidents_page()
    pages.update(gen_operator.pages(ROOT, args.attld))
    outdated = 0
    for page, wanted in pages.items():
        if (ROOT / page).exists() and (ROOT / page).read_bytes() == wanted:
            continue
        if args.check:
            outdated += 1
            print(f"gen_docs: {page} is not up to date: run tools/gen_docs.py")
        else:
            (ROOT / page).write_bytes(wanted)
            print(f"gen_docs: wrote {page}")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())

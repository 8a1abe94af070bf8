#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the generated documentation: docs/config.md from the table of options.

    tools/gen_docs.py ATTLD            writes what `ATTLD --dump-options` prints
    tools/gen_docs.py --check ATTLD    writes nothing; exit code 1 if the file is not up to date

The text itself is made by src/config/config_docs.c, so that it cannot disagree with the program.
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "config.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("attld", help="the server's program, as built")
    args = parser.parse_args()
    dump = subprocess.run([args.attld, "--dump-options"], check=True, timeout=10,
                          stdout=subprocess.PIPE).stdout
    if not dump.startswith(b"# Settings\n"):
        sys.exit(f"gen_docs: {args.attld} --dump-options printed something else")
    if PAGE.exists() and PAGE.read_bytes() == dump:
        return 0
    if args.check:
        print(f"gen_docs: {PAGE.relative_to(ROOT)} is not up to date: run tools/gen_docs.py")
        return 1
    PAGE.write_bytes(dump)
    print(f"gen_docs: wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

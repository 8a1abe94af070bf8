# SPDX-License-Identifier: BSD-2-Clause
"""Rules that other programs know: exported symbols (nm), formatting (clang-format), shell (shellcheck)."""
import os
import re
import shutil
import subprocess

CLANG_FORMAT = ("clang-format-14", "clang-format")
CLANG_FORMAT_MAJOR = "14"  # another version formats differently


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def declared_symbols(root):
    """Functions that attl.h and the headers it includes declare, from text alone."""
    folder, text = os.path.join(root, "include/attl"), ""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".h") and name != "attl_unstable.h":
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.DOTALL)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"\bATTL_(?:API|CHECKED)\b[^;{}(]*?\b(attl_\w+)\s*\(", text))


def mapped_symbols(root, name):
    """Functions that a version script exports; None if there is no such file."""
    path = os.path.join(root, "src", name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.DOTALL)
    text = text.split("local:")[0]
    return set(re.findall(r"^\s*([a-z]\w*)\s*;", text, flags=re.MULTILINE))


def check_maps(root, add):
    """attl.h declares exactly what the two version scripts export."""
    declared = declared_symbols(root)
    mapped = (mapped_symbols(root, "libattl.map") or set()) | (mapped_symbols(root, "libattl-toml.map") or set())
    for name in sorted(declared - mapped):
        add("exports", "src/libattl.map", 1, f"{name} is declared in attl.h and not exported", name)
    for name in sorted(mapped - declared):
        add("exports", "src/libattl.map", 1, f"{name} is exported and not declared in attl.h", name)


def defined(path, *options):
    status, text = run("nm", "-g", "--defined-only", *options, path)
    if status != 0:
        return None
    rows = [line.split() for line in text.split("\n")]
    return {row[2].split("@")[0] for row in rows if len(row) == 3 and row[1] in "TtDdBbRrVvWwi"}


def check_libraries(root, build, add):
    """The built libraries export what the maps say, and libattl.so needs no C++ run time."""
    for library, name in (("libattl.so", "libattl.map"), ("libattl-toml.so", "libattl-toml.map")):
        path = os.path.join(build, library)
        expected = mapped_symbols(root, name)
        if library == "libattl-toml.so" and not os.path.exists(path):
            continue  # toml++ is optional
        found = defined(path, "-D") if os.path.exists(path) else None
        if found is None:
            add("exports", f"src/{name}", 1, f"{library} has not been built")
            continue
        for symbol in sorted(expected - found):
            add("exports", f"src/{name}", 1, f"{symbol} is not in {library}", symbol)
        for symbol in sorted(found - expected):
            add("exports", f"src/{name}", 1, f"{library} exports {symbol}", symbol)
    for symbol in sorted(defined(os.path.join(build, "libattl.a")) or set()):
        if not symbol.startswith("attl_"):
            add("exports", "src/libattl.map", 1, f"libattl.a shows {symbol}", symbol)
    _, needed = run("readelf", "-d", os.path.join(build, "libattl.so"))
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", needed):
        if "stdc++" in name:
            add("exports", "src/libattl.map", 1, f"libattl.so needs {name}: it must stay plain C")


def clang_format():
    for name in CLANG_FORMAT:
        if shutil.which(name):
            _, text = run(name, "--version")
            if re.search(rf"version {CLANG_FORMAT_MAJOR}\.", text):
                return name
    return None


def check_format(root, paths, add):
    """False if there is no clang-format of the right version."""
    program = clang_format()
    if not program:
        return False
    _, text = run(program, "--dry-run", *[os.path.join(root, p) for p in paths])
    places = {}
    for match in re.finditer(r"^(.+?):(\d+):\d+: warning: code should be", text, flags=re.MULTILINE):
        places.setdefault(os.path.relpath(match.group(1), root), []).append(int(match.group(2)))
    for path, lines in places.items():
        add("format", path, lines[0], f"clang-format differs in {len(set(lines))} lines: make format")
    return True


def check_shell(root, paths, add):
    """False if there is no shellcheck."""
    if not shutil.which("shellcheck"):
        return False
    if not paths:
        return True
    _, text = run("shellcheck", "-x", "-f", "gcc", "-P", root, *[os.path.join(root, p) for p in paths])
    for match in re.finditer(r"^(.+?):(\d+):\d+: \w+: (.*)$", text, flags=re.MULTILINE):
        add("shell", os.path.relpath(match.group(1), root), int(match.group(2)), match.group(3))
    return True

# SPDX-License-Identifier: BSD-2-Clause
"""Rules about the tree: who includes whom, which functions come in pairs, what the texts refer to."""
import os
import re
from collections import Counter

SHARED_HEADER_SHARE = 0.35  # above this, a header is one that everyone includes
SHARED_HEADER_FILES = 20    # too few files to speak of a share
# Statements about operating systems; layers below the network get them through src/os.
SYSTEM_HEADERS = re.compile(r"^(sys/|netinet/|arpa/|linux/|net/)|^(pthread|unistd|fcntl|poll|sched|"
                            r"signal|termios|dlfcn|syslog|netdb)\.h$")
PAIRS = {"_new": ("_free", "_drop"), "_open": ("_close",), "_ref": ("_unref",)}


class Layers(dict):
    """{folder: level}; `doors` has for some folders (folder, the one header of it they may include)."""
    doors = {}


def read_layers(root):
    layers = Layers()
    layers.doors = {}
    with open(os.path.join(root, "tools/layers.txt"), encoding="utf-8") as file:
        for line in file:
            match = re.match(r"([a-z]+) (\d+)(?: ((\w+)/\S+))?$", line.strip())
            if match:
                layers[match.group(1)] = int(match.group(2))
                if match.group(3):
                    layers.doors[match.group(1)] = (match.group(4), match.group(3))
    return layers


def layer_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def includes(source):
    """(name, is_quoted, line) for each #include."""
    for directive in source.directives:
        match = re.match(r'include\s+(?:"([^"]+)"|<([^>]+)>)', directive.text)
        if match:
            yield (match.group(1) or match.group(2), match.group(1) is not None, directive.line)


def check_includes(source, layers, root, add):
    layer = layer_of(source.path)
    if layer not in layers:
        add("layers", source.path, 1, f"folder '{layer}' is not in tools/layers.txt")
        return
    doors = getattr(layers, "doors", {})  # tests of the rules pass plain dicts
    for name, quoted, line in includes(source):
        target = name.split("/")[0]
        if not quoted:
            if target in layers and "/" in name and os.path.exists(os.path.join(root, "src", name)):
                add("include-form", source.path, line, f'write #include "{name}"')
            continue
        if not os.path.exists(os.path.join(root, "src", name)):
            add("include-form", source.path, line, f'"{name}" is not a path under src/')
        elif target != layer and layers.get(target, 99) >= layers[layer]:
            add("layers", source.path, line,
                f"{layer} (level {layers[layer]}) includes {name} (level {layers.get(target)}): "
                "includes point down")
        elif layer in doors and target == doors[layer][0] and name != doors[layer][1]:
            add("layers", source.path, line, f"{layer} knows of {target} only {doors[layer][1]}")


def check_own_header_first(source, root, add):
    own = re.sub(r"^src/(.*)\.(c|cpp)$", r"\1.h", source.path)
    if not os.path.exists(os.path.join(root, "src", own)):
        return
    first = next(includes(source), None)
    if first is None or first[0] != own:
        add("own-header", source.path, first[2] if first else 1,
            f'the first include must be "{own}", so that the header is known to stand alone')


def check_system_headers(source, layers, add):
    layer = layer_of(source.path)
    if layer == "os" or layers.get(layer, 0) >= layers.get("net", 8):
        return
    for name, quoted, line in includes(source):
        if not quoted and SYSTEM_HEADERS.match(name):
            add("system-header", source.path, line, f"<{name}> belongs into src/os", name)


def check_shared_headers(sources, add):
    files = [s for s in sources if s.path.startswith("src/") and s.path.endswith(".c")]
    if len(files) < SHARED_HEADER_FILES:
        return
    counts = Counter(name for s in files for name, quoted, _ in includes(s) if quoted)
    for name, count in counts.items():
        if count > SHARED_HEADER_SHARE * len(files) and not name.startswith("base/"):
            add("shared-header", "src/" + name, 1,
                f"{count} of {len(files)} files include it: split it by who needs what", name)


def check_examples(source, add):
    for name, quoted, line in includes(source):
        if quoted:
            add("example", source.path, line, f'"{name}": an example uses the public header only')


def check_pairs(sources, add):
    """What is made can be unmade: x_new and x_free (x_drop, if counted), x_open and x_close."""
    for source in sources:
        if not source.path.endswith(".h") or source.path.startswith("tests/"):
            continue
        declared = {}
        for i, token in enumerate(source.tokens[:-1]):
            if token.kind == "word" and source.tokens[i + 1].text == "(":
                declared.setdefault(token.text, token.line)
        for name, line in declared.items():
            for made, unmade in PAIRS.items():
                noun = name[:-len(made)]
                if name.endswith(made) and not any(noun + end in declared for end in unmade):
                    add("pairs", source.path, line, f"{name} without {noun}{unmade[0]}", name)


def check_public_comments(source, add):
    """Each public declaration stands under a comment that says since when it exists."""
    ends = {c.end_line: c for c in source.comments}
    for number, line in enumerate(source.lines, 1):
        if not re.match(r"ATTL_(API|CHECKED)\b", line):
            continue
        at = number - 1
        while at > 0 and at not in ends and source.lines[at - 1].strip():
            at -= 1
        if at not in ends or "Since" not in ends[at].text:
            name = re.search(r"(attl_\w+)\(", line)
            add("public-comment", source.path, number,
                f"{name.group(1) if name else line}: no comment with 'Since'")


def check_document(path, text, root, functions, add):
    """Names in backticks of ARCHITECTURE.md exist: files, and functions written with ()."""
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w]+\(\)", name) and name[:-2] not in functions:
                add("document", path, number, f"`{name}` is no function of ours")
            elif re.fullmatch(r"(?:src|include|tests|tools|scripts|cmake|examples|docs)/[\w./-]+", name) \
                    and not os.path.exists(os.path.join(root, name)):
                add("document", path, number, f"`{name}` does not exist")

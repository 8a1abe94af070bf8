# SPDX-License-Identifier: BSD-2-Clause
"""Rules about one file: its first lines, its size, its functions, what it calls and what it owns."""
import re

from .csource import comment_words, sentences

LIMIT_C_LINES = 600
LIMIT_H_LINES = 250
LIMIT_PUBLIC_LINES = 700
LIMIT_COLUMNS = 100
LIMIT_FUNCTION_LINES = 70
LIMIT_PARAMS = 6
LIMIT_DEPTH = 4
LIMIT_BRANCHES = 15  # McCabe's number, a switch counted once
LIMIT_SENTENCES = 3

SPDX = "SPDX-License-Identifier: BSD-2-Clause"

BANNED = {
    "strcpy": "snprintf or memcpy with a checked length", "strcat": "struct buf",
    "strncpy": "memcpy with a checked length", "strncat": "struct buf", "stpcpy": "struct buf",
    "sprintf": "snprintf with a checked result", "vsprintf": "vsnprintf with a checked result",
    "gets": "fgets", "strtok": "a parser over attl_slice", "atoi": "num_parse_i64",
    "atol": "num_parse_i64", "atoll": "num_parse_i64", "atof": "strtod with its end checked",
    "gmtime": "gmtime_r", "localtime": "localtime_r", "ctime": "strftime", "asctime": "strftime",
    "alloca": "a named limit and an array, or struct buf", "rand": "a generator given as an argument",
    "srand": "a generator given as an argument", "random": "a generator given as an argument",
    "drand48": "a generator given as an argument", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    "setjmp": "a status", "longjmp": "a status",
}
# Time and randomness come in as arguments; src/os is where they come from.
SYSTEM_STATE = {"clock_gettime", "gettimeofday", "time", "clock", "nanosleep", "clock_nanosleep",
                "usleep", "sleep", "getrandom", "getentropy"}
# Names of integers that say a quantity and not its unit.
UNITLESS = re.compile(r"(?:^|(?<!items)_)(?:ttl|timeout|deadline|delay|interval|latency|elapsed|duration)$")
# (A plain int of such a name is a truth value or a file descriptor's option.)
INTEGER = re.compile(r"^(?:u?int(?:8|16|32|64)_t|unsigned|long|size_t|ssize_t|time_t|double)$")
# The condition every build of the checks depends on; everything else varies in src/os.
ALLOWED_CONDITIONS = {"ATTL_SLOW_CHECKS", "__cplusplus"}


def check_spdx(path, text, add):
    lines = text.split("\n", 2)
    first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    if SPDX not in first:
        add("spdx", path, 1, f"the first line must say {SPDX}")


def check_columns(path, text, add):
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LIMIT_COLUMNS:
            add("columns", path, number, f"{len(line)} columns, the limit is {LIMIT_COLUMNS}")
        if line != line.rstrip() or "\t" in line:
            add("whitespace", path, number, "trailing white space or a tab")


def check_size(source, add):
    limit = LIMIT_H_LINES if source.path.endswith(".h") else LIMIT_C_LINES
    if source.path.startswith("include/"):
        limit = LIMIT_PUBLIC_LINES
    lines = source.text.count("\n")
    if lines > limit:
        add("file-lines", source.path, lines, f"{lines} lines, the limit is {limit}: split it by noun")


def check_header_comment(source, add):
    """The comment after the SPDX line says what this is, the idea, the invariant, who owns; for a test
    a sentence is enough, its cases have names."""
    comments = [c for c in source.comments if SPDX not in c.text]
    first_code = source.tokens[0].line if source.tokens else len(source.lines)
    if not comments or comments[0].line > min(first_code, 4):
        add("header", source.path, 2, "no header comment after the SPDX line")
        return
    wanted = 1 if source.path.startswith(("tests/", "examples/")) else LIMIT_SENTENCES
    found = sentences(comment_words(comments[0].text))
    if found < wanted:
        add("header", source.path, comments[0].line,
            f"the header comment has {found} sentences, at least {wanted} are wanted: "
            "what this is, the idea, the invariant, who owns and locks")


def check_functions(source, add):
    for f in source.functions:
        lines = f.end_line - f.line + 1
        if lines > LIMIT_FUNCTION_LINES:
            add("function-lines", source.path, f.line,
                f"{f.name} has {lines} lines, the limit is {LIMIT_FUNCTION_LINES}", f.name)
        if f.params > LIMIT_PARAMS:
            add("params", source.path, f.line,
                f"{f.name} has {f.params} parameters, the limit is {LIMIT_PARAMS}", f.name)
        if f.depth > LIMIT_DEPTH:
            add("depth", source.path, f.depth_line,
                f"{f.name} is indented {f.depth} levels, the limit is {LIMIT_DEPTH}", f.name)
        if f.branches > LIMIT_BRANCHES:
            add("complexity", source.path, f.line,
                f"{f.name} branches {f.branches} ways, the limit is {LIMIT_BRANCHES}", f.name)
        if not f.name_starts_line:
            add("name-line", source.path, f.line, f"{f.name} does not start its line", f.name)
    for name, line in source.labels:
        if name != "out":
            add("label", source.path, line, f"label '{name}': the only label is 'out'", name)


def check_calls(source, in_os, is_product, add):
    tokens = source.tokens
    for i, token in enumerate(tokens[:-1]):
        if token.kind != "word" or tokens[i + 1].text != "(":
            continue
        if i and tokens[i - 1].text in (".", "->"):
            continue  # a member of that name
        if token.text in BANNED:
            add("banned", source.path, token.line, f"{token.text}: use {BANNED[token.text]}", token.text)
        elif is_product and not in_os and token.text in SYSTEM_STATE:
            add("system-state", source.path, token.line,
                f"{token.text} outside src/os: take it as an argument, or call what os/ wraps",
                token.text)


def check_todo(path, comments, add):
    for comment in comments:
        for offset, line in enumerate(comment.text.split("\n")):
            if re.search(r"\b(FIXME|XXX|HACK)\b", line) or \
                    re.search(r"\bTODO\b(?!\(#\d+\))", line):
                add("todo", path, comment.line + offset, "write TODO(#issue), or do it")


def check_dead_code(source, add):
    """A line of a comment that is a statement."""
    statement = re.compile(
        r"^(?:return\b.*|(?:[\w>.\[\]*-]+\s+)?[\w>.\[\]*-]+\s*(?:[-+|&]?=\s.*|\([^()]*\)));$")
    for comment in source.comments:
        for offset, line in enumerate(comment_words(comment.text).split("\n")):
            if statement.match(line.strip()):
                add("dead-code", source.path, comment.line + offset, "commented-out code")


def check_state(source, add):
    for variable in source.variables:
        add("mutable-state", source.path, variable.line,
            f"'{variable.name}' is mutable and outlives calls: put it into a struct", variable.name)


def check_conditions(source, in_os, add):
    """#if belongs to src/os; a header's guard is the only other one."""
    path = source.path
    conditions = [d for d in source.directives if re.match(r"(if|ifdef|ifndef|elif)\b", d.text)]
    if path.endswith(".h"):
        guard = "ATTL_" + re.sub(r"\W", "_", re.sub(r"^(src|include/attl|include|tests)/", "", path)).upper()
        if path.startswith("tests/"):
            guard = None
        first = conditions[0].text if conditions else ""
        if guard and first != f"ifndef {guard}":
            add("guard", path, conditions[0].line if conditions else 1,
                f"the include guard must be {guard}")
        conditions = conditions[1:]
    if in_os or path.startswith("include/"):
        return
    for condition in conditions:
        names = set(re.findall(r"[A-Za-z_]\w*", condition.text)) - {"if", "ifdef", "ifndef", "elif", "defined"}
        if not names <= ALLOWED_CONDITIONS:
            add("ifdef", path, condition.line, f"#{condition.text}: only src/os may depend on the platform")


def check_units(source, add):
    tokens = source.tokens
    for i in range(1, len(tokens) - 1):
        if tokens[i].kind == "word" and UNITLESS.search(tokens[i].text) \
                and INTEGER.match(tokens[i - 1].text) and tokens[i + 1].text in (";", ",", ")", "="):
            add("unit", source.path, tokens[i].line,
                f"'{tokens[i].text}' has no unit: _ms, _us, _ns, _s", tokens[i].text)

# SPDX-License-Identifier: BSD-2-Clause
"""Reads a C file into what the rules need: tokens, comments, preprocessor lines, functions, variables.

This is a tokenizer and a matcher of brackets, not a parser. It relies on the house style (clang-format
runs first in everyone's mind): control statements are words before a parenthesis, a definition's name
starts its line. Where it cannot tell, it says nothing, so that a finding is a finding.
"""
import re
from collections import namedtuple

Token = namedtuple("Token", "text line column kind")  # kind: word, number, string, op
Comment = namedtuple("Comment", "text line end_line")
Directive = namedtuple("Directive", "text line")  # text without '#', continuation lines joined
Function = namedtuple("Function",
                      "name line end_line params depth depth_line branches name_starts_line")
Variable = namedtuple("Variable", "name line")

CONTROL = {"if", "for", "while", "switch"}
BRANCHES = CONTROL | {"&&", "||", "?"}
OPEN, CLOSE = "([{", ")]}"

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>L?"(?:\\.|[^"\\\n])*")
      | (?P<char>L?'(?:\\.|[^'\\\n])*')
      | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)
      | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<op>->|\+\+|--|<<=|>>=|\.\.\.|[-+*/%&|^=!<>]=|&&|\|\||<<|>>|[^\s\w])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE)


class CSource:
    """One C or C++ file, taken apart."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.tokens = []
        self.comments = []
        self.directives = []
        self._scan()
        self.functions = []
        self.variables = []  # mutable, with static storage
        self.labels = []     # (name, line)
        self._walk()

    def _scan(self):
        line, counted, line_start = 1, 0, 0
        for match in _TOKEN.finditer(self.text):
            newlines = self.text.count("\n", counted, match.start())
            if newlines:
                line += newlines
                line_start = self.text.rfind("\n", 0, match.start()) + 1
            counted = match.start()
            text, kind = match.group(), match.lastgroup
            if kind == "comment":
                self.comments.append(Comment(text, line, line + text.count("\n")))
            elif kind == "directive":
                self._scan_directive(text, line)
            else:
                kind = "string" if kind == "char" else kind
                self.tokens.append(Token(text, line, match.start() - line_start, kind))

    def _scan_directive(self, text, line):
        for comment in re.finditer(r"/\*.*?\*/", text, re.DOTALL):
            at = line + text.count("\n", 0, comment.start())
            self.comments.append(Comment(comment.group(), at, at + comment.group().count("\n")))
        bare = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL).replace("\\\n", " ")
        self.directives.append(Directive(bare.strip().lstrip("#").strip(), line))

    def _matching(self, start):
        """The index of the bracket that closes the one at `start`."""
        depth = 0
        for i in range(start, len(self.tokens)):
            text = self.tokens[i].text
            if self.tokens[i].kind == "op":
                if text in OPEN:
                    depth += 1
                elif text in CLOSE:
                    depth -= 1
                    if depth == 0:
                        return i
        return len(self.tokens) - 1

    def _walk(self):
        """Splits the file scope into declarations and hands each on."""
        i, first = 0, 0
        while i < len(self.tokens):
            token = self.tokens[i]
            if token.kind == "op" and token.text in "([":
                i = self._matching(i)
            elif token.text == "{" and token.kind == "op":
                head = without_attributes(self.tokens[first:i])
                if len(head) >= 2 and head[-2].text == "extern" and head[-1].kind == "string":
                    first = i + 1  # extern "C" { : its contents are at file scope
                elif is_namespace(head):
                    first = i + 1
                else:
                    end = self._matching(i)
                    if is_function_head(head):
                        self._take_function(head, i, end)
                        first = end + 1
                    i = end
            elif token.text == ";":
                self._take_declaration(self.tokens[first:i])
                first = i + 1
            elif token.text == "}":
                first = i + 1
            i += 1

    def _take_function(self, head, start, end):
        paren = next(k for k, t in enumerate(head) if t.text == "(")
        name = head[paren - 1]
        params = count_params(head[paren:])
        indent = self.lines[name.line - 1][:name.column].strip(" \t*")
        depth, depth_line = self._depth(start, end)
        branches = 1 + sum(t.text in BRANCHES for t in self.tokens[start:end])
        self.functions.append(Function(name.text, name.line, self.tokens[end].line, params, depth,
                                       depth_line, branches, indent == ""))
        self._take_locals(start, end)

    def _depth(self, start, end):
        """The deepest level at which a statement of the body starts, and where. The body is level 1."""
        deepest, where = 0, self.tokens[start].line
        keyword_of = []  # for each open parenthesis: was it a control statement's?
        starts = True
        skip_to = -1
        for i in range(start + 1, end):
            token = self.tokens[i]
            if i < skip_to:
                continue
            if starts and self.lines[token.line - 1][:token.column].strip() == "" and token.text != "}":
                level = token.column // 4
                if level > deepest and token.text not in ("case", "default"):
                    deepest, where = level, token.line
            starts = False
            if token.kind != "op":
                starts = token.text in ("else", "do")
            elif token.text == "(":
                keyword_of.append(self.tokens[i - 1].text in CONTROL)
            elif token.text == ")" and keyword_of:
                starts = keyword_of.pop()
            elif token.text == "{" and self._is_initialiser(i):
                skip_to = self._matching(i) + 1
            elif token.text in "{};" and not keyword_of:
                starts = True
            elif token.text == ":" and self._ends_label(i, start):
                starts = True
        return deepest, where

    def _is_initialiser(self, i):
        before = self.tokens[i - 1]
        if before.text in ("=", ",", "(", "return", "[", "{") and before.text != "{":
            return True
        if before.text != ")":
            return False
        depth = 0
        for k in range(i - 1, 0, -1):
            if self.tokens[k].text == ")":
                depth += 1
            elif self.tokens[k].text == "(":
                depth -= 1
                if depth == 0:
                    previous = self.tokens[k - 1]
                    return previous.kind != "word" or previous.text in ("return", "sizeof")
        return False

    def _ends_label(self, i, start):
        for k in range(i - 1, start, -1):
            if self.tokens[k].text in ("case", "default"):
                return True
            if self.tokens[k].text in (";", "{", "}", "?"):
                return k == i - 2
        return False

    def _take_locals(self, start, end):
        """Static variables and labels of a function's body."""
        for i in range(start + 1, end):
            token = self.tokens[i]
            before = self.tokens[i - 1].text
            if token.text == "static" and token.kind == "word":
                stop = next((k for k in range(i, end) if self.tokens[k].text in (";", "=")), end)
                self._take_declaration(self.tokens[i:stop])
            elif (token.text == ":" and self.tokens[i - 1].kind == "word"
                  and self.tokens[i - 2].text in (";", "{", "}") and before != "default"
                  and self.tokens[i + 1].text != ":"):
                self.labels.append((before, token.line))

    def _take_declaration(self, tokens):
        tokens = without_attributes(tokens)
        words = [t.text for t in tokens]
        if not tokens or words[0] in ("typedef", "extern", "using", "namespace", "template",
                                      "_Static_assert", "static_assert"):
            return
        head = tokens[:words.index("=")] if "=" in words else tokens
        head = without_bodies(head)
        words = [t.text for t in head]
        if self.path.endswith(".h") and "static" not in words:
            return  # functions declared through a typedef; a header defines nothing
        if "(" in words and "*" not in words[words.index("("):words.index("(") + 2]:
            return  # a prototype
        if len(words) < 2 or (words[0] in ("struct", "union", "enum") and len(words) <= 2):
            return  # a type, not a variable
        if "constexpr" in words or "sig_atomic_t" in words:
            return  # what a signal handler sets has no other place to be
        last_star = len(words) - 1 - words[::-1].index("*") if "*" in words else -1
        if "const" in words[last_star + 1:]:
            return
        names = [t for t in head[:words.index("[")] if t.kind == "word"] if "[" in words else \
                [t for t in head if t.kind == "word"]
        if names:
            self.variables.append(Variable(names[-1].text, names[-1].line))


def without_attributes(tokens):
    """Drops __attribute__((...)), _Alignas(...), [[...]] from a run of tokens."""
    kept, i = [], 0
    while i < len(tokens):
        if tokens[i].text in ("__attribute__", "_Alignas", "alignas") and i + 1 < len(tokens):
            i = skip_group(tokens, i + 1)
        else:
            kept.append(tokens[i])
            i += 1
    return kept


def skip_group(tokens, i):
    """The index after the bracketed group that starts at `i`."""
    depth = 0
    while i < len(tokens):
        if tokens[i].text in ("(", "[", "{"):
            depth += 1
        elif tokens[i].text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return i


def without_bodies(tokens):
    """Drops { ... } groups: the members of a struct whose variable is declared with it."""
    kept, i = [], 0
    while i < len(tokens):
        if tokens[i].text == "{":
            i = skip_group(tokens, i)
        else:
            kept.append(tokens[i])
            i += 1
    return kept


def is_namespace(head):
    return bool(head) and head[0].text == "namespace"


def is_function_head(head):
    words = [t.text for t in head]
    if "(" not in words or "=" in words or words[0] == "typedef":
        return False
    paren = words.index("(")
    return paren > 0 and head[paren - 1].kind == "word" and words[-1] in (")", "const", "noexcept")


def count_params(tokens):
    """How many parameters the parenthesis at the start of `tokens` holds."""
    depth, commas, words = 0, 0, []
    for token in tokens:
        if token.text in ("(", "["):
            depth += 1
        elif token.text in (")", "]"):
            depth -= 1
            if depth == 0:
                break
        elif token.text == "," and depth == 1:
            commas += 1
        words.append(token.text)
    return 0 if words in (["("], ["(", "void"]) else commas + 1


def comment_words(text):
    """A comment's text without its frame."""
    text = re.sub(r"^/\*+|\*+/$|^//", "", text.strip())
    return "\n".join(re.sub(r"^\s*\*( |$)", "", line) for line in text.split("\n")).strip()


def sentences(text):
    """How many sentences a comment has; abbreviations and versions do not end one."""
    text = re.sub(r"\b(e\.g|i\.e|etc|vs|cf)\.", "", text)
    return len(re.findall(r"[\w)\"'`*>\]][.!?](?=\s|$)", text))

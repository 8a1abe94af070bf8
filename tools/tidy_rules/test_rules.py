# SPDX-License-Identifier: BSD-2-Clause
"""Each rule of tidy finds what it is for, and leaves good code alone. Run by ctest as check/tidy_rules."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from tidy_rules import files, outside, tree  # noqa: E402
from tidy_rules.csource import CSource, comment_words, sentences  # noqa: E402

HEAD = "/* SPDX-License-Identifier: BSD-2-Clause */\n/* One. Two. Three. */\n"


def found(check, text, *args, path="src/cache/x.c", with_source=True):
    """The rules and names a check reports for a text."""
    findings = []

    def add(rule, _path, line, text, name="-"):
        findings.append((rule, line, name))
        assert text

    if with_source:
        check(CSource(path, text), *args, add)
    else:
        check(path, text, *args, add)
    return findings


def rules(*args, **options):
    return [rule for rule, _, _ in found(*args, **options)]


def function(body, head="static int\nwork(int a)"):
    return f"{head}\n{{\n{body}}}\n"


class Files(unittest.TestCase):
    def test_spdx(self):
        self.assertEqual(rules(files.check_spdx, "int x;\n", with_source=False), ["spdx"])
        self.assertEqual(rules(files.check_spdx, HEAD, with_source=False), [])
        self.assertEqual(rules(files.check_spdx, "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\n",
                               with_source=False), [])

    def test_columns(self):
        self.assertEqual(rules(files.check_columns, "x" * 101 + "\n", with_source=False), ["columns"])
        self.assertEqual(rules(files.check_columns, "x" * 100 + "\n", with_source=False), [])
        self.assertEqual(rules(files.check_columns, "x \n", with_source=False), ["whitespace"])

    def test_size(self):
        self.assertEqual(rules(files.check_size, "\n" * 601), ["file-lines"])
        self.assertEqual(rules(files.check_size, "\n" * 600), [])
        self.assertEqual(rules(files.check_size, "\n" * 251, path="src/cache/x.h"), ["file-lines"])

    def test_header_comment(self):
        self.assertEqual(rules(files.check_header_comment, HEAD + "int x;\n"), [])
        two = HEAD.replace(" Three.", "")
        self.assertEqual(rules(files.check_header_comment, two), ["header"])
        self.assertEqual(rules(files.check_header_comment, two, path="tests/unit/test_x.c"), [])
        self.assertEqual(rules(files.check_header_comment, HEAD.split("\n")[0] + "\nint x;\n/* A. B. C. */"),
                         ["header"])

    def test_sentences(self):
        self.assertEqual(sentences("Version 1.2 of a.b, e.g. this. And `that`. Done!"), 3)
        self.assertEqual(comment_words("/*\n * One\n *   two\n */"), "One\n  two")

    def test_function_length(self):
        self.assertEqual(rules(files.check_functions, function("    a++;\n" * 67)), [])
        self.assertEqual(rules(files.check_functions, function("    a++;\n" * 68)), ["function-lines"])

    def test_params(self):
        head = "static int\nwork(int a, int b, int c, int d, int e, int (*f)(int, int)%s)"
        self.assertEqual(rules(files.check_functions, function("", head % "")), [])
        self.assertEqual(rules(files.check_functions, function("", head % ", int g")), ["params"])

    def test_depth(self):
        four = "    if (a)\n        for (;;)\n            while (a)\n                a++;\n"
        five = four[:-1].replace("a++;", "if (a)") + "\n                    a++;\n"
        self.assertEqual(rules(files.check_functions, function(four)), [])
        self.assertEqual(found(files.check_functions, function(five)), [("depth", 8, "work")])

    def test_depth_is_not_alignment(self):
        body = ("    return call(a,\n                        a);\n"
                "    struct p p = { .x = 1,\n                     .y = 2 };\n"
                "    long_name = a ? 1\n                    : 2;\n"
                "    take((struct p){\n                    .x = 1 });\n")
        self.assertEqual(rules(files.check_functions, function(body)), [])

    def test_complexity(self):
        body = "    if (a && b)\n        a++;\n    a = a ? b : c;\n" * 4
        self.assertEqual(rules(files.check_functions, function(body + "    if (a || b)\n        a++;\n")), [])
        self.assertEqual(rules(files.check_functions, function(body + "    a = a ? b : c;\n" * 3)),
                         ["complexity"])

    def test_name_starts_line(self):
        self.assertEqual(rules(files.check_functions, "static int work(void)\n{\n}\n"), ["name-line"])
        self.assertEqual(rules(files.check_functions, "static int *\nwork(void)\n{\n}\n"), [])

    def test_functions_are_recognised(self):
        text = ("struct s { int (*fn)(int); };\nint prototype(int);\n"
                "static const int table[] = { 1, 2 };\n"
                "__attribute__((noinline)) static void\none(void)\n{\n}\n"
                'extern "C" {\nvoid\ntwo(void)\n{\n}\n}\n'
                "#define MACRO(x) \\\n    do {      \\\n    } while (0)\n"
                "struct s *\nthree(struct s *s) { return s; }\n")
        self.assertEqual([f.name for f in CSource("src/a/b.c", text).functions], ["one", "two", "three"])

    def test_labels(self):
        self.assertEqual(rules(files.check_functions, function("    goto out;\nout:\n    return 1;\n")), [])
        self.assertEqual(rules(files.check_functions, function("    goto end;\nend:\n    return 1;\n")), ["label"])
        switch = "    switch (a) {\n    case ONE:\n    default:\n        a = a ? b : c;\n    }\n"
        self.assertEqual(rules(files.check_functions, function(switch)), [])

    def test_banned_calls(self):
        self.assertEqual(found(files.check_calls, "int x = strcpy(a, b);", False, True),
                         [("banned", 1, "strcpy")])
        self.assertEqual(rules(files.check_calls, "s->rand(1); /* strcpy() */ \"strcpy(\";", False, True), [])
        self.assertEqual(rules(files.check_calls, "time(NULL);", False, True), ["system-state"])
        self.assertEqual(rules(files.check_calls, "time(NULL);", True, True), [])
        self.assertEqual(rules(files.check_calls, "time(NULL);", False, False), [])

    def test_todo(self):
        for text, expected in (("/* TODO: later */", ["todo"]), ("/* TODO(#12): later */", []),
                               ("/* XXX */", ["todo"]), ('"TODO"', [])):
            comments = CSource("src/a/b.c", text).comments
            got = []
            files.check_todo("src/a/b.c", comments, lambda rule, *_: got.append(rule))
            self.assertEqual(got, expected, text)

    def test_dead_code(self):
        for text in ("/* return x; */", "/*\n * count = count + 1;\n */", "// free(p);"):
            self.assertEqual(rules(files.check_dead_code, text), ["dead-code"], text)
        for text in ("/* Frees p; the caller must not. */", "/* x = 1 would wrap */", "/* see f(); and g */"):
            self.assertEqual(rules(files.check_dead_code, text), [], text)

    def test_mutable_state(self):
        for text in ("static int count;", "int count = 3;", "static const char *names[2];",
                     "static struct s { int a; } s;", "static int (*hook)(void);",
                     function("    static int calls;\n"), "static _Thread_local int me;"):
            self.assertEqual(rules(files.check_state, text), ["mutable-state"], text)
        for text in ("static const int limit = 3;", "static const char *const names[] = { \"a\" };",
                     "struct s { int a; };", "enum { A, B };", "int f(void);", "typedef int t;",
                     "static const struct s table[] = { { f(1) } };", "struct s;",
                     "extern int x;", "static volatile sig_atomic_t stop;", function("    static const int c = 1;\n"),
                     "_Static_assert(sizeof(int) == 4, \"int\");", "int f(int a), g(int b);"):
            self.assertEqual(rules(files.check_state, text), [], text)

    def test_conditions(self):
        guard = "#ifndef ATTL_CACHE_X_H\n#define ATTL_CACHE_X_H\n%s#endif\n"
        self.assertEqual(rules(files.check_conditions, guard % "", False, path="src/cache/x.h"), [])
        self.assertEqual(rules(files.check_conditions, "int x;\n", False, path="src/cache/x.h"), ["guard"])
        self.assertEqual(rules(files.check_conditions, guard % "#ifdef __linux__\n#endif\n", False,
                               path="src/cache/x.h"), ["ifdef"])
        self.assertEqual(rules(files.check_conditions, "#if defined(__linux__)\n#endif\n", False), ["ifdef"])
        self.assertEqual(rules(files.check_conditions, "#ifdef ATTL_SLOW_CHECKS\n#endif\n", False), [])
        self.assertEqual(rules(files.check_conditions, "#ifdef __linux__\n#endif\n", True,
                               path="src/os/x.c"), [])

    def test_units(self):
        self.assertEqual(found(files.check_units, "struct s { int64_t ttl; };"), [("unit", 1, "ttl")])
        self.assertEqual(rules(files.check_units, "int f(uint32_t read_timeout, int b);"), ["unit"])
        self.assertEqual(rules(files.check_units, "int64_t ttl_ms; uint64_t items_ttl; int timeout;"), [])


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name
        for name in ("src/base/buf.h", "src/cache/x.h", "src/config/option.h", "src/net/conn.h"):
            self.write(name, "")
        self.layers = {"base": 0, "os": 1, "cache": 2, "config": 2, "net": 8}

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def test_layers(self):
        def includes(text):
            return rules(tree.check_includes, text, self.layers, self.root)
        self.assertEqual(includes('#include "base/buf.h"\n#include "cache/x.h"\n#include <stdio.h>\n'), [])
        self.assertEqual(includes('#include "net/conn.h"\n'), ["layers"])
        self.assertEqual(includes('#include "config/option.h"\n'), ["layers"])
        self.assertEqual(includes('#include "x.h"\n'), ["include-form"])
        self.assertEqual(includes("#include <base/buf.h>\n"), ["include-form"])
        self.assertEqual(rules(tree.check_includes, "", self.layers, self.root, path="src/other/x.c"), ["layers"])

    def test_own_header_first(self):
        good = '#include "cache/x.h"\n#include <stdio.h>\n'
        self.assertEqual(rules(tree.check_own_header_first, good, self.root), [])
        self.assertEqual(rules(tree.check_own_header_first, "#include <stdio.h>\n", self.root), ["own-header"])
        self.assertEqual(rules(tree.check_own_header_first, "", self.root, path="src/cache/lone.c"), [])

    def test_system_headers(self):
        text = "#include <sys/mman.h>\n"
        self.assertEqual(rules(tree.check_system_headers, text, self.layers), ["system-header"])
        self.assertEqual(rules(tree.check_system_headers, text, self.layers, path="src/os/mem.c"), [])
        self.assertEqual(rules(tree.check_system_headers, text, self.layers, path="src/net/conn.c"), [])

    def test_shared_headers(self):
        def share(including):
            sources = [CSource(f"src/cache/f{i}.c", '#include "cache/x.h"\n' if i < including else "")
                       for i in range(20)]
            got = []
            tree.check_shared_headers(sources, lambda rule, *_: got.append(rule))
            return got
        self.assertEqual(share(7), [])
        self.assertEqual(share(8), ["shared-header"])

    def test_pairs(self):
        def pairs(text):
            got = []
            tree.check_pairs([CSource("src/cache/x.h", text)], lambda rule, *_: got.append(rule))
            return got
        self.assertEqual(pairs("struct x *x_new(void);\nvoid x_free(struct x *x);\n"), [])
        self.assertEqual(pairs("struct x *x_new(void);\nvoid x_drop(struct x *x);\n"), [])
        self.assertEqual(pairs("struct x *x_new(void);\n"), ["pairs"])

    def test_public_comments(self):
        good = "/* Does it. Since 0.1. */\nATTL_API void attl_a(void);\nATTL_API void attl_b(void);\n"
        self.assertEqual(rules(tree.check_public_comments, good, path="include/attl/attl.h"), [])
        for bad in ("/* Does it. */\nATTL_API void attl_a(void);\n",
                    "/* Since 0.1. */\n\nATTL_CHECKED int attl_a(void);\n"):
            self.assertEqual(rules(tree.check_public_comments, bad, path="include/attl/attl.h"),
                             ["public-comment"])

    def test_document(self):
        text = "`cache_get()` in `src/cache/x.h`, `src/cache/gone.c`, `lost()`, `a word`\n"
        self.assertEqual(rules(tree.check_document, text, self.root, {"cache_get"}, with_source=False),
                         ["document", "document"])

    def test_maps(self):
        self.write("include/attl/attl.h",
                   "#define ATTL_API x\n/* ATTL_API int attl_no(void); */\nATTL_API const char *attl_a(int s);\n"
                   "ATTL_CHECKED int attl_b(attl *cache,\n    int (*fn)(void));\nATTL_API int attl_c(void);\n")
        self.write("src/libattl.map", "ATTL_0 {\n global:\n  attl_a;\n  attl_b;\n  attl_old;\n local:\n  *;\n};\n")
        self.assertEqual(outside.declared_symbols(self.root), {"attl_a", "attl_b", "attl_c"})
        got = []
        outside.check_maps(self.root, lambda rule, path, line, text, name: got.append(name))
        self.assertEqual(got, ["attl_c", "attl_old"])


if __name__ == "__main__":
    unittest.main(verbosity=0)

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of the benchmarks: one table per program gives the options, their defaults and
 * --help. Only long options, because a benchmark's parameters are read in logs more often than they
 * are typed. The parameters in force are printed first, so that every saved output says how it was
 * made. Owner: main(), before any thread exists.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>

enum { EX_USAGE_STATUS = 64 };

static double
suffix_factor(const char *end)
{
    switch (*end) {
    case 'k': return 1e3;
    case 'M': return 1e6;
    case 'G': return 1e9;
    default: return 1;
    }
}

/* A number with an optional suffix; stops at a comma so that lists can use it. */
static double
number_parse(const char *text, const char **ret_end)
{
    char *end;
    errno = 0;
    double x = strtod(text, &end);
    if (end == text || errno != 0 || x < 0)
        bench_die("\"%s\" is not a number", text);
    double factor = suffix_factor(end);
    if (factor > 1)
        end++;
    if (*end != '\0' && *end != ',')
        bench_die("\"%s\" is not a number", text);
    *ret_end = end;
    return x * factor;
}

static void
arg_print(const struct arg *a, FILE *out)
{
    switch (a->kind) {
    case ARG_U64: (void)fprintf(out, "%llu", (unsigned long long)*(uint64_t *)a->ret_value); break;
    case ARG_REAL: (void)fprintf(out, "%g", *(double *)a->ret_value); break;
    case ARG_TEXT:
        (void)fprintf(out, "%s", *(const char **)a->ret_value ? *(const char **)a->ret_value : "");
        break;
    case ARG_FLAG: (void)fprintf(out, "%s", *(bool *)a->ret_value ? "yes" : "no"); break;
    }
}

static void
arg_store(const struct arg *a, const char *text)
{
    const char *end;
    switch (a->kind) {
    case ARG_U64: *(uint64_t *)a->ret_value = (uint64_t)number_parse(text, &end); break;
    case ARG_REAL: *(double *)a->ret_value = number_parse(text, &end); break;
    case ARG_TEXT: *(const char **)a->ret_value = text; break;
    case ARG_FLAG: *(bool *)a->ret_value = true; break;
    }
}

static void
help_print(const char *program, const char *about, const struct arg *args, size_t n)
{
    (void)printf("usage: %s [options]\n%s\n\noptions (a number takes k, M, G):\n", program, about);
    for (size_t i = 0; i < n; i++) {
        (void)printf("  --%-18s %s (default: ", args[i].name, args[i].help);
        arg_print(&args[i], stdout);
        (void)printf(")\n");
    }
    (void)printf("  --%-18s this text\n", "help");
}

static const struct arg *
arg_find(const struct arg *args, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(args[i].name) == len && memcmp(args[i].name, name, len) == 0)
            return &args[i];
    return NULL;
}

/* Takes one option at argv[i]; returns how many words it used, 0 if it is not understood. */
static int
arg_take(const struct arg *args, size_t n, char **argv, int i)
{
    if (strncmp(argv[i], "--", 2) != 0)
        return 0;
    const char *name = argv[i] + 2, *eq = strchr(name, '=');
    const struct arg *a = arg_find(args, n, name, eq ? (size_t)(eq - name) : strlen(name));
    if (!a)
        return 0;
    if (a->kind == ARG_FLAG || eq) {
        arg_store(a, eq ? eq + 1 : "");
        return 1;
    }
    if (!argv[i + 1])
        return 0;
    arg_store(a, argv[i + 1]);
    return 2;
}

void
args_parse(int argc, char **argv, const char *about, const struct arg *args, size_t n)
{
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) {
            help_print(argv[0], about, args, n);
            exit(0);
        }
        int used = arg_take(args, n, argv, i);
        if (used == 0) {
            (void)fprintf(stderr, "bench: bad option %s; try --help\n", argv[i]);
            exit(EX_USAGE_STATUS);
        }
        i += used;
    }
    (void)printf("# parameters:");
    for (size_t i = 0; i < n; i++) {
        (void)printf(" %s=", args[i].name);
        arg_print(&args[i], stdout);
    }
    (void)printf(" cpus=%u\n", bench_cpus());
    (void)fflush(stdout);
}

unsigned
args_list(const char *text, uint64_t ret_values[BENCH_LIST_MAX])
{
    unsigned n = 0;
    while (*text) {
        if (n == BENCH_LIST_MAX)
            bench_die("more than %d numbers in a list", BENCH_LIST_MAX);
        ret_values[n++] = (uint64_t)number_parse(text, &text);
        if (*text == ',')
            text++;
    }
    return n;
}

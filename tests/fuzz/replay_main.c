/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without libFuzzer, as an ordinary test of every build. Each argument is a file
 * or a folder of files; the target gets every file, and every prefix of it, because a parser's
 * favourite mistake is at the place where the input stops. Each input is copied to a block of
 * exactly its size, so that the address sanitizer and valgrind see a read of one byte too many. No
 * input at all is a failure: a corpus that went missing must not pass as a test.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    INPUT_BYTES_MAX = 1 << 20,
    PREFIXES_MAX = 4096, /* longer inputs are cut at so many places, evenly spread */
    PATH_BYTES_MAX = 4096
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
run_one(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        return -1;
    memcpy(exact, data, len);
    (void)LLVMFuzzerTestOneInput(exact, len); /* always 0; a finding aborts */
    free(exact);
    return 0;
}

static int
run_prefixes(const uint8_t *data, size_t len)
{
    size_t step = len / PREFIXES_MAX + 1;
    for (size_t cut = 0; cut < len; cut += step)
        if (run_one(data, cut) < 0)
            return -1;
    return run_one(data, len);
}

/* 1 if the file was replayed, 0 if it is no plain file, -1 on failure. */
static int
replay_file(const char *path)
{
    static const char too_big[] = "larger than an input may be";
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX + 1);
    int ret = -1;
    if (!file || !data)
        goto out;
    size_t len = fread(data, 1, INPUT_BYTES_MAX + 1, file);
    if (len > INPUT_BYTES_MAX || ferror(file)) {
        (void)fprintf(stderr, "%s: %s\n", path, ferror(file) ? "cannot be read" : too_big);
        goto out;
    }
    ret = run_prefixes(data, len) < 0 ? -1 : 1;
out:
    free(data);
    if (file)
        (void)fclose(file); /* only read from */
    return ret;
}

/* How many files were replayed, or -1. */
static long
replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return -1;
    long files = 0;
    for (struct dirent *entry = readdir(folder); entry && files >= 0; entry = readdir(folder)) {
        char inside[PATH_BYTES_MAX];
        int n = snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        int done = n < 0 || n >= (int)sizeof(inside) ? -1 : replay_file(inside);
        files = done < 0 ? -1 : files + done;
    }
    (void)closedir(folder);
    return files;
}

int
main(int argc, char **argv)
{
    long total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        bool is_folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
        long files = is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
        if (files < 0) {
            (void)fprintf(stderr, "%s: cannot be replayed\n", argv[i]);
            return EXIT_FAILURE;
        }
        total += files;
    }
    (void)printf("%ld files replayed\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a failed check, and the two knobs every long test shares. The seed is taken from the
 * environment so that a failure can be replayed exactly; the scale so that a sanitizer build, which
 * is ten times slower, does less of the same. Nothing here is written after the first call.
 */
#include "check.h"

#include <stdarg.h>
#include <time.h>

uint64_t
test_seed(void)
{
    const char *text = getenv("ATTL_TEST_SEED");
    if (text != NULL && *text != '\0') {
        return strtoull(text, NULL, 0);
    }
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * 1000003 + (uint64_t)t.tv_nsec;
}

/* Defined by the sanitizers' run times, and by nobody else. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

bool
test_is_sanitized(void)
{
    return __asan_init != NULL || __tsan_init != NULL;
}

uint64_t
test_scaled(uint64_t amount)
{
    const char *text = getenv("ATTL_TEST_SCALE");
    double scale = test_is_sanitized() ? 0.1 : 1.0;
    if (text != NULL && *text != '\0') {
        scale = strtod(text, NULL);
    }
    double scaled = (double)amount * scale;
    return scaled < 1.0 ? 1 : (uint64_t)scaled;
}

void
test_announce(const char *name, uint64_t seed)
{
    printf("# %s: ATTL_TEST_SEED=%" PRIu64 "\n", name, seed);
    (void)fflush(stdout); /* so that the seed is seen even if the process dies */
}

void
test_failed(const char *file, int line, const char *what, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut short is fine */
    va_end(args);
    (void)fprintf(stderr, "%s:%d: not so: %s\n    %s\n", file, line, what, text);
    (void)fflush(stdout);
    abort();
}

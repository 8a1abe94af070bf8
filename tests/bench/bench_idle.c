/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a cache costs while nobody uses it: processor time and context switches of the whole process
 * over some seconds, empty or with a million entries whose deadlines are an hour away. Arms: the
 * sweep of everything each 5 and each 30 seconds, which is what the claim of MISSION M9 is measured
 * against, and the cache as it comes. The clock starts after a rest, so that the filling is not
 * counted. One thread, and the cache's own.
 */
#include "bench.h"

#include <sys/resource.h>

enum { REST_S = 3, ARMS = 3, HOUR_MS = 3600 * 1000 };

struct arm {
    const char *name;
    const char *config[8];
    double cpu_ms, switches;
};

static double
switches_now(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        bench_die("getrusage");
    return (double)(u.ru_nvcsw + u.ru_nivcsw);
}

static void
arm_run(struct arm *arm, uint64_t items, uint64_t seconds)
{
    attl *cache = bench_attl_open(arm->config);
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = { 1 };
    for (uint64_t i = 0; i < items; i++) {
        key_write(key, i);
        if (attl_set(cache, attl_b(key, sizeof key), attl_b(value, sizeof value),
                     HOUR_MS + (int64_t)(mix64(i) % HOUR_MS)) < 0)
            bench_die("attl_set");
    }
    bench_sleep_ns(REST_S * UINT64_C(1000000000));
    double from_switches = switches_now();
    uint64_t from_ns = bench_process_cpu_ns();
    bench_sleep_ns(seconds * UINT64_C(1000000000));
    arm->cpu_ms = (double)(bench_process_cpu_ns() - from_ns) / 1e6;
    arm->switches = switches_now() - from_switches - 1; /* our own sleep */
    attl_close(&cache);
}

int
main(int argc, char **argv)
{
    uint64_t items = 1000000, seconds = 60;
    const char *json = NULL;
    const struct arg args[] = {
        { "items", ARG_U64, &items, "entries, whose deadlines are one to two hours away" },
        { "seconds", ARG_U64, &seconds, "of idleness that are measured, a multiple of 30" },
        { "json", ARG_TEXT, &json, "file to append JSON lines to" },
    };
    static struct arm arms[ARMS] = {
        { .name = "sweep each 5 s",
          .config = { "cache.max_memory=0", "cache.max_entries=0", "adaptive.base_interval=5s",
                      "adaptive.reclaim=sweep", NULL } },
        { .name = "sweep each 30 s",
          .config = { "cache.max_memory=0", "cache.max_entries=0", "adaptive.reclaim=sweep",
                      NULL } },
        { .name = "adaptive", .config = { "cache.max_memory=0", "cache.max_entries=0", NULL } },
    };
    args_parse(argc, argv, "What an idle cache costs.", args, sizeof args / sizeof args[0]);
    (void)printf("%-16s %12s %18s %20s %20s\n", "arm", "CPU ms", "context switches",
                 "CPU beside 5 s", "CPU beside 30 s");
    for (int i = 0; i < ARMS; i++) {
        arm_run(&arms[i], items, seconds);
        const struct arm *a = &arms[i];
        (void)printf("%-16s %12.3f %18.0f %20.4f %20.4f\n", a->name, a->cpu_ms, a->switches,
                     a->cpu_ms / arms[0].cpu_ms, i ? a->cpu_ms / arms[1].cpu_ms : 0.0);
        bench_json(json,
                   "{\"bench\":\"idle\",\"arm\":\"%s\",\"items\":%llu,\"seconds\":%llu,"
                   "\"cpu_ms\":%.4f,\"switches\":%.0f}",
                   a->name, (unsigned long long)items, (unsigned long long)seconds, a->cpu_ms,
                   a->switches);
    }
    return 0;
}

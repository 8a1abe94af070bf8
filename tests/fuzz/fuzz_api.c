/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes become calls of the public API on a cache under a simulated clock, compared with the plain
 * map at every step (tests/support/run.h). The first byte chooses the kind of cache: without
 * limits, bounded by entries or memory, with and without eviction. A fuzzer finds sequences random
 * choice does not, such as the same key driven across the same seam of the engine again and again.
 */
#include "support/check.h"
#include "support/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 3000 };

static const struct run_setup setups[] = {
    { .name = "fuzz: no limits",
      .mode = MODEL_BINARY,
      .key_count = 60,
      .value_bytes_max = 20000,
      .big_value_one_in = 20,
      .slow_time_one_in = 10 },
    { .name = "fuzz: 10 entries",
      .mode = MODEL_BINARY,
      .key_count = 40,
      .value_bytes_max = 20000,
      .big_value_one_in = 20,
      .slow_time_one_in = 10,
      .entries_max = 10,
      .evicts = true },
    { .name = "fuzz: noeviction",
      .mode = MODEL_NORMAL,
      .key_count = 40,
      .value_bytes_max = 20000,
      .big_value_one_in = 20,
      .slow_time_one_in = 10,
      .entries_max = 10,
      .refuses = true,
      .options = { { "cache.eviction", "noeviction" } } },
    { .name = "fuzz: 2 MiB",
      .mode = MODEL_RELAXED,
      .key_count = 60,
      .value_bytes_max = 200000,
      .big_value_one_in = 3,
      .slow_time_one_in = 10,
      .memory_max = 2 << 20,
      .evicts = true,
      .refuses = true },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct run *run = malloc(sizeof(*run));
    CHECK(run != NULL, "%zu bytes", sizeof(*run));
    run_init(run, &setups[data[0] % (sizeof(setups) / sizeof(setups[0]))],
             rng_from_bytes(data + 1, size - 1), 0);
    for (int i = 0; i < STEPS_MAX && !rng_is_dry(&run->rng); i++) {
        run_step(run);
    }
    run_fini(run);
    free(run);
    return 0;
}

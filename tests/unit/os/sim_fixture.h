/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two tests of the simulated disk share: one disk per test, and opening without ado.
 */
#ifndef ATTL_TESTS_SIM_FIXTURE_H
#define ATTL_TESTS_SIM_FIXTURE_H

#include "support/sim_disk.h"

enum { TRIES = 400, SECTOR = 512 };

struct fixture {
    struct sim_disk *sim;
    struct disk *d;
};

int sim_fixture_setup(void **state);
int sim_fixture_teardown(void **state);
/* Fails the test if it cannot. */
struct disk_file *must_open(struct disk *d, const char *name, enum disk_mode mode);
/* A synced file under a synced name. */
void put_durably(struct disk *d, const char *name, const char *text);

#define SIM_TEST(f) cmocka_unit_test_setup_teardown(f, sim_fixture_setup, sim_fixture_teardown)

#endif

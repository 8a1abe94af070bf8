/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFO: which sections an argument asks for, who wins when two sources know a field, and the
 * fields tools cannot do without.
 */
#include "command_support.h"

static void
no_argument_gives_the_default_sections(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "INFO");
    static const char *const titles[] = { "# Server",      "# Clients",  "# Memory",
                                          "# Persistence", "# Stats",    "# Replication",
                                          "# CPU",         "# Modules",  "# Errorstats",
                                          "# Cluster",     "# Keyspace", "# Attl" };
    const char *at = f->out.data;
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        at = strstr(at, titles[i]);
        if (!at)
            fail_msg("%s is missing or in the wrong place", titles[i]);
    }
    assert_null(strstr(f->out.data, "# Commandstats"));
    assert_non_null(strstr(f->out.data, "\r\n\r\n# Clients\r\n"));
}

static void
arguments_choose_sections(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "INFO all", "# Commandstats\r\n");
    expect_no_part(f, "INFO all", "# Modules");
    expect_part(f, "INFO everything", "# Modules");
    expect_part(f, "INFO default commandstats", "# Commandstats");
    expect_no_part(f, "INFO KEYSPACE", "# Server");
    expect_part(f, "INFO cpu cpu Server", "# Server");
    expect(f, "INFO nosuch", "$0\r\n\r\n");
    f->session.proto = 3;
    expect(f, "INFO nosuch", "=4\r\ntxt:\r\n");
}

static void
a_field_of_the_host_is_not_written_again(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "INFO server", "\r\narch_bits:65\r\n");
    expect_no_part(f, "INFO server", "arch_bits:64");
    expect_part(f, "INFO server", "\r\nredis_version:7.2.4\r\n");
    expect_part(f, "INFO memory", "used_memory_rss_human:3.00M\r\n");
    expect_part(f, "INFO memory", "used_memory_rss:3145728\r\n");
}

static void
an_empty_database_has_no_line(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "INFO keyspace", "$12\r\n# Keyspace\r\n\r\n");
    expect(f, "SET k v EX 100", OK);
    expect(f, "SET n v", OK);
    expect_part(f, "INFO keyspace", "db0:keys=2,expires=1,avg_ttl=");
}

static void
calls_and_errors_are_counted(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "GET k");
    run(f, "GET k");
    run(f, "GET");
    run(f, "INCRBY k x");
    run(f, "NOSUCH");
    run(f, "CONFIG GET port");
    expect_part(f, "INFO commandstats", "cmdstat_get:calls=2,usec=");
    expect_part(f, "INFO commandstats", ",rejected_calls=1,failed_calls=0\r\n");
    expect_part(f, "INFO commandstats", "cmdstat_config|get:calls=1,");
    run(f, "INFO commandstats");
    const char *incrby = strstr(f->out.data, "cmdstat_incrby:calls=1,");
    assert_non_null(incrby);
    assert_memory_equal(strchr(incrby, '\r') - 32, ",rejected_calls=0,failed_calls=1", 32);
    expect_part(f, "INFO errorstats", "errorstat_ERR:count=3\r\n");
    expect_part(f, "INFO stats", "\r\ntotal_error_replies:3\r\n");
}

static void
tools_find_the_fields_they_read(void **state)
{
    struct fixture *f = fixture_of(state);
    char fields[] = "redis_version redis_mode blocked_clients tracking_clients used_memory "
                    "used_memory_human used_memory_rss used_memory_peak used_memory_overhead "
                    "used_memory_startup used_memory_dataset maxmemory maxmemory_policy "
                    "mem_fragmentation_ratio mem_not_counted_for_evict number_of_cached_scripts "
                    "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time "
                    "rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress "
                    "aof_last_write_status aof_last_bgrewrite_status aof_delayed_fsync "
                    "total_connections_received total_commands_processed instantaneous_ops_per_sec "
                    "keyspace_hits keyspace_misses expired_keys expired_stale_perc "
                    "expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys "
                    "evicted_clients total_eviction_exceeded_time current_eviction_exceeded_time "
                    "tracking_total_keys tracking_total_items tracking_total_prefixes "
                    "rejected_connections total_net_input_bytes total_net_output_bytes role "
                    "connected_slaves master_replid master_repl_offset used_cpu_sys used_cpu_user "
                    "cluster_enabled attl_mem_live attl_records_copied attl_writes_in_place "
                    "attl_expire_lag_ms_max attl_mem_expired_unreclaimed attl_load_loading "
                    "attl_load_won attl_load_filled attl_load_lost attl_load_busy";
    run(f, "INFO");
    char *rest = NULL;
    for (char *field = strtok_r(fields, " ", &rest); field; field = strtok_r(NULL, " ", &rest)) {
        char needle[64];
        (void)snprintf(needle, sizeof needle, "\r\n%s:", field);
        const char *at = strstr(f->out.data, needle);
        if (!at)
            fail_msg("%s is missing", field);
        if (strstr(at + 1, needle))
            fail_msg("%s is there twice", field);
    }
}

static void
loads_are_counted(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "ATTL.FETCH k");
    run(f, "ATTL.FETCH k");
    run(f, "ATTL.FILL k 1 v");
    expect_part(f, "INFO attl", "\r\nattl_load_loading:1\r\n");
    expect_part(f, "INFO attl", "\r\nattl_load_won:1\r\n");
    expect_part(f, "INFO attl", "\r\nattl_load_missed:1\r\n");
    expect_part(f, "INFO attl", "\r\nattl_load_filled:0\r\n");
    expect(f, "SET k v", OK);
    run(f, "ATTL.FETCH k");
    run(f, "ATTL.FETCH other");
    expect_part(f, "INFO attl", "\r\nattl_load_won:2\r\n");
}

static void
the_pace_is_told(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const fields[] = {
        "reclaim_duty:",        "tuner_reason:",         "cleanup_interval:",
        "cleanup_reason:",      "cleanup_cycles:",       "tuner_cycles:",
        "latency_read_p99_ns:", "latency_write_p99_ns:", "latency_limit_ns:"
    };
    run(f, "INFO attl");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (!strstr(f->out.data, fields[i]))
            fail_msg("%s is missing", fields[i]);
    expect_part(f, "INFO attl", "\r\nlatency_limit_ns:200000\r\n"); /* nothing is known yet */
    assert_int_equal(attl_option_set(f->cache, "adaptive.base_interval", "7s", NULL, 0), ATTL_OK);
    assert_int_equal(attl_option_set(f->cache, "adaptive.enabled", "no", NULL, 0), ATTL_OK);
    static const char *const fixed[] = { "\r\nreclaim_duty:1\r\n", "\r\ntuner_reason:off\r\n",
                                         "\r\ncleanup_interval:7.000\r\n",
                                         "\r\ncleanup_reason:fixed\r\n" };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        expect_part(f, "INFO attl", fixed[i]);
    assert_int_equal(attl_option_set(f->cache, "adaptive.enabled", "yes", NULL, 0), ATTL_OK);
    expect_no_part(f, "INFO attl", "tuner_reason:off");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_argument_gives_the_default_sections, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_choose_sections, setup, teardown),
        cmocka_unit_test_setup_teardown(a_field_of_the_host_is_not_written_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_database_has_no_line, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_and_errors_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(loads_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_pace_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(tools_find_the_fields_they_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions behind the rows of the table, by the file that defines them. Each is called with
 * the arity, the authentication and the loading state already checked, and appends exactly one
 * reply to rq->out (CLIENT REPLY OFF and its like drop it afterwards). None keeps a pointer into
 * the request.
 */
#ifndef ATTL_COMMAND_COMMANDS_H
#define ATTL_COMMAND_COMMANDS_H

#include "command/table.h"

/* strings, cmd_string.c and cmd_set.c */
command_fn cmd_get, cmd_set, cmd_setnx, cmd_setex, cmd_psetex, cmd_getset, cmd_getdel, cmd_getex,
    cmd_append, cmd_strlen;

/* several strings at once, cmd_multi.c */
command_fn cmd_mget, cmd_mset, cmd_msetnx, cmd_msetex;

/* parts of strings, cmd_range.c */
command_fn cmd_getrange, cmd_setrange;

/* numbers, cmd_counter.c */
command_fn cmd_incr, cmd_decr, cmd_incrby, cmd_decrby, cmd_incrbyfloat;

/* compare and delete, cmd_digest.c */
command_fn cmd_digest, cmd_delex, cmd_delifeq;

/* keys, cmd_keys.c */
command_fn cmd_del, cmd_exists, cmd_touch, cmd_type, cmd_rename, cmd_renamenx, cmd_copy;

/* finding keys, cmd_scan.c */
command_fn cmd_randomkey, cmd_keys, cmd_scan;

/* lives, cmd_expiry.c */
command_fn cmd_expire, cmd_pexpire, cmd_expireat, cmd_pexpireat, cmd_ttl, cmd_pttl, cmd_expiretime,
    cmd_pexpiretime, cmd_persist;

/* representation and memory, cmd_memory.c */
command_fn cmd_object_encoding, cmd_object_freq, cmd_object_idletime, cmd_object_refcount,
    cmd_memory_usage, cmd_memory_stats, cmd_memory_doctor, cmd_memory_malloc_stats,
    cmd_memory_purge;

/* the connection, cmd_connection.c */
command_fn cmd_ping, cmd_echo, cmd_hello, cmd_auth, cmd_select, cmd_quit, cmd_reset;

/* transactions, cmd_transaction.c */
command_fn cmd_multi, cmd_exec, cmd_discard, cmd_watch, cmd_unwatch;

/* connections, cmd_client.c and client_list.c */
command_fn cmd_client_capa, cmd_client_getname, cmd_client_id, cmd_client_info, cmd_client_kill,
    cmd_client_list, cmd_client_no_evict, cmd_client_no_touch, cmd_client_pause, cmd_client_reply,
    cmd_client_setinfo, cmd_client_setname, cmd_client_unblock, cmd_client_unpause;

/* invalidation of what clients have cached, cmd_tracking.c */
command_fn cmd_client_caching, cmd_client_getredir, cmd_client_tracking, cmd_client_trackinginfo;

/* publish and subscribe, cmd_pubsub.c */
command_fn cmd_subscribe, cmd_unsubscribe, cmd_publish, cmd_pubsub_channels, cmd_pubsub_numpat,
    cmd_pubsub_numsub;

/* the table itself, cmd_command.c and command_doc.c */
command_fn cmd_command, cmd_command_count, cmd_command_docs, cmd_command_getkeys, cmd_command_info,
    cmd_command_list, cmd_help;

/* settings, cmd_config.c */
command_fn cmd_config_get, cmd_config_resetstat, cmd_config_rewrite, cmd_config_set;

/* the server, cmd_server.c */
command_fn cmd_dbsize, cmd_flush, cmd_time, cmd_wait, cmd_shutdown, cmd_cluster, cmd_lolwut,
    cmd_empty_array;

/* INFO, info.c */
command_fn cmd_info;

/* snapshots and the log, cmd_persist.c */
command_fn cmd_save, cmd_bgsave, cmd_lastsave, cmd_bgrewriteaof, cmd_attl_snapshot_list,
    cmd_attl_retention, cmd_attl_log_sync;

/* going back, cmd_rollback.c */
command_fn cmd_attl_rollback;

/* what became of a key, cmd_why.c */
command_fn cmd_attl_why;
/* policies by prefix, cmd_namespace.c */
command_fn cmd_attl_ns_del, cmd_attl_ns_flush, cmd_attl_ns_get, cmd_attl_ns_list, cmd_attl_ns_match,
    cmd_attl_ns_set, cmd_attl_ns_stats;
/* loading once, cmd_lease.c */
command_fn cmd_attl_fetch, cmd_attl_fill, cmd_attl_keep, cmd_attl_fail, cmd_attl_renew;

/* shards and their balance, cmd_balance.c */
command_fn cmd_attl_shards, cmd_attl_balance, cmd_attl_hotkeys;

/* alerts, cmd_alert.c */
command_fn cmd_attl_alert_list, cmd_attl_alert_status, cmd_attl_alert_test;

/* incidents, cmd_incident.c */
command_fn cmd_attl_incident_ack, cmd_attl_incident_kinds, cmd_attl_incident_list,
    cmd_attl_incident_show, cmd_attl_incident_simulate;

/* what will expire, cmd_due.c */
command_fn cmd_attl_due;

/* health, cmd_health.c */
command_fn cmd_attl_health;

/* settings with their origins, cmd_settings.c */
command_fn cmd_attl_config;
/* erasing with a receipt, cmd_erase.c */
command_fn cmd_attl_erase, cmd_attl_erase_list, cmd_attl_erase_status;
/* Where the names of an erasure end that begin with the third word: behind them are options. */
size_t erase_names_end(const attl_slice *argv, size_t argc);
/* enum attl_erase_kind of a subcommand that erases. */
int erase_kind(const struct command *cmd);
/* ATTL.RETENTION REPORT */
void retention_report(struct request *rq);

/* reading files again, cmd_scrub.c */
command_fn cmd_attl_scrub;

/* metrics, cmd_metrics.c and cmd_histogram.c */
command_fn cmd_attl_metrics, cmd_latency_histogram;

/* the audit trail, cmd_audit.c */
command_fn cmd_attl_audit_rotate, cmd_attl_audit_status, cmd_attl_audit_tail, cmd_attl_audit_verify;
/* users and what they may do, cmd_acl.c */
command_fn cmd_acl_cat, cmd_acl_deluser, cmd_acl_dryrun, cmd_acl_genpass, cmd_acl_getuser,
    cmd_acl_list, cmd_acl_load, cmd_acl_log, cmd_acl_save, cmd_acl_setuser, cmd_acl_users,
    cmd_acl_whoami;

/* our own, cmd_attl.c */
command_fn cmd_attl_stats, cmd_attl_accounting;
command_fn cmd_attl_deadline; /* shed.c */

/* slow and large commands, cmd_slowlog.c */
command_fn cmd_attl_slowlog, cmd_commandlog_get, cmd_commandlog_len, cmd_commandlog_reset,
    cmd_slowlog_get, cmd_slowlog_len, cmd_slowlog_reset;

/* spikes, cmd_latency.c and latency_doctor.c */
command_fn cmd_latency_doctor, cmd_latency_graph, cmd_latency_history, cmd_latency_latest,
    cmd_latency_reset;

/* correlation of requests, cmd_trace.c */
command_fn cmd_attl_trace;

#endif

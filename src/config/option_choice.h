/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The choices of options that are one of several words, as numbers. A choice is named after its
 * option and its word; which word means which is in the table of options, where one number may have
 * several words. Numbers are for this program only: files and commands have the words.
 */
#ifndef ATTL_CONFIG_OPTION_CHOICE_H
#define ATTL_CONFIG_OPTION_CHOICE_H

/* What config_i64() returns for options of type enum. */
enum choice_eviction { CHOICE_EVICTION_S3FIFO, CHOICE_EVICTION_VOLATILE_TTL, CHOICE_EVICTION_NONE };
enum choice_reclaim { CHOICE_RECLAIM_WHEEL, CHOICE_RECLAIM_SWEEP };
enum choice_huge_pages { CHOICE_HUGE_PAGES_AUTO, CHOICE_HUGE_PAGES_ON, CHOICE_HUGE_PAGES_OFF };
enum choice_hash { CHOICE_HASH_XXH3, CHOICE_HASH_SIPHASH };
enum choice_validation {
    CHOICE_VALIDATION_STRICT,
    CHOICE_VALIDATION_NORMAL,
    CHOICE_VALIDATION_RELAXED,
    CHOICE_VALIDATION_BINARY
};
enum choice_fsync { CHOICE_FSYNC_OFF, CHOICE_FSYNC_NO, CHOICE_FSYNC_EVERYSEC, CHOICE_FSYNC_ALWAYS };
enum choice_on_error { CHOICE_ON_ERROR_AUTO, CHOICE_ON_ERROR_REJECT, CHOICE_ON_ERROR_DEGRADE };
enum choice_recover { CHOICE_RECOVER_STRICT, CHOICE_RECOVER_PREFIX, CHOICE_RECOVER_SALVAGE };
/* The same numbers as the levels of attl_log_fn. */
enum choice_log_level { CHOICE_LOG_DEBUG, CHOICE_LOG_INFO, CHOICE_LOG_WARNING, CHOICE_LOG_ERROR };
/* The same numbers as enum attl_severity. */
enum choice_severity { CHOICE_SEVERITY_INFO, CHOICE_SEVERITY_WARNING, CHOICE_SEVERITY_CRITICAL };
enum choice_pubsub { CHOICE_PUBSUB_RESETCHANNELS, CHOICE_PUBSUB_ALLCHANNELS };
enum choice_verify { CHOICE_VERIFY_NO, CHOICE_VERIFY_OPTIONAL, CHOICE_VERIFY_YES };
/* The first ones are those of choice_verify. */
enum choice_admin_verify { CHOICE_ADMIN_VERIFY_SAME = CHOICE_VERIFY_YES + 1 };
enum choice_tls_user { CHOICE_TLS_USER_OFF, CHOICE_TLS_USER_CN };
enum choice_tls { CHOICE_TLS_1_2, CHOICE_TLS_1_3 };
enum choice_log_format { CHOICE_LOG_FORMAT_AUTO, CHOICE_LOG_FORMAT_JSON, CHOICE_LOG_FORMAT_TEXT };

enum choice_auto { CHOICE_AUTO, CHOICE_YES, CHOICE_NO };
enum choice_audit_on_error { CHOICE_AUDIT_FAIL_OPEN, CHOICE_AUDIT_FAIL_CLOSED };
enum choice_audit_keys { CHOICE_AUDIT_KEYS_HASH, CHOICE_AUDIT_KEYS_PLAIN };

#endif

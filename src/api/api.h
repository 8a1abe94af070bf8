/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this folder share: filling the caller's attl_value, under the partition's lock
 * or from a lock-free view. The public functions themselves are declared in <attl/attl.h>, one file
 * per section of it; each validates its arguments and hands a decision to engine_change(). Nothing
 * here keeps state of its own.
 */
#ifndef ATTL_API_API_H
#define ATTL_API_API_H

#include "base/sized.h"
#include "engine/engine.h"

/* Fills a value from an entry under its lock: a copy if it is small, a pin otherwise. ATTL_OK,
 * ATTL_E_BUSY. */
int api_value_from_entry(struct entry *e, attl_value *ret_value);
/* Fills a value from a view that was read with READ_PIN. */
void api_value_from_view(const struct read_view *view, attl_value *ret_value);
/* A value's stored form; makes room for a large one. ATTL_OK, ATTL_E_FULL, ATTL_E_NOMEM. */
int api_store_value(struct attl *a, const struct reclaim_reader *r, attl_slice key,
                    attl_slice value, struct stored_value *ret_stored);
/* A second handle on a value: a copy if it is small, another pin otherwise. ATTL_OK, ATTL_E_BUSY,
 * ATTL_E_NOMEM. */
int api_value_share(struct attl *a, const attl_value *from, attl_value *ret_value);
/* Imports an option struct of another release: ATTL_E_UNSUPPORTED if it holds what we do not know.
 */
int api_import_set_opts(const attl_set_opts *from, attl_set_opts *to);
/* attl_set and attl_del without waiting for the log, neither for room nor for the promise. */
int api_set_now(attl *a, attl_slice key, attl_slice value, int64_t ttl_ms);
int api_del_now(attl *a, attl_slice key);
/* What was done, whatever became of it afterwards. */
struct api_told {
    bool changed;
    int had_old;
    attl_value old; /* if changed and had_old: what was there; always to be released */
};
/* attl_set and attl_getdel for who has to know: with ATTL_E_IO the change has been made, and is not
 * durable, or it has not been made at all. */
int api_set_told(attl *a, attl_slice key, attl_slice value, int64_t ttl_ms,
                 struct api_told *ret_told);
int api_getdel_told(attl *a, attl_slice key, struct api_told *ret_told);
/* Imports and checks the caller's: ATTL_OK, ATTL_E_INVALID. `to` holds a struct_size. */
int api_import_rollback_opts(const attl_rollback_opts *from, attl_rollback_opts *to);
/* Whether the calling thread is in a scope that does not hold the whole cache. */
bool api_is_confined(const struct attl *a);
/* Whether it is in one at all: what waits, or takes locks that come before partitions, is refused.
 */
bool api_is_inside(const struct attl *a);
/* Whether the conditions of `opts` hold for an entry: ATTL_OK or ATTL_NOT_SET. */
int api_check_condition(struct entry *e, const attl_set_opts *opts);

#endif

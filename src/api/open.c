/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing a cache, its maintenance by hand, and settings of an open one. The struct
 * attl comes from the caller's allocator. Settings are changed in a copy first and swapped in when
 * all is well, so a refused change leaves everything as it was.
 */
#include "api/lease.h"

#include "control/control.h"
#include "engine/store.h"

#include <stdio.h>

int
attl_open(attl **ret_cache, const attl_config *config)
{
    return attl_open_dir(ret_cache, config, NULL, 0);
}

int
attl_open_dir(attl **ret_cache, const attl_config *config, char *err, size_t err_len)
{
    attl_config *own = NULL;
    if (!config)
        config = own = attl_config_new();
    if (!config)
        return ATTL_E_NOMEM;
    char own_err[OPTION_ERROR_MAX];
    if (!err) {
        err = own_err;
        err_len = sizeof own_err;
    }
    err[0] = '\0';
    attl_allocator alloc = config->has_allocator ? config->allocator : alloc_default();
    attl *a = NULL;
    int status = config_check(config, err, err_len);
    if (status == ATTL_OK)
        status = incidents_check(config, err, err_len);
    if (status == ATTL_OK) {
        a = alloc_line(&alloc, sizeof(*a));
        status = a ? engine_open(a, config, err, err_len) : ATTL_E_NOMEM;
    }
    if (status == ATTL_OK)
        status = control_start(a, config);
    if (status == ATTL_OK) {
        lease_init(a);
        engine_start(a);
        *ret_cache = a;
    } else if (a) {
        engine_close(a);
        alloc_free_line(&alloc, a);
    }
    attl_config_free(own);
    if (status != ATTL_OK && err[0] == '\0')
        (void)snprintf(err, err_len, "%s", attl_strerror(status)); /* cut is fine */
    return status;
}

void
attl_close(attl **cache)
{
    attl *a = cache ? *cache : NULL;
    if (!a)
        return;
    attl_allocator alloc = a->config->has_allocator ? a->config->allocator : alloc_default();
    engine_close(a);
    alloc_free_line(&alloc, a);
    *cache = NULL;
}

void
attl_tick(attl *a, uint64_t budget_us, int64_t *ret_next_ms)
{
    if (ret_next_ms)
        *ret_next_ms = 0;
    if (api_is_inside(a))
        return; /* its locks come before those of a transaction */
    int64_t next_ms = engine_maintain(a, budget_us);
    if (a->store)
        store_tick(a->store);
    if (!ret_next_ms)
        return;
    int64_t wait_ms = next_ms - engine_now_ms(a);
    *ret_next_ms = next_ms == INT64_MAX ? -1 : wait_ms > 0 ? wait_ms : 0;
}

static bool
same_log(const attl_config *x, const attl_config *y)
{
    return (config_i64(x, OPT_PERSIST_FSYNC) == CHOICE_FSYNC_OFF) ==
           (config_i64(y, OPT_PERSIST_FSYNC) == CHOICE_FSYNC_OFF);
}

int
attl_option_set(attl *a, const char *name, const char *value, char *err, size_t err_len)
{
    lock_acquire(&a->config_lock);
    attl_config *changed = config_copy(a->config);
    int status = changed ? config_set_run_time(changed, name, value, NULL, err, err_len)
                         : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = incidents_check(changed, err, err_len);
    if (status == ATTL_OK && !same_log(a->config, changed)) {
        status = ATTL_E_IMMUTABLE;
        if (err)
            (void)snprintf(err, err_len,
                           "persist.fsync cannot be switched between off and the others while the "
                           "cache is open"); /* cut is fine */
    }
    if (status == ATTL_OK) {
        attl_config *old = a->config;
        a->config = changed;
        changed = old;
        engine_apply_config(a, a->config);
    }
    attl_config_free(changed);
    lock_release(&a->config_lock);
    if (status != ATTL_OK || api_is_inside(a)) /* the maintenance, and a transaction's end, will */
        return status;
    drain_to_limits(&a->cache, engine_now_ms(a));
    if (cache_has_wish(&a->cache)) {
        cache_serve_wish(&a->cache, engine_now_ms(a));
        parker_wake(&a->parker); /* the shards that lost theirs are emptied */
    }
    return status;
}

int
attl_option_get(attl *a, const char *name, char *buf, size_t len)
{
    lock_acquire(&a->config_lock);
    int status = config_render_name(a->config, name, 0, buf, len);
    lock_release(&a->config_lock);
    return status;
}

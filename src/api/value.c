/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values handed to callers, and the option struct of conditional stores. A value of up to 32 bytes
 * is copied into the struct; larger ones pin their chunk or their extent, which keeps the memory
 * but neither blocks a writer nor holds an epoch. How they end is the engine's business
 * (engine/value.h). Nothing is kept here.
 */
#include "api/api.h"

#include "engine/scope.h"
#include "engine/value.h"

void
api_value_from_view(const struct read_view *view, attl_value *ret_value)
{
    *ret_value = (attl_value){ .deadline_ms = view->deadline_ms };
    if (view->chunk || view->extent) {
        ret_value->data = view->value;
        ret_value->pin = view->extent ? (void *)((uintptr_t)view->extent | VALUE_PIN_EXTENT)
                                      : view->chunk;
        return;
    }
    ASSERT(view->value.len <= sizeof(ret_value->pad));
    if (view->value.len)
        memcpy(ret_value->pad, view->value.data, view->value.len);
    ret_value->data = attl_b(ret_value->pad, view->value.len);
}

int
api_value_from_entry(struct entry *e, attl_value *ret_value)
{
    struct read_view view;
    unsigned flags = READ_PIN | (e->sees_stale ? READ_STALE : 0);
    /* The lock is held, so the lock-free read cannot meet a change. */
    int status = read_key(e->cache, &e->key, e->now_ms, flags, &view);
    if (status == ATTL_OK)
        api_value_from_view(&view, ret_value);
    return status;
}

void
attl_value_release(attl *a, attl_value *value)
{
    value_release(a, value);
}

int
api_value_share(struct attl *a, const attl_value *from, attl_value *ret_value)
{
    uintptr_t pin = (uintptr_t)from->pin;
    if (pin & VALUE_PIN_HEAP) {
        bool ok = value_copy(&a->cache.config.alloc, from->data, ret_value);
        ret_value->deadline_ms = from->deadline_ms;
        return ok ? ATTL_OK : ATTL_E_NOMEM;
    }
    struct extent *extent = pin & VALUE_PIN_EXTENT ? (void *)(pin & ~VALUE_PIN_BITS) : NULL;
    struct chunk *chunk = extent ? NULL : from->pin;
    if (pin && !read_pin_again(&a->cache, chunk, extent, from->data.len))
        return ATTL_E_BUSY;
    value_move(ret_value, from);
    return ATTL_OK;
}

int
api_import_set_opts(const attl_set_opts *from, attl_set_opts *to)
{
    *to = (attl_set_opts)ATTL_SET_OPTS_INIT;
    if (from->struct_size < offsetof(attl_set_opts, ttl_ms))
        return ATTL_E_INVALID;
    const unsigned char *bytes = (const unsigned char *)from;
    for (size_t i = sizeof(*to); i < from->struct_size; i++)
        if (bytes[i] != 0)
            return ATTL_E_UNSUPPORTED;
    memcpy(to, from, from->struct_size < sizeof(*to) ? from->struct_size : sizeof(*to));
    to->struct_size = sizeof(*to);
    uint32_t all = ATTL_SET_NX | ATTL_SET_XX | ATTL_SET_IFEQ | ATTL_SET_IFNE | ATTL_SET_IFDEQ |
                   ATTL_SET_IFDNE;
    if (to->flags & ~all)
        return ATTL_E_UNSUPPORTED;
    return to->flags & (to->flags - 1) ? ATTL_E_INVALID : ATTL_OK; /* one condition at most */
}

static bool
value_equals(struct entry *e, attl_slice match)
{
    attl_slice value = entry_value(e);
    return value.len == match.len &&
           (match.len == 0 || memcmp(value.data, match.data, match.len) == 0);
}

int
api_check_condition(struct entry *e, const attl_set_opts *opts)
{
    bool holds = true;
    switch (opts->flags) {
    case ATTL_SET_NX: holds = !e->found; break;
    case ATTL_SET_XX: holds = e->found; break;
    case ATTL_SET_IFEQ: holds = e->found && value_equals(e, opts->match); break;
    case ATTL_SET_IFNE: holds = !e->found || !value_equals(e, opts->match); break;
    case ATTL_SET_IFDEQ: holds = e->found && hash_digest(entry_value(e)) == opts->digest; break;
    case ATTL_SET_IFDNE: holds = !e->found || hash_digest(entry_value(e)) != opts->digest; break;
    default: break;
    }
    return holds ? ATTL_OK : ATTL_NOT_SET;
}

bool
api_is_inside(const struct attl *a)
{
    return scope_mine(a, reclaim_self());
}

bool
api_is_confined(const struct attl *a)
{
    const struct scope *s = scope_mine(a, reclaim_self());
    return s && !claim_is_whole(&s->claim);
}

uint64_t
attl_digest(attl_slice value)
{
    return hash_digest(value);
}

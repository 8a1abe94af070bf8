/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The letters of notify-keyspace-events: which changes of keys are published, and on which
 * channels. Redis' letters are understood, those included whose events cannot happen here (lists,
 * sets, hashes, streams), and shown in Redis' order. Pure.
 */
#ifndef ATTL_CONFIG_NOTIFY_FLAGS_H
#define ATTL_CONFIG_NOTIFY_FLAGS_H

#include <attl/attl.h>
#include <stdbool.h>
#include <stdint.h>

enum notify_flag {
    NOTIFY_KEYSPACE = 1 << 0, /* K: on __keyspace@0__:key              */
    NOTIFY_KEYEVENT = 1 << 1, /* E: on __keyevent@0__:event            */
    NOTIFY_GENERIC = 1 << 2,  /* g: del, expire, rename ...            */
    NOTIFY_STRING = 1 << 3,   /* $: set, append, incrby ...            */
    NOTIFY_EXPIRED = 1 << 4,  /* x                                     */
    NOTIFY_EVICTED = 1 << 5,  /* e                                     */
    NOTIFY_OTHERS = 1 << 6,   /* l s h z t d: never happen here; see A */
    NOTIFY_NEW = 1 << 7,      /* n: new; not in A                      */
    NOTIFY_FLAGS_MAX = 16     /* letters that are shown                */
};

/* False if a letter is unknown. A combination without K and E, or without events, publishes
 * nothing. */
bool notify_flags_parse(attl_slice text, uint32_t *ret_flags);
/* Redis' spelling of the same, as CONFIG GET shows it. False as above. */
bool notify_flags_normalize(attl_slice text, char out[NOTIFY_FLAGS_MAX + 1]);

#endif

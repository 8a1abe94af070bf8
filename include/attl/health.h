/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/health.h - does the cache do what it is there for? Part of <attl/attl.h>, which is what
 * programs include. Five areas are looked at, each by several checks with a measured value, the
 * limit it is held against, and a sentence. Looking costs some ten microseconds and changes
 * nothing that anybody else can see.
 */
#ifndef ATTL_HEALTH_H
#define ATTL_HEALTH_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum attl_health_area {
    ATTL_HEALTH_FUNCTION,      /* values can be stored, read and deleted                       */
    ATTL_HEALTH_INTEGRITY,     /* counts agree, limits are kept, nothing on the disk is damaged */
    ATTL_HEALTH_TASKS,         /* the threads that look after the cache do                     */
    ATTL_HEALTH_PERFORMANCE,   /* times are within their limits                                */
    ATTL_HEALTH_CONFIGURATION, /* settings are valid, and fit together                         */
    ATTL_HEALTH_AREAS          /* how many there are                                           */
};

enum attl_health_status {
    ATTL_HEALTH_OK,
    ATTL_HEALTH_WARN, /* it works, and somebody should look */
    ATTL_HEALTH_FAIL
};

/* One check. Its texts are valid during the call that shows it. */
typedef struct attl_health_item {
    uint32_t struct_size;
    int32_t area;        /* enum attl_health_area                                      */
    int32_t status;      /* enum attl_health_status                                    */
    uint32_t has_limit;  /* 0: there is nothing that `value` is held against           */
    double value, limit; /* in the unit that `name` ends with, if it ends with one     */
    const char *name;    /* "memory_bytes"                                             */
    const char *text;    /* a sentence with the numbers                                */
} attl_health_item;
typedef void (*attl_health_fn)(void *ud, const attl_health_item *item);

/*
 * Looks at everything and shows each check to `fn` (may be NULL), area by area; *ret_status (may be
 * NULL) is the worst of all. To see whether the cache works a value is stored, read and deleted
 * under a key of the library's own ("\0attl.health" and four more bytes) while its partition is
 * locked: it is not logged, nobody is told of it, it evicts nothing and is not counted as a set,
 * hit or delete. ATTL_OK, ATTL_E_NOMEM, ATTL_E_INVALID (inside a transaction scope). `fn` may call
 * the cache. Threads: any. Blocks no longer than attl_set without a log does. Since 0.6.
 */
ATTL_CHECKED int attl_health(attl *cache, attl_health_fn fn, void *ud, int *ret_status);
/* "function", "integrity", "tasks", "performance", "configuration"; "?" if unknown. Threads: any.
 * Since 0.6. */
ATTL_API const char *attl_health_area_name(int area);
/* "ok", "warn", "fail"; "?" if unknown. Threads: any. Since 0.6. */
ATTL_API const char *attl_health_status_name(int status);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pressure: what the cache does when memory is short (pressure.enabled), and what a program around
 * it can say about its own load, so that incidents tell of both. Figures are those of the last look
 * of the control plane, which sleeps while the cache is idle. Nothing here blocks.
 */
#ifndef ATTL_PRESSURE_H
#define ATTL_PRESSURE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attl_pressure {
    uint32_t struct_size;
    int32_t level; /* 0 none, 1 expired data goes first, 2 cold data goes, 3 large values refused */
    uint64_t limit_bytes, used_bytes; /* of the tightest control group; 0: no limit           */
    double stall_percent;  /* of time in which a process waited for memory; < 0: unknown       */
    uint64_t soft_limit;   /* what data may take at present; 0: as configured                  */
    uint64_t refuse_above; /* longer values are refused; 0: none are                          */
    uint64_t allocation_failures; /* since the cache was opened                               */
    uint64_t episodes;            /* times pressure began                                     */
    uint64_t load_delay_us, load_shed; /* as last said by attl_report_load()                  */
} attl_pressure;

/* Fills *ret_pressure (struct_size must be set) with what was seen at the last look; while
 * pressure.enabled is off nobody looks. Threads: any. Since 0.4. */
ATTL_API void attl_pressure_get(attl *cache, attl_pressure *ret_pressure);
/*
 * For servers: how long requests wait before they run, in microseconds, and how many have been
 * refused or put off for that so far. To be called when shedding begins, goes on or ends (`level`
 * 0); incidents of kind "overload" come from it. Threads: any; takes no lock that a caller of the
 * cache waits for. Since 0.4.
 */
ATTL_API void attl_report_load(attl *cache, int level, uint64_t delay_us, uint64_t shed);

#ifdef __cplusplus
}
#endif
#endif

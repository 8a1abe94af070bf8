/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ASSERT stays on in release: it guards invariants whose breach would corrupt what we acknowledged,
 * and a crash with a line number is the smaller harm. ASSERT_SLOW is for checks that cost more than
 * a comparison: only in builds with ATTL_SLOW_CHECKS (debug and sanitizers). Neither is ever used
 * for what the outside world can cause.
 */
#ifndef ATTL_BASE_ASSERT_H
#define ATTL_BASE_ASSERT_H

_Noreturn void assert_failed(const char *what, const char *file, int line);

#define ASSERT(x) (__builtin_expect(!!(x), 1) ? (void)0 : assert_failed(#x, __FILE__, __LINE__))
#ifdef ATTL_SLOW_CHECKS
#define ASSERT_SLOW(x) ASSERT(x)
#else
#define ASSERT_SLOW(x) ((void)sizeof(x))
#endif

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases of keys that are being loaded, for get_or_load(). The loader itself is Python's: it runs
 * in the caller's event loop, and nothing of C calls back into it. All of these calls are lock-free
 * or short, and keep the GIL, which guards what they touch.
 */
#ifndef ATTL_PYTHON_LEASE_H
#define ATTL_PYTHON_LEASE_H

#include "module.h"

/* A converter for PyArg_ParseTuple: (lease_ms, wait_ms, stale_ms, flags) to attl_fetch_opts. */
int lease_fetch_opts(PyObject *tuple, void *opts);

/* fetch(key, opts) -> (status, value or None, token, retry_ms) */
PyObject *cache_fetch(PyObject *self, PyObject *args);
/* fill(key, token, value, ttl, soft, grace, jitter_percent) -> status; seconds, or None */
PyObject *cache_fill(PyObject *self, PyObject *args);
/* fail(key, token, negative_ms, backoff_ms) -> status */
PyObject *cache_fail(PyObject *self, PyObject *args);
/* renew(key, token, lease_ms) -> status; 0 gives the lease back */
PyObject *cache_renew(PyObject *self, PyObject *args);

#endif

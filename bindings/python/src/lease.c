/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetch, fill, fail and renew, as the Python layer needs them for get_or_load(). Statuses that are
 * part of the protocol (somebody else loads, the lease is lost) are returned; refused arguments are
 * raised. A value that a fetch brings is decoded after it was released. The GIL is held throughout.
 */
#include "lease.h"

int
lease_fetch_opts(PyObject *tuple, void *to)
{
    attl_fetch_opts *opts = to;
    long long lease_ms, wait_ms, stale_ms;
    unsigned flags;
    if (!PyArg_ParseTuple(tuple, "LLLI", &lease_ms, &wait_ms, &stale_ms, &flags))
        return 0;
    opts->lease_ms = lease_ms;
    opts->wait_ms = wait_ms;
    opts->stale_ms = stale_ms;
    opts->flags = flags;
    return 1;
}

static bool
is_protocol(int status)
{
    return status >= 0 || status == ATTL_E_LEASE_LOST || status == ATTL_E_BUSY ||
           status == ATTL_E_FULL || status == ATTL_E_QUOTA;
}

static PyObject *
status_object(struct py_cache *c, int status)
{
    return is_protocol(status) ? PyLong_FromLong(status) : py_raise(c->state, status, NULL);
}

PyObject *
cache_fetch(PyObject *self, PyObject *args)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *key_object;
    attl_slice key;
    attl_fetch_opts opts = ATTL_FETCH_OPTS_INIT;
    if (!PyArg_ParseTuple(args, "OO&", &key_object, lease_fetch_opts, &opts) ||
        !py_key(c, key_object, &key))
        return NULL;
    attl *a = cache_use(c);
    if (!a)
        return NULL;
    attl_value value = ATTL_VALUE_INIT;
    attl_lease lease = ATTL_LEASE_INIT;
    int status = attl_fetch(a, key, &opts, &value, &lease);
    if (!is_protocol(status))
        return py_raise(c->state, status, NULL);
    PyObject *stored = lease.has_value
                           ? PyBytes_FromStringAndSize(value.data.data, (Py_ssize_t)value.data.len)
                           : Py_NewRef(Py_None);
    attl_value_release(a, &value);
    if (stored && stored != Py_None) {
        PyObject *decoded = cache_decode(self, stored);
        Py_DECREF(stored);
        stored = decoded;
    }
    if (!stored)
        return NULL;
    return Py_BuildValue("(iNKL)", status, stored, (unsigned long long)lease.token,
                         (long long)lease.retry_ms);
}

/* Seconds as attl_fill_opts has them: None is 0, none. */
static bool
span_ms(struct py_cache *c, PyObject *seconds, int64_t *ret_ms)
{
    if (!py_ttl(c, seconds, ret_ms))
        return false;
    if (*ret_ms == PY_TTL_NOW)
        *ret_ms = 0;
    return true;
}

PyObject *
cache_fill(PyObject *self, PyObject *args)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *key_object, *object, *ttl, *soft, *grace;
    unsigned long long token;
    attl_slice key;
    attl_fill_opts opts = ATTL_FILL_OPTS_INIT;
    if (!PyArg_ParseTuple(args, "OKOOOOI", &key_object, &token, &object, &ttl, &soft, &grace,
                          &opts.jitter_percent) ||
        !py_key(c, key_object, &key) || !py_ttl(c, ttl, &opts.ttl_ms) ||
        !span_ms(c, soft, &opts.soft_ms) || !span_ms(c, grace, &opts.grace_ms))
        return NULL;
    if (opts.ttl_ms == PY_TTL_NOW)
        return py_raise_value(c->state, "TTL_RANGE", "what is loaded needs a life");
    struct py_value value;
    bool encoded = py_encode(c, object, &value);
    attl *a = encoded ? cache_use(c) : NULL;
    PyObject *result = NULL;
    if (a) {
        int status;
        c->users++;
        Py_BEGIN_ALLOW_THREADS status = attl_fill(a, key, token, value.slice, &opts);
        Py_END_ALLOW_THREADS cache_end(c);
        result = status_object(c, status);
    }
    py_value_fini(&value);
    return result;
}

PyObject *
cache_fail(PyObject *self, PyObject *args)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *key_object;
    unsigned long long token;
    long long negative_ms, backoff_ms;
    attl_slice key;
    if (!PyArg_ParseTuple(args, "OKLL", &key_object, &token, &negative_ms, &backoff_ms) ||
        !py_key(c, key_object, &key))
        return NULL;
    attl *a = cache_use(c);
    return a ? status_object(c, attl_fail(a, key, token, negative_ms, backoff_ms)) : NULL;
}

PyObject *
cache_renew(PyObject *self, PyObject *args)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *key_object;
    unsigned long long token;
    long long lease_ms;
    attl_slice key;
    if (!PyArg_ParseTuple(args, "OKL", &key_object, &token, &lease_ms) ||
        !py_key(c, key_object, &key))
        return NULL;
    attl *a = cache_use(c);
    return a ? status_object(c, attl_renew(a, key, token, lease_ms)) : NULL;
}

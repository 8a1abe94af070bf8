/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Methods of Cache for one key. Without a log they keep the GIL: a read takes no lock and a write
 * well under a microsecond, less than giving the GIL up and getting it back. With a log a write may
 * wait for the disk, so the GIL is given up. A value is copied out while the cache guarantees that
 * it stays, and decoded afterwards, because decoding may run any code, this cache's too.
 */
#include "module.h"

#include <string.h>

/* What a read copies out. */
struct found {
    attl_slice stored;
    int64_t deadline_ms;
    PyObject *heap; /* holds the bytes if they are many; NULL with stored.data NULL: no memory */
    char small[PY_SMALL_BYTES];
};

static void
copy_out(void *ud, attl_slice value, int64_t deadline_ms)
{
    struct found *f = ud;
    char *to = f->small;
    if (value.len > sizeof f->small) {
        f->heap = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)value.len);
        to = f->heap ? PyBytes_AsString(f->heap) : NULL;
    }
    if (to && value.len > 0)
        memcpy(to, value.data, value.len);
    f->stored = attl_b(to, value.len);
    f->deadline_ms = deadline_ms;
}

/* ATTL_OK, ATTL_MISS; below 0: raised. */
static int
find(struct py_cache *c, PyObject *key_object, struct found *f)
{
    attl_slice key;
    attl *a = py_key(c, key_object, &key) ? cache_use(c) : NULL;
    f->heap = NULL;
    if (!a)
        return ATTL_E_INVALID;
    int status = attl_get_visit(a, key, copy_out, f);
    if (status < 0)
        (void)py_raise(c->state, status, NULL);
    if (status == ATTL_OK && !f->stored.data)
        return ATTL_E_NOMEM; /* raised by the allocation */
    return status;
}

static PyObject *
found_value(struct py_cache *c, struct found *f)
{
    PyObject *value = f->heap && c->codec == PY_CODEC_BYTES ? Py_NewRef(f->heap)
                                                            : py_decode(c, f->stored);
    Py_XDECREF(f->heap);
    return value;
}

PyObject *
cache_get(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct py_cache *c = (struct py_cache *)self;
    struct found f;
    if (n != 1 && n != 2) {
        PyErr_SetString(PyExc_TypeError, "get() takes a key and, optionally, a default");
        return NULL;
    }
    int status = find(c, args[0], &f);
    if (status < 0)
        return NULL;
    if (status == ATTL_MISS)
        return Py_NewRef(n == 2 ? args[1] : Py_None);
    return found_value(c, &f);
}

PyObject *
cache_entry(PyObject *self, PyObject *key)
{
    struct py_cache *c = (struct py_cache *)self;
    struct found f;
    int status = find(c, key, &f);
    if (status < 0)
        return NULL;
    if (status == ATTL_MISS)
        return Py_NewRef(Py_None);
    PyObject *value = found_value(c, &f);
    PyObject *deadline = value ? py_seconds(f.deadline_ms) : NULL;
    PyObject *pair = deadline ? PyTuple_Pack(2, value, deadline) : NULL;
    Py_XDECREF(value);
    Py_XDECREF(deadline);
    return pair;
}

PyObject *
cache_contains(PyObject *self, PyObject *key_object)
{
    struct py_cache *c = (struct py_cache *)self;
    attl_slice key;
    attl *a = py_key(c, key_object, &key) ? cache_use(c) : NULL;
    if (!a)
        return NULL;
    int status = attl_exists(a, key);
    return status < 0 ? py_raise(c->state, status, NULL) : PyBool_FromLong(status == ATTL_OK);
}

/* The change, with the interpreter running on if it may take long. A value of NULL deletes. */
static int
change(struct py_cache *c, attl *a, attl_slice key, const attl_slice *value, int64_t ttl_ms)
{
    int status;
    if (!c->durable && (!value || value->len <= PY_HOLD_GIL_BYTES))
        return value ? attl_set(a, key, *value, ttl_ms) : attl_del(a, key);
    c->users++;
    Py_BEGIN_ALLOW_THREADS status = value ? attl_set(a, key, *value, ttl_ms) : attl_del(a, key);
    Py_END_ALLOW_THREADS cache_end(c);
    return status;
}

static PyObject *
set_object(struct py_cache *c, PyObject *key_object, PyObject *object, int64_t ttl_ms)
{
    attl_slice key;
    struct py_value value;
    if (!py_key(c, key_object, &key))
        return NULL;
    PyObject *result = NULL;
    bool encoded = py_encode(c, object, &value);
    attl *a = encoded ? cache_use(c) : NULL;
    if (a) {
        int status = ttl_ms == PY_TTL_NOW ? change(c, a, key, NULL, 0)
                                          : change(c, a, key, &value.slice, ttl_ms);
        if (status >= 0)
            result = Py_NewRef(Py_True);
        else if (status == ATTL_E_FULL || status == ATTL_E_QUOTA)
            result = Py_NewRef(Py_False);
        else
            (void)py_raise(c->state, status, NULL);
    }
    py_value_fini(&value);
    return result;
}

PyObject *
cache_set(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *seconds = n > 2 ? args[2] : NULL;
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    if (named == 1 && n == 2 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "ttl_seconds") == 0)
        seconds = args[2];
    else if (named > 0 || (n != 2 && n != 3)) {
        PyErr_SetString(PyExc_TypeError, "set() takes a key, a value and, optionally, ttl_seconds");
        return NULL;
    }
    int64_t ttl_ms;
    if (!py_ttl(c, seconds, &ttl_ms))
        return NULL;
    return set_object(c, args[0], args[1], ttl_ms);
}

PyObject *
cache_delete(PyObject *self, PyObject *key_object)
{
    struct py_cache *c = (struct py_cache *)self;
    attl_slice key;
    attl *a = py_key(c, key_object, &key) ? cache_use(c) : NULL;
    if (!a)
        return NULL;
    int status = change(c, a, key, NULL, 0);
    return status < 0 ? py_raise(c->state, status, NULL) : PyBool_FromLong(status == ATTL_OK);
}

PyObject *
cache_decode(PyObject *self, PyObject *stored)
{
    char *data;
    Py_ssize_t len;
    if (PyBytes_AsStringAndSize(stored, &data, &len) < 0)
        return NULL;
    return py_decode((struct py_cache *)self, attl_b(data, (size_t)len));
}

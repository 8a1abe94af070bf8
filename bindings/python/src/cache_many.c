/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Methods of Cache for several keys, or all. A batch of reads overlaps its memory accesses, so it
 * is faster per key than single reads; the values are copied out first and decoded afterwards, as
 * for one key. A list of keys is made a tuple first: nobody can change it while its keys are
 * borrowed. The GIL is held but for clear().
 */
#include "module.h"

/* A batch on its way: what was copied out, in the order of the keys; NULL: absent. */
struct batch {
    PyObject *keys; /* a tuple */
    size_t n;
    attl_slice *slices;
    PyObject **stored;
    int status; /* the first failure */
    bool no_memory;
};

static void
copy_out(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    struct batch *b = ud;
    (void)deadline_ms;
    if (status == ATTL_OK) {
        b->stored[i] = PyBytes_FromStringAndSize(value.data, (Py_ssize_t)value.len);
        if (!b->stored[i]) {
            PyErr_Clear(); /* said once, at the end */
            b->no_memory = true;
        }
    } else if (status < 0 && b->status == ATTL_OK) {
        b->status = status;
    }
}

static bool
batch_init(struct py_cache *c, struct batch *b, PyObject *keys)
{
    b->keys = PySequence_Tuple(keys);
    b->n = b->keys ? (size_t)PyTuple_Size(b->keys) : 0;
    if (!b->keys)
        return false;
    if (b->n > PY_KEYS_MAX) {
        (void)py_raise_value(c->state, "KEYS", "more than 65536 keys at once");
        return false;
    }
    b->slices = PyMem_Calloc(b->n + 1, sizeof *b->slices);
    b->stored = PyMem_Calloc(b->n + 1, sizeof *b->stored);
    if (!b->slices || !b->stored) {
        (void)PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < b->n; i++)
        if (!py_key(c, PyTuple_GetItem(b->keys, (Py_ssize_t)i), &b->slices[i]))
            return false;
    return true;
}

static void
batch_fini(struct batch *b)
{
    for (size_t i = 0; b->stored && i < b->n; i++)
        Py_XDECREF(b->stored[i]);
    PyMem_Free(b->stored);
    PyMem_Free(b->slices);
    Py_XDECREF(b->keys);
}

static PyObject *
stored_value(struct py_cache *c, PyObject *stored)
{
    if (!stored || c->codec == PY_CODEC_BYTES)
        return Py_NewRef(stored ? stored : Py_None);
    return cache_decode((PyObject *)c, stored);
}

static PyObject *
batch_values(struct py_cache *c, struct batch *b)
{
    PyObject *list = PyList_New((Py_ssize_t)b->n);
    for (size_t i = 0; list && i < b->n; i++) {
        PyObject *value = stored_value(c, b->stored[i]);
        if (!value)
            Py_CLEAR(list);
        else
            (void)PyList_SetItem(list, (Py_ssize_t)i, value); /* takes the reference */
    }
    return list;
}

PyObject *
cache_mget(PyObject *self, PyObject *keys)
{
    struct py_cache *c = (struct py_cache *)self;
    struct batch b = { NULL, 0, NULL, NULL, ATTL_OK, false };
    PyObject *list = NULL;
    attl *a = batch_init(c, &b, keys) ? cache_use(c) : NULL;
    if (a) {
        (void)attl_mget_visit(a, b.slices, b.n, copy_out, &b);
        if (b.no_memory)
            (void)PyErr_NoMemory();
        else if (b.status < 0)
            (void)py_raise(c->state, b.status, NULL);
        else
            list = batch_values(c, &b);
    }
    batch_fini(&b);
    return list;
}

PyObject *
cache_clear(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    attl *a = cache_begin(c);
    if (!a)
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_clear(a);
    Py_END_ALLOW_THREADS cache_end(c);
    return status < 0 ? py_raise(c->state, status, NULL) : Py_NewRef(Py_None);
}

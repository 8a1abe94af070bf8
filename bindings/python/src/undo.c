/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rollback(): a list of operations undone as one. The Python layer has made tuples (key, previous
 * value or None, deadline in Unix milliseconds) of them; here they become attl_undo_op, with the
 * values in their stored form. The list is made a tuple first, so that nobody changes it while its
 * keys are borrowed. The GIL is given up for the change itself, which may wait for the disk.
 */
#include "module.h"

struct undo {
    PyObject *list; /* a tuple */
    size_t n;
    attl_undo_op *ops;
    struct py_value **values; /* each its own, because it may hold its bytes in itself */
};

static bool
undo_value(struct py_cache *c, struct undo *u, size_t i, PyObject *object)
{
    struct py_value *value = PyMem_Malloc(sizeof *value);
    if (!value) {
        (void)PyErr_NoMemory();
        return false;
    }
    bool ok = py_encode(c, object, value);
    u->values[i] = value;
    u->ops[i].value = value->slice;
    u->ops[i].had_previous = 1;
    return ok;
}

static bool
undo_op(struct py_cache *c, struct undo *u, size_t i)
{
    PyObject *key, *value;
    long long deadline_ms;
    attl_undo_op *op = &u->ops[i];
    if (!PyArg_ParseTuple(PyTuple_GetItem(u->list, (Py_ssize_t)i), "OOL", &key, &value,
                          &deadline_ms) ||
        !py_key(c, key, &op->key))
        return false;
    op->deadline_ms = value == Py_None ? ATTL_NO_DEADLINE : deadline_ms;
    return value == Py_None || undo_value(c, u, i, value);
}

static bool
undo_init(struct py_cache *c, struct undo *u, PyObject *operations)
{
    u->list = PySequence_Tuple(operations);
    if (!u->list)
        return false;
    u->n = (size_t)PyTuple_Size(u->list);
    u->ops = PyMem_Calloc(u->n + 1, sizeof *u->ops);
    u->values = PyMem_Calloc(u->n + 1, sizeof *u->values);
    if (!u->ops || !u->values) {
        (void)PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < u->n; i++)
        if (!undo_op(c, u, i))
            return false;
    return true;
}

static void
undo_fini(struct undo *u)
{
    for (size_t i = 0; u->values && i < u->n; i++) {
        if (u->values[i])
            py_value_fini(u->values[i]);
        PyMem_Free(u->values[i]);
    }
    PyMem_Free(u->values);
    PyMem_Free(u->ops);
    Py_XDECREF(u->list);
}

PyObject *
cache_rollback(PyObject *self, PyObject *operations)
{
    struct py_cache *c = (struct py_cache *)self;
    struct undo u = { NULL, 0, NULL, NULL };
    PyObject *result = NULL;
    attl *a = undo_init(c, &u, operations) ? cache_begin(c) : NULL;
    if (a) {
        int status;
        Py_BEGIN_ALLOW_THREADS status = attl_rollback_ops(a, u.ops, u.n);
        Py_END_ALLOW_THREADS cache_end(c);
        if (status < 0)
            (void)py_raise(c->state, status,
                           status == ATTL_E_INVALID ? "more operations than limits.rollback_ops"
                                                    : NULL);
        else
            result = Py_NewRef(Py_None);
    }
    undo_fini(&u);
    return result;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rollback() for a libattl without attl_rollback_ops: refused, with nothing changed. Built instead
 * of undo.c where attl.h does not declare it. It owns nothing and locks nothing.
 */
#include "module.h"

PyObject *
cache_rollback(PyObject *self, PyObject *operations)
{
    (void)operations;
    return py_raise(((struct py_cache *)self)->state, ATTL_E_UNSUPPORTED, NULL);
}

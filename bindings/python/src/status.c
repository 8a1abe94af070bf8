/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statuses as exceptions. Refused arguments are ValueErrors; where the type is wrong the same
 * exception is a TypeError too, so that either `except` meets it. Every exception of ours carries
 * `rule`, the name of what was broken. The classes belong to the module's state; nothing is locked
 * but by the GIL.
 */
#include "module.h"

#include <stddef.h>
#include <string.h>

struct exception {
    const char *name, *doc;
    size_t at, base_at; /* members of py_state; base_at 0: see `other` */
    PyObject *const *other;
};

static PyObject *
new_class(struct py_state *state, PyObject *module, const struct exception *e)
{
    PyObject *first = e->base_at != SIZE_MAX ? *(PyObject **)((char *)state + e->base_at) : NULL;
    PyObject *bases = first && e->other ? PyTuple_Pack(2, first, *e->other)
                                        : PyTuple_Pack(1, first ? first : *e->other);
    if (!bases)
        return NULL;
    char name[64];
    (void)PyOS_snprintf(name, sizeof name, "asyncttlcache.%s", e->name);
    PyObject *class = PyErr_NewExceptionWithDoc(name, e->doc, bases, NULL);
    Py_DECREF(bases);
    if (class && PyModule_AddObjectRef(module, e->name, class) < 0)
        Py_CLEAR(class);
    return class;
}

#define AT(member) offsetof(struct py_state, member)

int
py_exceptions_init(PyObject *module, struct py_state *state)
{
    const struct exception all[] = {
        { "CacheError", "Base of what goes wrong in a cache. `rule` names the status.", AT(error),
          SIZE_MAX, &PyExc_Exception },
        { "ValidationError", "A key, value, TTL or setting was refused; nothing has changed.",
          AT(validation), AT(error), &PyExc_ValueError },
        { "ValidationTypeError", "An argument has a type that no mode accepts.",
          AT(validation_type), AT(validation), &PyExc_TypeError },
        { "CacheClosedError", "The cache was stopped, or belongs to a parent process.", AT(closed),
          AT(error), &PyExc_RuntimeError },
        { "CacheFullError", "No room: the policy is noeviction, or a quota is used up.", AT(full),
          AT(error), NULL },
        { "CacheLoadingError", "The data directory is still being read.", AT(loading), AT(error),
          NULL },
        { "DurabilityError", "Files cannot be read or written, are damaged or in use.",
          AT(durability), AT(error), NULL },
        { "LoaderError", "A loader failed and there is nothing older to serve.", AT(loader),
          AT(error), &PyExc_RuntimeError },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        PyObject *class = new_class(state, module, &all[i]);
        if (!class)
            return -1;
        *(PyObject **)((char *)state + all[i].at) = class;
    }
    return 0;
}

static PyObject *
class_of(struct py_state *state, int status)
{
    switch (status) {
    case ATTL_E_KEY_EMPTY:
    case ATTL_E_KEY_LONG:
    case ATTL_E_KEY_CONTROL:
    case ATTL_E_KEY_NUL:
    case ATTL_E_VALUE_LONG:
    case ATTL_E_TTL_RANGE:
    case ATTL_E_TTL_REQUIRED:
    case ATTL_E_INVALID:
    case ATTL_E_CONFIG:
    case ATTL_E_IMMUTABLE: return state->validation;
    case ATTL_E_FULL:
    case ATTL_E_QUOTA: return state->full;
    case ATTL_E_IO:
    case ATTL_E_DAMAGED:
    case ATTL_E_LOCKED: return state->durability;
    case ATTL_E_LOADING: return state->loading;
    case ATTL_E_CLOSED: return state->closed;
    case ATTL_E_LOADER:
    case ATTL_E_REENTRANT: return state->loader;
    case ATTL_E_TIMEOUT: return PyExc_TimeoutError;
    default: return state->error;
    }
}

static PyObject *
raise_with(PyObject *class, const char *rule, const char *text)
{
    PyObject *e = PyObject_CallFunction(class, "s", text);
    PyObject *name = e ? PyUnicode_FromString(rule) : NULL;
    if (name && PyObject_SetAttrString(e, "rule", name) == 0)
        PyErr_SetObject(class, e);
    Py_XDECREF(name);
    Py_XDECREF(e);
    return NULL;
}

/* The rule's name: that of the status, without what all of them have in common. */
static const char *
rule_of(int status)
{
    static const char failure[] = "ATTL_E_";
    const char *name = attl_err_name(status);
    return strncmp(name, failure, sizeof failure - 1) == 0 ? name + sizeof failure - 1 : name;
}

PyObject *
py_raise(struct py_state *state, int status, const char *detail)
{
    if (status == ATTL_E_NOMEM)
        return PyErr_NoMemory();
    return raise_with(class_of(state, status), rule_of(status),
                      detail && detail[0] ? detail : attl_strerror(status));
}

PyObject *
py_raise_type(struct py_state *state, const char *rule, const char *text)
{
    return raise_with(state->validation_type, rule, text);
}

PyObject *
py_raise_value(struct py_state *state, const char *rule, const char *text)
{
    return raise_with(state->validation, rule, text);
}

PyObject *
py_raise_closed(struct py_cache *c)
{
    return raise_with(c->state->closed, "CLOSED",
                      c->foreign ? "the cache was opened by a parent process: open one of your own"
                                 : "the cache is stopped");
}

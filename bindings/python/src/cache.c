/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type Cache: opening, closing, who is inside, and settings. A closed cache refuses every call;
 * if calls without the GIL or queues are still there, the last of them closes it. A cache that was
 * opened by a parent process is never touched again, not even to be closed: its threads are not in
 * this process. The GIL guards all members.
 */
#include "module.h"

#include "lease.h"

#include <string.h>

attl *
cache_use(struct py_cache *c)
{
    if (!c->cache || c->closing || c->foreign) {
        (void)py_raise_closed(c);
        return NULL;
    }
    return c->cache;
}

attl *
cache_begin(struct py_cache *c)
{
    attl *a = cache_use(c);
    if (a)
        c->users++;
    return a;
}

/* Closes for good if nobody is inside. Waits for the disk and for the cache's threads. */
static void
close_if_unused(struct py_cache *c)
{
    if (!c->closing || c->users > 0 || !c->cache || c->foreign)
        return;
    attl *a = c->cache;
    c->cache = NULL;
    Py_BEGIN_ALLOW_THREADS attl_close(&a);
    Py_END_ALLOW_THREADS
}

void
cache_end(struct py_cache *c)
{
    c->users--;
    close_if_unused(c);
}

void
cache_close(struct py_cache *c)
{
    c->closing = true;
    close_if_unused(c);
}

/* ---- life ---- */

/* The module's state, also for a subclass made in Python, which has no module of its own. */
static struct py_state *
state_of(PyTypeObject *type)
{
    for (PyTypeObject *t = type; t; t = PyType_GetSlot(t, Py_tp_base)) {
        PyObject *module = PyType_GetModule(t);
        if (module && PyModule_GetDef(module) == &py_module)
            return PyModule_GetState(module);
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_TypeError, "not a subclass of Cache");
    return NULL;
}

static PyObject *
cache_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    struct py_state *state = state_of(type);
    allocfunc alloc = state ? (allocfunc)(uintptr_t)PyType_GetSlot(type, Py_tp_alloc) : NULL;
    struct py_cache *c = alloc ? (struct py_cache *)alloc(type, 0) : NULL;
    if (c)
        c->state = state;
    return (PyObject *)c;
}

static bool
apply_setting(struct py_cache *c, attl_config *config, PyObject *pair)
{
    const char *name, *value;
    char err[PY_ERROR_BYTES] = "";
    if (!PyArg_ParseTuple(pair, "ss", &name, &value))
        return false;
    int status = attl_config_set(config, name, value, err, sizeof err);
    if (status != ATTL_OK)
        (void)py_raise(c->state, status, err);
    return status == ATTL_OK;
}

static bool
apply_settings(struct py_cache *c, attl_config *config, PyObject *settings)
{
    Py_ssize_t n = PyList_Size(settings);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GetItem(settings, i);
        if (!pair || !apply_setting(c, config, pair))
            return false;
    }
    char fsync[32];
    int status = attl_config_get(config, "persist.fsync", fsync, sizeof fsync);
    c->durable = status == ATTL_OK && strcmp(fsync, "off") != 0;
    return n >= 0;
}

static int
open_with(struct py_cache *c, attl_config *config)
{
    char err[PY_ERROR_BYTES] = "";
    attl *a = NULL;
    int status;
    c->users++; /* a second __init__ meanwhile is refused */
    Py_BEGIN_ALLOW_THREADS status = attl_open_dir(&a, config, err, sizeof err);
    Py_END_ALLOW_THREADS c->users--;
    if (status == ATTL_OK)
        c->cache = a;
    else
        (void)py_raise(c->state, status, err);
    return status == ATTL_OK ? 0 : -1;
}

/* Cache(settings, codec, dumps, pickle_loads, json_loads) */
static int
cache_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct py_cache *c = (struct py_cache *)self;
    PyObject *settings, *dumps, *pickle_loads, *json_loads;
    int codec;
    if (kwargs && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "_attl.Cache takes no keywords");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "OiOOO", &settings, &codec, &dumps, &pickle_loads, &json_loads))
        return -1;
    if (c->cache || c->closing || c->users > 0 || !PyList_Check(settings)) {
        PyErr_SetString(PyExc_TypeError, "a cache is initialised once, with a list of settings");
        return -1;
    }
    c->codec = (enum py_codec)codec;
    c->dumps = Py_NewRef(dumps);
    c->pickle_loads = pickle_loads == Py_None ? NULL : Py_NewRef(pickle_loads);
    c->json_loads = json_loads == Py_None ? NULL : Py_NewRef(json_loads);
    attl_config *config = attl_config_new();
    if (!config) {
        (void)PyErr_NoMemory();
        return -1;
    }
    int done = apply_settings(c, config, settings) ? open_with(c, config) : -1;
    attl_config_free(config);
    return done;
}

static int
cache_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct py_cache *c = (struct py_cache *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->dumps);
    Py_VISIT(c->pickle_loads);
    Py_VISIT(c->json_loads);
    return 0;
}

static int
cache_tp_clear(PyObject *self)
{
    struct py_cache *c = (struct py_cache *)self;
    Py_CLEAR(c->dumps);
    Py_CLEAR(c->pickle_loads);
    Py_CLEAR(c->json_loads);
    return 0;
}

static void
cache_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    cache_close((struct py_cache *)self);
    (void)cache_tp_clear(self);
    freefunc release = (freefunc)(uintptr_t)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *
cache_close_method(PyObject *self, PyObject *none)
{
    (void)none;
    cache_close((struct py_cache *)self);
    return Py_NewRef(Py_None);
}

/* After a fork, in the child. */
static PyObject *
cache_disown(PyObject *self, PyObject *none)
{
    (void)none;
    ((struct py_cache *)self)->foreign = true;
    return Py_NewRef(Py_None);
}

static PyObject *
cache_is_closed(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    return PyBool_FromLong(!c->cache || c->closing || c->foreign);
}

static PyObject *
cache_is_durable(PyObject *self, PyObject *none)
{
    (void)none;
    return PyBool_FromLong(((struct py_cache *)self)->durable);
}

/* Raises what a completion's status means. */
static PyObject *
cache_raise_status(PyObject *self, PyObject *args)
{
    int status;
    const char *detail;
    if (!PyArg_ParseTuple(args, "is", &status, &detail))
        return NULL;
    return py_raise(((struct py_cache *)self)->state, status, detail);
}

/* ---- settings ---- */

static PyObject *
cache_option_get(PyObject *self, PyObject *name)
{
    struct py_cache *c = (struct py_cache *)self;
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    attl *a = text ? cache_use(c) : NULL;
    if (!a)
        return NULL;
    char value[2048];
    int status = attl_option_get(a, text, value, sizeof value);
    if (status != ATTL_OK)
        return py_raise(c->state, status, "there is no option of that name");
    return PyUnicode_FromString(value);
}

static PyObject *
cache_option_set(PyObject *self, PyObject *args)
{
    struct py_cache *c = (struct py_cache *)self;
    const char *name, *value;
    if (!PyArg_ParseTuple(args, "ss", &name, &value))
        return NULL;
    attl *a = cache_begin(c);
    if (!a)
        return NULL;
    char err[PY_ERROR_BYTES] = "";
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_option_set(a, name, value, err, sizeof err);
    Py_END_ALLOW_THREADS cache_end(c);
    if (status != ATTL_OK)
        return py_raise(c->state, status, err);
    return Py_NewRef(Py_None);
}

static PyObject *
cache_size_method(PyObject *self, PyObject *none)
{
    (void)none;
    attl *a = cache_use((struct py_cache *)self);
    return a ? PyLong_FromUnsignedLongLong(attl_size(a)) : NULL;
}

static Py_ssize_t
cache_length(PyObject *self)
{
    attl *a = cache_use((struct py_cache *)self);
    return a ? (Py_ssize_t)attl_size(a) : -1;
}

/* `key in cache` */
static int
cache_sq_contains(PyObject *self, PyObject *key)
{
    PyObject *there = cache_contains(self, key);
    int truth = there ? there == Py_True : -1;
    Py_XDECREF(there);
    return truth;
}

/* clang-format off */
static PyMethodDef cache_methods[] = {
    { "get", PY_METHOD(cache_get), METH_FASTCALL,
      "get(key, default=None)\n--\n\nThe value, or `default` if there is none or it has expired." },
    { "set", PY_METHOD(cache_set), METH_FASTCALL | METH_KEYWORDS,
      "set(key, value, ttl_seconds=None)\n--\n\nStores, for the default TTL if none is given. "
      "False: there is no room, and nothing has changed." },
    { "delete", cache_delete, METH_O, "delete(key)\n--\n\nTrue if the key was there." },
    { "mget", cache_mget, METH_O,
      "mget(keys)\n--\n\nThe values of several keys, None for each that is absent." },
    { "clear", cache_clear, METH_NOARGS, "clear()\n--\n\nRemoves everything." },
    { "size", cache_size_method, METH_NOARGS, "size()\n--\n\nNumber of entries." },
    { "rollback", cache_rollback, METH_O,
      "rollback(operations)\n--\n\nUndoes (key, previous value or None, deadline in Unix ms)." },
    { "entry", cache_entry, METH_O,
      "entry(key)\n--\n\n(value, deadline in Unix seconds or None), or None if absent." },
    { "decode", cache_decode, METH_O, "decode(stored)\n--\n\nThe object of a stored form." },
    { "fetch", cache_fetch, METH_VARARGS, NULL },
    { "fill", cache_fill, METH_VARARGS, NULL },
    { "fail", cache_fail, METH_VARARGS, NULL },
    { "raise_status", cache_raise_status, METH_VARARGS, NULL },
    { "renew", cache_renew, METH_VARARGS, NULL },
    { "close", cache_close_method, METH_NOARGS,
      "close()\n--\n\nCloses the cache; waits for the disk if it has a log. Idempotent." },
    { "disown", cache_disown, METH_NOARGS, "disown()\n--\n\nFor the child of a fork." },
    { "is_closed", cache_is_closed, METH_NOARGS, NULL },
    { "is_durable", cache_is_durable, METH_NOARGS, NULL },
    { "option_get", cache_option_get, METH_O,
      "option_get(name)\n--\n\nThe setting in force, as text." },
    { "option_set", cache_option_set, METH_VARARGS,
      "option_set(name, value)\n--\n\nChanges a setting of the open cache." },
    { "snapshot", cache_snapshot, METH_NOARGS,
      "snapshot()\n--\n\nTakes a snapshot and waits for it." },
    { "restore", cache_restore, METH_O,
      "restore(name)\n--\n\nBrings the contents of a snapshot back, and waits for it." },
    { "snapshots", cache_snapshots, METH_NOARGS,
      "snapshots()\n--\n\nThe snapshots of the data directory, oldest first." },
    { "sync", cache_sync, METH_NOARGS, "sync()\n--\n\nWaits until all changes are durable." },
    { "progress", cache_progress, METH_NOARGS,
      "progress()\n--\n\nHow far the data directory is read." },
    { "stats", cache_stats, METH_NOARGS, "stats()\n--\n\nCounters and sizes." },
    { "persist_stats", cache_persist_stats, METH_NOARGS,
      "persist_stats()\n--\n\nLog and snapshots; enabled is 0 without them." },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot cache_slots[] = {
    { Py_tp_doc, (void *)"A cache of libattl; see asyncttlcache.TTLCache." },
    { Py_tp_new, PY_SLOT(cache_new) },
    { Py_tp_init, PY_SLOT(cache_init) },
    { Py_tp_dealloc, PY_SLOT(cache_dealloc) },
    { Py_tp_traverse, PY_SLOT(cache_traverse) },
    { Py_tp_clear, PY_SLOT(cache_tp_clear) },
    { Py_tp_methods, cache_methods },
    { Py_sq_length, PY_SLOT(cache_length) },
    { Py_sq_contains, PY_SLOT(cache_sq_contains) },
    { 0, NULL },
};
/* clang-format on */

PyType_Spec py_cache_spec = {
    .name = "asyncttlcache._attl.Cache",
    .basicsize = sizeof(struct py_cache),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = cache_slots,
};

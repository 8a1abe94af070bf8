/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type Queue: an attl_queue, for one event loop. Submitting and reaping never block, so the GIL
 * is held throughout, and that is also what makes a queue's reaping one thread's at a time. A
 * submission is named by a number of the caller's; what is reaped comes as tuples (number, status,
 * payload, token). Values that come with it are still in their stored form: decoding may fail, and
 * that is for the one who waits for it, not for the loop.
 */
#include "module.h"

#include "lease.h"

#include <string.h>

/* The queue, open. NULL: raised. */
static attl_queue *
queue_use(struct py_queue *q)
{
    if (!q->queue)
        (void)py_raise_closed(q->owner);
    else if (cache_use(q->owner))
        return q->queue;
    return NULL;
}

static void
queue_close(struct py_queue *q)
{
    if (!q->queue)
        return;
    if (!q->owner->foreign)
        attl_queue_close(&q->queue);
    q->queue = NULL;
    cache_end(q->owner);
}

/* The number of an accepted submission, None if there is no room now, else raises. */
static PyObject *
submitted(struct py_queue *q, int status, uint64_t id)
{
    if (status == ATTL_OK)
        return PyLong_FromUnsignedLongLong(id);
    if (status == ATTL_E_BUSY)
        return Py_NewRef(Py_None);
    return py_raise(q->owner->state, status, NULL);
}

static attl_submit_opts
opts_for(unsigned long long user)
{
    attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
    opts.user_data = user;
    return opts;
}

/* ---- life ---- */

static PyObject *
queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *owner;
    unsigned capacity;
    (void)kwargs;
    struct py_state *state = PyType_GetModuleState(type);
    if (!state || !PyArg_ParseTuple(args, "O!I", state->cache_type, &owner, &capacity))
        return NULL;
    struct py_cache *c = (struct py_cache *)owner;
    attl *a = cache_use(c);
    if (!a)
        return NULL;
    attl_queue *opened = NULL;
    int status = attl_queue_open(a, capacity, &opened);
    if (status != ATTL_OK)
        return py_raise(state, status, NULL);
    allocfunc alloc = (allocfunc)(uintptr_t)PyType_GetSlot(type, Py_tp_alloc);
    struct py_queue *q = (struct py_queue *)alloc(type, 0);
    if (!q) {
        attl_queue_close(&opened);
        return NULL;
    }
    q->owner = (struct py_cache *)Py_NewRef(owner);
    q->queue = opened;
    c->users++;
    return (PyObject *)q;
}

static int
queue_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct py_queue *)self)->owner);
    return 0;
}

static void
queue_dealloc(PyObject *self)
{
    struct py_queue *q = (struct py_queue *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (q->owner)
        queue_close(q);
    Py_CLEAR(q->owner);
    freefunc release = (freefunc)(uintptr_t)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *
queue_close_method(PyObject *self, PyObject *none)
{
    (void)none;
    queue_close((struct py_queue *)self);
    return Py_NewRef(Py_None);
}

static PyObject *
queue_shutdown(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_queue *q = (struct py_queue *)self;
    if (q->queue && !q->owner->foreign)
        attl_queue_shutdown(q->queue);
    return Py_NewRef(Py_None);
}

static PyObject *
queue_fileno(PyObject *self, PyObject *none)
{
    (void)none;
    attl_queue *queue = queue_use((struct py_queue *)self);
    return queue ? PyLong_FromLong(attl_queue_fd(queue)) : NULL;
}

/* ---- submitting ---- */

static PyObject *
submit_value(struct py_queue *q, unsigned long long user, attl_slice key, PyObject *object,
             int64_t ttl_ms)
{
    struct py_value value;
    attl_submit_opts opts = opts_for(user);
    PyObject *result = NULL;
    bool encoded = py_encode(q->owner, object, &value);
    attl_queue *queue = encoded ? queue_use(q) : NULL;
    if (queue) {
        uint64_t id = 0;
        int status = ttl_ms == PY_TTL_NOW
                         ? attl_submit_del(queue, key, &opts, &id)
                         : attl_submit_set(queue, key, value.slice, ttl_ms, &opts, &id);
        result = submitted(q, status, id);
    }
    py_value_fini(&value);
    return result;
}

/* submit_set(user, key, value, ttl_seconds) */
static PyObject *
queue_submit_set(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    PyObject *key_object, *object, *seconds;
    attl_slice key;
    int64_t ttl_ms;
    if (!PyArg_ParseTuple(args, "KOOO", &user, &key_object, &object, &seconds) ||
        !py_key(q->owner, key_object, &key) || !py_ttl(q->owner, seconds, &ttl_ms))
        return NULL;
    return submit_value(q, user, key, object, ttl_ms);
}

static PyObject *
queue_submit_delete(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    PyObject *key_object;
    attl_slice key;
    uint64_t id = 0;
    if (!PyArg_ParseTuple(args, "KO", &user, &key_object) || !py_key(q->owner, key_object, &key))
        return NULL;
    attl_submit_opts opts = opts_for(user);
    attl_queue *queue = queue_use(q);
    return queue ? submitted(q, attl_submit_del(queue, key, &opts, &id), id) : NULL;
}

static PyObject *
queue_submit_snapshot(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    uint64_t id = 0;
    attl_queue *queue = PyArg_ParseTuple(args, "K", &user) ? queue_use(q) : NULL;
    if (!queue)
        return NULL;
    attl_submit_opts opts = opts_for(user);
    return submitted(q, attl_submit_snapshot(queue, &opts, &id), id);
}

static PyObject *
queue_submit_sync(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    uint64_t id = 0;
    attl_queue *queue = PyArg_ParseTuple(args, "K", &user) ? queue_use(q) : NULL;
    if (!queue)
        return NULL;
    attl_submit_opts opts = opts_for(user);
    return submitted(q, attl_submit_sync(queue, &opts, &id), id);
}

static PyObject *
queue_submit_restore(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    const char *name;
    uint64_t id = 0;
    attl_queue *queue = PyArg_ParseTuple(args, "Ks", &user, &name) ? queue_use(q) : NULL;
    if (!queue)
        return NULL;
    attl_submit_opts opts = opts_for(user);
    return submitted(q, attl_submit_restore(queue, name, &opts, &id), id);
}

/* submit_fetch(user, key, (lease_ms, wait_ms, stale_ms, flags)) */
static PyObject *
queue_submit_fetch(PyObject *self, PyObject *args)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long user;
    PyObject *key_object;
    attl_slice key;
    attl_fetch_opts fetch = ATTL_FETCH_OPTS_INIT;
    uint64_t id = 0;
    if (!PyArg_ParseTuple(args, "KOO&", &user, &key_object, lease_fetch_opts, &fetch) ||
        !py_key(q->owner, key_object, &key))
        return NULL;
    attl_submit_opts opts = opts_for(user);
    attl_queue *queue = queue_use(q);
    return queue ? submitted(q, attl_submit_fetch(queue, key, &fetch, &opts, &id), id) : NULL;
}

static PyObject *
queue_cancel(PyObject *self, PyObject *number)
{
    struct py_queue *q = (struct py_queue *)self;
    unsigned long long id = PyLong_AsUnsignedLongLong(number);
    if (id == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    int status = q->queue && !q->owner->foreign ? attl_queue_cancel(q->queue, id) : ATTL_MISS;
    return PyBool_FromLong(status == ATTL_OK);
}

/* ---- reaping ---- */

static PyObject *
payload_bytes(const attl_completion *done)
{
    attl_slice data = done->value.data;
    if (!data.data)
        return Py_NewRef(Py_None);
    return PyBytes_FromStringAndSize(data.data, (Py_ssize_t)data.len);
}

/* What a completion carries: a report, the sentence of a failure, or a stored value. */
static PyObject *
payload_of(const attl_completion *done)
{
    attl_slice data = done->value.data;
    attl_snapshot_info info;
    attl_rollback_report report;
    switch (done->kind) {
    case ATTL_OP_SNAPSHOT:
        if (done->status != ATTL_OK || data.len < sizeof info)
            break;
        memcpy(&info, data.data, sizeof info);
        return py_snapshot_dict(&info);
    case ATTL_OP_ROLLBACK:
    case ATTL_OP_RESTORE:
        if (done->status < 0 || done->status == ATTL_MISS)
            return PyUnicode_DecodeUTF8(data.data ? data.data : "", (Py_ssize_t)data.len,
                                        "replace");
        if (data.len < sizeof report)
            break;
        memcpy(&report, data.data, sizeof report);
        return py_report_dict(&report);
    case ATTL_OP_FETCH: return payload_bytes(done);
    default: break;
    }
    return Py_NewRef(Py_None);
}

static PyObject *
completion_tuple(const attl_completion *done)
{
    PyObject *payload = payload_of(done);
    if (!payload) /* no memory for it: the waiter learns that */
        PyErr_Clear();
    int status = payload ? done->status : ATTL_E_NOMEM;
    PyObject *tuple = Py_BuildValue("(KiOK)", (unsigned long long)done->user_data, status,
                                    payload ? payload : Py_None, (unsigned long long)done->number);
    Py_XDECREF(payload);
    return tuple;
}

/* reap(): a list of at most PY_REAP_MAX; when it is empty the descriptor is quiet. */
static PyObject *
queue_reap(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_queue *q = (struct py_queue *)self;
    attl_queue *queue = queue_use(q);
    PyObject *list = queue ? PyList_New(0) : NULL;
    attl_completion done[16];
    size_t n = list ? 1 : 0;
    for (size_t total = 0; n > 0 && list && total < PY_REAP_MAX; total += n) {
        n = attl_queue_reap(queue, done, sizeof done / sizeof *done);
        for (size_t i = 0; i < n; i++) {
            PyObject *tuple = list ? completion_tuple(&done[i]) : NULL;
            attl_value_release(q->owner->cache, &done[i].value);
            if (!tuple || PyList_Append(list, tuple) < 0)
                Py_CLEAR(list);
            Py_XDECREF(tuple);
        }
    }
    return list;
}

/* clang-format off */
static PyMethodDef queue_methods[] = {
    { "fileno", queue_fileno, METH_NOARGS, "Readable while there is something to reap." },
    { "submit_set", queue_submit_set, METH_VARARGS, NULL },
    { "submit_delete", queue_submit_delete, METH_VARARGS, NULL },
    { "submit_snapshot", queue_submit_snapshot, METH_VARARGS, NULL },
    { "submit_restore", queue_submit_restore, METH_VARARGS, NULL },
    { "submit_sync", queue_submit_sync, METH_VARARGS, NULL },
    { "submit_fetch", queue_submit_fetch, METH_VARARGS, NULL },
    { "cancel", queue_cancel, METH_O, NULL },
    { "reap", queue_reap, METH_NOARGS, NULL },
    { "shutdown", queue_shutdown, METH_NOARGS, NULL },
    { "close", queue_close_method, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};
/* clang-format on */

static PyType_Slot queue_slots[] = {
    { Py_tp_doc, (void *)"Queue(cache, capacity)\n--\n\nA completion queue." },
    { Py_tp_new, PY_SLOT(queue_new) },
    { Py_tp_dealloc, PY_SLOT(queue_dealloc) },
    { Py_tp_traverse, PY_SLOT(queue_traverse) },
    { Py_tp_methods, queue_methods },
    { 0, NULL },
};

PyType_Spec py_queue_spec = {
    .name = "asyncttlcache._attl.Queue",
    .basicsize = sizeof(struct py_queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = queue_slots,
};

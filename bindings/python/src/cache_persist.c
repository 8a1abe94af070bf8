/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Methods of Cache about its data directory, in the form that waits: for the synchronous class, and
 * for threads. The GIL is given up throughout. asyncio's side submits the same operations to a
 * queue (queue.c), and shares the dicts made here.
 */
#include "module.h"

#include <stdlib.h>

PyObject *
py_snapshot_dict(const attl_snapshot_info *info)
{
    return Py_BuildValue("{s:s,s:d,s:K,s:K,s:K,s:O}", "name", info->name, "created_at",
                         (double)info->created_ms / 1000, "entries",
                         (unsigned long long)info->entries, "bytes",
                         (unsigned long long)info->bytes, "lsn", (unsigned long long)info->lsn,
                         "valid", info->valid ? Py_True : Py_False);
}

PyObject *
py_report_dict(const attl_rollback_report *r)
{
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:d,s:s}", "lsn", (unsigned long long)r->lsn,
                         "entries_before", (unsigned long long)r->entries_before, "entries_after",
                         (unsigned long long)r->entries_after, "restored",
                         (unsigned long long)r->restored, "changed", (unsigned long long)r->changed,
                         "removed", (unsigned long long)r->removed, "expired",
                         (unsigned long long)r->expired, "time", (double)r->time_ms / 1000,
                         "safety_snapshot", r->safety_snapshot);
}

PyObject *
cache_snapshot(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    attl *a = cache_begin(c);
    if (!a)
        return NULL;
    attl_snapshot_info info = { .struct_size = sizeof info };
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_snapshot(a, &info);
    Py_END_ALLOW_THREADS cache_end(c);
    return status < 0 ? py_raise(c->state, status, NULL) : py_snapshot_dict(&info);
}

PyObject *
cache_restore(PyObject *self, PyObject *name)
{
    struct py_cache *c = (struct py_cache *)self;
    attl_rollback_opts opts = { .struct_size = sizeof opts };
    opts.to_name = PyUnicode_AsUTF8AndSize(name, NULL);
    attl *a = opts.to_name ? cache_begin(c) : NULL;
    if (!a)
        return NULL;
    attl_rollback_report report = { .struct_size = sizeof report };
    char err[PY_ERROR_BYTES] = "";
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_rollback(a, &opts, &report, err, sizeof err);
    Py_END_ALLOW_THREADS cache_end(c);
    return status != ATTL_OK ? py_raise(c->state, status, err) : py_report_dict(&report);
}

/* The snapshots, gathered without the GIL. */
struct listing {
    attl_snapshot_info *infos;
    size_t n, room;
    bool no_memory;
};

static void
gather(void *ud, const attl_snapshot_info *info)
{
    struct listing *l = ud;
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 16;
        attl_snapshot_info *grown = realloc(l->infos, room * sizeof *grown);
        if (!grown) {
            l->no_memory = true;
            return;
        }
        l->infos = grown;
        l->room = room;
    }
    l->infos[l->n++] = *info;
}

static PyObject *
listing_list(const struct listing *l)
{
    if (l->no_memory)
        return PyErr_NoMemory();
    PyObject *list = PyList_New((Py_ssize_t)l->n);
    for (size_t i = 0; list && i < l->n; i++) {
        PyObject *dict = py_snapshot_dict(&l->infos[i]);
        if (!dict)
            Py_CLEAR(list);
        else
            (void)PyList_SetItem(list, (Py_ssize_t)i, dict);
    }
    return list;
}

PyObject *
cache_snapshots(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    attl *a = cache_begin(c);
    if (!a)
        return NULL;
    struct listing l = { NULL, 0, 0, false };
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_snapshot_list(a, gather, &l);
    Py_END_ALLOW_THREADS cache_end(c);
    PyObject *list = status < 0 ? py_raise(c->state, status, NULL) : listing_list(&l);
    free(l.infos);
    return list;
}

PyObject *
cache_sync(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    attl *a = cache_begin(c);
    if (!a)
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS status = attl_log_sync(a, -1);
    Py_END_ALLOW_THREADS cache_end(c);
    return status < 0 ? py_raise(c->state, status, NULL) : Py_NewRef(Py_None);
}

/* Raises why loading failed, if it has. */
PyObject *
cache_progress(PyObject *self, PyObject *none)
{
    (void)none;
    struct py_cache *c = (struct py_cache *)self;
    attl *a = cache_use(c);
    if (!a)
        return NULL;
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(a, &p);
    if (!p.loading && p.status < 0)
        return py_raise(c->state, p.status, NULL);
    return Py_BuildValue("{s:O,s:K,s:K,s:K}", "loading", p.loading ? Py_True : Py_False,
                         "bytes_done", (unsigned long long)p.bytes_done, "bytes_total",
                         (unsigned long long)p.bytes_total, "entries",
                         (unsigned long long)p.entries);
}

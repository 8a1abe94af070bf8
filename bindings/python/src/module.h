/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The extension module asyncttlcache._attl: what its files share. Two types, Cache and Queue, wrap
 * an attl and an attl_queue; the Python layer above makes an asyncio interface of them. Everything
 * here is called with the interpreter's lock (GIL) held, and that lock guards the members of both
 * structs; it is given up only around calls that may block, between cache_begin() and cache_end(),
 * which keep the cache open meanwhile. A queue owns a reference to its Cache and counts as a use of
 * it, so a cache is closed after its queues whatever the order in which Python lets go of them.
 */
#ifndef ATTL_PYTHON_MODULE_H
#define ATTL_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <attl/attl.h>

#include <stdbool.h>

enum py_limits {
    PY_SMALL_BYTES = 512,         /* values up to this travel over the stack */
    PY_HOLD_GIL_BYTES = 64 << 10, /* larger values are stored without the GIL */
    PY_ERROR_BYTES = 512,
    PY_REAP_MAX = 256,
    PY_KEYS_MAX = 65536
};

/* Tags in front of stored values, unless the codec is bytes. Part of the stored format. */
enum py_tag {
    PY_TAG_BYTES = 'b',
    PY_TAG_STR = 's',
    PY_TAG_INT = 'i',   /* eight bytes, the least significant first */
    PY_TAG_FLOAT = 'f', /* the same, IEEE 754 */
    PY_TAG_PICKLE = 'p',
    PY_TAG_JSON = 'j'
};

enum py_codec { PY_CODEC_PICKLE, PY_CODEC_JSON, PY_CODEC_BYTES };

struct py_state {
    PyObject *error, *validation, *validation_type, *closed, *full, *loading, *durability, *loader;
    PyTypeObject *cache_type, *queue_type;
};

struct py_cache {
    PyObject_HEAD struct py_state *state;
    attl *cache;  /* NULL: not opened, or closed */
    size_t users; /* calls without the GIL, and queues */
    bool closing; /* refuses calls; the last user closes */
    bool foreign; /* opened by a parent process */
    bool durable; /* has a log: changes may wait */
    enum py_codec codec;
    PyObject *dumps; /* pickle.dumps or json.dumps */
    PyObject *pickle_loads, *json_loads;
};

struct py_queue {
    PyObject_HEAD struct py_cache *owner;
    attl_queue *queue; /* NULL: closed */
};

/* ---- module.c ---- */
extern PyModuleDef py_module;
/* A function's address as a slot wants it: ISO C has no direct conversion. */
#define PY_SLOT(f) ((void *)(uintptr_t)(f))
#define PY_METHOD(f) ((PyCFunction)(void (*)(void))(f))

/* ---- status.c ---- */
int py_exceptions_init(PyObject *module, struct py_state *state);
/* Raises what `status` means, with `detail` (may be NULL or empty) instead of its sentence. */
PyObject *py_raise(struct py_state *state, int status, const char *detail);
/* A refusal for the type of an argument: a TypeError that is also a ValueError. */
PyObject *py_raise_type(struct py_state *state, const char *rule, const char *text);
PyObject *py_raise_value(struct py_state *state, const char *rule, const char *text);
PyObject *py_raise_closed(struct py_cache *c);

/* ---- convert.c ---- */
#define PY_TTL_NOW INT64_C(-100) /* a life of 0: it is over before it begins */
/* Borrows the bytes of a str or bytes. False: raised. */
bool py_key(struct py_cache *c, PyObject *key, attl_slice *ret);
/* Seconds to milliseconds, or an ATTL_TTL_..., or PY_TTL_NOW; None: the default. False: raised. */
bool py_ttl(struct py_cache *c, PyObject *seconds, int64_t *ret_ttl_ms);
struct py_value {
    attl_slice slice;
    void *heap;
    Py_buffer view; /* of the object that holds the bytes, if view.obj */
    char small[PY_SMALL_BYTES];
};
/* The stored form of an object. False: raised. */
bool py_encode(struct py_cache *c, PyObject *value, struct py_value *ret);
void py_value_fini(struct py_value *v);
/* The object of a stored form. */
PyObject *py_decode(struct py_cache *c, attl_slice stored);
/* Milliseconds as seconds, ATTL_NO_DEADLINE as None. */
PyObject *py_seconds(int64_t ms);

/* ---- cache.c ---- */
/* The open cache, for a call that keeps the GIL. NULL: raised. */
attl *cache_use(struct py_cache *c);
/* The same for a call that gives up the GIL; needs cache_end(). */
attl *cache_begin(struct py_cache *c);
void cache_end(struct py_cache *c);
void cache_close(struct py_cache *c);
extern PyType_Spec py_cache_spec;

/* ---- cache_key.c, cache_many.c, undo.c, cache_persist.c, stats.c: methods of Cache ---- */
PyObject *cache_get(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *cache_set(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *cache_delete(PyObject *self, PyObject *key);
PyObject *cache_contains(PyObject *self, PyObject *key);
PyObject *cache_entry(PyObject *self, PyObject *key);
PyObject *cache_decode(PyObject *self, PyObject *stored);
PyObject *cache_mget(PyObject *self, PyObject *keys);
PyObject *cache_rollback(PyObject *self, PyObject *operations);
PyObject *cache_clear(PyObject *self, PyObject *none);
PyObject *cache_snapshot(PyObject *self, PyObject *none);
PyObject *cache_restore(PyObject *self, PyObject *name);
PyObject *cache_snapshots(PyObject *self, PyObject *none);
PyObject *cache_sync(PyObject *self, PyObject *none);
PyObject *cache_progress(PyObject *self, PyObject *none);
PyObject *cache_stats(PyObject *self, PyObject *none);
PyObject *cache_persist_stats(PyObject *self, PyObject *none);
/* For completions: an attl_snapshot_info or attl_rollback_report as a dict. */
PyObject *py_snapshot_dict(const attl_snapshot_info *info);
PyObject *py_report_dict(const attl_rollback_report *report);

/* ---- queue.c ---- */
extern PyType_Spec py_queue_spec;

#endif

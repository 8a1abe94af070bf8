/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Python objects as keys, lives and stored values, and back. A stored value begins with a tag that
 * says what it was, so that bytes come back as bytes and a str as a str; with the codec `bytes`
 * there is no tag, and other programs can read what was written. Keys are borrowed from their
 * object, values are copied once, small ones onto the stack. A value that was pickled is unpickled
 * only by a cache whose codec is pickle, because unpickling runs what the bytes say. Encoding and
 * decoding may run Python code, so who calls them looks afterwards whether the cache is still open.
 */
#include "module.h"

#include <math.h>
#include <string.h>

enum { NUMBER_BYTES = 8, MS_PER_S = 1000 };
#define SECONDS_MAX 1e13 /* any more is out of range whatever the mode, and would not fit */

bool
py_key(struct py_cache *c, PyObject *key, attl_slice *ret)
{
    Py_ssize_t len = 0;
    if (PyUnicode_Check(key)) {
        ret->data = PyUnicode_AsUTF8AndSize(key, &len);
        if (!ret->data && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            PyErr_Clear();
            (void)py_raise_value(c->state, "KEY_ENCODING", "the key cannot be encoded as UTF-8");
        }
    } else if (PyBytes_Check(key)) {
        char *data;
        ret->data = PyBytes_AsStringAndSize(key, &data, &len) == 0 ? data : NULL;
    } else {
        ret->data = NULL;
        (void)py_raise_type(c->state, "KEY_TYPE",
                            key == Py_None ? "the key is None" : "a key is a str or bytes");
    }
    ret->len = (size_t)len;
    return ret->data != NULL;
}

static bool
ttl_refused(struct py_cache *c, const char *text)
{
    (void)py_raise_value(c->state, "TTL_RANGE", text);
    return false;
}

bool
py_ttl(struct py_cache *c, PyObject *seconds, int64_t *ret_ttl_ms)
{
    if (!seconds || seconds == Py_None) {
        *ret_ttl_ms = ATTL_TTL_DEFAULT;
        return true;
    }
    if (PyBool_Check(seconds)) {
        (void)py_raise_type(c->state, "TTL_TYPE", "a TTL is a number of seconds, not a bool");
        return false;
    }
    double s = PyFloat_AsDouble(seconds);
    if (s == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
            if (!PyErr_ExceptionMatches(PyExc_OverflowError))
                return false;
            PyErr_Clear();
            return ttl_refused(c, "the TTL is out of range");
        }
        PyErr_Clear();
        (void)py_raise_type(c->state, "TTL_TYPE", "a TTL is a number of seconds");
        return false;
    }
    if (isnan(s) || s < 0)
        return ttl_refused(c, isnan(s) ? "the TTL is not a number" : "the TTL is negative");
    if (s > SECONDS_MAX)
        return ttl_refused(c, "the TTL is out of range");
    int64_t ms = (int64_t)(s * MS_PER_S + 0.5);
    *ret_ttl_ms = ms > 0 ? ms : s > 0 ? 1 : PY_TTL_NOW;
    return true;
}

/* Room for a tag and `len` bytes behind it. */
static char *
value_room(struct py_value *v, char tag, size_t len)
{
    char *room = v->small;
    if (len >= sizeof v->small) {
        v->heap = PyMem_Malloc(len + 1);
        room = v->heap;
        if (!room) {
            (void)PyErr_NoMemory();
            return NULL;
        }
    }
    room[0] = tag;
    v->slice = attl_b(room, len + 1);
    return room + 1;
}

static bool
value_bytes(struct py_value *v, char tag, const void *data, Py_ssize_t len)
{
    char *room = value_room(v, tag, (size_t)len);
    if (room && len > 0)
        memcpy(room, data, (size_t)len);
    return room != NULL;
}

static bool
value_number(struct py_value *v, char tag, uint64_t bits)
{
    unsigned char bytes[NUMBER_BYTES];
    for (int i = 0; i < NUMBER_BYTES; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    return value_bytes(v, tag, bytes, NUMBER_BYTES);
}

static uint64_t
number_bits(attl_slice payload)
{
    const unsigned char *p = payload.data;
    uint64_t bits = 0;
    for (int i = 0; i < NUMBER_BYTES; i++)
        bits |= (uint64_t)p[i] << (8 * i);
    return bits;
}

/* Through pickle or json: what has no form of its own. */
static bool
value_dumped(struct py_cache *c, PyObject *value, struct py_value *v)
{
    PyObject *dumped = PyObject_CallFunctionObjArgs(c->dumps, value, NULL);
    if (!dumped)
        return false;
    const char *data = NULL;
    Py_ssize_t len = 0;
    char *bytes;
    if (PyUnicode_Check(dumped))
        data = PyUnicode_AsUTF8AndSize(dumped, &len);
    else if (PyBytes_AsStringAndSize(dumped, &bytes, &len) == 0)
        data = bytes;
    char tag = c->codec == PY_CODEC_JSON ? PY_TAG_JSON : PY_TAG_PICKLE;
    bool ok = data && value_bytes(v, tag, data, len);
    Py_DECREF(dumped);
    return ok;
}

static bool
value_str(struct py_cache *c, PyObject *value, struct py_value *v)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(value, &len);
    if (text)
        return value_bytes(v, PY_TAG_STR, text, len);
    if (!PyErr_ExceptionMatches(PyExc_UnicodeError))
        return false;
    PyErr_Clear(); /* lone surrogates have no UTF-8, but the codecs can keep them */
    return value_dumped(c, value, v);
}

static bool
value_int(struct py_cache *c, PyObject *value, struct py_value *v)
{
    int overflow;
    long long n = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (n == -1 && PyErr_Occurred())
        return false;
    if (overflow)
        return value_dumped(c, value, v);
    return value_number(v, PY_TAG_INT, (uint64_t)n);
}

static bool
value_float(PyObject *value, struct py_value *v)
{
    double d = PyFloat_AsDouble(value);
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return value_number(v, PY_TAG_FLOAT, bits);
}

/* The codec bytes: what it is, without a tag. */
static bool
value_raw(struct py_cache *c, PyObject *value, struct py_value *v)
{
    if (PyUnicode_Check(value) || !PyObject_CheckBuffer(value)) {
        (void)py_raise_type(c->state, "VALUE_TYPE",
                            "with codec=\"bytes\" a value is bytes, or an object with a buffer");
        return false;
    }
    if (PyObject_GetBuffer(value, &v->view, PyBUF_SIMPLE) < 0)
        return false;
    v->slice = attl_b(v->view.buf, (size_t)v->view.len);
    return true;
}

bool
py_encode(struct py_cache *c, PyObject *value, struct py_value *v)
{
    v->heap = NULL;
    v->view.obj = NULL;
    if (value == Py_None) {
        (void)py_raise_type(c->state, "VALUE_NONE",
                            "the value is None, which get() returns for an absent key");
        return false;
    }
    if (c->codec == PY_CODEC_BYTES)
        return value_raw(c, value, v);
    if (PyBytes_CheckExact(value)) {
        char *data;
        Py_ssize_t len;
        return PyBytes_AsStringAndSize(value, &data, &len) == 0 &&
               value_bytes(v, PY_TAG_BYTES, data, len);
    }
    if (PyUnicode_CheckExact(value))
        return value_str(c, value, v);
    if (PyLong_CheckExact(value))
        return value_int(c, value, v);
    if (PyFloat_CheckExact(value))
        return value_float(value, v);
    return value_dumped(c, value, v);
}

void
py_value_fini(struct py_value *v)
{
    PyMem_Free(v->heap);
    if (v->view.obj)
        PyBuffer_Release(&v->view);
}

static PyObject *
decode_loaded(struct py_cache *c, PyObject *loads, attl_slice payload)
{
    if (!loads)
        return py_raise(c->state, ATTL_E_UNSUPPORTED,
                        "the value was pickled, and this cache's codec does not unpickle");
    PyObject *bytes = PyBytes_FromStringAndSize(payload.data, (Py_ssize_t)payload.len);
    if (!bytes)
        return NULL;
    PyObject *value = PyObject_CallFunctionObjArgs(loads, bytes, NULL);
    Py_DECREF(bytes);
    return value;
}

static PyObject *
decode_number(attl_slice payload, char tag)
{
    uint64_t bits = number_bits(payload);
    if (tag == PY_TAG_INT)
        return PyLong_FromLongLong((long long)bits);
    double d;
    memcpy(&d, &bits, sizeof d);
    return PyFloat_FromDouble(d);
}

PyObject *
py_decode(struct py_cache *c, attl_slice stored)
{
    if (c->codec == PY_CODEC_BYTES)
        return PyBytes_FromStringAndSize(stored.data, (Py_ssize_t)stored.len);
    char tag = stored.len > 0 ? *(const char *)stored.data : '\0';
    attl_slice payload = stored;
    if (stored.len > 0)
        payload = attl_b((const char *)stored.data + 1, stored.len - 1);
    switch (tag) {
    case PY_TAG_BYTES: return PyBytes_FromStringAndSize(payload.data, (Py_ssize_t)payload.len);
    case PY_TAG_STR: return PyUnicode_DecodeUTF8(payload.data, (Py_ssize_t)payload.len, NULL);
    case PY_TAG_INT:
    case PY_TAG_FLOAT:
        if (payload.len == NUMBER_BYTES)
            return decode_number(payload, tag);
        break;
    case PY_TAG_PICKLE: return decode_loaded(c, c->pickle_loads, payload);
    case PY_TAG_JSON: return decode_loaded(c, c->json_loads, payload);
    default: break;
    }
    return py_raise(c->state, ATTL_E_UNSUPPORTED,
                    "the value was not written by this package: use codec=\"bytes\"");
}

PyObject *
py_seconds(int64_t ms)
{
    if (ms == ATTL_NO_DEADLINE)
        return Py_NewRef(Py_None);
    return PyFloat_FromDouble((double)ms / MS_PER_S);
}

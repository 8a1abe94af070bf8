/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module itself: its types and exceptions, made when it is imported, one set per interpreter.
 * What is static here is what the interpreter's interface wants to be static: tables that it reads.
 * All that changes lives in the module's state, which the interpreter owns.
 */
#include "module.h"

PyMODINIT_FUNC PyInit__attl(void);

static PyTypeObject *
add_type(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (type && PyModule_AddType(module, type) < 0)
        Py_CLEAR(type);
    return type;
}

static int
module_exec(PyObject *module)
{
    struct py_state *state = PyModule_GetState(module);
    if (py_exceptions_init(module, state) < 0)
        return -1;
    state->cache_type = add_type(module, &py_cache_spec);
    state->queue_type = state->cache_type ? add_type(module, &py_queue_spec) : NULL;
    if (!state->queue_type)
        return -1;
    return PyModule_AddStringConstant(module, "library_version", attl_version());
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct py_state *state = PyModule_GetState(module);
    Py_VISIT(state->error);
    Py_VISIT(state->validation);
    Py_VISIT(state->validation_type);
    Py_VISIT(state->closed);
    Py_VISIT(state->full);
    Py_VISIT(state->loading);
    Py_VISIT(state->durability);
    Py_VISIT(state->loader);
    Py_VISIT(state->cache_type);
    Py_VISIT(state->queue_type);
    return 0;
}

static int
module_clear(PyObject *module)
{
    struct py_state *state = PyModule_GetState(module);
    Py_CLEAR(state->error);
    Py_CLEAR(state->validation);
    Py_CLEAR(state->validation_type);
    Py_CLEAR(state->closed);
    Py_CLEAR(state->full);
    Py_CLEAR(state->loading);
    Py_CLEAR(state->durability);
    Py_CLEAR(state->loader);
    Py_CLEAR(state->cache_type);
    Py_CLEAR(state->queue_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    { Py_mod_exec, PY_SLOT(module_exec) },
    { 0, NULL },
};

PyModuleDef py_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "asyncttlcache._attl",
    .m_doc = "libattl for Python: the types that asyncttlcache is made of.",
    .m_size = sizeof(struct py_state),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit__attl(void)
{
    return PyModuleDef_Init(&py_module);
}

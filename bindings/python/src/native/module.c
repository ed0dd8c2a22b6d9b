/* ringmail._ringmail: a host's messages, and the link that they come through. */
#include "native.h"

static PyObject* type_id(PyObject* module, PyObject* name) {
  (void)module;
  const char* text = PyUnicode_AsUTF8(name);
  return text != NULL ? PyLong_FromUnsignedLong(ringmail_type_id(text)) : NULL;
}

static PyMethodDef functions[] = {
    {"make_type", make_type, METH_VARARGS,
     "make_type(name, namespace, word, id, size, align, fixed_size_at, earlier, format, fields): the class of a "
     "message."},
    {"make_batch", make_batch, METH_VARARGS, "make_batch(type, count): as many new messages."},
    {"type_id", type_id, METH_O, "The type id of a qualified name."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject* module) {
  if (errors_add(module) < 0 || layout_ready() < 0 || generated_ready() < 0 || PyType_Ready(&FieldType) < 0 ||
      PyType_Ready(&ArrayType) < 0 || PyType_Ready(&BodyLoanType) < 0)
    return -1;
  if (PyModule_AddType(module, &MessageType) < 0 || PyModule_AddType(module, &MailboxType) < 0 ||
      PyModule_AddType(module, &PeerType) < 0 || PyModule_AddType(module, &BodyType) < 0 ||
      PyModule_AddType(module, &BodyLoanType) < 0 || PyModule_AddType(module, &ListenerType) < 0 ||
      PyModule_AddType(module, &BatchType) < 0) {
    return -1;
  }
  return PyModule_AddIntConstant(module, "ABI_VERSION", RINGMAIL_ABI_VERSION);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void*)execute}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ringmail._ringmail",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__ringmail(void) { return PyModuleDef_Init(&definition); }

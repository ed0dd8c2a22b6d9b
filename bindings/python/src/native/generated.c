/* Messages as instances of classes that `ringmail gen` wrote: a buffer, `_bytes`, and the place in it, `_at`. Received ones are
 * made here, as the class method view() makes them, so that no line of Python runs for each. */
#include "native.h"

static PyObject *name_of_bytes, *name_of_at, *name_of_view, *name_of_release, *start;

int generated_ready(void) {
  name_of_bytes = PyUnicode_InternFromString("_bytes");
  name_of_at = PyUnicode_InternFromString("_at");
  name_of_view = PyUnicode_InternFromString("view");
  name_of_release = PyUnicode_InternFromString("release");
  start = PyLong_FromLong(0);
  return PyErr_Occurred() ? -1 : 0;
}

int generated_set(Entry* entry, PyObject* generated) {
  if (generated == Py_None) return 0;
  if (!PyType_Check(generated)) {
    PyErr_SetString(PyExc_TypeError, "a class that `ringmail gen` wrote");
    return -1;
  }
  PyObject* grows = PyObject_GetAttrString(generated, "_grows");
  const int may_grow = grows != NULL ? PyObject_IsTrue(grows) : -1;
  Py_XDECREF(grows);
  PyObject* size = may_grow == 0 ? PyObject_GetAttrString(generated, "ringmail_size") : NULL;
  entry->generated_size = size != NULL ? PyLong_AsLongLong(size) : -1;
  Py_XDECREF(size);
  if (PyErr_Occurred()) return -1;
  entry->generated = Py_NewRef(generated);
  return 0;
}

PyObject* generated_lend(const Entry* entry) {
  PyObject* message = (PyObject*)entry->view;
  if (entry->generated_size < 0 || entry->view->length < entry->generated_size)
    return PyObject_CallMethodOneArg(entry->generated, name_of_view, message);
  PyTypeObject* type = (PyTypeObject*)entry->generated;
  PyObject* bytes = PyMemoryView_FromObject(message);
  PyObject* lent = bytes != NULL ? type->tp_alloc(type, 0) : NULL;
  if (lent != NULL &&
      (PyObject_SetAttr(lent, name_of_bytes, bytes) < 0 || PyObject_SetAttr(lent, name_of_at, start) < 0)) {
    Py_CLEAR(lent);
  }
  Py_XDECREF(bytes);
  return lent;
}

void generated_release(PyObject* lent) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject* bytes = PyObject_GetAttr(lent, name_of_bytes);
  /* Where nobody kept the message, nor one that lies in it, nothing is left to be taken back. */
  const int is_kept = Py_REFCNT(lent) != 1 || bytes == NULL || Py_REFCNT(bytes) != 2;
  PyObject* released = is_kept && bytes != NULL ? PyObject_CallMethodNoArgs(bytes, name_of_release) : NULL;
  PyErr_Clear(); /* a buffer that is still exported is the caller's to find */
  Py_XDECREF(released);
  Py_XDECREF(bytes);
  Py_DECREF(lent);
  PyErr_Restore(type, value, traceback);
}

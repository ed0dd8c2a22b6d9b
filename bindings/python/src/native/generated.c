/* Messages as instances of classes that `ringmail gen` wrote: a buffer, `_bytes`, and the place in it, `_at`. Those of fixed size are made,
 * as the class method view() makes them, and sent here, so that no line of Python runs for each. */
#include "native.h"

static PyObject *name_of_bytes, *name_of_at, *name_of_view, *name_of_release, *name_of_to_bytes, *name_of_grows,
    *name_of_size, *start;

int generated_ready(void) {
  name_of_bytes = PyUnicode_InternFromString("_bytes");
  name_of_at = PyUnicode_InternFromString("_at");
  name_of_view = PyUnicode_InternFromString("view");
  name_of_release = PyUnicode_InternFromString("release");
  name_of_to_bytes = PyUnicode_InternFromString("to_bytes");
  name_of_grows = PyUnicode_InternFromString("_grows");
  name_of_size = PyUnicode_InternFromString("ringmail_size");
  start = PyLong_FromLong(0);
  return PyErr_Occurred() ? -1 : 0;
}

/* Of all messages of a class; -1: they are of any length; -2 and an exception. */
static Py_ssize_t fixed_size(PyObject* class) {
  PyObject* grows = PyObject_GetAttr(class, name_of_grows);
  const int may_grow = grows != NULL ? PyObject_IsTrue(grows) : -1;
  Py_XDECREF(grows);
  if (may_grow != 0) return may_grow < 0 ? -2 : -1;
  PyObject* size = PyObject_GetAttr(class, name_of_size);
  const Py_ssize_t bytes = size != NULL ? PyLong_AsSsize_t(size) : -1;
  Py_XDECREF(size);
  return PyErr_Occurred() ? -2 : bytes;
}

int generated_set(Entry* entry, PyObject* generated) {
  if (generated == Py_None) return 0;
  if (!PyType_Check(generated)) {
    PyErr_SetString(PyExc_TypeError, "a class that `ringmail gen` wrote");
    return -1;
  }
  entry->generated_size = fixed_size(generated);
  if (entry->generated_size == -2) return -1;
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
  PyErr_Restore(type, value, traceback);
}

Message* generated_native(PyObject* generated, PyTypeObject* type) {
  const Py_ssize_t size = fixed_size((PyObject*)Py_TYPE(generated));
  if (size == -2) return NULL;
  const int is_whole = size < 0; /* to_bytes() gives no more than the message, wherever it lies */
  PyObject* bytes =
      is_whole ? PyObject_CallMethodNoArgs(generated, name_of_to_bytes) : PyObject_GetAttr(generated, name_of_bytes);
  PyObject* at = bytes != NULL && !is_whole ? PyObject_GetAttr(generated, name_of_at) : Py_NewRef(start);
  const Py_ssize_t begin = at != NULL ? PyLong_AsSsize_t(at) : -1;
  Message* message = bytes != NULL && !PyErr_Occurred() ? message_of_bytes(type, bytes, begin, size) : NULL;
  Py_XDECREF(at);
  Py_XDECREF(bytes);
  return message;
}

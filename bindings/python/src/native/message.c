/* Messages: one that was received lies in a ring until its handler returns; one that was made owns its bytes. */
#include "native.h"

/* ---- life */

static Message* allocate(PyTypeObject* type, Layout* layout) {
  Message* self = (Message*)type->tp_alloc(type, 0);
  if (self != NULL) self->layout = (Layout*)Py_NewRef(layout);
  return self;
}

Message* message_new(PyTypeObject* type, Layout* layout) {
  Message* self = allocate(type, layout);
  if (self == NULL) return NULL;
  self->data = PyMem_Calloc(1, layout->size != 0 ? layout->size : 1);
  self->owned = 1;
  self->writable = 1;
  if (self->data != NULL) return self;
  Py_DECREF(self);
  return (Message*)PyErr_NoMemory();
}

Message* message_lend(PyTypeObject* type, Layout* layout, void* data, int writable) {
  Message* self = allocate(type, layout);
  if (self == NULL) return NULL;
  self->data = data;
  self->writable = (char)writable;
  return self;
}

Message* message_nested(PyTypeObject* type, Layout* layout, Message* parent, unsigned char* data) {
  if (layout == NULL) return NULL;
  Message* self = allocate(type, layout);
  if (self == NULL) return NULL;
  self->data = data;
  self->root = (Message*)Py_NewRef(message_root(parent));
  return self;
}

int message_release(Message* self) {
  self->data = NULL;
  return self->exports == 0;
}

unsigned char* message_data(Message* self) {
  if (message_root(self)->data != NULL) return self->data;
  PyErr_Format(ReleasedError, "this %U is over: its handler has returned. message.copy() gives one that stays",
               self->layout->name);
  return NULL;
}

static void message_dealloc(PyObject* object) {
  Message* self = (Message*)object;
  if (self->owned) PyMem_Free(self->data);
  Py_XDECREF(self->root);
  Py_XDECREF(self->layout);
  Py_TYPE(object)->tp_free(object);
}

/* For classes that users derive: those that make_type() made are constructed in layout.c. */
static PyObject* message_tp_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  if (type == &MessageType) {
    PyErr_SetString(PyExc_TypeError, "peer.type(name) gives the types of messages");
    return NULL;
  }
  Layout* layout = layout_of(type);
  if (layout == NULL) return NULL;
  if (PyTuple_GET_SIZE(arguments) != 0) {
    PyErr_Format(PyExc_TypeError, "%U: its fields are given by name", layout->name);
    return NULL;
  }
  Message* self = message_new(type, layout);
  PyObject *name, *value;
  Py_ssize_t position = 0;
  while (self != NULL && keywords != NULL && PyDict_Next(keywords, &position, &name, &value)) {
    Field* field = (Field*)PyDict_GetItemWithError(layout->by_name, name);
    if (field == NULL && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%U has no field %R", layout->name, name);
    if (field == NULL || field_store(field, self->data, value) < 0) Py_CLEAR(self);
  }
  return (PyObject*)self;
}

/* tp_new has done it all; object.__init__ would refuse the fields. */
static int message_tp_init(PyObject* self, PyObject* arguments, PyObject* keywords) {
  (void)self, (void)arguments, (void)keywords;
  return 0;
}

/* ---- as a whole */

static PyObject* message_copy(PyObject* object, PyObject* unused) {
  (void)unused;
  Message* self = (Message*)object;
  unsigned char* data = message_data(self);
  if (data == NULL) return NULL;
  Message* copy = message_new(Py_TYPE(object), self->layout);
  if (copy != NULL) memcpy(copy->data, data, self->layout->size);
  return (PyObject*)copy;
}

static PyObject* message_from_bytes(PyObject* type, PyObject* source) {
  Layout* layout = layout_of((PyTypeObject*)type);
  if (layout == NULL) return NULL;
  Py_buffer view;
  if (PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) < 0) return NULL;
  Message* self = NULL;
  if (view.len != (Py_ssize_t)layout->size) {
    PyErr_Format(PyExc_ValueError, "%U is %u bytes long, not %zd", layout->name, (unsigned)layout->size, view.len);
  } else if ((self = message_new((PyTypeObject*)type, layout)) != NULL) {
    memcpy(self->data, view.buf, layout->size);
  }
  PyBuffer_Release(&view);
  return (PyObject*)self;
}

static PyObject* message_compare(PyObject* a, PyObject* b, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !PyObject_TypeCheck(b, &MessageType)) Py_RETURN_NOTIMPLEMENTED;
  Layout* layout = ((Message*)a)->layout;
  if (layout != ((Message*)b)->layout) Py_RETURN_NOTIMPLEMENTED;
  const unsigned char* x = message_data((Message*)a);
  const unsigned char* y = x != NULL ? message_data((Message*)b) : NULL;
  if (y == NULL) return NULL;
  return PyBool_FromLong(layout_equal(layout, x, y) == (operation == Py_EQ));
}

static PyObject* values(Message* self) {
  PyObject* fields = self->layout->fields;
  PyObject* result = PyTuple_New(PyTuple_GET_SIZE(fields));
  for (Py_ssize_t i = 0; result != NULL && i < PyTuple_GET_SIZE(fields); ++i) {
    PyObject* value = field_load((Field*)PyTuple_GET_ITEM(fields, i), self);
    if (value == NULL) {
      Py_CLEAR(result);
    } else {
      PyTuple_SET_ITEM(result, i, value);
    }
  }
  return result;
}

static PyObject* message_iter(PyObject* object) {
  PyObject* all = values((Message*)object);
  PyObject* iterator = all != NULL ? PyObject_GetIter(all) : NULL;
  Py_XDECREF(all);
  return iterator;
}

static PyObject* message_as_dict(PyObject* object, PyObject* unused);

/* What outlives the message: nested messages as dictionaries, arrays as lists. */
static PyObject* detached(PyObject* value) {
  if (PyObject_TypeCheck(value, &MessageType)) return message_as_dict(value, NULL);
  if (PyMemoryView_Check(value)) return PySequence_List(value);
  if (!PyTuple_CheckExact(value)) return Py_NewRef(value);
  PyObject* list = PyList_New(PyTuple_GET_SIZE(value));
  for (Py_ssize_t i = 0; list != NULL && i < PyTuple_GET_SIZE(value); ++i) {
    PyObject* item = detached(PyTuple_GET_ITEM(value, i));
    if (item == NULL) {
      Py_CLEAR(list);
    } else {
      PyList_SET_ITEM(list, i, item);
    }
  }
  return list;
}

static PyObject* message_as_dict(PyObject* object, PyObject* unused) {
  (void)unused;
  PyObject* fields = ((Message*)object)->layout->fields;
  PyObject* all = values((Message*)object);
  PyObject* result = all != NULL ? PyDict_New() : NULL;
  for (Py_ssize_t i = 0; result != NULL && i < PyTuple_GET_SIZE(fields); ++i) {
    PyObject* value = detached(PyTuple_GET_ITEM(all, i));
    if (value == NULL || PyDict_SetItem(result, ((Field*)PyTuple_GET_ITEM(fields, i))->name, value) < 0)
      Py_CLEAR(result);
    Py_XDECREF(value);
  }
  Py_XDECREF(all);
  return result;
}

static PyObject* message_repr(PyObject* object) {
  Message* self = (Message*)object;
  /* Tracebacks and debuggers show what handlers left behind: that must not fail. */
  if (message_root(self)->data == NULL) return PyUnicode_FromFormat("<%U, released>", self->layout->name);
  PyObject* all = values(self);
  PyObject* parts = all != NULL ? PyList_New(0) : NULL;
  for (Py_ssize_t i = 0; parts != NULL && i < PyTuple_GET_SIZE(all); ++i) {
    PyObject* value = PyTuple_GET_ITEM(all, i);
    PyObject* shown =
        PyMemoryView_Check(value) || PyTuple_CheckExact(value) ? PySequence_List(value) : Py_NewRef(value);
    PyObject* part =
        shown == NULL ? NULL
                      : PyUnicode_FromFormat("%U=%R", ((Field*)PyTuple_GET_ITEM(self->layout->fields, i))->name, shown);
    if (part == NULL || PyList_Append(parts, part) < 0) Py_CLEAR(parts);
    Py_XDECREF(shown);
    Py_XDECREF(part);
  }
  PyObject* comma = parts != NULL ? PyUnicode_FromString(", ") : NULL;
  PyObject* text = comma != NULL ? PyUnicode_Join(comma, parts) : NULL;
  PyObject* result = text != NULL ? PyUnicode_FromFormat("%U(%U)", self->layout->name, text) : NULL;
  Py_XDECREF(all);
  Py_XDECREF(parts);
  Py_XDECREF(comma);
  Py_XDECREF(text);
  return result;
}

/* ---- as bytes */

static int message_get_buffer(PyObject* object, Py_buffer* view, int flags) {
  Message* self = (Message*)object;
  Message* root = message_root(self);
  view->obj = NULL;
  unsigned char* data = message_data(self);
  if (data == NULL || PyBuffer_FillInfo(view, object, data, self->layout->size, !root->writable, flags) < 0) return -1;
  ++root->exports;
  return 0;
}

static void message_release_buffer(PyObject* object, Py_buffer* view) {
  (void)view;
  --message_root((Message*)object)->exports;
}

static PyBufferProcs message_buffer = {message_get_buffer, message_release_buffer};

static PyMethodDef methods[] = {
    {"copy", message_copy, METH_NOARGS, "A message with the same fields that stays valid and can be changed."},
    {"__copy__", message_copy, METH_NOARGS, NULL},
    {"__deepcopy__", message_copy, METH_O, NULL},
    {"_asdict", message_as_dict, METH_NOARGS,
     "The fields by name; nested messages as dictionaries, arrays as lists. Stays valid."},
    {"_from_bytes", message_from_bytes, METH_O | METH_CLASS, "The message whose bytes these are."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject MessageType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail.Message",
    .tp_basicsize = sizeof(Message),
    .tp_dealloc = message_dealloc,
    .tp_repr = message_repr,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_as_buffer = &message_buffer,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "What all messages have in common.",
    .tp_richcompare = message_compare,
    .tp_iter = message_iter,
    .tp_methods = methods,
    .tp_init = message_tp_init,
    .tp_new = message_tp_new,
};

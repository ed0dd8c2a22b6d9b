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
  self->data = PyMem_Malloc(layout->size != 0 ? layout->size : 1);
  self->owned = 1;
  self->writable = 1;
  self->length = self->sent = layout->size;
  if (self->data != NULL) {
    memcpy(self->data, layout->initial, layout->size);
    return self;
  }
  Py_DECREF(self);
  return (Message*)PyErr_NoMemory();
}

Message* message_lend(PyTypeObject* type, Layout* layout, const void* data, uint32_t length, int writable) {
  Message* self = allocate(type, layout);
  if (self == NULL) return NULL;
  self->writable = (char)writable;
  if (!message_lie(self, (unsigned char*)data, length)) Py_CLEAR(self);
  return self;
}

Message* message_nested(PyTypeObject* type, Layout* layout, Message* parent, unsigned char* data) {
  if (layout == NULL) return NULL;
  Message* self = allocate(type, layout);
  if (self == NULL) return NULL;
  self->data = data;
  self->length = self->sent = layout->size;
  self->root = (Message*)Py_NewRef(message_root(parent));
  ++self->root->parts;
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
  if (self->root != NULL) --self->root->parts;
  Py_XDECREF(self->root);
  Py_XDECREF(self->layout);
  Py_TYPE(object)->tp_free(object);
}

/* ---- filling in */

int message_put(Message* self, const Content* contents) {
  if (self->exports != 0 || self->parts != 0) {
    PyErr_Format(PyExc_BufferError, "the content of this %U cannot become another while a part of it is used",
                 self->layout->name);
    return -1;
  }
  if (!self->owned) {
    PyErr_Format(PyExc_AttributeError, "the content of a loan is given to loan(): this %U has its length",
                 self->layout->name);
    return -1;
  }
  const int64_t length = contents_length(self->layout, contents);
  if (length < 0) return -1;
  unsigned char* data = PyMem_Calloc(1, (size_t)length);
  if (data == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  memcpy(data, self->data, self->layout->size);
  contents_write(self->layout, contents, data);
  PyMem_Free(self->data);
  self->data = data;
  self->length = (uint32_t)length;
  return 0;
}

static int fill_one(Message* self, Content** contents, PyObject* name, PyObject* value) {
  const Field* field = field_named(self->layout, name);
  if (field == NULL) return -1;
  if (!field->is_content) return field_set_in(field, self, value);
  if (*contents == NULL && (*contents = contents_new(self->layout)) == NULL) return -1;
  return content_take(field, value, 0, &(*contents)[field->content_index]);
}

/* All content is put at once: each time all of it moves. */
static int fill_end(Message* self, Content* contents, int result) {
  if (result == 0 && contents != NULL) {
    contents_keep(self, contents);
    result = message_put(self, contents);
  }
  contents_free(self->layout, contents);
  return result;
}

int message_fill(Message* self, PyObject* names, PyObject* const* values) {
  Content* contents = NULL;
  int result = 0;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names) && result == 0; ++i) {
    result = fill_one(self, &contents, PyTuple_GET_ITEM(names, i), values[i]);
  }
  return fill_end(self, contents, result);
}

static int fill_from_dict(Message* self, PyObject* fields) {
  Content* contents = NULL;
  PyObject *name, *value;
  Py_ssize_t position = 0;
  int result = 0;
  while (result == 0 && PyDict_Next(fields, &position, &name, &value)) result = fill_one(self, &contents, name, value);
  return fill_end(self, contents, result);
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
  if (self != NULL && keywords != NULL && fill_from_dict(self, keywords) < 0) Py_CLEAR(self);
  return (PyObject*)self;
}

/* tp_new has done it all; object.__init__ would refuse the fields. */
static int message_tp_init(PyObject* self, PyObject* arguments, PyObject* keywords) {
  (void)self, (void)arguments, (void)keywords;
  return 0;
}

/* ---- as a whole */

Message* message_copy_of(Message* self) {
  Message* copy = message_data(self) != NULL ? message_new(Py_TYPE(self), self->layout) : NULL;
  if (copy == NULL) return NULL;
  const uint32_t size = self->layout->size;
  memcpy(copy->data, self->data, self->sent < size ? self->sent : size);
  if (PyTuple_GET_SIZE(self->layout->contents) == 0) return copy;
  Content* contents = contents_new(self->layout);
  if (contents != NULL) contents_keep(self, contents);
  if (contents == NULL || message_put(copy, contents) < 0) Py_CLEAR(copy);
  contents_free(self->layout, contents);
  return copy;
}

static PyObject* message_copy(PyObject* object, PyObject* unused) {
  (void)unused;
  return (PyObject*)message_copy_of((Message*)object);
}

/* What lies in a buffer from `at` on, for `length` bytes or, negative, all of them: *view is of it. NULL with no exception: it is no
 * message. */
static Message* lend_buffer(PyObject* type, PyObject* source, Py_ssize_t at, Py_ssize_t length, Py_buffer* view) {
  Layout* layout = layout_of((PyTypeObject*)type);
  if (layout == NULL || PyObject_GetBuffer(source, view, PyBUF_SIMPLE) < 0) return NULL;
  if (length < 0) length = view->len - at;
  const int is_there = at >= 0 && at <= view->len && length <= view->len - at && length <= UINT32_MAX;
  Message* self =
      is_there ? message_lend((PyTypeObject*)type, layout, (char*)view->buf + at, (uint32_t)length, 0) : NULL;
  if (self == NULL) PyBuffer_Release(view);
  return self;
}

static void give_back(Message* lent, Py_buffer* view) {
  message_release(lent);
  Py_DECREF(lent);
  PyBuffer_Release(view);
}

Message* message_of_bytes(PyTypeObject* type, PyObject* source, Py_ssize_t at, Py_ssize_t length) {
  Py_buffer view;
  Message* lent = lend_buffer((PyObject*)type, source, at, length, &view);
  if (lent == NULL) {
    if (PyErr_Occurred()) return NULL;
    return (Message*)PyErr_Format(PyExc_ValueError, "these %zd bytes are no %U", view.len, layout_of(type)->name);
  }
  Message* copy = message_copy_of(lent);
  give_back(lent, &view);
  return copy;
}

static PyObject* message_from_bytes(PyObject* type, PyObject* source) {
  return (PyObject*)message_of_bytes((PyTypeObject*)type, source, 0, -1);
}

static PyObject* message_valid_bytes(PyObject* type, PyObject* source) {
  Py_buffer view;
  Message* lent = lend_buffer(type, source, 0, -1, &view);
  if (lent == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
  const int result = message_valid(lent);
  give_back(lent, &view);
  return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyObject* message_compare(PyObject* a, PyObject* b, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !PyObject_TypeCheck(b, &MessageType)) Py_RETURN_NOTIMPLEMENTED;
  Layout* layout = ((Message*)a)->layout;
  if (layout != ((Message*)b)->layout) Py_RETURN_NOTIMPLEMENTED;
  if (message_data((Message*)a) == NULL || message_data((Message*)b) == NULL) return NULL;
  int is_equal = 1;
  for (Py_ssize_t i = 0; is_equal && i < PyTuple_GET_SIZE(layout->fields); ++i) {
    is_equal = field_equal((Field*)PyTuple_GET_ITEM(layout->fields, i), (Message*)a, (Message*)b);
  }
  return PyBool_FromLong(is_equal == (operation == Py_EQ));
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
  if (data == NULL || PyBuffer_FillInfo(view, object, data, self->length, !root->writable, flags) < 0) return -1;
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
    {"_valid", message_valid_bytes, METH_O | METH_CLASS,
     "Whether these bytes are one: the size, every bool 0 or 1, every enum a declared value, every reference good."},
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

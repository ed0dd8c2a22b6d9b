/* The class of a message: made from a description, with a descriptor for each field. */
#include "native.h"

static PyObject* layout_key; /* the attribute of the class that holds its layout */

static void layout_dealloc(PyObject* object) {
  Layout* self = (Layout*)object;
  Py_XDECREF(self->name);
  Py_XDECREF(self->fields);
  Py_XDECREF(self->by_name);
  Py_TYPE(object)->tp_free(object);
}

static PyTypeObject LayoutType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail._ringmail.Layout",
    .tp_basicsize = sizeof(Layout),
    .tp_dealloc = layout_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

Layout* layout_of(PyTypeObject* type) {
  /* Of the class itself in nearly every case; a class derived from it finds it through its bases. */
  PyObject* found = PyDict_GetItemWithError(type->tp_dict, layout_key);
  if (found == NULL && !PyErr_Occurred()) {
    found = PyObject_GetAttr((PyObject*)type, layout_key);
    Py_XDECREF(found); /* borrowed from a base from now on */
  }
  if (found == NULL) return NULL;
  if (Py_IS_TYPE(found, &LayoutType)) return (Layout*)found;
  PyErr_Format(PyExc_TypeError, "%s is not a message type", type->tp_name);
  return NULL;
}

int layout_equal(const Layout* layout, const unsigned char* a, const unsigned char* b) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->fields); ++i) {
    if (!field_equal((Field*)PyTuple_GET_ITEM(layout->fields, i), a, b)) return 0;
  }
  return 1;
}

int layout_ready(void) {
  layout_key = PyUnicode_InternFromString("_layout");
  return layout_key == NULL ? -1 : PyType_Ready(&LayoutType);
}

static Layout* layout_new(PyObject* name, uint32_t id, uint32_t size, PyObject* descriptions) {
  Layout* self = (Layout*)LayoutType.tp_alloc(&LayoutType, 0);
  if (self == NULL) return NULL;
  const Py_ssize_t count = PyTuple_GET_SIZE(descriptions);
  self->name = Py_NewRef(name);
  self->id = id;
  self->size = size;
  self->fields = PyTuple_New(count);
  self->by_name = PyDict_New();
  if (self->fields == NULL || self->by_name == NULL) goto failed;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Field* field = field_new(self, PyTuple_GET_ITEM(descriptions, i));
    if (field == NULL) goto failed;
    PyTuple_SET_ITEM(self->fields, i, (PyObject*)field);
    if (PyDict_SetItem(self->by_name, field->name, (PyObject*)field) < 0) goto failed;
  }
  return self;
failed:
  Py_DECREF(self);
  return NULL;
}

/* T(mean=1.5) without the dictionary of keywords that type.__call__ would make. */
static PyObject* construct(PyObject* type, PyObject* const* arguments, size_t flags, PyObject* names) {
  Layout* layout = layout_of((PyTypeObject*)type);
  if (layout == NULL) return NULL;
  if (PyVectorcall_NARGS(flags) != 0) {
    PyErr_Format(PyExc_TypeError, "%U: its fields are given by name", layout->name);
    return NULL;
  }
  Message* message = message_new((PyTypeObject*)type, layout);
  if (message == NULL || names == NULL) return (PyObject*)message;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    Field* field = (Field*)PyDict_GetItemWithError(layout->by_name, name);
    if (field == NULL) {
      if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%U has no field %R", layout->name, name);
      goto failed;
    }
    if (field_store(field, message->data, arguments[i]) < 0) goto failed;
  }
  return (PyObject*)message;
failed:
  Py_DECREF(message);
  return NULL;
}

static int set(PyObject* members, const char* name, PyObject* value) {
  if (value == NULL) return -1;
  const int result = PyDict_SetItemString(members, name, value);
  Py_DECREF(value);
  return result;
}

static PyObject* make_members(Layout* layout, PyObject* module_name) {
  PyObject* members = PyDict_Copy(layout->by_name);
  if (members == NULL) return NULL;
  PyObject* names = PyDict_Keys(layout->by_name); /* in the order of declaration */
  PyObject* tuple = names != NULL ? PyList_AsTuple(names) : NULL;
  Py_XDECREF(names);
  if (tuple == NULL || set(members, "_fields", Py_NewRef(tuple)) < 0 || set(members, "__match_args__", tuple) < 0 ||
      set(members, "_name", Py_NewRef(layout->name)) < 0 ||
      set(members, "_id", PyLong_FromUnsignedLong(layout->id)) < 0 ||
      set(members, "_size", PyLong_FromUnsignedLong(layout->size)) < 0 ||
      set(members, "__module__", Py_NewRef(module_name)) < 0 || set(members, "__slots__", PyTuple_New(0)) < 0 ||
      PyDict_SetItem(members, layout_key, (PyObject*)layout) < 0) {
    Py_DECREF(members);
    return NULL;
  }
  return members;
}

PyObject* make_type(PyObject* module, PyObject* arguments) {
  (void)module;
  PyObject *name, *space, *word, *descriptions;
  unsigned id, size;
  if (!PyArg_ParseTuple(arguments, "UUUIIO!", &name, &space, &word, &id, &size, &PyTuple_Type, &descriptions))
    return NULL;
  Layout* layout = layout_new(name, id, size, descriptions);
  if (layout == NULL) return NULL;
  PyObject* type = NULL;
  PyObject* members = make_members(layout, space);
  if (members != NULL) {
    type = PyObject_CallFunction((PyObject*)&PyType_Type, "O(O)O", word, &MessageType, members);
  }
  if (type != NULL) {
    ((PyTypeObject*)type)->tp_vectorcall = construct;
    /* The layout says which bytes are touched: nobody exchanges it. */
    ((PyTypeObject*)type)->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  }
  Py_XDECREF(members);
  Py_DECREF(layout);
  return type;
}

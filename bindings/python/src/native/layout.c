/* The class of a message: made from a description, with a descriptor for each field. */
#include "native.h"

static PyObject* layout_key; /* the attribute of the class that holds its layout */

static void layout_dealloc(PyObject* object) {
  Layout* self = (Layout*)object;
  Py_XDECREF(self->name);
  Py_XDECREF(self->fields);
  Py_XDECREF(self->by_name);
  Py_XDECREF(self->contents);
  Py_XDECREF(self->earlier);
  Py_XDECREF(self->format);
  PyMem_Free(self->initial);
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

int layout_ready(void) {
  layout_key = PyUnicode_InternFromString("_layout");
  return layout_key == NULL ? -1 : PyType_Ready(&LayoutType);
}

static int make_initial(Layout* self) {
  self->initial = PyMem_Calloc(1, self->size != 0 ? self->size : 1);
  if (self->initial == NULL) return -1;
  if (PyTuple_GET_SIZE(self->contents) != 0)
    memcpy(self->initial + self->fixed_size_at, &self->size, sizeof self->size);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->fields); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(self->fields, i);
    const Layout* nested =
        field->nested != NULL && !field->is_content && !field->is_optional ? layout_of(field->nested) : NULL;
    for (uint32_t k = 0; nested != NULL && k < (field->count != 0 ? field->count : 1); ++k) {
      memcpy(self->initial + field->offset + k * nested->size, nested->initial, nested->size);
    }
    if (field->preset != NULL && field_store(field, self->initial, field->preset) < 0) return -1;
  }
  return 0;
}

static int add_fields(Layout* self, PyObject* descriptions) {
  const Py_ssize_t count = PyTuple_GET_SIZE(descriptions);
  PyObject* contents = PyList_New(0);
  self->fields = PyTuple_New(count);
  self->by_name = PyDict_New();
  int result = contents == NULL || self->fields == NULL || self->by_name == NULL ? -1 : 0;
  for (Py_ssize_t i = 0; i < count && result == 0; ++i) {
    Field* field = field_new(self, PyTuple_GET_ITEM(descriptions, i));
    if (field == NULL) {
      result = -1;
      break;
    }
    PyTuple_SET_ITEM(self->fields, i, (PyObject*)field);
    field->content_index = (uint32_t)PyList_GET_SIZE(contents);
    if (field->is_content) result = PyList_Append(contents, (PyObject*)field);
    if (result == 0) result = PyDict_SetItem(self->by_name, field->name, (PyObject*)field);
  }
  if (result == 0 && (self->contents = PyList_AsTuple(contents)) == NULL) result = -1;
  Py_XDECREF(contents);
  return result;
}

static Layout* layout_new(PyObject* arguments, PyObject** space, PyObject** word) {
  PyObject *name, *earlier, *format, *descriptions;
  Layout* self = (Layout*)LayoutType.tp_alloc(&LayoutType, 0);
  if (self == NULL) return NULL;
  if (!PyArg_ParseTuple(arguments, "UUUIIIIO!OO!", &name, space, word, &self->id, &self->size, &self->align,
                        &self->fixed_size_at, &PyTuple_Type, &earlier, &format, &PyTuple_Type, &descriptions)) {
    goto failed;
  }
  self->name = Py_NewRef(name);
  self->earlier = Py_NewRef(earlier);
  self->format = format != Py_None ? Py_NewRef(format) : NULL;
  if (add_fields(self, descriptions) < 0) goto failed;
  if (PyTuple_GET_SIZE(self->contents) != 0 && self->fixed_size_at + sizeof(uint32_t) > self->size) {
    PyErr_Format(SchemaError, "%U cannot have its fixed size at %u", name, (unsigned)self->fixed_size_at);
    goto failed;
  }
  if (make_initial(self) < 0) goto failed;
  return self;
failed:
  if (!PyErr_Occurred()) PyErr_NoMemory();
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
  if (message != NULL && names != NULL && message_fill(message, names, arguments) < 0) Py_CLEAR(message);
  return (PyObject*)message;
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
      set(members, "_format", Py_NewRef(layout->format != NULL ? layout->format : Py_None)) < 0 ||
      set(members, "__module__", Py_NewRef(module_name)) < 0 || set(members, "__slots__", PyTuple_New(0)) < 0 ||
      PyDict_SetItem(members, layout_key, (PyObject*)layout) < 0) {
    Py_DECREF(members);
    return NULL;
  }
  return members;
}

PyObject* make_type(PyObject* module, PyObject* arguments) {
  (void)module;
  PyObject *space, *word;
  Layout* layout = layout_new(arguments, &space, &word);
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

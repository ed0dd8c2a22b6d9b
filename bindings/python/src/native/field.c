/* The descriptor of a field: `message.delay` reads the bytes there and then, and `message.delay = 3` writes them. */
#include "native.h"

static int is_number(const Field* self) { return number_kind(self->format) != NULL; }

/* Arrays of these are memoryviews: all numbers of which every pattern of bits is one. */
int field_is_plain_number(const Field* self) { return is_number(self) && self->format != '?' && self->members == NULL; }

static PyObject* load_element(const Field* self, Message* message, unsigned char* at) {
  switch (self->format) {
    case 's': {
      const unsigned char* end = memchr(at, 0, self->element_size);
      return PyUnicode_DecodeUTF8((const char*)at, end != NULL ? end - at : (Py_ssize_t)self->element_size, "replace");
    }
    case 'M': return (PyObject*)message_nested(self->nested, layout_of(self->nested), message, at);
    default: break;
  }
  PyObject* number = number_load(self->format, at);
  if (self->members == NULL || number == NULL) return number;
  /* A number that is not declared stays what it is: an IntEnum's member is an int too. */
  PyObject* member = PyDict_GetItemWithError(self->members, number);
  if (member == NULL) {
    if (!PyErr_Occurred()) return number;
    Py_DECREF(number);
    return NULL;
  }
  Py_DECREF(number);
  return Py_NewRef(member);
}

static PyObject* load_elements(const Field* self, Message* message, unsigned char* at, uint32_t count) {
  if (field_is_plain_number(self)) return array_view(self, message, at, count);
  PyObject* elements = PyTuple_New(count);
  if (elements == NULL) return NULL;
  for (uint32_t i = 0; i < count; ++i, at += self->element_size) {
    PyObject* element = load_element(self, message, at);
    if (element == NULL) {
      Py_DECREF(elements);
      return NULL;
    }
    PyTuple_SET_ITEM(elements, i, element);
  }
  return elements;
}

/* Where it is was looked at when the message came, and is again: the bytes may be others' to write. */
static PyObject* load_content(const Field* self, Message* message, const unsigned char* at) {
  Found found;
  if (!content_find(self, message, at, &found)) {
    field_error(ProtocolError, self, -1, "is not in its message any more");
    return NULL;
  }
  if (self->format == 'S') return PyUnicode_DecodeUTF8((const char*)found.at, found.count, "replace");
  return load_elements(self, message, found.at, found.count);
}

PyObject* field_load(const Field* self, Message* message) {
  if (message_data(message) == NULL) return NULL;
  unsigned char* at = field_at(self, message);
  if (!field_is_there(self, at)) Py_RETURN_NONE;
  if (self->is_content) return load_content(self, message, at);
  return self->count == 0 ? load_element(self, message, at) : load_elements(self, message, at, self->count);
}

static int store_text(const Field* self, Py_ssize_t index, unsigned char* at, PyObject* value) {
  if (!PyUnicode_Check(value)) {
    return field_error(PyExc_TypeError, self, index, "must be a str, not %s", Py_TYPE(value)->tp_name);
  }
  Py_ssize_t length = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value, &length);
  if (text == NULL) return -1;
  if (length > (Py_ssize_t)self->element_size) {
    return field_error(PyExc_ValueError, self, index, "cannot be %R: it is %zd bytes, and text<%u> holds %u", value,
                       length, (unsigned)self->element_size, (unsigned)self->element_size);
  }
  if (memchr(text, 0, (size_t)length) != NULL) {
    return field_error(PyExc_ValueError, self, index, "cannot be %R: a text ends at its first NUL", value);
  }
  memcpy(at, text, (size_t)length);
  memset(at + length, 0, self->element_size - (size_t)length);
  return 0;
}

Field* field_named(const Layout* layout, PyObject* name) {
  Field* field = (Field*)PyDict_GetItemWithError(layout->by_name, name);
  if (field == NULL && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%U has no field %R", layout->name, name);
  return field;
}

static int store_nested_dict(const Field* self, unsigned char* at, PyObject* value) {
  Layout* layout = layout_of(self->nested);
  if (layout == NULL) return -1;
  PyObject *name, *item;
  Py_ssize_t position = 0;
  memcpy(at, layout->initial, layout->size);
  while (PyDict_Next(value, &position, &name, &item)) {
    const Field* field = field_named(layout, name);
    if (field == NULL || field_store(field, at, item) < 0) return -1;
  }
  return 0;
}

static int store_nested(const Field* self, Py_ssize_t index, unsigned char* at, PyObject* value) {
  if (PyDict_Check(value)) return store_nested_dict(self, at, value);
  if (!PyObject_TypeCheck(value, self->nested)) {
    return field_error(PyExc_TypeError, self, index, "must be a %U or a dict, not %s", layout_of(self->nested)->name,
                       Py_TYPE(value)->tp_name);
  }
  const Message* message = (Message*)value;
  if (message_data((Message*)value) == NULL) return -1;
  const uint32_t sent = message->sent < self->element_size ? message->sent : self->element_size;
  memmove(at, message->data, sent);
  memcpy(at + sent, message->layout->initial + sent, self->element_size - sent);
  return 0;
}

int element_store(const Field* self, Py_ssize_t index, unsigned char* at, PyObject* value) {
  switch (self->format) {
    case 's': return store_text(self, index, at, value);
    case 'M': return store_nested(self, index, at, value);
    default: return number_store(self, index, at, value);
  }
}

PyObject* field_elements(const Field* self, PyObject* value) {
  if (!PyUnicode_Check(value) && !PyDict_Check(value)) {
    /* A tuple, and not the list itself, which the __index__ of an element could shrink meanwhile. */
    PyObject* elements = PySequence_Tuple(value);
    if (elements != NULL || !PyErr_ExceptionMatches(PyExc_TypeError)) return elements;
    PyErr_Clear();
  }
  if (self->is_content) {
    field_error(PyExc_TypeError, self, -1, "must be a sequence, not %s", Py_TYPE(value)->tp_name);
  } else {
    field_error(PyExc_TypeError, self, -1, "must be a sequence of %u, not %s", (unsigned)self->count,
                Py_TYPE(value)->tp_name);
  }
  return NULL;
}

static int store_array(const Field* self, unsigned char* at, PyObject* value) {
  Py_buffer view;
  const int is_buffer = field_is_plain_number(self) ? array_buffer_of(self, value, &view) : 0;
  if (is_buffer < 0) return -1;
  if (is_buffer) {
    const int fits = view.len == (Py_ssize_t)field_size(self);
    if (fits) memmove(at, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    if (fits) return 0;
  }
  PyObject* elements = field_elements(self, value);
  if (elements == NULL) return -1;
  int result = 0;
  if (PyTuple_GET_SIZE(elements) != (Py_ssize_t)self->count) {
    result = field_error(PyExc_ValueError, self, -1, "has %u elements, and %zd were given", (unsigned)self->count,
                         PyTuple_GET_SIZE(elements));
  }
  for (uint32_t i = 0; i < self->count && result == 0; ++i, at += self->element_size) {
    result = element_store(self, i, at, PyTuple_GET_ITEM(elements, i));
  }
  Py_DECREF(elements);
  return result;
}

int field_store(const Field* self, unsigned char* message, PyObject* value) {
  unsigned char* at = message + self->offset;
  if (self->count != 0) return store_array(self, at, value);
  if (!self->is_optional) return element_store(self, -1, at, value);
  const int is_there = value != Py_None;
  if (!is_there) memset(at, 0, self->element_size);
  if (is_there && element_store(self, -1, at, value) < 0) return -1;
  message[field_presence(self)] = (unsigned char)is_there;
  return 0;
}

static int equal_element(const Field* self, const unsigned char* a, const unsigned char* b) {
  switch (self->format) {
    case 's': return strncmp((const char*)a, (const char*)b, self->element_size) == 0;
    case 'M': return layout_equal(layout_of(self->nested), a, b);
    case 'f': {
      float x, y;
      memcpy(&x, a, sizeof x);
      memcpy(&y, b, sizeof y);
      return x == y;
    }
    case 'd': {
      double x, y;
      memcpy(&x, a, sizeof x);
      memcpy(&y, b, sizeof y);
      return x == y;
    }
    default: return memcmp(a, b, self->element_size) == 0;
  }
}

static int equal_elements(const Field* self, const unsigned char* a, const unsigned char* b, uint32_t count) {
  for (size_t at = 0; count != 0; --count, at += self->element_size) {
    if (!equal_element(self, a + at, b + at)) return 0;
  }
  return 1;
}

/* Of a field in the fixed part. */
static int equal_values(const Field* self, const unsigned char* a, const unsigned char* b) {
  const int is_there = field_is_there(self, a);
  if (is_there != field_is_there(self, b)) return 0;
  return !is_there || equal_elements(self, a, b, self->count != 0 ? self->count : 1);
}

int layout_equal(const Layout* layout, const unsigned char* a, const unsigned char* b) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->fields); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(layout->fields, i);
    if (!equal_values(field, a + field->offset, b + field->offset)) return 0;
  }
  return 1;
}

int field_equal(const Field* self, const Message* a, const Message* b) {
  const unsigned char *x = field_at(self, a), *y = field_at(self, b);
  if (!self->is_content) return equal_values(self, x, y);
  const int is_there = field_is_there(self, x);
  if (!is_there || is_there != field_is_there(self, y)) return is_there == field_is_there(self, y);
  Found here, there;
  return content_find(self, a, x, &here) && content_find(self, b, y, &there) && here.count == there.count &&
         equal_elements(self, here.at, there.at, here.count);
}

/* ---- the descriptor */

static int check_owner(const Field* self, PyObject* object) {
  if (PyObject_TypeCheck(object, &MessageType) && ((Message*)object)->layout == self->layout &&
      self->offset + field_size(self) <= ((Message*)object)->layout->size) {
    return 0;
  }
  PyErr_Format(PyExc_TypeError, "%U.%U is no field of %s", self->message, self->name, Py_TYPE(object)->tp_name);
  return -1;
}

static PyObject* field_get(PyObject* object, PyObject* message, PyObject* type) {
  (void)type;
  if (message == NULL || message == Py_None) return Py_NewRef(object);
  if (check_owner((Field*)object, message) < 0) return NULL;
  return field_load((Field*)object, (Message*)message);
}

static int field_set(PyObject* object, PyObject* target, PyObject* value) {
  const Field* self = (Field*)object;
  if (check_owner(self, target) < 0) return -1;
  Message* message = (Message*)target;
  unsigned char* data = message_data(message);
  if (data == NULL) return -1;
  if (value == NULL) return field_error(PyExc_AttributeError, self, -1, "cannot be deleted");
  if (!message_root(message)->writable) {
    return field_error(PyExc_AttributeError, self, -1, "is read-only: message.copy() gives one that can be changed");
  }
  if (!self->is_content) return field_store(self, data, value);
  return message_fill(message, self->name_alone, &value);
}

static PyObject* field_repr(PyObject* object) {
  const Field* self = (Field*)object;
  return PyUnicode_FromFormat("<field %U: %U of %U>", self->name, self->type_text, self->message);
}

static void field_dealloc(PyObject* object) {
  Field* self = (Field*)object;
  Py_XDECREF(self->message);
  Py_XDECREF(self->name);
  Py_XDECREF(self->name_alone);
  Py_XDECREF(self->preset);
  Py_XDECREF(self->type_text);
  Py_XDECREF(self->nested);
  Py_XDECREF(self->members);
  Py_TYPE(object)->tp_free(object);
}

PyTypeObject FieldType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail._ringmail.Field",
    .tp_basicsize = sizeof(Field),
    .tp_dealloc = field_dealloc,
    .tp_repr = field_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A field of a message.",
    .tp_descr_get = field_get,
    .tp_descr_set = field_set,
};

/* The sizes decide which bytes are touched, so they are checked here, whatever the schema's reader has checked. */
static int check_shape(const Field* self) {
  const NumberKind* kind = number_kind(self->format);
  const Layout* nested = self->nested != NULL ? layout_of(self->nested) : NULL;
  uint64_t element_size = self->element_size;
  if (kind != NULL) element_size = (uint64_t)kind->size;
  if (nested != NULL) element_size = nested->size;
  const uint64_t end = self->offset + field_size(self);
  const int is_text = self->format == 's' || (self->format == 'S' && self->is_content && element_size == 1);
  const int is_known = kind != NULL || nested != NULL || is_text;
  if (element_size == 0 || element_size != self->element_size || end > self->layout->size || !is_known ||
      (self->count != 0 && (self->is_content || self->is_optional)) ||
      (nested != NULL && PyTuple_GET_SIZE(nested->contents) != 0)) {
    PyErr_Format(SchemaError, "%U.%U cannot be %U at offset %u of %u bytes", self->message, self->name, self->type_text,
                 (unsigned)self->offset, (unsigned)self->layout->size);
    return -1;
  }
  return 0;
}

Field* field_new(const Layout* layout, PyObject* description) {
  Field* self = (Field*)FieldType.tp_alloc(&FieldType, 0);
  if (self == NULL) return NULL;
  PyObject *name, *extra, *type_text;
  int format, is_content, is_optional;
  PyObject* preset;
  self->layout = layout;
  self->message = Py_NewRef(layout->name);
  if (!PyArg_ParseTuple(description, "UCIIIOUppO", &name, &format, &self->count, &self->offset, &self->element_size,
                        &extra, &type_text, &is_content, &is_optional, &preset)) {
    goto failed;
  }
  self->is_content = (char)is_content;
  self->is_optional = (char)is_optional;
  self->preset = preset != Py_None ? Py_NewRef(preset) : NULL;
  self->name = Py_NewRef(name);
  PyUnicode_InternInPlace(&self->name);
  self->type_text = Py_NewRef(type_text);
  self->format = (char)format;
  if (self->format == 'M') {
    if (!PyType_Check(extra) || layout_of((PyTypeObject*)extra) == NULL) goto failed;
    self->nested = (PyTypeObject*)Py_NewRef(extra);
  } else if (extra != Py_None) {
    self->members = PyObject_GetAttrString(extra, "_value2member_map_");
    if (self->members == NULL || !PyDict_Check(self->members)) goto failed;
  }
  if (check_shape(self) < 0) goto failed;
  const NumberKind* kind = number_kind(self->format);
  self->element_align = kind != NULL ? (uint32_t)kind->size : self->nested != NULL ? layout_of(self->nested)->align : 1;
  self->name_alone = PyTuple_Pack(1, self->name);
  if (self->name_alone == NULL) goto failed;
  return self;
failed:
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a field is described by what this module does not know");
  Py_DECREF(self);
  return NULL;
}

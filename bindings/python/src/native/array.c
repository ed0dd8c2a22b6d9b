/* An array of numbers inside a message, exported as a buffer: what a memoryview of it holds on to. */
#include "native.h"

typedef struct {
  PyObject_HEAD Message* message;
  unsigned char* at;
  Py_ssize_t count;
  Py_ssize_t item_size;
  char format[2];
} Array;

static void array_dealloc(PyObject* object) {
  Py_DECREF(((Array*)object)->message);
  Py_TYPE(object)->tp_free(object);
}

static int array_get_buffer(PyObject* object, Py_buffer* view, int flags) {
  Array* self = (Array*)object;
  Message* root = message_root(self->message);
  view->obj = NULL;
  if (message_data(self->message) == NULL) return -1;
  if ((flags & PyBUF_WRITABLE) != 0 && !root->writable) {
    PyErr_SetString(PyExc_BufferError, "a received message is read-only");
    return -1;
  }
  *view = (Py_buffer){.buf = self->at,
                      .obj = Py_NewRef(object),
                      .len = self->count * self->item_size,
                      .itemsize = self->item_size,
                      .readonly = !root->writable,
                      .ndim = 1,
                      .format = (flags & PyBUF_FORMAT) != 0 ? self->format : NULL,
                      .shape = (flags & PyBUF_ND) != 0 ? &self->count : NULL,
                      .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &self->item_size : NULL};
  ++root->exports;
  return 0;
}

static void array_release_buffer(PyObject* object, Py_buffer* view) {
  (void)view;
  --message_root(((Array*)object)->message)->exports;
}

static PyBufferProcs array_buffer = {array_get_buffer, array_release_buffer};

static PyMethodDef methods[] = {
    {"__dlpack__", (PyCFunction)(void (*)(void))array_dlpack, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack_device__", array_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ArrayType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail._ringmail.Array",
    .tp_basicsize = sizeof(Array),
    .tp_dealloc = array_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_as_buffer = &array_buffer,
    .tp_methods = methods,
};

PyObject* array_view(const Field* field, Message* message, unsigned char* at, uint32_t count) {
  Array* array = PyObject_New(Array, &ArrayType);
  if (array == NULL) return NULL;
  array->message = (Message*)Py_NewRef(message);
  array->at = at;
  array->count = count;
  array->item_size = field->element_size;
  array->format[0] = field->format;
  array->format[1] = '\0';
  PyObject* view = PyMemoryView_FromObject((PyObject*)array);
  Py_DECREF(array);
  return view;
}

/* 'q' and 'l' are the same eight bytes under two letters. */
static int same_numbers(const char* format, Py_ssize_t item_size, const Field* field) {
  if (format == NULL) format = "B";
  if (*format == '@' || *format == '<' || *format == '=') ++format;
  if (item_size != (Py_ssize_t)field->element_size || format[0] == '\0' || format[1] != '\0') return 0;
  if (format[0] == field->format) return 1;
  const char* family = strchr("bhilq", field->format) != NULL ? "bhilq" : "BHILQ";
  return strchr(family, field->format) != NULL && strchr(family, format[0]) != NULL;
}

int array_buffer_of(const Field* field, PyObject* value, Py_buffer* view) {
  if (!PyObject_CheckBuffer(value)) return 0;
  if (PyObject_GetBuffer(value, view, PyBUF_FORMAT | PyBUF_ND) < 0) {
    /* Not contiguous: as a sequence it will do. Anything else, such as a released message, is what it says. */
    if (!PyErr_ExceptionMatches(PyExc_BufferError)) return -1;
    PyErr_Clear();
    return 0;
  }
  if (view->ndim == 1 && same_numbers(view->format, view->itemsize, field)) return 1;
  PyBuffer_Release(view);
  return 0;
}

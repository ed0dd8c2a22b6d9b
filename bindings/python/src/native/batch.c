/* Many messages of one type at equal distances: taken together from a ring, or made here to be sent together. A sequence of
 * messages, and a buffer of structures, which NumPy makes an array of. */
#include "native.h"

typedef struct {
  PyObject_HEAD Message*
      first;        /* the root of all, which owns the bytes if it is one of this process: released, all are */
  Py_ssize_t start; /* of this one's, in bytes from there */
  Py_ssize_t count;
  Py_ssize_t stride;
} Batch;

static PyObject* batch_over(Message* first, Py_ssize_t start, Py_ssize_t count, Py_ssize_t stride) {
  Batch* self = (Batch*)BatchType.tp_alloc(&BatchType, 0);
  if (self == NULL) return NULL;
  self->first = (Message*)Py_NewRef(first);
  self->start = start;
  self->count = count;
  self->stride = stride;
  return (PyObject*)self;
}

PyObject* batch_lend(Message* first, Py_ssize_t count, Py_ssize_t stride) {
  return batch_over(first, 0, count, stride);
}

int batch_release(PyObject* batch) { return message_release(((Batch*)batch)->first); }

/* Of this process: as many new messages. */
static PyObject* batch_new(PyTypeObject* type, Layout* layout, Py_ssize_t count) {
  if (layout->format == NULL) {
    return PyErr_Format(PyExc_TypeError, "%U has content of variable length: such messages are sent one by one",
                        layout->name);
  }
  if (count < 0 || (layout->size != 0 && count > PY_SSIZE_T_MAX / (Py_ssize_t)layout->size)) {
    return PyErr_Format(PyExc_ValueError, "there cannot be %zd messages", count);
  }
  Message* first = message_new(type, layout);
  if (first == NULL) return NULL;
  unsigned char* data = PyMem_Realloc(first->data, (size_t)count * layout->size + 1);
  PyObject* batch = data != NULL ? batch_over(first, 0, count, layout->size) : PyErr_NoMemory();
  if (data != NULL) first->data = data;
  for (Py_ssize_t i = 0; i < count && data != NULL; ++i) {
    memcpy(data + (size_t)i * layout->size, layout->initial, layout->size);
  }
  Py_DECREF(first);
  return batch;
}

/* make_batch(type, count) */
PyObject* make_batch(PyObject* module, PyObject* arguments) {
  (void)module;
  PyObject* type;
  Py_ssize_t count;
  if (!PyArg_ParseTuple(arguments, "O!n", &PyType_Type, &type, &count)) return NULL;
  Layout* layout = layout_of((PyTypeObject*)type);
  return layout != NULL ? batch_new((PyTypeObject*)type, layout, count) : NULL;
}

static unsigned char* data_of(const Batch* self) {
  unsigned char* data = message_data(self->first);
  return data != NULL ? data + self->start : NULL;
}

/* ---- a sequence */

static Py_ssize_t batch_length(PyObject* object) { return ((Batch*)object)->count; }

static PyObject* batch_item(PyObject* object, Py_ssize_t index) {
  const Batch* self = (Batch*)object;
  if (index < 0 || index >= self->count) {
    return PyErr_Format(PyExc_IndexError, "there is no message %zd of %zd", index, self->count);
  }
  unsigned char* data = data_of(self);
  if (data == NULL) return NULL;
  Message* first = self->first;
  Message* message = message_nested(Py_TYPE(first), first->layout, first, data + index * self->stride);
  if (message == NULL) return NULL;
  /* What an older host sends is shorter. */
  message->sent = first->sent;
  return (PyObject*)message;
}

static PyObject* batch_subscript(PyObject* object, PyObject* key) {
  const Batch* self = (Batch*)object;
  if (PyIndex_Check(key)) {
    const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return NULL;
    return batch_item(object, index < 0 ? index + self->count : index);
  }
  Py_ssize_t start, stop, step;
  if (!PySlice_Check(key)) {
    return PyErr_Format(PyExc_TypeError, "a message of a batch has a number, not %s", Py_TYPE(key)->tp_name);
  }
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return NULL;
  const Py_ssize_t count = PySlice_AdjustIndices(self->count, &start, &stop, step);
  return batch_over(self->first, self->start + start * self->stride, count, step * self->stride);
}

static PyObject* batch_copy(PyObject* object, PyObject* unused) {
  (void)unused;
  const Batch* self = (Batch*)object;
  const unsigned char* data = data_of(self);
  Layout* layout = self->first->layout;
  PyObject* copy = data != NULL ? batch_new(Py_TYPE(self->first), layout, self->count) : NULL;
  if (copy == NULL) return NULL;
  unsigned char* to = ((Batch*)copy)->first->data;
  const size_t sent = self->first->sent < layout->size ? self->first->sent : layout->size;
  for (Py_ssize_t i = 0; i < self->count; ++i) memcpy(to + i * layout->size, data + i * self->stride, sent);
  return copy;
}

static PyObject* batch_repr(PyObject* object) {
  const Batch* self = (Batch*)object;
  return PyUnicode_FromFormat("<%zd %U>", self->count, self->first->layout->name);
}

/* ---- a buffer of structures */

static int no_buffer(PyObject* error, const char* why) {
  PyErr_SetString(error, why);
  return -1;
}

static int batch_get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const Batch* self = (Batch*)object;
  const Layout* layout = self->first->layout;
  view->obj = NULL;
  unsigned char* data = data_of(self);
  if (data == NULL) return -1;
  if ((flags & PyBUF_WRITABLE) != 0 && !self->first->writable) {
    return no_buffer(PyExc_BufferError, "received messages are read-only");
  }
  if (self->first->sent < layout->size) {
    return no_buffer(PyExc_BufferError, "the sender has shorter messages: take batch.copy()");
  }
  const int is_dense = self->stride == (Py_ssize_t)layout->size || self->count <= 1;
  if (!is_dense && (flags & PyBUF_STRIDES) != PyBUF_STRIDES) {
    return no_buffer(PyExc_BufferError, "these messages lie apart from each other: take batch.copy()");
  }
  Py_ssize_t* numbers = PyMem_Malloc(2 * sizeof *numbers);
  if (numbers == NULL) return no_buffer(PyExc_MemoryError, "no memory for a view");
  numbers[0] = self->count;
  numbers[1] = is_dense ? (Py_ssize_t)layout->size : self->stride;
  *view = (Py_buffer){.buf = data,
                      .obj = Py_NewRef(object),
                      .len = self->count * (Py_ssize_t)layout->size,
                      .itemsize = (Py_ssize_t)layout->size,
                      .readonly = !self->first->writable,
                      .ndim = 1,
                      .format = (flags & PyBUF_FORMAT) != 0 ? (char*)PyUnicode_AsUTF8(layout->format) : NULL,
                      .shape = (flags & PyBUF_ND) != 0 ? numbers : NULL,
                      .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? numbers + 1 : NULL,
                      .internal = numbers};
  ++self->first->exports;
  return 0;
}

static void batch_release_buffer(PyObject* object, Py_buffer* view) {
  PyMem_Free(view->internal);
  --((Batch*)object)->first->exports;
}

/* ---- sent together */

int run_of_batch(PyObject* object, Run* run) {
  const Batch* self = (Batch*)object;
  *run = (Run){.data = data_of(self),
               .stride = self->stride,
               .count = self->count,
               .type = self->first->layout->id,
               .length = self->first->layout->size};
  if (run->data == NULL) return -1;
  if (self->first->sent >= run->length) return 0;
  return no_buffer(PyExc_ValueError, "the sender had shorter messages: send batch.copy()");
}

int run_of_buffer(PyTypeObject* type, PyObject* object, Py_buffer* view, Run* run) {
  const Layout* layout = layout_of(type);
  if (layout == NULL || PyObject_GetBuffer(object, view, PyBUF_STRIDED_RO) < 0) return -1;
  const Py_ssize_t size = (Py_ssize_t)layout->size;
  *run = (Run){.data = view->buf, .stride = size, .type = layout->id, .length = layout->size};
  if (view->ndim == 1 && view->itemsize == size && size != 0) {
    run->count = view->shape[0];
    run->stride = view->strides[0];
    return 0;
  }
  if (layout->format != NULL && size != 0 && PyBuffer_IsContiguous(view, 'C') && view->len % size == 0) {
    run->count = view->len / size;
    return 0;
  }
  PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes, in elements of %zd, is none of %U, which has %zd", view->len,
               view->itemsize, layout->name, size);
  PyBuffer_Release(view);
  return -1;
}

/* ---- the type */

static void batch_dealloc(PyObject* object) {
  Py_XDECREF(((Batch*)object)->first);
  Py_TYPE(object)->tp_free(object);
}

static PySequenceMethods as_sequence = {.sq_length = batch_length, .sq_item = batch_item};
static PyMappingMethods as_mapping = {.mp_length = batch_length, .mp_subscript = batch_subscript};
static PyBufferProcs as_buffer = {batch_get_buffer, batch_release_buffer};

static PyMethodDef methods[] = {
    {"copy", batch_copy, METH_NOARGS, "A batch of this process with the same messages, which can be kept and changed."},
    {"__copy__", batch_copy, METH_NOARGS, NULL},
    {"__deepcopy__", batch_copy, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject BatchType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail.Batch",
    .tp_basicsize = sizeof(Batch),
    .tp_dealloc = batch_dealloc,
    .tp_repr = batch_repr,
    .tp_as_sequence = &as_sequence,
    .tp_as_mapping = &as_mapping,
    .tp_as_buffer = &as_buffer,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_SEQUENCE,
    .tp_doc = "Messages of one type: a sequence, and a buffer of structures, as numpy.asarray() takes it.",
    .tp_methods = methods,
};

/* Content of variable length, behind the fixed part of a message: found, checked each time that it is read, and written. */
#include "native.h"

static uint32_t load_word(const unsigned char* at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static void store_word(unsigned char* at, uint32_t word) { memcpy(at, &word, sizeof word); }

/* ---- reading */

static int is_size(const Layout* layout, uint32_t size) {
  if (size >= layout->size) return 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->earlier); ++i) {
    if (PyLong_AsUnsignedLong(PyTuple_GET_ITEM(layout->earlier, i)) == size) return 1;
  }
  return 0;
}

/* Of the fixed part how much was sent; 0 and *is_good: nothing, of a message that was empty. */
static uint32_t sent_size(const Layout* layout, const unsigned char* data, uint32_t length, int* is_good) {
  const uint32_t at = layout->fixed_size_at;
  uint32_t size = length;
  *is_good = 1;
  if (PyTuple_GET_SIZE(layout->contents) != 0 && !(length <= at && is_size(layout, length))) {
    *is_good = length >= at + sizeof size;
    if (*is_good) size = load_word(data + at);
    *is_good = *is_good && size > at && size <= length;
  }
  *is_good = *is_good && is_size(layout, size);
  return size;
}

int content_find(const Field* field, const Message* message, const unsigned char* at, Found* found) {
  const uint32_t offset = load_word(at);
  found->count = load_word(at + 4);
  found->at = message->data + offset;
  if (found->count == 0) found->at = message->data;
  if (found->count == 0) return 1;
  const uint64_t end = offset + (uint64_t)found->count * field->element_size;
  return offset % field->element_align == 0 && offset >= message->sent && end <= message->length;
}

int message_lie(Message* self, unsigned char* data, uint32_t length) {
  const Layout* layout = self->layout;
  int is_good;
  self->data = data;
  self->length = length;
  self->sent = sent_size(layout, data, length, &is_good);
  for (Py_ssize_t i = 0; is_good && i < PyTuple_GET_SIZE(layout->contents); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(layout->contents, i);
    const unsigned char* at = field_at(field, self);
    Found found;
    is_good = !field_is_there(field, at) || content_find(field, self, at, &found);
  }
  if (!is_good) self->data = NULL;
  return is_good;
}

/* ---- writing */

Content* contents_new(const Layout* layout) {
  const Py_ssize_t count = PyTuple_GET_SIZE(layout->contents);
  Content* contents = PyMem_Calloc(count != 0 ? (size_t)count : 1, sizeof *contents);
  if (contents == NULL) PyErr_NoMemory();
  return contents;
}

static void content_clear(Content* content) {
  Py_CLEAR(content->owner);
  if (content->view.obj != NULL) PyBuffer_Release(&content->view);
  memset(content, 0, sizeof *content);
}

void contents_free(const Layout* layout, Content* contents) {
  if (contents == NULL) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->contents); ++i) content_clear(&contents[i]);
  PyMem_Free(contents);
}

static int take_text(const Field* field, PyObject* value, Content* content) {
  if (!PyUnicode_Check(value)) {
    return field_error(PyExc_TypeError, field, -1, "must be a str, not %s", Py_TYPE(value)->tp_name);
  }
  Py_ssize_t length = 0;
  content->bytes = (const unsigned char*)PyUnicode_AsUTF8AndSize(value, &length);
  content->owner = Py_NewRef(value);
  content->count = length;
  return content->bytes != NULL ? 0 : -1;
}

static int take_elements(const Field* field, PyObject* value, Content* content) {
  PyObject* elements = field_elements(field, value);
  if (elements == NULL) return -1;
  const Py_ssize_t count = PyTuple_GET_SIZE(elements);
  int result = 0;
  if (count > (Py_ssize_t)(UINT32_MAX / field->element_size)) {
    result = field_error(PyExc_ValueError, field, -1, "cannot have %zd elements", count);
  } else if ((content->owner = PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)field->element_size)) == NULL) {
    result = -1;
  }
  if (result == 0) {
    unsigned char* at = (unsigned char*)PyBytes_AS_STRING(content->owner);
    memset(at, 0, (size_t)PyBytes_GET_SIZE(content->owner));
    content->bytes = at;
    content->count = count;
    for (Py_ssize_t i = 0; i < count && result == 0; ++i, at += field->element_size) {
      result = element_store(field, i, at, PyTuple_GET_ITEM(elements, i));
    }
  }
  Py_DECREF(elements);
  return result;
}

int content_take(const Field* field, PyObject* value, int may_reserve, Content* content) {
  content_clear(content);
  content->is_given = 1;
  if (field->is_optional && value == Py_None) return 0;
  content->is_there = 1;
  if (may_reserve && PyLong_CheckExact(value)) {
    content->count = PyLong_AsSsize_t(value);
    if (content->count >= 0) return 0;
    return PyErr_Occurred() ? -1 : field_error(PyExc_ValueError, field, -1, "cannot have %R elements", value);
  }
  if (field->format == 'S') return take_text(field, value, content);
  const int taken = field_is_plain_number(field) ? array_buffer_of(field, value, &content->view) : 0;
  if (taken == 0) return take_elements(field, value, content);
  content->bytes = content->view.buf;
  content->count = content->view.len / (Py_ssize_t)field->element_size;
  return taken < 0 ? -1 : 0;
}

void contents_keep(const Message* message, Content* contents) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(message->layout->contents); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(message->layout->contents, i);
    const unsigned char* at = field_at(field, message);
    Found found;
    if (contents[i].is_given || !field_is_there(field, at) || !content_find(field, message, at, &found)) continue;
    contents[i].is_there = 1;
    contents[i].bytes = found.at;
    contents[i].count = found.count;
  }
}

/* Where the content of `field` starts, behind what ends at `end`. */
static uint64_t start_of(const Field* field, uint64_t end) {
  return (end + field->element_align - 1) / field->element_align * field->element_align;
}

int64_t contents_length(const Layout* layout, const Content* contents) {
  uint64_t end = layout->size;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->contents); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(layout->contents, i);
    if (contents[i].count == 0) continue;
    end = start_of(field, end) + (uint64_t)contents[i].count * field->element_size;
    if (contents[i].count > UINT32_MAX || end > UINT32_MAX) {
      return field_error(PyExc_ValueError, field, -1, "is too long: a message has less than 4 GiB");
    }
  }
  return (int64_t)end;
}

void contents_write(const Layout* layout, const Content* contents, unsigned char* data) {
  uint64_t end = layout->size;
  store_word(data + layout->fixed_size_at, layout->size);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->contents); ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(layout->contents, i);
    const Content* content = &contents[i];
    const uint64_t start = content->count != 0 ? start_of(field, end) : 0;
    const size_t bytes = (size_t)content->count * field->element_size;
    store_word(data + field->offset, (uint32_t)start);
    store_word(data + field->offset + 4, (uint32_t)content->count);
    if (field->is_optional) data[field_presence(field)] = (unsigned char)content->is_there;
    if (bytes == 0) continue;
    if (content->bytes != NULL) memcpy(data + start, content->bytes, bytes);
    end = start + bytes;
  }
}

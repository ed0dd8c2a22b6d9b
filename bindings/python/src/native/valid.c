/* Whether bytes from who is not trusted are a message: docs/spec/message.md, Validity. */
#include "native.h"

/* 1, 0, or -1 with an exception. */
static int element_valid(const Field* field, const unsigned char* at) {
  if (field->format == '?') return *at <= 1;
  if (field->nested != NULL) return layout_valid(layout_of(field->nested), at);
  if (field->members == NULL) return 1;
  PyObject* number = number_load(field->format, at);
  const int result = number != NULL ? PyDict_Contains(field->members, number) : -1;
  Py_XDECREF(number);
  return result;
}

static int elements_valid(const Field* field, const unsigned char* at, uint32_t count) {
  int result = 1;
  if (field->format != '?' && field->nested == NULL && field->members == NULL) return 1;
  for (uint32_t i = 0; i < count && result == 1; ++i)
    result = element_valid(field, at + (size_t)i * field->element_size);
  return result;
}

static int is_there_or_not(const Field* field, const unsigned char* at) {
  return !field->is_optional || at[field_presence(field) - field->offset] <= 1;
}

/* Of a field of fixed size; `at`: where the field is. */
static int field_valid(const Field* field, const unsigned char* at) {
  if (!is_there_or_not(field, at)) return 0;
  if (!field_is_there(field, at)) return 1;
  return elements_valid(field, at, field->count != 0 ? field->count : 1);
}

static int content_valid(const Field* field, const Message* message, const unsigned char* at) {
  Found found;
  if (!is_there_or_not(field, at)) return 0;
  if (!field_is_there(field, at)) return 1;
  return content_find(field, message, at, &found) ? elements_valid(field, found.at, found.count) : 0;
}

int layout_valid(const Layout* layout, const unsigned char* data) {
  int result = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(layout->fields) && result == 1; ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(layout->fields, i);
    result = field_valid(field, data + field->offset);
  }
  return result;
}

int message_valid(const Message* self) {
  int result = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->layout->fields) && result == 1; ++i) {
    const Field* field = (Field*)PyTuple_GET_ITEM(self->layout->fields, i);
    const unsigned char* at = field_at(field, self);
    result = field->is_content ? content_valid(field, self, at) : field_valid(field, at);
  }
  return result;
}

/* Numbers as they lie in memory. Bytes of a message need not be aligned for the C type, hence the memcpy. */
#include "native.h"

static const NumberKind kinds[] = {
    {'B', 1, 0, 0, "u8"},  {'H', 2, 0, 0, "u16"}, {'I', 4, 0, 0, "u32"},  {'Q', 8, 0, 0, "u64"},
    {'b', 1, 1, 0, "i8"},  {'h', 2, 1, 0, "i16"}, {'i', 4, 1, 0, "i32"},  {'q', 8, 1, 0, "i64"},
    {'f', 4, 1, 1, "f32"}, {'d', 8, 1, 1, "f64"}, {'?', 1, 0, 0, "bool"},
};

const NumberKind* number_kind(char format) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    if (kinds[i].format == format) return &kinds[i];
  }
  return NULL;
}

#define LOAD(type, convert)             \
  do {                                  \
    type number;                        \
    memcpy(&number, at, sizeof number); \
    return convert(number);             \
  } while (0)

PyObject* number_load(char format, const unsigned char* at) {
  switch (format) {
    case 'B': return PyLong_FromLong(*at);
    case 'H': LOAD(uint16_t, PyLong_FromLong);
    case 'I': LOAD(uint32_t, PyLong_FromUnsignedLong);
    case 'Q': LOAD(uint64_t, PyLong_FromUnsignedLongLong);
    case 'b': LOAD(int8_t, PyLong_FromLong);
    case 'h': LOAD(int16_t, PyLong_FromLong);
    case 'i': LOAD(int32_t, PyLong_FromLong);
    case 'q': LOAD(int64_t, PyLong_FromLongLong);
    case 'f': LOAD(float, PyFloat_FromDouble);
    case 'd': LOAD(double, PyFloat_FromDouble);
    default: return PyBool_FromLong(*at != 0);
  }
}

int field_error(PyObject* type, const Field* field, Py_ssize_t index, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* text = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  if (text == NULL) return -1;
  if (index < 0) {
    PyErr_Format(type, "%U.%U %U", field->message, field->name, text);
  } else {
    PyErr_Format(type, "%U.%U[%zd] %U", field->message, field->name, index, text);
  }
  Py_DECREF(text);
  return -1;
}

static int out_of_range(const Field* field, Py_ssize_t index, const NumberKind* kind, PyObject* value) {
  PyErr_Clear();
  if (kind->is_float || kind->format == '?') {
    return field_error(PyExc_ValueError, field, index, "cannot be %R: it is %s", value, kind->name);
  }
  const int bits = 8 * kind->size;
  const unsigned long long all = ULLONG_MAX >> (64 - bits);
  if (!kind->is_signed) {
    return field_error(PyExc_ValueError, field, index, "cannot be %R: %s is 0 to %llu", value, kind->name, all);
  }
  const long long most = (long long)(all >> 1);
  return field_error(PyExc_ValueError, field, index, "cannot be %R: %s is %lld to %lld", value, kind->name, -most - 1,
                     most);
}

static int wrong_type(const Field* field, Py_ssize_t index, const char* what, PyObject* value) {
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
  PyErr_Clear();
  return field_error(PyExc_TypeError, field, index, "must be %s, not %s", what, Py_TYPE(value)->tp_name);
}

static int store_float(
    const Field* field, Py_ssize_t index, const NumberKind* kind, unsigned char* at, PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) return out_of_range(field, index, kind, value);
    return wrong_type(field, index, "a number", value);
  }
  if (kind->size == 8) {
    memcpy(at, &number, sizeof number);
    return 0;
  }
  const float narrow = (float)number;
  if (isinf(narrow) && !isinf(number)) return out_of_range(field, index, kind, value);
  memcpy(at, &narrow, sizeof narrow);
  return 0;
}

int number_store(const Field* field, Py_ssize_t index, unsigned char* at, PyObject* value) {
  const NumberKind* kind = number_kind(field->format);
  if (kind->is_float) return store_float(field, index, kind, at, value);
  const char* what = kind->format == '?' ? "True or False" : "an integer";
  PyObject* integer = PyNumber_Index(value);
  if (integer == NULL) return wrong_type(field, index, what, value);
  uint64_t bits = 0;
  int fits = 0;
  if (kind->is_signed) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(integer, &overflow);
    const long long most = (long long)(ULLONG_MAX >> (65 - 8 * kind->size));
    fits = overflow == 0 && number <= most && number >= -most - 1;
    bits = (uint64_t)number;
  } else {
    const unsigned long long number = PyLong_AsUnsignedLongLong(integer);
    fits = !(number == ULLONG_MAX && PyErr_Occurred());
    fits = fits && number <= (kind->format == '?' ? 1 : ULLONG_MAX >> (64 - 8 * kind->size));
    bits = number;
  }
  if (fits && field->members != NULL && !PyDict_Contains(field->members, integer)) {
    field_error(PyExc_ValueError, field, index, "cannot be %R: %U declares no such value", value, field->type_text);
    Py_DECREF(integer);
    return -1;
  }
  Py_DECREF(integer);
  if (!fits) return out_of_range(field, index, kind, value);
  memcpy(at, &bits, (size_t)kind->size); /* little-endian: the low bytes come first */
  return 0;
}

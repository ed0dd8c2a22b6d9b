/* An array of numbers as a tensor: the capsule of DLPack, which NumPy, PyTorch and JAX take without a copy. The structs are
 * those of dlpack.h 1.0, whose layout is an ABI. A tensor counts as a buffer of its message, as a memoryview does. */
#include "native.h"

typedef struct {
  int32_t type, id;
} Device;

typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} DataType;

typedef struct {
  void* data;
  Device device;
  int32_t dimensions;
  DataType type;
  int64_t* shape;
  int64_t* strides; /* in elements */
  uint64_t offset;
} Tensor;

typedef struct Managed {
  Tensor tensor;
  void* owner;
  void (*deleter)(struct Managed*);
} Managed;

typedef struct ManagedVersioned {
  uint32_t major, minor;
  void* owner;
  void (*deleter)(struct ManagedVersioned*);
  uint64_t flags;
  Tensor tensor;
} ManagedVersioned;

enum { on_cpu = 1, is_signed = 0, is_unsigned = 1, is_float = 2, read_only = 1 };

/* What a capsule holds: one of the two, and the view that keeps the message's bytes from being taken back unnoticed. */
typedef struct {
  union {
    Managed plain;
    ManagedVersioned versioned;
  } managed;
  Py_buffer view;
  int64_t count;
  int64_t stride;
} Loan;

static void give_back(Loan* loan) {
  /* The consumer lets go of it in whatever thread it likes. */
  const PyGILState_STATE state = PyGILState_Ensure();
  PyBuffer_Release(&loan->view);
  PyMem_Free(loan);
  PyGILState_Release(state);
}

static void delete_plain(Managed* managed) { give_back(managed->owner); }
static void delete_versioned(ManagedVersioned* managed) { give_back(managed->owner); }

/* A consumer renames the capsule that it takes. */
static void end_plain(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor")) delete_plain(PyCapsule_GetPointer(capsule, "dltensor"));
}
static void end_versioned(PyObject* capsule) {
  static const char name[] = "dltensor_versioned";
  if (PyCapsule_IsValid(capsule, name)) delete_versioned(PyCapsule_GetPointer(capsule, name));
}

static Tensor tensor_of(Loan* loan) {
  const char format = loan->view.format[0];
  const NumberKind* kind = number_kind(format);
  loan->count = loan->view.shape[0];
  loan->stride = 1;
  return (Tensor){
      .data = loan->view.buf,
      .device = {on_cpu, 0},
      .dimensions = 1,
      .type = {(uint8_t)(kind->is_float    ? is_float
                         : kind->is_signed ? is_signed
                                           : is_unsigned),
               (uint8_t)(8 * kind->size), 1},
      .shape = &loan->count,
      .strides = &loan->stride,
  };
}

static int is_at_least_one(PyObject* version) {
  if (version == NULL || version == Py_None) return 0;
  int major, minor;
  if (!PyTuple_Check(version) || !PyArg_ParseTuple(version, "ii", &major, &minor)) {
    PyErr_SetString(PyExc_TypeError, "max_version is a pair of numbers");
    return -1;
  }
  return major >= 1;
}

static int check_asked_for(PyObject* stream, PyObject* device, PyObject* copy) {
  int type = on_cpu, id = 0;
  if (stream != NULL && stream != Py_None) {
    PyErr_SetString(PyExc_BufferError, "memory of the CPU has no streams");
    return -1;
  }
  if (device != NULL && device != Py_None && (!PyTuple_Check(device) || !PyArg_ParseTuple(device, "ii", &type, &id))) {
    return -1;
  }
  if (type != on_cpu || (copy != NULL && PyObject_IsTrue(copy) == 1)) {
    PyErr_SetString(PyExc_BufferError, "an array is lent where it lies; message.copy() gives another");
    return -1;
  }
  return 0;
}

PyObject* array_dlpack(PyObject* array, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"stream", "max_version", "dl_device", "copy", NULL};
  PyObject *stream = NULL, *version = NULL, *device = NULL, *copy = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|$OOOO", names, &stream, &version, &device, &copy))
    return NULL;
  const int versioned = is_at_least_one(version);
  if (versioned < 0 || check_asked_for(stream, device, copy) < 0) return NULL;
  Loan* loan = PyMem_Calloc(1, sizeof *loan);
  if (loan == NULL) return PyErr_NoMemory();
  if (PyObject_GetBuffer(array, &loan->view, PyBUF_FORMAT | PyBUF_ND) < 0) {
    PyMem_Free(loan);
    return NULL;
  }
  PyObject* capsule = NULL;
  if (versioned) {
    loan->managed.versioned =
        (ManagedVersioned){1, 0, loan, delete_versioned, loan->view.readonly ? read_only : 0, tensor_of(loan)};
    capsule = PyCapsule_New(&loan->managed.versioned, "dltensor_versioned", end_versioned);
  } else if (loan->view.readonly) {
    PyErr_SetString(PyExc_BufferError, "a received message is read-only, which DLPack can say from version 1 on only");
  } else {
    loan->managed.plain = (Managed){tensor_of(loan), loan, delete_plain};
    capsule = PyCapsule_New(&loan->managed.plain, "dltensor", end_plain);
  }
  if (capsule == NULL) give_back(loan);
  return capsule;
}

PyObject* array_dlpack_device(PyObject* array, PyObject* unused) {
  (void)array, (void)unused;
  return Py_BuildValue("(ii)", on_cpu, 0);
}

/* Bodies of large messages: those that were received, kept for as long as the object or a buffer of it lives, and room for those that
 * are to be sent. Both are buffers of bytes, and tensors. */
#include "native.h"

static int fill_view(
    PyObject* object, const ringmail_body* body, Py_ssize_t* length, int readonly, Py_buffer* view, int flags) {
  static Py_ssize_t byte = 1;
  *length = (Py_ssize_t)body->length;
  *view = (Py_buffer){.buf = body->data,
                      .obj = Py_NewRef(object),
                      .len = *length,
                      .itemsize = 1,
                      .readonly = readonly,
                      .ndim = 1,
                      .format = (flags & PyBUF_FORMAT) != 0 ? "B" : NULL,
                      .shape = (flags & PyBUF_ND) != 0 ? length : NULL,
                      .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &byte : NULL};
  return 0;
}

/* ---- received */

typedef struct {
  PyObject_HEAD ringmail_body body; /* data: NULL once it is given back */
  Py_ssize_t length;
  Py_ssize_t exports;
} Body;

static void give_back(Body* self) {
  if (self->body.data == NULL) return;
  ringmail_unkeep(&self->body);
  self->body.data = NULL;
}

static void body_dealloc(PyObject* object) {
  give_back((Body*)object);
  Py_TYPE(object)->tp_free(object);
}

static int body_get_buffer(PyObject* object, Py_buffer* view, int flags) {
  Body* self = (Body*)object;
  view->obj = NULL;
  if (self->body.data == NULL) {
    PyErr_SetString(ReleasedError, "the body has been given back");
    return -1;
  }
  if ((flags & PyBUF_WRITABLE) != 0) {
    PyErr_SetString(PyExc_BufferError, "a received body is read-only");
    return -1;
  }
  ++self->exports;
  return fill_view(object, &self->body, &self->length, 1, view, flags);
}

static void body_release_buffer(PyObject* object, Py_buffer* view) {
  (void)view;
  --((Body*)object)->exports;
}

static PyObject* body_release(PyObject* object, PyObject* unused) {
  (void)unused;
  Body* self = (Body*)object;
  if (self->exports != 0) return PyErr_Format(PyExc_BufferError, "there is a memoryview of the body");
  give_back(self);
  Py_RETURN_NONE;
}

static PyObject* body_length(PyObject* object, void* unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(((Body*)object)->body.length);
}

static PyBufferProcs body_buffer = {body_get_buffer, body_release_buffer};

static PyMethodDef body_methods[] = {
    {"release", body_release, METH_NOARGS,
     "Gives the bytes back at once, and not when the object is collected. A second call does nothing."},
    {"__dlpack__", (PyCFunction)(void (*)(void))array_dlpack, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack_device__", array_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef body_attributes[] = {
    {"nbytes", body_length, NULL, "How many bytes it has.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject BodyType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail.Body",
    .tp_basicsize = sizeof(Body),
    .tp_dealloc = body_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The body of a message: a read-only buffer in shared memory, for as long as it or a view of it is alive.",
    .tp_as_buffer = &body_buffer,
    .tp_methods = body_methods,
    .tp_getset = body_attributes,
};

PyObject* peer_body(Peer* self) {
  if (self->body != NULL) return Py_NewRef(self->body);
  ringmail_body kept;
  const int code = self->held ? ringmail_keep(self->link, &kept) : 0;
  if (code < 0) {
    raise_failure(self, code);
    return NULL;
  }
  if (code == 0) Py_RETURN_NONE;
  Body* body = PyObject_New(Body, &BodyType);
  if (body == NULL) {
    ringmail_unkeep(&kept);
    return NULL;
  }
  body->body = kept;
  body->exports = 0;
  self->body = (PyObject*)body;
  return Py_NewRef(self->body);
}

/* ---- to be sent */

typedef struct {
  PyObject_HEAD Peer* peer; /* NULL once it is sent or cancelled */
  ringmail_peer* link;      /* that it is of */
  ringmail_body body;
  Py_ssize_t length;
  Py_ssize_t exports;
} BodyLoan;

/* What could not be cancelled because another thread was in a call. */
struct DroppedLoan {
  ringmail_body body;
  struct DroppedLoan* next;
};

void peer_cancel_dropped(Peer* self) {
  while (self->dropped_loans != NULL) {
    struct DroppedLoan* dropped = self->dropped_loans;
    self->dropped_loans = dropped->next;
    if (self->link != NULL) ringmail_cancel_large(self->link, &dropped->body);
    PyMem_Free(dropped);
  }
}

static int is_open(const BodyLoan* self) { return self->peer != NULL && self->peer->link == self->link; }

static void cancel(BodyLoan* self) {
  if (self->peer == NULL) return;
  if (is_open(self) && !self->peer->busy) {
    ringmail_cancel_large(self->link, &self->body);
  } else if (is_open(self)) {
    struct DroppedLoan* dropped = PyMem_Malloc(sizeof *dropped);
    if (dropped != NULL) {
      *dropped = (struct DroppedLoan){self->body, self->peer->dropped_loans};
      self->peer->dropped_loans = dropped;
    }
  }
  Py_CLEAR(self->peer);
}

static void loan_dealloc(PyObject* object) {
  cancel((BodyLoan*)object);
  Py_TYPE(object)->tp_free(object);
}

static int loan_get_buffer(PyObject* object, Py_buffer* view, int flags) {
  BodyLoan* self = (BodyLoan*)object;
  view->obj = NULL;
  if (!is_open(self)) {
    PyErr_SetString(ReleasedError, "the loan has been sent or cancelled");
    return -1;
  }
  ++self->exports;
  ++self->peer->loan_exports;
  return fill_view(object, &self->body, &self->length, 0, view, flags);
}

static void loan_release_buffer(PyObject* object, Py_buffer* view) {
  (void)view;
  BodyLoan* self = (BodyLoan*)object;
  --self->exports;
  --self->peer->loan_exports;
}

/* Nobody may write it once it is sent. */
static int check_unseen(const BodyLoan* self) {
  if (self->exports == 0) return 0;
  PyErr_SetString(ReleasedError,
                  "there is a memoryview or an array of the loan, through which it could still be written");
  return -1;
}

static PyObject* loan_cancel(PyObject* object, PyObject* unused) {
  (void)unused;
  if (check_unseen((BodyLoan*)object) < 0) return NULL;
  cancel((BodyLoan*)object);
  Py_RETURN_NONE;
}

static PyObject* loan_length(PyObject* object, void* unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(((BodyLoan*)object)->body.length);
}

static PyBufferProcs loan_buffer = {loan_get_buffer, loan_release_buffer};

static PyMethodDef loan_methods[] = {
    {"cancel", loan_cancel, METH_NOARGS, "Gives the room back. A second call does nothing."},
    {"__dlpack__", (PyCFunction)(void (*)(void))array_dlpack, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack_device__", array_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef loan_attributes[] = {
    {"nbytes", loan_length, NULL, "How many bytes it has.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject BodyLoanType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail.BodyLoan",
    .tp_basicsize = sizeof(BodyLoan),
    .tp_dealloc = loan_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc =
        "Room for the body of a message: a buffer in shared memory, to be written and sent. Cancelled when it is "
        "collected.",
    .tp_as_buffer = &loan_buffer,
    .tp_methods = loan_methods,
    .tp_getset = loan_attributes,
};

typedef struct {
  ringmail_mailbox target;
  uint64_t length;
  ringmail_body* body;
} LoanCall;

static int call_loan(ringmail_peer* link, int64_t wait_ns, void* context) {
  const LoanCall* call = context;
  return ringmail_loan_large(link, call->target, call->length, wait_ns, call->body);
}

PyObject* peer_loan_large(Peer* self, ringmail_mailbox target, uint64_t length, int64_t timeout_ns) {
  peer_cancel_dropped(self);
  ringmail_body body;
  LoanCall call = {target, length, &body};
  if (peer_wait_for_room(self, timeout_ns, call_loan, &call) < 0) return NULL;
  BodyLoan* loan = PyObject_New(BodyLoan, &BodyLoanType);
  if (loan == NULL) {
    ringmail_cancel_large(self->link, &body);
    return NULL;
  }
  loan->peer = (Peer*)Py_NewRef(self);
  loan->link = self->link;
  loan->body = body;
  loan->exports = 0;
  return (PyObject*)loan;
}

const ringmail_body* loan_to_send(Peer* self, PyObject* object) {
  if (!Py_IS_TYPE(object, &BodyLoanType)) {
    PyErr_Format(PyExc_TypeError, "a body is what loan_large() gave, not %s", Py_TYPE(object)->tp_name);
    return NULL;
  }
  BodyLoan* loan = (BodyLoan*)object;
  if (!is_open(loan) || loan->peer != self) {
    PyErr_SetString(ReleasedError, "the loan has been sent or cancelled");
    return NULL;
  }
  return check_unseen(loan) < 0 ? NULL : &loan->body;
}

void loan_sent(PyObject* object) { Py_CLEAR(((BodyLoan*)object)->peer); }

/* Mailboxes of the host: where messages are sent. */
#include "native.h"

typedef struct {
  PyObject_HEAD Peer* peer;
  PyObject* name; /* under which it was looked up, or None */
  ringmail_mailbox id;
} Mailbox;

static const int64_t default_send_timeout_ns = 5000000000;

PyObject* mailbox_new(Peer* peer, ringmail_mailbox id, PyObject* name) {
  Mailbox* self = PyObject_GC_New(Mailbox, &MailboxType);
  if (self == NULL) return NULL;
  self->peer = (Peer*)Py_NewRef(peer);
  self->name = Py_NewRef(name != NULL ? name : Py_None);
  self->id = id;
  PyObject_GC_Track(self);
  return (PyObject*)self;
}

ringmail_mailbox mailbox_id(PyObject* mailbox) { return ((Mailbox*)mailbox)->id; }

static int mailbox_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(((Mailbox*)object)->peer);
  return 0;
}

static void mailbox_dealloc(PyObject* object) {
  PyObject_GC_UnTrack(object);
  Py_DECREF(((Mailbox*)object)->peer);
  Py_DECREF(((Mailbox*)object)->name);
  PyObject_GC_Del(object);
}

static int check_open(Mailbox* self) {
  if (peer_ready(self->peer) < 0) return -1;
  if (self->id != 0) return 0;
  PyErr_SetString(PyExc_LookupError, "the message was sent by nobody, so nothing can be sent back");
  return -1;
}

static PyObject* mailbox_send(PyObject* object, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  Mailbox* self = (Mailbox*)object;
  const Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
  int64_t timeout_ns = default_send_timeout_ns;
  if (count != 1 || named > 1 ||
      (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") != 0)) {
    PyErr_SetString(PyExc_TypeError, "send(message, *, timeout=5.0)");
    return NULL;
  }
  if (named == 1 && (timeout_ns = timeout_from(arguments[1])) == timeout_error) return NULL;
  if (check_open(self) < 0) return NULL;
  Message* message = peer_message(self->peer, arguments[0]);
  const int result = message != NULL ? peer_send(self->peer, self->id, message, timeout_ns, NULL) : -1;
  Py_XDECREF(message);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject* mailbox_ask(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* parameters[] = {"message", "then", "timeout", "reply", NULL};
  Mailbox* self = (Mailbox*)object;
  PyObject *given, *then, *seconds = NULL, *reply = Py_None;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|$OO", parameters, &given, &then, &seconds, &reply)) {
    return NULL;
  }
  if (!PyCallable_Check(then)) {
    PyErr_SetString(PyExc_TypeError, "`then` is called with the reply: it must be callable");
    return NULL;
  }
  const int64_t timeout_ns = seconds != NULL ? timeout_from(seconds) : default_send_timeout_ns;
  uint32_t correlation = 0;
  if (timeout_ns == timeout_error || check_open(self) < 0) return NULL;
  then = reply == Py_None ? Py_NewRef(then)
                          : PyObject_CallMethod((PyObject*)self->peer, "_takes_native", "OO", reply, then);
  Message* message = then != NULL ? peer_message(self->peer, given) : NULL;
  int result = message != NULL ? peer_send(self->peer, self->id, message, timeout_ns, &correlation) : -1;
  PyObject* key = result >= 0 ? PyLong_FromUnsignedLong(correlation) : NULL;
  result = key != NULL ? PyDict_SetItem(self->peer->asked, key, then) : -1;
  Py_XDECREF(key);
  Py_XDECREF(message);
  Py_XDECREF(then);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject* mailbox_loan(PyObject* object, PyObject* type) {
  Mailbox* self = (Mailbox*)object;
  if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject*)type, &MessageType)) {
    PyErr_SetString(PyExc_TypeError, "a loan is for a message type");
    return NULL;
  }
  return check_open(self) < 0 ? NULL : peer_loan(self->peer, self->id, (PyTypeObject*)type, default_send_timeout_ns);
}

static PyObject* mailbox_compare(PyObject* a, PyObject* b, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !Py_IS_TYPE(b, &MailboxType)) Py_RETURN_NOTIMPLEMENTED;
  const Mailbox *x = (Mailbox*)a, *y = (Mailbox*)b;
  return PyBool_FromLong((x->peer == y->peer && x->id == y->id) == (operation == Py_EQ));
}

static Py_hash_t mailbox_hash(PyObject* object) {
  const Py_hash_t hash = (Py_hash_t)(((Mailbox*)object)->id * UINT64_C(0x9e3779b97f4a7c15) >> 1);
  return hash == -1 ? -2 : hash;
}

static int mailbox_bool(PyObject* object) { return ((Mailbox*)object)->id != 0; }

static PyObject* mailbox_repr(PyObject* object) {
  const Mailbox* self = (Mailbox*)object;
  if (self->name != Py_None) return PyUnicode_FromFormat("<mailbox %U>", self->name);
  char id[17];
  snprintf(id, sizeof id, "%llx", (unsigned long long)self->id);
  return PyUnicode_FromFormat("<mailbox 0x%s>", id);
}

static PyMethodDef methods[] = {
    {"send", (PyCFunction)(void (*)(void))mailbox_send, METH_FASTCALL | METH_KEYWORDS,
     "send(message, *, timeout=5.0)\n\nSends a copy. FullError if there is no room in time."},
    {"ask", (PyCFunction)(void (*)(void))mailbox_ask, METH_VARARGS | METH_KEYWORDS,
     "ask(message, then, *, timeout=5.0, reply=None)\n\nSends a copy; run() calls then(reply), or then(None) if there "
     "will be none. `reply` is the class that `ringmail gen` wrote for it, if it is to be one."},
    {"_loan", mailbox_loan, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"id", T_ULONGLONG, offsetof(Mailbox, id), READONLY, "Its number; 0 is nobody."},
    {"name", T_OBJECT, offsetof(Mailbox, name), READONLY, "The name that was looked up, or None."},
    {NULL, 0, 0, 0, NULL},
};

static PyNumberMethods as_number = {.nb_bool = mailbox_bool};

PyTypeObject MailboxType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail.Mailbox",
    .tp_basicsize = sizeof(Mailbox),
    .tp_dealloc = mailbox_dealloc,
    .tp_repr = mailbox_repr,
    .tp_as_number = &as_number,
    .tp_hash = mailbox_hash,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "An actor of the host, to send messages to.",
    .tp_traverse = mailbox_traverse,
    .tp_richcompare = mailbox_compare,
    .tp_methods = methods,
    .tp_members = members,
};

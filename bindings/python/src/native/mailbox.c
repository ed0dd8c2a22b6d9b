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

/* In an event loop nothing waits but what is awaited. */
static int64_t send_timeout_of(const Mailbox* self) { return self->peer->soon != NULL ? 0 : default_send_timeout_ns; }

static PyObject* mailbox_send(PyObject* object, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  Mailbox* self = (Mailbox*)object;
  const Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
  int64_t timeout_ns = send_timeout_of(self);
  if (count != 1 || named > 1 ||
      (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") != 0)) {
    PyErr_SetString(PyExc_TypeError, "send(message, *, timeout=5.0)");
    return NULL;
  }
  if (named == 1 && (timeout_ns = timeout_from(arguments[1])) == timeout_error) return NULL;
  if (check_open(self) < 0) return NULL;
  Message* message = peer_message(self->peer, arguments[0]);
  const int result = message != NULL ? peer_send(self->peer, self->id, message, timeout_ns) : -1;
  Py_XDECREF(message);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

/* The correlation, of which `then` is noted. NULL: nothing was sent, or the answer will find nobody. */
static PyObject* ask(Mailbox* self, PyObject* given, PyObject* then, int64_t send_ns, int64_t answer_ns) {
  uint32_t correlation = 0;
  Message* message = peer_message(self->peer, given);
  const int result = message != NULL ? peer_ask(self->peer, self->id, message, send_ns, answer_ns, &correlation) : -1;
  Py_XDECREF(message);
  PyObject* key = result >= 0 ? PyLong_FromUnsignedLong(correlation) : NULL;
  if (key != NULL && PyDict_SetItem(self->peer->asked, key, then) < 0) Py_CLEAR(key);
  return key;
}

static PyObject* mailbox_ask(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* parameters[] = {"message", "then", "timeout", "reply", NULL};
  Mailbox* self = (Mailbox*)object;
  PyObject *given, *then, *seconds = Py_None, *reply = Py_None;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|$OO", parameters, &given, &then, &seconds, &reply)) {
    return NULL;
  }
  if (!PyCallable_Check(then)) {
    PyErr_SetString(PyExc_TypeError, "`then` is called with the reply: it must be callable");
    return NULL;
  }
  const int64_t answer_ns = timeout_from(seconds);
  if (answer_ns == timeout_error || check_open(self) < 0) return NULL;
  int64_t send_ns = send_timeout_of(self);
  if (answer_ns >= 0 && answer_ns < send_ns) send_ns = answer_ns;
  /* The sleeps of an event loop end when it wants: there, deadlines are its timers. */
  const int is_driven = self->peer->soon != NULL;
  then = reply == Py_None ? Py_NewRef(then)
                          : PyObject_CallMethod((PyObject*)self->peer, "_takes_native", "OO", reply, then);
  PyObject* key = then != NULL ? ask(self, given, then, send_ns, is_driven ? -1 : answer_ns) : NULL;
  Py_XDECREF(then);
  PyObject* result = key == NULL ? NULL
                     : is_driven && answer_ns >= 0
                         ? PyObject_CallMethod((PyObject*)self->peer, "_expire_later", "OO", key, seconds)
                         : Py_NewRef(Py_None);
  Py_XDECREF(key);
  return result;
}

/* _ask_now(message, settle): the correlation. FullError if there is no room; settle(reply, reason) when it is answered. */
static PyObject* mailbox_ask_now(PyObject* object, PyObject* arguments) {
  Mailbox* self = (Mailbox*)object;
  PyObject *given, *settle;
  if (!PyArg_ParseTuple(arguments, "OO", &given, &settle) || check_open(self) < 0) return NULL;
  PyObject* then = PyTuple_Pack(1, settle);
  PyObject* key = then != NULL ? ask(self, given, then, 0, -1) : NULL;
  Py_XDECREF(then);
  return key;
}

/* _want_room(bytes): whether there is room for so long a message; if not, the next sleep ends when there is more. */
static PyObject* mailbox_want_room(PyObject* object, PyObject* bytes) {
  Mailbox* self = (Mailbox*)object;
  const unsigned long length = PyLong_AsUnsignedLong(bytes);
  if ((length == (unsigned long)-1 && PyErr_Occurred()) || check_open(self) < 0) return NULL;
  const int code = ringmail_want_room(self->peer->link, self->id, (uint32_t)length);
  if (code >= 0) return PyBool_FromLong(code);
  raise_failure(self->peer, code);
  return NULL;
}

/* x_async(...) of a mailbox is _x_async(mailbox, ...) of its peer, a coroutine. */
static PyObject* call_peer(PyObject* mailbox, const char* name, PyObject* arguments, PyObject* keywords) {
  PyObject* method = PyObject_GetAttrString((PyObject*)((Mailbox*)mailbox)->peer, name);
  PyObject* self = method != NULL ? PyTuple_Pack(1, mailbox) : NULL;
  PyObject* all = self != NULL ? PySequence_Concat(self, arguments) : NULL;
  PyObject* result = all != NULL ? PyObject_Call(method, all, keywords) : NULL;
  Py_XDECREF(all);
  Py_XDECREF(self);
  Py_XDECREF(method);
  return result;
}

static PyObject* mailbox_send_async(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return call_peer(self, "_send_async", arguments, keywords);
}

static PyObject* mailbox_ask_async(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return call_peer(self, "_ask_async", arguments, keywords);
}

/* _loan(type, timeout) */
static PyObject* mailbox_loan(PyObject* object, PyObject* arguments) {
  Mailbox* self = (Mailbox*)object;
  PyObject *type, *seconds;
  if (!PyArg_ParseTuple(arguments, "OO", &type, &seconds)) return NULL;
  if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject*)type, &MessageType)) {
    PyErr_SetString(PyExc_TypeError, "a loan is for a message type");
    return NULL;
  }
  const int64_t timeout_ns = timeout_from(seconds);
  if (timeout_ns == timeout_error || check_open(self) < 0) return NULL;
  return peer_loan(self->peer, self->id, (PyTypeObject*)type, self->peer->soon != NULL ? 0 : timeout_ns);
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
     "ask(message, then, *, timeout=None, reply=None)\n\nSends a copy; run() calls then(reply), or then(None) if there "
     "will be none or none came within `timeout` seconds. `reply` is the class that `ringmail gen` wrote for it, if it "
     "is "
     "to be one."},
    {"send_async", (PyCFunction)(void (*)(void))mailbox_send_async, METH_VARARGS | METH_KEYWORDS,
     "await send_async(message, *, timeout=5.0)\n\nSends a copy, once there is room. FullError if there is none in "
     "time."},
    {"ask_async", (PyCFunction)(void (*)(void))mailbox_ask_async, METH_VARARGS | METH_KEYWORDS,
     "await ask_async(message, *, timeout=None, reply=None)\n\nThe reply; None if it is done and no reply was "
     "promised. "
     "AskError if there will be none, TimeoutError if none came within `timeout` seconds."},
    {"_ask_now", mailbox_ask_now, METH_VARARGS, NULL},
    {"_want_room", mailbox_want_room, METH_O, NULL},
    {"_loan", mailbox_loan, METH_VARARGS, NULL},
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

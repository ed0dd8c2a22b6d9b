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
  PyObject* body = NULL;
  int is_wrong = count != 1;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    PyObject* value = arguments[count + i];
    if (PyUnicode_CompareWithASCIIString(name, "timeout") == 0) {
      if ((timeout_ns = timeout_from(value)) == timeout_error) return NULL;
    } else if (PyUnicode_CompareWithASCIIString(name, "body") == 0) {
      body = value != Py_None ? value : NULL;
    } else {
      is_wrong = 1;
    }
  }
  if (is_wrong) {
    PyErr_SetString(PyExc_TypeError, "send(message, *, timeout=5.0, body=None)");
    return NULL;
  }
  if (check_open(self) < 0) return NULL;
  Message* message = peer_message(self->peer, arguments[0]);
  const int result = message != NULL ? peer_send(self->peer, self->id, message, body, timeout_ns) : -1;
  Py_XDECREF(message);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

/* ---- many at once */

/* What send_many() is given, as runs of messages that lie in memory: one of a batch or buffer, or each message for itself. */
typedef struct {
  PyObject* list; /* of messages, or NULL: `run` is all */
  Py_buffer view;
  Run run;
} Many;

static int take_many(PyObject* messages, PyObject* type, Many* many) {
  *many = (Many){0};
  if (Py_IS_TYPE(messages, &BatchType)) return run_of_batch(messages, &many->run);
  if (type != Py_None) {
    if (PyType_Check(type)) return run_of_buffer((PyTypeObject*)type, messages, &many->view, &many->run);
    PyErr_Format(PyExc_TypeError, "a buffer is of messages of a type, not %s", Py_TYPE(type)->tp_name);
    return -1;
  }
  many->list = PySequence_Fast(messages, "messages are a batch, a sequence of messages, or a buffer of a type");
  return many->list != NULL ? 0 : -1;
}

static int send_list(Mailbox* self, PyObject* list, Py_ssize_t* next, int64_t timeout_ns) {
  const int64_t start_ns = now_ns();
  for (; *next < PySequence_Fast_GET_SIZE(list); ++*next) {
    const int64_t gone_ns = timeout_ns > 0 ? now_ns() - start_ns : 0;
    const int64_t left_ns = timeout_ns > gone_ns ? timeout_ns - gone_ns : timeout_ns > 0 ? 0 : timeout_ns;
    Message* message = peer_message(self->peer, PySequence_Fast_GET_ITEM(list, *next));
    const int result = message != NULL ? peer_send(self->peer, self->id, message, NULL, left_ns) : -1;
    Py_XDECREF(message);
    if (result < 0) return -1;
  }
  return 0;
}

/* How many were sent is told by the error, too. */
static void note_sent(Py_ssize_t sent) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  PyObject* number = PyLong_FromSsize_t(sent);
  if (number == NULL || PyObject_SetAttrString(value, "sent", number) < 0) PyErr_Clear();
  Py_XDECREF(number);
  PyErr_Restore(type, value, trace);
}

static int send_many(Mailbox* self, PyObject* messages, PyObject* type, Py_ssize_t* next, int64_t timeout_ns) {
  Many many;
  if (check_open(self) < 0 || take_many(messages, type, &many) < 0) return -1;
  int result = many.list != NULL ? send_list(self, many.list, next, timeout_ns)
                                 : peer_send_run(self->peer, self->id, &many.run, next, timeout_ns);
  if (result < 0 && PyErr_ExceptionMatches(FullError)) note_sent(*next);
  Py_XDECREF(many.list);
  if (many.view.obj != NULL) PyBuffer_Release(&many.view);
  return result == 0 ? peer_step_soon(self->peer) : -1;
}

/* _send_many(messages, type or None, timeout or None for ever; negative: 5 s) */
static PyObject* mailbox_send_many(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* parameters[] = {"messages", "type", "timeout", NULL};
  Mailbox* self = (Mailbox*)object;
  PyObject *messages, *type = Py_None, *seconds = NULL;
  Py_ssize_t next = 0;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$OO", parameters, &messages, &type, &seconds)) return NULL;
  const int64_t timeout_ns = seconds != NULL ? timeout_from(seconds) : send_timeout_of(self);
  if (timeout_ns == timeout_error) return NULL;
  PyObject* native = PyUnicode_Check(type) || PyType_Check(type)
                         ? PyObject_CallMethod((PyObject*)self->peer, "_native_type", "O", type)
                         : Py_NewRef(type);
  const int result = native != NULL ? send_many(self, messages, native, &next, timeout_ns) : -1;
  Py_XDECREF(native);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

/* _send_some(messages, type or None, first): the first that there was no room for. */
static PyObject* mailbox_send_some(PyObject* object, PyObject* arguments) {
  PyObject *messages, *type;
  Py_ssize_t next;
  if (!PyArg_ParseTuple(arguments, "OOn", &messages, &type, &next)) return NULL;
  if (send_many((Mailbox*)object, messages, type, &next, 0) < 0) {
    if (!PyErr_ExceptionMatches(FullError)) return NULL;
    PyErr_Clear();
    if (peer_step_soon(((Mailbox*)object)->peer) < 0) return NULL;
  }
  return PyLong_FromSsize_t(next);
}

/* The correlation, of which `then` is noted. NULL: nothing was sent, or the answer will find nobody. */
static PyObject* ask(
    Mailbox* self, PyObject* given, PyObject* then, PyObject* body, int64_t send_ns, int64_t answer_ns) {
  uint32_t correlation = 0;
  Message* message = peer_message(self->peer, given);
  const int result =
      message != NULL ? peer_ask(self->peer, self->id, message, body, send_ns, answer_ns, &correlation) : -1;
  Py_XDECREF(message);
  PyObject* key = result >= 0 ? PyLong_FromUnsignedLong(correlation) : NULL;
  if (key != NULL && PyDict_SetItem(self->peer->asked, key, then) < 0) Py_CLEAR(key);
  return key;
}

static PyObject* mailbox_ask(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* parameters[] = {"message", "then", "timeout", "reply", "body", NULL};
  Mailbox* self = (Mailbox*)object;
  PyObject *given, *then, *seconds = Py_None, *reply = Py_None, *body = Py_None;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|$OOO", parameters, &given, &then, &seconds, &reply,
                                   &body)) {
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
  PyObject* key =
      then != NULL ? ask(self, given, then, body != Py_None ? body : NULL, send_ns, is_driven ? -1 : answer_ns) : NULL;
  Py_XDECREF(then);
  PyObject* result = key == NULL ? NULL
                     : is_driven && answer_ns >= 0
                         ? PyObject_CallMethod((PyObject*)self->peer, "_expire_later", "OO", key, seconds)
                         : Py_NewRef(Py_None);
  Py_XDECREF(key);
  return result;
}

/* _ask_now(message, settle, body or None): the correlation. FullError if there is no room; settle(reply, reason) when it is
 * answered. */
static PyObject* mailbox_ask_now(PyObject* object, PyObject* arguments) {
  Mailbox* self = (Mailbox*)object;
  PyObject *given, *settle, *body;
  if (!PyArg_ParseTuple(arguments, "OOO", &given, &settle, &body) || check_open(self) < 0) return NULL;
  PyObject* then = PyTuple_Pack(1, settle);
  PyObject* key = then != NULL ? ask(self, given, then, body != Py_None ? body : NULL, 0, -1) : NULL;
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

/* _want_large(bytes): the same of a body. */
static PyObject* mailbox_want_large(PyObject* object, PyObject* bytes) {
  Mailbox* self = (Mailbox*)object;
  const unsigned long long length = PyLong_AsUnsignedLongLong(bytes);
  if ((length == (unsigned long long)-1 && PyErr_Occurred()) || check_open(self) < 0) return NULL;
  const int code = ringmail_want_large(self->peer->link, self->id, length);
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

static PyObject* mailbox_send_many_async(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return call_peer(self, "_send_many_async", arguments, keywords);
}

static PyObject* mailbox_loan_large_async(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return call_peer(self, "_loan_large_async", arguments, keywords);
}

static PyObject* mailbox_ask_async(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return call_peer(self, "_ask_async", arguments, keywords);
}

/* _loan(type, timeout, fields by name) */
static PyObject* mailbox_loan(PyObject* object, PyObject* arguments) {
  Mailbox* self = (Mailbox*)object;
  PyObject *type, *seconds, *fields;
  if (!PyArg_ParseTuple(arguments, "OOO!", &type, &seconds, &PyDict_Type, &fields)) return NULL;
  if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject*)type, &MessageType)) {
    PyErr_SetString(PyExc_TypeError, "a loan is for a message type");
    return NULL;
  }
  const int64_t timeout_ns = timeout_from(seconds);
  if (timeout_ns == timeout_error || check_open(self) < 0) return NULL;
  return peer_loan(self->peer, self->id, (PyTypeObject*)type, fields, self->peer->soon != NULL ? 0 : timeout_ns);
}

static PyObject* mailbox_loan_large(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* parameters[] = {"nbytes", "timeout", NULL};
  Mailbox* self = (Mailbox*)object;
  Py_ssize_t length;
  PyObject* seconds = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "n|$O", parameters, &length, &seconds)) return NULL;
  const int64_t timeout_ns = seconds != NULL ? timeout_from(seconds) : send_timeout_of(self);
  if (timeout_ns == timeout_error || check_open(self) < 0) return NULL;
  if (length < 0) return PyErr_Format(PyExc_ValueError, "a body has 0 bytes or more");
  return peer_loan_large(self->peer, self->id, (uint64_t)length, timeout_ns);
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
     "send(message, *, timeout=5.0, body=None)\n\nSends a copy. FullError if there is no room in time. `body`: of "
     "loan_large()."},
    {"loan_large", (PyCFunction)(void (*)(void))mailbox_loan_large, METH_VARARGS | METH_KEYWORDS,
     "loan_large(nbytes, *, timeout=5.0)\n\nRoom for a body in shared memory: a writable buffer, to be filled and sent "
     "with a message. FullError if there is none in time."},
    {"ask", (PyCFunction)(void (*)(void))mailbox_ask, METH_VARARGS | METH_KEYWORDS,
     "ask(message, then, *, timeout=None, reply=None, body=None)\n\nSends a copy; run() calls then(reply), or "
     "then(None) if there "
     "will be none or none came within `timeout` seconds. `reply` is the class that `ringmail gen` wrote for it, if it "
     "is "
     "to be one."},
    {"send_many", (PyCFunction)(void (*)(void))mailbox_send_many, METH_VARARGS | METH_KEYWORDS,
     "send_many(messages, *, type=None, timeout=5.0)\n\nSends a batch, the messages of a sequence, or those that lie "
     "in a buffer, of that type. FullError if there is no room in time; its `sent` says how many were sent."},
    {"send_many_async", (PyCFunction)(void (*)(void))mailbox_send_many_async, METH_VARARGS | METH_KEYWORDS,
     "await send_many_async(messages, *, type=None, timeout=5.0)\n\nsend_many(), as there is room."},
    {"loan_large_async", (PyCFunction)(void (*)(void))mailbox_loan_large_async, METH_VARARGS | METH_KEYWORDS,
     "await loan_large_async(nbytes, *, timeout=5.0)\n\nloan_large(), once there is room."},
    {"send_async", (PyCFunction)(void (*)(void))mailbox_send_async, METH_VARARGS | METH_KEYWORDS,
     "await send_async(message, *, timeout=5.0, body=None)\n\nSends a copy, once there is room. FullError if there is "
     "none in time."},
    {"ask_async", (PyCFunction)(void (*)(void))mailbox_ask_async, METH_VARARGS | METH_KEYWORDS,
     "await ask_async(message, *, timeout=None, reply=None, body=None)\n\nThe reply; None if it is done and no reply "
     "was "
     "promised. "
     "AskError if there will be none, TimeoutError if none came within `timeout` seconds."},
    {"_ask_now", mailbox_ask_now, METH_VARARGS, NULL},
    {"_want_room", mailbox_want_room, METH_O, NULL},
    {"_want_large", mailbox_want_large, METH_O, NULL},
    {"_send_some", mailbox_send_some, METH_VARARGS, NULL},
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

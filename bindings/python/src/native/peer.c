/* The link to the host as an object: attached, asked for names, closed. _peer.py derives the public class from it. */
#include "native.h"

/* ---- what every call looks at */

int peer_open(Peer* self) {
  const char* why = NULL;
  if (self->forked) {
    raise_code(RINGMAIL_EFORKED, ringmail_strerror(RINGMAIL_EFORKED));
    return -1;
  }
  if (self->link == NULL) why = "the peer is closed";
  const unsigned long owner = self->thread != 0 ? self->thread : self->polling_thread;
  if (self->busy || (owner != 0 && owner != PyThread_get_thread_ident())) {
    why = "a peer is used by one thread: the one that calls run()";
  }
  if (why == NULL) return 0;
  PyErr_SetString(PyExc_RuntimeError, why);
  return -1;
}

int peer_ready(Peer* self) {
  if (peer_open(self) < 0) return -1;
  if (self->loan == NULL) return 0;
  PyErr_SetString(PyExc_RuntimeError, "a loan is open: nothing else may be done before it is published or cancelled");
  return -1;
}

void raise_failure(Peer* self, int code) {
  if (code == RINGMAIL_ECLOSED && self->accepted) {
    self->gone = 1;
    raise_text(PeerGone, ringmail_error(self->link));
    return;
  }
  /* Once the link is closed nothing sets a text any more, and the last one is about something else. */
  raise_code(code, code == RINGMAIL_ECLOSED ? ringmail_strerror(code) : ringmail_error(self->link));
}

int is_end(Peer* self, int code) {
  if (code != RINGMAIL_ECLOSED || !self->accepted) return code == RINGMAIL_ESTOPPED;
  self->gone = 1;
  return 1;
}

int64_t timeout_from(PyObject* seconds) {
  if (seconds == Py_None) return -1;
  const double value = PyFloat_AsDouble(seconds);
  if (value == -1.0 && PyErr_Occurred()) return timeout_error;
  if (value >= 0 && value < 9e9) return (int64_t)(value * 1e9);
  PyErr_SetString(PyExc_ValueError, "a timeout is in seconds, from 0, or None: for ever");
  return timeout_error;
}

/* ---- types and handlers */

static void clear_entries(Peer* self) {
  Entry* entries = self->entries;
  const uint32_t count = self->entry_count;
  self->entries = NULL;
  self->entry_count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Py_XDECREF(entries[i].view);
    Py_XDECREF(entries[i].batch);
    Py_XDECREF(entries[i].lent);
    Py_XDECREF(entries[i].generated);
    Py_XDECREF(entries[i].handler);
    Py_XDECREF(entries[i].replies);
    Py_XDECREF(entries[i].type);
  }
  PyMem_Free(entries);
}

static Entry* find_slot(Peer* self, uint32_t id) {
  uint32_t slot = id;
  while (1) {
    Entry* entry = &self->entries[slot++ & (self->entry_count - 1)];
    if (entry->type == NULL || entry->id == id) return entry;
  }
}

Entry* peer_entry(Peer* self, uint32_t id) {
  if (self->entry_count == 0) return NULL;
  Entry* entry = find_slot(self, id);
  return entry->type != NULL ? entry : NULL;
}

/* _set_types([(class, tuple of the classes that may be its reply)]) */
static PyObject* peer_set_types(PyObject* object, PyObject* list) {
  Peer* self = (Peer*)object;
  if (!PyList_Check(list) || self->thread != 0) return PyErr_Format(PyExc_TypeError, "a list of types, before run()");
  clear_entries(self);
  const Py_ssize_t count = PyList_GET_SIZE(list);
  uint32_t slots = 8;
  while (slots < 2 * (uint64_t)count) slots *= 2;
  self->entries = PyMem_Calloc(slots, sizeof(Entry));
  if (self->entries == NULL) return PyErr_NoMemory();
  self->entry_count = slots;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *type, *replies;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "O!O!", &PyType_Type, &type, &PyTuple_Type, &replies)) return NULL;
    Layout* layout = layout_of((PyTypeObject*)type);
    if (layout == NULL) return NULL;
    Entry* entry = find_slot(self, layout->id);
    if (entry->type != NULL) return PyErr_Format(SchemaError, "%U has the id of another message", layout->name);
    entry->id = layout->id;
    entry->type = (PyTypeObject*)Py_NewRef(type);
    entry->layout = layout;
    entry->replies = Py_NewRef(replies);
  }
  Py_RETURN_NONE;
}

/* _set_generated(dict): of classes that may be sent, and those of the host's schema that they are. It goes on to grow. */
static PyObject* peer_set_generated(PyObject* object, PyObject* dict) {
  if (!PyDict_Check(dict)) return PyErr_Format(PyExc_TypeError, "a dict of types");
  Py_XSETREF(((Peer*)object)->generated, Py_NewRef(dict));
  Py_RETURN_NONE;
}

/* _set_handler(class, handler, whether it wants the sender, most in a batch or 0, generated class or None) */
static PyObject* peer_set_handler(PyObject* object, PyObject* arguments) {
  PyObject *type, *handler, *generated;
  int wants_sender;
  unsigned most;
  if (!PyArg_ParseTuple(arguments, "O!OpIO", &PyType_Type, &type, &handler, &wants_sender, &most, &generated))
    return NULL;
  const Layout* layout = layout_of((PyTypeObject*)type);
  Entry* entry = layout != NULL ? peer_entry((Peer*)object, layout->id) : NULL;
  if (entry == NULL || entry->handler != NULL) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "%U has a handler already", layout->name);
    return NULL;
  }
  if (generated_set(entry, generated) < 0) return NULL;
  entry->handler = Py_NewRef(handler);
  entry->wants_sender = (char)wants_sender;
  entry->most = most;
  Py_RETURN_NONE;
}

/* ---- attach and close */

static PyObject* peer_attach(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"descriptor", "path",     "name",  "schema",    "ring_bytes",
                          "timeout",    "pollable", "token", "reconnect", NULL};
  Peer* self = (Peer*)object;
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  unsigned long long ring_bytes = 0;
  PyObject* timeout = NULL;
  double reconnect = 0;
  int pollable = 0;
  options.language = "python";
  options.restartable = 1;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "$izzzKOpzd", names, &options.descriptor, &options.path,
                                   &options.name, &options.schema, &ring_bytes, &timeout, &pollable, &options.token,
                                   &reconnect)) {
    return NULL;
  }
  if (!(reconnect >= 0 && reconnect <= 1e9)) return PyErr_Format(PyExc_ValueError, "reconnect is a time in seconds");
  options.reconnect_ns = (int64_t)(reconnect * 1e9);
  options.pollable = (uint32_t)pollable;
  options.ring_bytes = ring_bytes;
  options.timeout_ns = timeout_from(timeout);
  if (options.timeout_ns == timeout_error) return NULL;
  if (options.timeout_ns <= 0) options.timeout_ns = options.timeout_ns == 0 ? 1 : INT64_MAX / 2;
  if (self->link != NULL) return PyErr_Format(PyExc_RuntimeError, "this peer is attached");
  ringmail_peer* link = NULL;
  int code;
  Py_BEGIN_ALLOW_THREADS;
  code = ringmail_attach(&options, &link);
  Py_END_ALLOW_THREADS;
  if (code >= 0) {
    self->link = link;
    Py_RETURN_NONE;
  }
  raise_code(code, link != NULL ? ringmail_error(link) : ringmail_strerror(code));
  ringmail_detach(link);
  return NULL;
}

void peer_adopt(Peer* self, ringmail_peer* link) {
  self->link = link;
  self->accepted = 1;
}

void peer_pin(Peer* self) {
  self->pinned = 1;
  if (self->link != NULL) ringmail_pin(self->link);
}

static void end_loan(Peer* self) {
  if (self->loan == NULL) return;
  if (!message_release(self->loan)) peer_pin(self);
  Py_CLEAR(self->loan);
}

static void close_link(Peer* self) {
  ringmail_peer* link = self->link;
  if (link == NULL) return;
  if (self->loan != NULL) ringmail_cancel(link);
  end_loan(self);
  take_back_all(self);
  if (self->in_hand != NULL && !message_release(self->in_hand)) peer_pin(self);
  Py_CLEAR(self->in_hand);
  Py_CLEAR(self->body);
  peer_cancel_dropped(self);
  self->link = NULL;
  self->held = 0;
  self->answered = 0;
  if (self->pinned || self->loan_exports != 0) {
    /* Somebody may still read a ring through a memoryview, and what it read must not become a fault. */
    ringmail_flush(link);
  } else {
    ringmail_detach(link);
  }
}

static PyObject* peer_close(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (self->busy || self->thread != 0) return PyErr_Format(PyExc_RuntimeError, "run() is running");
  close_link(self);
  Py_RETURN_NONE;
}

/* After a fork the link belongs to the parent: the child must not even say goodbye. */
static PyObject* peer_forget(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (self->link != NULL) self->forked = 1;
  self->link = NULL;
  Py_RETURN_NONE;
}

/* ---- sending */

Message* peer_message(Peer* self, PyObject* message) {
  if (PyObject_TypeCheck(message, &MessageType)) return (Message*)Py_NewRef(message);
  PyObject* known =
      self->generated != NULL ? PyDict_GetItemWithError(self->generated, (PyObject*)Py_TYPE(message)) : NULL;
  if (known != NULL) return generated_native(message, (PyTypeObject*)known);
  if (PyErr_Occurred()) return NULL;
  PyObject* native = PyObject_CallMethod((PyObject*)self, "_as_native", "O", message);
  if (native == NULL || PyObject_TypeCheck(native, &MessageType)) return (Message*)native;
  Py_DECREF(native);
  return (Message*)PyErr_Format(PyExc_TypeError, "a message is sent, not %s", Py_TYPE(message)->tp_name);
}

int peer_wait_for_room(Peer* self, int64_t timeout_ns, RoomCall call, void* context) {
  const int64_t chunk_ns = 100000000; /* then signal handlers get their turn */
  int64_t wait_ns = 0;                /* there is room nearly always, and giving up the GIL costs more than sending */
  while (1) {
    self->busy = 1;
    PyThreadState* state = wait_ns != 0 ? PyEval_SaveThread() : NULL;
    const int code = call(self->link, wait_ns, context);
    if (state != NULL) PyEval_RestoreThread(state);
    self->busy = 0;
    if (code >= 0) return 0;
    if ((code != RINGMAIL_EFULL && code != RINGMAIL_EINTERRUPTED) || timeout_ns == 0) {
      raise_failure(self, code);
      return -1;
    }
    if (PyErr_CheckSignals() < 0) return -1;
    wait_ns = timeout_ns < 0 || timeout_ns > chunk_ns ? chunk_ns : timeout_ns;
    if (timeout_ns > 0) timeout_ns -= wait_ns;
  }
}

typedef struct {
  ringmail_mailbox target;
  uint32_t type;
  const unsigned char* data;
  uint32_t length;
  const ringmail_body* body; /* or NULL */
  int64_t answer_ns;
  uint32_t* correlation; /* NULL: it is no ask */
} SendCall;

static int call_send(ringmail_peer* link, int64_t wait_ns, void* context) {
  const SendCall* call = context;
  if (call->body == NULL && call->correlation == NULL)
    return ringmail_send(link, call->target, call->type, call->data, call->length, wait_ns);
  if (call->body == NULL) {
    return ringmail_ask_within(link, call->target, call->type, call->data, call->length, wait_ns, call->answer_ns,
                               call->correlation);
  }
  if (call->correlation == NULL)
    return ringmail_send_large(link, call->target, call->type, call->data, call->length, call->body, wait_ns);
  return ringmail_ask_large(link, call->target, call->type, call->data, call->length, call->body, wait_ns,
                            call->answer_ns, call->correlation);
}

int peer_send(Peer* self, ringmail_mailbox target, Message* message, PyObject* body, int64_t timeout_ns) {
  return peer_ask(self, target, message, body, timeout_ns, -1, NULL);
}

int peer_ask(Peer* self,
             ringmail_mailbox target,
             Message* message,
             PyObject* body,
             int64_t timeout_ns,
             int64_t answer_ns,
             uint32_t* correlation) {
  SendCall call = {target, message->layout->id, message_data(message), message->length, NULL, answer_ns, correlation};
  if (call.data == NULL || (body != NULL && (call.body = loan_to_send(self, body)) == NULL)) return -1;
  if (peer_wait_for_room(self, timeout_ns, call_send, &call) < 0) return -1;
  if (body != NULL) loan_sent(body);
  return peer_step_soon(self);
}

/* `until_ns`: without the GIL, and for so long; 0: as far as there is room. */
static int send_some(Peer* self, ringmail_mailbox target, const Run* run, Py_ssize_t* next, int64_t until_ns) {
  int code = 0;
  while (code == 0 && *next < run->count) {
    const int64_t wait_ns = until_ns != 0 ? until_ns - now_ns() : 0;
    if (wait_ns < 0) return RINGMAIL_EFULL;
    code = ringmail_send(self->link, target, run->type, run->data + *next * run->stride, run->length, wait_ns);
    if (code == 0) ++*next;
  }
  return code;
}

int peer_send_run(Peer* self, ringmail_mailbox target, const Run* run, Py_ssize_t* next, int64_t timeout_ns) {
  const int64_t chunk_ns = 100000000; /* then signal handlers get their turn */
  const int64_t start_ns = now_ns();
  int64_t until_ns = 0; /* there is room nearly always */
  while (1) {
    self->busy = 1;
    PyThreadState* state = until_ns != 0 ? PyEval_SaveThread() : NULL;
    const int code = send_some(self, target, run, next, until_ns);
    if (state != NULL) PyEval_RestoreThread(state);
    self->busy = 0;
    if (code == 0) return 0;
    const int64_t now = now_ns();
    const int64_t left_ns = timeout_ns < 0 ? chunk_ns : timeout_ns - (now - start_ns);
    if ((code != RINGMAIL_EFULL && code != RINGMAIL_EINTERRUPTED) || left_ns <= 0) {
      raise_failure(self, code);
      return -1;
    }
    if (PyErr_CheckSignals() < 0) return -1;
    until_ns = now + (left_ns < chunk_ns ? left_ns : chunk_ns);
  }
}

/* The room for a message that is as long as its content makes it. */
static void* loan_room(Peer* self, ringmail_mailbox target, int64_t length, int64_t timeout_ns) {
  void* room = NULL;
  int code;
  if (length < 0) return NULL;
  while ((code = ringmail_loan(self->link, target, (uint32_t)length, timeout_ns, &room)) == RINGMAIL_EINTERRUPTED) {
    if (PyErr_CheckSignals() < 0) return NULL;
  }
  if (code >= 0) return room;
  raise_failure(self, code);
  return NULL;
}

/* `contents` are of the fields; the others are set in the new message's bytes, `fixed`. */
static int take_fields(Layout* layout, PyObject* fields, Content* contents, unsigned char* fixed) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(fields, &position, &name, &value)) {
    const Field* field = field_named(layout, name);
    if (field == NULL) return -1;
    if (field->is_content ? content_take(field, value, 1, &contents[field->content_index]) < 0
                          : field_store(field, fixed, value) < 0) {
      return -1;
    }
  }
  return 0;
}

PyObject* peer_loan(Peer* self, ringmail_mailbox target, PyTypeObject* type, PyObject* fields, int64_t timeout_ns) {
  Layout* layout = layout_of(type);
  Message* start = layout != NULL ? message_new(type, layout) : NULL;
  Content* contents = start != NULL ? contents_new(layout) : NULL;
  Message* message = NULL;
  if (contents != NULL && take_fields(layout, fields, contents, start->data) == 0) {
    const int64_t length = contents_length(layout, contents);
    unsigned char* room = loan_room(self, target, length, timeout_ns);
    if (room != NULL) {
      memset(room, 0, (size_t)length);
      memcpy(room, start->data, layout->size);
      if (PyTuple_GET_SIZE(layout->contents) != 0) contents_write(layout, contents, room);
      message = message_lend(type, layout, room, (uint32_t)length, 1);
      if (message == NULL) ringmail_cancel(self->link);
    }
  }
  if (layout != NULL) contents_free(layout, contents);
  Py_XDECREF(start);
  self->loan = (Message*)Py_XNewRef(message);
  return (PyObject*)message;
}

/* _end_loan(publish) */
static PyObject* peer_end_loan(PyObject* object, PyObject* publish) {
  Peer* self = (Peer*)object;
  if (self->loan == NULL || self->link == NULL) return PyErr_Format(PyExc_RuntimeError, "no loan is open");
  const uint32_t id = self->loan->layout->id;
  if (self->loan->exports != 0) {
    ringmail_cancel(self->link);
    end_loan(self);
    return PyErr_Format(ReleasedError, "there is a memoryview of the loan: it was not published");
  }
  end_loan(self);
  const int code = publish == Py_True ? ringmail_publish(self->link, id) : ringmail_cancel(self->link);
  if (code < 0) {
    raise_failure(self, code);
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject* peer_flush(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  const int code = ringmail_flush(self->link);
  if (code < 0) {
    raise_failure(self, code);
    return NULL;
  }
  Py_RETURN_NONE;
}

/* ---- the control stream */

static PyObject* peer_lookup(PyObject* object, PyObject* arguments) {
  Peer* self = (Peer*)object;
  PyObject *name, *seconds;
  if (!PyArg_ParseTuple(arguments, "UO", &name, &seconds)) return NULL;
  const char* text = PyUnicode_AsUTF8(name);
  int64_t left_ns = timeout_from(seconds);
  if (text == NULL || left_ns == timeout_error || peer_ready(self) < 0) return NULL;
  const int64_t chunk_ns = 500000000; /* then signal handlers get their turn, and the host is asked again */
  while (1) {
    ringmail_mailbox mailbox = 0;
    const int64_t wait_ns = left_ns < 0 || left_ns > chunk_ns ? chunk_ns : left_ns;
    int code;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS;
    code = ringmail_lookup(self->link, text, wait_ns, &mailbox);
    Py_END_ALLOW_THREADS;
    self->busy = 0;
    if (code >= 0) return mailbox_new(self, mailbox, name);
    if (left_ns > 0) left_ns -= wait_ns;
    if ((code != RINGMAIL_ETIMEDOUT && code != RINGMAIL_EINTERRUPTED) || left_ns == 0) {
      raise_failure(self, code);
      return NULL;
    }
    if (PyErr_CheckSignals() < 0) return NULL;
  }
}

/* The host may be gone already, and the reason to fail is the one that counts: no error of its own. */
static PyObject* peer_fail(PyObject* object, PyObject* argument) {
  Peer* self = (Peer*)object;
  const char* text = PyUnicode_AsUTF8(argument);
  if (text == NULL) return NULL;
  if (self->link != NULL && self->loan == NULL && !self->busy) ringmail_fail(self->link, text);
  Py_RETURN_NONE;
}

static PyObject* peer_wait_method(PyObject* object, PyObject* timeout) {
  Peer* self = (Peer*)object;
  const int64_t timeout_ns = timeout_from(timeout);
  if (timeout_ns == timeout_error || peer_ready(self) < 0) return NULL;
  if (self->soon != NULL) return PyErr_Format(PyExc_RuntimeError, "an event loop drives this peer, and would not run");
  const int more = peer_wait(self, timeout_ns);
  return more < 0 ? NULL : PyBool_FromLong(more);
}

/* ---- attributes */

static PyObject* get_text(PyObject* object, void* which) {
  const Peer* self = (Peer*)object;
  if (self->link == NULL) return PyErr_Format(PyExc_RuntimeError, "the peer is closed");
  const char* text = which != NULL ? ringmail_schema(self->link) : ringmail_name(self->link);
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject* get_incarnation(PyObject* object, void* unused) {
  (void)unused;
  const Peer* self = (Peer*)object;
  if (self->link == NULL) return PyErr_Format(PyExc_RuntimeError, "the peer is closed");
  return PyLong_FromUnsignedLongLong(ringmail_incarnation(self->link));
}

static PyObject* get_counters(PyObject* object, void* unused) {
  (void)unused;
  const Peer* self = (Peer*)object;
  ringmail_counters counters = {0, 0, 0, 0, 0};
  if (self->link == NULL) return PyErr_Format(PyExc_RuntimeError, "the peer is closed");
  ringmail_count(self->link, &counters);
  return Py_BuildValue("(KKKKKK)", (unsigned long long)counters.received, (unsigned long long)counters.sent,
                       (unsigned long long)self->dropped, (unsigned long long)counters.sleeps,
                       (unsigned long long)counters.lost_wakeups, (unsigned long long)counters.failed_barriers);
}

enum { in_hand_type, in_hand_redelivered, in_hand_attempt, in_hand_asked, in_hand_sender };
static char which[5];

static PyObject* get_in_hand(PyObject* object, void* closure) {
  Peer* self = (Peer*)object;
  switch ((char*)closure - which) {
    case in_hand_redelivered: return PyBool_FromLong(self->held && self->message.redelivered != 0);
    case in_hand_attempt: return PyLong_FromUnsignedLong(self->held ? self->message.attempt : 0);
    case in_hand_sender: {
      if (!self->held) Py_RETURN_NONE;
      PyObject* sender = peer_sender(self);
      return Py_XNewRef(sender);
    }
    case in_hand_asked: return PyBool_FromLong(peer_is_asked(self));
    default: break;
  }
  const Entry* entry = self->held ? peer_entry(self, self->message.type) : NULL;
  return Py_NewRef(entry != NULL ? entry->layout->name : Py_None);
}

static PyObject* get_body(PyObject* object, void* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (!self->held) Py_RETURN_NONE;
  return peer_ready(self) < 0 ? NULL : peer_body(self);
}

static PyObject* get_closed(PyObject* object, void* unused) {
  (void)unused;
  return PyBool_FromLong(((Peer*)object)->link == NULL);
}

static PyObject* get_gone(PyObject* object, void* unused) {
  (void)unused;
  return PyBool_FromLong(((Peer*)object)->gone);
}

/* ---- the type */

static PyObject* peer_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  (void)arguments, (void)keywords;
  Peer* self = (Peer*)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->asked = PyDict_New();
  if (self->asked == NULL) Py_CLEAR(self);
  return (PyObject*)self;
}

static int peer_traverse(PyObject* object, visitproc visit, void* arg) {
  Peer* self = (Peer*)object;
  for (uint32_t i = 0; i < self->entry_count; ++i) {
    Py_VISIT(self->entries[i].type);
    Py_VISIT(self->entries[i].handler);
    Py_VISIT(self->entries[i].generated);
    Py_VISIT(self->entries[i].lent);
    Py_VISIT(self->entries[i].replies);
  }
  Py_VISIT(self->generated);
  Py_VISIT(self->asked);
  Py_VISIT(self->soon);
  Py_VISIT(self->sender);
  return 0;
}

static int peer_clear(PyObject* object) {
  Peer* self = (Peer*)object;
  clear_entries(self);
  Py_CLEAR(self->generated);
  Py_CLEAR(self->asked);
  Py_CLEAR(self->soon);
  Py_CLEAR(self->sender);
  return 0;
}

static void peer_dealloc(PyObject* object) {
  PyObject_GC_UnTrack(object);
  close_link((Peer*)object);
  peer_clear(object);
  Py_TYPE(object)->tp_free(object);
}

static PyMethodDef methods[] = {
    {"_attach", (PyCFunction)(void (*)(void))peer_attach, METH_VARARGS | METH_KEYWORDS, NULL},
    {"_set_types", peer_set_types, METH_O, NULL},
    {"_set_handler", peer_set_handler, METH_VARARGS, NULL},
    {"_set_generated", peer_set_generated, METH_O, NULL},
    {"_check", peer_check, METH_O, NULL},
    {"_run", peer_run, METH_O, NULL},
    {"_monitor", peer_monitor, METH_VARARGS, NULL},
    {"_demonitor", peer_demonitor, METH_VARARGS, NULL},
    {"_log", peer_log, METH_VARARGS, NULL},
    {"_fail", peer_fail, METH_O, NULL},
    {"_abandon_asks", peer_abandon_asks, METH_NOARGS, NULL},
    {"_forget", peer_forget, METH_NOARGS, NULL},
    {"_lookup", peer_lookup, METH_VARARGS, NULL},
    {"_end_loan", peer_end_loan, METH_O, NULL},
    {"_begin_polling", peer_begin_polling, METH_O, NULL},
    {"_end_polling", peer_end_polling, METH_NOARGS, NULL},
    {"_resume", peer_resume, METH_NOARGS, NULL},
    {"_prepare", peer_prepare, METH_O, NULL},
    {"_take_answers", peer_take_answers, METH_O, NULL},
    {"_forget_ask", peer_forget_ask, METH_O, NULL},
    {"_resolve", peer_resolve, METH_O, NULL},
    {"_resolved", peer_resolved, METH_NOARGS, NULL},
    {"_mailbox", peer_mailbox, METH_VARARGS, NULL},
    {"_take_mail", peer_take_mail, METH_O, NULL},
    {"_take_message", peer_take_message, METH_NOARGS, NULL},
    {"_conclude", peer_conclude, METH_VARARGS, NULL},
    {"_finish", peer_finish_message, METH_NOARGS, NULL},
    {"close", peer_close, METH_NOARGS, "Publishes what was sent, and leaves the host. A second call does nothing."},
    {"flush", peer_flush, METH_NOARGS, "Publishes what was sent outside of a handler."},
    {"stop", peer_stop, METH_NOARGS,
     "Of a peer that a listener has let in: tells it to stop once it has handled what was sent before."},
    {"receive", peer_receive, METH_NOARGS,
     "The next message as (kind, message, sender, correlation), or None. Stopped once the host said stop."},
    {"release", peer_release, METH_NOARGS, "The received message is finished, and may be forgotten by the host."},
    {"wait", peer_wait_method, METH_O, "wait(timeout): whether there is something to receive within so many seconds."},
    {"reply", peer_reply, METH_O, "reply(message): answers the received message."},
    {"refuse", peer_refuse, METH_O, "refuse(reason): there will be no answer. 1 no handler, 2 failed, 3 stopping."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"name", get_text, NULL, "What the host calls this peer.", NULL},
    {"schema_text", get_text, NULL, "The host's canonical schema.", &which},
    {"incarnation", get_incarnation, NULL, "1 in the first life of this peer, then 2, ...", NULL},
    {"_counters", get_counters, NULL, NULL, NULL},
    {"_in_hand", get_in_hand, NULL, NULL, &which[in_hand_type]},
    {"redelivered", get_in_hand, NULL, "Whether an earlier incarnation may have handled the message in hand.",
     &which[in_hand_redelivered]},
    {"attempt", get_in_hand, NULL, "How many incarnations died with the message in hand.", &which[in_hand_attempt]},
    {"asked", get_in_hand, NULL, "Whether somebody waits for a reply to the message in hand.", &which[in_hand_asked]},
    {"sender", get_in_hand, NULL, "The mailbox that the message in hand came from.", &which[in_hand_sender]},
    {"body", get_body, NULL, "The body of the message in hand, which may be kept, or None.", NULL},
    {"unfinished", peer_unfinished, NULL,
     "How many of the messages that were published to the other side are not finished there.", NULL},
    {"other", peer_other, NULL, "Of a peer that a listener has let in: the mailbox of the other end.", NULL},
    {"_is_gone", get_gone, NULL, NULL, NULL},
    {"closed", get_closed, NULL, "Whether close() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject PeerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail._ringmail.Peer",
    .tp_basicsize = sizeof(Peer),
    .tp_dealloc = peer_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A link to a host.",
    .tp_traverse = peer_traverse,
    .tp_clear = peer_clear,
    .tp_methods = methods,
    .tp_getset = attributes,
    .tp_new = peer_new,
};

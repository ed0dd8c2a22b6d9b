/* The loop: receive, find the handler, call it with a view, answer, release. */
#include "native.h"

/* Python code looks for signals itself; handlers that are no Python code do not. */
enum { messages_between_signal_checks = 256 };

int peer_wait(Peer* self, int64_t timeout_ns) {
  const int64_t start_ns = now_ns();
  const int64_t deadline_ns = timeout_ns < 0 || timeout_ns > INT64_MAX - start_ns ? INT64_MAX : start_ns + timeout_ns;
  int64_t left_ns = deadline_ns - start_ns;
  while (1) {
    int code;
    const int64_t wait_ns = left_ns < longest_wait_ns ? left_ns : longest_wait_ns;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS;
    code = ringmail_wait(self->link, wait_ns);
    Py_END_ALLOW_THREADS;
    self->busy = 0;
    if (code > 0) return 1;
    if (code < 0 && code != RINGMAIL_EINTERRUPTED) {
      raise_failure(self, code);
      return -1;
    }
    if (PyErr_CheckSignals() < 0) return -1;
    left_ns = deadline_ns - now_ns();
    if (left_ns <= 0) return 0;
  }
}

/* ---- views */

/* The view of the message in hand, borrowed from the entry. */
static Message* lend(Peer* self, Entry* entry) {
  if (entry->view == NULL) {
    entry->view = lend_received(entry, &self->message);
  } else if (!message_lie(entry->view, (unsigned char*)self->message.payload, self->message.length)) {
    raise_no_message(entry->layout, self->message.length);
    return NULL;
  }
  return entry->view;
}

/* As many as there are that are like the one in hand. */
static PyObject* lend_batch(Peer* self, Entry* entry) {
  uint32_t stride = 0;
  Message* first = lend_received(entry, &self->message);
  if (first == NULL) return NULL;
  const int count = ringmail_receive_more(self->link, entry->most, &stride);
  if (count > 0) {
    Py_XSETREF(entry->batch, batch_lend(first, count, stride));
  } else {
    raise_failure(self, count);
  }
  Py_DECREF(first);
  return count > 0 ? entry->batch : NULL;
}

static int kept_memoryview(const Entry* entry) {
  PyErr_Format(ReleasedError, "the handler of %U kept a memoryview of it; take message.copy() or bytes(view)",
               entry->layout->name);
  return -1;
}

static int take_back_batch(Peer* self, Entry* entry) {
  const int unused = batch_release(entry->batch);
  if (!unused) peer_pin(self);
  Py_CLEAR(entry->batch);
  return unused || PyErr_Occurred() ? 0 : kept_memoryview(entry);
}

/* An exception that is being raised stays the one. */
static int take_back(Peer* self, Entry* entry) {
  if (entry->batch != NULL) return take_back_batch(self, entry);
  if (entry->lent != NULL) {
    generated_release(entry->lent);
    Py_CLEAR(entry->lent);
  }
  Message* view = entry->view;
  const int unused = message_release(view);
  if (!unused) peer_pin(self);
  /* Somebody kept the view: it stays released, and the next message gets another one. */
  if (Py_REFCNT(view) != 1) Py_CLEAR(entry->view);
  return unused || PyErr_Occurred() ? 0 : kept_memoryview(entry);
}

void take_back_all(Peer* self) {
  /* They stay where they are, for who closes the peer may be the handler that has one. */
  for (uint32_t i = 0; i < self->entry_count; ++i) {
    const Entry* entry = &self->entries[i];
    if (entry->lent != NULL) generated_release(entry->lent);
    if (entry->batch != NULL && !batch_release(entry->batch)) peer_pin(self);
    if (entry->view != NULL && !message_release(entry->view)) peer_pin(self);
  }
}

/* The view as what the entry's handler takes, borrowed likewise. */
static PyObject* lend_to_handler(Peer* self, Entry* entry) {
  PyObject* view = (PyObject*)lend(self, entry);
  if (view == NULL || entry->generated == NULL) return view;
  entry->lent = generated_lend(entry);
  if (entry->lent == NULL) take_back(self, entry);
  return entry->lent;
}

/* ---- dispatch */

static int check_loan(const Peer* self) {
  if (self->loan == NULL) return 0;
  PyErr_SetString(PyExc_RuntimeError, "the handler left a loan open");
  return -1;
}

static PyObject* call_handler(Peer* self, Entry* entry, PyObject* lent) {
  PyObject* sender = NULL;
  if (entry->wants_sender && (sender = peer_sender(self)) == NULL) return NULL;
  PyObject* handler = Py_NewRef(entry->handler);
  PyObject* stack[3] = {NULL, lent, Py_XNewRef(sender)};
  const size_t count = entry->wants_sender ? 2 : 1;
  PyObject* result = PyObject_Vectorcall(handler, stack + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
  Py_XDECREF(sender);
  Py_DECREF(handler);
  return result;
}

int conclude_in_hand(Peer* self, Entry* entry, PyObject* result) {
  int status = result == NULL ? -1 : check_loan(self);
  if (status == 0 && peer_is_asked(self) && !self->answered) {
    /* Before the view is taken back: a handler may return what it was given. */
    status = result == Py_None ? peer_answer_nothing(self, entry) : peer_answer(self, entry, result);
  }
  if (take_back(self, entry) < 0) status = -1;
  return status;
}

static int is_awaitable(PyObject* object) {
  const PyAsyncMethods* methods = Py_TYPE(object)->tp_as_async;
  return methods != NULL && methods->am_await != NULL;
}

static int handle_mail(Peer* self, Entry* entry, PyObject** awaitable) {
  PyObject* lent = entry->most != 0 ? lend_batch(self, entry) : lend_to_handler(self, entry);
  if (lent == NULL) return -1;
  PyObject* result = call_handler(self, entry, lent);
  if (result != NULL && awaitable != NULL && is_awaitable(result)) {
    *awaitable = result;
    return 1;
  }
  const int status = conclude_in_hand(self, entry, result);
  Py_XDECREF(result);
  return status;
}

int handle_nothing(Peer* self, Entry* entry) {
  ++self->dropped;
  if (entry == NULL) {
    if (!self->warned_of_unknown) {
      PySys_FormatStderr("ringmail: a message of the unknown type 0x%x is dropped\n", (unsigned)self->message.type);
    }
    self->warned_of_unknown = 1;
  } else {
    if (entry->dropped++ == 0) {
      PySys_FormatStderr("ringmail: %U is dropped: it has no handler\n", entry->layout->name);
    }
  }
  return peer_is_asked(self) ? peer_answer_refusal(self, reason_no_handler) : 0;
}

/* A new reference to what waits for this answer, or NULL without an exception when nobody does. */
static PyObject* take_asker(Peer* self, uint32_t correlation) {
  PyObject* key = PyLong_FromUnsignedLong(correlation);
  PyObject* then = key != NULL ? PyDict_GetItemWithError(self->asked, key) : NULL;
  Py_XINCREF(then);
  if (then != NULL && PyDict_DelItem(self->asked, key) < 0) Py_CLEAR(then);
  Py_XDECREF(key);
  return then;
}

/* An answer that can be kept: True where it is done, and no reply was promised. */
static PyObject* copy_answer(Peer* self, const ringmail_message* answer) {
  if (answer->kind == RINGMAIL_NO_REPLY) Py_RETURN_NONE;
  if (answer->type == ringmail_type_id("ringmail.Done")) Py_RETURN_TRUE;
  Entry* entry = peer_entry(self, answer->type);
  if (entry == NULL)
    return PyErr_Format(ProtocolError, "a reply of the unknown type 0x%x came", (unsigned)answer->type);
  Message* lent = lend_received(entry, answer);
  if (lent == NULL) return NULL;
  Message* copy = message_copy_of(lent);
  message_release(lent);
  Py_DECREF(lent);
  return (PyObject*)copy;
}

int deliver_answer(Peer* self, const ringmail_message* answer, int stays) {
  PyObject* then = take_asker(self, answer->correlation);
  if (then == NULL) return PyErr_Occurred() ? -1 : 0;
  Entry* entry = peer_entry(self, answer->type);
  PyObject* result = NULL;
  int status = 0;
  if (PyTuple_CheckExact(then)) {
    PyObject* value = copy_answer(self, answer);
    const unsigned reason = answer->kind == RINGMAIL_NO_REPLY ? answer->type : 0;
    if (value != NULL) result = PyObject_CallFunction(PyTuple_GET_ITEM(then, 0), "NI", value, reason);
  } else if (stays || entry == NULL || answer->kind == RINGMAIL_NO_REPLY) {
    PyObject* value = copy_answer(self, answer);
    if (value != NULL) result = PyObject_CallOneArg(then, value);
    Py_XDECREF(value);
  } else {
    Message* view = lend(self, entry);
    if (view != NULL) {
      result = PyObject_CallOneArg(then, (PyObject*)view);
      status = take_back(self, entry);
    }
  }
  Py_DECREF(then);
  if (result == NULL) return -1;
  Py_DECREF(result);
  return status < 0 ? -1 : check_loan(self);
}

/* The host was restarted: nobody answers what was asked before. */
int deliver_restart(Peer* self) {
  PyObject* open = PyDict_Keys(self->asked);
  int status = open != NULL ? 0 : -1;
  for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(open); ++i) {
    const ringmail_message answer = {.kind = RINGMAIL_NO_REPLY,
                                     .type = RINGMAIL_HOST_RESTARTED,
                                     .correlation = (uint32_t)PyLong_AsUnsignedLong(PyList_GET_ITEM(open, i))};
    status = deliver_answer(self, &answer, 1);
  }
  Py_XDECREF(open);
  return status;
}

int dispatch_in_hand(Peer* self, PyObject** awaitable) {
  if (self->message.kind == RINGMAIL_RESTARTED) return deliver_restart(self);
  if (self->message.kind == RINGMAIL_DOWN) return deliver_down(self);
  if (self->message.kind != RINGMAIL_MESSAGE) return deliver_answer(self, &self->message, 0);
  Entry* entry = peer_entry(self, self->message.type);
  if (entry == NULL || entry->handler == NULL) return handle_nothing(self, entry);
  return handle_mail(self, entry, awaitable);
}

/* ---- the loop */

static int handle(Peer* self) {
  self->held = 1;
  if (dispatch_in_hand(self, NULL) < 0) {
    if (peer_is_asked(self)) peer_answer_failure(self);
    return -1;
  }
  return peer_finish(self);
}

/* True once the host said stop, or the other peer has ended, and all is done; False when the time is up. */
static PyObject* loop(Peer* self, int64_t timeout_ns) {
  unsigned handled = 0;
  while (1) {
    const int code = ringmail_receive(self->link, &self->message);
    if (code > 0) {
      if (handle(self) < 0) return NULL;
      if (++handled % messages_between_signal_checks == 0 && PyErr_CheckSignals() < 0) return NULL;
      continue;
    }
    if (is_end(self, code)) Py_RETURN_TRUE;
    if (code < 0) {
      raise_failure(self, code);
      return NULL;
    }
    /* poll() waits for the first message alone. */
    if (timeout_ns >= 0 && handled != 0) Py_RETURN_FALSE;
    const int more = peer_wait(self, timeout_ns);
    if (more < 0) return NULL;
    if (more == 0) Py_RETURN_FALSE;
  }
}

PyObject* peer_check(PyObject* object, PyObject* timeout) {
  Peer* self = (Peer*)object;
  if (timeout_from(timeout) == timeout_error || peer_ready(self) < 0) return NULL;
  if (self->soon != NULL) return PyErr_Format(PyExc_RuntimeError, "an event loop drives this peer: await run_async()");
  if (self->thread == 0 && !self->held) Py_RETURN_NONE;
  return PyErr_Format(PyExc_RuntimeError,
                      self->thread != 0 ? "run() is running already" : "a message has not been released");
}

PyObject* peer_run(PyObject* object, PyObject* timeout) {
  Peer* self = (Peer*)object;
  PyObject* checked = peer_check(object, timeout);
  if (checked == NULL) return NULL;
  Py_DECREF(checked);
  self->thread = PyThread_get_thread_ident();
  PyObject* result = loop(self, timeout_from(timeout));
  self->thread = 0;
  return result;
}

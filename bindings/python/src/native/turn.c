/* For an event loop: the same work as in dispatch.c and in_hand.c, cut into pieces of which none waits. _driver.py and
 * _asyncio.py put them together. */
#include "native.h"

int peer_step_soon(Peer* self) {
  if (self->soon == NULL || self->step_is_due) return 0;
  self->step_is_due = 1;
  PyObject* result = PyObject_CallNoArgs(self->soon);
  Py_XDECREF(result);
  return result != NULL ? 0 : -1;
}

static PyObject* fail(Peer* self, int code) {
  raise_failure(self, code);
  return NULL;
}

/* ---- sleeping */

/* _begin_polling(soon): the descriptor to watch. soon() asks for a _step(). */
PyObject* peer_begin_polling(PyObject* object, PyObject* soon) {
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  const int descriptor = ringmail_descriptor(self->link);
  if (descriptor < 0) {
    return PyErr_Format(PyExc_RuntimeError,
                        "an event loop needs a peer that can be polled: ringmail.peer(pollable=True)");
  }
  if (self->thread != 0) return PyErr_Format(PyExc_RuntimeError, "run() is running");
  Py_XSETREF(self->soon, Py_NewRef(soon));
  self->step_is_due = 0;
  self->polling_thread = PyThread_get_thread_ident();
  return PyLong_FromLong(descriptor);
}

PyObject* peer_end_polling(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  Py_CLEAR(self->soon);
  self->polling_thread = 0;
  Py_RETURN_NONE;
}

/* The descriptor can be read. */
PyObject* peer_resume(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  const int code = ringmail_resume(self->link);
  if (code < 0 && code != RINGMAIL_EINTERRUPTED) return fail(self, code);
  Py_RETURN_NONE;
}

/* _prepare(for_mail): for how many seconds the loop may sleep; 0: something may come at once; None: it has come. */
PyObject* peer_prepare(PyObject* object, PyObject* for_mail) {
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  self->step_is_due = 0; /* what is sent from now on is not published by this */
  int64_t longest_ns = 0;
  const int code = ringmail_prepare(self->link, for_mail == Py_True, &longest_ns);
  if (code < 0) return fail(self, code);
  if (code == 1) Py_RETURN_NONE;
  return PyFloat_FromDouble(code == 2 ? 0.0 : (double)longest_ns / 1e9);
}

/* ---- answers */

/* _take_answers(most): to asks of this peer, also while a message is in hand. How many came. */
PyObject* peer_take_answers(PyObject* object, PyObject* most) {
  Peer* self = (Peer*)object;
  const long limit = PyLong_AsLong(most);
  long taken = 0;
  if ((limit == -1 && PyErr_Occurred()) || peer_ready(self) < 0) return NULL;
  while (taken < limit) {
    ringmail_message answer;
    const int code = ringmail_receive_reply(self->link, &answer);
    if (code < 0) return fail(self, code);
    if (code == 0) break;
    ++taken;
    if (deliver_answer(self, &answer, 1) < 0) return NULL;
    if (self->link == NULL) break; /* what was called has closed the peer */
  }
  return PyLong_FromLong(taken);
}

/* _forget_ask(correlation): nobody waits any more. What would have been called, or None. */
PyObject* peer_forget_ask(PyObject* object, PyObject* correlation) {
  PyObject* asked = ((Peer*)object)->asked;
  PyObject* then = PyDict_GetItemWithError(asked, correlation);
  if (then == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
  Py_INCREF(then);
  if (PyDict_DelItem(asked, correlation) < 0) Py_CLEAR(then);
  return then;
}

/* _resolve(name): the request that _resolved() will answer. */
PyObject* peer_resolve(PyObject* object, PyObject* name) {
  Peer* self = (Peer*)object;
  const char* text = PyUnicode_AsUTF8(name);
  uint32_t request = 0;
  if (text == NULL || peer_ready(self) < 0) return NULL;
  const int code = ringmail_resolve(self->link, text, &request);
  if (code < 0) return fail(self, code);
  return PyLong_FromUnsignedLong(request);
}

/* _resolved(): (request, number of the mailbox or 0), or None. */
PyObject* peer_resolved(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  uint32_t request = 0;
  ringmail_mailbox mailbox = 0;
  if (peer_ready(self) < 0) return NULL;
  const int code = ringmail_resolved(self->link, &request, &mailbox);
  if (code < 0) return fail(self, code);
  if (code == 0) Py_RETURN_NONE;
  return Py_BuildValue("(IK)", (unsigned)request, (unsigned long long)mailbox);
}

/* _mailbox(number, name) */
PyObject* peer_mailbox(PyObject* object, PyObject* arguments) {
  unsigned long long number;
  PyObject* name;
  if (!PyArg_ParseTuple(arguments, "KU", &number, &name)) return NULL;
  return mailbox_new((Peer*)object, number, name);
}

/* ---- mail */

static PyObject* end_of_mail(Peer* self, int code) {
  if (!is_end(self, code)) return fail(self, code);
  raise_text(Stopped, ringmail_error(self->link));
  return NULL;
}

static int refuse_and_keep(Peer* self) {
  if (peer_is_asked(self) && !self->answered) peer_answer_failure(self);
  return -1;
}

/* 1: the handler is to be awaited, with the message in hand; 0: it has returned. */
static int handle(Peer* self, PyObject** awaitable) {
  self->held = 1;
  self->step_is_due = self->soon != NULL; /* the release publishes */
  const int result = dispatch_in_hand(self, awaitable);
  self->step_is_due = 0;
  if (result < 0) return refuse_and_keep(self);
  return result == 1 ? 1 : peer_finish(self);
}

/* _take_mail(most): calls handlers. What one of them gave to be awaited; True: there may be more; None: there is nothing.
 * Stopped once the host said stop, or the other peer has ended. */
PyObject* peer_take_mail(PyObject* object, PyObject* most) {
  Peer* self = (Peer*)object;
  const long limit = PyLong_AsLong(most);
  if ((limit == -1 && PyErr_Occurred()) || peer_ready(self) < 0) return NULL;
  for (long taken = 0; taken < limit; ++taken) {
    const int code = ringmail_receive(self->link, &self->message);
    if (code < 0) return end_of_mail(self, code);
    if (code == 0) Py_RETURN_NONE;
    PyObject* awaitable = NULL;
    const int result = handle(self, &awaitable);
    if (result < 0) return NULL;
    if (result == 1) return awaitable;
  }
  Py_RETURN_TRUE;
}

/* _take_message(): the next message of a known type, to be finished with _finish(); or None. */
PyObject* peer_take_message(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  while (1) {
    const int code = ringmail_receive(self->link, &self->message);
    if (code < 0) return end_of_mail(self, code);
    if (code == 0) Py_RETURN_NONE;
    const Entry* entry = peer_entry(self, self->message.type);
    if (self->message.kind == RINGMAIL_MESSAGE && entry != NULL) {
      self->held = 1;
      self->in_hand = lend_received(entry, &self->message);
      return Py_XNewRef(self->in_hand);
    }
    self->held = 1;
    const int status = self->message.kind == RINGMAIL_MESSAGE     ? handle_nothing(self, NULL)
                       : self->message.kind == RINGMAIL_DOWN      ? deliver_down(self)
                       : self->message.kind == RINGMAIL_RESTARTED ? deliver_restart(self)
                                                                  : deliver_answer(self, &self->message, 1);
    if (status < 0 || peer_finish(self) < 0) return NULL;
  }
}

/* _conclude(result): the handler was awaited. Without an argument: it raised. */
PyObject* peer_conclude(PyObject* object, PyObject* arguments) {
  Peer* self = (Peer*)object;
  PyObject* result = NULL;
  if (!PyArg_ParseTuple(arguments, "|O", &result) || peer_ready(self) < 0) return NULL;
  Entry* entry = self->held ? peer_entry(self, self->message.type) : NULL;
  if (entry == NULL || (entry->view == NULL && entry->batch == NULL)) {
    return PyErr_Format(PyExc_RuntimeError, "the handler released its message itself");
  }
  if (result == NULL) {
    refuse_and_keep(self);
    conclude_in_hand(self, entry, NULL);
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  if (conclude_in_hand(self, entry, result) < 0) {
    refuse_and_keep(self);
    return NULL;
  }
  if (peer_finish(self) < 0) return NULL;
  Py_RETURN_NONE;
}

/* _finish(): the message of _take_message(), if it is still in hand. Who asked and was not answered is told. */
PyObject* peer_finish_message(PyObject* object, PyObject* unused) {
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  if (!self->held) Py_RETURN_NONE;
  const Entry* entry = peer_entry(self, self->message.type);
  if (self->in_hand == NULL || entry == NULL) {
    return PyErr_Format(PyExc_RuntimeError, "a handler has a message in hand: it is run_async() that receives");
  }
  if (peer_is_asked(self) && !self->answered && peer_answer_nothing(self, entry) < 0) return NULL;
  return peer_release(object, unused);
}

/* The message in hand: answered, released; and received one at a time, for who brings a loop of their own. */
#include "native.h"

int peer_finish(Peer* self) {
  if (self->link == NULL) return peer_open(self); /* what was called has closed the peer: that is an error here */
  Py_CLEAR(self->body);
  const int code = ringmail_release(self->link);
  self->held = 0;
  self->answered = 0;
  if (code >= 0) return 0;
  raise_failure(self, code);
  return -1;
}

int peer_is_asked(const Peer* self) {
  return self->held && self->message.kind == RINGMAIL_MESSAGE && self->message.correlation != 0;
}

void raise_no_message(const Layout* layout, uint32_t length) {
  PyErr_Format(ProtocolError, "the %u bytes that came as a %U are none", (unsigned)length, layout->name);
}

Message* lend_received(const Entry* entry, const ringmail_message* message) {
  Message* lent = message_lend(entry->type, entry->layout, message->payload, message->length, 0);
  if (lent == NULL && !PyErr_Occurred()) raise_no_message(entry->layout, message->length);
  return lent;
}

PyObject* peer_sender(Peer* self) {
  if (self->sender == NULL || mailbox_id(self->sender) != self->message.sender) {
    Py_XSETREF(self->sender, mailbox_new(self, self->message.sender, NULL));
  }
  return self->sender;
}

static int is_allowed_reply(const Entry* entry, const Layout* layout) {
  const Py_ssize_t count = PyTuple_GET_SIZE(entry->replies);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Layout* allowed = layout_of((PyTypeObject*)PyTuple_GET_ITEM(entry->replies, i));
    if (allowed != NULL && allowed->id == layout->id) return 1;
  }
  return count == 0;
}

static int answer(Peer* self, const Entry* entry, Message* message) {
  const unsigned char* data = message_data(message);
  if (data == NULL) return -1;
  if (!is_allowed_reply(entry, message->layout)) {
    if (!PyErr_Occurred()) {
      PyErr_Format(PyExc_TypeError, "no protocol allows %U as the reply to %U", message->layout->name,
                   entry->layout->name);
    }
    return -1;
  }
  int code;
  while ((code = ringmail_reply(self->link, &self->message, message->layout->id, data, message->length)) ==
         RINGMAIL_EINTERRUPTED) {
    if (PyErr_CheckSignals() < 0) return -1;
  }
  if (code >= 0) return 0;
  raise_failure(self, code);
  return -1;
}

int peer_answer(Peer* self, const Entry* entry, PyObject* object) {
  Message* message = peer_message(self, object);
  if (message == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "the reply to %U must be a message, not %s", entry->layout->name,
                 Py_TYPE(object)->tp_name);
  }
  if (message == NULL) return -1;
  const int result = answer(self, entry, message);
  Py_DECREF(message);
  return result;
}

int peer_answer_refusal(Peer* self, uint32_t reason) {
  int code;
  while ((code = ringmail_refuse(self->link, &self->message, reason)) == RINGMAIL_EINTERRUPTED) {
    if (PyErr_CheckSignals() < 0) return -1;
  }
  if (code >= 0) return 0;
  raise_failure(self, code);
  return -1;
}

/* Nothing is a good answer where nothing was promised; else the asker is told not to wait. */
int peer_answer_nothing(Peer* self, const Entry* entry) {
  if (PyTuple_GET_SIZE(entry->replies) != 0) return peer_answer_refusal(self, reason_failed);
  int code;
  while ((code = ringmail_reply(self->link, &self->message, ringmail_type_id("ringmail.Done"), NULL, 0)) ==
         RINGMAIL_EINTERRUPTED) {
    if (PyErr_CheckSignals() < 0) return -1;
  }
  if (code >= 0) return 0;
  raise_failure(self, code);
  return -1;
}

void peer_answer_failure(Peer* self) {
  while (ringmail_refuse(self->link, &self->message, reason_failed) == RINGMAIL_EINTERRUPTED) continue;
}

/* ---- by hand */

static int check_held(Peer* self) {
  if (peer_ready(self) < 0) return -1;
  if (self->held && self->thread == 0) return 0;
  PyErr_SetString(PyExc_RuntimeError, self->held ? "run() does this" : "no message is in hand");
  return -1;
}

PyObject* peer_receive(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  const int code = ringmail_receive(self->link, &self->message);
  if (code == 0) Py_RETURN_NONE;
  if (code < 0) {
    raise_failure(self, code);
    return NULL;
  }
  self->held = 1;
  if (self->message.kind == RINGMAIL_DOWN) {
    PyObject* down = peer_down(self, "_down");
    PyObject* whom = down != NULL ? peer_sender(self) : NULL;
    if (whom == NULL) return NULL;
    return Py_BuildValue("(iNOI)", RINGMAIL_DOWN, down, whom, 0u);
  }
  const Entry* entry = peer_entry(self, self->message.type);
  PyObject* message = Py_None;
  if (self->message.kind != RINGMAIL_NO_REPLY && entry != NULL) {
    self->in_hand = lend_received(entry, &self->message);
    if (self->in_hand == NULL) return NULL;
    message = (PyObject*)self->in_hand;
  }
  PyObject* sender = peer_sender(self);
  if (sender == NULL) return NULL;
  return Py_BuildValue("(iOOI)", (int)self->message.kind, message, sender, (unsigned)self->message.correlation);
}

PyObject* peer_release(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (check_held(self) < 0) return NULL;
  if (self->in_hand != NULL) {
    const int free_of_buffers = message_release(self->in_hand);
    Py_CLEAR(self->in_hand);
    if (!free_of_buffers) {
      peer_pin(self);
      PyErr_SetString(ReleasedError, "there is a memoryview of this message; take message.copy() or bytes(view)");
      return NULL;
    }
  }
  if (peer_finish(self) < 0) return NULL;
  Py_RETURN_NONE;
}

PyObject* peer_reply(PyObject* object, PyObject* message) {
  Peer* self = (Peer*)object;
  if (check_held(self) < 0) return NULL;
  const Entry* entry = peer_entry(self, self->message.type);
  if (entry == NULL) {
    PyErr_SetString(PyExc_LookupError, "a message of an unknown type can only be refused");
    return NULL;
  }
  if (peer_answer(self, entry, message) < 0) return NULL;
  self->answered = 1;
  Py_RETURN_NONE;
}

PyObject* peer_refuse(PyObject* object, PyObject* reason) {
  Peer* self = (Peer*)object;
  const long number = PyLong_AsLong(reason);
  if ((number == -1 && PyErr_Occurred()) || check_held(self) < 0) return NULL;
  if (peer_answer_refusal(self, (uint32_t)number) < 0) return NULL;
  self->answered = 1;
  Py_RETURN_NONE;
}

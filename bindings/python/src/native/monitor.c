/* Monitors of actors of the host, and lines for its log. */
#include "native.h"

typedef struct {
  Peer* peer;
  ringmail_mailbox target;
  uint64_t monitor;
} Change;

static int begin(void* context, int64_t wait_ns) {
  Change* change = context;
  return ringmail_monitor(change->peer->link, change->target, wait_ns, &change->monitor);
}

static int end(void* context, int64_t wait_ns) {
  Change* change = context;
  return ringmail_demonitor(change->peer->link, change->monitor, wait_ns);
}

/* _monitor(mailbox, timeout): the number of the monitor. */
PyObject* peer_monitor(PyObject* object, PyObject* arguments) {
  Peer* self = (Peer*)object;
  PyObject *mailbox, *seconds;
  if (!PyArg_ParseTuple(arguments, "O!O", &MailboxType, &mailbox, &seconds)) return NULL;
  const int64_t timeout_ns = timeout_from(seconds);
  if (timeout_ns == timeout_error || peer_ready(self) < 0) return NULL;
  Change change = {self, mailbox_id(mailbox), 0};
  if (peer_with_room(self, begin, &change, timeout_ns) < 0) return NULL;
  return PyLong_FromUnsignedLongLong(change.monitor);
}

/* _demonitor(number, timeout) */
PyObject* peer_demonitor(PyObject* object, PyObject* arguments) {
  Peer* self = (Peer*)object;
  unsigned long long number;
  PyObject* seconds;
  if (!PyArg_ParseTuple(arguments, "KO", &number, &seconds)) return NULL;
  const int64_t timeout_ns = timeout_from(seconds);
  if (timeout_ns == timeout_error || peer_ready(self) < 0) return NULL;
  Change change = {self, 0, number};
  if (peer_with_room(self, end, &change, timeout_ns) < 0) return NULL;
  Py_RETURN_NONE;
}

/* What a RINGMAIL_DOWN says, by that method: _ended(number, mailbox, kind, reason), or _down() of the same. */
PyObject* peer_down(Peer* self, const char* method) {
  PyObject* sender = peer_sender(self);
  if (sender == NULL) return NULL;
  PyObject* reason = PyUnicode_DecodeUTF8(self->message.payload, (Py_ssize_t)self->message.length, "replace");
  if (reason == NULL) return NULL;
  return PyObject_CallMethod((PyObject*)self, method, "KOIN", (unsigned long long)self->message.target, sender,
                             (unsigned)self->message.type, reason);
}

int deliver_down(Peer* self) {
  PyObject* result = peer_down(self, "_ended");
  if (result == NULL) return -1;
  Py_DECREF(result);
  return 0;
}

/* _log(level, text): False where the host is too slow, and it was left out. Also while a loan is open. */
PyObject* peer_log(PyObject* object, PyObject* arguments) {
  Peer* self = (Peer*)object;
  int level;
  const char* text;
  if (!PyArg_ParseTuple(arguments, "is", &level, &text) || peer_open(self) < 0) return NULL;
  const int code = ringmail_log(self->link, level, text);
  if (code == 0 || code == RINGMAIL_EFULL) return PyBool_FromLong(code == 0);
  raise_failure(self, code);
  return NULL;
}

/* A socket that other peers attach to, without a system between. _listener.py derives the public class from it. */
#include "native.h"

typedef struct {
  PyObject_HEAD ringmail_listener* listener; /* NULL: closed, or not open yet */
  char busy;                                 /* in a call without the GIL */
} Listener;

static int check_open(const Listener* self) {
  if (self->listener != NULL && !self->busy) return 0;
  PyErr_SetString(PyExc_RuntimeError, self->busy ? "another thread accepts" : "the listener is closed");
  return -1;
}

static PyObject* listener_open(PyObject* object, PyObject* arguments) {
  Listener* self = (Listener*)object;
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  unsigned long long ring_bytes = 0;
  if (!PyArg_ParseTuple(arguments, "szzK", &options.path, &options.name, &options.schema, &ring_bytes)) return NULL;
  options.ring_bytes = ring_bytes;
  ringmail_listener* opened = NULL;
  const int code = ringmail_listen(&options, &opened);
  if (code >= 0) {
    self->listener = opened;
    Py_RETURN_NONE;
  }
  raise_text(code == RINGMAIL_EMISUSE ? PyExc_ValueError : error_of(code),
             opened != NULL ? ringmail_listener_error(opened) : ringmail_strerror(code));
  ringmail_unlisten(opened);
  return NULL;
}

/* _accept(peer, timeout): whether somebody has come, whose link the peer then has. */
static PyObject* listener_accept(PyObject* object, PyObject* arguments) {
  Listener* self = (Listener*)object;
  PyObject *peer, *seconds;
  if (!PyArg_ParseTuple(arguments, "O!O", &PeerType, &peer, &seconds)) return NULL;
  const int64_t timeout_ns = timeout_from(seconds);
  if (timeout_ns == timeout_error || check_open(self) < 0) return NULL;
  const int64_t start_ns = now_ns();
  int64_t left_ns = timeout_ns < 0 ? INT64_MAX : timeout_ns;
  while (1) {
    ringmail_peer* link = NULL;
    const int64_t wait_ns = left_ns > longest_wait_ns ? longest_wait_ns : left_ns;
    self->busy = 1;
    PyThreadState* state = wait_ns != 0 ? PyEval_SaveThread() : NULL;
    const int code = ringmail_accept(self->listener, wait_ns, &link);
    if (state != NULL) PyEval_RestoreThread(state);
    self->busy = 0;
    if (code == 1) {
      peer_adopt((Peer*)peer, link);
      Py_RETURN_TRUE;
    }
    if (code < 0 && code != RINGMAIL_EINTERRUPTED) {
      raise_code(code, ringmail_listener_error(self->listener));
      return NULL;
    }
    if (PyErr_CheckSignals() < 0) return NULL;
    if (check_open(self) < 0) return NULL; /* a signal handler has closed it */
    if (timeout_ns >= 0 && (left_ns = timeout_ns - (now_ns() - start_ns)) <= 0) Py_RETURN_FALSE;
  }
}

static PyObject* listener_fileno(PyObject* object, PyObject* unused) {
  (void)unused;
  const Listener* self = (Listener*)object;
  return check_open(self) < 0 ? NULL : PyLong_FromLong(ringmail_listener_descriptor(self->listener));
}

static PyObject* listener_close(PyObject* object, PyObject* unused) {
  (void)unused;
  Listener* self = (Listener*)object;
  if (self->busy) return PyErr_Format(PyExc_RuntimeError, "another thread accepts");
  ringmail_unlisten(self->listener);
  self->listener = NULL;
  Py_RETURN_NONE;
}

static PyObject* get_counters(PyObject* object, void* unused) {
  (void)unused;
  const Listener* self = (Listener*)object;
  ringmail_listener_counters counters = {0, 0};
  if (check_open(self) < 0) return NULL;
  ringmail_listener_count(self->listener, &counters);
  return Py_BuildValue("(KK)", (unsigned long long)counters.waiting, (unsigned long long)counters.given_up);
}

static PyObject* get_closed(PyObject* object, void* unused) {
  (void)unused;
  return PyBool_FromLong(((Listener*)object)->listener == NULL);
}

static void listener_dealloc(PyObject* object) {
  ringmail_unlisten(((Listener*)object)->listener);
  Py_TYPE(object)->tp_free(object);
}

/* ---- the peers that it has let in */

PyObject* peer_stop(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (peer_ready(self) < 0) return NULL;
  int code;
  while ((code = ringmail_stop(self->link)) == RINGMAIL_EINTERRUPTED) {
    if (PyErr_CheckSignals() < 0) return NULL;
  }
  if (code >= 0) Py_RETURN_NONE;
  raise_failure(self, code);
  return NULL;
}

PyObject* peer_unfinished(PyObject* object, void* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  uint64_t messages = 0;
  if (peer_ready(self) < 0) return NULL;
  const int code = ringmail_unfinished(self->link, &messages);
  if (code >= 0) return PyLong_FromUnsignedLongLong(messages);
  raise_failure(self, code);
  return NULL;
}

/* The other end is mailbox 1 of such a link. */
PyObject* peer_other(PyObject* object, void* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  if (!self->accepted) return PyErr_Format(PyExc_RuntimeError, "the mailboxes of a host are found by their names");
  return mailbox_new(self, 1, NULL);
}

/* _abandon_asks(): what would have been called with answers that nobody will give any more. */
PyObject* peer_abandon_asks(PyObject* object, PyObject* unused) {
  (void)unused;
  Peer* self = (Peer*)object;
  PyObject* all = PyDict_Values(self->asked);
  if (all != NULL) PyDict_Clear(self->asked);
  return all;
}

/* ---- the type */

static PyMethodDef methods[] = {
    {"_open", listener_open, METH_VARARGS, NULL},
    {"_accept", listener_accept, METH_VARARGS, NULL},
    {"fileno", listener_fileno, METH_NOARGS, "Can be read when somebody may have come: for select and its likes."},
    {"close", listener_close, METH_NOARGS,
     "Takes the socket away, and gives up the mail that waits. Peers that were let in live on. A second call does "
     "nothing."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"_counters", get_counters, NULL, NULL, NULL},
    {"closed", get_closed, NULL, "Whether close() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject ListenerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringmail._ringmail.Listener",
    .tp_basicsize = sizeof(Listener),
    .tp_dealloc = listener_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A socket that other peers attach to.",
    .tp_methods = methods,
    .tp_getset = attributes,
    .tp_new = PyType_GenericNew,
};

/* Exceptions, and which of them a code of the C ABI is. */
#include "native.h"

PyObject *Error, *RefusedError, *SchemaError, *NotSpawnedError, *FullError, *ReleasedError, *ProtocolError,
    *ForkedError, *Stopped, *HostGone, *AskError;

static int add(PyObject* module, PyObject** error, const char* name, PyObject* base, const char* doc) {
  *error = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
  if (*error == NULL) return -1;
  return PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *error);
}

int errors_add(PyObject* module) {
  if (add(module, &Error, "ringmail.Error", NULL, "What goes wrong between this peer and its host.") < 0) return -1;
  if (add(module, &RefusedError, "ringmail.RefusedError", Error, "The handshake failed; the text says why.") < 0)
    return -1;
  if (add(module, &SchemaError, "ringmail.SchemaError", RefusedError,
          "Host and peer do not mean the same messages, or a schema cannot be read.") < 0) {
    return -1;
  }
  if (add(module, &NotSpawnedError, "ringmail.NotSpawnedError", RefusedError,
          "Nobody spawned this process as a peer.") < 0)
    return -1;
  if (add(module, &FullError, "ringmail.FullError", Error,
          "There was no room towards the host within the time given.") < 0)
    return -1;
  if (add(module, &ReleasedError, "ringmail.ReleasedError", Error,
          "A message was used after its handler had returned.") < 0)
    return -1;
  if (add(module, &ProtocolError, "ringmail.ProtocolError", Error, "The host sent what no host may send.") < 0)
    return -1;
  if (add(module, &ForkedError, "ringmail.ForkedError", Error,
          "The peer belongs to the process that this one was forked from.") < 0)
    return -1;
  if (add(module, &AskError, "ringmail.AskError", Error, "Whoever was asked will not answer; `reason` is why.") < 0)
    return -1;
  if (add(module, &Stopped, "ringmail.Stopped", Error,
          "The host said stop, and everything it sent has been released.") < 0)
    return -1;
  /* A SystemExit: a process whose host is gone ends without a traceback, and `except Exception` cannot keep it. */
  return add(module, &HostGone, "ringmail.HostGone", PyExc_SystemExit, "The host has died or has closed the link.");
}

void raise_code(int code, const char* text) {
  PyObject* type = Error;
  switch (code) {
    case RINGMAIL_ECLOSED: type = HostGone; break;
    case RINGMAIL_ESTOPPED: type = Stopped; break;
    case RINGMAIL_ETIMEDOUT: type = PyExc_TimeoutError; break;
    case RINGMAIL_EFULL: type = FullError; break;
    case RINGMAIL_ETOOLONG: type = PyExc_ValueError; break;
    case RINGMAIL_EREFUSED: type = RefusedError; break;
    case RINGMAIL_ENOTFOUND: type = PyExc_LookupError; break;
    case RINGMAIL_EPROTOCOL: type = ProtocolError; break;
    case RINGMAIL_EMISUSE: type = PyExc_RuntimeError; break;
    case RINGMAIL_ENOTSPAWNED: type = NotSpawnedError; break;
    case RINGMAIL_ESYSTEM: type = PyExc_OSError; break;
    case RINGMAIL_EFORKED: type = ForkedError; break;
    default: break;
  }
  PyObject* message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  if (message == NULL) return;
  PyErr_SetObject(type, message);
  Py_DECREF(message);
}

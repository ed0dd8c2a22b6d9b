/* Exceptions, and which of them a code of the C ABI is. */
#include "native.h"

PyObject *Error, *RefusedError, *SchemaError, *NotSpawnedError, *FullError, *ReleasedError, *ProtocolError,
    *ForkedError, *Stopped, *HostGone, *PeerGone, *AskError;

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
  if (add(module, &PeerGone, "ringmail.PeerGone", Error,
          "The peer at the other end of a link without a system has ended; the text has its last words.") < 0)
    return -1;
  /* A SystemExit: a process whose host is gone ends without a traceback, and `except Exception` cannot keep it. */
  return add(module, &HostGone, "ringmail.HostGone", PyExc_SystemExit, "The host has died or has closed the link.");
}

PyObject* error_of(int code) {
  switch (code) {
    case RINGMAIL_ECLOSED: return HostGone;
    case RINGMAIL_ESTOPPED: return Stopped;
    case RINGMAIL_ETIMEDOUT: return PyExc_TimeoutError;
    case RINGMAIL_EFULL: return FullError;
    case RINGMAIL_ETOOLONG: return PyExc_ValueError;
    case RINGMAIL_EREFUSED: return RefusedError;
    case RINGMAIL_ENOTFOUND: return PyExc_LookupError;
    case RINGMAIL_EPROTOCOL: return ProtocolError;
    case RINGMAIL_EMISUSE: return PyExc_RuntimeError;
    case RINGMAIL_ENOTSPAWNED: return NotSpawnedError;
    case RINGMAIL_ESYSTEM: return PyExc_OSError;
    case RINGMAIL_EFORKED: return ForkedError;
    default: return Error;
  }
}

void raise_code(int code, const char* text) { raise_text(error_of(code), text); }

void raise_text(PyObject* type, const char* text) {
  PyObject* message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  if (message == NULL) return;
  PyErr_SetObject(type, message);
  Py_DECREF(message);
}

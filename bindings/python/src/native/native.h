/*
 * What the files of the extension share. It stands on ringmail.h alone; everything here runs with the GIL held, and a
 * function that returns NULL or -1 has set an exception.
 */
#ifndef RINGMAIL_PYTHON_NATIVE_H
#define RINGMAIL_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h> /* must come before the headers of the C library */
#include <math.h>
#include <stdarg.h>
#include <structmember.h>
#include <time.h>

#include "ringmail.h"

/* ---- errors.c */

extern PyObject *Error, *RefusedError, *SchemaError, *NotSpawnedError, *FullError, *ReleasedError, *ProtocolError,
    *ForkedError, *Stopped, *HostGone, *AskError;

int errors_add(PyObject* module);

/* Raises what a negative code of the C ABI stands for. `text` is ringmail_error(), read at once. */
void raise_code(int code, const char* text);

/* ---- layout.c: what a message type looks like in memory */

typedef struct {
  PyObject_HEAD PyObject* name; /* "flights.Flight" */
  PyObject* fields;             /* tuple of Field, in the order of declaration */
  PyObject* by_name;            /* name: Field */
  uint32_t id;
  uint32_t size;
} Layout;

int layout_ready(void);

/* The class of one message: its name, id and size, and what describes each field. Called by _schema.py. */
PyObject* make_type(PyObject* module, PyObject* arguments);

/* Of a class that make_type() made, or of one derived from it. Borrowed. */
Layout* layout_of(PyTypeObject* type);

/* ---- message.c: messages, whether they own their bytes or lie in a ring */

typedef struct Message {
  PyObject_HEAD Layout* layout;
  unsigned char* data;  /* of a root: NULL once it is released */
  struct Message* root; /* the message that this one lies in, or NULL when it is a root itself */
  Py_ssize_t exports;   /* of a root: buffers that are alive, of it and of everything in it */
  char owned;           /* of a root: the bytes are its own, not a ring's */
  char writable;        /* of a root */
} Message;

extern PyTypeObject MessageType;

/* Zeroes that the message owns. */
Message* message_new(PyTypeObject* type, Layout* layout);

/* A message in a ring, to be released with message_release(). */
Message* message_lend(PyTypeObject* type, Layout* layout, void* data, int writable);

/* A message inside another one, which it keeps alive, but not from being released. */
Message* message_nested(PyTypeObject* type, Layout* layout, Message* parent, unsigned char* data);

/* The bytes, or NULL and ReleasedError. Every access goes through this. */
unsigned char* message_data(Message* self);

static inline Message* message_root(Message* self) { return self->root != NULL ? self->root : self; }

/* From now on every access raises ReleasedError. False: there are buffers of it that nothing can take back. */
int message_release(Message* self);

/* ---- field.c: a descriptor that reads and writes one field */

typedef struct {
  PyObject_HEAD const Layout* layout; /* borrowed, only compared: the class that holds this field holds it too */
  PyObject* message;                  /* name of the message, for errors */
  PyObject* name;
  PyObject* type_text;  /* "market.Leg[4]" */
  PyTypeObject* nested; /* class of a nested message, or NULL */
  PyObject* members;    /* of an enum: {number: member}, or NULL */
  char format;          /* of an element: one of the struct module's, 's' text, 'M' message */
  uint32_t offset;
  uint32_t count; /* elements of an array; 0: no array */
  uint32_t element_size;
} Field;

extern PyTypeObject FieldType;

/* description: (name, format, count, offset, element_size, extra, type_text); extra: the class of an enum or message */
Field* field_new(const Layout* layout, PyObject* description);
static inline uint32_t field_size(const Field* self) { return self->element_size * (self->count ? self->count : 1); }
PyObject* field_load(const Field* self, Message* message);
int field_store(const Field* self, unsigned char* message, PyObject* value);
int field_equal(const Field* self, const unsigned char* a, const unsigned char* b);

/* Whether all fields are equal; padding does not count. */
int layout_equal(const Layout* layout, const unsigned char* a, const unsigned char* b);

/* ---- number.c: numbers as they lie in memory, by the struct module's letters BHIQbhiqfd? */

typedef struct {
  char format;
  char size;
  char is_signed;
  char is_float;
  const char* name; /* "u8" */
} NumberKind;

const NumberKind* number_kind(char format); /* NULL: not a number */
PyObject* number_load(char format, const unsigned char* at);

/* 0; or -1 and ValueError or TypeError with the name of the field and, if index >= 0, of the element. */
int number_store(const Field* field, Py_ssize_t index, unsigned char* at, PyObject* value);

/* Raises type(f"{message}.{field}[{index}] {text}"). */
int field_error(PyObject* type, const Field* field, Py_ssize_t index, const char* format, ...);

/* ---- array.c: an array of numbers as a memoryview */

extern PyTypeObject ArrayType;

PyObject* array_view(const Field* field, Message* message, unsigned char* at);
/* 1: done; 0: not a buffer of just these numbers, take it element by element; -1 error. */
int array_store_buffer(const Field* field, unsigned char* at, PyObject* value);

/* ---- dlpack.c */

PyObject* array_dlpack(PyObject* array, PyObject* arguments, PyObject* keywords);
PyObject* array_dlpack_device(PyObject* array, PyObject* unused);

/* ---- peer.c: the link, and what is known about each type of message */

enum { reason_no_handler = 1, reason_failed = 2 }; /* of ringmail_refuse() */

typedef struct {
  uint32_t id;
  PyTypeObject* type; /* NULL: this slot is empty */
  Layout* layout;
  PyObject* handler; /* or NULL */
  PyObject* replies; /* tuple of the classes that the protocols allow as a reply; empty: any */
  Message* view;     /* used again for the next message, when the handler did not keep it */
  uint64_t dropped;  /* messages for which there was no handler */
  char wants_sender;
} Entry;

typedef struct {
  PyObject_HEAD ringmail_peer* link; /* NULL: not attached, or closed */
  Entry* entries;                    /* by type id, open addressing; no more than half are taken */
  uint32_t entry_count;
  PyObject* asked;  /* correlation: what to call with the reply; (settle,) of ask_async() */
  PyObject* soon;   /* of a peer that an event loop drives: asks it for a step; else NULL */
  PyObject* sender; /* Mailbox of the last sender, used again */
  ringmail_message message;
  Message* in_hand; /* what receive() gave out */
  Message* loan;    /* the open one */
  uint64_t dropped;
  unsigned long thread;         /* that runs the loop; 0: none */
  unsigned long polling_thread; /* whose event loop drives the peer; 0: none */
  char held;                    /* a message has been received and not released */
  char answered;                /* by hand, and so by nothing else */
  char step_is_due;             /* the event loop knows that there is something to publish */
  char busy;                    /* in a call without the GIL */
  char pinned;                  /* a buffer of a ring is alive, so the rings must stay mapped */
  char warned_of_unknown;
  char forked; /* this process is a child of the one that attached */
} Peer;

extern PyTypeObject PeerType;

/* 0 if the peer may be used here and now. */
int peer_ready(Peer* self);
/* The same, while a loan may be open. */
int peer_open(Peer* self);
Entry* peer_entry(Peer* self, uint32_t id);
void raise_failure(Peer* self, int code);

/* In nanoseconds, from seconds or from None: -1, for ever. */
enum { timeout_error = -2 };
int64_t timeout_from(PyObject* seconds);

/* A message itself, or what `ringmail gen` wrote as one of the host's schema. A new reference. */
Message* peer_message(Peer* self, PyObject* message);

/* Repeats what needs room until there is some, and waits without the GIL. */
int peer_with_room(Peer* self, int (*attempt)(void* context, int64_t wait_ns), void* context, int64_t timeout_ns);
/* Sends, or asks for an answer within so long a time, waiting for room without the GIL. */
int peer_send(Peer* self, ringmail_mailbox target, Message* message, int64_t timeout_ns);
int peer_ask(Peer* self,
             ringmail_mailbox target,
             Message* message,
             int64_t timeout_ns,
             int64_t answer_ns,
             uint32_t* correlation);
/* A loan of zeroes, which peer->loan holds on to as well. */
PyObject* peer_loan(Peer* self, ringmail_mailbox target, PyTypeObject* type, int64_t timeout_ns);

/* ---- dispatch.c */

/* A ringmail_wait() without the GIL that lets signal handlers run: 1, 0, or -1 with an exception. */
int peer_wait(Peer* self, int64_t timeout_ns);
/* Whether _run(timeout) may be called: what it refuses is the caller's mistake and no failure of the peer. */
PyObject* peer_check(PyObject* self, PyObject* timeout);
PyObject* peer_run(PyObject* self, PyObject* timeout);

/* A reply or refusal goes to who asked for it, if anybody still does. `stays`: as a copy, which can be kept. */
int deliver_answer(Peer* self, const ringmail_message* answer, int stays);
/* Calls the handler of the message in hand: 1 where it gave something to be awaited, which is then *awaitable. */
int dispatch_in_hand(Peer* self, PyObject** awaitable);
/* The rest, with what the handler returned; NULL: it raised. */
int conclude_in_hand(Peer* self, Entry* entry, PyObject* result);
int handle_nothing(Peer* self, Entry* entry);

/* ---- turn.c: what _driver.py and _asyncio.py call; nothing there waits */

PyObject* peer_begin_polling(PyObject* self, PyObject* soon);
PyObject* peer_end_polling(PyObject* self, PyObject* unused);
PyObject* peer_resume(PyObject* self, PyObject* unused);
PyObject* peer_prepare(PyObject* self, PyObject* for_mail);
PyObject* peer_take_answers(PyObject* self, PyObject* most);
PyObject* peer_forget_ask(PyObject* self, PyObject* correlation);
PyObject* peer_resolve(PyObject* self, PyObject* name);
PyObject* peer_resolved(PyObject* self, PyObject* unused);
PyObject* peer_mailbox(PyObject* self, PyObject* arguments);
PyObject* peer_take_mail(PyObject* self, PyObject* most);
PyObject* peer_take_message(PyObject* self, PyObject* unused);
PyObject* peer_conclude(PyObject* self, PyObject* arguments);
PyObject* peer_finish_message(PyObject* self, PyObject* unused);

/* After something was sent: it is published by the next step, which the event loop is asked for once. */
int peer_step_soon(Peer* self);

/* ---- monitor.c */

PyObject* peer_monitor(PyObject* self, PyObject* arguments);
PyObject* peer_demonitor(PyObject* self, PyObject* arguments);
PyObject* peer_log(PyObject* self, PyObject* arguments);
/* Of the RINGMAIL_DOWN in hand. */
PyObject* peer_down(Peer* self, const char* method);
int deliver_down(Peer* self);

/* ---- in_hand.c */

int check_length(const Layout* layout, const ringmail_message* message);
PyObject* peer_sender(Peer* self); /* borrowed */
int peer_is_asked(const Peer* self);
int peer_answer(Peer* self, const Entry* entry, PyObject* message);
int peer_answer_nothing(Peer* self, const Entry* entry);
int peer_answer_refusal(Peer* self, uint32_t reason);
void peer_answer_failure(Peer* self); /* leaves the exception that is being raised alone */
int peer_finish(Peer* self);

PyObject* peer_receive(PyObject* self, PyObject* unused);
PyObject* peer_release(PyObject* self, PyObject* unused);
PyObject* peer_reply(PyObject* self, PyObject* message);
PyObject* peer_refuse(PyObject* self, PyObject* reason);

/* ---- mailbox.c */

extern PyTypeObject MailboxType;

PyObject* mailbox_new(Peer* peer, ringmail_mailbox id, PyObject* name);
ringmail_mailbox mailbox_id(PyObject* mailbox);

#endif /* RINGMAIL_PYTHON_NATIVE_H */

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
    *ForkedError, *Stopped, *HostGone, *PeerGone, *AskError;

int errors_add(PyObject* module);

/* Raises what a negative code of the C ABI stands for. `text` is ringmail_error(), read at once. */
void raise_code(int code, const char* text);
PyObject* error_of(int code); /* borrowed */
/* The text need not be UTF-8. */
void raise_text(PyObject* type, const char* text);

/* ---- layout.c: what a message type looks like in memory */

typedef struct {
  PyObject_HEAD PyObject* name; /* "flights.Flight" */
  PyObject* fields;             /* tuple of Field, in the order of declaration */
  PyObject* by_name;            /* name: Field */
  PyObject* contents;           /* tuple of those of variable length */
  PyObject* earlier;            /* tuple of the sizes that it had before fields were appended */
  PyObject* format;             /* as the buffer protocol has it; NULL where there is content of variable length */
  unsigned char* initial;       /* the fixed part of a new message */
  uint32_t id;
  uint32_t size; /* of the fixed part */
  uint32_t align;
  uint32_t fixed_size_at; /* where the fixed size stands, if there is content of variable length */
} Layout;

int layout_ready(void);

/* The class of one message: (name, namespace, word, id, size, align, where the fixed size is, earlier sizes, format, fields).
 * Called by _schema.py. */
PyObject* make_type(PyObject* module, PyObject* arguments);

/* Of a class that make_type() made, or of one derived from it. Borrowed. */
Layout* layout_of(PyTypeObject* type);

/* ---- message.c: messages, whether they own their bytes or lie in a ring */

typedef struct Message {
  PyObject_HEAD Layout* layout;
  unsigned char* data;  /* of a root: NULL once it is released */
  struct Message* root; /* the message that this one lies in, or NULL when it is a root itself */
  uint32_t length;      /* of the payload; of a message in another one, its size */
  uint32_t sent;        /* of the fixed part, by who wrote it: a field that starts behind it is as in a new message */
  Py_ssize_t exports;   /* of a root: buffers that are alive, of it and of everything in it */
  Py_ssize_t parts;     /* of a root: messages in it that are alive */
  char owned;           /* of a root: the bytes are its own, not a ring's */
  char writable;        /* of a root */
} Message;

extern PyTypeObject MessageType;

/* A new one, which owns its bytes, and has no content of variable length yet. */
Message* message_new(PyTypeObject* type, Layout* layout);

/* A message in a ring, to be released with message_release(). NULL without an exception: these bytes are none. */
Message* message_lend(PyTypeObject* type, Layout* layout, const void* data, uint32_t length, int writable);

/* Has the message lie in these bytes; 0: they are none. What is looked at is that no access leaves them. */
int message_lie(Message* self, unsigned char* data, uint32_t length);

/* One of its own, of the bytes from `at` on: so many, or all where `length` is negative. ValueError: they are none. */
Message* message_of_bytes(PyTypeObject* type, PyObject* source, Py_ssize_t at, Py_ssize_t length);

/* One of its own, with the same fields. */
Message* message_copy_of(Message* self);

/* Another content; the fixed part stays. */
struct Content;
int message_put(Message* self, const struct Content* contents);

/* Sets the fields of `names`, each from what is behind it in `values`. */
int message_fill(Message* self, PyObject* names, PyObject* const* values);

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
  PyObject* name_alone; /* in a tuple, as message_fill() takes it */
  PyObject* type_text;  /* "market.Leg[4]" */
  PyTypeObject* nested; /* class of a nested message, or NULL */
  PyObject* members;    /* of an enum: {number: member}, or NULL */
  PyObject* preset;     /* what it holds in a new message, or NULL */
  char
      format; /* of an element: one of the struct module's, 's' text, 'M' message, 'S' a byte of a text of any length */
  char is_content;  /* a reference to elements behind the fixed part */
  char is_optional; /* there is a byte behind it that says whether it is there */
  uint32_t offset;
  uint32_t count; /* elements of an array; 0: no array */
  uint32_t element_size;
  uint32_t element_align; /* of content */
  uint32_t content_index; /* among those of the layout */
} Field;

extern PyTypeObject FieldType;

/* description: (name, format, count, offset, element_size, extra, type_text, is_content, is_optional, preset); extra: the class
 * of an enum or message; preset: or None */
Field* field_new(const Layout* layout, PyObject* description);
PyObject* field_load(const Field* self, Message* message);
int field_equal(const Field* self, const Message* a, const Message* b);
int field_is_plain_number(const Field* self);

/* Borrowed; NULL and TypeError where there is none. */
Field* field_named(const Layout* layout, PyObject* name);

/* In the fixed part of a message that can be written. */
int field_store(const Field* self, unsigned char* message, PyObject* value);
/* The same; the __index__ of a value may run anything, but cannot have the bytes move meanwhile. */
int field_set_in(const Field* self, Message* message, PyObject* value);
int element_store(const Field* self, Py_ssize_t index, unsigned char* at, PyObject* value);
/* What is given for several elements, as a tuple. */
PyObject* field_elements(const Field* self, PyObject* value);

/* Where the byte is that says whether an optional field is there. */
static inline uint32_t field_presence(const Field* self) {
  return self->offset + (self->is_content ? 8 : self->element_size);
}
/* In bytes, in the fixed part. */
static inline uint64_t field_size(const Field* self) {
  if (self->is_optional) return field_presence(self) + 1 - self->offset;
  return self->is_content ? 8 : (uint64_t)self->element_size * (self->count ? self->count : 1);
}
/* Where a field is read: in the message, or in a new one where it was not sent. */
static inline unsigned char* field_at(const Field* self, const Message* message) {
  return (self->offset < message->sent ? message->data : self->layout->initial) + self->offset;
}
static inline int field_is_there(const Field* self, const unsigned char* at) {
  return !self->is_optional || at[field_presence(self) - self->offset] != 0;
}

/* Whether all fields of two messages inside others are equal; padding does not count. */
int layout_equal(const Layout* layout, const unsigned char* a, const unsigned char* b);

/* ---- content.c */

typedef struct {
  unsigned char* at;
  uint32_t count; /* of elements */
} Found;

/* The content that the reference `at` is of; 0: it is not in the message. */
int content_find(const Field* field, const Message* message, const unsigned char* at, Found* found);

/* What a field of variable length is to hold. */
typedef struct Content {
  const unsigned char* bytes; /* or NULL: zeroes */
  Py_ssize_t count;           /* of elements */
  PyObject* owner;            /* of the bytes, if it is an object; or `view` is */
  Py_buffer view;
  char is_given;
  char is_there; /* of an optional one */
} Content;

/* Of all such fields of a layout, in its order, to be freed with contents_free(). */
Content* contents_new(const Layout* layout);
void contents_free(const Layout* layout, Content* contents);
/* As given. `may_reserve`: a number is so many zeroes. */
int content_take(const Field* field, PyObject* value, int may_reserve, Content* content);
/* Those that were not given become what they are in the message, whose bytes must stay meanwhile. */
void contents_keep(const Message* message, Content* contents);
/* Of a payload that has them; -1: it is too long. */
int64_t contents_length(const Layout* layout, const Content* contents);
/* The references, and the contents into zeroes. */
void contents_write(const Layout* layout, const Content* contents, unsigned char* data);

/* ---- valid.c: 1, 0, or -1 with an exception */

int message_valid(const Message* self);
/* Of a message inside another one. */
int layout_valid(const Layout* layout, const unsigned char* data);

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

PyObject* array_view(const Field* field, Message* message, unsigned char* at, uint32_t count);
/* 1: *view is to be released; 0: not a buffer of such numbers, take it element by element; -1 error. */
int array_buffer_of(const Field* field, PyObject* value, Py_buffer* view);

/* ---- dlpack.c */

PyObject* array_dlpack(PyObject* array, PyObject* arguments, PyObject* keywords);
PyObject* array_dlpack_device(PyObject* array, PyObject* unused);

/* ---- peer.c: the link, and what is known about each type of message */

enum { reason_no_handler = 1, reason_failed = 2 }; /* of ringmail_refuse() */

typedef struct {
  uint32_t id;
  PyTypeObject* type; /* NULL: this slot is empty */
  Layout* layout;
  PyObject* handler;         /* or NULL */
  PyObject* replies;         /* tuple of the classes that the protocols allow as a reply; empty: any */
  Message* view;             /* used again for the next message, when the handler did not keep it */
  uint64_t dropped;          /* messages for which there was no handler */
  PyObject* batch;           /* in hand, of a handler that takes many */
  PyObject* generated;       /* class that `ringmail gen` wrote, which the handler takes in place of `type`; or NULL */
  PyObject* lent;            /* in hand, as one of that class */
  Py_ssize_t generated_size; /* of a message that is one of that class for sure; -1: who makes it looks into it */
  uint32_t most;             /* that the handler takes together; 0: one, as it is */
  char wants_sender;
} Entry;

typedef struct {
  PyObject_HEAD ringmail_peer* link; /* NULL: not attached, or closed */
  Entry* entries;                    /* by type id, open addressing; no more than half are taken */
  uint32_t entry_count;
  PyObject*
      generated;    /* class that `ringmail gen` wrote: its class of the host's schema; those that are known to agree */
  PyObject* asked;  /* correlation: what to call with the reply; (settle,) of ask_async() */
  PyObject* soon;   /* of a peer that an event loop drives: asks it for a step; else NULL */
  PyObject* sender; /* Mailbox of the last sender, used again */
  ringmail_message message;
  Message* in_hand;        /* what receive() gave out */
  Message* loan;           /* the open one */
  PyObject* body;          /* of the message in hand, once somebody has asked for it */
  Py_ssize_t loan_exports; /* buffers of loans of bodies that are alive */
  struct DroppedLoan* dropped_loans;
  uint64_t dropped;
  unsigned long thread;         /* that runs the loop; 0: none */
  unsigned long polling_thread; /* whose event loop drives the peer; 0: none */
  char held;                    /* a message has been received and not released */
  char answered;                /* by hand, and so by nothing else */
  char step_is_due;             /* the event loop knows that there is something to publish */
  char busy;                    /* in a call without the GIL */
  char pinned;                  /* a buffer of a ring is alive, so the rings must stay mapped */
  char warned_of_unknown;
  char accepted; /* by a listener of this process: the other end is a peer, whose end is not this process's */
  char gone;     /* that peer has ended */
  char forked;   /* this process is a child of the one that attached */
} Peer;

extern PyTypeObject PeerType;

/* 0 if the peer may be used here and now. */
int peer_ready(Peer* self);
/* The same, while a loan may be open. */
int peer_open(Peer* self);
Entry* peer_entry(Peer* self, uint32_t id);
void raise_failure(Peer* self, int code);
/* Of a receive: what ends the mail in order. */
int is_end(Peer* self, int code);

/* A link that a listener gave out; no link was there before. */
void peer_adopt(Peer* self, ringmail_peer* link);

/* A wait is no longer than this, so that a signal that comes just before it sleeps is not left for ever. */
static const int64_t longest_wait_ns = 200000000;

static inline int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* In nanoseconds, from seconds or from None: -1, for ever. */
enum { timeout_error = -2 };
int64_t timeout_from(PyObject* seconds);

/* A message itself, or what `ringmail gen` wrote as one of the host's schema. A new reference. */
Message* peer_message(Peer* self, PyObject* message);

/* Makes a call of the C ABI that may wait for room, which it does without the GIL, until the time is up. */
typedef int (*RoomCall)(ringmail_peer* link, int64_t wait_ns, void* context);
int peer_wait_for_room(Peer* self, int64_t timeout_ns, RoomCall call, void* context);

/* Sends, or asks for an answer within so long a time. `body`: a BodyLoan that goes with it, or NULL. */
int peer_send(Peer* self, ringmail_mailbox target, Message* message, PyObject* body, int64_t timeout_ns);
int peer_ask(Peer* self,
             ringmail_mailbox target,
             Message* message,
             PyObject* body,
             int64_t timeout_ns,
             int64_t answer_ns,
             uint32_t* correlation);
/* A loan of a new message with these fields, which peer->loan holds on to as well. */
PyObject* peer_loan(Peer* self, ringmail_mailbox target, PyTypeObject* type, PyObject* fields, int64_t timeout_ns);

/* ---- batch.c */

extern PyTypeObject BatchType;

PyObject* make_batch(PyObject* module, PyObject* arguments);
/* Over messages in a ring, to be released with batch_release(), which is as message_release(). */
PyObject* batch_lend(Message* first, Py_ssize_t count, Py_ssize_t stride);
int batch_release(PyObject* batch);

/* Messages that are sent one after the other. */
typedef struct {
  const unsigned char* data;
  Py_ssize_t stride;
  Py_ssize_t count;
  uint32_t type;
  uint32_t length;
} Run;

int run_of_batch(PyObject* batch, Run* run);
/* Of an array of structures, or of bytes; *view is to be released. */
int run_of_buffer(PyTypeObject* type, PyObject* buffer, Py_buffer* view, Run* run);
/* Sends from *next on, which is then the first that was not sent. Waits for room until the time is up. */
int peer_send_run(Peer* self, ringmail_mailbox target, const Run* run, Py_ssize_t* next, int64_t timeout_ns);

/* ---- generated.c: messages as instances of classes that `ringmail gen` wrote, which know nothing of this package */

int generated_ready(void);
/* Those that the entry's handler takes; None: as they are. */
int generated_set(Entry* entry, PyObject* generated);
/* The entry's view, as one of that class: a new reference. */
PyObject* generated_lend(const Entry* entry);
/* From now on every access raises ValueError. An exception that is being raised stays the one. */
void generated_release(PyObject* lent);
/* One that is sent, as one of that class of the host's schema: a copy. */
Message* generated_native(PyObject* generated, PyTypeObject* type);

/* ---- body.c: what goes with a message in shared memory */

extern PyTypeObject BodyType, BodyLoanType;

/* Of the message in hand: a new reference, None where it has none. */
PyObject* peer_body(Peer* self);
PyObject* peer_loan_large(Peer* self, ringmail_mailbox target, uint64_t length, int64_t timeout_ns);
/* Of a loan that may be sent, or NULL with an exception. Once it is: loan_sent(). */
const ringmail_body* loan_to_send(Peer* self, PyObject* loan);
void loan_sent(PyObject* loan);
/* Loans that came to their end while the peer was busy. */
void peer_cancel_dropped(Peer* self);

/* ---- dispatch.c */

/* A ringmail_wait() without the GIL that lets signal handlers run: 1, 0, or -1 with an exception. */
int peer_wait(Peer* self, int64_t timeout_ns);
/* Whether _run(timeout) may be called: what it refuses is the caller's mistake and no failure of the peer. */
PyObject* peer_check(PyObject* self, PyObject* timeout);
PyObject* peer_run(PyObject* self, PyObject* timeout);

/* A reply or refusal goes to who asked for it, if anybody still does. `stays`: as a copy, which can be kept. */
int deliver_answer(Peer* self, const ringmail_message* answer, int stays);
/* The link is about to end: nothing that was lent may be read any more. */
void take_back_all(Peer* self);
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

/* ---- listener.c */

extern PyTypeObject ListenerType;

PyObject* peer_stop(PyObject* self, PyObject* unused);
PyObject* peer_unfinished(PyObject* self, void* unused);
PyObject* peer_other(PyObject* self, void* unused);
PyObject* peer_abandon_asks(PyObject* self, PyObject* unused);

/* ---- monitor.c */

PyObject* peer_monitor(PyObject* self, PyObject* arguments);
PyObject* peer_demonitor(PyObject* self, PyObject* arguments);
PyObject* peer_log(PyObject* self, PyObject* arguments);
/* Of the RINGMAIL_DOWN in hand. */
PyObject* peer_down(Peer* self, const char* method);
int deliver_down(Peer* self);

/* ---- in_hand.c */

/* A message that was received, where it lies. ProtocolError: it is none. */
Message* lend_received(const Entry* entry, const ringmail_message* message);
void raise_no_message(const Layout* layout, uint32_t length);
PyObject* peer_sender(Peer* self); /* borrowed */
int peer_is_asked(const Peer* self);

/* A buffer of a ring is alive: what is mapped stays so, whatever becomes of the host. */
void peer_pin(Peer* self);

/* Of the RINGMAIL_RESTARTED in hand. */
int deliver_restart(Peer* self);
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

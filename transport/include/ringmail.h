/*
 * The Ringmail C ABI: what a process needs to be a peer of a Ringmail system. Every language binds to this or speaks
 * the formats in docs/spec/ itself.
 *
 * Ownership   What a function hands out belongs to the peer it came from and dies with ringmail_detach(), a message's
 *             payload already with ringmail_release(). Nothing is to be freed by the caller. Strings and bytes that are
 *             passed in are copied before the call returns.
 * Threads     A ringmail_peer is used by one thread at a time. ringmail_interrupt() alone may be called from any thread
 *             and from a signal handler. ringmail_strerror() is pure. There is no global state, and no signal is
 *             handled.
 * Errors      Functions return 0 or a positive figure, or one of the negative RINGMAIL_E codes. ringmail_error(peer)
 *             gives one line about the last failure of that peer. No function throws, and none ends the process.
 * Time        Nanoseconds. A timeout of 0 does not wait, a negative one waits for ever.
 * Memory      What reads or writes the control stream may allocate: attach, lookup, resolve, fail, detach, and what waits
 *             or is called around a wait; a monitor; and an ask with a deadline when more of them are open than ever before.
 *             Nothing else does; out of memory is RINGMAIL_ESYSTEM.
 * Signals     One that comes while a call sleeps ends it with RINGMAIL_EINTERRUPTED; one that comes just before the
 *             sleep does not. A handler that must end a wait calls ringmail_interrupt().
 * Lifetime    The host's death is noticed by what waits; from then on every function returns RINGMAIL_ECLOSED. Mail
 *             that is already there can be received before. A peer that the host spawned should then exit.
 * Restart     A peer that is `restartable` may outlive its host (PeerOptions::outlives_host there, or reconnect_ns below): it joins the
 *             next one. What waits then waits for that as well, within its own timeout, and a RINGMAIL_RESTARTED is received. Mailboxes
 *             that were looked up by name stay good where the host before has left them to the next one (docs/host_restart.md).
 *             RINGMAIL_ECLOSED comes when no host has come in time, or it refuses.
 * Fork        The link stays with the process that attached. In a child every function that would touch it returns
 *             RINGMAIL_EFORKED; ringmail_detach() there frees the child's copies and says nothing to the host. A child
 *             that wants to be a peer attaches anew, by the path of a socket.
 */
#ifndef RINGMAIL_H
#define RINGMAIL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RINGMAIL_ABI_VERSION 1

typedef struct ringmail_peer ringmail_peer;

/* Who a message goes to or came from: an actor of the host. 0 is nobody. Valid on the link it was received on. */
typedef uint64_t ringmail_mailbox;

enum {
  RINGMAIL_ECLOSED = -1,   /* the host has died or has closed the link */
  RINGMAIL_ESTOPPED = -2,  /* the host said stop, and all mail sent before that has been released */
  RINGMAIL_ETIMEDOUT = -3, /* the time is up */
  RINGMAIL_EFULL = -4,     /* no room in the ring within the time given */
  RINGMAIL_ETOOLONG = -5,  /* longer than half the ring can ever take */
  RINGMAIL_EREFUSED = -6, /* the handshake failed, the host has not what is wanted, or not now; ringmail_error() says */
  RINGMAIL_ENOTFOUND = -7,     /* no mailbox has that name */
  RINGMAIL_EPROTOCOL = -8,     /* the host wrote something impossible: the link is dead */
  RINGMAIL_EMISUSE = -9,       /* the caller broke a rule stated here */
  RINGMAIL_EINTERRUPTED = -10, /* a signal handler ran, or ringmail_interrupt() was called */
  RINGMAIL_ENOTSPAWNED = -11,  /* neither a descriptor, nor RINGMAIL_FDS, nor a path: nobody spawned this process */
  RINGMAIL_ESYSTEM = -12,      /* the operating system refused something; ringmail_error() says what */
  RINGMAIL_EFORKED = -13,      /* this process is a fork of the one that attached, and nothing was touched */
};

typedef struct ringmail_options {
  size_t size;          /* sizeof(ringmail_options), so that fields can be appended */
  int descriptor;       /* the control stream, closed by ringmail_detach(); -1: the one that RINGMAIL_FDS names */
  const char* path;     /* the socket of a host that did not spawn this process, or NULL */
  const char* name;     /* what to be known as; NULL: what the host calls it */
  const char* language; /* "c", "python", ...; NULL: "c" */
  const char* schema;   /* the canonical schema text this peer was built with, or NULL: the host compares */
  uint64_t ring_bytes;  /* wanted for mail rings, a power of two from 4096; 0: the host's choice */
  int64_t timeout_ns;   /* for the whole handshake; 0: 10 s */
  uint32_t pollable;    /* not 0: for an event loop, see ringmail_descriptor() */
  const char* token;    /* that the host at `path` has configured for this name, or NULL; 128 bytes at most */
  int64_t reconnect_ns; /* with `path`: how long it looks for the next host once this one has ended; 0: it does not */
  uint32_t restartable; /* not 0: it knows RINGMAIL_RESTARTED, and keeps no ringmail_ring_memory() beyond that */
} ringmail_options;

#define RINGMAIL_OPTIONS_INIT {sizeof(ringmail_options), -1, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, 0, 0}

enum { RINGMAIL_MESSAGE = 2, RINGMAIL_REPLY = 3, RINGMAIL_NO_REPLY = 4, RINGMAIL_DOWN = 8, RINGMAIL_RESTARTED = 32 };

/*
 * A RINGMAIL_RESTARTED is received like a message, without a payload, before anything that the next host has sent: this peer has
 * joined it, and ringmail_incarnation() is another. What was asked before is not answered any more; each ask with a deadline also gets
 * its RINGMAIL_NO_REPLY, with the reason RINGMAIL_HOST_RESTARTED. Each monitor gets its RINGMAIL_DOWN. An ask that was received before
 * and is answered after it is answered to nobody. Its type is how many messages this peer had published to the old host which neither
 * that one nor the next one gets: 0, unless no keeper held them.
 */

/* The reasons of a RINGMAIL_NO_REPLY that this library made: no answer came in time, or the host was restarted. Those of a host are below
 * 65536. */
enum { RINGMAIL_TIMED_OUT = 0x10000, RINGMAIL_HOST_RESTARTED = 0x10001 };

/* Why an actor has ended: the type of a RINGMAIL_DOWN. Others may come, and are failures. */
enum {
  RINGMAIL_EXIT_NORMAL = 0,      /* it was asked to stop, or stopped itself */
  RINGMAIL_EXIT_FAILED = 1,      /* a handler of it threw */
  RINGMAIL_EXIT_UNREACHABLE = 7, /* there is no such actor, or not any more */
  RINGMAIL_EXIT_LINKED = 8,      /* it was linked to one that failed */
  RINGMAIL_EXIT_ESCALATED = 9,   /* a supervisor that gave up a child */
};

/* From the least to the worst, of ringmail_log(). */
enum {
  RINGMAIL_LOG_TRACE = 0,
  RINGMAIL_LOG_DEBUG = 1,
  RINGMAIL_LOG_INFO = 2,
  RINGMAIL_LOG_WARNING = 3,
  RINGMAIL_LOG_ERROR = 4,
  RINGMAIL_LOG_CRITICAL = 5,
};

/*
 * A RINGMAIL_DOWN, of ringmail_monitor(), is received like a message: its sender is the mailbox whose actor has ended,
 * its target what ringmail_monitor() gave, its type why, and its payload the same as a line of text without a
 * terminator, such as "failed: std::runtime_error: disk full". The text is UTF-8 if what the host was told is, and may
 * be cut within a character.
 */
typedef struct ringmail_message {
  const void* payload;  /* in shared memory, read-only, aligned to 32 bytes; valid until ringmail_release() */
  uint32_t length;      /* of the payload, in bytes */
  uint32_t type;        /* type id: FNV-1a of the qualified name; of a RINGMAIL_NO_REPLY or RINGMAIL_DOWN, the reason */
  uint32_t correlation; /* not 0: an ask, to be answered with ringmail_reply(), or the ask that this answers */
  uint16_t kind;        /* RINGMAIL_MESSAGE, RINGMAIL_REPLY, RINGMAIL_NO_REPLY or RINGMAIL_DOWN */
  uint16_t redelivered; /* not 0: an earlier incarnation of this peer may have handled it */
  uint32_t
      lane; /* which of the host's threads sent it, in the low 8 bits; above them how often the host was restarted */
  uint32_t attempt;        /* how many incarnations died with this very message in hand */
  ringmail_mailbox target; /* the actor of this peer that it is for; 0: the peer itself */
  ringmail_mailbox sender; /* 0: sent by no actor */
} ringmail_message;

/*
 * Joins the host: finds the control stream, shakes hands, maps the rings. options may be NULL. 0, or an error with
 * *peer set all the same where there was memory for it, so that ringmail_error() can tell; detach it.
 */
int ringmail_attach(const ringmail_options* options, ringmail_peer** peer);

/* Publishes what is open, tells the host goodbye if it said stop, and unmaps everything. NULL is allowed. */
void ringmail_detach(ringmail_peer* peer);

const char* ringmail_name(const ringmail_peer* peer);     /* as the host calls it */
const char* ringmail_schema(const ringmail_peer* peer);   /* the host's canonical schema text; docs/spec/message.md */
uint64_t ringmail_incarnation(const ringmail_peer* peer); /* 1 for the first life of this peer, then 2, ... */

/*
 * The next message, without waiting: 1 and *message, or 0 if there is none. Replies come before mail. The message
 * before must have been released. RINGMAIL_ESTOPPED when the host said stop and everything it had sent has been
 * released.
 */
int ringmail_receive(ringmail_peer* peer, ringmail_message* message);

/*
 * Takes more with the message that is held, once: those behind it that are like it, of the same type and length, from the same sender
 * for the same target. All are held, and finished, together. Returns how many are held then, from 1 to `most` (and no more than a
 * quarter of the ring): the payload of each lies *stride bytes behind that of the one before. An ask comes alone, and so does what
 * has a body or is redelivered.
 */
int ringmail_receive_more(ringmail_peer* peer, uint32_t most, uint32_t* stride);

/*
 * The received message is finished: publishes what was sent meanwhile, and only then may the host forget it. A message
 * that is not released when this process dies is given to the next incarnation.
 *
 * Where the host wants it exactly once, this alone publishes what was sent and answered since the message was received,
 * with its acknowledgement, by one store. Meanwhile an ask is RINGMAIL_EREFUSED, and what is more than a quarter of the
 * ring, all of it together, RINGMAIL_ETOOLONG.
 */
int ringmail_release(ringmail_peer* peer);

/*
 * Waits until there is something to receive: 1, or 0 when the time is up. Spins a while, then sleeps; allowed only
 * between messages. Publishes first. After a 1, ringmail_receive() may still return 0: what came was for this library.
 */
int ringmail_wait(ringmail_peer* peer, int64_t timeout_ns);

/* Makes a ringmail_wait() that runs now, or else the next one, return RINGMAIL_EINTERRUPTED. */
void ringmail_interrupt(ringmail_peer* peer);

/*
 * Sends a copy. It joins the batch that the next release, wait or flush publishes. When there is no room, the batch so
 * far is published and the call waits up to timeout_ns, then RINGMAIL_EFULL.
 */
int ringmail_send(ringmail_peer* peer,
                  ringmail_mailbox target,
                  uint32_t type,
                  const void* payload,
                  uint32_t length,
                  int64_t timeout_ns);

/*
 * As ringmail_send(), and sets *correlation, which the RINGMAIL_REPLY or RINGMAIL_NO_REPLY that answers it will carry.
 */
int ringmail_ask(ringmail_peer* peer,
                 ringmail_mailbox target,
                 uint32_t type,
                 const void* payload,
                 uint32_t length,
                 int64_t timeout_ns,
                 uint32_t* correlation);

/*
 * As ringmail_ask(), with a deadline: when no answer has come answer_ns after the call, ringmail_receive() gives a
 * RINGMAIL_NO_REPLY with the reason RINGMAIL_TIMED_OUT, and an answer that comes later is dropped. ringmail_wait() returns
 * in time for it, and ringmail_prepare() lets a loop sleep no longer. A negative answer_ns is ringmail_ask(). Allocates
 * when more of these asks are open than ever before.
 */
int ringmail_ask_within(ringmail_peer* peer,
                        ringmail_mailbox target,
                        uint32_t type,
                        const void* payload,
                        uint32_t length,
                        int64_t timeout_ns,
                        int64_t answer_ns,
                        uint32_t* correlation);

/*
 * Answers an ask; a copy of *message will do, also after its release. Never waits for long: replies have a ring of
 * their own.
 */
int ringmail_reply(
    ringmail_peer* peer, const ringmail_message* message, uint32_t type, const void* payload, uint32_t length);

/* Tells the asker that there will be no answer. reason: 1 no handler, 2 the handler failed, 3 this peer stops. */
int ringmail_refuse(ringmail_peer* peer, const ringmail_message* message, uint32_t reason);

/*
 * Sends without a copy: *payload is room for `length` bytes in the ring itself, to be written and then published (with
 * the rest of its batch) or cancelled. One loan is open at a time, and nothing else may be called on the peer until it
 * is closed.
 */
int ringmail_loan(ringmail_peer* peer, ringmail_mailbox target, uint32_t length, int64_t timeout_ns, void** payload);
int ringmail_publish(ringmail_peer* peer, uint32_t type);
int ringmail_cancel(ringmail_peer* peer);

/*
 * Large messages: a message may have a body, which lies beside the ring in an arena of the link, is written and read in place, and
 * may have any length up to that of the arena. docs/spec/large.md. Nothing of it is copied, and what its bytes mean is between
 * sender and receiver.
 */
typedef struct ringmail_body {
  void* data;      /* aligned to 4096 bytes; of one that was received: read-only */
  uint64_t length; /* in bytes */
  void* owner;     /* what follows is the library's */
  uint32_t lane;
  uint32_t slot;
  uint32_t serial;
} ringmail_body;

/*
 * The body of the message that is held: 1 and *body, which is good until ringmail_release(); or 0, it has none. ringmail_keep()
 * likewise, and *body is then the caller's until ringmail_unkeep(), however long: it outlives the release, and ringmail_detach().
 * What is kept takes room from whoever sends bodies to this peer. What a peer had kept when it died is taken back.
 */
int ringmail_get_body(ringmail_peer* peer, ringmail_body* body);
int ringmail_keep(ringmail_peer* peer, ringmail_body* body);

/*
 * Gives back what was kept; its bytes may be overwritten from then on. Once; RINGMAIL_EMISUSE if it is not kept any more and others
 * of its peer still are. Any thread, at any time, also after ringmail_detach().
 */
int ringmail_unkeep(const ringmail_body* body);

/*
 * Room for a body of a message to that mailbox: waits for it up to timeout_ns, then RINGMAIL_EFULL. Any number may be open, for as
 * long as one likes; each is sent or cancelled. Write all of it: the room holds old bytes. RINGMAIL_ETOOLONG: longer than the arena;
 * also where the host has none. RINGMAIL_EREFUSED: the mailbox is another peer's.
 */
int ringmail_loan_large(
    ringmail_peer* peer, ringmail_mailbox target, uint64_t length, int64_t timeout_ns, ringmail_body* body);
int ringmail_cancel_large(ringmail_peer* peer, const ringmail_body* body);

/*
 * As ringmail_send() and ringmail_ask_within(), of a message with that body, which was loaned for the target (or another mailbox of its
 * lane). After an error it still is the caller's.
 */
int ringmail_send_large(ringmail_peer* peer,
                        ringmail_mailbox target,
                        uint32_t type,
                        const void* payload,
                        uint32_t length,
                        const ringmail_body* body,
                        int64_t timeout_ns);
int ringmail_ask_large(ringmail_peer* peer,
                       ringmail_mailbox target,
                       uint32_t type,
                       const void* payload,
                       uint32_t length,
                       const ringmail_body* body,
                       int64_t timeout_ns,
                       int64_t answer_ns,
                       uint32_t* correlation);

/* As ringmail_want_room(), for ringmail_loan_large(). */
int ringmail_want_large(ringmail_peer* peer, ringmail_mailbox target, uint64_t length);

/*
 * What is mapped of this host now stays mapped when the peer joins the next one, until ringmail_detach(): for languages whose users may
 * still look at a payload that was released. For no other.
 */
void ringmail_pin(ringmail_peer* peer);

/* Publishes everything sent so far, and wakes who sleeps over it. */
int ringmail_flush(ringmail_peer* peer);

/* The mailbox that the host knows by that name. Asks over the control stream: not for the hot path. */
int ringmail_lookup(ringmail_peer* peer, const char* name, int64_t timeout_ns, ringmail_mailbox* mailbox);

/*
 * A RINGMAIL_DOWN comes once, when the actor of that mailbox ends: behind all that it sent to this peer before. It
 * comes at once for one that has ended already. An actor that its supervisor starts anew has ended, too; monitor it
 * again. *monitor, never 0, tells this monitor from others of the same mailbox. A peer may have 1024 at a time; a
 * further one is RINGMAIL_EMISUSE. RINGMAIL_EREFUSED: the host has no monitors, or the mailbox is another
 * peer's. Joins the batch and waits for room as ringmail_send() does.
 */
int ringmail_monitor(ringmail_peer* peer, ringmail_mailbox target, int64_t timeout_ns, uint64_t* monitor);

/* No RINGMAIL_DOWN of it will be received, even if one is under way. RINGMAIL_ENOTFOUND: it is over already. */
int ringmail_demonitor(ringmail_peer* peer, uint64_t monitor, int64_t timeout_ns);

/*
 * Lines for the host's log, where they stand under this peer's name. Does not wait: RINGMAIL_EFULL when the host reads
 * too slowly, and the text is left out. More than 16384 bytes are cut. RINGMAIL_EREFUSED: the host takes none. Allowed
 * while a loan is open, too.
 */
int ringmail_log(ringmail_peer* peer, int level, const char* text);

/*
 * Tells the host why this process is about to exit: the reason in the first line, which becomes the reason in the
 * monitors' down message, and then its stack trace, if there is one, for the host's log.
 */
int ringmail_fail(ringmail_peer* peer, const char* text);

/*
 * For an event loop, which sleeps over other descriptors too; docs/spec/abi.md has such a loop. A peer that was attached with
 * options.pollable sleeps over a descriptor in place of a futex, in ringmail_wait() as well, and the calls up to
 * ringmail_resolved() are for such a peer. None of them waits.
 */

/* To be polled for readability between ringmail_prepare() and ringmail_resume(), and never read or closed. */
int ringmail_descriptor(const ringmail_peer* peer);

/*
 * Before the loop sleeps: publishes what is open, looks for what has come, and else says to the host that this peer sleeps.
 * 1: something has come. 2: nothing yet, but it may well come at once: poll without sleeping, and prepare again. 0: sleep until the
 * descriptor can be read, and no longer than *longest_ns, which also ends with the earliest deadline of
 * ringmail_ask_within(). Allowed while a message is held, whose successor then does not count; nor does any mail if
 * for_mail is 0, but replies, answers and room do. RINGMAIL_EINTERRUPTED after a ringmail_interrupt().
 */
int ringmail_prepare(ringmail_peer* peer, int for_mail, int64_t* longest_ns);

/*
 * Once the descriptor can be read. Then receive until there is nothing, and prepare again. What ends a sleep otherwise, another
 * descriptor or a timer, needs no call. 0, or RINGMAIL_EINTERRUPTED after a ringmail_interrupt().
 */
int ringmail_resume(ringmail_peer* peer);

/*
 * As ringmail_receive(), for a RINGMAIL_REPLY or RINGMAIL_NO_REPLY alone, and also while a message is held. It is finished with
 * the next call on the peer: no release. RINGMAIL_ECLOSED also where the other side of a link without a system has ended, and no more
 * replies come, but its mail may not all have been received.
 */
int ringmail_receive_reply(ringmail_peer* peer, ringmail_message* message);

/*
 * Whether the ring to that mailbox has room for a message of that length: 1. 0: not yet, and the sleeps until the next message to
 * it end when the host has made some.
 */
int ringmail_want_room(ringmail_peer* peer, ringmail_mailbox target, uint32_t length);

/*
 * Asks for a mailbox by its name, as ringmail_lookup(). The answer comes from ringmail_resolved() with the same *request: 1, and
 * *mailbox is 0 if no mailbox has the name; or 0, no answer yet.
 */
int ringmail_resolve(ringmail_peer* peer, const char* name, uint32_t* request);
int ringmail_resolved(ringmail_peer* peer, uint32_t* request, ringmail_mailbox* mailbox);

/*
 * Where the ring of a lane's mail lies, from the host or to it: for languages that make an object of a piece of memory, and would
 * not do so for each message. Payloads and loans lie within. What comes from the host cannot be written; of the other only an open
 * loan may be. RINGMAIL_ENOTFOUND: there is no such lane.
 */
int ringmail_ring_memory(ringmail_peer* peer, uint32_t lane, int outgoing, void** memory, uint64_t* bytes);

/*
 * Peers without a system: a process listens at the path of a socket, others attach to it by options.path, and each that has come is
 * a ringmail_peer like any other, of which this process is the host (docs/spec/peers.md). A listener is used by one thread at a time,
 * and each peer that it gave out may be by another. In what is said above, host then means the peer that has connected, and
 *
 *   - it is pollable: ringmail_prepare() and its likes are for it too, so that one thread can wait for several;
 *   - each end is mailbox 1 to the other, under which it is looked up by its name, and finds what came from it;
 *   - ringmail_name() and ringmail_schema() are what it said of itself. The schemas are for it to compare;
 *   - after its end what it had published can still be received, then every function returns RINGMAIL_ECLOSED and ringmail_error()
 *     tells its last words. What it has not finished waits, if it had a name, for the next peer of that name, however soon this one
 *     is detached; of as many as 64 names.
 */
typedef struct ringmail_listener ringmail_listener;

/*
 * Takes the path, name, schema and ring_bytes (the most that a peer may wish for, and what it gets otherwise) of the options. The socket lies in a directory of mode 0700, which is made, and only this user's processes are let in. 0, or an error with
 * *listener set all the same where there was memory for it.
 */
int ringmail_listen(const ringmail_options* options, ringmail_listener** listener);

/* Takes the socket away, and gives up the mail that waits. Peers that were given out live on. NULL is allowed. */
void ringmail_unlisten(ringmail_listener* listener);

/*
 * The next peer that has shaken hands: 1 and *peer, which the caller detaches. 0: none within the time. Handshakes only go on in
 * here; one takes 2 s at the most, and none waits for another.
 */
int ringmail_accept(ringmail_listener* listener, int64_t timeout_ns, ringmail_peer** peer);

/* To be polled for readability, for an event loop: then ringmail_accept() with a timeout of 0, which also is due every second. */
int ringmail_listener_descriptor(const ringmail_listener* listener);

const char* ringmail_listener_error(const ringmail_listener* listener);

typedef struct ringmail_listener_counters {
  uint64_t waiting;  /* messages that were published to peers that have ended, and wait for the next of their names */
  uint64_t given_up; /* those that nobody will get */
} ringmail_listener_counters;

void ringmail_listener_count(ringmail_listener* listener, ringmail_listener_counters* counters);

/*
 * Tells a peer that has connected to stop: it gets RINGMAIL_ESTOPPED once it has released what was sent before, and goes. What is
 * sent after it is for the next of its name.
 */
int ringmail_stop(ringmail_peer* peer);

/* How many of the messages that were published to the other side are not finished there, as far as it says. Publishes first. */
int ringmail_unfinished(ringmail_peer* peer, uint64_t* messages);

/* One line about the last failure, never NULL. */
const char* ringmail_error(const ringmail_peer* peer);

/* What a code means, never NULL. */
const char* ringmail_strerror(int code);

/* The type id of a qualified name: "flights.Flight". */
uint32_t ringmail_type_id(const char* name);

typedef struct ringmail_counters {
  uint64_t received;        /* messages released; replies are not counted */
  uint64_t sent;            /* messages published; replies are not counted */
  uint64_t sleeps;          /* times ringmail_wait() went to sleep */
  uint64_t lost_wakeups;    /* must be 0 */
  uint64_t failed_barriers; /* must be 0; else a seccomp filter came after ringmail_attach(), and sleeps are short */
} ringmail_counters;

void ringmail_count(const ringmail_peer* peer, ringmail_counters* counters);

#ifdef __cplusplus
}
#endif

#endif /* RINGMAIL_H */

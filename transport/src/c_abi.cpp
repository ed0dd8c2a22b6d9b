// The C ABI: argument checks, and PeerLink behind them. No exception crosses it.
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "peer_link.hpp"
#include "ringmail.h"

struct ringmail_peer {
  ringmail::transport::PeerLink link;
};
struct ringmail_listener {
  ringmail::transport::PeerListener listener;
};

using ringmail::transport::FrameKind;

namespace {

/// What reaches the control stream may allocate.
template <class Call>
int guarded(auto& link, Call&& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return link.fail(RINGMAIL_ESYSTEM, "out of memory");
  }
}
template <class Call>
int guarded(ringmail_peer* peer, Call&& call) {
  return guarded(peer->link, call);
}

ringmail_options complete(const ringmail_options* options) {
  ringmail_options copy = RINGMAIL_OPTIONS_INIT;
  if (options != nullptr) std::memcpy(&copy, options, options->size < sizeof copy ? options->size : sizeof copy);
  return copy;
}

int send(ringmail_peer* peer,
         ringmail_mailbox target,
         uint32_t type,
         uint32_t correlation,
         const void* payload,
         uint32_t length,
         int64_t timeout_ns) {
  void* room = nullptr;
  const int result = guarded(peer, [&] { return peer->link.loan(target, length, timeout_ns, &room); });
  if (result != 0) return result;
  if (length != 0) std::memcpy(room, payload, length);
  return peer->link.publish_loan({.type = type, .correlation = correlation});
}

int send_large(ringmail_peer* peer,
               ringmail_mailbox target,
               uint32_t type,
               uint32_t correlation,
               const void* payload,
               uint32_t length,
               const ringmail_body& body,
               int64_t timeout_ns) {
  return guarded(peer, [&] {
    return peer->link.send_large(target, type, correlation, {static_cast<const std::byte*>(payload), length}, body,
                                 timeout_ns);
  });
}

/// `send` is given the correlation. A negative answer_ns: without a deadline.
template <class Send>
int ask(ringmail_peer* peer, int64_t answer_ns, uint32_t& correlation, Send&& send) {
  if (const int refused = peer->link.may_ask(); refused != 0) return refused;
  if (answer_ns < 0) {
    correlation = peer->link.next_correlation();
    return send(correlation);
  }
  return guarded(peer, [&] {
    // From the call on, however long it waits for room.
    const std::uint64_t deadline_ns = ringmail::transport::monotonic_ns() + static_cast<std::uint64_t>(answer_ns);
    correlation = peer->link.next_timed_correlation();
    const int result = send(correlation);
    if (result == 0) peer->link.expect_answer(correlation, deadline_ns);
    return result;
  });
}

int answer(ringmail_peer* peer,
           const ringmail_message& message,
           FrameKind kind,
           uint32_t type,
           const void* payload,
           uint32_t length) {
  return guarded(peer, [&] { return peer->link.answer(message, kind, type, payload, length); });
}

}  // namespace

int ringmail_attach(const ringmail_options* options, ringmail_peer** peer) {
  *peer = new (std::nothrow) ringmail_peer;
  if (*peer == nullptr) return RINGMAIL_ESYSTEM;
  return guarded(*peer, [&] { return (*peer)->link.attach(complete(options)); });
}

int ringmail_listen(const ringmail_options* options, ringmail_listener** listener) {
  try {
    *listener = new ringmail_listener;
  } catch (const std::bad_alloc&) {
    *listener = nullptr;
    return RINGMAIL_ESYSTEM;
  }
  auto& opened = (*listener)->listener;
  return guarded(opened, [&] { return opened.open(complete(options)); });
}

void ringmail_unlisten(ringmail_listener* listener) { delete listener; }

int ringmail_accept(ringmail_listener* listener, int64_t timeout_ns, ringmail_peer** peer) {
  auto& from = listener->listener;
  return guarded(from, [&] {
    auto made = std::make_unique<ringmail_peer>();
    std::unique_ptr<ringmail::transport::AcceptedLink> link;
    if (const int result = from.accept(timeout_ns, link); result != 1) return result;
    const int result = made->link.accept(std::move(link), from.left_mail(), from.name());
    if (result == 0) {
      *peer = made.release();
      return 1;
    }
    from.fail(result, "%s", made->link.error());
    made->link.detach();
    return result;
  });
}

int ringmail_listener_descriptor(const ringmail_listener* listener) {
  const int descriptor = listener->listener.descriptor();
  return descriptor >= 0 ? descriptor : RINGMAIL_EMISUSE;
}
const char* ringmail_listener_error(const ringmail_listener* listener) { return listener->listener.error(); }
void ringmail_listener_count(ringmail_listener* listener, ringmail_listener_counters* counters) {
  listener->listener.count(*counters);
}

int ringmail_stop(ringmail_peer* peer) {
  return guarded(peer, [&] { return peer->link.stop(); });
}
int ringmail_unfinished(ringmail_peer* peer, uint64_t* messages) { return peer->link.unfinished(*messages); }

void ringmail_detach(ringmail_peer* peer) {
  if (peer == nullptr) return;
  guarded(peer, [&] {
    peer->link.detach();
    return 0;
  });
  delete peer;
}

const char* ringmail_name(const ringmail_peer* peer) { return peer->link.name(); }
const char* ringmail_schema(const ringmail_peer* peer) { return peer->link.schema(); }
uint64_t ringmail_incarnation(const ringmail_peer* peer) { return peer->link.incarnation(); }

int ringmail_receive(ringmail_peer* peer, ringmail_message* message) { return peer->link.receive(*message); }
int ringmail_receive_more(ringmail_peer* peer, uint32_t most, uint32_t* stride) {
  return peer->link.receive_more(most, *stride);
}
int ringmail_release(ringmail_peer* peer) { return peer->link.release(); }
int ringmail_wait(ringmail_peer* peer, int64_t timeout_ns) {
  return guarded(peer, [&] { return peer->link.wait(timeout_ns); });
}

int ringmail_descriptor(const ringmail_peer* peer) {
  const int descriptor = peer->link.descriptor();
  return descriptor >= 0 ? descriptor : RINGMAIL_EMISUSE;
}
int ringmail_prepare(ringmail_peer* peer, int for_mail, int64_t* longest_ns) {
  return guarded(peer, [&] { return peer->link.prepare(for_mail != 0, longest_ns); });
}
int ringmail_resume(ringmail_peer* peer) {
  return guarded(peer, [&] { return peer->link.resume(); });
}
int ringmail_receive_reply(ringmail_peer* peer, ringmail_message* message) {
  return guarded(peer, [&] { return peer->link.receive_reply(*message); });
}
int ringmail_want_room(ringmail_peer* peer, ringmail_mailbox target, uint32_t length) {
  return guarded(peer, [&] { return peer->link.want_room(target, length); });
}
int ringmail_resolve(ringmail_peer* peer, const char* name, uint32_t* request) {
  return guarded(peer, [&] { return peer->link.ask_host(name, *request); });
}
int ringmail_resolved(ringmail_peer* peer, uint32_t* request, ringmail_mailbox* mailbox) {
  return peer->link.take_answer(*request, *mailbox);
}
int ringmail_ring_memory(ringmail_peer* peer, uint32_t lane, int outgoing, void** memory, uint64_t* bytes) {
  return peer->link.ring_memory(lane, outgoing, memory, bytes);
}

void ringmail_interrupt(ringmail_peer* peer) { peer->link.interrupt(); }

int ringmail_send(ringmail_peer* peer,
                  ringmail_mailbox target,
                  uint32_t type,
                  const void* payload,
                  uint32_t length,
                  int64_t timeout_ns) {
  return send(peer, target, type, 0, payload, length, timeout_ns);
}

int ringmail_ask(ringmail_peer* peer,
                 ringmail_mailbox target,
                 uint32_t type,
                 const void* payload,
                 uint32_t length,
                 int64_t timeout_ns,
                 uint32_t* correlation) {
  return ringmail_ask_within(peer, target, type, payload, length, timeout_ns, -1, correlation);
}

int ringmail_ask_within(ringmail_peer* peer,
                        ringmail_mailbox target,
                        uint32_t type,
                        const void* payload,
                        uint32_t length,
                        int64_t timeout_ns,
                        int64_t answer_ns,
                        uint32_t* correlation) {
  return ask(peer, answer_ns, *correlation,
             [&](uint32_t number) { return send(peer, target, type, number, payload, length, timeout_ns); });
}

int ringmail_reply(
    ringmail_peer* peer, const ringmail_message* message, uint32_t type, const void* payload, uint32_t length) {
  return answer(peer, *message, FrameKind::reply, type, payload, length);
}

int ringmail_refuse(ringmail_peer* peer, const ringmail_message* message, uint32_t reason) {
  return answer(peer, *message, FrameKind::no_reply, reason, nullptr, 0);
}

int ringmail_loan(ringmail_peer* peer, ringmail_mailbox target, uint32_t length, int64_t timeout_ns, void** payload) {
  return guarded(peer, [&] { return peer->link.loan(target, length, timeout_ns, payload); });
}
int ringmail_publish(ringmail_peer* peer, uint32_t type) {
  const int result = peer->link.publish_loan({.type = type});
  return result != 0 ? result : peer->link.flush();
}
int ringmail_cancel(ringmail_peer* peer) { return peer->link.cancel_loan(); }
void ringmail_pin(ringmail_peer* peer) { peer->link.pin(); }

int ringmail_flush(ringmail_peer* peer) { return peer->link.flush(); }

int ringmail_get_body(ringmail_peer* peer, ringmail_body* body) { return peer->link.held_body(*body); }
int ringmail_keep(ringmail_peer* peer, ringmail_body* body) { return peer->link.keep_body(*body); }
int ringmail_unkeep(const ringmail_body* body) {
  auto* const bodies = static_cast<ringmail::transport::PeerBodies*>(body->owner);
  return bodies != nullptr && bodies->unkeep(*body) ? 0 : RINGMAIL_EMISUSE;
}
int ringmail_loan_large(
    ringmail_peer* peer, ringmail_mailbox target, uint64_t length, int64_t timeout_ns, ringmail_body* body) {
  return guarded(peer, [&] { return peer->link.loan_large(target, length, timeout_ns, *body); });
}
int ringmail_cancel_large(ringmail_peer* peer, const ringmail_body* body) {
  return guarded(peer, [&] { return peer->link.cancel_large(*body); });
}
int ringmail_want_large(ringmail_peer* peer, ringmail_mailbox target, uint64_t length) {
  return guarded(peer, [&] { return peer->link.want_large(target, length); });
}

int ringmail_send_large(ringmail_peer* peer,
                        ringmail_mailbox target,
                        uint32_t type,
                        const void* payload,
                        uint32_t length,
                        const ringmail_body* body,
                        int64_t timeout_ns) {
  return send_large(peer, target, type, 0, payload, length, *body, timeout_ns);
}

int ringmail_ask_large(ringmail_peer* peer,
                       ringmail_mailbox target,
                       uint32_t type,
                       const void* payload,
                       uint32_t length,
                       const ringmail_body* body,
                       int64_t timeout_ns,
                       int64_t answer_ns,
                       uint32_t* correlation) {
  return ask(peer, answer_ns, *correlation, [&](uint32_t number) {
    return send_large(peer, target, type, number, payload, length, *body, timeout_ns);
  });
}

int ringmail_lookup(ringmail_peer* peer, const char* name, int64_t timeout_ns, ringmail_mailbox* mailbox) {
  return guarded(peer, [&] { return peer->link.lookup(name, timeout_ns, *mailbox); });
}

int ringmail_monitor(ringmail_peer* peer, ringmail_mailbox target, int64_t timeout_ns, uint64_t* monitor) {
  return guarded(peer, [&] { return peer->link.monitor(target, timeout_ns, *monitor); });
}
int ringmail_demonitor(ringmail_peer* peer, uint64_t monitor, int64_t timeout_ns) {
  return guarded(peer, [&] { return peer->link.demonitor(monitor, timeout_ns); });
}

int ringmail_log(ringmail_peer* peer, int level, const char* text) {
  return guarded(peer, [&] { return peer->link.log(level, text); });
}
int ringmail_fail(ringmail_peer* peer, const char* text) {
  return guarded(peer, [&] { return peer->link.report_failure(text); });
}

const char* ringmail_error(const ringmail_peer* peer) { return peer->link.error(); }

const char* ringmail_strerror(int code) {
  if (code >= 0) return "no error";
  switch (code) {
    case RINGMAIL_ECLOSED: return "the host has died or has closed the link";
    case RINGMAIL_ESTOPPED: return "the host said stop, and all mail has been released";
    case RINGMAIL_ETIMEDOUT: return "timed out";
    case RINGMAIL_EFULL: return "no room in the ring within the time given";
    case RINGMAIL_ETOOLONG: return "longer than the ring can ever take";
    case RINGMAIL_EREFUSED: return "the handshake failed, or the host has not what is wanted";
    case RINGMAIL_ENOTFOUND: return "no such mailbox";
    case RINGMAIL_EPROTOCOL: return "the host broke the protocol";
    case RINGMAIL_EMISUSE: return "a rule of this interface was broken by its caller";
    case RINGMAIL_EINTERRUPTED: return "interrupted";
    case RINGMAIL_ENOTSPAWNED: return "this process was not spawned by a Ringmail system";
    case RINGMAIL_ESYSTEM: return "the operating system refused";
    case RINGMAIL_EFORKED: return "the link belongs to the process that this one was forked from";
    default: return "unknown error";
  }
}

uint32_t ringmail_type_id(const char* name) {
  uint32_t hash = 2166136261u;
  for (; *name != '\0'; ++name) hash = (hash ^ static_cast<unsigned char>(*name)) * 16777619u;
  return hash;
}

void ringmail_count(const ringmail_peer* peer, ringmail_counters* counters) { peer->link.count(*counters); }

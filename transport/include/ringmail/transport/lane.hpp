// One lane of a link as one side holds it: two rings out, two rings in, and the other side's doorbell.
//
// Mail carries users' messages; its rings towards the peer outlive the peer. Control carries replies and system
// messages, is read first and is fresh for each incarnation: with one ring a suspended handler would block its own
// reply, `stop` would wait behind data, and every successor would read the `stop` again.
#pragma once

#include "ringmail/transport/park.hpp"
#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::transport {

struct Lane {
  RingProducer mail_out;
  RingProducer control_out;
  RingConsumer mail_in;
  RingConsumer control_in;
  Doorbell bell;  ///< of the thread at the other end

  /// What this side stores, and who pays for its order. See RingProducer::order().
  void order(Ordering ordering) {
    mail_out.order(ordering);
    control_out.order(ordering);
    mail_in.order(ordering);
    control_in.order(ordering);
  }

  /// Publishes both open batches and rings for them. Mail first: who reads a stop must find the mail that it tells of.
  void publish() {
    if (mail_out.publish()) bell.ring(mail_out.cold_mark());
    publish_control();
  }
  void publish_control() {
    if (control_out.publish()) bell.ring(control_out.cold_mark());
  }

  /// Stores the cursors that moved, and rings a producer that waits for it.
  void store_cursors() {
    // Not short-circuited: both cursors are stored.
    const bool mail_wants = mail_in.store_cursor();
    const bool control_wants = control_in.store_cursor();
    if (mail_wants || control_wants) bell.ring();
  }

  bool has_input() const { return !control_in.empty() || !mail_in.empty(); }

  RingFault fault() const {
    for (const RingFault fault : {mail_in.fault(), control_in.fault(), mail_out.fault(), control_out.fault()}) {
      if (fault != RingFault::none) return fault;
    }
    return RingFault::none;
  }
};

}  // namespace ringmail::transport

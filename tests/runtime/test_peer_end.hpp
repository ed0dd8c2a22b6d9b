// A link whose peer is the test itself: the same segments, mapped a second time as a peer's process would map them.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"
#include "ringmail/transport/peer_segments.hpp"
#include "test_schedulers.hpp"

namespace ringmail::runtime::test {

/// What a peer found in one of its rings.
struct Received {
  transport::FrameHead head;
  std::uint64_t value = 0;
};

/// The peer's side of one incarnation. One thread.
class PeerEnd {
 public:
  PeerEnd(const transport::LinkLayout& layout,
          const transport::LinkMail& mail,
          const transport::Incarnation& incarnation,
          const transport::Bells& bells)
      : mapped_{.layout = layout} {
    std::vector<int> descriptors;
    const auto segments = incarnation.segments(mail, bells.segment(), descriptors, layout.has_arenas());
    open(segments, descriptors);
  }
  /// As a welcome gave them. On `stream` it rings where the host keeps its bells.
  PeerEnd(const transport::LinkLayout& layout,
          const std::vector<transport::WelcomeSegment>& segments,
          const std::vector<int>& descriptors,
          transport::ControlStream& stream)
      : mapped_{.layout = layout}, stream_(&stream) {
    open(segments, descriptors);
  }

  transport::Lane& lane(std::uint32_t index) { return lanes_[index]; }
  const transport::LinkLayout& layout() const { return mapped_.layout; }
  /// What it may write.
  transport::Mapping& own() { return mapped_.peer; }
  bool shares_host_bells() const { return mapped_.host_bells.data() != nullptr; }
  /// Precondition: shares_host_bells().
  transport::Bell& host_bell(std::uint32_t index) { return mapped_.host_bells.at<transport::Bell>(0)[index]; }
  /// How far the host has finished its mail.
  std::uint64_t host_cursor(std::uint32_t index) const {
    const transport::Mapping& host = mapped_.host;
    return host.at<transport::ConsumerBlock>(layout().host_mail_consumer(index))->cursor;
  }
  transport::Bell& own_bell() { return *mapped_.peer_bells.at<transport::Bell>(0); }
  std::byte* mail_out_data(std::uint32_t index) { return mapped_.peer.data() + layout().peer_mail_data(index); }
  transport::ConsumerBlock& mail_cursor(std::uint32_t index) {
    return *mapped_.peer.at<transport::ConsumerBlock>(layout().peer_mail_consumer(index));
  }

  /// The next message or control frame, or nothing. Finished at once, and said so if `tell`.
  std::optional<Received> take_mail(std::uint32_t index, bool tell = true) {
    return take(index, lanes_[index].mail_in, tell);
  }
  std::optional<Received> take_control(std::uint32_t index) { return take(index, lanes_[index].control_in, true); }
  std::optional<Received> wait_for_mail(std::uint32_t index) {
    std::optional<Received> found;
    until([&] { return (found = take_mail(index)).has_value(); });
    return found;
  }
  std::optional<Received> wait_for_control(std::uint32_t index) {
    std::optional<Received> found;
    until([&] { return (found = take_control(index)).has_value(); });
    return found;
  }

  /// False: no room until now.
  bool send(std::uint32_t index, ActorId target, std::uint64_t value, std::uint32_t correlation = 0) {
    return write(index, lanes_[index].mail_out,
                 {.kind = transport::FrameKind::message,
                  .type = number_type.id,
                  .correlation = correlation,
                  .target = target.value(),
                  .sender = 77},
                 value);
  }
  bool reply(std::uint32_t index, std::uint32_t correlation, std::uint64_t value, std::uint32_t type = number_type.id) {
    return write(index, lanes_[index].control_out,
                 {.kind = transport::FrameKind::reply, .type = type, .correlation = correlation}, value);
  }
  bool write(std::uint32_t index,
             transport::RingProducer& ring,
             const transport::FrameHead& head,
             std::uint64_t value) {
    std::byte* place = ring.try_loan(sizeof value);
    if (place == nullptr) return false;
    std::memcpy(place, &value, sizeof value);
    ring.commit(head);
    lanes_[index].publish();
    return true;
  }

 private:
  void open(const std::vector<transport::WelcomeSegment>& segments, const std::vector<int>& descriptors) {
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (!mapped_.map(segments[i], transport::Descriptor(dup(descriptors[i])))) std::abort();
    }
    const transport::Mapping& parked = mapped_.host_parked;
    for (std::uint32_t i = 0; i < layout().lanes; ++i) {
      lanes_.push_back(mapped_.lane(i, shares_host_bells()
                                           ? transport::Doorbell(host_bell(i))
                                           : transport::Doorbell(parked.at<transport::ParkMirror>(0)[i], *stream_, i)));
    }
  }

  std::optional<Received> take(std::uint32_t index, transport::RingConsumer& ring, bool tell) {
    const auto frame = ring.peek();
    if (!frame) return std::nullopt;
    ring.begin();
    Received found{.head = frame->head};
    if (frame->length == sizeof found.value) std::memcpy(&found.value, frame->payload, sizeof found.value);
    ring.advance();
    if (tell) lanes_[index].store_cursors();
    return found;
  }

  transport::PeerSegments mapped_;
  transport::ControlStream* stream_ = nullptr;
  std::vector<transport::Lane> lanes_;
};

/// The host's side: what a reactor does with the schedulers, waited for.
class TestLink {
 public:
  static constexpr std::uint64_t arena_bytes = 16 * transport::page_bytes;

  TestLink(Schedulers& schedulers, std::uint32_t count, std::uint32_t number, std::uint64_t ring_bytes)
      : schedulers_(schedulers), count_(count), number_(number) {
    layout_ = {.lanes = count,
               .mail_to_peer_bytes = ring_bytes,
               .mail_to_host_bytes = ring_bytes,
               .control_bytes = 4096,
               .arena_to_peer_bytes = arena_bytes,
               .arena_to_host_bytes = arena_bytes};
    mail_.emplace(must(transport::LinkMail::create(layout_)));
    make_incarnation();
  }
  TestLink(const TestLink&) = delete;
  ~TestLink() { close(); }

  void open() {
    for (std::uint32_t i = 0; i < count_; ++i) {
      schedulers_.run_on(i, [&] {
        const auto end = incarnation_->host_end(i);
        schedulers_[i].open_lane(number_, transport::RingProducer(mail_->producer(i, end.mail_consumer)), end, nullptr,
                                 mail_->body_producer(i, end.returns), mail_->arena());
      });
    }
    is_open_ = true;
  }

  /// The peer's process is dead; another one takes over. The memory of the dead one goes. `last_act`: what it did just before
  /// on lane 0, unseen by the scheduler.
  LinkAccount replace(const std::function<void(PeerEnd&)>& last_act = nullptr) {
    auto old = std::move(incarnation_);
    auto old_peer = std::move(peer_);
    make_incarnation(false);
    LinkAccount account;
    for (std::uint32_t i = 0; i < count_; ++i) {
      schedulers_.run_on(i, [&] {
        if (i == 0 && last_act) last_act(*old_peer);
        auto report = schedulers_[i].settle_lane(number_);
        if (!incarnation_->resume_at(i, report.resume)) std::abort();
        const auto end = incarnation_->host_end(i);
        schedulers_[i].switch_lane(number_, end.mail_consumer, end);
        add(account, report.account);
        resumes_[i] = report.resume;
      });
    }
    peer_ = std::make_unique<PeerEnd>(layout_, *mail_, *incarnation_, schedulers_.bells());
    return account;
  }

  LinkAccount close() {
    LinkAccount account;
    if (!is_open_) return account;
    is_open_ = false;
    for (std::uint32_t i = 0; i < count_; ++i) {
      schedulers_.run_on(i, [&] {
        add(account, schedulers_[i].settle_lane(number_).account);
        schedulers_[i].close_lane(number_);
      });
    }
    // As the reactor does: whoever touches it after this dies.
    peer_.reset();
    incarnation_.reset();
    mail_.reset();
    return account;
  }

  void down() {
    const ExitReason reason{.kind = ExitReason::Kind::signalled, .signal = 9};
    for (std::uint32_t i = 0; i < count_; ++i) {
      schedulers_.run_on(i, [&] { schedulers_[i].lane_down(number_, reason); });
    }
  }

  PeerEnd& peer() { return *peer_; }
  const transport::Resume& resume(std::uint32_t lane) const { return resumes_[lane]; }

 private:
  template <class T>
  static T must(std::expected<T, transport::MemoryFailure> made) {
    if (!made) std::abort();
    return std::move(*made);
  }
  static void add(LinkAccount& account, const LinkAccount& lane) {
    account.published += lane.published;
    account.unfinished += lane.unfinished;
    account.received += lane.received;
    if (account.fault.empty()) account.fault = lane.fault;
  }
  void make_incarnation(bool with_peer = true) {
    incarnation_ = std::make_unique<transport::Incarnation>(must(transport::Incarnation::create(layout_)));
    if (with_peer) peer_ = std::make_unique<PeerEnd>(layout_, *mail_, *incarnation_, schedulers_.bells());
  }

  Schedulers& schedulers_;
  std::uint32_t count_;
  std::uint32_t number_;
  bool is_open_ = false;
  transport::LinkLayout layout_;
  std::optional<transport::LinkMail> mail_;
  std::unique_ptr<transport::Incarnation> incarnation_;
  std::unique_ptr<PeerEnd> peer_;
  transport::Resume resumes_[8];
};

}  // namespace ringmail::runtime::test

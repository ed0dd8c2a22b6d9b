// The host's side of a link: the memory of one incarnation of a peer, and the mail that outlives it.
//
// Threads: LinkMail and Incarnation belong to the thread that sets the link up (the reactor) and must outlive what
// points into them. What host_end() and producer() give is used by one scheduler each.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ringmail/transport/arena_segment.hpp"
#include "ringmail/transport/carry.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pipe_bell.hpp"

namespace ringmail::transport {

/// Whether a peer may share the memory on which the host's threads sleep: who shares a futex can take its wakes away.
enum class Trust : std::uint8_t { trusted, untrusted };

/// The host's doorbells, one a scheduler, in one segment that every trusted peer maps.
class Bells {
 public:
  static std::expected<Bells, MemoryFailure> create(const char* name, std::uint32_t count);

  Bell& operator[](std::uint32_t index) { return mapping_.at<Bell>(0)[index]; }
  std::uint32_t count() const { return count_; }
  const Segment& segment() const { return segment_; }

 private:
  Segment segment_;
  Mapping mapping_;
  std::uint32_t count_ = 0;
};

/// What untrusted peers see of those doorbells. Nobody but the host can write to it.
class ParkMirrors {
 public:
  static std::expected<ParkMirrors, MemoryFailure> create(std::uint32_t count);

  ParkMirror& operator[](std::uint32_t index) { return mapping_.at<ParkMirror>(0)[index]; }
  const Segment& segment() const { return segment_; }

 private:
  Segment segment_;
  Mapping mapping_;
};

/// What a peer sleeps on. It outlives every incarnation, for other peers ring it, too.
struct PeerBell {
  static std::expected<std::shared_ptr<PeerBell>, MemoryFailure> create();

  Bells bell;
  PipeBell pipe;
};

/// The host's end of a lane's arena that a peer writes. Outlives its incarnation where bodies from it are held.
class BodySource {
 public:
  /// The thread that reads the lane's mail. See ArenaConsumer.
  std::expected<ReceivedBody, RingFault> take(std::span<const std::byte> payload) { return consumer_.take(payload); }
  /// Any thread, once for each.
  void give_back(const ReceivedBody& body);

 private:
  friend class Incarnation;
  std::shared_ptr<const Arena> arena_;
  std::shared_ptr<Mapping> host_;
  std::shared_ptr<const Mapping> peer_;
  std::shared_ptr<PeerBell> bell_;
  ArenaConsumer consumer_;
};

/// The rings of mail towards a peer. They are made once and outlive every incarnation of it.
class LinkMail {
 public:
  static std::expected<LinkMail, MemoryFailure> create(const LinkLayout& layout);

  const LinkLayout& layout() const { return layout_; }
  const Segment& segment() const { return segment_; }
  ProducerMemory producer(std::uint32_t lane, const ConsumerBlock* consumer);
  std::span<const std::byte> data(std::uint32_t lane) const {
    return {mapping_.data() + layout_.mail_data(lane), layout_.mail_to_peer_bytes};
  }

  /// Before its producers are made: what lay unfinished in another ring of that lane comes first. How many messages that were.
  std::expected<std::uint64_t, RingFault> carry(std::uint32_t lane, const LeftFrames& left);

  /// Null: the layout has none. Who holds bodies that were not sent may hold it past the link.
  const std::shared_ptr<Arena>& arena() const { return arena_; }
  /// Of the bodies of its mail. Made anew, so once.
  ArenaProducer body_producer(std::uint32_t lane, const ReturnsBlock* returns) const;

 private:
  LinkLayout layout_;
  Segment segment_;
  Mapping mapping_;
  std::shared_ptr<Arena> arena_;
};

/// Where the next incarnation takes up the mail of one lane.
struct Resume {
  std::uint64_t cursor = 0;
  std::uint64_t tail = 0;  ///< what stands before it may have been seen by a predecessor
  std::uint32_t sequence = 0;
  std::uint32_t attempt = 0;
  bool in_hand = false;  ///< the one at the cursor, by a consumer that has come back and goes on with it
};

/// The memory of one incarnation.
class Incarnation {
 public:
  /// Everything made, mapped, sealed as far as it may be before the peer has mapped its part.
  /// `bell`: of the incarnation before, if there was one.
  static std::expected<Incarnation, MemoryFailure> create(const LinkLayout& layout,
                                                          Trust trust = Trust::trusted,
                                                          std::shared_ptr<PeerBell> bell = nullptr);
  /// The same, but that of the rings from the peer only the beginnings are there: most of the time goes to the rest, which
  /// populate() adds, before the descriptors are sent.
  static std::expected<Incarnation, MemoryFailure> begin(const LinkLayout& layout,
                                                         Trust trust,
                                                         std::shared_ptr<PeerBell> bell);
  std::expected<void, MemoryFailure> populate();

  const LinkLayout& layout() const { return layout_; }

  /// Before the descriptors are sent: where the peer's cursor on `lane` stands at the start.
  std::expected<void, MemoryFailure> resume_at(std::uint32_t lane, const Resume& resume);

  /// Before its peer is given it, and before resume_at(): what was left unfinished of the mail to the host on that lane comes first, and
  /// the peer starts behind it.
  struct Carry {
    std::vector<CarriedFrame> frames{};
    std::uint64_t tail = 0;
    std::uint16_t sequence = 0;
  };
  std::expected<Carry, std::string> carry(std::uint32_t lane, const LeftFrames& left);
  /// What is in the host's consumer block of that lane counts from now on, and not that of the incarnation before.
  void mark_carried(std::uint32_t lane);
  /// What is read of its mail to the host is finished only when it has been handled: another host may have to go on with it.
  void keep() { kept_ = true; }
  bool is_kept() const { return kept_; }
  int host_descriptor() const { return host_.descriptor(); }
  int peer_descriptor() const { return peer_.descriptor(); }
  /// Where the mail from the peer lies that the host has not finished.
  std::optional<RingSurvey> survey_mail_in(std::uint32_t lane) const;

  /// Before the welcome, for a peer that sleeps on a pipe. Or errno.
  std::expected<void, int> open_doorbell();
  const std::shared_ptr<PeerBell>& bell() const { return bell_; }

  /// After `ready`: nobody else will ever write what the peer writes.
  std::expected<void, MemoryFailure> seal_peer();

  /// The host's end of `lane`. The mail producer is the caller's, because it outlives this.
  struct HostEnd {
    RingProducer control_out;
    RingConsumer mail_in;
    RingConsumer control_in;
    Doorbell bell;
    const ConsumerBlock* mail_consumer;  ///< the peer's cursor on the mail that the host writes
    Trust trust;
    bool kept = false;                           ///< Incarnation::is_kept()
    const ReturnsBlock* returns = nullptr;       ///< which bodies of that mail the peer gives back
    std::shared_ptr<BodySource> bodies_in = {};  ///< of the peer's mail. Null: the layout has no arenas
  };
  HostEnd host_end(std::uint32_t lane);
  /// Where the data of the mail from the peer lie.
  std::span<const std::byte> mail_in_data(std::uint32_t lane) const {
    return {peer_map_->data() + layout_.peer_mail_data(lane), layout_.mail_to_host_bytes};
  }

  /// What both ends show of a lane to whoever looks on, without a part in it. The peer writes all but the last.
  struct Shown {
    const ConsumerBlock& mail;               ///< of the mail to the peer
    const ProducerBlock& mail_to_host;       ///< it wants room there
    const std::byte* mail_to_host_data;      ///< of layout().mail_to_host_bytes
    const ConsumerBlock& host_of_that_mail;  ///< where the host reads it
  };
  Shown shown(std::uint32_t lane) const;

  /// Welcome's segments and their descriptors, in the same order. `bells`: the host's Bells or, untrusted, its ParkMirrors.
  /// `with_arenas`: `large` was chosen, and the layout has some.
  std::vector<WelcomeSegment> segments(const LinkMail& mail,
                                       const Segment& bells,
                                       std::vector<int>& descriptors,
                                       bool with_arenas = false) const;

 private:
  std::shared_ptr<BodySource> body_source(std::uint32_t lane);

  LinkLayout layout_;
  Trust trust_ = Trust::trusted;
  Segment host_, peer_;
  std::shared_ptr<Mapping> host_map_;
  std::shared_ptr<const Mapping> peer_map_;
  std::shared_ptr<PeerBell> bell_;
  bool polls_ = false;  // sleeps on the pipe
  bool kept_ = false;
  std::shared_ptr<Arena> arena_;
};

}  // namespace ringmail::transport

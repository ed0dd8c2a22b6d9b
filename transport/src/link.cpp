#include "ringmail/transport/link.hpp"

#include <utility>

namespace ringmail::transport {
namespace {

/// A segment with its mapping, sealed as `seal` says, in the order that leaves no gap: map, then seal, then share.
struct Mapped {
  Segment segment;
  Mapping mapping;
};

std::expected<Mapped, MemoryFailure> map_and_seal(std::expected<Segment, MemoryFailure> segment,
                                                  Mapping::Access access,
                                                  Seal seal) {
  if (!segment) return std::unexpected(segment.error());
  auto mapping = segment->map(access);
  if (!mapping) return std::unexpected(mapping.error());
  if (auto sealed = segment->seal(seal); !sealed) return std::unexpected(sealed.error());
  return Mapped{std::move(*segment), std::move(*mapping)};
}

std::expected<Mapped, MemoryFailure> make(const char* name, std::uint64_t bytes, Mapping::Access access, Seal seal) {
  return map_and_seal(Segment::create(name, bytes), access, seal);
}

std::expected<std::shared_ptr<Arena>, MemoryFailure> make_arena(const char* name,
                                                                std::uint64_t bytes,
                                                                Mapping::Access access,
                                                                Seal seal) {
  auto made = map_and_seal(Segment::create_sparse(name, bytes), access, seal);
  if (!made) return std::unexpected(made.error());
  return std::make_shared<Arena>(std::move(made->segment), std::move(made->mapping));
}

}  // namespace

std::expected<Bells, MemoryFailure> Bells::create(const char* name, std::uint32_t count) {
  auto made = make(name, count * sizeof(Bell), Mapping::Access::write, Seal::shared_writers);
  if (!made) return std::unexpected(made.error());
  Bells bells;
  bells.segment_ = std::move(made->segment);
  bells.mapping_ = std::move(made->mapping);
  bells.count_ = count;
  return bells;
}

std::expected<ParkMirrors, MemoryFailure> ParkMirrors::create(std::uint32_t count) {
  auto made = make("ringmail.parked", park_mirror_bytes(count), Mapping::Access::write, Seal::no_more_writers);
  if (!made) return std::unexpected(made.error());
  ParkMirrors mirrors;
  mirrors.segment_ = std::move(made->segment);
  mirrors.mapping_ = std::move(made->mapping);
  return mirrors;
}

std::expected<LinkMail, MemoryFailure> LinkMail::create(const LinkLayout& layout) {
  auto made = make("ringmail.mail", layout.mail_bytes(), Mapping::Access::write, Seal::no_more_writers);
  if (!made) return std::unexpected(made.error());
  LinkMail mail;
  if (layout.has_arenas()) {
    auto arena = make_arena("ringmail.arena_to_peer", layout.arenas_to_peer_bytes(), Mapping::Access::write,
                            Seal::no_more_writers);
    if (!arena) return std::unexpected(arena.error());
    mail.arena_ = std::move(*arena);
  }
  mail.layout_ = layout;
  mail.segment_ = std::move(made->segment);
  mail.mapping_ = std::move(made->mapping);
  return mail;
}

std::expected<std::uint64_t, RingFault> LinkMail::carry(std::uint32_t lane, const LeftFrames& left) {
  const ConsumerBlock nothing_read;
  RingProducer ring(producer(lane, &nothing_read));
  const auto carried = transport::carry(left, ring);
  if (!carried) return std::unexpected(carried.error());
  ring.publish();
  auto& block = *mapping_.at<ProducerBlock>(layout_.mail_producer(lane));
  block.start = ring.tail();
  block.start_sequence = ring.sequence();
  block.start_messages = ring.published_messages();
  return ring.published_messages();
}

ProducerMemory LinkMail::producer(std::uint32_t lane, const ConsumerBlock* consumer) {
  return {.data = mapping_.data() + layout_.mail_data(lane),
          .capacity = layout_.mail_to_peer_bytes,
          .own = mapping_.at<ProducerBlock>(layout_.mail_producer(lane)),
          .other = consumer};
}

ArenaProducer LinkMail::body_producer(std::uint32_t lane, const ReturnsBlock* returns) const {
  return ArenaProducer(Arena::memory(arena_, lane, layout_.arena_to_peer_bytes, returns));
}

std::expected<std::shared_ptr<PeerBell>, MemoryFailure> PeerBell::create() {
  auto bell = Bells::create("ringmail.bell", 1);
  if (!bell) return std::unexpected(bell.error());
  auto made = std::make_shared<PeerBell>();
  made->bell = std::move(*bell);
  return made;
}

std::expected<Incarnation, MemoryFailure> Incarnation::create(const LinkLayout& layout,
                                                              Trust trust,
                                                              std::shared_ptr<PeerBell> bell) {
  auto made = begin(layout, trust, std::move(bell));
  if (!made) return made;
  if (auto populated = made->populate(); !populated) return std::unexpected(populated.error());
  return made;
}

std::expected<Incarnation, MemoryFailure> Incarnation::begin(const LinkLayout& layout,
                                                             Trust trust,
                                                             std::shared_ptr<PeerBell> bell) {
  auto host = make("ringmail.host", layout.host_bytes(), Mapping::Access::write, Seal::no_more_writers);
  if (!host) return std::unexpected(host.error());
  auto peer =
      map_and_seal(Segment::create_sparse("ringmail.peer", layout.peer_bytes()), Mapping::Access::read, Seal::size);
  if (!peer) return std::unexpected(peer.error());
  // What a host's end touches before the peer has written anything.
  for (std::uint32_t lane = 0; lane < layout.lanes; ++lane) {
    for (const std::uint64_t page :
         {layout.peer_mail_consumer(lane), layout.peer_mail_data(lane), layout.peer_control_data(lane)}) {
      if (auto populated = peer->segment.populate(page, page_bytes); !populated) {
        return std::unexpected(populated.error());
      }
    }
  }
  if (bell == nullptr) {
    auto made = PeerBell::create();
    if (!made) return std::unexpected(made.error());
    bell = std::move(*made);
  }

  Incarnation incarnation;
  if (layout.has_arenas()) {
    auto arena = make_arena("ringmail.arena_to_host", layout.arenas_to_host_bytes(), Mapping::Access::read, Seal::size);
    if (!arena) return std::unexpected(arena.error());
    incarnation.arena_ = std::move(*arena);
  }
  incarnation.layout_ = layout;
  incarnation.trust_ = trust;
  incarnation.host_ = std::move(host->segment);
  incarnation.host_map_ = std::make_shared<Mapping>(std::move(host->mapping));
  incarnation.peer_ = std::move(peer->segment);
  incarnation.peer_map_ = std::make_shared<const Mapping>(std::move(peer->mapping));
  incarnation.bell_ = std::move(bell);
  return incarnation;
}

std::expected<void, MemoryFailure> Incarnation::populate() { return peer_.populate(0, peer_.size()); }

std::expected<void, int> Incarnation::open_doorbell() {
  polls_ = true;
  return bell_->pipe.open();
}

std::expected<void, MemoryFailure> Incarnation::resume_at(std::uint32_t lane, const Resume& resume) {
  // A mapping for this alone: the one that stays is read-only.
  auto mapping = peer_.map(Mapping::Access::write);
  if (!mapping) return std::unexpected(mapping.error());
  auto& block = *mapping->at<ConsumerBlock>(layout_.peer_mail_consumer(lane));
  // Relaxed: the peer sees it through the system calls that share the segment, or not at all.
  block.cursor.store(resume.cursor, std::memory_order_relaxed);
  block.resume_tail = resume.tail;
  block.resume_sequence = resume.sequence;
  block.attempt = resume.attempt;
  if (!resume.in_hand) return {};
  block.attempted = resume.cursor + 1;
  block.in_hand.store(resume.cursor + 1, std::memory_order_relaxed);
  return {};
}

std::expected<Incarnation::Carry, std::string> Incarnation::carry(std::uint32_t lane, const LeftFrames& left) {
  // A mapping for this alone, as in resume_at().
  auto mapping = peer_.map(Mapping::Access::write);
  if (!mapping) return std::unexpected(to_string(mapping.error()));
  auto& block = *mapping->at<ProducerBlock>(layout_.peer_mail_producer(lane));
  RingProducer ring({.data = mapping->data() + layout_.peer_mail_data(lane),
                     .capacity = layout_.mail_to_host_bytes,
                     .own = &block,
                     .other = host_map_->at<ConsumerBlock>(layout_.host_mail_consumer(lane))});
  auto frames = transport::carry(left, ring);
  if (!frames) return std::unexpected(std::string(to_string(frames.error())));
  ring.publish();
  block.start = ring.tail();
  block.start_sequence = ring.sequence();
  return Carry{.frames = std::move(*frames), .tail = ring.tail(), .sequence = ring.sequence()};
}

void Incarnation::mark_carried(std::uint32_t lane) {
  // SYNC(carried): with the load in KeptLink::holds(); who sees it sees the frames, too.
  host_map_->at<ConsumerBlock>(layout_.host_mail_consumer(lane))->carried.store(1, std::memory_order_release);
}

std::optional<RingSurvey> Incarnation::survey_mail_in(std::uint32_t lane) const {
  return survey(mail_in_data(lane).data(), layout_.mail_to_host_bytes,
                *host_map_->at<ConsumerBlock>(layout_.host_mail_consumer(lane)));
}

std::expected<void, MemoryFailure> Incarnation::seal_peer() {
  if (auto sealed = peer_.seal(Seal::no_more_writers); !sealed || arena_ == nullptr) return sealed;
  return arena_->segment.seal(Seal::no_more_writers);
}

Incarnation::HostEnd Incarnation::host_end(std::uint32_t lane) {
  const std::byte* peer = peer_map_->data();
  return {
      .control_out = RingProducer({.data = host_map_->data() + layout_.host_control_data(lane),
                                   .capacity = layout_.control_bytes,
                                   .own = host_map_->at<ProducerBlock>(layout_.host_control_producer(lane)),
                                   .other = peer_map_->at<ConsumerBlock>(layout_.peer_control_consumer(lane))}),
      .mail_in = RingConsumer({.data = peer + layout_.peer_mail_data(lane),
                               .capacity = layout_.mail_to_host_bytes,
                               .other = peer_map_->at<ProducerBlock>(layout_.peer_mail_producer(lane)),
                               .own = host_map_->at<ConsumerBlock>(layout_.host_mail_consumer(lane))}),
      .control_in = RingConsumer({.data = peer + layout_.peer_control_data(lane),
                                  .capacity = layout_.control_bytes,
                                  .other = peer_map_->at<ProducerBlock>(layout_.peer_control_producer(lane)),
                                  .own = host_map_->at<ConsumerBlock>(layout_.host_control_consumer(lane))}),
      .bell = Doorbell(bell_->bell[0], bell_->pipe),
      .mail_consumer = peer_map_->at<ConsumerBlock>(layout_.peer_mail_consumer(lane)),
      .trust = trust_,
      .kept = kept_,
      .returns = peer_map_->at<ReturnsBlock>(layout_.peer_returns(lane)),
      .bodies_in = arena_ != nullptr ? body_source(lane) : nullptr,
  };
}

Incarnation::Shown Incarnation::shown(std::uint32_t lane) const {
  return {.mail = *peer_map_->at<ConsumerBlock>(layout_.peer_mail_consumer(lane)),
          .mail_to_host = *peer_map_->at<ProducerBlock>(layout_.peer_mail_producer(lane)),
          .mail_to_host_data = peer_map_->data() + layout_.peer_mail_data(lane),
          .host_of_that_mail = *host_map_->at<ConsumerBlock>(layout_.host_mail_consumer(lane))};
}

std::shared_ptr<BodySource> Incarnation::body_source(std::uint32_t lane) {
  auto source = std::make_shared<BodySource>();
  source->arena_ = arena_;
  source->host_ = host_map_;
  source->peer_ = peer_map_;
  source->bell_ = bell_;
  source->consumer_ = ArenaConsumer(arena_->part(lane, layout_.arena_to_host_bytes),
                                    host_map_->at<ReturnsBlock>(layout_.host_returns(lane)),
                                    peer_map_->at<ProducerBlock>(layout_.peer_mail_producer(lane)));
  return source;
}

void BodySource::give_back(const ReceivedBody& body) {
  // A doorbell of its own: the lane's is its thread's.
  if (consumer_.give_back(body.slot, body.serial)) Doorbell(bell_->bell[0], bell_->pipe).ring();
}

std::vector<WelcomeSegment> Incarnation::segments(const LinkMail& mail,
                                                  const Segment& bells,
                                                  std::vector<int>& descriptors,
                                                  bool with_arenas) const {
  std::vector<WelcomeSegment> list;
  const auto add = [&](SegmentRole role, const Segment& segment) {
    list.push_back(
        {.role = role, .bytes = segment.size(), .host_fd = static_cast<std::uint32_t>(segment.descriptor())});
    descriptors.push_back(segment.descriptor());
  };
  add(SegmentRole::mail, mail.segment());
  add(SegmentRole::host, host_);
  add(SegmentRole::peer, peer_);
  add(trust_ == Trust::trusted ? SegmentRole::host_bells : SegmentRole::host_parked, bells);
  add(SegmentRole::peer_bells, bell_->bell.segment());
  if (polls_) {
    list.push_back({.role = SegmentRole::doorbell,
                    .bytes = doorbell_bytes,
                    .host_fd = static_cast<std::uint32_t>(bell_->pipe.read_end())});
    descriptors.push_back(bell_->pipe.read_end());
  }
  if (with_arenas) {
    add(SegmentRole::arena_to_peer, mail.arena()->segment);
    add(SegmentRole::arena_to_host, arena_->segment);
  }
  return list;
}

}  // namespace ringmail::transport

#include "ringmail/transport/introduction.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <bit>
#include <utility>

namespace ringmail::transport {

std::expected<Introduction, MemoryFailure> Introduction::create(std::uint64_t mail_bytes, std::uint64_t control_bytes) {
  Introduction made;
  made.layout_ = layout_between_peers(mail_bytes, control_bytes);
  for (unsigned writer : {0u, 1u}) {
    auto segment = Segment::create("ringmail.lane", made.layout_.peer_bytes());
    if (!segment) return std::unexpected(segment.error());
    // Its writer's successors map it writable again.
    if (auto sealed = segment->seal(Seal::shared_writers); !sealed) return std::unexpected(sealed.error());
    auto mapping = segment->map(Mapping::Access::read);
    if (!mapping) return std::unexpected(mapping.error());
    made.sides_[writer] = std::move(*segment);
    made.maps_[writer] = std::move(*mapping);
  }
  return made;
}

std::optional<RingSurvey> Introduction::mail_of(unsigned writer) const {
  const Mapping& from = maps_[writer];
  const Mapping& to = maps_[1 - writer];
  return survey(from.data() + layout_.peer_mail_data(0), layout_.mail_to_host_bytes,
                *to.at<ConsumerBlock>(layout_.peer_mail_consumer(0)));
}

std::optional<RingSurvey> Introduction::control_of(unsigned writer) const {
  const Mapping& from = maps_[writer];
  const Mapping& to = maps_[1 - writer];
  return survey(from.data() + layout_.peer_control_data(0), layout_.control_bytes,
                *to.at<ConsumerBlock>(layout_.peer_control_consumer(0)));
}

bool Introduction::is_sound() const { return mail_of(0) && mail_of(1) && control_of(0) && control_of(1); }

std::expected<std::unique_ptr<IntroducedLane>, std::string> IntroducedLane::join(const Introduce& introduce,
                                                                                 std::vector<Descriptor> descriptors) {
  if (descriptors.size() != introduction_descriptors) {
    return std::unexpected(std::to_string(descriptors.size()) + " descriptors came with an introduction, not " +
                           std::to_string(introduction_descriptors));
  }
  std::unique_ptr<IntroducedLane> lane(new IntroducedLane);
  lane->name_ = introduce.name;
  lane->layout_ = layout_between_peers(introduce.mail_bytes, introduce.control_bytes);
  struct Plan {
    const char* what;
    Mapping* mapping;
    std::uint64_t bytes;
    Mapping::Access access;
  };
  const std::uint64_t side = lane->layout_.peer_bytes();
  const Plan plans[] = {{"its own side", &lane->mine_, side, Mapping::Access::write},
                        {"the other side", &lane->theirs_, side, Mapping::Access::read},
                        {"the other's bell", &lane->bell_, sizeof(Bell), Mapping::Access::write}};
  for (std::size_t i = 0; i < std::size(plans); ++i) {
    const Plan& plan = plans[i];
    auto segment = Segment::join(std::move(descriptors[i]), plan.bytes, Seal::shared_writers);
    auto mapping = segment ? segment->map(plan.access) : std::unexpected(segment.error());
    if (!mapping) return std::unexpected(std::string(plan.what) + ": " + to_string(mapping.error()));
    *plan.mapping = std::move(*mapping);
  }
  struct stat status{};
  if (fstat(descriptors[3].get(), &status) != 0 || !S_ISFIFO(status.st_mode))
    return std::unexpected("the other's doorbell is no pipe");
  // One that blocks would keep this process waiting for a peer that does not read.
  if (fcntl(descriptors[3].get(), F_SETFL, O_NONBLOCK) != 0) return std::unexpected("the other's doorbell blocks");
  lane->pipe_.adopt(std::move(descriptors[3]));
  if (auto taken = lane->take_up(); !taken) return std::unexpected(std::move(taken.error()));
  return lane;
}

std::expected<void, std::string> IntroducedLane::take_up() {
  const auto left_in = [](const Mapping& from, std::uint64_t data, std::uint64_t bytes, const ConsumerBlock& consumer) {
    return survey(from.data() + data, bytes, consumer);
  };
  const std::uint64_t mail = layout_.peer_mail_data(0);
  const std::uint64_t control = layout_.peer_control_data(0);
  auto& mail_in = *mine_.at<ConsumerBlock>(layout_.peer_mail_consumer(0));
  auto& control_in = *mine_.at<ConsumerBlock>(layout_.peer_control_consumer(0));
  const Mapping& theirs = theirs_;
  const auto mail_left = left_in(theirs_, mail, layout_.mail_to_host_bytes, mail_in);
  const auto control_left = left_in(theirs_, control, layout_.control_bytes, control_in);
  const auto mail_out =
      left_in(mine_, mail, layout_.mail_to_host_bytes, *theirs.at<ConsumerBlock>(layout_.peer_mail_consumer(0)));
  const auto control_out =
      left_in(mine_, control, layout_.control_bytes, *theirs.at<ConsumerBlock>(layout_.peer_control_consumer(0)));
  if (!mail_left || !control_left || !mail_out || !control_out) {
    return std::unexpected("what a predecessor has left in its rings is impossible");
  }
  // What the predecessor may have seen, and had in hand as often as is counted here. Relaxed: this thread's alone now.
  const std::uint64_t first = 1 + mail_left->first;
  const bool in_hand = mail_in.in_hand.load(std::memory_order_relaxed) == first;
  mail_in.attempt = !in_hand ? 0 : mail_in.attempted == first ? mail_in.attempt + 1 : 1;
  mail_in.attempted = first;
  mail_in.in_hand.store(0, std::memory_order_relaxed);
  mail_in.resume_tail = mail_left->messages != 0 ? mail_left->tail : mail_left->cursor;
  mail_in.resume_sequence = mail_left->sequence;
  control_in.resume_tail = control_left->cursor;
  control_in.resume_sequence = control_left->sequence;
  mail_out_ = *mail_out;
  control_out_ = *control_out;
  return {};
}

Lane IntroducedLane::lane() {
  const Mapping& theirs = theirs_;
  Lane lane;
  lane.mail_in = RingConsumer({.data = theirs.data() + layout_.peer_mail_data(0),
                               .capacity = layout_.mail_to_host_bytes,
                               .other = theirs.at<ProducerBlock>(layout_.peer_mail_producer(0)),
                               .own = mine_.at<ConsumerBlock>(layout_.peer_mail_consumer(0))});
  lane.control_in = RingConsumer({.data = theirs.data() + layout_.peer_control_data(0),
                                  .capacity = layout_.control_bytes,
                                  .other = theirs.at<ProducerBlock>(layout_.peer_control_producer(0)),
                                  .own = mine_.at<ConsumerBlock>(layout_.peer_control_consumer(0))});
  lane.mail_out = RingProducer({.data = mine_.data() + layout_.peer_mail_data(0),
                                .capacity = layout_.mail_to_host_bytes,
                                .own = mine_.at<ProducerBlock>(layout_.peer_mail_producer(0)),
                                .other = theirs.at<ConsumerBlock>(layout_.peer_mail_consumer(0))},
                               mail_out_);
  lane.control_out = RingProducer({.data = mine_.data() + layout_.peer_control_data(0),
                                   .capacity = layout_.control_bytes,
                                   .own = mine_.at<ProducerBlock>(layout_.peer_control_producer(0)),
                                   .other = theirs.at<ConsumerBlock>(layout_.peer_control_consumer(0))},
                                  control_out_);
  lane.bell = Doorbell(*bell_.at<Bell>(0), pipe_);
  // A dead one may have waited for room.
  lane.mail_out.want_room(false);
  lane.control_out.want_room(false);
  return lane;
}

std::span<const std::byte> IntroducedLane::mail_memory(bool outgoing) const {
  const Mapping& from = outgoing ? mine_ : theirs_;
  return {from.data() + layout_.peer_mail_data(0), layout_.mail_to_host_bytes};
}

std::uint64_t IntroducedLane::end_of_mail() const {
  const auto left = survey(theirs_.data() + layout_.peer_mail_data(0), layout_.mail_to_host_bytes,
                           *mine_.at<ConsumerBlock>(layout_.peer_mail_consumer(0)));
  return left ? left->tail : 0;
}

}  // namespace ringmail::transport

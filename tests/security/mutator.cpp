#include "mutator.hpp"

#include <bit>
#include <cstring>

#include "../transport/deadline.hpp"
#include "attack.mail.hpp"

namespace ringmail::test {

using transport::CommitWord;
using transport::FrameKind;

namespace {

/// How often each is made, of a hundred or so: what ends the link at once is rare, so that the rest has time to act.
constexpr std::array<unsigned, mutations> weights{18, 10, 1, 1, 3, 16, 1, 12, 1, 12, 8, 4, 12};

constexpr FrameKind kind_numbered(unsigned number) { return static_cast<FrameKind>(number); }

}  // namespace

void Mutator::run(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) mailboxes_.push_back(peer_.look_up(std::string(name)));
  while (progress_.made.load() < progress_.wanted.load()) {
    const auto lane = static_cast<std::uint32_t>(below(end_.layout().lanes));
    behave(lane);
    for (std::uint64_t n = below(6); n > 0; --n) mutate(lane);
    end_.lane(lane).bell.ring();
    wait_for_host(lane);
  }
}

/// What it does not read is no attack. It may have cut the link, and then does not come.
void Mutator::wait_for_host(std::uint32_t lane) {
  const std::uint64_t until_ns = transport::monotonic_ns() + 2'000'000;
  while (end_.host_cursor(lane) != end_.lane(lane).mail_out.tail() && transport::monotonic_ns() < until_ns)
    transport::test::look_away();
}

/// As a good peer would: takes what is there, answers what is asked, sends something.
void Mutator::behave(std::uint32_t index) {
  transport::Lane& lane = end_.lane(index);
  for (int taken = 0; taken < 16; ++taken) {
    const auto frame = lane.control_in.peek();
    if (!frame) break;
    if (frame->head.kind == FrameKind::stop) std::exit(0);
    lane.control_in.advance();
  }
  for (int taken = 0; taken < 16; ++taken) {
    const auto frame = lane.mail_in.peek();
    if (!frame) break;
    lane.mail_in.begin();
    const std::uint32_t correlation = frame->head.correlation;
    lane.mail_in.advance();
    if (correlation == 0) continue;
    asked_ = correlation;
    if (once_in(4)) continue;
    const attack::Answer answer{.number = 1, .side = attack::Side::ask};
    if (std::byte* place = lane.control_out.try_loan(sizeof answer)) {
      std::memcpy(place, &answer, sizeof answer);
      lane.control_out.commit(
          {.kind = FrameKind::reply, .type = attack::Answer::ringmail_type, .correlation = correlation});
    }
  }
  for (std::uint64_t n = below(4); n > 0; --n)
    send(index, FrameKind::message, attack::Note::ringmail_type, sizeof(attack::Note));
  lane.publish();
  // Where it does not say what it has read, the host's senders have to wait.
  if (!once_in(4)) lane.store_cursors();
}

void Mutator::send(std::uint32_t index, FrameKind kind, std::uint32_t type, std::uint32_t length) {
  transport::RingProducer& ring = end_.lane(index).mail_out;
  length = std::min(length, ring.max_payload());
  std::byte* place = ring.try_loan(length);
  if (place == nullptr) return;
  std::memset(place, 0, length);
  ++number_;
  if (length >= sizeof number_) std::memcpy(place, &number_, sizeof number_);
  last_bytes_ = static_cast<std::uint32_t>(transport::frame_bytes(length));
  ring.commit({.kind = kind,
               .type = type,
               .correlation = once_in(4) ? static_cast<std::uint32_t>(number_) : 0,
               .target = target(),
               .sender = below(3)});
  end_.lane(index).publish();
  last_ = ring.tail() - last_bytes_;
}

/// Mostly somebody; else somebody guessed.
std::uint64_t Mutator::target() {
  const std::uint64_t known = mailboxes_[below(mailboxes_.size())];
  return once_in(4) ? one_of<std::uint64_t>({0, known + 1, known - 1, known ^ 1ull << 52, known + (1ull << 24),
                                             known ^ 1ull << below(64), random_()})
                    : known;
}

std::atomic<std::uint64_t>& Mutator::own_word(std::uint64_t offset) {
  return transport::detail::word_at(end_.own().data(), offset & ~std::uint64_t{7});
}

std::atomic<std::uint64_t>& Mutator::mail_word(std::uint32_t lane, std::uint64_t position) {
  return own_word(end_.layout().peer_mail_data(lane) + (position & (end_.layout().mail_to_host_bytes - 1)));
}

void Mutator::mutate(std::uint32_t lane) {
  std::discrete_distribution<std::size_t> choose(weights.begin(), weights.end());
  const std::size_t chosen = choose(random_);
  // Counted before: the host may be quicker than whoever counts after.
  ++progress_.made;
  ++progress_.made_of[chosen];
  mutate(lane, static_cast<Mutation>(chosen));
}

void Mutator::mutate(std::uint32_t index, Mutation mutation) {
  transport::Lane& lane = end_.lane(index);
  const transport::LinkLayout& layout = end_.layout();
  switch (mutation) {
    case Mutation::payload:
      mail_word(index, last_ + sizeof(transport::FrameHeader) + below(last_bytes_ - sizeof(transport::FrameHeader))) =
          random_();
      break;
    case Mutation::head: mail_word(index, last_ + 8 + 8 * below(3)) = once_in(2) ? random_() : target(); break;
    case Mutation::commit_due: mutate_commit(index, lane.mail_out.tail()); break;
    case Mutation::commit_last: mutate_commit(index, last_); break;
    case Mutation::flicker: flicker(index); break;
    case Mutation::strange_message: {
      const auto type = one_of<std::uint32_t>({0, attack::Note::ringmail_type, attack::Question::ringmail_type,
                                               attack::Answer::ringmail_type, static_cast<std::uint32_t>(random_())});
      const auto length =
          one_of<std::size_t>({0, 8, sizeof(std::string), sizeof(attack::Note), sizeof(attack::Note) + 1,
                               sizeof(attack::Note) - 1, sizeof(attack::Answer), ~0u});
      send(index, FrameKind::message, type, static_cast<std::uint32_t>(length));
      break;
    }
    case Mutation::forged_kind:
      if (once_in(2)) {
        send(index, kind_numbered(one_of({3u, 4u, 5u, 6u, 7u, 8u, 0x100u, 0x101u, 0xffffu})), 0, 8);
      } else if (lane.control_out.try_loan(8) != nullptr) {
        lane.control_out.commit({.kind = kind_numbered(one_of({2u, 5u, 6u, 7u, 8u, 0x100u, 0x101u}))});
        lane.publish();
      }
      break;
    case Mutation::forged_answer: {
      const auto length = static_cast<std::uint32_t>(one_of<std::size_t>({0, 8, sizeof(attack::Answer), 33}));
      std::byte* place = lane.control_out.try_loan(length);
      if (place == nullptr) break;
      std::memset(place, static_cast<int>(below(3)), length);
      lane.control_out.commit({.kind = once_in(3) ? FrameKind::no_reply : FrameKind::reply,
                               .type = one_of<std::uint32_t>({0, 1, 7, attack::Answer::ringmail_type}),
                               .correlation = asked_ + static_cast<std::uint32_t>(below(5)) - 2,
                               .target = target()});
      lane.publish();
      break;
    }
    case Mutation::cursor: mutate_cursor(index); break;
    case Mutation::block: {
      // 512 bytes each of a consumer, then 128 each of a producer; its cursors have their own turn.
      const std::uint64_t offset = 8 * below(1280 / 8);
      const bool is_cursor = offset == 0 || offset == 512;
      if (!is_cursor) own_word(layout.peer_mail_consumer(index) + offset) = odd(lane.mail_in.position());
      break;
    }
    case Mutation::host_bell: mutate_host_bell(index); break;
    case Mutation::own_bell:
      end_.own_bell().park = static_cast<std::uint32_t>(random_());
      end_.own_bell().pending[below(std::size(end_.own_bell().pending))] = random_();
      break;
    case Mutation::anywhere: own_word(below(layout.peer_bytes())) = once_in(2) ? random_() : odd(last_); break;
    case Mutation::count: break;
  }
}

void Mutator::mutate_commit(std::uint32_t lane, std::uint64_t position) {
  const auto last = std::bit_cast<CommitWord>(mail_word(lane, last_).load());
  const std::uint64_t half = end_.layout().mail_to_host_bytes / 2 - sizeof(transport::FrameHeader);
  const auto due = static_cast<std::uint16_t>(last.sequence + (position == last_ ? 0 : 1));
  const CommitWord forged{
      .length = static_cast<std::uint32_t>(once_in(2) ? odd(last.length) : one_of({half, half + 1, half - 1})),
      .kind = once_in(2) ? FrameKind::message : kind_numbered(one_of({0u, 1u, 3u, 5u, 8u, 0x100u, 0x101u, 0xffffu})),
      .sequence = once_in(4) ? static_cast<std::uint16_t>(odd(due)) : due};
  mail_word(lane, position) = std::bit_cast<std::uint64_t>(forged);
}

/// Between right and wrong, so that whoever looks twice sees both.
void Mutator::flicker(std::uint32_t lane) {
  send(lane, FrameKind::message, attack::Note::ringmail_type, sizeof(attack::Note));
  const std::uint64_t at = once_in(4) ? last_ : last_ + 8 * below(last_bytes_ / 8);
  auto& word = mail_word(lane, at);
  const std::uint64_t right = word;
  auto wrong = odd(right);
  if (at == last_) {
    auto commit = std::bit_cast<CommitWord>(right);
    commit.length = static_cast<std::uint32_t>(odd(commit.length));
    wrong = std::bit_cast<std::uint64_t>(commit);
  }
  for (int i = 0; i < 500; ++i) word = (i & 1) != 0 ? right : wrong;
}

void Mutator::mutate_cursor(std::uint32_t index) {
  transport::Lane& lane = end_.lane(index);
  const bool mail = once_in(2);
  const std::uint64_t position = mail ? lane.mail_in.position() : lane.control_in.position();
  own_word(mail ? end_.layout().peer_mail_consumer(index) : end_.layout().peer_control_consumer(index)) = odd(position);
}

void Mutator::mutate_host_bell(std::uint32_t lane) {
  if (!end_.shares_host_bells()) {
    if (once_in(4)) peer_.ring(once_in(2) ? lane : end_.layout().lanes);
    return;
  }
  transport::Bell& bell = end_.host_bell(lane);
  const std::uint32_t park = bell.park;
  switch (below(5)) {
    case 0:
      bell.park =
          one_of<std::uint32_t>({park + 1, park - 1, park + 4, park | 3, 0, static_cast<std::uint32_t>(random_())});
      break;
    case 1:
      bell.park = transport::ParkWord::make(transport::ParkWord::count(park), transport::ParkState::parked);
      break;
    case 2: bell.pending[below(std::size(bell.pending))] = random_(); break;
    case 3: bell.pending[0] = one_of<std::uint64_t>({0, ~0ull}); break;
    case 4: break;
  }
  transport::futex_wake(bell.park);
}

}  // namespace ringmail::test

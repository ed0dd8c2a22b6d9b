// A peer that goes through the motions of a good one and, in between, writes wrong words into every page that it may
// write, while the host reads them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <string_view>

#include "hostile_peer.hpp"

namespace ringmail::test {

enum class Mutation : std::uint8_t {
  payload,          ///< a word of a message that the host may be reading
  head,             ///< type, correlation, target or sender of one
  commit_due,       ///< the commit word that the host reads next
  commit_last,      ///< that of the message sent last
  flicker,          ///< a word of the message sent last, between right and wrong many times
  strange_message,  ///< a message in order whose type, length or target is not
  forged_kind,      ///< a frame in order of a kind that has no place there
  forged_answer,    ///< an answer to what nobody asked, or not so
  cursor,           ///< of mail or control
  block,            ///< any other word of the producers' and consumers' blocks
  host_bell,        ///< the host's park word and its set of cold rings
  own_bell,
  anywhere,
  count
};
inline constexpr auto mutations = static_cast<std::size_t>(Mutation::count);

/// In a file that every incarnation maps.
struct Progress {
  std::atomic<std::uint64_t> wanted;
  std::atomic<std::uint64_t> made;
  std::array<std::atomic<std::uint64_t>, mutations> made_of;
};

class Mutator {
 public:
  Mutator(HostilePeer& peer, Progress& progress, std::uint64_t seed)
      : peer_(peer), end_(peer.end()), progress_(progress), random_(seed) {}

  /// Until as many have been made as are wanted, or the host kills this process. `names`: of the actors to write to.
  void run(std::initializer_list<std::string_view> names);

 private:
  void wait_for_host(std::uint32_t lane);
  void behave(std::uint32_t lane);
  void send(std::uint32_t lane, transport::FrameKind kind, std::uint32_t type, std::uint32_t length);
  void mutate(std::uint32_t lane);
  void mutate(std::uint32_t lane, Mutation mutation);
  void mutate_commit(std::uint32_t lane, std::uint64_t position);
  void flicker(std::uint32_t lane);
  void mutate_cursor(std::uint32_t lane);
  void mutate_host_bell(std::uint32_t lane);

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool once_in(std::uint64_t times) { return below(times) == 0; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }
  /// Of a length or a position: something near the truth, or near an end.
  std::uint64_t odd(std::uint64_t truth) {
    return one_of<std::uint64_t>({truth + 1, truth - 1, truth + 64, truth - 64, truth + 8, truth ^ 1ull << below(64), 0,
                                  1ull << 31, 0xffff'ffff, 1ull << 63, ~0ull, random_()});
  }
  std::uint64_t target();
  std::atomic<std::uint64_t>& mail_word(std::uint32_t lane, std::uint64_t position);
  std::atomic<std::uint64_t>& own_word(std::uint64_t offset);

  HostilePeer& peer_;
  runtime::test::PeerEnd& end_;
  Progress& progress_;
  std::mt19937_64 random_;
  std::vector<std::uint64_t> mailboxes_;
  std::uint64_t last_ = 0;  // position of the message sent last
  std::uint32_t last_bytes_ = 64;
  std::uint32_t asked_ = 0;  // correlation of the host's last question
  std::uint64_t number_ = 0;
};

}  // namespace ringmail::test

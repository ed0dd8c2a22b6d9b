// The smallest host: one thread, and a peer that is forked from the test and talks to it through the C ABI alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/transport/acknowledged.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::transport::test {

/// What came from the peer, copied out.
struct Mail {
  FrameHead head;
  std::string text;
  std::optional<ReceivedBody> body{};  ///< held until the test gives it back
};

/// An actor of the host, on the scheduler whose lane this is.
constexpr std::uint64_t actor_on(std::uint32_t lane, std::uint64_t number = 1) {
  return std::uint64_t{lane} << 52 | number;
}

class TestHost {
 public:
  /// `arena_bytes`: of each lane, each way; 0: it has none.
  explicit TestHost(std::uint32_t lanes = 1, std::uint64_t mail_bytes = 4096, std::uint64_t arena_bytes = 0);
  TestHost(const TestHost&) = delete;
  ~TestHost();  ///< kills the peer that is left

  /// Forks. The child runs `peer` with RINGMAIL_FDS set and exits with what it returns.
  void spawn(const std::function<int()>& peer);
  /// Talks to a peer that came by itself.
  void take(Descriptor socket);

  /// Hello, welcome, ready. False, and error() says why: anything else came.
  bool shake_hands();
  bool receive_hello();
  Welcome make_welcome();
  void send_welcome(const Welcome& welcome);
  void send_refusal(const Refused& refused);
  void introduce(const Introduce& introduce, std::span<const int> with);
  void tell(const Presence& presence);
  bool receive_ready();
  /// spawn() and shake_hands() for the peer after the one that died: it takes up where that one left.
  bool respawn(const std::function<int()>& peer, std::uint32_t attempt = 0);

  /// Puts a message into the mail of a lane, and waits for room as long as it takes.
  void send(std::string_view text, FrameHead head = {}, std::uint32_t lane = 0);
  /// The same with a body, which is filled with one byte.
  void send_large(std::string_view text, std::uint64_t length, std::byte fill, FrameHead head = {});
  std::byte* loan_block(std::uint64_t length);  ///< waits for it as long as it takes
  void send_block(const std::byte* block, std::string_view text = {}, FrameHead head = {});
  /// Of lane 0.
  ArenaProducer& bodies_out() { return bodies_out_[0]; }
  const std::shared_ptr<BodySource>& bodies_in() { return bodies_in_[0]; }
  void send_control(std::string_view text, FrameHead head, std::uint32_t lane = 0);
  void stop();
  /// What has come on all lanes since the last time; finished thereby. Acknowledgements are taken, and not given out.
  std::vector<Mail> drain();
  /// Drains until so many have come in all; what came is returned. Fewer: they did not come in time.
  std::vector<Mail> drain_until(std::size_t count);

  /// The next frame on the control stream, or nothing at its end or after a while.
  std::optional<ControlFrame> next_frame();
  template <class Message>
  std::optional<Message> next() {
    auto frame = next_frame();
    if (!frame) return std::nullopt;
    auto message = decode<Message>(*frame);
    return message ? std::optional(*message) : std::nullopt;
  }
  void answer(const Resolved& resolved);
  void close_stream() { stream_.reset(); }

  /// Until the peer says that it sleeps: the host then has to ring.
  void await_parked();
  void kill();
  /// The exit status of the peer, or minus the signal that ended it.
  int join();
  /// What the dead peer has not finished on lane 0.
  RingProducer::Unfinished unfinished() { return lanes_[0].mail_out.unfinished(acknowledged_[0].position()); }

  Lane& lane(std::uint32_t index = 0) { return lanes_[index]; }
  LinkMail& mail() { return mail_; }
  Bells& bells() { return bells_; }
  Incarnation& incarnation() { return *incarnation_; }
  const ConsumerBlock& peer_cursor() const { return *peer_cursor_; }
  const Hello& hello() const { return hello_; }
  pid_t pid() const { return pid_; }

  std::string name = "tester";
  std::string schema = "message A { }";
  std::uint64_t more_features = pipe_doorbell | monitors | peer_log;  ///< that it chooses where the peer offers them
  std::vector<int> descriptors;                                       ///< of the segments, for the next welcome

 private:
  void open_lanes();

  LinkLayout layout_;
  Bells bells_;
  LinkMail mail_;
  std::optional<Incarnation> incarnation_;
  std::uint64_t incarnations_ = 0;
  std::vector<Lane> lanes_;
  std::vector<Acknowledged> acknowledged_;  // by lane, over all incarnations
  std::vector<ArenaProducer> bodies_out_;   // of all incarnations that have agreed
  std::vector<std::shared_ptr<BodySource>> bodies_in_;
  const ConsumerBlock* peer_cursor_ = nullptr;
  std::optional<ControlStream> stream_;
  Hello hello_;
  pid_t pid_ = -1;
};

}  // namespace ringmail::transport::test

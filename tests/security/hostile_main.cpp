// The peers of the tests of what a peer can do to its host: the first argument says which.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "attack.mail.hpp"
#include "mutator.hpp"
#include "ringmail.h"

namespace {

namespace runtime = ringmail::runtime;
namespace transport = ringmail::transport;

[[noreturn]] void wait_for_ever() {
  while (true) pause();
}

/// A good one: answers until it is told to stop.
int answer() {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.language = "c++";
  ringmail_peer* peer = nullptr;
  if (ringmail_attach(&options, &peer) != 0) return 2;
  ringmail_message message{};
  while (true) {
    const int received = ringmail_receive(peer, &message);
    if (received == RINGMAIL_ESTOPPED) {
      ringmail_detach(peer);
      return 0;
    }
    if (received < 0) return 3;
    if (received == 0) {
      if (ringmail_wait(peer, -1) < 0) return 4;
      continue;
    }
    if (message.type == attack::Question::ringmail_type && message.correlation != 0) {
      attack::Answer reply{};
      std::memcpy(&reply.number, message.payload, sizeof reply.number);
      ringmail_reply(peer, &message, attack::Answer::ringmail_type, &reply, sizeof reply);
    }
    ringmail_release(peer);
  }
}

int mutate(const char* file, std::uint64_t seed) {
  const int descriptor = open(file, O_RDWR | O_CLOEXEC);
  void* memory = mmap(nullptr, sizeof(ringmail::test::Progress), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return 2;
  ringmail::test::HostilePeer peer;
  peer.ready();
  ringmail::test::Mutator(peer, *static_cast<ringmail::test::Progress*>(memory), seed + peer.welcome().incarnation)
      .run({"sink", "waiter"});
  wait_for_ever();
}

/// Ready, and then `each` for ever.
template <class Each>
[[noreturn]] void for_ever(Each&& each) {
  ringmail::test::HostilePeer peer;
  peer.ready();
  std::mt19937_64 random(peer.welcome().incarnation);
  while (true) {
    for (std::uint32_t lane = 0; lane < peer.welcome().lanes; ++lane) each(peer, lane, random);
  }
}

/// Says that it sleeps for room in every ring, and gives the host cause to look.
[[noreturn]] void want() {
  for_ever([](ringmail::test::HostilePeer& peer, std::uint32_t lane, std::mt19937_64&) {
    auto& end = peer.end();
    for (const std::uint64_t block :
         {end.layout().peer_mail_producer(lane), end.layout().peer_control_producer(lane)}) {
      end.own().at<transport::ProducerBlock>(block)->want = 1;
    }
    end.own_bell().park = end.own_bell().park + 5;  // asleep, and never the same sleep
    static_cast<void>(end.send(lane, runtime::ActorId(1), 1));
  });
}

/// Wakes the host's threads without end, and says of every ring that something is in it.
[[noreturn]] void ring() {
  for_ever([](ringmail::test::HostilePeer& peer, std::uint32_t lane, std::mt19937_64& random) {
    transport::Bell& bell = peer.end().host_bell(lane);
    bell.park = static_cast<std::uint32_t>(random());
    for (auto& word : bell.pending) word = random();
    transport::futex_wake(bell.park);
  });
}

/// Takes the pages away on which the host's threads sleep.
[[noreturn]] void punch() {
  for_ever([](ringmail::test::HostilePeer& peer, std::uint32_t, std::mt19937_64&) {
    for (const auto role : {transport::SegmentRole::host_bells, transport::SegmentRole::peer_bells}) {
      const auto bytes = role == transport::SegmentRole::peer_bells ? sizeof(transport::Bell)
                                                                    : peer.welcome().lanes * sizeof(transport::Bell);
      if (fallocate(peer.descriptor(role), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) !=
          0)
        std::exit(7);
    }
  });
}

[[noreturn]] void be_deaf() {
  ringmail::test::HostilePeer peer;
  peer.ready();
  wait_for_ever();
}

/// Closes its segment before the host has closed it to further writers.
[[noreturn]] void seal_early() {
  ringmail::test::HostilePeer peer;
  if (fcntl(peer.descriptor(transport::SegmentRole::peer), F_ADD_SEALS, F_SEAL_SEAL) != 0) std::exit(7);
  peer.ready();
  wait_for_ever();
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view role = count > 1 ? arguments[1] : "";
  if (role == "answer") return answer();
  if (role == "mutate") return mutate(arguments[2], std::strtoull(arguments[3], nullptr, 0));
  if (role == "deaf") be_deaf();
  if (role == "want") want();
  if (role == "ring") ring();
  if (role == "punch") punch();
  if (role == "seal-early") seal_early();
  return 64;
}

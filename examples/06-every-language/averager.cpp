// With ringmail/peer.hpp, which needs the C ABI and none of the runtime.
#include <ringmail/peer.hpp>

#include "averaging.mail.hpp"

struct Averager {
  void on(const averaging::Sample& sample) {
    ++samples;
    sum += sample.value;
  }
  averaging::Mean on(const averaging::Get&) {
    return {.samples = samples, .value = samples > 0 ? sum / static_cast<double>(samples) : 0};
  }

  std::uint64_t samples = 0;
  double sum = 0;
};

int main() {
  auto peer = ringmail::Peer::attach({.schema = averaging::ringmail_schema});
  if (!peer) return peer.error().report("averager");
  Averager averager;
  const auto ended = peer->run<averaging::Averager>(averager);
  return ended ? 0 : ended.error().report("averager");
}

// With ringmail/peer.hpp, which needs the C ABI and none of the runtime.
#include <ringmail/peer.hpp>

#include "mean.mail.hpp"

struct Averager {
  void on(const mean::Sample& sample) {
    ++samples;
    sum += sample.value;
  }
  mean::Mean on(const mean::Get&) {
    return {.samples = samples, .value = samples > 0 ? sum / static_cast<double>(samples) : 0};
  }

  std::uint64_t samples = 0;
  double sum = 0;
};

int main() {
  auto peer = ringmail::Peer::attach({.schema = mean::ringmail_schema});
  if (!peer) return peer.error().report("mean");
  Averager averager;
  const auto ended = peer->run<mean::Averager>(averager);
  return ended ? 0 : ended.error().report("mean");
}

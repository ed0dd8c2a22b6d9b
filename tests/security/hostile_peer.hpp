// What a peer has: the stream, the segments as the welcome gave them, and no library between it and them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "../runtime/test_peer_end.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::test {

class HostilePeer {
 public:
  /// Shakes hands like anybody else, over what the process was given.
  HostilePeer() : stream_(transport::Descriptor(std::atoi(std::getenv(transport::inherited_descriptors_variable)))) {
    using namespace transport;
    if (!stream_.send(Hello::kind,
                      encode(Hello{.features = features_everywhere | stream_doorbell, .pid = 1, .language = "c++"})))
      std::exit(2);
    auto frame = next();
    const auto answer = decode<Welcome>(frame);
    if (!answer) std::exit(3);
    welcome_ = *answer;
    descriptors_ = std::move(frame.descriptors);
    const LinkLayout layout{.lanes = welcome_.lanes,
                            .mail_to_peer_bytes = welcome_.mail_to_peer_bytes,
                            .mail_to_host_bytes = welcome_.mail_to_host_bytes,
                            .control_bytes = welcome_.control_bytes};
    std::vector<int> numbers;
    for (const Descriptor& descriptor : descriptors_) numbers.push_back(descriptor.get());
    end_.emplace(layout, welcome_.segments, numbers, stream_);
  }

  /// Before this the host has not closed the peer's segment to further writers.
  void ready() {
    if (!stream_.send(transport::Ready::kind, encode(transport::Ready{}))) std::exit(4);
  }

  /// Whether or not there is cause. For who does not share the host's bells.
  void ring(std::uint32_t lane) {
    static_cast<void>(stream_.send(transport::Ring::kind, encode(transport::Ring{.lane = lane})));
  }

  /// 0: the host knows nobody of that name.
  std::uint64_t look_up(const std::string& name) {
    if (!stream_.send(transport::Resolve::kind, encode(transport::Resolve{.request = 1, .name = name}))) std::exit(5);
    const auto answer = transport::decode<transport::Resolved>(next());
    return answer ? answer->mailbox : 0;
  }

  const transport::Welcome& welcome() const { return welcome_; }
  runtime::test::PeerEnd& end() { return *end_; }
  int descriptor(transport::SegmentRole role) const {
    for (std::size_t i = 0; i < descriptors_.size(); ++i) {
      if (welcome_.segments[i].role == role) return descriptors_[i].get();
    }
    return -1;
  }

 private:
  transport::ControlFrame next() {
    auto frame = stream_.receive_until(transport::monotonic_ns() + 20'000'000'000);
    if (!frame || !*frame) std::exit(6);
    return std::move(**frame);
  }

  transport::ControlStream stream_;
  transport::Welcome welcome_;
  std::vector<transport::Descriptor> descriptors_;
  std::optional<runtime::test::PeerEnd> end_;
};

}  // namespace ringmail::test

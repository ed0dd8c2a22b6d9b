// The messages of the control stream as a fuzzer sees them: of each kind a good one, and all of its fields in turn.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mutation.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::fuzz {

using Bytes = std::vector<std::byte>;

template <class F>
void each_field(transport::Hello& hello, F&& field) {
  field(hello.version_min);
  field(hello.version_max);
  field(hello.features);
  field(hello.pid);
  field(hello.wanted_ring_bytes);
  field(hello.language);
  field(hello.name);
  field(hello.token);
  field(hello.schema);
}
template <class F>
void each_field(transport::Welcome& welcome, F&& field) {
  field(welcome.version);
  field(welcome.features);
  field(welcome.incarnation);
  field(welcome.line_bytes);
  field(welcome.lanes);
  field(welcome.mail_to_peer_bytes);
  field(welcome.mail_to_host_bytes);
  field(welcome.control_bytes);
  field(welcome.name);
  field(welcome.schema);
  field(welcome.host_pid);
  field(welcome.segments);
}
template <class F>
void each_field(transport::Refused& refused, F&& field) {
  field(refused.code);
  field(refused.text);
}
template <class F>
void each_field(transport::Resolve& resolve, F&& field) {
  field(resolve.request);
  field(resolve.name);
}
template <class F>
void each_field(transport::Resolved& resolved, F&& field) {
  field(resolved.request);
  field(resolved.found);
  field(resolved.mailbox);
}
template <class F>
void each_field(transport::Failure& failure, F&& field) {
  field(failure.text);
}
template <class F>
void each_field(transport::Ring& ring, F&& field) {
  field(ring.lane);
}
template <class F>
void each_field(transport::Log& log, F&& field) {
  field(log.level);
  field(log.text);
}
template <class F>
void each_field(transport::Ready&, F&&) {}
template <class F>
void each_field(transport::Goodbye&, F&&) {}

/// As both ends of a real link say it.
template <class Message>
Message good() {
  Message message;
  if constexpr (std::is_same_v<Message, transport::Hello>) {
    message.pid = 4321;
    message.language = "python";
    message.name = "pricer";
    message.schema = "ringmail 1\n";
  } else if constexpr (std::is_same_v<Message, transport::Welcome>) {
    message.incarnation = 1;
    message.mail_to_peer_bytes = message.mail_to_host_bytes = 65536;
    message.control_bytes = 4096;
    message.name = "pricer";
    message.host_pid = 1234;
    for (int role = 1; role <= 5; ++role) {
      message.segments.push_back({static_cast<transport::SegmentRole>(role), 8192, static_cast<std::uint32_t>(role)});
    }
  } else if constexpr (std::is_same_v<Message, transport::Resolve>) {
    message = {.request = 7, .name = "totals"};
  } else if constexpr (std::is_same_v<Message, transport::Resolved>) {
    message = {.request = 7, .found = true, .mailbox = 1ull << 52 | 3};
  } else if constexpr (std::is_same_v<Message, transport::Refused>) {
    message = {transport::RefusalCode::schema, "message Tick: field price is f64 here and u64 there"};
  } else if constexpr (std::is_same_v<Message, transport::Failure>) {
    message.text = "ValueError: no such airport";
  } else if constexpr (std::is_same_v<Message, transport::Log>) {
    message = {.level = transport::LogLevel::warning, .text = "late by 5 minutes"};
  }
  return message;
}

/// Calls `visit` with a good message of the kind: 1 to 10.
template <class Visit>
auto with_kind(unsigned kind, Visit&& visit) {
  using namespace transport;
  switch (kind) {
    case 1: return visit(good<Hello>());
    case 2: return visit(good<Welcome>());
    case 3: return visit(good<Ready>());
    case 4: return visit(good<Refused>());
    case 5: return visit(good<Resolve>());
    case 6: return visit(good<Resolved>());
    case 7: return visit(good<Failure>());
    case 8: return visit(good<Goodbye>());
    case 9: return visit(good<Ring>());
    default: return visit(good<Log>());
  }
}

/// Changes one field into something that may be good or bad.
class FieldChange {
 public:
  FieldChange(Chance& chance, std::size_t which) : chance_(chance), which_(which) {}

  template <class Field>
  void operator()(Field& field) {
    if (seen_++ == which_) change(field);
  }

 private:
  void change(std::unsigned_integral auto& number) {
    number = chance_.number<std::remove_reference_t<decltype(number)>>();
  }
  void change(bool& flag) { flag = !flag; }
  void change(transport::LogLevel& level) { level = static_cast<transport::LogLevel>(chance_.below(8)); }
  void change(transport::RefusalCode& code) { code = static_cast<transport::RefusalCode>(chance_.below(14)); }
  void change(std::string& text) {
    if (chance_.one_in(8)) {
      // About the limits of names, languages and tokens.
      constexpr std::array<std::size_t, 4> limits{32, 128, 255, 300};
      text.resize(limits[chance_.below(limits.size())] + chance_.below(3) - 1, 'x');
    } else {
      text = mutated(std::move(text), 300);
    }
  }
  void change(std::vector<transport::WelcomeSegment>& segments) {
    if (segments.empty() || chance_.one_in(4)) {
      segments.push_back({static_cast<transport::SegmentRole>(chance_.below(8)), 4096, 1});
    } else if (chance_.one_in(3)) {
      segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(chance_.below(segments.size())));
    } else {
      auto& segment = segments[chance_.below(segments.size())];
      segment = {static_cast<transport::SegmentRole>(chance_.below(8)), chance_.number<std::uint64_t>(),
                 chance_.number<std::uint32_t>()};
    }
  }

  Chance& chance_;
  std::size_t which_;
  std::size_t seen_ = 0;
};

/// Bytes near to what encode() gives: a field of the message changed, and now and then a number in the bytes.
template <class Message>
Bytes near_to(Message message, Chance& chance) {
  std::size_t fields = 0;
  each_field(message, [&](auto&) { ++fields; });
  if (fields != 0) each_field(message, FieldChange(chance, chance.below(fields)));
  Bytes bytes = transport::encode(message);
  if (!bytes.empty() && chance.one_in(3)) {
    const std::size_t at = chance.below(bytes.size());
    const auto number = chance.number<std::uint32_t>();
    std::memcpy(bytes.data() + at, &number, std::min(sizeof number, bytes.size() - at));
  }
  if (chance.one_in(8)) bytes.resize(chance.below(bytes.size() + 3));
  return bytes;
}

}  // namespace ringmail::fuzz

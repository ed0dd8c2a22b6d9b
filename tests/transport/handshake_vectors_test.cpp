// What bindings/vectors/handshake.txt says of the messages of the handshake and of the stream that they come by.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <map>
#include <string>

#include "../vectors.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/layout.hpp"

namespace ringmail::transport::test {

using namespace ringmail::test;

namespace {

using Fields = std::map<std::string, std::string>;

Fields fields_of(const Vector& vector) {
  Fields fields;
  for (std::size_t i = 2; i < vector.words.size(); ++i) {
    const auto parts = split(vector.words[i], '=');
    fields[parts.at(0)] = text_of_word(parts.at(1));
  }
  return fields;
}

/// One list of the fields of each message, for both ways: into a map of what they hold, and out of it.
class ToFields {
 public:
  explicit ToFields(Fields& fields) : fields_(fields) {}
  void operator()(const char* name, const std::string& value) { fields_[name] = value; }
  void operator()(const char* name, std::vector<WelcomeSegment>& segments) {
    std::string text;
    for (const WelcomeSegment& segment : segments) {
      if (!text.empty()) text += ',';
      text += std::to_string(static_cast<unsigned>(segment.role)) + ':' + std::to_string(segment.bytes) + ':' +
              std::to_string(segment.host_fd);
    }
    fields_[name] = text;
  }
  template <class Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  void operator()(const char* name, Number value) {
    fields_[name] = std::to_string(static_cast<std::uint64_t>(value));
  }

 private:
  Fields& fields_;
};

class FromFields {
 public:
  explicit FromFields(const Fields& fields) : fields_(fields) {}
  void operator()(const char* name, std::string& value) { value = fields_.at(name); }
  void operator()(const char* name, std::vector<WelcomeSegment>& segments) {
    for (const std::string& entry : split(fields_.at(name), ',')) {
      const auto parts = split(entry, ':');
      segments.push_back({static_cast<SegmentRole>(number_of<unsigned>(parts.at(0))),
                          number_of<std::uint64_t>(parts.at(1)), number_of<std::uint32_t>(parts.at(2))});
    }
  }
  template <class Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  void operator()(const char* name, Number& value) {
    value = static_cast<Number>(number_of<std::uint64_t>(fields_.at(name)));
  }

 private:
  const Fields& fields_;
};

void each_field(auto& field, Hello& m) {
  field("version_min", m.version_min);
  field("version_max", m.version_max);
  field("features", m.features);
  field("pid", m.pid);
  field("wanted_ring_bytes", m.wanted_ring_bytes);
  field("language", m.language);
  field("name", m.name);
  field("token", m.token);
  field("schema", m.schema);
}
void each_field(auto& field, Welcome& m) {
  field("version", m.version);
  field("features", m.features);
  field("incarnation", m.incarnation);
  field("line_bytes", m.line_bytes);
  field("lanes", m.lanes);
  field("mail_to_peer_bytes", m.mail_to_peer_bytes);
  field("mail_to_host_bytes", m.mail_to_host_bytes);
  field("control_bytes", m.control_bytes);
  field("name", m.name);
  field("schema", m.schema);
  field("host_pid", m.host_pid);
  field("segments", m.segments);
}
void each_field(auto&, Ready&) {}
void each_field(auto&, Goodbye&) {}
void each_field(auto& field, Refused& m) {
  field("code", m.code);
  field("text", m.text);
}
void each_field(auto& field, Resolve& m) {
  field("request", m.request);
  field("name", m.name);
}
void each_field(auto& field, Resolved& m) {
  field("request", m.request);
  field("found", m.found);
  field("mailbox", m.mailbox);
}
void each_field(auto& field, Failure& m) { field("text", m.text); }
void each_field(auto& field, Ring& m) { field("lane", m.lane); }
void each_field(auto& field, Log& m) {
  field("level", m.level);
  field("text", m.text);
}
void each_field(auto& field, Introduce& m) {
  field("lane", m.lane);
  field("name", m.name);
  field("mail_bytes", m.mail_bytes);
  field("control_bytes", m.control_bytes);
}
void each_field(auto& field, IntroduceByNumber& m) {
  each_field(field, m.introduce);
  field("own_fd", m.own_fd);
  field("other_fd", m.other_fd);
  field("bell_fd", m.bell_fd);
}
void each_field(auto& field, Introduced& m) {
  field("lane", m.lane);
  field("text", m.text);
}
void each_field(auto& field, Presence& m) {
  field("lane", m.lane);
  field("state", m.state);
}

std::string name_of(DecodeError::Code code) {
  switch (code) {
    case DecodeError::truncated: return "truncated";
    case DecodeError::trailing: return "trailing";
    case DecodeError::too_long: return "too_long";
    case DecodeError::bad_text: return "bad_text";
    case DecodeError::out_of_range: return "out_of_range";
    case DecodeError::bad_magic: return "bad_magic";
    case DecodeError::wrong_kind: return "wrong_kind";
  }
  return "unknown";
}

std::string name_of(StreamError::Code code) {
  switch (code) {
    case StreamError::closed: return "closed";
    case StreamError::closed_in_frame: return "closed_in_frame";
    case StreamError::too_long: return "too_long";
    case StreamError::malformed: return "malformed";
    case StreamError::unexpected_descriptor: return "unexpected_descriptor";
    case StreamError::lost_descriptor: return "lost_descriptor";
    case StreamError::backlog: return "backlog";
    case StreamError::io: return "io";
  }
  return "unknown";
}

/// The name of what the other side is told.
std::string name_of(RefusalCode code) {
  constexpr const char* names[] = {"",       "bad_magic",  "malformed",    "version",     "missing_feature",
                                   "schema", "ring_size",  "unknown_name", "not_allowed", "deadline",
                                   "busy",   "bad_segment"};
  return names[static_cast<std::size_t>(code)];
}

/// What is wrong with a message that can be read; empty: nothing is. A peer has one code for whatever it finds.
std::string verdict_on(const Hello& hello) {
  const auto chosen = negotiate(hello, {});
  return chosen ? "" : name_of(chosen.error().code);
}
std::string verdict_on(const Welcome& welcome) {
  constexpr std::uint64_t everything = 0x7df;
  if (welcome.line_bytes != line_bytes) return name_of(RefusalCode::bad_segment);  // as JoinedLink::greet()
  return check(welcome, welcome.segments.size(), everything) ? "" : name_of(RefusalCode::bad_segment);
}
std::string verdict_on(const auto&) { return ""; }

template <class Message>
void run(const Vector& vector) {
  const std::string payload = bytes_of(vector.words.at(1));
  const auto decoded = decode<Message>(std::as_bytes(std::span(payload)));
  if (vector.verb == "bad") {
    ASSERT_FALSE(decoded);
    EXPECT_EQ(name_of(decoded.error().code), vector.words.at(2)) << to_string(decoded.error());
    return;
  }
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  if (vector.verb == "unfit") {
    EXPECT_EQ(verdict_on(*decoded), vector.words.at(2));
    return;
  }
  const Fields fields = fields_of(vector);
  if (vector.verb != "write") {
    Fields read;
    ToFields to(read);
    Message copy = *decoded;
    each_field(to, copy);
    EXPECT_EQ(read, fields);
  }
  if (vector.verb == "good") {
    EXPECT_EQ(verdict_on(*decoded), "");
  }
  if (vector.verb == "read") return;
  Message message;
  FromFields from(fields);
  each_field(from, message);
  const auto written = encode(message);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(written.data()), written.size()), payload);
}

/// What comes out of a stream of these bytes that ends behind them, and how it ends.
std::pair<std::string, std::string> received(const std::string& bytes) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ControlStream reader{Descriptor(ends[0])};
  Descriptor writer(ends[1]);
  std::string frames;
  std::size_t written = 0;
  while (true) {
    const auto frame = reader.receive();
    if (!frame) return {frames, name_of(frame.error().code)};
    if (*frame) {
      const auto& payload = (*frame)->payload;
      frames += std::to_string(static_cast<unsigned>((*frame)->kind)) + ':';
      frames += std::string(reinterpret_cast<const char*>(payload.data()), payload.size()) + ' ';
      continue;
    }
    if (written == bytes.size()) {
      writer = Descriptor();
      continue;
    }
    const ssize_t sent = ::send(writer.get(), bytes.data() + written, bytes.size() - written, MSG_DONTWAIT);
    if (sent > 0) written += static_cast<std::size_t>(sent);
  }
}

void run_stream(const Vector& vector) {
  const std::string bytes = bytes_of(vector.words.at(1));
  const bool is_bad = vector.verb == "bad";
  std::string frames, written;
  for (std::size_t i = is_bad ? 3 : 2; i < vector.words.size(); ++i) {
    const auto parts = split(vector.words[i], ':');
    const std::string payload = bytes_of(parts.at(1));
    frames += parts.at(0) + ':' + payload + ' ';
    const auto length = static_cast<std::uint32_t>(payload.size());
    for (unsigned shift = 0; shift < 32; shift += 8) written += static_cast<char>(length >> shift);
    written += {static_cast<char>(number_of<unsigned>(parts[0])), 0, 0, 0};
    written += payload;
  }
  EXPECT_EQ(received(bytes), std::pair(frames, is_bad ? vector.words.at(2) : std::string("closed")));
  if (vector.verb == "good") {
    EXPECT_EQ(written, bytes);
  }
}

TEST(HandshakeVectors, are_read_written_and_refused) {
  const std::map<std::string, std::function<void(const Vector&)>> messages = {
      {"hello", run<Hello>},
      {"welcome", run<Welcome>},
      {"ready", run<Ready>},
      {"refused", run<Refused>},
      {"resolve", run<Resolve>},
      {"resolved", run<Resolved>},
      {"failure", run<Failure>},
      {"goodbye", run<Goodbye>},
      {"ring", run<Ring>},
      {"log", run<Log>},
      {"introduce", run<Introduce>},
      {"introduced", run<Introduced>},
      {"introduce_by_number", run<IntroduceByNumber>},
      {"presence", run<Presence>},
      {"stream", run_stream},
  };
  for (const Vector& vector : vectors_of("handshake.txt")) {
    SCOPED_TRACE(vector.name);
    messages.at(vector.words.at(0))(vector);
  }
}

}  // namespace
}  // namespace ringmail::transport::test

#include "ringmail/transport/handshake.hpp"

#include <bit>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace ringmail::transport {

namespace {

enum class TextRule : std::uint8_t { name, optional_name, prose };

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  ///< 0: not UTF-8
};

// Strict: no overlong form, no surrogate, nothing past U+10FFFF. Otherwise two spellings of one name would be two
// names.
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || lead >= 0xf8 || text.size() < length) return {};
  std::uint32_t value = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < smallest[length] || surrogate || value > 0x10ffff) return {};
  return {value, length};
}

bool obeys(std::string_view text, TextRule rule) {
  if (text.empty()) return rule != TextRule::name;
  while (!text.empty()) {
    const auto [value, bytes] = first_code_point(text);
    if (bytes == 0 || value == 0) return false;
    const bool control = value < 0x20 || (value >= 0x7f && value < 0xa0);
    if (control && rule != TextRule::prose) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string mended(std::string_view text, std::size_t max_bytes) {
  std::string result;
  while (!text.empty()) {
    const auto [value, bytes] = first_code_point(text);
    const bool good = bytes != 0 && value != 0;
    const std::string_view piece = good ? text.substr(0, bytes) : "?";
    if (result.size() + piece.size() > max_bytes) break;
    result += piece;
    text.remove_prefix(good ? bytes : 1);
  }
  return result;
}

class Writer {
 public:
  static constexpr bool writes = true;

  void number(std::string_view, std::unsigned_integral auto value) {
    for (std::size_t i = 0; i < sizeof(value); ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }

  template <class Value>
    requires std::is_enum_v<Value> || std::same_as<Value, bool>
  void number(std::string_view field, Value value, Value, Value) {
    if constexpr (std::same_as<Value, bool>) {
      number(field, static_cast<std::uint8_t>(value));
    } else {
      number(field, std::to_underlying(value));
    }
  }

  void magic() { number("magic", hello_magic); }

  void text(std::string_view field, std::string_view value, std::size_t, TextRule) {
    number(field, static_cast<std::uint32_t>(value.size()));
    const auto bytes = std::as_bytes(std::span(value));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  // One that must arrive, whatever it is.
  void mended_text(std::string_view field, std::string_view value, std::size_t max_bytes) {
    text(field, mended(value, max_bytes), max_bytes, TextRule::prose);
  }

  void count(std::string_view field, const auto& list, std::size_t) {
    number(field, static_cast<std::uint8_t>(list.size()));
  }

  void require(std::string_view, bool, std::uint64_t) {}

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// After the first error every call does nothing, so that a message's fields need not be asked one by one.
class Reader {
 public:
  static constexpr bool writes = false;

  Reader(ControlKind message, std::span<const std::byte> bytes) : message_(message), rest_(bytes) {}

  void number(std::string_view field, std::unsigned_integral auto& value) {
    using Value = std::remove_reference_t<decltype(value)>;
    const auto bytes = take(field, sizeof(Value));
    Value read = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      read = static_cast<Value>(read | std::to_integer<Value>(bytes[i]) << (8 * i));
    }
    if (!error_) value = read;
  }

  template <class Value>
    requires std::is_enum_v<Value> || std::same_as<Value, bool>
  void number(std::string_view field, Value& value, Value least, Value most) {
    using Number = typename std::conditional_t<std::is_enum_v<Value>, std::underlying_type<Value>,
                                               std::type_identity<std::uint8_t>>::type;
    Number read = static_cast<Number>(least);
    number(field, read);
    require(field, read >= static_cast<Number>(least) && read <= static_cast<Number>(most), read);
    if (!error_) value = static_cast<Value>(read);
  }

  void magic() {
    std::uint32_t read = 0;
    number("magic", read);
    if (!error_ && read != hello_magic) fail(DecodeError::bad_magic, "magic", read);
  }

  void text(std::string_view field, std::string& value, std::size_t max_bytes, TextRule rule) {
    std::uint32_t length = 0;
    number(field, length);
    if (!error_ && length > max_bytes) fail(DecodeError::too_long, field, length);
    const auto bytes = take(field, length);
    if (error_) return;
    const std::string_view read(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!obeys(read, rule)) return fail(DecodeError::bad_text, field, 0);
    value = read;
  }

  void mended_text(std::string_view field, std::string& value, std::size_t max_bytes) {
    text(field, value, max_bytes, TextRule::prose);
  }

  void count(std::string_view field, auto& list, std::size_t most) {
    std::uint8_t read = 0;
    number(field, read);
    if (!error_ && read > most) fail(DecodeError::too_long, field, read);
    if (!error_) list.resize(read);
  }

  void require(std::string_view field, bool holds, std::uint64_t value) {
    if (!error_ && !holds) fail(DecodeError::out_of_range, field, value);
  }

  std::optional<DecodeError> finish(bool more_may_follow) {
    if (!error_ && !rest_.empty() && !more_may_follow) fail(DecodeError::trailing, "end", rest_.size());
    return error_;
  }

 private:
  std::span<const std::byte> take(std::string_view field, std::size_t bytes) {
    if (error_) return {};
    if (bytes > rest_.size()) {
      fail(DecodeError::truncated, field, rest_.size());
      return {};
    }
    return std::exchange(rest_, rest_.subspan(bytes)).first(bytes);
  }

  void fail(DecodeError::Code code, std::string_view field, std::uint64_t value) {
    error_ = DecodeError{code, message_, field, value};
  }

  ControlKind message_;
  std::span<const std::byte> rest_;
  std::optional<DecodeError> error_;
};

// What is written is what is read: each message's layout stands here once, for both.
template <class Io, class Message>
using In = std::conditional_t<Io::writes, const Message, Message>;

template <class Io>
void fields(Io& io, In<Io, Hello>& hello) {
  io.magic();
  io.number("version_min", hello.version_min);
  io.number("version_max", hello.version_max);
  io.require("version_min", hello.version_min >= 1, hello.version_min);
  io.require("version_max", hello.version_max >= hello.version_min, hello.version_max);
  io.number("features", hello.features);
  io.number("pid", hello.pid);
  io.number("wanted_ring_bytes", hello.wanted_ring_bytes);
  io.text("language", hello.language, max_language_bytes, TextRule::name);
  io.text("name", hello.name, max_name_bytes, TextRule::optional_name);
  io.text("token", hello.token, max_token_bytes, TextRule::optional_name);
  io.text("schema", hello.schema, max_schema_bytes, TextRule::prose);
}

template <class Io>
void fields(Io& io, In<Io, Welcome>& welcome) {
  io.number("version", welcome.version);
  io.number("features", welcome.features);
  io.number("incarnation", welcome.incarnation);
  io.number("line_bytes", welcome.line_bytes);
  io.number("lanes", welcome.lanes);
  io.number("mail_to_peer_bytes", welcome.mail_to_peer_bytes);
  io.number("mail_to_host_bytes", welcome.mail_to_host_bytes);
  io.number("control_bytes", welcome.control_bytes);
  io.text("name", welcome.name, max_name_bytes, TextRule::name);
  io.text("schema", welcome.schema, max_schema_bytes, TextRule::prose);
  io.number("host_pid", welcome.host_pid);
  io.count("segments", welcome.segments, max_control_descriptors);
  for (auto& segment : welcome.segments) {
    io.number("segment role", segment.role, SegmentRole::mail, SegmentRole::arena_to_host);
    io.number("segment bytes", segment.bytes);
    io.number("segment host_fd", segment.host_fd);
  }
}

template <class Io>
void fields(Io&, In<Io, Ready>&) {}

template <class Io>
void fields(Io& io, In<Io, Refused>& refused) {
  io.number("code", refused.code, RefusalCode{0}, RefusalCode{0xffff});
  io.mended_text("text", refused.text, max_text_bytes);
}

template <class Io>
void fields(Io& io, In<Io, Resolve>& resolve) {
  io.number("request", resolve.request);
  io.text("name", resolve.name, max_name_bytes, TextRule::name);
}

template <class Io>
void fields(Io& io, In<Io, Resolved>& resolved) {
  io.number("request", resolved.request);
  io.number("found", resolved.found, false, true);
  io.number("mailbox", resolved.mailbox);
  io.require("mailbox", resolved.found || resolved.mailbox == 0, resolved.mailbox);
}

template <class Io>
void fields(Io& io, In<Io, Failure>& failure) {
  io.mended_text("text", failure.text, max_text_bytes);
}

template <class Io>
void fields(Io& io, In<Io, Outlive>& outlive) {
  io.number("time_ns", outlive.time_ns);
  io.text("path", outlive.path, max_path_bytes, TextRule::name);
  io.text("token", outlive.token, max_token_bytes, TextRule::name);
}

template <class Io>
void fields(Io&, In<Io, Goodbye>&) {}

template <class Io>
void fields(Io& io, In<Io, Ring>& ring) {
  io.number("lane", ring.lane);
}

template <class Io>
void fields(Io& io, In<Io, Log>& log) {
  io.number("level", log.level, LogLevel::trace, LogLevel::critical);
  io.mended_text("text", log.text, max_text_bytes);
}

template <class Io>
void fields(Io& io, In<Io, Introduce>& introduce) {
  io.number("lane", introduce.lane);
  io.text("name", introduce.name, max_name_bytes, TextRule::name);
  for (const auto& [field, bytes] :
       {std::pair("mail_bytes", &introduce.mail_bytes), std::pair("control_bytes", &introduce.control_bytes)}) {
    io.number(field, *bytes);
    io.require(field, is_ring_size(*bytes), *bytes);
  }
}

template <class Io>
void fields(Io& io, In<Io, IntroduceByNumber>& message) {
  fields<Io>(io, message.introduce);
  io.number("own_fd", message.own_fd);
  io.number("other_fd", message.other_fd);
  io.number("bell_fd", message.bell_fd);
}

template <class Io>
void fields(Io& io, In<Io, Introduced>& introduced) {
  io.number("lane", introduced.lane);
  io.mended_text("text", introduced.text, max_text_bytes);
}

template <class Io>
void fields(Io& io, In<Io, Presence>& presence) {
  io.number("lane", presence.lane);
  io.number("state", presence.state, Presence::away, Presence::ended);
}

// A later version may append to its hello, and must still be told which versions this host speaks.
bool may_be_longer(const Hello& hello) { return hello.version_max > protocol_version; }
bool may_be_longer(const Welcome& welcome) { return welcome.version > protocol_version; }
bool may_be_longer(const auto&) { return false; }

template <class Message>
std::vector<std::byte> write(const Message& message) {
  Writer writer;
  fields(writer, message);
  return writer.take();
}

}  // namespace

std::vector<std::byte> encode(const Hello& hello) { return write(hello); }
std::vector<std::byte> encode(const Welcome& welcome) { return write(welcome); }
std::vector<std::byte> encode(const Ready& ready) { return write(ready); }
std::vector<std::byte> encode(const Refused& refused) { return write(refused); }
std::vector<std::byte> encode(const Resolve& resolve) { return write(resolve); }
std::vector<std::byte> encode(const Resolved& resolved) { return write(resolved); }
std::vector<std::byte> encode(const Failure& failure) { return write(failure); }
std::vector<std::byte> encode(const Outlive& outlive) { return write(outlive); }
std::vector<std::byte> encode(const Goodbye& goodbye) { return write(goodbye); }
std::vector<std::byte> encode(const Ring& ring) { return write(ring); }
std::vector<std::byte> encode(const Log& log) { return write(log); }
std::vector<std::byte> encode(const Introduce& introduce) { return write(introduce); }
std::vector<std::byte> encode(const IntroduceByNumber& introduce) { return write(introduce); }
std::vector<std::byte> encode(const Introduced& introduced) { return write(introduced); }
std::vector<std::byte> encode(const Presence& presence) { return write(presence); }

template <class Message>
std::expected<Message, DecodeError> decode(std::span<const std::byte> payload) {
  Reader reader(Message::kind, payload);
  Message message;
  fields(reader, message);
  if (auto error = reader.finish(may_be_longer(message))) return std::unexpected(*error);
  return message;
}

template std::expected<Hello, DecodeError> decode<Hello>(std::span<const std::byte>);
template std::expected<Welcome, DecodeError> decode<Welcome>(std::span<const std::byte>);
template std::expected<Ready, DecodeError> decode<Ready>(std::span<const std::byte>);
template std::expected<Refused, DecodeError> decode<Refused>(std::span<const std::byte>);
template std::expected<Resolve, DecodeError> decode<Resolve>(std::span<const std::byte>);
template std::expected<Resolved, DecodeError> decode<Resolved>(std::span<const std::byte>);
template std::expected<Failure, DecodeError> decode<Failure>(std::span<const std::byte>);
template std::expected<Outlive, DecodeError> decode<Outlive>(std::span<const std::byte>);
template std::expected<Goodbye, DecodeError> decode<Goodbye>(std::span<const std::byte>);
template std::expected<Ring, DecodeError> decode<Ring>(std::span<const std::byte>);
template std::expected<Log, DecodeError> decode<Log>(std::span<const std::byte>);
template std::expected<Introduce, DecodeError> decode<Introduce>(std::span<const std::byte>);
template std::expected<IntroduceByNumber, DecodeError> decode<IntroduceByNumber>(std::span<const std::byte>);
template std::expected<Introduced, DecodeError> decode<Introduced>(std::span<const std::byte>);
template std::expected<Presence, DecodeError> decode<Presence>(std::span<const std::byte>);

}  // namespace ringmail::transport

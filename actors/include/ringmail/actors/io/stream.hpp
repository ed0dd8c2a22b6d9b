// Byte streams: TCP, Unix domain sockets, and the pipes of child processes.
//
//     auto stream = io::TcpStream::connect("localhost", 7000, 5s);
//     stream->write("hello\n", 5s);
//     std::array<std::byte, 512> buffer;
//     auto got = stream->read(buffer, 5s);   // 0: the other end has finished
//
// Threads: read, write, connect are meant for handlers, and suspend them. One handler may read while another, of another
// actor too, writes; close() may be called meanwhile. Everything is closed on destruction, from any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail::io {

struct DeliveryOptions {
  std::size_t chunk = 64 * 1024;  ///< bytes of one message at most
  std::uint32_t credits = 16;     ///< so many messages may be unhandled; then nothing is read until one has been
};

/// What came in on a stream that delivers. Copies share the bytes. Once all copies of the message are gone it counts as
/// handled, and the stream may read on; to keep the bytes alone holds nothing up.
struct Received {
  std::uint64_t stream = 0;  ///< Stream::id()
  IoBuffer bytes{};
  IoCredit credit{};
};

/// A stream that delivers has come to its end: all was received, or an error.
struct Closed {
  std::uint64_t stream = 0;
  bool failed = false;
  IoError error{};  ///< meaningful if it failed
};

namespace detail {
/// An actor, and its handlers of what a stream delivers.
struct StreamReceiver {
  runtime::System* system;
  runtime::ActorId actor;
  const runtime::Binding* received;
  const runtime::Binding* closed;
};
}  // namespace detail

class Stream {
 public:
  enum class Kind : std::uint8_t { socket, pipe };

  Stream() = default;  ///< closed
  Stream(runtime::IoDescriptor descriptor, Kind kind);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  /// As many bytes as there are, at most the span's; waits for the first. 0: the other end has finished, or the span is empty.
  std::expected<std::size_t, IoError> read(std::span<std::byte> into, Timeout timeout);
  /// All of the span, or an error: `reset` where the stream ends before.
  std::expected<void, IoError> read_exactly(std::span<std::byte> into, Timeout timeout);

  /// All of it. Suspends until the kernel has taken the last byte: that is the backpressure. IoError::done says how much went
  /// before an error.
  std::expected<void, IoError> write(std::span<const std::byte> bytes, Timeout timeout);
  std::expected<void, IoError> write(std::string_view text, Timeout timeout) { return write(bytes_of(text), timeout); }

  /// The other end reads 0 after what was written; it may still write.
  std::expected<void, IoError> finish_writing();

  void close() { descriptor_.close(); }
  bool is_open() const { return descriptor_.is_open(); }

  /// Unique in this process, and never used again.
  std::uint64_t id() const { return id_; }

  /// From now on the reactor reads, and the actor gets Received messages and at last one Closed, until the stream is closed
  /// here (nothing comes after that, also of what had been read) or the actor ends. Nobody may call read() any more; writing goes on as before.
  template <class A>
    requires(Accepts<A, Received> && Accepts<A, Closed>)
  void deliver(const Mailbox<A>& to, const DeliveryOptions& options = {}) {
    using ringmail::detail::binding_of;
    deliver({to.system(), to.address().actor, &binding_of<A, Received>, &binding_of<A, Closed>}, options);
  }

 protected:
  const runtime::IoDescriptor& descriptor() const { return descriptor_; }

 private:
  void deliver(const detail::StreamReceiver& receiver, const DeliveryOptions& options);

  runtime::IoDescriptor descriptor_;
  Kind kind_ = Kind::socket;
  std::uint64_t id_ = 0;
};

class TcpStream : public Stream {
 public:
  TcpStream() = default;
  explicit TcpStream(runtime::IoDescriptor descriptor);

  /// `host` is a number or a name; each of its addresses is tried.
  static std::expected<TcpStream, IoError> connect(const std::string& host, std::uint16_t port, Timeout timeout);
  static std::expected<TcpStream, IoError> connect(const SocketAddress& to, Timeout timeout);

  SocketAddress local_address() const { return runtime::local_address(descriptor()); }
  SocketAddress peer_address() const { return runtime::peer_address(descriptor()); }

  /// Whether small writes leave at once, as they do at first, or may wait to be sent together.
  void send_at_once(bool on);
};

class UnixStream : public Stream {
 public:
  UnixStream() = default;
  explicit UnixStream(runtime::IoDescriptor descriptor) : Stream(std::move(descriptor), Kind::socket) {}

  static std::expected<UnixStream, IoError> connect(std::string_view path, Timeout timeout);
  /// Two that are connected with each other. Any thread.
  static std::expected<std::pair<UnixStream, UnixStream>, IoError> pair();
};

}  // namespace ringmail::io

// Files. Each call suspends the handler while a thread of the event loop's library does the work, since disks do block.
//
// Threads: in a handler. A File may be moved to another actor, and is closed on destruction, after what is under way.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail::io {

class File {
 public:
  enum class Mode : std::uint8_t {
    read,
    write,       ///< made if it is not there, emptied if it is
    append,      ///< made if it is not there; each write goes to the end
    read_write,  ///< made if it is not there
    create,      ///< to write; `exists` if it is there
  };
  static constexpr std::int64_t here = -1;  ///< from where the last read or write ended

  File() = default;
  static std::expected<File, IoError> open(const std::string& path, Mode mode, Timeout timeout);

  /// Up to `bytes`; fewer only at the end of the file.
  std::expected<IoBuffer, IoError> read(std::size_t bytes, Timeout timeout, std::int64_t offset = here) const;
  /// All of it. A buffer is handed on as it is; a span is copied, since the handler may leave before the write is done.
  std::expected<void, IoError> write(IoBuffer bytes, Timeout timeout, std::int64_t offset = here) const;
  std::expected<void, IoError> write(std::span<const std::byte> bytes,
                                     Timeout timeout,
                                     std::int64_t offset = here) const {
    return write(IoBuffer::copy_of(bytes), timeout, offset);
  }
  std::expected<std::uint64_t, IoError> size(Timeout timeout) const;
  /// Everything written is on the disk.
  std::expected<void, IoError> sync(Timeout timeout) const;

  bool is_open() const { return file_.is_open(); }
  void close() { file_.close(); }

 private:
  runtime::IoFile file_;
};

/// `too_large` if it has more bytes than `most`.
std::expected<IoBuffer, IoError> read_file(const std::string& path,
                                           Timeout timeout,
                                           std::size_t most = 64 * 1024 * 1024);
/// In place of what was there. Not at once: who reads meanwhile may see a part.
std::expected<void, IoError> write_file(const std::string& path, IoBuffer bytes, Timeout timeout);
std::expected<void, IoError> write_file(const std::string& path, std::string_view text, Timeout timeout);

// --- As messages

/// A piece of a file. The pieces come in order. Copies share the bytes; once all copies of the message are gone it counts as
/// handled, and reading goes on; to keep the bytes alone holds nothing up.
struct FileChunk {
  std::uint64_t file = 0;    ///< what read_file() returned
  std::uint64_t offset = 0;  ///< of its first byte
  IoBuffer bytes{};
  IoCredit credit{};
};

/// After the last piece: all was read, or an error.
struct FileEnd {
  std::uint64_t file = 0;
  std::uint64_t size = 0;  ///< how many bytes have come
  bool failed = false;
  IoError error{};  ///< meaningful if it failed
};

struct FileDeliveryOptions {
  std::size_t chunk = 64 * 1024;  ///< bytes of one message; the last one may have fewer
  std::uint32_t credits = 4;      ///< so many messages may be unhandled; then nothing is read until one has been
};

namespace detail {
std::uint64_t read_file(const MessageReceiver& chunk,
                        const runtime::Binding& end,
                        std::string path,
                        const FileDeliveryOptions& options);
}  // namespace detail

/// Any thread. Reads a file from its start to its end, and brings it as FileChunk messages and one FileEnd, unless the actor ends
/// before. The number is unique in this process, and never used again.
template <class A>
  requires(Accepts<A, FileChunk> && Accepts<A, FileEnd>)
std::uint64_t read_file(const Mailbox<A>& to, std::string path, const FileDeliveryOptions& options = {}) {
  using ringmail::detail::binding_of;
  return detail::read_file({to.system(), to.address().actor, &binding_of<A, FileChunk>}, binding_of<A, FileEnd>,
                           std::move(path), options);
}

}  // namespace ringmail::io

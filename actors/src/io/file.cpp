#include "ringmail/actors/io/file.hpp"

#include <fcntl.h>

#include <atomic>
#include <cassert>
#include <optional>

#include "errand.hpp"
#include "ringmail/runtime/io_allowance.hpp"

namespace ringmail::io {
namespace {

using runtime::Deadline;

int flags_of(File::Mode mode) {
  switch (mode) {
    case File::Mode::read: return O_RDONLY;
    case File::Mode::write: return O_WRONLY | O_CREAT | O_TRUNC;
    case File::Mode::append: return O_WRONLY | O_CREAT | O_APPEND;
    case File::Mode::read_write: return O_RDWR | O_CREAT;
    case File::Mode::create: return O_WRONLY | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

constexpr int everybodys = 0666;  // less what umask says

/// Of one whose size says 0: what /proc shows is made while it is read.
constexpr std::size_t first_chunk = 4096;

}  // namespace

std::expected<File, IoError> File::open(const std::string& path, Mode mode, Timeout timeout) {
  auto opened = runtime::IoFile::open(path, flags_of(mode), everybodys, Deadline::after(timeout));
  if (!opened) return std::unexpected(std::move(opened.error()));
  File file;
  file.file_ = std::move(*opened);
  return file;
}

std::expected<IoBuffer, IoError> File::read(std::size_t bytes, Timeout timeout, std::int64_t offset) const {
  return file_.read(bytes, offset, Deadline::after(timeout));
}

std::expected<void, IoError> File::write(IoBuffer bytes, Timeout timeout, std::int64_t offset) const {
  return file_.write(std::move(bytes), offset, Deadline::after(timeout));
}

std::expected<std::uint64_t, IoError> File::size(Timeout timeout) const { return file_.size(Deadline::after(timeout)); }

std::expected<void, IoError> File::sync(Timeout timeout) const { return file_.sync(Deadline::after(timeout)); }

std::expected<IoBuffer, IoError> read_file(const std::string& path, Timeout timeout, std::size_t most) {
  const std::uint64_t deadline_ns = Deadline::after(timeout).at_ns();
  const auto file = runtime::IoFile::open(path, O_RDONLY, 0, deadline_ns);
  if (!file) return std::unexpected(file.error());
  const auto size = file->size(deadline_ns);
  if (!size) return std::unexpected(size.error());
  // One more than it should have, to see its end; and again from the start if it has grown.
  std::size_t room = *size == 0 ? first_chunk : *size + 1;
  for (;;) {
    if (room > most) room = most + 1;
    auto read = file->read(room, 0, deadline_ns);
    if (!read) return read;
    if (read->size() > most) return std::unexpected(runtime::io_error("read '" + path + "'", IoErrorKind::too_large));
    if (read->size() < room) return read;
    room *= 2;
  }
}

std::expected<void, IoError> write_file(const std::string& path, IoBuffer bytes, Timeout timeout) {
  const std::uint64_t deadline_ns = Deadline::after(timeout).at_ns();
  const auto file = runtime::IoFile::open(path, flags_of(File::Mode::write), everybodys, deadline_ns);
  if (!file) return std::unexpected(file.error());
  return file->write(std::move(bytes), -1, deadline_ns);
}

std::expected<void, IoError> write_file(const std::string& path, std::string_view text, Timeout timeout) {
  return write_file(path, IoBuffer::copy_of(bytes_of(text)), timeout);
}

namespace {

/// What came, and why no more did; nothing, if nobody is left to be told.
std::optional<FileEnd> deliver(const detail::MessageReceiver& to,
                               const std::string& path,
                               const FileDeliveryOptions& options,
                               std::uint64_t number) {
  FileEnd end{.file = number};
  const auto failed = [&](const IoError& error) -> std::optional<FileEnd> {
    if (error.kind == IoErrorKind::stopped) return std::nullopt;
    end.failed = true;
    end.error = error;
    return end;
  };
  const auto file = runtime::IoFile::open(path, O_RDONLY, 0, Deadline::never);
  if (!file) return failed(file.error());
  const auto allowance = runtime::IoAllowance::create(options.credits);
  for (;;) {
    runtime::IoCredit credit = allowance->take();
    if (credit == nullptr) return std::nullopt;
    auto bytes = file->read(options.chunk, static_cast<std::int64_t>(end.size), Deadline::never);
    if (!bytes) return failed(bytes.error());
    if (bytes->size() == 0) return end;
    const std::size_t size = bytes->size();
    if (!detail::bring(
            to,
            FileChunk{.file = number, .offset = end.size, .bytes = std::move(*bytes), .credit = std::move(credit)})) {
      return std::nullopt;
    }
    end.size += size;
  }
}

}  // namespace

std::uint64_t detail::read_file(const MessageReceiver& chunk,
                                const runtime::Binding& end,
                                std::string path,
                                const FileDeliveryOptions& options) {
  assert(options.chunk > 0 && options.credits > 0);
  static std::atomic<std::uint64_t> last{0};
  const std::uint64_t number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  run_errand(*chunk.system, chunk.actor, [chunk, &end, path = std::move(path), options, number] {
    if (auto over = deliver(chunk, path, options, number)) bring({chunk.system, chunk.actor, &end}, std::move(*over));
  });
  return number;
}

}  // namespace ringmail::io

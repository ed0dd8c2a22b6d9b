#include "ringmail/actors/io/file.hpp"

#include <fcntl.h>

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

}  // namespace ringmail::io

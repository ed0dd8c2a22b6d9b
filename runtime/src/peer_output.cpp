#include "peer_output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "peer_os.hpp"
#include "printable.hpp"

namespace ringmail::runtime {
namespace {

/// In one turn of the loop, so that one peer that prints without end does not keep it from the others.
constexpr std::size_t most_bytes_a_turn = 256 * 1024;
constexpr std::size_t most_bytes_of_last_line = 300;

}  // namespace

std::expected<std::unique_ptr<PeerOutput>, int> PeerOutput::create(ReactorLoop& loop,
                                                                   std::function<void(std::string_view)> line) {
  // A pipe and not a socket: programs open /dev/stdout anew, and that works with pipes alone.
  auto ends = make_pipe();
  if (!ends) return std::unexpected(ends.error());
  auto output = go_on(loop, std::move(ends->first), std::move(line));
  if (output) (*output)->peer_end_ = std::move(ends->second);
  return output;
}

std::expected<std::unique_ptr<PeerOutput>, int> PeerOutput::go_on(ReactorLoop& loop,
                                                                  transport::Descriptor host_end,
                                                                  std::function<void(std::string_view)> line) {
  std::unique_ptr<PeerOutput> output(new PeerOutput(std::move(line)));
  output->host_end_ = std::move(host_end);
  // Sets O_NONBLOCK, on this end alone.
  auto watch = LoopWatch::create(loop, output->host_end_.get(), [raw = output.get()](unsigned) { raw->read_some(); });
  if (!watch) return std::unexpected(watch.error());
  output->watch_ = std::move(*watch);
  output->watch_->watch(LoopWatch::readable);
  return output;
}

PeerOutput::PeerOutput(std::function<void(std::string_view)> line)
    : line_(std::move(line)), lines_([this](std::string_view text) {
        if (text.find_first_not_of(" \t") != std::string_view::npos) {
          last_line_ = printable(text, most_bytes_of_last_line);
        }
        line_(text);
      }) {}

void PeerOutput::read_some() {
  std::size_t budget = most_bytes_a_turn;
  while (budget > 0 && read_once(budget)) continue;
}

void PeerOutput::finish() {
  // Bounded by what is there now: a grandchild may go on printing for ever.
  int waiting = 0;
  if (host_end_ && ::ioctl(host_end_.get(), FIONREAD, &waiting) == 0 && waiting > 0) {
    auto budget = static_cast<std::size_t>(waiting);
    while (budget > 0 && read_once(budget)) continue;
  }
  close();
}

/// False when there is no more now, or ever.
bool PeerOutput::read_once(std::size_t& budget) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t got = ::read(host_end_.get(), buffer.data(), std::min(buffer.size(), budget));
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (got <= 0) {
    close();
    return false;
  }
  budget -= static_cast<std::size_t>(got);
  lines_.feed({buffer.data(), static_cast<std::size_t>(got)});
  return true;
}

void PeerOutput::close() {
  lines_.finish();
  watch_.reset();
  host_end_ = {};
}

}  // namespace ringmail::runtime

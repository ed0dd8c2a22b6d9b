// What blocks by its nature: files, and names. The event loop's library runs it on threads of its own.
#include <fcntl.h>
#include <netdb.h>
#include <uv.h>

#include <algorithm>

#include "io_ticket.hpp"
#include "ringmail/runtime/io.hpp"

namespace ringmail::runtime {
namespace {

/// One uv request, which frees itself when it is done. The hub cancels what has not begun when the reactor ends; what has
/// begun, the loop waits for.
template <class Request, class Result>
struct Running final : IoHub::Member {
  using Call = std::shared_ptr<IoCall<Result>>;

  void end() override { uv_cancel(reinterpret_cast<uv_req_t*>(&request)); }

  Request request{};
  IoHub* hub = nullptr;  // the reactor's, which outlives its loop's requests
  Call call;
  std::shared_ptr<const transport::Descriptor> descriptor;  // not closed before it is done
  IoBuffer buffer;
  std::string what;
};

template <class Running>
std::shared_ptr<Running> begin(const std::shared_ptr<IoHub>& hub, typename Running::Call call, std::string what) {
  auto running = std::make_shared<Running>();
  running->hub = hub.get();
  running->call = std::move(call);
  running->what = std::move(what);
  running->request.data = running.get();
  hub->enter(running);
  return running;
}

/// Of the request whose callback this is. It leaves the hub, and lives as long as what is returned.
template <class Running, class Request>
std::shared_ptr<Running> finished(Request* request) {
  auto* const running = static_cast<Running*>(request->data);
  return std::shared_ptr<Running>(running->hub->leave(*running), running);
}

template <class Running>
void fail(Running& running, int result) {
  running.call->fail(io_error(running.what, -result));
}

// --- Files

template <class Result>
using FileRequest = Running<uv_fs_t, Result>;

/// `issue(loop, running, callback)` starts it; `read(running, result)` makes the Result of one that succeeded.
template <class Result, class Issue, class Read>
std::expected<Result, IoError> file_call(std::string what,
                                         std::shared_ptr<const transport::Descriptor> descriptor,
                                         IoBuffer buffer,
                                         Deadline deadline,
                                         Issue issue,
                                         Read) {
  using Request = FileRequest<Result>;
  const std::string text = what;
  return io_call<Result>(
      text, deadline,
      [what = std::move(what), descriptor = std::move(descriptor), buffer = std::move(buffer),
       issue = std::move(issue)](const std::shared_ptr<IoHub>& hub, typename Request::Call call) mutable {
        auto running = begin<Request>(hub, std::move(call), std::move(what));
        running->descriptor = std::move(descriptor);
        running->buffer = std::move(buffer);
        const int issued = issue(hub->loop().native(), *running, [](uv_fs_t* done) {
          const auto over = finished<Request>(done);
          if (done->result < 0) {
            fail(*over, static_cast<int>(done->result));
          } else {
            over->call->finish(Read{}(*over));
          }
          uv_fs_req_cleanup(done);
        });
        if (issued >= 0) return;
        hub->leave(*running);
        fail(*running, issued);
      });
}

/// Beyond this one call of the kernel does not go either.
constexpr std::size_t most_bytes = 1u << 30;

uv_buf_t part_of(IoBuffer& buffer, std::size_t from) {
  const auto rest = buffer.writable().subspan(from);
  return uv_buf_init(reinterpret_cast<char*>(rest.data()), static_cast<unsigned>(std::min(rest.size(), most_bytes)));
}

using Flag = std::byte;  // a Result that says nothing

}  // namespace

std::string IoFile::text(const char* verb) const { return std::string(verb) + " '" + path_ + "'"; }

std::expected<IoFile, IoError> IoFile::open(const std::string& path, int flags, int mode, Deadline deadline) {
  using Opened = std::shared_ptr<const transport::Descriptor>;
  auto opened = file_call<Opened>(
      "open '" + path + "'", nullptr, {}, deadline,
      [path, flags, mode](uv_loop_t* loop, FileRequest<Opened>& running, uv_fs_cb done) {
        return uv_fs_open(loop, &running.request, path.c_str(), flags | O_CLOEXEC, mode, done);
      },
      [](FileRequest<Opened>& running) {
        return std::make_shared<const transport::Descriptor>(static_cast<int>(running.request.result));
      });
  if (!opened) return std::unexpected(std::move(opened.error()));
  IoFile file;
  file.descriptor_ = std::move(*opened);
  file.path_ = path;
  return file;
}

std::expected<IoBuffer, IoError> IoFile::read(std::size_t bytes, std::int64_t offset, Deadline deadline) const {
  if (!is_open()) return std::unexpected(io_error(text("read"), IoErrorKind::closed));
  IoBuffer buffer(bytes);
  const std::uint64_t deadline_ns = deadline.at_ns();
  std::size_t filled = 0;
  while (filled < bytes) {
    const auto got = file_call<std::size_t>(
        text("read"), descriptor_, buffer, deadline_ns,
        [fd = descriptor_->get(), filled, offset](uv_loop_t* loop, FileRequest<std::size_t>& running, uv_fs_cb done) {
          const uv_buf_t part = part_of(running.buffer, filled);
          const std::int64_t at = offset < 0 ? -1 : offset + static_cast<std::int64_t>(filled);
          return uv_fs_read(loop, &running.request, fd, &part, 1, at, done);
        },
        [](FileRequest<std::size_t>& running) { return static_cast<std::size_t>(running.request.result); });
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    filled += *got;
  }
  buffer.truncate(filled);
  return buffer;
}

std::expected<void, IoError> IoFile::write(IoBuffer bytes, std::int64_t offset, Deadline deadline) const {
  if (!is_open()) return std::unexpected(io_error(text("write"), IoErrorKind::closed));
  const std::uint64_t deadline_ns = deadline.at_ns();
  for (std::size_t gone = 0; gone < bytes.size();) {
    const auto took = file_call<std::size_t>(
        text("write"), descriptor_, bytes, deadline_ns,
        [fd = descriptor_->get(), gone, offset](uv_loop_t* loop, FileRequest<std::size_t>& running, uv_fs_cb done) {
          const uv_buf_t part = part_of(running.buffer, gone);
          const std::int64_t at = offset < 0 ? -1 : offset + static_cast<std::int64_t>(gone);
          return uv_fs_write(loop, &running.request, fd, &part, 1, at, done);
        },
        [](FileRequest<std::size_t>& running) { return static_cast<std::size_t>(running.request.result); });
    if (!took) {
      IoError error = took.error();
      error.done = gone;
      return std::unexpected(std::move(error));
    }
    gone += *took;
  }
  return {};
}

std::expected<std::uint64_t, IoError> IoFile::size(Deadline deadline) const {
  if (!is_open()) return std::unexpected(io_error(text("stat"), IoErrorKind::closed));
  return file_call<std::uint64_t>(
      text("stat"), descriptor_, {}, deadline,
      [fd = descriptor_->get()](uv_loop_t* loop, FileRequest<std::uint64_t>& running, uv_fs_cb done) {
        return uv_fs_fstat(loop, &running.request, fd, done);
      },
      [](FileRequest<std::uint64_t>& running) { return running.request.statbuf.st_size; });
}

std::expected<void, IoError> IoFile::sync(Deadline deadline) const {
  if (!is_open()) return std::unexpected(io_error(text("sync"), IoErrorKind::closed));
  const auto synced = file_call<Flag>(
      text("sync"), descriptor_, {}, deadline,
      [fd = descriptor_->get()](uv_loop_t* loop, FileRequest<Flag>& running, uv_fs_cb done) {
        return uv_fs_fsync(loop, &running.request, fd, done);
      },
      [](FileRequest<Flag>&) { return Flag(); });
  if (!synced) return std::unexpected(synced.error());
  return {};
}

// --- Names

namespace {

using Addresses = std::vector<SocketAddress>;
using NameRequest = Running<uv_getaddrinfo_t, Addresses>;

IoError name_error(const std::string& what, int result) {
  if (result == UV_ECANCELED) return io_error(what, IoErrorKind::stopped);
  const bool not_found = result == UV_EAI_NONAME || result == UV_EAI_NODATA || result == UV_EAI_SERVICE;
  const bool exhausted = result == UV_EAI_MEMORY;
  return {.kind = not_found                                         ? IoErrorKind::not_found
                  : exhausted                                       ? IoErrorKind::exhausted
                  : result == UV_EAI_AGAIN || result == UV_EAI_FAIL ? IoErrorKind::unreachable
                                                                    : IoErrorKind::other,
          .text = what + ": " + uv_strerror(result)};
}

void on_name(uv_getaddrinfo_t* done, int status, addrinfo* found) {
  const auto over = finished<NameRequest>(done);
  if (status != 0) return over->call->fail(name_error(over->what, status));
  Addresses addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    addresses.emplace_back(each->ai_addr, each->ai_addrlen);
  }
  uv_freeaddrinfo(found);
  over->call->finish(std::move(addresses));
}

}  // namespace

std::expected<Addresses, IoError> io_resolve(const std::string& host, const std::string& service, Deadline deadline) {
  const std::string what = "resolve '" + host + (service.empty() ? "'" : ":" + service + "'");
  return io_call<Addresses>(
      what, deadline, [what, host, service](const std::shared_ptr<IoHub>& hub, NameRequest::Call call) {
        auto running = begin<NameRequest>(hub, std::move(call), what);
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;  // else each address comes once for every type
        const int issued = uv_getaddrinfo(hub->loop().native(), &running->request, on_name, host.c_str(),
                                          service.empty() ? nullptr : service.c_str(), &hints);
        if (issued == 0) return;
        hub->leave(*running);
        running->call->fail(name_error(what, issued));
      });
}

}  // namespace ringmail::runtime

// Signals, and changes of files and directories: they come by themselves, as fast as they like. So each watch has credits, and
// what comes while there are none is counted or summed up.
#include <uv.h>

#include <atomic>
#include <utility>

#include "io_credits.hpp"
#include "io_ticket.hpp"
#include "ringmail/runtime/io.hpp"

namespace ringmail::runtime {
namespace {

/// One message says how many signals came; many changes are worth telling apart.
constexpr std::uint32_t signal_credits = 1;
constexpr std::uint32_t change_credits = 1024;

using Started = std::byte;

}  // namespace

/// In the hub from its start until its handle has been closed.
struct IoWatch::Watcher : public IoHub::Member, public std::enable_shared_from_this<Watcher> {
  Watcher(std::shared_ptr<IoHub> of, Scheduler& receiver) : hub(std::move(of)), to(receiver) {}

  // The reactor's.
  void end() override {
    uv_handle_t* const native = handle();
    // It may be ended before it could start, and twice.
    if (!has_started || uv_is_closing(native) != 0) return;
    uv_close(native, [](uv_handle_t* closed) {
      auto* const watcher = static_cast<Watcher*>(closed->data);
      // It may be the last who holds it, and so the hub.
      const auto hub = watcher->hub;
      hub->leave(*watcher);
    });
  }
  void started() {
    has_started = true;
    hub->enter(shared_from_this());
  }
  virtual uv_handle_t* handle() = 0;
  virtual int start() = 0;
  virtual void resume() = 0;

  void make_credits(std::uint32_t count) {
    credits = std::make_shared<IoCredits>(hub, count, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self != nullptr && !self->refused.load(std::memory_order_relaxed))
        self->resume();
    });
  }

  /// To the sink, on its thread; when it has returned false, never again.
  template <class Watcher, class Event>
  static void tell(const std::shared_ptr<Watcher>& self, Event&& event) {
    self->to.post([self, event = std::forward<Event>(event)]() mutable {
      if (self->refused.load(std::memory_order_relaxed) || self->sink(std::move(event))) return;
      self->refused.store(true, std::memory_order_relaxed);
      self->hub->post([self] { self->end(); });
    });
  }

  const std::shared_ptr<IoHub> hub;
  Scheduler& to;
  bool has_started = false;  // the reactor's
  std::shared_ptr<IoCredits> credits;
  std::atomic<bool> refused{false};  // closed, or there is nobody any more; who reads an old value tells once more
};

struct IoWatch::SignalWatcher final : Watcher {
  using Watcher::Watcher;

  uv_handle_t* handle() override { return reinterpret_cast<uv_handle_t*>(&signal); }
  int start() override {
    if (const int result = uv_signal_init(hub->loop().native(), &signal); result != 0) return result;
    signal.data = static_cast<Watcher*>(this);
    started();
    const int result = uv_signal_start(
        &signal,
        [](uv_signal_t* raised, int) {
          auto& self = static_cast<SignalWatcher&>(*static_cast<Watcher*>(raised->data));
          ++self.count;
          self.resume();
        },
        number);
    if (result != 0) end();
    return result;
  }
  void resume() override {
    if (count == 0) return;
    IoCredit credit = credits->take();
    if (credit == nullptr) return;
    tell(std::static_pointer_cast<SignalWatcher>(shared_from_this()),
         Signal{.number = number, .count = std::exchange(count, 0), .credit = std::move(credit)});
  }

  uv_signal_t signal{};
  int number = 0;
  std::uint32_t count = 0;
  std::function<bool(Signal&&)> sink;
};

struct IoWatch::PathWatcher final : Watcher {
  using Watcher::Watcher;

  uv_handle_t* handle() override { return reinterpret_cast<uv_handle_t*>(&event); }
  int start() override {
    if (const int result = uv_fs_event_init(hub->loop().native(), &event); result != 0) return result;
    event.data = static_cast<Watcher*>(this);
    started();
    const int result = uv_fs_event_start(
        &event,
        [](uv_fs_event_t* changed, const char* name, int events, int status) {
          static_cast<PathWatcher&>(*static_cast<Watcher*>(changed->data)).on_change(name, events, status);
        },
        path.c_str(), 0);
    if (result != 0) end();
    return result;
  }
  void on_change(const char* name, int events, int status) {
    const auto self = std::static_pointer_cast<PathWatcher>(shared_from_this());
    if (status != 0) {
      tell(self, Change{.name = {}, .error = io_error("watch '" + path + "'", -status), .failed = true, .credit = {}});
      end();
      return;
    }
    IoCredit credit = overflowed ? nullptr : credits->take();
    overflowed = credit == nullptr;
    if (overflowed) return;
    tell(self, Change{.name = name != nullptr ? name : "",
                      .renamed = (events & UV_RENAME) != 0,
                      .error = {},
                      .credit = std::move(credit)});
  }
  void resume() override {
    if (!overflowed) return;
    IoCredit credit = credits->take();
    if (credit == nullptr) return;
    overflowed = false;
    tell(std::static_pointer_cast<PathWatcher>(shared_from_this()),
         Change{.name = {}, .overflowed = true, .error = {}, .credit = std::move(credit)});
  }

  uv_fs_event_t event{};
  std::string path;
  bool overflowed = false;  // something could not be told, and nothing is told before that has been
  std::function<bool(Change&&)> sink;
};

IoWatch& IoWatch::operator=(IoWatch&& other) noexcept {
  if (this != &other) {
    close();
    watcher_ = std::move(other.watcher_);
  }
  return *this;
}

void IoWatch::close() {
  const auto watcher = std::exchange(watcher_, nullptr);
  if (watcher == nullptr) return;
  watcher->refused.store(true, std::memory_order_relaxed);
  watcher->hub->post([watcher] { watcher->end(); });
}

std::expected<IoWatch, IoError> IoWatch::signal(int number,
                                                Scheduler& to,
                                                std::function<bool(Signal&&)> sink,
                                                Deadline deadline) {
  const auto watcher = std::make_shared<SignalWatcher>(to.system()->io(), to);
  watcher->number = number;
  watcher->sink = std::move(sink);
  watcher->make_credits(signal_credits);
  const std::string what = "watch for signal " + std::to_string(number);
  // From here on it ends with this, whether or not there is an answer in time.
  IoWatch watch(watcher);
  const auto started = io_call<Started>(
      what, deadline, [what, watcher](const std::shared_ptr<IoHub>&, const std::shared_ptr<IoCall<Started>>& call) {
        const int result = watcher->start();
        if (result != 0) return call->fail(io_error(what, -result));
        call->finish(Started());
      });
  if (!started) return std::unexpected(started.error());
  return watch;
}

std::expected<IoWatch, IoError> IoWatch::path(const std::string& path,
                                              Scheduler& to,
                                              std::function<bool(Change&&)> sink,
                                              Deadline deadline) {
  const auto watcher = std::make_shared<PathWatcher>(to.system()->io(), to);
  watcher->path = path;
  watcher->sink = std::move(sink);
  watcher->make_credits(change_credits);
  const std::string what = "watch '" + path + "'";
  IoWatch watch(watcher);
  const auto started = io_call<Started>(
      what, deadline, [what, watcher](const std::shared_ptr<IoHub>&, const std::shared_ptr<IoCall<Started>>& call) {
        const int result = watcher->start();
        if (result != 0) return call->fail(io_error(what, -result));
        call->finish(Started());
      });
  if (!started) return std::unexpected(started.error());
  return watch;
}

}  // namespace ringmail::runtime

// Descriptors: who waits for them, and delivery as messages. Everything of the watch belongs to the reactor's thread.
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <mutex>
#include <optional>
#include <utility>

#include "io_credits.hpp"
#include "io_ticket.hpp"
#include "ringmail/runtime/io.hpp"

namespace ringmail::runtime {
namespace {

/// Attempts that need no wait, of one scheduler, between two that let its other actors run.
constexpr unsigned attempts_per_turn = 64;

/// Reads of one delivery before the reactor looks at others.
constexpr int reads_per_turn = 8;

}  // namespace

struct IoDescriptor::State final : public IoHub::Member, public std::enable_shared_from_this<State> {
  using Waiting = std::expected<void, IoErrorKind>;

  /// What waits: a handler, with the word that it is told.
  struct Wait final : public IoTicket {
    using IoTicket::IoTicket;
    std::optional<IoErrorKind> error;

    static void finish(std::shared_ptr<Wait> wait, std::optional<IoErrorKind> error) {
      if (wait == nullptr) return;
      wait->error = error;
      wait->complete();
    }
  };

  struct Delivery {
    IoDeliveryOptions options;
    Scheduler& to;
    std::function<bool(Delivered&&)> sink;
    std::shared_ptr<IoCredits> credits;
    std::atomic<bool> refused{false};  // by the sink: there is nobody any more
  };

  explicit State(transport::Descriptor owned) : descriptor(std::move(owned)), number(descriptor.get()) {}
  ~State() override { assert(watch == nullptr); }

  bool enter();
  void leave();

  // The reactor's.
  void end() override { retire(IoErrorKind::stopped); }
  void arm(Ready ready, std::shared_ptr<Wait> wait);
  void disarm(Ready ready, const std::shared_ptr<Wait>& wait);
  void begin(std::shared_ptr<Delivery> begun);
  void retire(IoErrorKind why);
  bool have_watch();
  void rewatch();
  void on_ready(unsigned events);
  void read_on();
  bool read_once();
  ssize_t take_bytes(Delivered& to);
  ssize_t take_datagram(Delivered& to);
  void tell(Delivered&& delivered);
  bool can_read() const { return delivery != nullptr && !starved; }
  std::shared_ptr<Wait>& slot(Ready ready) { return waits[static_cast<std::size_t>(ready)]; }

  transport::Descriptor descriptor;  // who leaves last after close() destroys it
  const int number;
  // SYNC(io_use): who enters adds itself, then looks whether it is closed; who closes says so, then takes its own away. So who
  // has found it open is counted until it leaves. Who comes later may see the count rise from 0 again, and so `released` says
  // whether the descriptor has been closed.
  std::atomic<std::uint32_t> users{1};
  std::atomic<bool> released{false};
  // SYNC(io_close): each side stores its own, then loads the other's. So either who closes sees that it was armed, and has it
  // retired; or the reactor, which looks when it arms, sees that it is closed.
  std::atomic<bool> closed{false};
  std::atomic<bool> armed{false};
  std::once_flag hub_chosen;
  std::shared_ptr<IoHub> hub;  // set by who arms first, before `armed`

  std::unique_ptr<LoopWatch> watch;
  std::array<std::shared_ptr<Wait>, 2> waits;
  std::shared_ptr<Delivery> delivery;
  bool starved = false;  // no credit
};

bool IoDescriptor::State::enter() {
  users.fetch_add(1, std::memory_order_seq_cst);  // SYNC(io_use)
  if (!closed.load(std::memory_order_seq_cst)) return true;
  leave();
  return false;
}

void IoDescriptor::State::leave() {
  if (users.fetch_sub(1, std::memory_order_seq_cst) != 1) return;  // SYNC(io_use)
  if (!released.exchange(true, std::memory_order_acq_rel)) descriptor = {};
}

// --- On the reactor's thread

bool IoDescriptor::State::have_watch() {
  if (watch != nullptr) return true;
  if (!enter()) return false;
  // By name: the hub keeps this alive until it is retired, and the watch goes with that.
  auto created = LoopWatch::create(hub->loop(), number, [this](unsigned events) { on_ready(events); });
  if (!created) {
    leave();
    return false;
  }
  watch = std::move(*created);
  hub->enter(shared_from_this());
  return true;
}

void IoDescriptor::State::arm(Ready ready, std::shared_ptr<Wait> wait) {
  if (hub->has_ended()) return Wait::finish(std::move(wait), IoErrorKind::stopped);
  if (!have_watch()) {
    const bool is_closed = closed.load(std::memory_order_seq_cst);  // SYNC(io_close)
    return Wait::finish(std::move(wait), is_closed ? IoErrorKind::closed : IoErrorKind::invalid);
  }
  assert(slot(ready) == nullptr && "somebody waits for this descriptor already");
  assert((ready == Ready::to_write || delivery == nullptr) && "what is delivered cannot be read");
  slot(ready) = std::move(wait);
  rewatch();
}

void IoDescriptor::State::disarm(Ready ready, const std::shared_ptr<Wait>& wait) {
  if (slot(ready) != wait) return;
  slot(ready).reset();
  if (watch != nullptr) rewatch();
}

void IoDescriptor::State::rewatch() {
  const unsigned events = (slot(Ready::to_read) != nullptr || can_read() ? LoopWatch::readable : 0u) |
                          (slot(Ready::to_write) != nullptr ? LoopWatch::writable : 0u);
  if (events != 0) {
    watch->watch(events);
  } else {
    watch->stop();
  }
}

void IoDescriptor::State::on_ready(unsigned events) {
  const auto kept = shared_from_this();
  std::array<std::shared_ptr<Wait>, 2> woken;
  // An error is reported as readable, also to who only wants to write: trying tells.
  const bool nobody_reads = slot(Ready::to_read) == nullptr && !can_read();
  if ((events & LoopWatch::writable) != 0 || nobody_reads) woken[0] = std::exchange(slot(Ready::to_write), nullptr);
  if ((events & LoopWatch::readable) != 0) {
    woken[1] = std::exchange(slot(Ready::to_read), nullptr);
    if (can_read()) read_on();
  }
  if (watch != nullptr) rewatch();
  // Last, since who is woken uses the descriptor at once.
  for (auto& wait : woken) Wait::finish(std::move(wait), std::nullopt);
}

void IoDescriptor::State::retire(IoErrorKind why) {
  const auto kept = shared_from_this();
  for (auto& wait : waits) Wait::finish(std::exchange(wait, nullptr), why);
  delivery.reset();
  if (watch == nullptr) return;
  watch.reset();
  hub->leave(*this);
  leave();
}

// --- Delivery

void IoDescriptor::State::begin(std::shared_ptr<Delivery> begun) {
  if (hub->has_ended() || closed.load(std::memory_order_seq_cst)) return;  // SYNC(io_close)
  assert(delivery == nullptr && slot(Ready::to_read) == nullptr && "somebody reads this descriptor already");
  delivery = std::move(begun);
  if (!have_watch()) {
    Delivered failed;
    failed.failed = failed.over = true;
    failed.error = io_error("watching a descriptor", IoErrorKind::invalid);
    tell(std::move(failed));
    delivery.reset();
    return;
  }
  rewatch();
}

void IoDescriptor::State::read_on() {
  for (int reads = 0; reads < reads_per_turn && can_read(); ++reads) {
    if (!read_once()) return;
  }
}

/// Whether there may be more.
bool IoDescriptor::State::read_once() {
  if (delivery->refused.load(std::memory_order_relaxed)) {
    delivery.reset();
    return false;
  }
  Delivered delivered;
  delivered.credit = delivery->credits->take();
  if (delivered.credit == nullptr) {
    starved = true;
    return false;
  }
  const ssize_t got = delivery->options.datagrams ? take_datagram(delivered) : take_bytes(delivered);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  // What an earlier datagram came to, such as that nobody was there, is no end of the socket.
  if (got < 0 && delivery->options.datagrams) return true;
  if (got < 0) {
    delivered.failed = true;
    delivered.error = io_error("read", errno);
  }
  delivered.over = got < 0 || (got == 0 && !delivery->options.datagrams);
  const bool is_over = delivered.over;
  const bool may_be_more = delivery->options.datagrams || static_cast<std::size_t>(got) == delivery->options.chunk;
  tell(std::move(delivered));
  if (is_over) delivery.reset();
  return !is_over && may_be_more;
}

ssize_t IoDescriptor::State::take_bytes(Delivered& to) {
  // As large as what is there, so that many small messages do not hold many large buffers.
  int waiting = 0;
  if (::ioctl(number, FIONREAD, &waiting) != 0 || waiting <= 0) waiting = 1;
  IoBuffer buffer(std::min(delivery->options.chunk, static_cast<std::size_t>(waiting)));
  ssize_t got = 0;
  do {
    got = ::read(number, buffer.writable().data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  buffer.truncate(got > 0 ? static_cast<std::size_t>(got) : 0);
  to.bytes = std::move(buffer);
  return got;
}

ssize_t IoDescriptor::State::take_datagram(Delivered& to) {
  // 0 is one of no bytes, or none yet: what comes in between must find room, too.
  int waiting = 0;
  const bool is_known = ::ioctl(number, FIONREAD, &waiting) == 0 && waiting > 0;
  const std::size_t most = delivery->options.chunk;
  IoBuffer buffer(is_known ? std::min(most, static_cast<std::size_t>(waiting)) : most);
  sockaddr_storage from{};
  iovec room{.iov_base = buffer.writable().data(), .iov_len = buffer.size()};
  msghdr message{};
  ssize_t got = 0;
  do {
    message = {};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    got = ::recvmsg(number, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return got;
  buffer.truncate(static_cast<std::size_t>(got));
  to.bytes = is_known ? std::move(buffer) : IoBuffer::copy_of(buffer.bytes());
  to.from = SocketAddress(reinterpret_cast<const sockaddr*>(&from), message.msg_namelen);
  to.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  return got;
}

void IoDescriptor::State::tell(Delivered&& delivered) {
  // The buffer is the task's until the sink moves it on: the lock of post() publishes it.
  delivery->to.post([self = shared_from_this(), sink_of = delivery, delivered = std::move(delivered)]() mutable {
    // Of a stream that its reader has closed nothing comes any more, also of what had been read before.
    if (self->closed.load(std::memory_order_relaxed) || sink_of->refused.load(std::memory_order_relaxed)) return;
    if (!sink_of->sink(std::move(delivered))) {
      sink_of->refused.store(true, std::memory_order_relaxed);  // the reactor may as well see it one read later
    }
  });
}

// --- From other threads

IoDescriptor::IoDescriptor(transport::Descriptor descriptor)
    : state_(descriptor ? std::make_shared<State>(std::move(descriptor)) : nullptr) {}

IoDescriptor& IoDescriptor::operator=(IoDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

bool IoDescriptor::is_open() const { return state_ != nullptr && !state_->closed.load(std::memory_order_relaxed); }

IoDescriptor::Use::Use(const IoDescriptor& of) : state_(of.state_) {
  if (state_ != nullptr && state_->enter()) number_ = state_->number;
}

IoDescriptor::Use::~Use() {
  if (number_ >= 0) state_->leave();
}

void IoDescriptor::close() {
  // The state stays while this object lives: another actor may be about to look at it.
  if (state_ == nullptr || state_->closed.exchange(true, std::memory_order_seq_cst)) return;  // SYNC(io_close)
  state_->leave();
  if (!state_->armed.load(std::memory_order_seq_cst)) return;
  state_->hub->post([state = state_] { state->retire(IoErrorKind::closed); });
}

std::expected<void, IoErrorKind> IoDescriptor::pass_turn() {
  Scheduler* const scheduler = Scheduler::current();
  assert(scheduler != nullptr && scheduler->current_cell() != nullptr && "input and output are meant for handlers");
  thread_local unsigned attempts = 0;
  if (++attempts % attempts_per_turn != 0) return {};
  if (scheduler->sleep_until(now_ns()) == Wake::stopped) return std::unexpected(IoErrorKind::stopped);
  return {};
}

std::expected<void, IoErrorKind> IoDescriptor::wait(Ready ready, Deadline& deadline) {
  if (!is_open()) return std::unexpected(IoErrorKind::closed);
  const std::shared_ptr<State> state = state_;
  Scheduler* const home = Scheduler::current();
  assert(home != nullptr && home->current_cell() != nullptr && "input and output are meant for handlers");
  // The system of who waits first is the one whose reactor watches.
  std::call_once(state->hub_chosen, [&] { state->hub = home->system()->io(); });
  assert(state->hub == home->system()->io() && "a descriptor belongs to one system");
  state->armed.store(true, std::memory_order_seq_cst);  // SYNC(io_close)
  const auto wait = std::make_shared<State::Wait>(*home);
  if (!state->hub->post([state, ready, wait] { state->arm(ready, wait); }))
    return std::unexpected(IoErrorKind::stopped);
  const auto woken = wait->wait(deadline.at_ns());
  if (!woken) {
    state->hub->post([state, ready, wait] { state->disarm(ready, wait); });
    return woken;
  }
  if (wait->error) return std::unexpected(*wait->error);
  return {};
}

void IoDescriptor::deliver(const IoDeliveryOptions& options, Scheduler& to, std::function<bool(Delivered&&)> sink) {
  assert(options.chunk > 0 && options.credits > 0);
  if (state_ == nullptr) return;
  std::call_once(state_->hub_chosen, [&] { state_->hub = to.system()->io(); });
  state_->armed.store(true, std::memory_order_seq_cst);  // SYNC(io_close)
  auto resume = [weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (state == nullptr || state->delivery == nullptr) return;
    state->starved = false;
    if (state->watch != nullptr) state->rewatch();
  };
  std::shared_ptr<State::Delivery> delivery(
      new State::Delivery{.options = options,
                          .to = to,
                          .sink = std::move(sink),
                          .credits = std::make_shared<IoCredits>(state_->hub, options.credits, std::move(resume))});
  state_->hub->post([state = state_, delivery = std::move(delivery)]() mutable { state->begin(std::move(delivery)); });
}

SocketAddress local_address(const IoDescriptor& socket) {
  return SocketAddress::local_of(IoDescriptor::Use(socket).descriptor());
}

SocketAddress peer_address(const IoDescriptor& socket) {
  return SocketAddress::peer_of(IoDescriptor::Use(socket).descriptor());
}

}  // namespace ringmail::runtime

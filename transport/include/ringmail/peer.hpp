// A peer process in C++: a coat over the C ABI, and nothing of the runtime. Header only; link to ringmail::transport.
//
//     struct Counter {
//       void on(const market::Tick&) { ++ticks; }
//       market::Count on(const market::Get&) { return {.ticks = ticks}; }
//       std::uint64_t ticks = 0;
//     };
//
//     int main() {
//       auto peer = ringmail::Peer::attach({.schema = market::ringmail_schema});
//       if (!peer) return peer.error().report("counter");
//       Counter counter;
//       const auto ended = peer->run<market::Counter>(counter);   // until the host says stop
//       return ended ? 0 : ended.error().report("counter");
//     }
//
// Messages and protocols are what `ringmail gen --lang cpp` writes. Ownership, threads, time and forks are as ringmail.h
// says: a peer is used by one thread at a time, but for interrupt(); a message is good until it is released. Errors are
// values; nothing here throws but std::bad_alloc, and what a handler throws does not leave run().
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <expected>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringmail.h"

namespace ringmail {

/// What `ringmail gen --lang cpp` writes for a message.
template <class M>
concept PeerMessage = requires(std::span<const std::byte> bytes) {
  { M::ringmail_type } -> std::convertible_to<std::uint32_t>;
  { M::ringmail_size } -> std::convertible_to<std::size_t>;
  { M::ringmail_name } -> std::convertible_to<std::string_view>;
  { M::ringmail_valid(bytes) } -> std::same_as<bool>;
};

/// One that has texts, bytes or lists of variable length, and a view (ringmail::View<M>) of them where they lie.
template <class M>
concept VariablePeerMessage = PeerMessage<M> && requires { typename M::ringmail_view; };
/// One that is sent as it lies in memory.
template <class M>
concept FixedPeerMessage = PeerMessage<M> && !VariablePeerMessage<M> && std::is_trivially_copyable_v<M>;

class Peer {
 public:
  using nanoseconds = std::chrono::nanoseconds;
  static constexpr nanoseconds at_once{0};
  static constexpr nanoseconds forever{-1};
  static constexpr nanoseconds send_timeout = std::chrono::seconds(30);  ///< for room, where nothing else is said

  /// Those of ringmail.h, and one of run().
  enum class Errc : int {
    closed = RINGMAIL_ECLOSED,
    stopped = RINGMAIL_ESTOPPED,
    timed_out = RINGMAIL_ETIMEDOUT,
    full = RINGMAIL_EFULL,
    too_long = RINGMAIL_ETOOLONG,
    refused = RINGMAIL_EREFUSED,
    not_found = RINGMAIL_ENOTFOUND,
    protocol = RINGMAIL_EPROTOCOL,
    misuse = RINGMAIL_EMISUSE,
    interrupted = RINGMAIL_EINTERRUPTED,
    not_spawned = RINGMAIL_ENOTSPAWNED,
    system = RINGMAIL_ESYSTEM,
    forked = RINGMAIL_EFORKED,
    handler_failed = -1000,  ///< a handler threw, or a message was none; the host has been told
  };

  /// An error that ends a peer, with what happened in one line.
  struct Failure {
    Errc code;
    std::string text;

    /// Says it on stderr. The status to exit with: 2 where nobody spawned this process, else 1.
    int report(const char* program) const {
      std::fprintf(stderr, "%s: %s\n", program, text.c_str());
      return code == Errc::not_spawned ? 2 : 1;
    }
  };

  template <class T = void>
  using Result = std::expected<T, Errc>;

  /// An actor of the host. Good for as long as the link. Nobody's is false.
  struct Mailbox {
    ringmail_mailbox id = 0;
    explicit operator bool() const { return id != 0; }
    friend bool operator==(Mailbox, Mailbox) = default;
  };

  enum class Refusal : std::uint32_t { no_handler = 1, failed = 2, stopping = 3 };

  /// Why an actor has ended. Others may come, and are failures.
  enum class Exit : std::uint32_t {
    normal = RINGMAIL_EXIT_NORMAL,            ///< it was asked to stop, or stopped itself
    failed = RINGMAIL_EXIT_FAILED,            ///< a handler of it threw
    unreachable = RINGMAIL_EXIT_UNREACHABLE,  ///< there is no such actor, or not any more
    linked = RINGMAIL_EXIT_LINKED,            ///< it was linked to one that failed
    escalated = RINGMAIL_EXIT_ESCALATED,      ///< a supervisor that gave up a child
  };
  /// The actor of a mailbox has ended, for good or until its supervisor starts it anew: as monitor() asked.
  struct Down {
    std::uint64_t monitor = 0;  ///< which is over
    Mailbox who;
    Exit kind = Exit::normal;
    std::string_view reason;  ///< in one line; good until the release
  };

  enum class LogLevel : int {
    trace = RINGMAIL_LOG_TRACE,
    debug = RINGMAIL_LOG_DEBUG,
    info = RINGMAIL_LOG_INFO,
    warning = RINGMAIL_LOG_WARNING,
    error = RINGMAIL_LOG_ERROR,
    critical = RINGMAIL_LOG_CRITICAL,
  };

  /// Somebody who waits for an answer. May be kept and answered later, once, by Peer::reply() or Peer::refuse().
  class Question {
   public:
    explicit operator bool() const { return message_.kind == RINGMAIL_MESSAGE && message_.correlation != 0; }

   private:
    friend class Peer;
    explicit Question(const ringmail_message& message) : message_(message) {}
    ringmail_message message_;
  };

  /// The body of a message that was received, kept until the end of its life: past the message, on any thread, and past the peer.
  class Body {
   public:
    Body(Body&& other) noexcept : body_(std::exchange(other.body_, ringmail_body{})) {}
    Body& operator=(Body&& other) noexcept {
      std::swap(body_, other.body_);
      return *this;
    }
    ~Body() {
      if (body_.owner != nullptr) ringmail_unkeep(&body_);
    }

    /// In shared memory, read-only, aligned to 4096 bytes.
    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(body_.data), body_.length}; }

   private:
    friend class Peer;
    explicit Body(const ringmail_body& body) : body_(body) {}
    ringmail_body body_;
  };

  /// Room for the body of a message in shared memory. Cancelled at the end of its life, unless it was sent. Not to outlive the peer.
  class BodyLoan {
   public:
    BodyLoan(BodyLoan&& other) noexcept : peer_(std::exchange(other.peer_, nullptr)), body_(other.body_) {}
    BodyLoan& operator=(BodyLoan&& other) noexcept {
      std::swap(peer_, other.peer_);
      std::swap(body_, other.body_);
      return *this;
    }
    ~BodyLoan() {
      if (peer_ != nullptr) ringmail_cancel_large(peer_, &body_);
    }

    /// All of them are to be written: they hold what was there before.
    std::span<std::byte> bytes() const { return {static_cast<std::byte*>(body_.data), body_.length}; }

   private:
    friend class Peer;
    BodyLoan(ringmail_peer* peer, const ringmail_body& body) : peer_(peer), body_(body) {}
    ringmail_peer* peer_;
    ringmail_body body_;
  };

  /// The message in hand; there is one at a time. Released at the end of its life, but not by an exception that flies
  /// past: then the next incarnation gets it again.
  class Received {
   public:
    Received(Received&& other) noexcept
        : peer_(other.peer_),
          message_(other.message_),
          exceptions_(other.exceptions_),
          is_held_(std::exchange(other.is_held_, false)),
          is_answered_(other.is_answered_) {}
    Received& operator=(Received&&) = delete;
    ~Received() {
      if (is_held_ && std::uncaught_exceptions() == exceptions_) ringmail_release(peer_);
    }

    /// In shared memory, read-only, until the release.
    std::span<const std::byte> payload() const {
      return {static_cast<const std::byte*>(message_.payload), message_.length};
    }
    /// The message where it lies. Null: it is of another type, not valid, or of an older version and thus shorter.
    template <FixedPeerMessage M>
    const M* as() const {
      if (!is_of<M>() || message_.length < M::ringmail_size || !M::ringmail_valid(payload())) return nullptr;
      static constexpr M nothing{};  // what has no bytes lies nowhere
      return M::ringmail_size == 0 ? &nothing : static_cast<const M*>(message_.payload);
    }
    /// The fields where they lie. Nothing: it is of another type, or not valid.
    template <VariablePeerMessage M>
    std::optional<typename M::ringmail_view> view() const {
      return is_of<M>() ? M::ringmail_view::ringmail_read(payload()) : std::nullopt;
    }
    /// A copy that owns what it has, of any version: what was not sent has its default. Nothing: as above.
    template <PeerMessage M>
    std::optional<M> read() const {
      if constexpr (VariablePeerMessage<M>) {
        const auto found = view<M>();
        return found ? std::optional<M>(found->ringmail_copy()) : std::nullopt;
      } else {
        if (!is_of<M>() || !M::ringmail_valid(payload())) return std::nullopt;
        std::optional<M> copy(std::in_place);
        const std::size_t length = payload().size() < M::ringmail_size ? payload().size() : M::ringmail_size;
        if (length != 0) std::memcpy(static_cast<void*>(&*copy), message_.payload, length);
        return copy;
      }
    }

    /// Its body where it lies, until the release; empty: it has none.
    std::span<const std::byte> body() const {
      ringmail_body body{};
      if (ringmail_get_body(peer_, &body) != 1) return {};
      return {static_cast<const std::byte*>(body.data), body.length};
    }
    /// The body to be kept. Nothing: it has none, or it is kept already.
    std::optional<Body> keep() {
      ringmail_body body{};
      if (ringmail_keep(peer_, &body) != 1) return std::nullopt;
      return Body(body);
    }

    std::uint32_t type() const { return message_.type; }
    Mailbox sender() const { return {message_.sender}; }
    bool is_message() const { return message_.kind == RINGMAIL_MESSAGE; }
    bool is_restart() const {
      return message_.kind == RINGMAIL_RESTARTED;
    }  ///< another host: ringmail.h says what has ended
    bool is_refusal() const { return message_.kind == RINGMAIL_NO_REPLY; }  ///< nobody will answer that ask of ours
    bool is_late() const { return is_refusal() && message_.type == RINGMAIL_TIMED_OUT; }  ///< no answer came in time
    /// What one of our monitors has told.
    std::optional<Down> down() const {
      if (message_.kind != RINGMAIL_DOWN) return std::nullopt;
      return Down{.monitor = message_.target,
                  .who = sender(),
                  .kind = Exit{message_.type},
                  .reason = {static_cast<const char*>(message_.payload), message_.length}};
    }
    bool is_asked() const { return static_cast<bool>(Question(message_)); }
    std::uint32_t correlation() const { return message_.correlation; }  ///< of a reply or refusal: what ask() returned
    bool is_redelivered() const { return message_.redelivered != 0; }   ///< an earlier incarnation may have handled it
    std::uint32_t attempt() const { return message_.attempt; }          ///< how many died with it in hand
    const ringmail_message& raw() const { return message_; }

    /// Good after the release, too.
    template <PeerMessage R>
    Result<> reply(const R& answer) {
      return reply(R::ringmail_type, bytes_of(answer));
    }
    Result<> reply(std::uint32_t type, std::span<const std::byte> payload) {
      is_answered_ = true;
      return Peer::reply(peer_, message_, type, payload);
    }
    /// It is done, and there is nothing to reply.
    Result<> done() {
      is_answered_ = true;
      return Peer::reply(peer_, message_, ringmail_type_id("ringmail.Done"), {});
    }
    Result<> refuse(Refusal reason) {
      is_answered_ = true;
      return Peer::refuse(peer_, message_, reason);
    }
    /// Who asks, to be answered another time.
    Question later() {
      is_answered_ = true;
      return Question(message_);
    }
    bool is_answered() const { return is_answered_ || !is_asked(); }

    /// It is finished: what was sent meanwhile is published.
    Result<> release() {
      if (!std::exchange(is_held_, false)) return std::unexpected(Errc::misuse);
      return check(ringmail_release(peer_));
    }
    /// It is not finished, and never will be here: the next incarnation gets it. Nothing more can be received.
    void abandon() { is_held_ = false; }

   private:
    friend class Peer;
    template <PeerMessage M>
    bool is_of() const {
      const bool is_content = message_.kind == RINGMAIL_MESSAGE || message_.kind == RINGMAIL_REPLY;
      return is_content && type() == M::ringmail_type;
    }
    Received(ringmail_peer* peer, const ringmail_message& message)
        : peer_(peer), message_(message), exceptions_(std::uncaught_exceptions()) {}

    ringmail_peer* peer_;
    ringmail_message message_;
    int exceptions_;
    bool is_held_ = true;
    bool is_answered_ = false;
  };

  /// Room for a message in the ring itself. Cancelled at the end of its life, unless it was published. One is open at a
  /// time, and nothing else may be done with the peer until then.
  class RawLoan {
   public:
    RawLoan(RawLoan&& other) noexcept : peer_(std::exchange(other.peer_, nullptr)), bytes_(other.bytes_) {}
    RawLoan& operator=(RawLoan&&) = delete;
    ~RawLoan() { cancel(); }

    /// All of them are to be written: they hold what was there before.
    std::span<std::byte> bytes() const { return bytes_; }
    Result<> publish(std::uint32_t type) {
      if (peer_ == nullptr) return std::unexpected(Errc::misuse);
      return check(ringmail_publish(std::exchange(peer_, nullptr), type));
    }
    void cancel() {
      if (peer_ != nullptr) ringmail_cancel(std::exchange(peer_, nullptr));
    }

   private:
    friend class Peer;
    RawLoan(ringmail_peer* peer, std::span<std::byte> bytes) : peer_(peer), bytes_(bytes) {}
    ringmail_peer* peer_;
    std::span<std::byte> bytes_;
  };

  /// The same for an M, which starts as zeros.
  template <FixedPeerMessage M>
  class Loan {
   public:
    M* operator->() const { return message_; }
    M& operator*() const { return *message_; }
    Result<> publish() { return room_.publish(M::ringmail_type); }
    void cancel() { room_.cancel(); }

   private:
    friend class Peer;
    explicit Loan(RawLoan room) : room_(std::move(room)) {
      std::memset(room_.bytes().data(), 0, room_.bytes().size());  // the padding, too
      message_ = ::new (room_.bytes().data()) M{};
    }
    RawLoan room_;
    M* message_;
  };

  struct Options {
    int descriptor = -1;           ///< the control stream; -1: the one that RINGMAIL_FDS names
    std::string_view path{};       ///< the socket of a host that did not spawn this process
    std::string_view name{};       ///< what to be known as there
    std::string_view schema{};     ///< the generated ringmail_schema: the host compares
    std::uint64_t ring_bytes = 0;  ///< wanted for mail rings, a power of two from 4096; 0: the host's choice
    nanoseconds timeout = std::chrono::seconds(10);  ///< for the whole handshake
    std::string_view token{};                        ///< that the host at `path` has configured for this name
    /// It may outlive its host, and knows Received::is_restart(). For one that attaches by a path: so long it looks for the next host.
    bool restartable = false;
    nanoseconds reconnect{0};
  };

  static std::expected<Peer, Failure> attach(const Options& options) {
    const std::string path(options.path), name(options.name), schema(options.schema), token(options.token);
    const auto given = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
    ringmail_options raw = RINGMAIL_OPTIONS_INIT;
    raw.descriptor = options.descriptor;
    raw.path = given(path);
    raw.name = given(name);
    raw.language = "c++";
    raw.schema = given(schema);
    raw.ring_bytes = options.ring_bytes;
    raw.timeout_ns = options.timeout.count();
    raw.token = given(token);
    raw.reconnect_ns = options.reconnect.count();
    raw.restartable = options.restartable ? 1 : 0;
    ringmail_peer* attached = nullptr;
    const int code = ringmail_attach(&raw, &attached);
    Peer peer(attached);
    if (code < 0) return std::unexpected(Failure{Errc{code}, attached ? peer.error() : ringmail_strerror(code)});
    return peer;
  }

  /// Of one that a Listener has let in: tells it to stop, behind all that was sent before.
  Result<> stop() { return check(ringmail_stop(peer_)); }
  /// How many of the messages that were sent are not finished at the other side, as far as it says. Publishes first.
  Result<std::uint64_t> unfinished() {
    std::uint64_t messages = 0;
    const int code = ringmail_unfinished(peer_, &messages);
    if (code < 0) return std::unexpected(Errc{code});
    return messages;
  }

  Peer(Peer&& other) noexcept : peer_(std::exchange(other.peer_, nullptr)) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(peer_, other.peer_);
    return *this;
  }
  ~Peer() { ringmail_detach(peer_); }

  std::string_view name() const { return ringmail_name(peer_); }      ///< as the host calls it
  std::string_view schema() const { return ringmail_schema(peer_); }  ///< the host's
  std::uint64_t incarnation() const { return ringmail_incarnation(peer_); }
  const char* error() const { return ringmail_error(peer_); }  ///< one line about the last failure
  ringmail_counters counters() const {
    ringmail_counters counters{};
    ringmail_count(peer_, &counters);
    return counters;
  }
  ringmail_peer* raw() const { return peer_; }

  /// The next message, without waiting; replies and refusals of our asks before mail.
  Result<std::optional<Received>> receive() {
    ringmail_message message;
    const int code = ringmail_receive(peer_, &message);
    if (code < 0) return std::unexpected(Errc{code});
    if (code == 0) return std::nullopt;
    return Received(peer_, message);
  }
  /// Until there is something to receive: true. False: the time is up. Publishes first.
  Result<bool> wait(nanoseconds timeout = forever) {
    const int code = ringmail_wait(peer_, timeout.count());
    if (code < 0) return std::unexpected(Errc{code});
    return code > 0;
  }
  /// Any thread, and a signal handler: wait() returns `interrupted`.
  void interrupt() { ringmail_interrupt(peer_); }

  /// The actor that the host has published by that name. Waits for the host: not for the hot path.
  Result<Mailbox> lookup(const std::string& name, nanoseconds timeout = forever) {
    Mailbox mailbox;
    const int code = ringmail_lookup(peer_, name.c_str(), timeout.count(), &mailbox.id);
    if (code < 0) return std::unexpected(Errc{code});
    return mailbox;
  }

  /// A copy joins the batch that the next release, wait or flush publishes. Waits for room, then `full`.
  template <PeerMessage M>
  Result<> send(Mailbox to, const M& message, nanoseconds timeout = send_timeout) {
    if constexpr (VariablePeerMessage<M>) {
      return send(to, message.ringmail_borrow(), timeout);
    } else {
      return send(to, M::ringmail_type, bytes_of(message), timeout);
    }
  }
  /// Written into the ring at once: ringmail::View<M>, whose texts, bytes and lists may lie anywhere.
  template <class V>
    requires VariablePeerMessage<typename V::ringmail_message>
  Result<> send(Mailbox to, const V& view, nanoseconds timeout = send_timeout) {
    auto room = loan(to, view.ringmail_bytes(), timeout);
    if (!room) return std::unexpected(room.error());
    view.ringmail_write(room->bytes().data());
    return room->publish(V::ringmail_message::ringmail_type);
  }
  Result<> send(Mailbox to,
                std::uint32_t type,
                std::span<const std::byte> payload,
                nanoseconds timeout = send_timeout) {
    return check(ringmail_send(peer_, to.id, type, payload.data(), length(payload), timeout.count()));
  }
  /// The correlation that the reply or refusal will carry.
  template <PeerMessage M>
  Result<std::uint32_t> ask(Mailbox whom, const M& message, nanoseconds timeout = send_timeout) {
    return ask(whom, M::ringmail_type, bytes_of(message), timeout);
  }
  Result<std::uint32_t> ask(Mailbox whom,
                            std::uint32_t type,
                            std::span<const std::byte> payload,
                            nanoseconds timeout = send_timeout) {
    std::uint32_t correlation = 0;
    const int code = ringmail_ask(peer_, whom.id, type, payload.data(), length(payload), timeout.count(), &correlation);
    if (code < 0) return std::unexpected(Errc{code});
    return correlation;
  }
  /// As ask(), and when nothing has come `answer` after this call, a refusal with is_late() does; what comes later is dropped.
  template <PeerMessage M>
  Result<std::uint32_t> ask_within(nanoseconds answer,
                                   Mailbox whom,
                                   const M& message,
                                   nanoseconds timeout = send_timeout) {
    return ask_within(answer, whom, M::ringmail_type, bytes_of(message), timeout);
  }
  Result<std::uint32_t> ask_within(nanoseconds answer,
                                   Mailbox whom,
                                   std::uint32_t type,
                                   std::span<const std::byte> payload,
                                   nanoseconds timeout = send_timeout) {
    std::uint32_t correlation = 0;
    const int code = ringmail_ask_within(peer_, whom.id, type, payload.data(), length(payload), timeout.count(),
                                         answer.count(), &correlation);
    if (code < 0) return std::unexpected(Errc{code});
    return correlation;
  }
  /// Room for a body of a message to that mailbox. Waits for it, then `full`. Any number may be open.
  Result<BodyLoan> loan_large(Mailbox to, std::uint64_t bytes, nanoseconds timeout = send_timeout) {
    ringmail_body body{};
    const int code = ringmail_loan_large(peer_, to.id, bytes, timeout.count(), &body);
    if (code < 0) return std::unexpected(Errc{code});
    return BodyLoan(peer_, body);
  }
  /// As send(), with that body. After an error it is still the caller's.
  template <PeerMessage M>
  Result<> send(Mailbox to, const M& message, BodyLoan& body, nanoseconds timeout = send_timeout) {
    const auto payload = bytes_of(message);
    const int code = ringmail_send_large(peer_, to.id, M::ringmail_type, payload.data(), length(payload), &body.body_,
                                         timeout.count());
    if (code == 0) body.peer_ = nullptr;
    return check(code);
  }
  /// As ask_within(), or ask() for a negative `answer`.
  template <PeerMessage M>
  Result<std::uint32_t> ask(
      nanoseconds answer, Mailbox whom, const M& message, BodyLoan& body, nanoseconds timeout = send_timeout) {
    const auto payload = bytes_of(message);
    std::uint32_t correlation = 0;
    const int code = ringmail_ask_large(peer_, whom.id, M::ringmail_type, payload.data(), length(payload), &body.body_,
                                        timeout.count(), answer.count(), &correlation);
    if (code < 0) return std::unexpected(Errc{code});
    body.peer_ = nullptr;
    return correlation;
  }
  template <PeerMessage R>
  Result<> reply(const Question& question, const R& answer) {
    return reply(peer_, question.message_, R::ringmail_type, bytes_of(answer));
  }
  Result<> refuse(const Question& question, Refusal reason) { return refuse(peer_, question.message_, reason); }

  template <FixedPeerMessage M>
    requires(M::ringmail_size != 0)
  Result<Loan<M>> loan(Mailbox to, nanoseconds timeout = send_timeout) {
    auto room = loan(to, M::ringmail_size, timeout);
    if (!room) return std::unexpected(room.error());
    return Loan<M>(std::move(*room));
  }
  Result<RawLoan> loan(Mailbox to, std::size_t bytes, nanoseconds timeout = send_timeout) {
    void* room = nullptr;
    const int code = bytes > UINT32_MAX
                         ? RINGMAIL_ETOOLONG
                         : ringmail_loan(peer_, to.id, static_cast<std::uint32_t>(bytes), timeout.count(), &room);
    if (code < 0) return std::unexpected(Errc{code});
    return RawLoan(peer_, {static_cast<std::byte*>(room), bytes});
  }

  /// Publishes everything sent so far.
  Result<> flush() { return check(ringmail_flush(peer_)); }

  /// One Down will come when that actor ends, behind all that it sent before; at once if it has ended. The result tells
  /// this monitor from others of the same mailbox.
  Result<std::uint64_t> monitor(Mailbox whom, nanoseconds timeout = send_timeout) {
    std::uint64_t monitor = 0;
    const int code = ringmail_monitor(peer_, whom.id, timeout.count(), &monitor);
    if (code < 0) return std::unexpected(Errc{code});
    return monitor;
  }
  /// Its Down will not come, even if it is under way. `not_found`: it is over already.
  Result<> demonitor(std::uint64_t monitor, nanoseconds timeout = send_timeout) {
    return check(ringmail_demonitor(peer_, monitor, timeout.count()));
  }

  /// Lines for the host's log. `full`: the host reads too slowly, and they were left out.
  Result<> log(LogLevel level, const std::string& text) {
    return check(ringmail_log(peer_, static_cast<int>(level), text.c_str()));
  }
  /// Tells the host why this process is about to exit: the reason in the first line, and behind it what led to that.
  Result<> fail(const std::string& text) { return check(ringmail_fail(peer_, text.c_str())); }

  /// Handles what comes until the host says stop. `handlers` has, for each message M that the protocol P accepts,
  ///
  ///     R on(const M&)                             what it returns is the reply; void: who asks is told that it is done
  ///     R on(const M&, ringmail::Peer::Received&)  where more is to be known; or void, and answered by that, or later
  ///
  /// or, where M is of variable length, const ringmail::View<M>& in place of const M&: nothing is copied then,
  /// and, if it asks, void answered(Received&) for the replies, the refusals and what was not answered in time; if it
  /// monitors, void on(const ringmail::Peer::Down&). A handler that throws is a failure of this process: the host is
  /// told type and text of the exception and of those nested in it, but no stack trace, which C++23 does not have for
  /// exceptions. Whoever asked is refused, the message is left to the next incarnation, and `handler_failed` comes out.
  /// Other errors are the link's. After `interrupted` it may be called again.
  template <class P, class Handlers>
  std::expected<void, Failure> run(Handlers& handlers);

 private:
  friend class Listener;
  explicit Peer(ringmail_peer* peer) : peer_(peer) {}

  static Result<> check(int code) {
    if (code < 0) return std::unexpected(Errc{code});
    return {};
  }
  /// What is too long for the type is too long for every ring.
  static std::uint32_t length(std::span<const std::byte> payload) {
    return payload.size() < UINT32_MAX ? static_cast<std::uint32_t>(payload.size()) : UINT32_MAX;
  }
  template <FixedPeerMessage M>
  static std::span<const std::byte> bytes_of(const M& message) {
    return std::as_bytes(std::span(&message, 1)).first(M::ringmail_size);
  }
  /// Of variable length: written elsewhere first.
  template <VariablePeerMessage M>
  static std::vector<std::byte> bytes_of(const M& message) {
    const auto borrowed = message.ringmail_borrow();
    std::vector<std::byte> bytes(borrowed.ringmail_bytes());
    // It always has its fixed part, which g++ 12 does not see at -O3.
    if (!bytes.empty()) borrowed.ringmail_write(bytes.data());
    return bytes;
  }
  // Answers never wait for long, so that a signal is no reason to give one up.
  static Result<> reply(ringmail_peer* peer,
                        const ringmail_message& asked,
                        std::uint32_t type,
                        std::span<const std::byte> answer) {
    int code = RINGMAIL_EINTERRUPTED;
    while (code == RINGMAIL_EINTERRUPTED) code = ringmail_reply(peer, &asked, type, answer.data(), length(answer));
    return check(code);
  }
  static Result<> refuse(ringmail_peer* peer, const ringmail_message& asked, Refusal reason) {
    int code = RINGMAIL_EINTERRUPTED;
    while (code == RINGMAIL_EINTERRUPTED) code = ringmail_refuse(peer, &asked, static_cast<std::uint32_t>(reason));
    return check(code);
  }
  Failure failure(Errc code) const {
    return {code, code == Errc::closed ? ringmail_strerror(RINGMAIL_ECLOSED) : error()};
  }

  template <class P, class Handlers>
  class Loop;  // peer_run.hpp

  ringmail_peer* peer_;
};

/// Without a system: a process that other peers attach to by Options::path. Each is a Peer whose host this process is, looked up by
/// name at either end. Used by one thread at a time; each peer that it let in may be by another. docs/spec/peers.md.
class Listener {
 public:
  struct Options {
    std::string_view path{};       ///< of the socket, in a directory of mode 0700, which is made
    std::string_view name{};       ///< under which this process is looked up
    std::string_view schema{};     ///< the generated ringmail_schema
    std::uint64_t ring_bytes = 0;  ///< of a mail ring, a power of two from 4096; 0: 1 MiB
  };

  static std::expected<Listener, Peer::Failure> open(const Options& options) {
    const std::string path(options.path), name(options.name), schema(options.schema);
    ringmail_options raw = RINGMAIL_OPTIONS_INIT;
    raw.path = path.c_str();
    raw.name = name.c_str();
    raw.schema = schema.c_str();
    raw.ring_bytes = options.ring_bytes;
    ringmail_listener* opened = nullptr;
    const int code = ringmail_listen(&raw, &opened);
    Listener listener(opened);
    if (code < 0) {
      return std::unexpected(
          Peer::Failure{Peer::Errc{code}, opened ? ringmail_listener_error(opened) : ringmail_strerror(code)});
    }
    return listener;
  }

  Listener(Listener&& other) noexcept : listener_(std::exchange(other.listener_, nullptr)) {}
  Listener& operator=(Listener&& other) noexcept {
    std::swap(listener_, other.listener_);
    return *this;
  }
  ~Listener() { ringmail_unlisten(listener_); }

  /// The next peer that has shaken hands, or none within the time.
  std::expected<std::optional<Peer>, Peer::Failure> accept(Peer::nanoseconds timeout = Peer::forever) {
    ringmail_peer* peer = nullptr;
    const int code = ringmail_accept(listener_, timeout.count(), &peer);
    if (code < 0) return std::unexpected(Peer::Failure{Peer::Errc{code}, ringmail_listener_error(listener_)});
    if (code == 0) return std::nullopt;
    return Peer(peer);
  }
  /// To be polled for readability: then accept(at_once).
  int descriptor() const { return ringmail_listener_descriptor(listener_); }
  ringmail_listener_counters counters() const {
    ringmail_listener_counters counters{};
    ringmail_listener_count(listener_, &counters);
    return counters;
  }

 private:
  explicit Listener(ringmail_listener* listener) : listener_(listener) {}
  ringmail_listener* listener_;
};

}  // namespace ringmail

#include "ringmail/peer_run.hpp"

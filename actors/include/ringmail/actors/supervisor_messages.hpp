// What a supervisor can be asked, while it runs, about its children.
//
//     ask(supervisor, ringmail::WhichChildren{}, 1s)
//     ask(supervisor, ringmail::CountChildren{}, 1s)
//
// To add, end and restart children there are functions: running_supervisor.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/supervisor_options.hpp"
#include "ringmail/runtime/exit_reason.hpp"

namespace ringmail {

struct ChildInfo {
  enum class State : std::uint8_t {
    down,  ///< not started yet, or waits for its restart
    starting,
    up,
    stopping,
    ended,  ///< as its policy says, or on request
  };
  std::string name{};
  runtime::Address address{};
  State state = State::down;
  std::uint64_t restarts = 0;
  std::optional<runtime::ExitReason> last_exit{};  ///< of its last life
};

/// Answered with a vector of ChildInfo, as they were declared and added.
struct WhichChildren {};

/// Answered with ChildCounts.
struct CountChildren {};
struct ChildCounts {
  std::size_t specified = 0;    ///< all
  std::size_t active = 0;       ///< that live now
  std::size_t supervisors = 0;  ///< of all, alive or not
  std::size_t workers = 0;      ///< the others
};

/// A child, by its name or by its mailbox.
class ChildRef {
 public:
  ChildRef(std::string name) : child_(std::move(name)) {}
  ChildRef(std::string_view name) : child_(std::string(name)) {}
  ChildRef(const char* name) : child_(std::string(name)) {}
  template <class A>
  ChildRef(const Mailbox<A>& child) : child_(child.address()) {}

  const std::variant<std::string, runtime::Address>& get() const { return child_; }

 private:
  std::variant<std::string, runtime::Address> child_;
};

struct ChildError {
  enum class Kind : std::uint8_t {
    already_present,  ///< there is one of that name, which does not run
    already_started,  ///< and that runs or is about to
    not_found,        ///< there is no such child
    running,          ///< it runs, or is about to: end it first
    failed,           ///< it ended before it was up. `reason` says why
    unreachable,      ///< there is no such supervisor, or it ended before it answered
    timed_out,        ///< no answer yet. What was asked for may still be done
    stopped,          ///< the asker was told to stop
  };
  Kind kind;
  runtime::ExitReason reason{};
  runtime::Address child{};  ///< the one that is already there
};

std::string_view to_string(ChildError::Kind kind);

using ChildOutcome = std::expected<void, ChildError>;

namespace detail {

/// A child that has its address and no supervisor yet. One that nobody takes is removed.
class NewChild {
 public:
  NewChild(runtime::System& system, const runtime::Address& address) : system_(&system), address_(address) {}
  NewChild(const NewChild&) = delete;
  NewChild& operator=(const NewChild&) = delete;
  ~NewChild();

  runtime::Address take() { return std::exchange(address_, {}); }

 private:
  runtime::System* system_;
  runtime::Address address_;
};

struct StartChild {
  std::shared_ptr<NewChild> child;
  ChildOptions options;
  bool is_supervisor = false;
};
struct TerminateChild {
  ChildRef child;
};
struct RestartChild {
  ChildRef child;
};
struct DeleteChild {
  ChildRef child;
};

}  // namespace detail
}  // namespace ringmail

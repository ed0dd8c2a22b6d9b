// SIGINT and SIGTERM, for the one thread that waits for them.
#pragma once

#include <csignal>
#include <expected>
#include <string>

namespace ringmail::runtime {

/// While there is one of these, the first SIGINT or SIGTERM ends wait(), and from then on the second one does to the process what
/// it did by default: it ends it. Afterwards both do what they did before. One at a time in a process.
class TerminationSignal {
 public:
  static std::expected<TerminationSignal, std::string> watch();
  ~TerminationSignal();
  TerminationSignal(TerminationSignal&& other) noexcept;
  TerminationSignal& operator=(TerminationSignal&&) = delete;

  /// The number of the signal.
  int wait();

 private:
  TerminationSignal() = default;

  bool owns_ = false;
  struct sigaction before_int_{};
  struct sigaction before_term_{};
  sigset_t mask_before_{};
};

}  // namespace ringmail::runtime

// SIGINT and SIGTERM where the application says nothing about them: its systems end in order, then the process as it would have.
//
// Threads: any.
#pragma once

#include <expected>
#include <string>

namespace ringmail::runtime {

class System;

/// From enter() of the first system to leave() of the last one of this process, the first of these signals shuts all of them
/// down, the youngest first, each as its options say; then the process dies of that signal, as it does by default. The second one
/// kills at once. A signal that is handled or ignored when the first system comes, or blocked in its thread, is left alone; so is
/// one for which somebody installs a handler later.
class DefaultSignals {
 public:
  static std::expected<void, std::string> enter(System& system);
  /// Does not return once a signal ends the process: its status is the signal's, whatever the caller was about to do.
  static void leave(System& system);
};

}  // namespace ringmail::runtime

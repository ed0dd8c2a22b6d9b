// Child processes that are no peers: programs that are run for what they print.
//
//     auto sort = io::Process::spawn({.command = {"sort"}, .input = io::ProcessOptions::Stream::pipe}, 5s);
//     sort->input().write("b\na\n", 5s);
//     sort->input().close();
//     auto sorted = sort->output().read(buffer, 5s);
//     auto status = sort->wait(5s);
//
// Threads: spawn() and wait() are meant for handlers, kill() may be called from any thread. Move-only. A child that still runs
// when this is destroyed, or when the system ends, is killed by SIGKILL; its own children are its own affair. Each is reaped.
#pragma once

#include "ringmail/actors/io/stream.hpp"

namespace ringmail::io {

using ProcessOptions = runtime::IoProcessOptions;
using ExitStatus = runtime::IoExitStatus;

/// A child has ended, and been reaped.
struct ProcessEnded {
  int pid = 0;
  ExitStatus status{};
};

class Process {
 public:
  Process() = default;
  static std::expected<Process, IoError> spawn(const ProcessOptions& options, Timeout timeout);

  /// This end of each pipe that was asked for; the others are closed.
  Stream& input() { return input_; }
  Stream& output() { return output_; }
  Stream& errors() { return errors_; }

  /// May be called again. A child whose output is a pipe that nobody reads may wait for ever, and so may this.
  std::expected<ExitStatus, IoError> wait(Timeout timeout);
  /// When it ends, or has ended already, the actor gets one ProcessEnded.
  template <class A>
    requires Accepts<A, ProcessEnded>
  void watch(const Mailbox<A>& to) {
    watch(*to.system(), to.address().actor, ringmail::detail::binding_of<A, ProcessEnded>);
  }
  /// No effect on one that has ended: its number is never taken for another process's.
  void kill(int signal) { process_.kill(signal); }
  int pid() const { return process_.pid(); }

 private:
  void watch(runtime::System& system, runtime::ActorId actor, const runtime::Binding& binding);

  runtime::IoProcess process_;
  Stream input_;
  Stream output_;
  Stream errors_;
};

}  // namespace ringmail::io

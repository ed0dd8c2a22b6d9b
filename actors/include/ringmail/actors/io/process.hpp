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
  /// No effect on one that has ended: its number is never taken for another process's.
  void kill(int signal) { process_.kill(signal); }
  int pid() const { return process_.pid(); }

 private:
  runtime::IoProcess process_;
  Stream input_;
  Stream output_;
  Stream errors_;
};

}  // namespace ringmail::io

// The way from schedulers to the reactor for input and output, and everything that is under way there.
//
// Threads: post() may be called from any thread, before and after the reactor's end. All else is the reactor's.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "reactor_loop.hpp"

namespace ringmail::runtime {

class IoHub {
 public:
  /// Something of the loop's that must be gone before the loop is.
  class Member {
   public:
    virtual ~Member() = default;
    /// Ends it, so that it leaves the hub now or in a later turn of the loop.
    virtual void end() = 0;
  };

  /// One that has ended.
  IoHub() : loop_(nullptr), ended_(true) {}
  explicit IoHub(ReactorLoop& loop) : loop_(&loop) {}

  /// False, and the task is dropped, once the hub has ended.
  bool post(std::function<void()> task);

  ReactorLoop& loop() { return *loop_; }
  bool has_ended() const { return ended_; }

  /// Kept alive until it leaves.
  void enter(std::shared_ptr<Member> member);
  /// What kept it alive.
  std::shared_ptr<Member> leave(Member& member);
  void end();

 private:
  std::mutex mutex_;  // guards loop_ against other threads; this one alone writes it
  ReactorLoop* loop_;
  bool ended_ = false;
  std::unordered_map<Member*, std::shared_ptr<Member>> members_;
};

}  // namespace ringmail::runtime

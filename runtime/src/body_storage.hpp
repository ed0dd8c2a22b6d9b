// Where the bytes of bodies lie, and whom to tell when nobody has them any more.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "ringmail/runtime/body.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

class Scheduler;

/// Takes back what was loaned in a lane's arena and not sent. Outlives the lane where there are such loans. Threads: any.
class LoanDesk {
 public:
  LoanDesk(Scheduler& scheduler, std::uint32_t link) : scheduler_(&scheduler), link_(link) {}

  void cancel(const std::byte* block);
  /// The lane is no more: there is nothing to take back.
  void close() {
    const std::lock_guard lock(mutex_);
    scheduler_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Scheduler* scheduler_;
  const std::uint32_t link_;
};

/// In the arena to a peer.
class LoanedBody final : public BodyStorage {
 public:
  LoanedBody(std::shared_ptr<LoanDesk> desk, std::shared_ptr<transport::Arena> arena, std::span<std::byte> bytes)
      : BodyStorage(bytes), desk_(std::move(desk)), arena_(std::move(arena)) {}
  ~LoanedBody() override {
    if (desk_ != nullptr) desk_->cancel(bytes().data());
  }

  bool is_from(const std::shared_ptr<LoanDesk>& desk) const { return desk_ == desk; }
  /// It belongs to a message now.
  void sent() { desk_.reset(); }

 private:
  std::shared_ptr<LoanDesk> desk_;  // null once it is sent
  std::shared_ptr<transport::Arena> arena_;
};

/// In the arena of a peer.
class ReceivedBody final : public BodyStorage {
 public:
  ReceivedBody(std::shared_ptr<transport::BodySource> source, const transport::ReceivedBody& body)
      : BodyStorage({const_cast<std::byte*>(body.data), body.length}), source_(std::move(source)), body_(body) {}
  ~ReceivedBody() override { source_->give_back(body_); }

 private:
  std::shared_ptr<transport::BodySource> source_;
  transport::ReceivedBody body_;
};

}  // namespace ringmail::runtime

#include "ringmail/runtime/body.hpp"

#include <new>

#include "body_storage.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {
namespace {

constexpr std::align_val_t alignment{transport::page_bytes};

/// In memory of this process.
class OwnBody final : public BodyStorage {
 public:
  explicit OwnBody(std::size_t bytes)
      : BodyStorage({static_cast<std::byte*>(::operator new(bytes, alignment)), bytes}) {}
  ~OwnBody() override { ::operator delete(bytes().data(), alignment); }
};

}  // namespace

BodyLoan BodyLoan::make(std::size_t bytes) { return BodyLoan(std::make_shared<OwnBody>(bytes)); }

void LoanDesk::cancel(const std::byte* block) {
  const std::lock_guard lock(mutex_);
  if (scheduler_ == nullptr) return;
  if (Scheduler::current() == scheduler_) return scheduler_->cancel_body(link_, block);
  scheduler_->post([scheduler = scheduler_, link = link_, block] { scheduler->cancel_body(link, block); });
}

}  // namespace ringmail::runtime

#include "ringmail/actors/answer.hpp"

#include "here.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::detail {
namespace {

transport::NoReply no_reply(AskError error) {
  switch (error) {
    case AskError::no_handler: return transport::NoReply::no_handler;
    case AskError::unreachable: return transport::NoReply::stopped;
    default: return transport::NoReply::failed;
  }
}

/// An answer on its way to the scheduler that it leaves from.
class Parcel {
 public:
  Parcel(const runtime::MessageType& type, void* object)
      : type_(&type), bytes_(::operator new(type.size, std::align_val_t{type.alignment})) {
    type.relocate(bytes_, object);
  }
  Parcel(Parcel&& other) noexcept : type_(other.type_), bytes_(std::exchange(other.bytes_, nullptr)) {}
  Parcel& operator=(Parcel&&) = delete;
  ~Parcel() {
    if (bytes_ == nullptr) return;
    if (!moved_from_ && type_->destroy != nullptr) type_->destroy(bytes_);
    ::operator delete(bytes_, std::align_val_t{type_->alignment});
  }

  void reply(runtime::Scheduler& scheduler, const runtime::Asker& asker) {
    moved_from_ = true;
    scheduler.reply(asker, *type_, bytes_);
  }

 private:
  const runtime::MessageType* type_;
  void* bytes_;
  bool moved_from_ = false;
};

}  // namespace

void OpenAnswer::reply(const runtime::MessageType& type, void* object) {
  const runtime::Asker asker = std::exchange(asker_, runtime::Asker{});
  if (!asker) {
    if (type.destroy != nullptr) type.destroy(object);
  } else if (runtime::Scheduler::current() == scheduler_) {
    scheduler_->reply(asker, type, object);
  } else {
    scheduler_->post(
        [scheduler = scheduler_, asker, parcel = Parcel(type, object)]() mutable { parcel.reply(*scheduler, asker); });
  }
}

void OpenAnswer::refuse(AskError error) {
  const runtime::Asker asker = std::exchange(asker_, runtime::Asker{});
  if (!asker) return;
  if (runtime::Scheduler::current() == scheduler_) {
    scheduler_->refuse(asker, no_reply(error));
  } else {
    scheduler_->post([scheduler = scheduler_, asker, error] { scheduler->refuse(asker, no_reply(error)); });
  }
}

OpenAnswer take_asker() { return {here(), here().current_cell()->take_asker()}; }

void ask_then(const runtime::Question& question,
              std::unique_ptr<runtime::AskContinuation> continuation,
              std::chrono::nanoseconds timeout) {
  here().ask_then(question, std::move(continuation), runtime::Deadline::after(timeout));
}

}  // namespace ringmail::detail

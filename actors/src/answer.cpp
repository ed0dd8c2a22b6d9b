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

}  // namespace

void OpenAnswer::reply(const runtime::MessageType& type, void* object) {
  const runtime::Asker asker = std::exchange(asker_, runtime::Asker{});
  if (!asker) {
    if (type.destroy != nullptr) type.destroy(object);
  } else if (runtime::Scheduler::current() == scheduler_) {
    scheduler_->reply(asker, type, object);
  } else {
    scheduler_->post_reply(asker, type, object);
  }
}

void OpenAnswer::refuse(AskError error) {
  const runtime::Asker asker = std::exchange(asker_, runtime::Asker{});
  if (!asker) return;
  if (runtime::Scheduler::current() == scheduler_) {
    scheduler_->refuse(asker, no_reply(error));
  } else {
    scheduler_->post_refusal(asker, no_reply(error));
  }
}

OpenAnswer take_asker() { return {here(), here().current_cell()->take_asker()}; }

void ask_then(const runtime::Question& question,
              std::unique_ptr<runtime::AskContinuation> continuation,
              std::chrono::nanoseconds timeout) {
  here().ask_then(question, std::move(continuation), runtime::Deadline::after(timeout));
}

}  // namespace ringmail::detail

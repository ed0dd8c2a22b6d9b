#include "io_hub.hpp"

#include <cassert>
#include <utility>
#include <vector>

#include "ringmail/runtime/peer_keeper.hpp"

namespace ringmail::runtime {

const std::shared_ptr<IoHub>& no_io() {
  static const auto hub = std::make_shared<IoHub>();
  return hub;
}

bool IoHub::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  return loop_ != nullptr && loop_->post(std::move(task));
}

void IoHub::enter(std::shared_ptr<Member> member) {
  assert(!ended_);
  Member* const key = member.get();
  members_.emplace(key, std::move(member));
}

std::shared_ptr<IoHub::Member> IoHub::leave(Member& member) {
  auto node = members_.extract(&member);
  return node.empty() ? nullptr : std::move(node.mapped());
}

void IoHub::end() {
  {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }
  ended_ = true;
  // A copy, since members leave as they end.
  std::vector<std::shared_ptr<Member>> members;
  members.reserve(members_.size());
  for (const auto& [key, member] : members_) members.push_back(member);
  for (const auto& member : members) member->end();
}

}  // namespace ringmail::runtime

#include "ringmail/runtime/groups.hpp"

#include <algorithm>

namespace ringmail::runtime {

std::shared_ptr<const Group::Members> Group::members() const {
  const std::lock_guard lock(mutex_);
  return members_;
}

/// Readers keep what they have: it is replaced and never changed.
void Group::change(Members members) {
  members_ = std::make_shared<const Members>(std::move(members));
  version_.fetch_add(1, std::memory_order_release);
}

bool Group::join(const Member& member) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(*members_, member.address, &Member::address) != members_->end()) return false;
  Members next = *members_;
  next.push_back(member);
  change(std::move(next));
  return true;
}

bool Group::leave(const Address& address) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(*members_, address, &Member::address) == members_->end()) return false;
  Members next = *members_;
  std::erase_if(next, [&](const Member& member) { return member.address == address; });
  change(std::move(next));
  return true;
}

Group& Groups::find(const void* kind, std::string name) {
  const std::lock_guard lock(mutex_);
  auto& group = groups_[{kind, std::move(name)}];
  if (group == nullptr) group = std::make_unique<Group>();
  return *group;
}

bool Groups::join(Group& group, const Member& member) {
  have_members_.store(true, std::memory_order_relaxed);
  return group.join(member);
}

void Groups::forget(const Address& address) {
  // Of an actor that ends: that somebody joins is known before he has joined, which was before it is found dead by who joined it
  // (see System::join).
  if (!have_members_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, group] : groups_) group->leave(address);
}

}  // namespace ringmail::runtime

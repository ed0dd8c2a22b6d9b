// Named lists of addresses: who subscribes to a topic, who belongs to a pool. An actor that ends is in none any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/message.hpp"

namespace ringmail::runtime {

struct Member {
  Address address;
  const Binding* binding = nullptr;  ///< how it takes the group's message; null where each message brings its own
};

/// Threads: any. Changes take a lock; who only reads compares versions and locks when there is a new one.
class Group {
 public:
  using Members = std::vector<Member>;

  /// Behind the last change whose effect members() shows.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const Members> members() const;

  /// False: it is a member already.
  bool join(const Member& member);
  /// False: it is none.
  bool leave(const Address& address);

 private:
  void change(Members members);

  mutable std::mutex mutex_;
  std::shared_ptr<const Members> members_ = std::make_shared<Members>();
  std::atomic<std::uint64_t> version_{0};
};

/// A reader's own copy, which a thread at a time may use.
class GroupView {
 public:
  GroupView() = default;
  explicit GroupView(const Group& group) : group_(&group) {}

  const std::shared_ptr<const Group::Members>& members() {
    // A change between the two is seen the next time.
    if (const std::uint64_t version = group_->version(); members_ == nullptr || version != version_) {
      version_ = version;
      members_ = group_->members();
    }
    return members_;
  }

 private:
  const Group* group_ = nullptr;
  std::shared_ptr<const Group::Members> members_;
  std::uint64_t version_ = 0;
};

/// Those of one system, which live as long as it.
class Groups {
 public:
  /// The one of that kind and name; made when it is asked for first. `kind` tells what its members can take: groups of different
  /// kinds may have the same name.
  Group& find(const void* kind, std::string name);
  /// One of them. False: it is a member already.
  bool join(Group& group, const Member& member);
  /// An actor that ends, or a peer.
  void forget(const Address& address);

 private:
  std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, std::unique_ptr<Group>> groups_;
  std::atomic<bool> have_members_{false};  // or have had: until then an end takes no lock
};

}  // namespace ringmail::runtime

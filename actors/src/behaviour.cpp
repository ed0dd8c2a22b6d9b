#include "ringmail/actors/behaviour.hpp"

#include "here.hpp"

namespace ringmail {

namespace detail {

void become(std::unique_ptr<runtime::Behaviour> behaviour) { here().become(std::move(behaviour)); }
void become_stacked(std::unique_ptr<runtime::Behaviour> behaviour) { here().become_stacked(std::move(behaviour)); }
bool can_stash(std::size_t capacity) { return here().can_stash(capacity); }
void stash(const runtime::MessageType& type, void* object) { here().stash(type, object); }

}  // namespace detail

namespace this_actor {

void unbecome() { detail::here().unbecome(); }
void unstash_all() { detail::here().unstash(); }

}  // namespace this_actor
}  // namespace ringmail

// What a peer does now, put together from those who know: the reactor its process, each scheduler its own lane of mail.
#include <algorithm>

#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/system.hpp"
#include "scheduler_round.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {

std::uint32_t System::link_of(std::string_view name) const {
  const std::lock_guard lock(links_mutex_);
  for (std::size_t i = links_.size(); i > 0; --i) {
    if (links_[i - 1]->name == name) return static_cast<std::uint32_t>(i);
  }
  return 0;
}

std::optional<PeerStatus> System::peer_status(std::string_view name) { return peer_status(link_of(name)); }

std::optional<PeerStatus> System::peer_status(std::uint32_t link) {
  {
    const std::lock_guard lock(links_mutex_);
    if (link == 0 || link > links_.size()) return std::nullopt;
  }
  Link& entry = link_entry(link);
  const auto ended = [&]() -> std::optional<PeerStatus> {
    const std::lock_guard lock(entry.mutex);
    if (!entry.end) return std::nullopt;
    PeerStatus status{.name = entry.name, .link = link, .incarnation = entry.incarnation, .phase = "ended"};
    if (const PostMortem* const found = post_mortem_of(entry.end->reason)) status.deaths = found->deaths;
    status.last_death = entry.end->reason;
    return status;
  };
  if (is_forked() || phase_ == SystemPhase::ended || simulator_ != nullptr) return ended();
  if (auto status = ended()) return status;

  const auto asked = std::make_shared<Round<std::optional<PeerStatus>>>(1);
  reactor_->peer_status(link, [asked](std::optional<PeerStatus> status) { asked->put(0, std::move(status)); });
  const auto round = std::make_shared<Round<LinkSight>>(schedulers_.size());
  for (auto& scheduler : schedulers_) {
    const auto look = [round, link, scheduler = scheduler.get()] {
      round->put(scheduler->index(), scheduler->look_at_lane(link));
    };
    scheduler.get() == Scheduler::current() ? look() : scheduler->post(look);
  }

  PeerStatus status{.name = entry.name, .link = link, .phase = "not known: the reactor does not answer"};
  {
    std::unique_lock lock(asked->mutex);
    asked->changed.wait_for(lock, answer_timeout, [&] { return asked->is_complete(); });
    if (asked->is_complete()) {
      if (!asked->answers[0]) return ended();
      status = std::move(*asked->answers[0]);
    }
  }
  LinkSight mail;
  {
    std::unique_lock lock(round->mutex);
    status.is_complete = round->changed.wait_for(lock, answer_timeout, [&] { return round->is_complete(); });
    for (const LinkSight& lane : round->answers) mail += lane;
  }
  status.waiting = mail.waiting;
  if (!status.in_hand) return status;
  const auto held = std::ranges::find(mail.in_hand, status.in_hand->lane, &MessageInHand::lane);
  // It may have gone on in the meantime; and of one that nobody knows it is not said that there is one.
  if (held == mail.in_hand.end()) {
    status.in_hand.reset();
    status.held_for = {};
    return status;
  }
  status.in_hand = *held;
  status.in_hand->text = describe(entry.schema, *held);
  return status;
}

}  // namespace ringmail::runtime

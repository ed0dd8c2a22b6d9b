// The system as the owner of links: what the reactor asks for is done by every scheduler, each with its own lane.
#include <spdlog/spdlog.h>

#include <mutex>

#include "ringmail/runtime/dead_letter.hpp"
#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/system.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {

void System::on_all(std::function<void(Scheduler&)> each, std::function<void()> done) {
  struct Round {
    std::function<void(Scheduler&)> each;
    std::function<void()> done;
    std::atomic<std::uint32_t> left;
  };
  auto round = std::make_shared<Round>(std::move(each), std::move(done), schedulers());
  for (auto& scheduler : schedulers_) {
    scheduler->post([this, round, scheduler = scheduler.get()] {
      round->each(*scheduler);
      // Acquire and release: the last one hands on what all have written.
      if (round->left.fetch_sub(1, std::memory_order_acq_rel) == 1 && round->done) reactor_->post(round->done);
    });
  }
}

void System::open(std::uint32_t link,
                  transport::LinkMail& mail,
                  transport::Incarnation& first,
                  std::function<void()> done) {
  on_all(
      [link, &mail, &first, system = link_entry(link).system,
       exactly_once = link_entry(link).exactly_once](Scheduler& scheduler) {
        const auto end = first.host_end(scheduler.index());
        auto bodies =
            mail.arena() != nullptr ? mail.body_producer(scheduler.index(), end.returns) : transport::ArenaProducer();
        scheduler.open_lane(link, transport::RingProducer(mail.producer(scheduler.index(), end.mail_consumer)), end,
                            system, std::move(bodies), mail.arena());
        if (exactly_once) scheduler.expect_acknowledgements(link);
      },
      std::move(done));
}

namespace {
/// Adds up the lanes of one link, each on its own thread.
struct Sum {
  std::mutex mutex;
  LinkAccount account;

  void add(const LinkAccount& lane) {
    const std::lock_guard lock(mutex);
    account += lane;
  }
};
}  // namespace

void System::replace(std::uint32_t link,
                     transport::Incarnation& next,
                     const Redelivery& redelivery,
                     std::function<void(LinkAccount)> done) {
  auto sum = std::make_shared<Sum>();
  on_all(
      [link, &next, redelivery, sum](Scheduler& scheduler) {
        auto report = scheduler.settle_lane(link, redelivery);
        if (auto written = next.resume_at(scheduler.index(), report.resume); !written) {
          report.account.fault = to_string(written.error());
        }
        auto end = next.host_end(scheduler.index());
        if (auto failed = scheduler.carry_lane(link, next, end); !failed.empty()) {
          report.account.fault = std::move(failed);
        }
        scheduler.switch_lane(link, end.mail_consumer, end);
        sum->add(report.account);
      },
      [sum, done = std::move(done)] { done(sum->account); });
}

void System::close(std::uint32_t link, std::function<void(LinkAccount)> done) {
  auto sum = std::make_shared<Sum>();
  on_all(
      [link, sum](Scheduler& scheduler) {
        sum->add(scheduler.settle_lane(link).account);
        scheduler.close_lane(link);
      },
      [sum, done = std::move(done)] { done(sum->account); });
}

void System::know_former(std::uint32_t link, const std::vector<std::pair<std::uint64_t, std::string>>& names) {
  on_all([link, names](Scheduler& scheduler) { scheduler.know_former(link, names); }, nullptr);
}

void System::look(std::uint32_t link, std::function<void(LinkSight)> done) {
  struct Seen {
    std::mutex mutex;
    LinkSight sight;
  };
  auto seen = std::make_shared<Seen>();
  on_all(
      [link, seen](Scheduler& scheduler) {
        const LinkSight lane = scheduler.look_at_lane(link);
        const std::lock_guard lock(seen->mutex);
        seen->sight += lane;
      },
      [seen, done = std::move(done)] { done(std::move(seen->sight)); });
}

void System::dead_letter(std::uint32_t link, const MessageInHand& message, const ExitReason& reason) {
  Scheduler& scheduler = *schedulers_[message.lane];
  scheduler.post([this, &scheduler, link, message, reason] {
    const std::string times =
        message.attempts > 1 ? fmt::format(" {} times in a row", message.attempts) : std::string();
    const std::string why = fmt::format("peer '{}' died{} with it in hand", link_entry(link).name, times);
    log_->warn("dead letter: {}: {}", why, message.text.empty() ? to_string(message) : message.text);
    tell_dead_letter(scheduler, {.sender = {0, message.sender},
                                 .target = message.target,
                                 .type = message.type,
                                 .why = why,
                                 .asked = message.asked,
                                 .peer = link,
                                 .payload = message.payload,
                                 .reason = reason});
  });
}

std::string System::describe(std::string_view schema, const MessageInHand& message) {
  return describe_message_ != nullptr ? describe_message_(schema, message) : std::string();
}

void System::down(std::uint32_t link, const ExitReason& reason) {
  on_all([link, reason](Scheduler& scheduler) { scheduler.lane_down(link, reason); }, nullptr);
}

void System::up(std::uint32_t link, std::uint64_t incarnation, transport::Ordering ordering, bool takes_bodies) {
  {
    // First: who is told by a scheduler may look here.
    Link& entry = link_entry(link);
    const std::lock_guard lock(entry.mutex);
    entry.incarnation = incarnation;
    entry.changed.notify_all();
  }
  if (RemoteSystem* const system = link_entry(link).system; system != nullptr && system->link_ready()) {
    const std::lock_guard lock(systems_mutex_);
    systems_changed_.notify_all();
  }
  on_all([=](Scheduler& scheduler) { scheduler.order_lane(link, ordering, takes_bodies); }, nullptr);
}

void System::handed_over(std::uint32_t link) {
  on_all([link](Scheduler& scheduler) { scheduler.lane_handed_over(link); }, nullptr);
}

void System::stop(std::uint32_t link, StopAt where) {
  on_all([link, where](Scheduler& scheduler) { scheduler.stop_lane(link, where); }, nullptr);
}

void System::resolve(std::uint32_t link, std::string_view name, std::function<void(ActorId)> done) {
  const ActorId actor = find_name(name);
  if (!actor) {
    done({});
    return;
  }
  if (RemoteSystem* const system = link_entry(link).system) return done(let_in(*system, actor) ? actor : ActorId());
  Scheduler& scheduler = *schedulers_[actor.thread()];
  scheduler.post([this, &scheduler, link, actor, done = std::move(done)] {
    const bool exported = scheduler.export_to(link, actor);
    reactor_->post([done, answer = exported ? actor : ActorId()] { done(answer); });
  });
}

std::string System::compare_schemas(std::string_view ours, std::string_view theirs) {
  return compare_schemas_ != nullptr ? compare_schemas_(ours, theirs) : std::string();
}

}  // namespace ringmail::runtime

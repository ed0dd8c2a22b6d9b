// One message to all subscribers of a topic, on the publisher's scheduler.
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

class Subscriber : public Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  std::uint64_t on(const Get&) const { return total_; }

 private:
  std::uint64_t total_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_publish(const Setup& setup, std::uint64_t subscribers) {
  const std::uint64_t messages = setup.sized(published_messages) / subscribers;
  return ours("publish", 1, {.operations = messages, .answer = messages * subscribers},
              [messages, subscribers](System& system, BlockTimer& timer) {
                const auto publisher = system.spawn([messages, subscribers, &system, &timer](const Go&) {
                  auto topic = system.topic<Add>("benchmark");
                  std::vector<Mailbox<Subscriber>> all;
                  for (std::uint64_t i = 0; i < subscribers; ++i) {
                    topic.subscribe(all.emplace_back(system.spawn<Subscriber>()));
                  }
                  timer.begin();
                  for (std::uint64_t i = 0; i < messages; ++i) topic.publish(Add{1});
                  std::uint64_t received = 0;
                  for (const auto& each : all) received += ask(each, Get{}, std::chrono::minutes(5)).value_or(0);
                  timer.end(received);
                });
                static_cast<void>(publisher.send(Go{}));
              });
}

}  // namespace bench::actors

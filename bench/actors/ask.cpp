// Send, suspend, handle, answer, resume; with a deadline each.
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {

std::unique_ptr<Contender> make_ask_local(const Setup& setup) {
  const std::uint64_t asks = setup.sized(local_asks);
  return ours("ask.local", 1, {.operations = asks, .answer = asks}, [asks](System& system, BlockTimer& timer) {
    const auto asked = system.spawn([](const Add& add) { return add.n + 1; });
    const auto asker = system.spawn([asks, asked, &timer](const Go&) {
      timer.begin();
      std::uint64_t n = 0;
      for (std::uint64_t i = 0; i < asks; ++i) n = ask(asked, Add{n}, std::chrono::seconds(10)).value_or(0);
      timer.end(n);
    });
    static_cast<void>(asker.send(Go{}));
  });
}

}  // namespace bench::actors

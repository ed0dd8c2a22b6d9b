#include "peer_states.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringmail::runtime {
namespace {

TEST(PeerStates, every_state_but_the_last_leads_somewhere_and_the_last_nowhere) {
  for (auto state = PeerState::opening; state < PeerState::ended;
       state = static_cast<PeerState>(static_cast<int>(state) + 1)) {
    EXPECT_TRUE(std::ranges::any_of(peer_transitions(), [&](const auto& row) {
      return row.from == state && row.to != state;
    })) << to_string(state);
    EXPECT_TRUE(std::ranges::any_of(peer_transitions(), [&](const auto& row) { return row.to == state; }) ||
                state == PeerState::opening)
        << to_string(state);
  }
  EXPECT_TRUE(std::ranges::none_of(peer_transitions(), [](const auto& row) { return row.from == PeerState::ended; }));
}

TEST(PeerStates, a_process_that_dies_is_settled_or_closed_wherever_it_was) {
  using enum PeerState;
  for (const auto state : {starting, handshaking, running, draining, leaving, terminating, killing}) {
    const auto* finished = find_transition(state, PeerEvent::finished);
    ASSERT_NE(finished, nullptr) << to_string(state);
    EXPECT_EQ(finished->to, closing);
    // While it is being stopped it is never started again.
    const bool stops = state == draining || state == terminating;
    EXPECT_EQ(find_transition(state, PeerEvent::failed) == nullptr, stops) << to_string(state);
  }
}

}  // namespace
}  // namespace ringmail::runtime

// What is measured of each language.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "languages/spawned_peer.hpp"
#include "latency/scenario.hpp"

namespace bench::languages {

/// For the life of this program. The bases are among them.
std::vector<Subject> subjects_of(std::span<const PeerProgram> peers);

}  // namespace bench::languages

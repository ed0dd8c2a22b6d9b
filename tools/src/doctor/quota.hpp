// How much CPU time the control group of this process leaves it.
#pragma once

#include <filesystem>
#include <optional>

#include "doctor/facts.hpp"

namespace ringmail::doctor {

/// The tightest quota of its group and of those above it, as far as they can be seen from here; of either version.
std::optional<Quota> read_quota(const std::filesystem::path& root);

}  // namespace ringmail::doctor

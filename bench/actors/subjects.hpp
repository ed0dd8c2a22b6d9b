// The keys of the report, and who competes for each.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "actors/contender.hpp"

namespace bench::actors {

using Make = std::function<std::unique_ptr<Contender>(const Setup&)>;

struct Subject {
  enum class Unit { ns, bytes };

  std::string_view key;
  std::string_view description;
  Make ours;
  Make caf = nullptr;   ///< null: CAF has nothing to compare with, or is not installed
  Make ring = nullptr;  ///< the ring's own round trip
  Unit unit = Unit::ns;
};

const std::vector<Subject>& subjects();

/// Whether CAF was there when this was built.
bool has_caf();

}  // namespace bench::actors

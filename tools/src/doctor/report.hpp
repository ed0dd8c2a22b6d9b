#pragma once

#include <string>
#include <vector>

#include "doctor/judgement.hpp"

namespace ringmail::doctor {

/// For people: at most 130 columns, where no single word is longer.
std::string to_text(const Examination& examination, const std::vector<Finding>& findings);

/// For programs: docs/doctor.md lists the keys. "format" grows when one changes its meaning or goes.
std::string to_json(const Examination& examination, const std::vector<Finding>& findings);

}  // namespace ringmail::doctor

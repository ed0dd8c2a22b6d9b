// A report as a table for people, and as JSON for programs.
#pragma once

#include <string>

#include "latency/machine.hpp"
#include "latency/measure.hpp"

namespace bench {

std::string to_table(const Report& report, const Machine& machine, const Plan& plan, const Placement& placement);
/// `command` is what gave the report.
std::string to_json(const Report& report,
                    const Machine& machine,
                    const Plan& plan,
                    const Placement& placement,
                    const std::string& command);

}  // namespace bench

#pragma once

#include "doctor/measurements.hpp"
#include "doctor/topology.hpp"

namespace ringmail::doctor {

/// Takes about `seconds`, all blocks of all kinds in turn, so that each sees the whole of it. 0: measures nothing.
Measurements measure(const std::vector<Cpu>& cpus, double seconds);

}  // namespace ringmail::doctor

// The single findings, by what they are about. judgement.cpp has the list.
#pragma once

#include "doctor/judgement.hpp"

namespace ringmail::doctor {

// findings_kernel.cpp: what has to work at all.
Finding judge_memory(const Examination& examination);
Finding judge_futex(const Examination& examination);
Finding judge_system(const Examination& examination);
Finding judge_processes(const Examination& examination);
Finding judge_barrier(const Examination& examination);

// findings_cpus.cpp: which CPUs, and how far from each other.
Finding judge_cpus(const Examination& examination);
Finding judge_quota(const Examination& examination);
Finding judge_siblings(const Examination& examination);
Finding judge_distance(const Examination& examination);
Finding judge_isolated(const Examination& examination);
Finding judge_pinning(const Examination& examination);
Finding judge_governor(const Examination& examination);
Finding judge_numa_balancing(const Examination& examination);

// findings_costs.cpp: what was measured.
Finding judge_load(const Examination& examination);
Finding judge_movement(const Examination& examination);
Finding judge_spin(const Examination& examination);
Finding judge_pause(const Examination& examination);
Finding judge_barrier_cost(const Examination& examination);
Finding judge_clock(const Examination& examination);

// findings_limits.cpp: memory and descriptors.
Finding judge_guards(const Examination& examination);
Finding judge_descriptors(const Examination& examination);
Finding judge_huge_pages(const Examination& examination);

}  // namespace ringmail::doctor

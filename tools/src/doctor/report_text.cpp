#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "doctor/kernel_files.hpp"
#include "doctor/report.hpp"

namespace ringmail::doctor {
namespace {

constexpr std::size_t columns = 130;
constexpr std::size_t margin = 12;       // where what a heading says begins
constexpr std::size_t text_column = 28;  // where what a finding says begins

class Text {
 public:
  /// A heading, or "" for one more line under the last one.
  template <class... Values>
  void line(std::string_view heading, fmt::format_string<Values...> text, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), "{:<{}}{}\n", heading, margin,
                   fmt::format(text, std::forward<Values>(values)...));
  }
  void gap() { text_ += '\n'; }

  void finding(const Finding& finding) {
    std::string line = fmt::format("{:<{}}{:<{}}", to_string(finding.level), margin, finding.id, text_column - margin);
    bool is_first = true;
    for (const std::string& word : words_of(finding.text)) {
      if (!is_first && line.size() + 1 + word.size() > columns) {
        text_ += line + '\n';
        line.assign(text_column, ' ');
        is_first = true;
      }
      line += (is_first ? "" : " ") + word;
      is_first = false;
    }
    text_ += line + '\n';
    // Not broken: it is there to be copied.
    if (!finding.mend.empty()) text_ += std::string(text_column, ' ') + "-> " + finding.mend + '\n';
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string list_of(const std::vector<int>& cpus) { return cpus.empty() ? "none" : to_cpu_list(cpus); }

std::string bytes_of(const std::optional<std::uint64_t>& bytes) {
  return bytes ? fmt::format("{} KiB", *bytes >> 10) : "unlimited";
}

std::string text_or(const std::string& text, const char* otherwise) { return text.empty() ? otherwise : text; }

template <class T>
std::string number_or_unknown(const std::optional<T>& number) {
  return number ? std::to_string(*number) : "unknown";
}

void add_machine(Text& text, const Examination& examination) {
  const Facts& facts = examination.facts;
  text.line("machine", "{}, Linux {}{}", text_or(facts.cpu_model, "unnamed CPU"), facts.kernel,
            facts.under_hypervisor ? ", under a hypervisor" : "");
  std::vector<int> allowed;
  std::set<std::vector<int>> caches;
  std::set<int> nodes;
  for (const Cpu& cpu : facts.allowed) {
    allowed.push_back(cpu.number);
    caches.insert(cpu.last_level);
    nodes.insert(cpu.node);
  }
  text.line("CPUs", "{} of {} online; cores {}, last-level caches {}, nodes {}", list_of(allowed), facts.online.size(),
            one_of_each_core(facts.allowed).size(), caches.size(), nodes.size());
  text.line("", "isolated {}; nohz_full {}; quota {}; governor {}", list_of(facts.isolated), list_of(facts.nohz_full),
            facts.quota ? fmt::format("{:g} CPUs", facts.quota->cpus) : "none",
            facts.governors.empty() ? "none" : fmt::format("{}", fmt::join(facts.governors, ", ")));
  text.line("kernel", "clock source {}; huge pages {}, for shared memory {}, reserved {}; seccomp {}",
            text_or(facts.clock_source, "unknown"), text_or(facts.huge_pages, "unknown"),
            text_or(facts.shared_huge_pages, "unknown"), facts.reserved_huge_pages, facts.seccomp != 0 ? "on" : "off");
  text.line("limits", "{} descriptors; {} mappings; {} of locked memory (nothing is locked)",
            facts.most_descriptors ? std::to_string(*facts.most_descriptors) : "unlimited",
            number_or_unknown(facts.most_mappings), bytes_of(facts.most_locked_bytes));
}

void add_floor(Text& text, const Measurements& measured) {
  if (measured.seconds == 0) {
    text.line("floor", "not measured");
    return;
  }
  if (measured.floors.empty()) {
    text.line("floor", "not measured: one CPU has nobody to talk to");
    return;
  }
  text.line("floor", "a bare flag from one CPU to another and back, in ns, of which reading the clock is {:.0f};",
            measured.clock_ns);
  text.line("", "{} of {} pairs, over {:.1f} s", measured.floors.size(), measured.pairs, measured.seconds);
  text.line("", "{:<11}{:<24}{:>8}{:>10}   {:<28}{:>8}{:>10}", "CPUs", "which share", "p50", "p99",
            "medians of the blocks", "blocks", "samples");
  for (const Floor& floor : measured.floors) {
    const std::string cpus = fmt::format("{} and {}", floor.pair.a, floor.pair.b);
    if (!floor.round_trip) {
      text.line("", "{:<11}{:<24}  {}", cpus, to_string(floor.pair.distance), floor.round_trip.error());
      continue;
    }
    const Spread& trip = *floor.round_trip;
    text.line("", "{:<11}{:<24}{:>8.0f}{:>10.0f}   {:<28}{:>8}{:>10}", cpus, to_string(floor.pair.distance), trip.p50,
              trip.p99, fmt::format("{:.0f} to {:.0f}", trip.least_block, trip.greatest_block), trip.blocks,
              trip.samples);
  }
}

void add_cost(Text& text, const char* what, const Measured& cost) {
  if (!cost) {
    text.line("", "{:<16}{}", what, cost.error());
    return;
  }
  text.line("", "{:<16}p50 {:.1f} us, p99 {:.1f}; medians of {} blocks {:.1f} to {:.1f}", what, cost->p50 / 1000,
            cost->p99 / 1000, cost->blocks, cost->least_block / 1000, cost->greatest_block / 1000);
}

void add_costs(Text& text, const Measurements& measured) {
  if (measured.seconds == 0) return;
  text.line("costs", "{:<16}{:.1f} ns{}", "PAUSE", measured.pause_ns,
            measured.pause_cycles > 0 ? fmt::format(", {:.0f} cycles of the counter", measured.pause_cycles) : "");
  text.line("", "{:<16}{:.1f} ns", "CLOCK_MONOTONIC", measured.monotonic_ns);
  if (measured.costs_on) {
    add_cost(text, "wake", measured.wake);
    add_cost(text, "membarrier", measured.barrier);
    text.line("", "{:<16}between CPUs {} and {}, each wake 50 us after the sleep", "both", measured.costs_on->a,
              measured.costs_on->b);
  }
}

void add_advice(Text& text, const Examination& examination) {
  const Defaults& defaults = examination.defaults;
  text.line("defaults", "{} schedulers, one for each of {} CPUs that may be used", defaults.schedulers,
            defaults.usable_cpus);
  text.line("", "who finds nothing spins for {:.1f} us (observed), then sleeps", defaults.spin_ns / 1000);
  text.line("", "barriers: {}",
            defaults.ordering == transport::Ordering::asymmetric
                ? "asymmetric, who is about to sleep asks the kernel for them"
                : "sequential, each publish has its own");
  if (!examination.pinning) {
    text.line("pin", "nothing: it takes two CPUs");
    return;
  }
  const Pinning& pinning = *examination.pinning;
  text.line("pin", "a scheduler to {} and its busiest peer to {}: nearest by {}", pinning.pair.a, pinning.pair.b,
            pinning.measured ? "measurement" : "what the kernel says of caches and nodes");
  text.line("", "host   {}", pinning.host);
  text.line("", "peer   {}   after it has joined: with `taskset` it would count one CPU, and never spin", pinning.peer);
  if (!pinning.both.empty()) text.line("", "both   {} <command>   keeps them within one cache", pinning.both);
}

}  // namespace

std::string to_text(const Examination& examination, const std::vector<Finding>& findings) {
  Text text;
  add_machine(text, examination);
  text.gap();
  add_floor(text, examination.measured);
  add_costs(text, examination.measured);
  text.gap();
  add_advice(text, examination);
  text.gap();
  for (const Level level : {Level::error, Level::warning, Level::note, Level::ok}) {
    for (const Finding& finding : findings) {
      if (finding.level == level) text.finding(finding);
    }
  }
  return text.take();
}

}  // namespace ringmail::doctor

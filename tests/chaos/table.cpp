// What runs came to, for people.
#include <cstdio>
#include <set>

#include "run.hpp"

namespace ringmail::chaos {
namespace {

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

template <class... Values>
std::string line(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string to_string(const Verdict& is) {
  return line(
      "seed %llu: %zu steps, %llu lives, %llu messages, %llu repeated, %llu dead letters, %llu lost wakeups, oldest "
      "wakeup "
      "%.1f ms, RSS %zu to %zu KiB: %s",
      static_cast<unsigned long long>(is.seed), is.steps, static_cast<unsigned long long>(is.lives()),
      static_cast<unsigned long long>(is.messages), static_cast<unsigned long long>(is.repeated),
      static_cast<unsigned long long>(is.dead_letters), static_cast<unsigned long long>(is.lost_wakeups),
      milliseconds(is.oldest_wakeup_ns), is.before.resident_kib, is.after.resident_kib,
      is.faults.empty() ? "sound" : "FAULTS");
}

std::string table(const std::vector<Verdict>& verdicts) {
  std::map<std::string, std::map<std::string, std::uint64_t>> ends;
  std::set<std::string> hows;
  Verdict sum;
  std::size_t failed = 0;
  for (const Verdict& is : verdicts) {
    for (const auto& [language, counts] : is.ends) {
      for (const auto& [how, count] : counts) {
        ends[language][how] += count;
        hows.insert(how);
      }
    }
    sum.messages += is.messages;
    sum.repeated += is.repeated;
    sum.dead_letters += is.dead_letters;
    sum.lost_wakeups += is.lost_wakeups;
    sum.oldest_wakeup_ns = std::max(sum.oldest_wakeup_ns, is.oldest_wakeup_ns);
    failed += is.faults.empty() ? 0 : 1;
  }
  std::string text = "\nlives       ";
  for (const std::string& how : hows) text += line(" %11s", how.c_str());
  text += "\n";
  for (const auto& [language, counts] : ends) {
    text += line("%-12s", language.c_str());
    for (const std::string& how : hows) {
      const auto found = counts.find(how);
      text += line(" %11llu", found == counts.end() ? 0ull : static_cast<unsigned long long>(found->second));
    }
    text += "\n";
  }
  const auto row = [&](const char* what, std::uint64_t count) {
    text += line("%-28s %12llu\n", what, static_cast<unsigned long long>(count));
  };
  text += "\n";
  row("messages", sum.messages);
  row("repeated, as promised", sum.repeated);
  row("dead letters", sum.dead_letters);
  row("lost wakeups", sum.lost_wakeups);
  text += line("%-28s %12.1f ms\n", "oldest wakeup", milliseconds(sum.oldest_wakeup_ns));
  if (!verdicts.empty()) {
    text += line("%-28s %12zu KiB, then %zu, at last %zu\n", "RSS", verdicts.front().before.resident_kib,
                 verdicts.front().after.resident_kib, verdicts.back().after.resident_kib);
  }
  text += line("%zu of %zu runs are sound\n", verdicts.size() - failed, verdicts.size());
  return text;
}

}  // namespace ringmail::chaos

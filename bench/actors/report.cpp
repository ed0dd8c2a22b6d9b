#include "actors/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace bench::actors {
namespace {

/// To a tenth: what is behind that is noise.
double rounded(double value) { return std::round(value * 10) / 10; }
double rounded_ratio(double value) { return std::round(value * 1000) / 1000; }

std::string or_dash(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

nlohmann::ordered_json figure_json(const Figure& figure) {
  const std::string unit = figure.unit == Subject::Unit::ns ? "ns" : "bytes";
  nlohmann::ordered_json json = {
      {unit, rounded(figure.ours)}, {"min_" + unit, rounded(figure.least)}, {"max_" + unit, rounded(figure.most)}};
  if (figure.schedulers != 0) json["schedulers"] = figure.schedulers;
  if (figure.grown_bytes >= 0) json["grown_bytes"] = std::round(figure.grown_bytes);
  if (figure.left_bytes >= 0) json["left_bytes"] = rounded(figure.left_bytes);
  if (figure.trips) {
    json["p50_ns"] = figure.trips->p50;
    json["p90_ns"] = figure.trips->p90;
    json["p99_ns"] = figure.trips->p99;
    json["p999_ns"] = figure.trips->p999;
    json["longest_ns"] = figure.trips->max;
  }
  if (figure.caf) json["caf_" + unit] = rounded(*figure.caf);
  if (figure.caf_ratio) json["caf_ratio"] = rounded_ratio(*figure.caf_ratio);
  if (figure.caf_grown_bytes >= 0) json["caf_grown_bytes"] = std::round(figure.caf_grown_bytes);
  if (figure.ring) json["ring_ns"] = rounded(*figure.ring);
  if (figure.ring_ratio) json["ring_ratio"] = rounded_ratio(*figure.ring_ratio);
  return json;
}

}  // namespace

std::string to_table(std::span<const Figure> figures, const Machine& machine, const Run& run) {
  std::string text = fmt::format("{}, {} CPUs, {}; {}, {}\n", machine.cpu, machine.cpus, machine.kernel,
                                 machine.compiler, machine.build);
  text += fmt::format("{} groups of blocks; {} schedulers where a key does not say one or two{}\n\n", run.groups,
                      run.setup.schedulers, has_caf() ? "" : "; CAF was not installed when this was built");
  text += fmt::format("{:<28}{:>14}{:>14}{:>10}{:>12}\n", "", "ours", "CAF", "x CAF", "x ring.rtt");
  for (const Figure& each : figures) {
    const char* unit = each.unit == Subject::Unit::ns ? "ns" : "B";
    text +=
        fmt::format("{:<28}{:>11.1f} {:<2}{:>14}{:>10}{:>12}\n", each.key, each.ours, unit, or_dash(each.caf, "{:.1f}"),
                    or_dash(each.caf_ratio, "{:.2f}"), or_dash(each.ring_ratio, "{:.2f}"));
  }
  const bool has_trips = std::ranges::any_of(figures, [](const Figure& each) { return each.trips.has_value(); });
  if (has_trips)
    text += fmt::format("\n{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "ms", "p50", "p90", "p99", "p99.9", "max");
  for (const Figure& each : figures) {
    if (!each.trips) continue;
    const auto ms = [](double ns) { return ns / 1e6; };
    text += fmt::format("{:<28}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}\n", each.key, ms(each.trips->p50),
                        ms(each.trips->p90), ms(each.trips->p99), ms(each.trips->p999), ms(each.trips->max));
  }
  return text;
}

std::string to_json(std::span<const Figure> figures, const Machine& machine, const Run& run) {
  nlohmann::ordered_json json;
  for (const Figure& each : figures) json[each.key] = figure_json(each);
  json["machine"] = {{"command", run.command},
                     {"date", machine.date},
                     {"cpu", machine.cpu},
                     {"cpus", machine.cpus},
                     {"kernel", machine.kernel},
                     {"compiler", machine.compiler},
                     {"build", machine.build},
                     {"caf", has_caf()},
                     {"schedulers", run.setup.schedulers},
                     {"groups", run.groups},
                     {"shrunk_by", run.setup.shrink},
                     {"load_average", machine.load_average}};
  return json.dump(2) + '\n';
}

}  // namespace bench::actors

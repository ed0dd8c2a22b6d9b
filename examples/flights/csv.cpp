#include "csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

namespace {

constexpr std::string_view header = "date,delay,distance,origin,destination";
constexpr std::size_t columns = 5;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "2001/01/01 00:47" in minutes since 1970.
std::optional<std::uint32_t> minutes(std::string_view text) {
  if (text.size() != 16 || text[4] != '/' || text[7] != '/' || text[10] != ' ' || text[13] != ':') return std::nullopt;
  const auto year = number<unsigned>(text.substr(0, 4));
  const auto month = number<unsigned>(text.substr(5, 2));
  const auto day = number<unsigned>(text.substr(8, 2));
  const auto hour = number<unsigned>(text.substr(11, 2));
  const auto minute = number<unsigned>(text.substr(14, 2));
  if (!year || !month || !day || !hour || !minute || *year < 1970 || *hour > 23 || *minute > 59) return std::nullopt;
  const auto date = std::chrono::year(static_cast<int>(*year)) / std::chrono::month(*month) / std::chrono::day(*day);
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<std::uint32_t>(days) * 24 * 60 + *hour * 60 + *minute;
}

bool is_airport(std::string_view text) {
  return text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// The error stays one line of text, whatever the file holds.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 40)) {
    result += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return result;
}

std::expected<flights::Flight, std::string> parse(std::string_view line) {
  std::array<std::string_view, columns> fields;
  std::size_t count = 1;
  for (std::size_t start = 0; start <= line.size(); ++count) {
    const std::size_t end = std::min(line.find(',', start), line.size());
    if (count <= columns) fields[count - 1] = line.substr(start, end - start);
    start = end + 1;
  }
  if (--count != columns) return std::unexpected(fmt::format("{} columns in place of {}", count, columns));

  const auto wrong = [](std::string_view column, std::string_view value, std::string_view expected) {
    return std::unexpected(fmt::format("the {} '{}' is not {}", column, printable(value), expected));
  };
  const auto date = minutes(fields[0]);
  if (!date) return wrong("date", fields[0], "of the form YYYY/MM/DD HH:MM");
  const auto delay = number<std::int32_t>(fields[1]);
  if (!delay) return wrong("delay", fields[1], "a whole number");
  const auto distance = number<std::uint32_t>(fields[2]);
  if (!distance) return wrong("distance", fields[2], "a whole number from 0");
  if (!is_airport(fields[3])) return wrong("origin", fields[3], "three capital letters");
  if (!is_airport(fields[4])) return wrong("destination", fields[4], "three capital letters");
  return flights::Flight{
      .date = *date, .delay = *delay, .distance = *distance, .origin = fields[3], .destination = fields[4]};
}

}  // namespace

std::expected<std::vector<flights::Flight>, std::string> read_flights(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::string line;
  const bool has_header = static_cast<bool>(std::getline(file, line));
  if (!file.is_open() || file.bad()) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  if (!has_header || line != header) return std::unexpected(fmt::format("{}:1: the header is not '{}'", path, header));

  std::vector<flights::Flight> all;
  while (std::getline(file, line)) {
    const auto flight = parse(line);
    if (!flight) return std::unexpected(fmt::format("{}:{}: {}", path, all.size() + 2, flight.error()));
    all.push_back(*flight);
  }
  if (file.bad()) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  if (all.empty()) return std::unexpected(fmt::format("{}: there are no flights in it", path));
  return all;
}

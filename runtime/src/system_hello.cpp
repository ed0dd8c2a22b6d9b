#include "system_hello.hpp"

#include <charconv>
#include <string_view>

namespace ringmail::runtime {
namespace {

/// A number in `base` in front of `text`, which is then what follows it and `separator`.
template <class Number>
std::optional<Number> take(std::string_view& text, int base, std::string_view separator) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(separator)) return std::nullopt;
  text.remove_prefix(separator.size());
  return number;
}

}  // namespace

std::string SystemHello::token() const {
  char hexadecimal[16];
  const auto end = std::to_chars(hexadecimal, hexadecimal + sizeof hexadecimal, id, 16).ptr;
  return "system " + std::string(hexadecimal, end) + " " + std::to_string(scheduler) + " of " +
         std::to_string(schedulers);
}

std::optional<SystemHello> SystemHello::of(const transport::Hello& hello) {
  constexpr std::string_view prefix = "system ";
  std::string_view text = hello.token;
  if ((hello.features & transport::between_systems) == 0 || !text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  const auto id = take<std::uint64_t>(text, 16, " ");
  const auto scheduler = id ? take<std::uint32_t>(text, 10, " of ") : std::nullopt;
  const auto schedulers = scheduler ? take<std::uint32_t>(text, 10, "") : std::nullopt;
  if (!schedulers || !text.empty() || *id == 0 || *schedulers > transport::max_lanes || *scheduler >= *schedulers) {
    return std::nullopt;
  }
  SystemHello said{.id = *id, .scheduler = *scheduler, .schedulers = *schedulers};
  const std::size_t slash = hello.name.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  said.name = hello.name.substr(0, slash);
  if (said.link_name() != hello.name) return std::nullopt;
  return said;
}

}  // namespace ringmail::runtime

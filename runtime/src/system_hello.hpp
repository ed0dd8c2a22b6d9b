// What a hello says of the system whose scheduler says it. docs/spec/handshake.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {

struct SystemHello {
  std::uint64_t id = 0;          ///< of the process's life; not 0
  std::uint32_t scheduler = 0;   ///< which one of
  std::uint32_t schedulers = 1;  ///< how many
  std::string name{};            ///< of the system

  std::string token() const;
  std::string link_name() const { return name + "/" + std::to_string(scheduler); }

  /// Nothing: it is no system's, or not well-formed.
  static std::optional<SystemHello> of(const transport::Hello& hello);
};

}  // namespace ringmail::runtime

// What a host leaves to the next one about a link, beside its memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringmail/transport/layout.hpp"

namespace ringmail::runtime {

struct KeptNote {
  static constexpr std::size_t most_names = 256;

  std::uint64_t incarnation = 0;
  transport::LinkLayout layout;
  int pid = 0;              ///< of the peer, whoever has started it; 0: it was not ready
  bool has_output = false;  ///< what it prints goes to the pipes that are the last two of the descriptors
  std::string token;        ///< by which the peer shows that it is the one
  std::vector<std::pair<std::uint64_t, std::string>>
      names;  ///< that the peer has looked up, and the ids that it was given

  std::string encode() const;
  /// Nothing: another version wrote it.
  static std::optional<KeptNote> decode(std::string_view text);
};

}  // namespace ringmail::runtime

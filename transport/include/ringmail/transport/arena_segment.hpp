// The memory of arenas: of all lanes, in one direction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ringmail/transport/arena.hpp"
#include "ringmail/transport/memory.hpp"

namespace ringmail::transport {

struct Arena {
  Segment segment;
  Mapping mapping;

  /// A lane's part, for its producer; keeps the arena. `bytes`: of a part.
  static ArenaMemory memory(const std::shared_ptr<Arena>& arena,
                            std::uint32_t lane,
                            std::uint64_t bytes,
                            const ReturnsBlock* returns) {
    const std::uint64_t begin = lane * bytes;
    return {.data = arena->mapping.data() + begin,
            .bytes = bytes,
            .populate = [arena, begin](
                            std::uint64_t offset,
                            std::uint64_t count) { return arena->segment.populate(begin + offset, count).has_value(); },
            .returns = returns};
  }
  /// The same for its reader.
  std::span<const std::byte> part(std::uint32_t lane, std::uint64_t bytes) const {
    return {mapping.data() + lane * bytes, bytes};
  }
};

}  // namespace ringmail::transport

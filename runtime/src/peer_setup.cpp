#include "peer_setup.hpp"

#include <algorithm>
#include <utility>

#include "helper_options.hpp"
#include "peer_os.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {
namespace {

using transport::is_ring_size;

std::string ring_size_error(const char* what, std::uint64_t bytes) {
  return std::string(what) + " cannot be " + std::to_string(bytes) + ": a ring is a power of two from " +
         std::to_string(transport::min_ring_bytes) + " to " + std::to_string(transport::max_ring_bytes) + " bytes";
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= transport::max_name_bytes &&
         std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// What cannot be had by one that outlives its host.
std::expected<void, std::string> check_outliving(const PeerOptions& options) {
  if (!options.token.empty() && !options.command.empty()) {
    return std::unexpected("a token is for peers that somebody else starts");
  }
  if (options.token.size() > transport::max_token_bytes || (!options.token.empty() && !is_name(options.token))) {
    return std::unexpected("a token has at most " + std::to_string(transport::max_token_bytes) +
                           " bytes and no control characters");
  }
  if (options.outlives_host.count() < 0) return std::unexpected("outlives_host cannot be negative");
  if (options.outlives_host.count() == 0) return {};
  const char* const other = !options.user.empty()        ? "user"
                            : !options.cgroup.is_empty() ? "cgroup"
                            : options.introduce          ? "introduce"
                            : options.held               ? "held"
                            : options.exactly_once       ? "exactly_once"
                                                         : nullptr;
  if (other != nullptr) return std::unexpected(std::string("outlives_host and ") + other + " cannot be had together");
  return {};
}

bool holds_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

}  // namespace

std::expected<void, std::string> check(const PeerOptions& options) {
  const auto wrong = [&](const std::string& what) { return std::unexpected("peer '" + options.name + "': " + what); };
  if (!is_name(options.name)) {
    return wrong("a name has 1 to " + std::to_string(transport::max_name_bytes) + " bytes and no control characters");
  }
  if (!is_ring_size(options.mail_bytes)) return wrong(ring_size_error("mail_bytes", options.mail_bytes));
  if (!is_ring_size(options.control_bytes)) return wrong(ring_size_error("control_bytes", options.control_bytes));
  if (options.large_bytes % transport::page_bytes != 0 || options.large_bytes > transport::max_arena_bytes) {
    return wrong("large_bytes cannot be " + std::to_string(options.large_bytes) + ": whole pages of " +
                 std::to_string(transport::page_bytes) + " bytes, at most " +
                 std::to_string(transport::max_arena_bytes));
  }
  if (options.exactly_once && options.at_most_once) {
    return wrong("exactly_once and at_most_once: the message in hand at a death is given again, or it is not");
  }
  if (options.exactly_once && options.introduce) {
    return wrong(
        "exactly_once and introduce: what is sent to another peer cannot be published with what is sent to this host");
  }
  if (options.schema.size() > transport::max_schema_bytes) return wrong("the schema is too long");
  if (std::ranges::any_of(options.command, holds_nul)) return wrong("an argument of its command holds a NUL");
  for (const auto& [name, value] : options.environment) {
    if (name.empty() || name.find('=') != std::string::npos || holds_nul(name) || holds_nul(value)) {
      return wrong("'" + name + "' cannot be a variable of its environment");
    }
  }
  if (options.hang.after.count() < 0) return wrong("hang.after cannot be negative; 0 is for nobody to look");
  if (!options.output.file.empty() && options.output.file_bytes < 4096) {
    return wrong("output.file_bytes cannot be less than 4096");
  }
  if (auto kept = check_outliving(options); !kept) return wrong(kept.error());
  if (auto contained = check_containment(options); !contained) return wrong(contained.error());
  if (auto supported = check_support(options); !supported) return wrong(supported.error());
  if (!(options.restart.jitter >= 0 && options.restart.jitter <= 1)) return wrong("jitter is a part, from 0 to 1");
  return {};
}

std::expected<LinkMemory, std::string> LinkMemory::create(const PeerOptions& options, std::uint32_t schedulers) {
  const std::uint64_t arena_bytes = has_arenas(options) ? options.large_bytes : 0;
  const transport::LinkLayout layout{.lanes = schedulers,
                                     .mail_to_peer_bytes = options.mail_bytes,
                                     .mail_to_host_bytes = options.mail_bytes,
                                     .control_bytes = options.control_bytes,
                                     .arena_to_peer_bytes = arena_bytes,
                                     .arena_to_host_bytes = arena_bytes};
  const auto failed = [&](const transport::MemoryFailure& failure) {
    return std::unexpected("peer '" + options.name + "': no memory for its rings: " + to_string(failure));
  };
  auto mail = transport::LinkMail::create(layout);
  if (!mail) return failed(mail.error());
  auto incarnation = transport::Incarnation::create(layout, trust_of(options));
  if (!incarnation) return failed(incarnation.error());
  if (options.outlives_host.count() > 0) incarnation->keep();
  return LinkMemory{.layout = layout,
                    .mail = std::make_unique<transport::LinkMail>(std::move(*mail)),
                    .incarnation = std::make_unique<transport::Incarnation>(std::move(*incarnation))};
}

}  // namespace ringmail::runtime

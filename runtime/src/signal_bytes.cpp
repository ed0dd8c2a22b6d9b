#include "signal_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <ranges>

namespace ringmail::runtime {
namespace {

/// One link of the chain; its text follows.
struct Entry {
  std::uint32_t kind;
  std::int32_t code;
  std::int32_t signal;
  std::uint32_t text_bytes;
};
static_assert(sizeof(Entry) == 16);

constexpr std::size_t most_entries = 8;
constexpr std::size_t most_text_bytes = max_reason_bytes / most_entries - sizeof(Entry);

void append(std::vector<std::byte>& bytes, const ExitReason& reason, const std::string& text, std::size_t most_bytes) {
  const std::size_t text_bytes = std::min(text.size(), most_bytes);
  const Entry entry{.kind = static_cast<std::uint32_t>(reason.kind),
                    .code = reason.code,
                    .signal = reason.signal,
                    .text_bytes = static_cast<std::uint32_t>(text_bytes)};
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof entry + text_bytes);
  std::memcpy(bytes.data() + at, &entry, sizeof entry);
  if (text_bytes != 0) std::memcpy(bytes.data() + at + sizeof entry, text.data(), text_bytes);
}

}  // namespace

std::vector<std::byte> encode(const ExitReason& reason) {
  std::vector<std::byte> bytes;
  const ExitReason* each = &reason;
  for (std::size_t entries = 0; each != nullptr && entries < most_entries; ++entries, each = each->cause.get()) {
    append(bytes, *each, each->text, most_text_bytes);
  }
  return bytes;
}

std::vector<std::byte> encode_as_line(const ExitReason& reason) {
  std::vector<std::byte> bytes;
  append(bytes, reason, to_string(reason), max_reason_bytes - sizeof(Entry));
  return bytes;
}

std::optional<ExitReason> decode_reason(std::span<const std::byte> bytes) {
  std::vector<ExitReason> chain;
  while (!bytes.empty()) {
    Entry entry;
    if (bytes.size() < sizeof entry || chain.size() == most_entries) return std::nullopt;
    std::memcpy(&entry, bytes.data(), sizeof entry);
    bytes = bytes.subspan(sizeof entry);
    if (entry.kind > static_cast<std::uint32_t>(ExitReason::Kind::escalated) || entry.text_bytes > bytes.size()) {
      return std::nullopt;
    }
    ExitReason& reason = chain.emplace_back();
    reason.kind = static_cast<ExitReason::Kind>(entry.kind);
    reason.code = entry.code;
    reason.signal = entry.signal;
    reason.text.assign(reinterpret_cast<const char*>(bytes.data()), entry.text_bytes);
    bytes = bytes.subspan(entry.text_bytes);
  }
  if (chain.empty()) return std::nullopt;
  std::shared_ptr<const ExitReason> cause;
  for (ExitReason& reason : chain | std::views::reverse | std::views::take(chain.size() - 1)) {
    reason.cause = std::move(cause);
    cause = std::make_shared<const ExitReason>(std::move(reason));
  }
  chain.front().cause = std::move(cause);
  return std::move(chain.front());
}

}  // namespace ringmail::runtime

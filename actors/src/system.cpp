#include "ringmail/actors/system.hpp"

#include <algorithm>
#include <span>

#include "ringmail/actors/schema.hpp"
#include "ringmail/transport/layout.hpp"

namespace ringmail {
namespace {

std::string compare_schemas(std::string_view ours, std::string_view theirs) {
  if (ours.empty() || theirs.empty()) return {};
  const auto own = schema::parse_text(ours);
  if (!own) return "the host's own schema: " + own.error().to_string();
  const auto other = schema::parse_text(theirs);
  if (!other) return "the peer's schema: " + other.error().to_string();
  return schema::find_mismatch(*own, *other).value_or(std::string());
}

std::string describe_message(std::string_view schema_text, const runtime::MessageInHand& found) {
  if (schema_text.empty()) return {};
  const auto schema = schema::parse_text(schema_text);
  const auto* const message = schema ? schema->find_message(found.type) : nullptr;
  if (message == nullptr) return {};
  if (found.payload.size() != found.length) return message->name;
  auto payload = std::span<const std::byte>(found.payload);
  if (found.has_body) payload = payload.subspan(std::min(payload.size(), sizeof(transport::BodyPlace)));
  return schema::describe(*schema, *message, payload);
}

}  // namespace

std::expected<System, std::string> System::create(SystemOptions options) {
  if (options.describe_message == nullptr) options.describe_message = &describe_message;
  if (options.compare_schemas == nullptr) options.compare_schemas = &compare_schemas;
  auto system = runtime::System::create(options);
  if (!system) return std::unexpected(std::move(system.error()));
  return System(std::move(*system));
}

std::string_view to_string(SendError error) {
  switch (error) {
    case SendError::full: return "no room in time";
    case SendError::unreachable: return "there is no such actor or peer";
    case SendError::stopped: return "the sender was told to stop";
    case SendError::too_long: return "the message is longer than half the ring";
    case SendError::not_wire: return "the message cannot leave the process";
  }
  return "unknown error";
}

std::string_view to_string(AskError error) {
  switch (error) {
    case AskError::timed_out: return "no answer in time";
    case AskError::unreachable: return "whom was asked is not there or died";
    case AskError::no_handler: return "whom was asked has no handler for it";
    case AskError::failed: return "the handler failed";
    case AskError::stopped: return "stopped before there was an answer";
    case AskError::full: return "the question found no room in time";
    case AskError::wrong_type: return "the answer is of another type";
    case AskError::abandoned: return "enough others had answered";
  }
  return "unknown error";
}

}  // namespace ringmail

// What two schemas say about the same names.

#include <iterator>
#include <span>
#include <unordered_map>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

using Mismatch = std::optional<std::string>;

// "here" is our schema, "there" is theirs.
std::string differ(const std::string& what, std::string_view ours, std::string_view theirs) {
  return what + " is " + std::string(ours) + " here and " + std::string(theirs) + " there";
}

// Schemas may come from a peer and be large, so that every look-up by name goes through an index.
template <class Item>
using Index = std::unordered_map<std::string_view, const Item*>;

template <class Items, class Name>
auto index_by(const Items& items, Name name) {
  Index<typename Items::value_type> index;
  for (const auto& item : items) index.emplace(item.*name, &item);
  return index;
}

// Calls compare(ours, theirs) for what both have, once both are known to have the same names.
template <class Items, class Name, class Compare>
Mismatch compare_items(const std::string& owner,
                       std::string_view noun,
                       const Items& ours,
                       const Items& theirs,
                       Name name,
                       Compare compare) {
  const auto our_index = index_by(ours, name);
  const auto their_index = index_by(theirs, name);
  for (const auto& item : ours) {
    if (!their_index.contains(item.*name)) return owner + " has no " + std::string(noun) + " " + item.*name + " there";
  }
  for (const auto& item : theirs) {
    if (!our_index.contains(item.*name)) return owner + " has no " + std::string(noun) + " " + item.*name + " here";
  }
  for (const auto& item : ours) {
    if (Mismatch mismatch = compare(item, *their_index.at(item.*name))) return mismatch;
  }
  return std::nullopt;
}

Mismatch compare(const Enum& ours, const Enum& theirs) {
  const std::string owner = "enum " + ours.name;
  if (ours.underlying != theirs.underlying) {
    return differ(owner, kind_name(ours.underlying), kind_name(theirs.underlying));
  }
  return compare_items(owner, "value", ours.values, theirs.values, &EnumValue::name,
                       [&](const EnumValue& our, const EnumValue& their) -> Mismatch {
                         if (our.number == their.number) return std::nullopt;
                         return differ(owner + ": value " + our.name, number_text(ours.underlying, our.number),
                                       number_text(ours.underlying, their.number));
                       });
}

/// Those of `message` without what it has appended behind as many fields as `other` has.
std::span<const Field> common_fields(const Message& message, const Message& other) {
  std::span<const Field> fields = message.fields;
  while (fields.size() > other.fields.size() && fields.back().is_appended) fields = fields.first(fields.size() - 1);
  return fields;
}

Mismatch compare(const Message& ours, const Message& theirs) {
  const std::string owner = "message " + ours.name;
  const auto types = [&](const Field& our, const Field& their) -> Mismatch {
    if (field_type_text(our) == field_type_text(their)) return std::nullopt;
    return differ(owner + ": field " + our.name, field_type_text(our), field_type_text(their));
  };
  const auto places = [&](const Field& our, const Field& their) -> Mismatch {
    const std::string field = owner + ": field " + our.name;
    if (our.offset != their.offset) {
      return differ(field, "at offset " + std::to_string(our.offset), "at offset " + std::to_string(their.offset));
    }
    const auto sizes = [&](std::string_view what, std::uint32_t our_size, std::uint32_t their_size) {
      return field + " has " + std::string(what) + std::to_string(our_size) + " bytes here and " +
             std::to_string(their_size) + " there";
    };
    if (our.size != their.size) return sizes("", our.size, their.size);
    if (our.type.size != their.type.size) return sizes("elements of ", our.type.size, their.type.size);
    return std::nullopt;
  };
  // What only one of them has appended, the other does without.
  const auto our_fields = common_fields(ours, theirs);
  const auto their_fields = common_fields(theirs, ours);
  // Types first: one other type moves every field behind it, and is what the user wants to read.
  if (Mismatch mismatch = compare_items(owner, "field", our_fields, their_fields, &Field::name, types)) return mismatch;
  return compare_items(owner, "field", our_fields, their_fields, &Field::name, places);
}

Mismatch compare(const Protocol& ours, const Protocol& theirs) {
  const std::string owner = "protocol " + ours.name;
  const auto reply = [](const Accepted& accepted) { return accepted.reply.empty() ? "nothing" : accepted.reply; };
  return compare_items(owner, "message", ours.accepts, theirs.accepts, &Accepted::message,
                       [&](const Accepted& our, const Accepted& their) -> Mismatch {
                         if (our.reply == their.reply) return std::nullopt;
                         return differ(owner + ": the reply to " + our.message, reply(our), reply(their));
                       });
}

template <class Declaration>
Mismatch compare_all(const std::vector<Declaration>& ours, const std::vector<Declaration>& theirs) {
  const Index<Declaration> index = index_by(theirs, &Declaration::name);
  for (const Declaration& our : ours) {
    const auto their = index.find(our.name);
    if (their == index.end()) continue;
    if (Mismatch mismatch = compare(our, *their->second)) return mismatch;
  }
  return std::nullopt;
}

std::unordered_map<std::string_view, std::string_view> index_nouns(const Schema& schema) {
  std::unordered_map<std::string_view, std::string_view> nouns;
  for (const Enum& declaration : schema.enums) nouns.emplace(declaration.name, "an enum");
  for (const Message& message : schema.messages) nouns.emplace(message.name, "a message");
  for (const Protocol& protocol : schema.protocols) nouns.emplace(protocol.name, "a protocol");
  return nouns;
}

Mismatch compare_nouns(const Schema& ours, const Schema& theirs) {
  const auto their_nouns = index_nouns(theirs);
  for (const auto& [name, noun] : index_nouns(ours)) {
    const auto their = their_nouns.find(name);
    if (their != their_nouns.end() && their->second != noun) return differ(std::string(name), noun, their->second);
  }
  return std::nullopt;
}

template <class Declaration>
std::vector<Declaration> find_new(const std::vector<Declaration>& into, const std::vector<Declaration>& other) {
  const Index<Declaration> index = index_by(into, &Declaration::name);
  std::vector<Declaration> added;
  for (const Declaration& declaration : other) {
    if (!index.contains(declaration.name)) added.push_back(declaration);
  }
  return added;
}

template <class Declaration>
void append(std::vector<Declaration>& into, std::vector<Declaration>&& added) {
  into.insert(into.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
}

}  // namespace

std::optional<std::string> find_mismatch(const Schema& ours, const Schema& theirs) {
  if (Mismatch mismatch = compare_nouns(ours, theirs)) return mismatch;
  if (Mismatch mismatch = compare_all(ours.enums, theirs.enums)) return mismatch;
  if (Mismatch mismatch = compare_all(ours.messages, theirs.messages)) return mismatch;
  return compare_all(ours.protocols, theirs.protocols);
}

std::expected<void, std::string> merge(Schema& into, const Schema& other) {
  if (auto mismatch = find_mismatch(into, other)) return std::unexpected(std::move(*mismatch));
  auto enums = find_new(into.enums, other.enums);
  auto messages = find_new(into.messages, other.messages);
  auto protocols = find_new(into.protocols, other.protocols);

  std::unordered_map<std::uint32_t, std::string_view> ids;
  for (const Message& message : into.messages) ids.emplace(message.id, message.name);
  for (const Message& message : messages) {
    const auto [taken, is_new] = ids.emplace(message.id, message.name);
    if (is_new) continue;
    return std::unexpected("message " + message.name + " has the same id as " + std::string(taken->second));
  }
  append(into.enums, std::move(enums));
  append(into.messages, std::move(messages));
  append(into.protocols, std::move(protocols));
  return {};
}

}  // namespace ringmail::schema

// The front end for .mail files: recursive descent, then declarations are put into dependency order.

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "builder.hpp"
#include "tokens.hpp"

namespace ringmail::schema {
namespace {

class MailParser {
 public:
  explicit MailParser(std::string_view source) : tokens_(source) {}

  bool parse() {
    if (!parse_namespace()) return false;
    do {  // at least one: a file without any is a mistake
      if (!parse_declaration()) return false;
    } while (!tokens_.at_end());
    return true;
  }

  TokenStream& tokens() { return tokens_; }

  std::vector<EnumDeclaration> enums;
  std::vector<MessageDeclaration> messages;
  std::vector<ProtocolDeclaration> protocols;

 private:
  bool parse_namespace() {
    if (!tokens_.accept("namespace")) return tokens_.refuse_next("a namespace first of all");
    const Position position = tokens_.next().position;
    if (!tokens_.expect_word(namespace_, "the name of the namespace")) return false;
    if (auto fault = find_namespace_fault(namespace_)) return tokens_.refuse(position, *fault);
    return tokens_.expect(";", "after the namespace");
  }

  bool parse_declaration() {
    if (tokens_.accept("enum")) return parse_enum(enums.emplace_back());
    if (tokens_.accept("message")) return parse_message(messages.emplace_back());
    if (tokens_.accept("protocol")) return parse_protocol(protocols.emplace_back());
    if (tokens_.is_next("namespace")) {
      return tokens_.refuse(tokens_.next().position, "a file has one namespace, declared first of all");
    }
    return tokens_.refuse_next("'enum', 'message' or 'protocol'");
  }

  template <class Declaration>
  bool parse_head(Declaration& declaration, std::string_view what) {
    declaration.position = tokens_.next().position;
    std::string name;
    if (!tokens_.expect_word(name, what)) return false;
    if (auto fault = find_name_fault(NameRole::type, name)) return tokens_.refuse(declaration.position, *fault);
    declaration.name = namespace_ + "." + name;
    return true;
  }

  bool parse_enum(EnumDeclaration& declaration) {
    if (!parse_head(declaration, "the name of the enum")) return false;
    if (!tokens_.expect(":", "and the type of the enum")) return false;
    if (!tokens_.expect_type(declaration.underlying)) return false;
    if (!tokens_.expect("{", "after the type of the enum")) return false;
    while (!tokens_.accept("}")) {
      ValueDeclaration& value = declaration.values.emplace_back();
      value.position = tokens_.next().position;
      if (!tokens_.expect_word(value.name, "the name of a value or '}'")) return false;
      if (!tokens_.expect("=", "after the name of the value")) return false;
      value.number_position = tokens_.next().position;
      if (!tokens_.expect_number(value.negative, value.magnitude, "a number")) return false;
      if (!tokens_.expect(";", "after the value")) return false;
    }
    return true;
  }

  bool parse_message(MessageDeclaration& declaration) {
    if (!parse_head(declaration, "the name of the message")) return false;
    if (!tokens_.expect("{", "after the name of the message")) return false;
    while (!tokens_.accept("}")) {
      FieldDeclaration& field = declaration.fields.emplace_back();
      field.is_appended = tokens_.accept("+");
      field.position = tokens_.next().position;
      if (!tokens_.expect_word(field.name, "the name of a field or '}'")) return false;
      if (!tokens_.expect(":", "after the name of the field")) return false;
      if (!tokens_.expect_type(field.type)) return false;
      field.type.name = qualify(std::move(field.type.name));
      if (tokens_.accept("=") && !tokens_.expect_literal(field.preset.emplace(), "a default")) return false;
      if (!tokens_.expect(";", "after the field")) return false;
    }
    return true;
  }

  bool parse_protocol(ProtocolDeclaration& declaration) {
    if (!parse_head(declaration, "the name of the protocol")) return false;
    if (!tokens_.expect("{", "after the name of the protocol")) return false;
    while (!tokens_.accept("}")) {
      AcceptDeclaration& accept = declaration.accepts.emplace_back();
      accept.position = tokens_.next().position;
      if (!tokens_.expect_word(accept.message, "a message or '}'")) return false;
      accept.message = qualify(std::move(accept.message));
      if (tokens_.accept("->")) {
        accept.reply_position = tokens_.next().position;
        if (!tokens_.expect_word(accept.reply, "the message that is the reply")) return false;
        accept.reply = qualify(std::move(accept.reply));
      }
      if (!tokens_.expect(";", "after the message")) return false;
    }
    return true;
  }

  // Built-in types are lower case and declared ones are not, so the two cannot be confused.
  [[nodiscard]] std::string qualify(std::string name) const {
    const bool is_declared = name.front() >= 'A' && name.front() <= 'Z';
    return is_declared ? namespace_ + "." + name : name;
  }

  TokenStream tokens_;
  std::string namespace_;
};

// Adds each message behind those it contains, otherwise in the order of the file.
class MessageOrder {
 public:
  MessageOrder(const std::vector<MessageDeclaration>& messages, Builder& builder)
      : messages_(messages), states_(messages.size(), State::unseen), builder_(builder) {
    for (std::size_t i = 0; i < messages.size(); ++i) by_name_.try_emplace(messages[i].name, i);
  }

  std::optional<Problem> add_all() {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (auto problem = add(i)) return problem;
    }
    return std::nullopt;
  }

 private:
  enum class State : std::uint8_t { unseen, open, added };

  std::optional<Problem> add(std::size_t index) {
    if (states_[index] == State::added) return std::nullopt;
    states_[index] = State::open;
    path_.push_back(index);
    for (const FieldDeclaration& field : messages_[index].fields) {
      const auto contained = by_name_.find(field.type.name);
      if (contained == by_name_.end()) continue;
      if (states_[contained->second] == State::open) return recursion(field, contained->second);
      // Also the bound of this recursion; the builder would say the same, but only on the way back.
      if (path_.size() >= max_nesting && states_[contained->second] == State::unseen) {
        return Problem{.position = field.type.position,
                       .text = "messages nest deeper than " + std::to_string(max_nesting)};
      }
      if (auto problem = add(contained->second)) return problem;
    }
    path_.pop_back();
    states_[index] = State::added;
    return builder_.add(messages_[index]);
  }

  [[nodiscard]] Problem recursion(const FieldDeclaration& field, std::size_t start) const {
    std::string text = "message " + messages_[start].name + " contains itself";
    const auto first = std::ranges::find(path_, start);
    if (first + 1 != path_.end()) {
      text += ": ";
      for (auto it = first; it != path_.end(); ++it) text += messages_[*it].name + " -> ";
      text += messages_[start].name;
    }
    return Problem{.position = field.type.position, .text = std::move(text)};
  }

  const std::vector<MessageDeclaration>& messages_;
  std::vector<State> states_;
  Builder& builder_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<std::size_t> path_;
};

std::optional<Problem> build(const MailParser& parsed, Builder& builder) {
  for (const EnumDeclaration& declaration : parsed.enums) {
    if (auto problem = builder.add(declaration)) return problem;
  }
  if (auto problem = MessageOrder(parsed.messages, builder).add_all()) return problem;
  for (const ProtocolDeclaration& declaration : parsed.protocols) {
    if (auto problem = builder.add(declaration)) return problem;
  }
  return std::nullopt;
}

}  // namespace

std::expected<Schema, Error> parse_mail(std::string_view source, std::string_view file_name) {
  const auto refused = [&](const Problem& problem) {
    return std::unexpected(Error{.file = std::string(file_name),
                                 .line = problem.position.line,
                                 .column = problem.position.column,
                                 .text = problem.text});
  };
  if (source.size() > max_source_bytes) {
    return refused({.position = {}, .text = "the file is larger than " + std::to_string(max_source_bytes) + " bytes"});
  }
  MailParser parser(source);
  if (!parser.parse()) return refused(*parser.tokens().problem());
  Builder builder;
  if (const auto problem = build(parser, builder)) return refused(*problem);
  Schema schema = std::move(builder).take();
  if (to_text(schema).size() > max_text_bytes) {
    return refused(
        {.position = {}, .text = "the canonical schema is larger than " + std::to_string(max_text_bytes) + " bytes"});
  }
  return schema;
}

}  // namespace ringmail::schema

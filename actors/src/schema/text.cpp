// The canonical text: written, and read back from peers that may lie.

#include <algorithm>
#include <array>

#include "builder.hpp"
#include "tokens.hpp"

namespace ringmail::schema {
namespace {

constexpr std::string_view heading = "ringmail-schema 1\n";

std::string id_text(std::uint32_t id) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "0x00000000";
  for (std::size_t i = text.size() - 1; i >= 2; --i, id >>= 4) text[i] = digits[id & 15];
  return text;
}

// Reads words and numbers and leaves offsets, sizes, ids and spacing to the comparison in parse_text.
class TextParser {
 public:
  explicit TextParser(std::string_view text) : tokens_(text.substr(heading.size()), Position{.line = 2, .column = 1}) {}

  bool parse() {
    while (!tokens_.at_end()) {
      if (!parse_declaration()) return false;
    }
    return true;
  }

  TokenStream& tokens() { return tokens_; }
  Builder& builder() { return builder_; }

 private:
  bool parse_declaration() {
    if (tokens_.accept("enum")) return parse_enum();
    if (tokens_.accept("message")) return parse_message();
    if (tokens_.accept("protocol")) return parse_protocol();
    return tokens_.refuse_next("'enum', 'message' or 'protocol'");
  }

  template <class Declaration>
  bool add(const Declaration& declaration) {
    const auto problem = builder_.add(declaration);
    return !problem || tokens_.refuse(problem->position, problem->text);
  }

  bool parse_enum() {
    EnumDeclaration declaration;
    declaration.position = tokens_.next().position;
    if (!tokens_.expect_word(declaration.name, "the name of the enum")) return false;
    if (!tokens_.expect_type(declaration.underlying)) return false;
    while (tokens_.accept("value")) {
      ValueDeclaration& value = declaration.values.emplace_back();
      value.position = tokens_.next().position;
      if (!tokens_.expect_word(value.name, "the name of a value")) return false;
      value.number_position = tokens_.next().position;
      if (!tokens_.expect_number(value.negative, value.magnitude, "a number")) return false;
    }
    return add(declaration);
  }

  bool parse_message() {
    MessageDeclaration declaration;
    declaration.position = tokens_.next().position;
    if (!tokens_.expect_word(declaration.name, "the name of the message")) return false;
    for (const std::string_view property : {"size", "align", "id"}) {
      if (!tokens_.expect(property, "of the message") || !tokens_.skip_number("a number")) return false;
    }
    while (tokens_.accept("field")) {
      FieldDeclaration& field = declaration.fields.emplace_back();
      field.position = tokens_.next().position;
      if (!tokens_.expect_word(field.name, "the name of a field")) return false;
      if (!tokens_.expect_type(field.type)) return false;
      if (!tokens_.expect("offset", "of the field") || !tokens_.skip_number("a number")) return false;
      field.is_appended = tokens_.accept("appended");
      if (tokens_.accept("default") && !tokens_.expect_literal(field.preset.emplace(), "a default")) return false;
    }
    return add(declaration);
  }

  bool parse_protocol() {
    ProtocolDeclaration declaration;
    declaration.position = tokens_.next().position;
    if (!tokens_.expect_word(declaration.name, "the name of the protocol")) return false;
    while (tokens_.accept("accepts")) {
      AcceptDeclaration& accept = declaration.accepts.emplace_back();
      accept.position = tokens_.next().position;
      if (!tokens_.expect_word(accept.message, "a message")) return false;
      if (!tokens_.accept("->")) continue;
      accept.reply_position = tokens_.next().position;
      if (!tokens_.expect_word(accept.reply, "the message that is the reply")) return false;
    }
    return add(declaration);
  }

  TokenStream tokens_;
  Builder builder_;
};

// The first line in which the two differ, which they do.
Problem find_difference(std::string_view text, std::string_view canonical) {
  const auto differs = std::ranges::mismatch(text, canonical);
  const auto same = static_cast<std::size_t>(differs.in2 - canonical.begin());
  const auto lines = std::count(canonical.begin(), differs.in2, '\n');
  const std::size_t start = same == 0 ? 0 : canonical.rfind('\n', same - 1) + 1;  // npos + 1 is 0
  const std::string_view line = canonical.substr(start, canonical.find('\n', start) - start);
  return {.position = {.line = static_cast<std::uint32_t>(lines + 1),
                       .column = static_cast<std::uint32_t>(same - start + 1)},
          .text = same == canonical.size() ? "expected the end of the text"
                                           : "the canonical line is '" + std::string(line) + "'"};
}

void write(std::string& out, const Enum& declaration) {
  out += "enum " + declaration.name + " ";
  out += kind_name(declaration.underlying);
  out += '\n';
  for (const EnumValue& value : declaration.values) {
    out += "  value " + value.name + " " + number_text(declaration.underlying, value.number) + "\n";
  }
}

std::string preset_text(const Field& field) {
  if (field.type.kind != Kind::text) return *field.preset;
  std::string text = "\"";
  for (const char c : *field.preset) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

void write(std::string& out, const Message& message) {
  out += "message " + message.name + " size " + std::to_string(message.size) + " align " +
         std::to_string(message.align) + " id " + id_text(message.id) + "\n";
  for (const Field& field : message.fields) {
    out += "  field " + field.name + " " + field_type_text(field) + " offset " + std::to_string(field.offset);
    if (field.is_appended) out += " appended";
    if (field.preset) out += " default " + preset_text(field);
    out += '\n';
  }
}

void write(std::string& out, const Protocol& protocol) {
  out += "protocol " + protocol.name + "\n";
  for (const Accepted& accepted : protocol.accepts) {
    out += "  accepts " + accepted.message;
    if (!accepted.reply.empty()) out += " -> " + accepted.reply;
    out += '\n';
  }
}

}  // namespace

std::string to_text(const Type& type) {
  if (type.kind == Kind::text && type.length != 0) return "text<" + std::to_string(type.length) + ">";
  return type.name.empty() ? std::string(kind_name(type.kind)) : type.name;
}

std::string field_type_text(const Field& field) {
  std::string text = to_text(field.type);
  if (field.is_list) text = "list<" + text + ">";
  if (field.is_optional) text += '?';
  if (field.count != 0) text += "[" + std::to_string(field.count) + "]";
  return text;
}

std::string number_text(Kind underlying, std::int64_t number) {
  return underlying == Kind::u64 ? std::to_string(static_cast<std::uint64_t>(number)) : std::to_string(number);
}

std::string to_text(const Schema& schema) {
  std::string out(heading);
  for (const Enum& declaration : schema.enums) write(out, declaration);
  for (const Message& message : schema.messages) write(out, message);
  for (const Protocol& protocol : schema.protocols) write(out, protocol);
  return out;
}

std::expected<Schema, Error> parse_text(std::string_view text) {
  const auto refused = [](const Problem& problem) {
    return std::unexpected(Error{
        .file = "schema", .line = problem.position.line, .column = problem.position.column, .text = problem.text});
  };
  if (text.size() > max_text_bytes) {
    return refused({.position = {}, .text = "the schema is larger than " + std::to_string(max_text_bytes) + " bytes"});
  }
  if (!text.starts_with(heading)) return refused({.position = {}, .text = "the first line is not 'ringmail-schema 1'"});
  TextParser parser(text);
  if (!parser.parse()) return refused(*parser.tokens().problem());
  Schema schema = std::move(parser.builder()).take();
  // One comparison checks every offset, size, alignment and id, the order of declarations and the spacing.
  const std::string canonical = to_text(schema);
  if (text != canonical) return refused(find_difference(text, canonical));
  return schema;
}

}  // namespace ringmail::schema

// The methods of a field.
#include <algorithm>
#include <cctype>
#include <map>

#include "java_writer.hpp"

namespace ringmail::tools {
namespace {

std::string cased(std::string_view name, int (*to)(int), std::size_t count) {
  std::string result(name);
  for (std::size_t i = 0; i < std::min(count, result.size()); ++i)
    result[i] = static_cast<char>(to(static_cast<unsigned char>(result[i])));
  return result;
}

std::string upper(std::string_view name) { return cased(name, std::toupper, name.size()); }

// "LongBuffer", and the method that makes one of a ByteBuffer; empty for bytes.
std::string_view buffer_of(Kind kind) {
  switch (kind) {
    case Kind::u16:
    case Kind::i16: return "Short";
    case Kind::u32:
    case Kind::i32: return "Int";
    case Kind::u64:
    case Kind::i64: return "Long";
    case Kind::f32: return "Float";
    case Kind::f64: return "Double";
    default: return "";
  }
}

constexpr std::string_view lies_here = "The content in place: it cannot be taken back.";
constexpr std::string_view copies_text =
    "Copies the bytes of the text, as many as fit, and returns how many there are.";

}  // namespace

bool JavaWriter::is_preset(const Field& field) const {
  if (field.type.kind != Kind::message) return field.preset.has_value();
  const bool is_there = !field.is_optional || field.is_list;
  return is_there && has_presets(schema_, *schema_.find_message(field.type.name));
}

// The default, as an expression of the type of the setter.
std::string JavaWriter::preset(const Field& field) const {
  const std::string& text = *field.preset;
  switch (field.type.kind) {
    case Kind::text: return quoted(text);
    case Kind::enumeration: return java_type_name(field.type.name) + "." + java_identifier(text);
    case Kind::u64: return java_number(Kind::u64, static_cast<std::int64_t>(std::stoull(text)));
    case Kind::u32:
    case Kind::i64: return text + "L";
    case Kind::f32: return text + "f";
    case Kind::f64: return text + "d";
    default: return text;
  }
}

std::string JavaWriter::place_of(std::uint32_t offset) { return offset == 0 ? "at" : "at + " + std::to_string(offset); }

std::string JavaWriter::count_name(const Message& message, const Field& field) {
  const auto same = std::ranges::count_if(message.fields, [&field](const Field& other) {
    return other.count != 0 && upper(other.name) == upper(field.name);
  });
  return (same == 1 ? upper(field.name) : field.name) + "_COUNT";
}

std::string JavaWriter::method(const Message& message,
                               std::string_view prefix,
                               const Field& field,
                               std::string_view suffix) {
  std::string name(prefix);
  name.append(prefix.empty() ? field.name : cased(field.name, std::toupper, 1)).append(suffix);
  const bool is_taken =
      std::ranges::any_of(message.fields, [&](const Field& other) { return java_identifier(other.name) == name; });
  return is_taken ? name + '_' : name;
}

std::string JavaWriter::element_of(const Message& message, const Field& field, std::string_view index) const {
  const std::string size = std::to_string(field.type.size);
  if (field.is_list)
    return source(field) + ".element(" + place_of(field) + ", " + std::string(index) + ", " + size + ")";
  return outer_ + ".element_(" + place_of(field) + ", " + std::string(index) + ", " + count_name(message, field) +
         ", " + size + ")";
}

// What was not sent is read in a new message.
std::string JavaWriter::source(const Field& field) {
  return field.is_appended ? "source_(" + std::to_string(field.offset) + ")" : "place";
}

// It has no room, either.
std::string JavaWriter::target(const Field& field) {
  return field.is_appended ? "target_(" + std::to_string(field.offset) + ")" : "place";
}

std::size_t JavaWriter::index_in_layout(const Message& message, const Field& field) {
  return static_cast<std::size_t>(
      std::count_if(message.fields.data(), &field, [](const Field& other) { return other.is_variable(); }));
}

void JavaWriter::write_field(const Named& named) {
  const Field& field = named.field;
  if (field.is_optional) presence(named);
  if (field.is_variable()) variable(named);
  const bool is_reference = field.is_variable() && !field.is_list;
  if (is_reference) return;
  if (!has_elements(field)) return accessors(named, "", place_of(field));
  accessors(named, "int index, ", element_of(named.declaration, field, "index"));
  const bool is_number = field.type.kind <= Kind::f64;
  if (field.is_list || !is_number) return;
  line("");
  line("    /** The elements as bytes, little-endian, and in place: it cannot be taken back. */");
  line("    public ByteBuffer ", named.name, "() {");
  line("      return ", source(field), ".slice(", place_of(field), ", ", std::to_string(field.size), ");");
  line("    }");
}

void JavaWriter::get(const Named& named,
                     std::string_view type,
                     const std::string& arguments,
                     const std::string& value,
                     std::string_view comment) {
  line("");
  if (!comment.empty()) line("    /** ", comment, " */");
  line("    public ", type, " ", named.name, "(", arguments, ") {");
  if (named.field.is_optional) {
    line("      if (!", method(named.declaration, "has", named.field, ""), "()) throw ", outer_, ".none_(\"",
         named.field.name, "\");");
  }
  line("      return ", value, ";");
  line("    }");
}

void JavaWriter::set(const Named& named,
                     std::string_view type,
                     const std::string& arguments,
                     const std::string& statement) {
  line("");
  line("    public ", named.message, " ", named.name, "(", arguments, type, " value) {");
  line("      ", statement, ";");
  const Field& field = named.field;
  const bool is_one = field.is_optional && !field.is_variable() && field.type.kind != Kind::message;
  if (is_one) line("      place.bool(", place_of(field.presence_offset()), ", true);");
  line("      return this;");
  line("    }");
}

void JavaWriter::accessors(const Named& named, const std::string& index, const std::string& place) {
  const Field& field = named.field;
  const std::string get_arguments = index.empty() ? "" : "int index";
  // Where an element of a list lies was looked up already.
  const std::string from = field.is_list ? "place" : source(field);
  const std::string to = field.is_list ? "place" : target(field);
  switch (field.type.kind) {
    case Kind::text: {
      const std::string size = std::to_string(field.type.length);
      get(named, "String", get_arguments, from + ".text(" + place + ", " + size + ")");
      get(named, "int", index + "byte[] into", from + ".text(" + place + ", " + size + ", into)", copies_text);
      return set(named, "CharSequence", index, to + ".text(" + place + ", " + size + ", value)");
    }
    case Kind::enumeration: {
      const std::string type = java_type_name(field.type.name);
      const std::string method(kind_name(schema_.find_enum(field.type.name)->underlying));
      get(named, type, get_arguments, type + ".declared_(" + from + "." + method + "(" + place + "))");
      return set(named, type, index, to + "." + method + "(" + place + ", value.number())");
    }
    case Kind::message: return part(named, index, place);
    default: {
      const std::string method(kind_name(field.type.kind));
      const std::string_view type = java_number_type(field.type.kind);
      get(named, type, get_arguments, from + "." + method + "(" + place + ")");
      set(named, type, index, to + "." + method + "(" + place + ", value)");
    }
  }
}

void JavaWriter::part(const Named& named, const std::string& index, const std::string& place) {
  const Field& field = named.field;
  const std::string type = java_type_name(field.type.name);
  const std::string part = field.name + "_";
  const std::string argument = index.empty() ? "" : "index";
  const std::string unsent = "NEW_." + named.name + "(" + argument + ")";
  const std::string offset = std::to_string(field.offset);
  if (field.is_list) {
    line("");
    line("    /** The element where it lies. It is good until the message is wrapped anew, or has other content. */");
    line("    public ", type, " ", named.name, "(int index) {");
    line("      return new ", type, "(place, ", place, ");");
    line("    }");
  } else if (field.count != 0) {
    line("");
    line("    public ", type, " ", named.name, "(int index) {");
    if (field.is_appended) line("      if (!sent_(", offset, ")) return ", unsent, ";");
    line("      ", type, " part = ", part, "[index];");
    line("      if (part == null) ", part, "[index] = part = new ", type, "(place, ", place, ");");
    line("      return part;");
    line("    }");
  } else {
    const bool is_elsewhere = field.is_appended && !field.is_optional;
    get(named, type, "", (is_elsewhere ? "!sent_(" + offset + ") ? " + unsent + " : " : "") + part);
  }
  if (!field.is_optional || field.is_list) {
    const std::string check = field.is_appended && !field.is_list ? target(field) + ";\n      " : "";
    return set(named, type, index, check + named.name + "(" + argument + ").set(value)");
  }
  const std::string fresh = method(named.declaration, "new", field, "");
  line("");
  line("    /** Puts a new one there, and returns it. */");
  line("    public ", type, " ", fresh, "() {");
  line("      ", target(field), ".zero(", place_of(field), ", ", std::to_string(field.size), ");");
  line("      place.bool(", place_of(field.presence_offset()), ", true);");
  if (has_presets(schema_, *schema_.find_message(field.type.name))) line("      ", part, ".preset_();");
  line("      return ", part, ";");
  line("    }");
  set(named, type, "", fresh + "().set(value)");
}

void JavaWriter::presence(const Named& named) {
  const Field& field = named.field;
  line("");
  line("    public boolean ", method(named.declaration, "has", field, ""), "() {");
  line("      return ", source(field), ".bool(", place_of(field.presence_offset()), ");");
  line("    }");
  line("");
  line("    public ", named.message, " ", method(named.declaration, "clear", field, ""), "() {");
  if (field.is_variable()) {
    line("      ", target(field), ".resize(LAYOUT_, ", std::to_string(index_in_layout(named.declaration, field)),
         ", -1);");
  } else {
    line("      ", target(field), ".zero(", place_of(field), ", ", std::to_string(field.size), ");");
  }
  line("      return this;");
  line("    }");
}

// What a text, bytes and lists have as a whole.
void JavaWriter::variable(const Named& named) {
  const Field& field = named.field;
  const std::string index = std::to_string(index_in_layout(named.declaration, field));
  const std::string size = std::to_string(field.content_size());
  const std::string content = source(field) + ".content(" + place_of(field) + ", " + size + ")";
  const bool is_text = !field.is_list && field.type.kind == Kind::text;
  const std::string length = method(named.declaration, "", field, "Length");
  const std::string value = source(field) + ".length(" + place_of(field) + ", " + size + ")";
  line("");
  line("    /** How many ", field.is_list ? "elements" : "bytes", " there are. */");
  line("    public int ", length, "() {");
  line("      return ", field.is_optional ? "!" + method(named.declaration, "has", field, "") + "() ? 0 : " : "", value,
       ";");
  line("    }");
  line("");
  line("    /** Makes room for so many, and keeps those that are there. Only a message of its own can. */");
  line("    public ", named.message, " ", length, "(int length) {");
  if (is_preset(field)) line("      int old = ", length, "();");
  line("      ", target(field), ".resize(LAYOUT_, ", index, ", ", outer_, ".length_(length));");
  if (is_preset(field)) line("      for (int i = old; i < length; ++i) ", named.name, "(i).preset_();");
  line("      return this;");
  line("    }");
  if (is_text) {
    get(named, "String", "", source(field) + ".text(" + place_of(field) + ")");
    get(named, "int", "byte[] into", source(field) + ".text(" + place_of(field) + ", into)", copies_text);
    set(named, "CharSequence", "",
        target(field) + ".set(LAYOUT_, " + index + ", value.toString().getBytes(StandardCharsets.UTF_8))");
    Named bytes = named;
    bytes.name = method(named.declaration, "", field, "Bytes");
    return get(bytes, "ByteBuffer", "", content, lies_here);
  }
  if (field.type.kind == Kind::bytes) {
    get(named, "ByteBuffer", "", content, lies_here);
    return set(named, "byte[]", "", target(field) + ".set(LAYOUT_, " + index + ", value)");
  }
  const std::string_view buffer = buffer_of(field.type.kind);
  const bool is_seen = field.type.kind <= Kind::f64 || field.type.kind == Kind::message;
  if (!is_seen) return;
  static const std::map<std::string_view, std::string_view> imports = {{"Short", "java.nio.ShortBuffer"},
                                                                       {"Int", "java.nio.IntBuffer"},
                                                                       {"Long", "java.nio.LongBuffer"},
                                                                       {"Float", "java.nio.FloatBuffer"},
                                                                       {"Double", "java.nio.DoubleBuffer"}};
  if (buffer.empty()) return get(named, "ByteBuffer", "", content, lies_here);
  imports_.insert(imports.at(buffer));
  get(named, std::string(buffer) + "Buffer", "", content + ".as" + std::string(buffer) + "Buffer()", lies_here);
}

}  // namespace ringmail::tools

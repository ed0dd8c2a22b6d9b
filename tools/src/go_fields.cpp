#include <algorithm>

#include "go_prelude.hpp"
#include "go_writer.hpp"

namespace ringmail::tools {

GoWriter::Shape GoWriter::shape_of(const Field& field) {
  const Kind kind = field.type.kind;
  if (kind == Kind::bytes) return Shape::bytes;
  if (!field.is_list && field.count == 0) return Shape::value;
  if (kind == Kind::u8) return Shape::bytes;
  return field.is_list && (kind <= Kind::f64 || kind == Kind::enumeration) ? Shape::numbers : Shape::element;
}

bool GoWriter::is_preset(const Field& field) const {
  if (field.type.kind != Kind::message) return field.preset.has_value();
  const bool is_there = !field.is_optional || field.is_list;
  return is_there && has_presets(schema_, *schema_.find_message(field.type.name));
}

bool GoWriter::has_preset_fields(const Message& message) const {
  return std::ranges::any_of(message.fields, [this](const Field& field) { return is_preset(field); });
}

std::string GoWriter::index(const Field& field) { return shape_of(field) == Shape::element ? "i int" : ""; }

std::size_t GoWriter::element_size(const Field& field) { return field.type.size; }

std::string GoWriter::view_of(const Message& message, const std::string& bytes) const {
  const GoMessageNames& names = names_.at(message.name);
  if (is_plain(message)) return names.view + "{(*[" + names.size + "]byte)(" + bytes + ")}";
  return names.view + "{" + bytes + ", " + names.size + "}";
}

// The type of one element: in a value, and where it is read.
std::string GoWriter::element_type(const schema::Type& type) {
  if (type.kind == Kind::text) return "string";
  if (type.kind == Kind::bytes) return "byte";
  return type.name.empty() ? std::string(go_scalar(type.kind)) : std::string(short_name(type.name));
}

std::string GoWriter::view_type(const Field& field) const {
  const Shape shape = shape_of(field);
  if (shape == Shape::bytes) return "[]byte";
  if (shape == Shape::numbers) return "[]" + element_type(field.type);
  return field.type.kind == Kind::message ? names_.at(field.type.name).view : element_type(field.type);
}

std::string GoWriter::value_type(const Field& field) {
  const std::string type = element_type(field.type);
  if (field.is_list || field.type.kind == Kind::bytes) return "[]" + type;
  if (field.is_optional) return "*" + type;
  return (field.count == 0 ? "" : "[" + text_of(field.count) + "]") + type;
}

// The default, as an expression of the field's type.
std::string GoWriter::preset(const Field& field) {
  const std::string& text = *field.preset;
  switch (field.type.kind) {
    case Kind::text: return quoted(text);
    case Kind::enumeration: return constants_.at({field.type.name, text});
    case Kind::f32:
    case Kind::f64:
      if (text != "-0") return text;
      imports_.insert("math");  // a constant has no sign of zero
      return element_type(field.type) + "(math.Copysign(0, -1))";
    default: return text;
  }
}

// The bytes in which the field is looked up.
std::string GoWriter::source(const Field& field) {
  return field.is_appended ? "m.sent(" + text_of(field.offset) + ")" : "m.bytes";
}

std::string GoWriter::place(const Field& field, bool is_limited) {
  const std::string end = text_of(field.offset + (field.count == 0 ? field.type.size : field.size));
  return source(field) + "[" + text_of(field.offset) + ":" + end + (is_limited ? ":" + end : "") + "]";
}

std::string GoWriter::content(const Field& field) {
  if (!field.is_variable()) return place(field, shape_of(field) == Shape::bytes);
  helpers_.insert(go_content);
  imports_.insert("encoding/binary");
  return "ringmailContent(m.bytes, " + source(field) + "[" + text_of(field.offset) + ":], " +
         text_of(field.content_size()) + ")";
}

std::string GoWriter::count(const Field& field, std::string_view divided_by) {
  if (!field.is_list) return text_of(field.count);
  std::string length = "len(" + content(field) + ")";
  if (field.type.size != 1) length.append(divided_by).append(text_of(field.type.size));
  return length;
}

// The bytes of the field, or of its element i.
std::string GoWriter::bytes_of(const Field& field, bool is_limited) {
  if (!field.is_list && field.count == 0) return place(field, is_limited);
  helpers_.insert(go_element);
  imports_.insert("strconv");
  return "ringmailElement(" + content(field) + ", i, " + text_of(element_size(field)) + ")";
}

// Of one whose elements are single bytes.
std::string GoWriter::byte_of(const Field& field) {
  if (!field.is_list && field.count == 0) return source(field) + "[" + text_of(field.offset) + "]";
  return bytes_of(field) + "[0]";
}

std::string GoWriter::presence(const Field& field) {
  return source(field) + "[" + text_of(field.presence_offset()) + "]";
}

Kind GoWriter::stored_as(const schema::Type& type) const {
  return type.kind == Kind::enumeration ? schema_.find_enum(type.name)->underlying : type.kind;
}

unsigned GoWriter::bits_of(Kind kind) {
  switch (kind) {
    case Kind::u16:
    case Kind::i16: return 16;
    case Kind::u32:
    case Kind::i32:
    case Kind::f32: return 32;
    case Kind::u64:
    case Kind::i64:
    case Kind::f64: return 64;
    default: return 8;
  }
}

// The value of the field, or of its element i.
std::string GoWriter::read(const Field& field) {
  const schema::Type& type = field.type;
  const Kind kind = stored_as(type);
  if (kind == Kind::message) {
    const Message& message = *schema_.find_message(type.name);
    return view_of(message, bytes_of(field, !is_plain(message)));
  }
  if (is_text(field)) return "string(" + content(field) + ")";
  if (kind == Kind::text) {
    needs_text();
    return "ringmailText(" + bytes_of(field) + ")";
  }
  const unsigned bits = bits_of(kind);
  if (bits > 8) imports_.insert("encoding/binary");
  const std::string number =
      bits == 8 ? byte_of(field) : "binary.LittleEndian.Uint" + text_of(bits) + "(" + bytes_of(field) + ")";
  if (kind == Kind::boolean) return number + " != 0";
  if (kind == Kind::f32 || kind == Kind::f64) {
    imports_.insert("math");
    return "math.Float" + text_of(bits) + "frombits(" + number + ")";
  }
  const bool is_same = type.name.empty() && kind <= Kind::u64;
  return is_same ? number : element_type(type) + "(" + number + ")";
}

std::string GoWriter::write_element(const Field& field) {
  const schema::Type& type = field.type;
  const Kind kind = stored_as(type);
  if (kind == Kind::text) {
    needs_text();
    return "ringmailPutText(" + bytes_of(field) + ", value)";
  }
  if (kind == Kind::boolean) {
    helpers_.insert(go_bool);
    return byte_of(field) + " = ringmailByte(value)";
  }
  const unsigned bits = bits_of(kind);
  std::string number = "value";
  if (kind == Kind::f32 || kind == Kind::f64) {
    number = "math.Float" + text_of(bits) + "bits(value)";
  } else if (!type.name.empty() || kind > Kind::u64) {
    number = "uint" + text_of(bits) + "(value)";
  }
  if (bits == 8) return byte_of(field) + " = " + number;
  return "binary.LittleEndian.PutUint" + text_of(bits) + "(" + bytes_of(field) + ", " + number + ")";
}

void GoWriter::unpack(const Field& field, const std::string& name) {
  const Shape shape = shape_of(field);
  const bool is_message = field.type.kind == Kind::message;
  const std::string at = "value." + name;
  if (shape == Shape::element) {
    if (field.is_list) {
      line("\tif length", field.is_optional ? ", ok" : "", " := m.", name, "Len(); ",
           field.is_optional ? "ok" : "length > 0", " {");
      line("\t\t", at, " = make(", value_type(field), ", length)");
      line("\t}");
    }
    line("\tfor i := range ", at, " {");
    line("\t\t", at, "[i] = m.", name, "(i)", is_message ? ".Unpack()" : "");
    line("\t}");
  } else if (field.is_optional) {
    line("\tif each, ok := m.", name, "(); ok {");
    if (is_message) line("\t\tunpacked := each.Unpack()");
    if (shape == Shape::value) {
      line("\t\t", at, " = &", is_message ? "unpacked" : "each");
    } else {
      line("\t\t", at, " = append(", value_type(field), "{}, each...)");
    }
    line("\t}");
  } else if (shape == Shape::value) {
    line("\t", at, " = m.", name, "()", is_message ? ".Unpack()" : "");
  } else if (field.count != 0) {
    line("\tcopy(", at, "[:], m.", name, "())");
  } else {
    line("\t", at, " = append(", at, ", m.", name, "()...)");
  }
}

void GoWriter::pack(const Field& field, const std::string& name) {
  const Shape shape = shape_of(field);
  const bool is_message = field.type.kind == Kind::message;
  const std::string at = "value." + name;
  std::string tabs = "\t";
  if (field.is_optional) {
    line("\tif ", field.is_variable() ? "" : "m.Clear" + name + "(); ", at, " != nil {");
    tabs = "\t\t";
    if (field.is_variable()) line(tabs, "m.Set", name, "Present()");
  }
  if (shape == Shape::element) {
    line(tabs, "for i := range ", at, " {");
    if (is_message) {
      line(tabs, "\tm.", name, "(i).Pack(&", at, "[i])");
    } else {
      line(tabs, "\tm.Set", name, "(i, ", at, "[i])");
    }
    line(tabs, "}");
  } else if (shape == Shape::numbers) {
    line(tabs, "m.Set", name, "(0, ", at, "...)");
  } else if (field.count != 0) {
    line(tabs, "copy(m.", name, "(), ", at, "[:])");
  } else if (shape == Shape::bytes || is_text(field)) {
    line(tabs, "copy(", content(field), ", ", is_text(field) && field.is_optional ? "*" : "", at, ")");
  } else if (is_message) {
    line(tabs, "m.", field.is_optional ? "Set" : "", name, "().Pack(", field.is_optional ? "" : "&", at, ")");
  } else {
    line(tabs, "m.Set", name, "(", field.is_optional ? "*" : "", at, ")");
  }
  if (field.is_optional) line("\t}");
}

void GoWriter::needs_text() {
  helpers_.insert(go_text);
  imports_.insert("unicode/utf8");
}

void GoWriter::needs_numbers() {
  helpers_.insert(go_numbers);
  for (const std::string_view import : {"bytes", "encoding/binary", "unsafe"}) imports_.insert(import);
}

void GoWriter::function(const std::string& head, const std::string& body) {
  line("");
  line(head, " {");
  line("\t", body);
  line("}");
}

}  // namespace ringmail::tools

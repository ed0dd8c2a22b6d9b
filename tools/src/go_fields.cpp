#include "go_prelude.hpp"
#include "go_writer.hpp"

namespace ringmail::tools {

bool GoWriter::is_bytes(const Field& field) { return field.type.kind == Kind::u8 && field.count != 0; }

std::string GoWriter::index(const Field& field) { return field.count == 0 || is_bytes(field) ? "" : "i int"; }

std::size_t GoWriter::element_size(const Field& field) {
  return field.count == 0 ? field.size : field.size / field.count;
}

std::string GoWriter::invalid(const Field& field, const std::string& name) {
  const std::string argument = field.count == 0 ? "" : "i";
  if (field.type.kind == Kind::boolean) return byte_of(field) + " > 1";
  if (field.type.kind == Kind::enumeration) return "!m." + name + "(" + argument + ").Declared()";
  return "!" + names_.at(field.type.name).valid_function + "(m." + name + "(" + argument + ").bytes[:])";
}

// The type of one element: in a value, and where it is read.
std::string GoWriter::element_type(const schema::Type& type) {
  if (type.kind == Kind::text) return "string";
  return type.name.empty() ? std::string(go_scalar(type.kind)) : std::string(short_name(type.name));
}

std::string GoWriter::view_type(const schema::Type& type) const {
  return type.kind == Kind::message ? names_.at(type.name).view : element_type(type);
}

std::string GoWriter::value_type(const Field& field) {
  return (field.count == 0 ? "" : "[" + text_of(field.count) + "]") + element_type(field.type);
}

std::string GoWriter::place(const Field& field, bool is_limited) {
  const std::string end = text_of(field.offset + field.size);
  return "m.bytes[" + text_of(field.offset) + ":" + end + (is_limited ? ":" + end : "") + "]";
}

// The bytes of the field, or of its element i.
std::string GoWriter::bytes_of(const Field& field) {
  if (field.count == 0) return place(field);
  helpers_.insert(go_element);
  imports_.insert("strconv");
  return "ringmailElement(" + place(field) + ", i, " + text_of(element_size(field)) + ")";
}

// Of one whose elements are single bytes.
std::string GoWriter::byte_of(const Field& field) {
  return field.count == 0 ? "m.bytes[" + text_of(field.offset) + "]" : bytes_of(field) + "[0]";
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

std::string GoWriter::read(const Field& field) {
  const schema::Type& type = field.type;
  const Kind kind = stored_as(type);
  if (kind == Kind::message) {
    const GoMessageNames& names = names_.at(type.name);
    return names.view + "{(*[" + names.size + "]byte)(" + bytes_of(field) + ")}";
  }
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
  const std::string suffix = field.type.kind == Kind::message ? ".Unpack()" : "";
  if (is_bytes(field)) {
    line("\tcopy(value.", name, "[:], m.", name, "())");
  } else if (field.count == 0) {
    line("\tvalue.", name, " = m.", name, "()", suffix);
  } else {
    line("\tfor i := range value.", name, " {");
    line("\t\tvalue.", name, "[i] = m.", name, "(i)", suffix);
    line("\t}");
  }
}

void GoWriter::pack(const Field& field, const std::string& name) {
  if (is_bytes(field)) return line("\tcopy(m.", name, "(), value.", name, "[:])");
  const bool is_message = field.type.kind == Kind::message;
  if (field.count != 0) line("\tfor i := range value.", name, " {");
  const std::string tabs = field.count == 0 ? "\t" : "\t\t";
  const std::string at = field.count == 0 ? "" : "[i]";
  if (is_message) {
    line(tabs, "m.", name, "(", field.count == 0 ? "" : "i", ").Pack(&value.", name, at, ")");
  } else {
    line(tabs, "m.Set", name, "(", field.count == 0 ? "" : "i, ", "value.", name, at, ")");
  }
  if (field.count != 0) line("\t}");
}

void GoWriter::needs_text() {
  helpers_.insert(go_text);
  imports_.insert("unicode/utf8");
}

void GoWriter::function(const std::string& head, const std::string& body) {
  line("");
  line(head, " {");
  line("\t", body);
  line("}");
}

}  // namespace ringmail::tools

// The class of a message: where it lies, its fields, its validity and its text.
#include <algorithm>
#include <cctype>

#include "java_writer.hpp"

namespace ringmail::tools {
namespace {

std::string upper(std::string_view name) {
  std::string result(name);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace

void JavaWriter::write(const Message& message) {
  const std::string name = java_type_name(message.name);
  line("");
  line("  /** ", message.name, ", ", std::to_string(message.size), " bytes: a view, or a message of its own. */");
  line("  public static final class ", name, " {");
  line("    public static final int TYPE = ", hex_id(message.id), ";");
  line("    public static final int SIZE = ", std::to_string(message.size), ";");
  line("    public static final String NAME = \"", message.name, "\";");
  for (const Field& field : message.fields) {
    if (field.count != 0)
      line("    public static final int ", count_name(message, field), " = ", std::to_string(field.count), ";");
  }
  line("");
  line("    private final Place_ place;");
  line("    private final int at;");
  for (const Field& field : message.fields) {
    if (field.type.kind != Kind::message) continue;
    const std::string type = java_type_name(field.type.name);
    if (field.count == 0) {
      line("    private final ", type, " ", field.name, "_;");
    } else {
      line("    private final ", type, "[] ", field.name, "_ = new ", type, "[", count_name(message, field), "];");
    }
  }
  construction(name, message);
  for (const Field& field : message.fields) {
    const std::string name_of_field = java_identifier(field.name);
    if (field.count != 0) {
      write_array(name, message, field, name_of_field);
    } else {
      accessors(name, field, name_of_field, "", place_of(field), field.name + "_");
    }
  }
  validity(message);
  text(name, message);
  line("  }");
}

std::string JavaWriter::place_of(const Field& field) {
  return field.offset == 0 ? "at" : "at + " + std::to_string(field.offset);
}

std::string JavaWriter::count_name(const Message& message, const Field& field) {
  const auto same = std::ranges::count_if(message.fields, [&field](const Field& other) {
    return other.count != 0 && upper(other.name) == upper(field.name);
  });
  return (same == 1 ? upper(field.name) : field.name) + "_COUNT";
}

void JavaWriter::construction(const std::string& name, const Message& message) {
  line("");
  line("    /** A message of its own, all zero. */");
  line("    public ", name, "() {");
  line("      this(new Place_(SIZE), 0);");
  line("      wrap(ByteBuffer.allocate(SIZE), 0);");
  line("    }");
  line("");
  line("    private ", name, "(Place_ place, int at) {");
  line("      this.place = place;");
  line("      this.at = at;");
  for (const Field& field : message.fields) {
    if (field.type.kind == Kind::message && field.count == 0)
      line("      ", field.name, "_ = new ", java_type_name(field.type.name), "(place, ", place_of(field), ");");
  }
  line("    }");
  line("");
  line("    /** The message that fills these bytes, from position to limit. */");
  line("    public static ", name, " over(ByteBuffer payload) {");
  line("      return new ", name, "(new Place_(SIZE), 0).wrap(payload);");
  line("    }");
  line("");
  line("    /** Moves this view to the bytes from position to limit, which must be as many as the message has. */");
  line("    public ", name, " wrap(ByteBuffer payload) {");
  line("      if (payload.remaining() == SIZE) return wrap(payload, payload.position());");
  line(
      "      throw new IllegalArgumentException(NAME + \" has \" + SIZE + \" bytes, and not \" + "
      "payload.remaining());");
  line("    }");
  line("");
  line("    /** Moves this view to where a message lies. */");
  line("    public ", name, " wrap(ByteBuffer buffer, int offset) {");
  line("      place.move(buffer, offset, SIZE);");
  line("      return this;");
  line("    }");
  line("");
  line(
      "    /** Takes the bytes from this view: who uses it before it is wrapped again gets an IllegalStateException. "
      "*/");
  line("    public void release() {");
  line("      place.release();");
  line("    }");
  line("");
  line("    public ByteBuffer buffer() {");
  line("      return place.bytes();");
  line("    }");
  line("");
  line("    public int offset() {");
  line("      return place.offset(at);");
  line("    }");
  line("");
  line("    /** One of its own, which can be kept. */");
  line("    public ", name, " copy() {");
  line("      return new ", name, "().set(this);");
  line("    }");
  line("");
  line("    /** Copies all bytes of the other one. */");
  line("    public ", name, " set(", name, " other) {");
  line("      place.copy(at, other.place, other.at, SIZE);");
  line("      return this;");
  line("    }");
  line("");
  line("    /** Writes the bytes at the position of `to`, which is then behind them. */");
  line("    public void writeTo(ByteBuffer to) {");
  line("      to.put(to.position(), buffer(), offset(), SIZE).position(to.position() + SIZE);");
  line("    }");
}

void JavaWriter::accessors(const std::string& message,
                           const Field& field,
                           const std::string& name,
                           const std::string& index,
                           const std::string& place,
                           const std::string& part) {
  const std::string get_arguments = index.empty() ? "" : "int index";
  const auto get = [&](std::string_view type, const std::string& value) {
    line("");
    line("    public ", type, " ", name, "(", get_arguments, ") {");
    line("      return ", value, ";");
    line("    }");
  };
  const auto set = [&](std::string_view type, const std::string& statement) {
    line("");
    line("    public ", message, " ", name, "(", index, type, " value) {");
    line("      ", statement, ";");
    line("      return this;");
    line("    }");
  };
  switch (field.type.kind) {
    case Kind::text: {
      const std::string size = std::to_string(field.type.length);
      get("String", "place.text(" + place + ", " + size + ")");
      line("");
      line("    /** Copies the bytes of the text, as many as fit, and returns how many there are. */");
      line("    public int ", name, "(", index, "byte[] into) {");
      line("      return place.text(", place, ", ", size, ", into);");
      line("    }");
      set("CharSequence", "place.text(" + place + ", " + size + ", value)");
      return;
    }
    case Kind::enumeration: {
      const std::string type = java_type_name(field.type.name);
      const std::string method(kind_name(schema_.find_enum(field.type.name)->underlying));
      get(type, type + ".declared_(place." + method + "(" + place + "))");
      set(type, "place." + method + "(" + place + ", value.number())");
      return;
    }
    case Kind::message: {
      const std::string type = java_type_name(field.type.name);
      if (index.empty()) {
        get(type, part);
      } else {
        line("");
        line("    public ", type, " ", name, "(int index) {");
        line("      ", type, " part = ", part, "[index];");
        line("      if (part == null) ", part, "[index] = part = new ", type, "(place, ", place, ");");
        line("      return part;");
        line("    }");
      }
      set(type, name + "(" + (index.empty() ? "" : "index") + ").set(value)");
      return;
    }
    default: {
      const std::string method(kind_name(field.type.kind));
      get(java_number_type(field.type.kind), "place." + method + "(" + place + ")");
      set(java_number_type(field.type.kind), "place." + method + "(" + place + ", value)");
    }
  }
}

void JavaWriter::write_array(const std::string& message_name,
                             const Message& message,
                             const Field& field,
                             const std::string& name) {
  const std::string size = std::to_string(field.size / field.count);
  const std::string place =
      "element_(" + place_of(field) + ", index, " + count_name(message, field) + ", " + size + ")";
  accessors(message_name, field, name, "int index, ", outer_ + "." + place, field.name + "_");
  const bool is_number = field.type.kind <= Kind::f64;
  if (!is_number) return;
  line("");
  line("    /** The elements as bytes, little-endian, and in place: it cannot be taken back. */");
  line("    public ByteBuffer ", name, "() {");
  line("      return place.slice(", place_of(field), ", ", std::to_string(field.size), ");");
  line("    }");
}

std::string JavaWriter::element_check(const Field& field, const std::string& place, const std::string& element) const {
  if (field.type.kind == Kind::boolean) return "place.u8(" + place + ") <= 1";
  if (field.type.kind == Kind::message) return element + ".isValid()";
  const std::string method(kind_name(schema_.find_enum(field.type.name)->underlying));
  return java_type_name(field.type.name) + ".of(place." + method + "(" + place + ")) != null";
}

void JavaWriter::validity(const Message& message) {
  line("");
  line(
      "    /** Whether bytes of a sender that is not trusted are one: every bool 0 or 1, every enum a declared "
      "value. */");
  line("    public boolean isValid() {");
  for (const Field& field : message.fields) {
    if (!is_constrained(schema_, field)) continue;
    const std::string name = java_identifier(field.name);
    if (field.count == 0) {
      line("      if (!(", element_check(field, place_of(field), name + "()"), ")) return false;");
    } else {
      const std::string size = std::to_string(field.size / field.count);
      line("      for (int i = 0; i < ", count_name(message, field), "; ++i) {");
      line("        if (!(", element_check(field, place_of(field) + " + i * " + size, name + "(i)"),
           ")) return false;");
      line("      }");
    }
  }
  line("      return true;");
  line("    }");
}

std::string JavaWriter::element_text(const Field& field, const std::string& place, const std::string& element) const {
  if (field.type.kind == Kind::u64) return "Long.toUnsignedString(" + element + ")";
  if (field.type.kind != Kind::enumeration) return element;
  const std::string method(kind_name(schema_.find_enum(field.type.name)->underlying));
  return java_type_name(field.type.name) + ".text_(place." + method + "(" + place + "))";
}

void JavaWriter::text(const std::string& name, const Message& message) {
  line("");
  line("    @Override");
  line("    public String toString() {");
  line("      StringBuilder text = new StringBuilder(\"", name, "{\");");
  for (const Field& field : message.fields) {
    const std::string name_of_field = java_identifier(field.name);
    const std::string label = (&field == &message.fields.front() ? "" : ", ") + field.name + "=";
    std::string value = element_text(field, place_of(field), name_of_field + "()");
    if (field.count != 0) {
      const std::string place = place_of(field) + " + i * " + std::to_string(field.size / field.count);
      value = outer_ + ".list_(" + count_name(message, field) + ", i -> " +
              element_text(field, place, name_of_field + "(i)") + ")";
    }
    line("      text.append(\"", label, "\").append(", value, ");");
  }
  line("      return text.append('}').toString();");
  line("    }");
}

}  // namespace ringmail::tools

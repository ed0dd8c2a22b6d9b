// The class of a message: where it lies, its validity and its text.
#include <algorithm>

#include "java_writer.hpp"

namespace ringmail::tools {

void JavaWriter::write(const Message& message) {
  const std::string name = java_type_name(message.name);
  line("");
  line("  /** ", message.name, ", ", std::to_string(message.size), " bytes",
       message.is_variable() ? " and content of variable length" : "", ": a view, or a message of its own. */");
  line("  public static final class ", name, " {");
  constants(name, message);
  construction(name, message);
  wrapping(name, message);
  copying(name, message);
  if (!message.earlier_sizes.empty()) unsent(message);
  if (has_preset_fields(message)) presets(message);
  if (message.is_variable()) lengths(name, message);
  for (const Field& field : message.fields) write_field({name, java_identifier(field.name), message, field});
  validity(message);
  text(name, message);
  line("  }");
}

bool JavaWriter::has_preset_fields(const Message& message) const {
  return std::ranges::any_of(message.fields, [this](const Field& field) { return is_preset(field); });
}

void JavaWriter::constants(const std::string& name, const Message& message) {
  line("    public static final int TYPE = ", hex_id(message.id), ";");
  if (message.is_variable()) line("    /** Bytes before the content of variable length. */");
  line("    public static final int SIZE = ", std::to_string(message.size), ";");
  line("    public static final String NAME = \"", message.name, "\";");
  for (const Field& field : message.fields) {
    if (field.count != 0)
      line("    public static final int ", count_name(message, field), " = ", std::to_string(field.count), ";");
  }
  if (!is_plain(message)) {
    std::string sizes;
    for (const std::uint32_t size : message.earlier_sizes) sizes += std::to_string(size) + ", ";
    line("    private static final int[] SIZES_ = {", sizes, "SIZE};");
  }
  if (message.is_variable()) {
    std::string fields;
    for (const Field& field : message.fields) {
      if (!field.is_variable()) continue;
      fields += ",\n            " + std::to_string(field.offset) + ", " + std::to_string(field.content_size()) + ", " +
                std::to_string(field.content_align()) + ", " +
                (field.is_optional ? std::to_string(field.presence_offset()) : "-1");
    }
    line("    private static final Layout_ LAYOUT_ =");
    line("        new Layout_(SIZE, ", std::to_string(*message.fixed_size_at), fields, ");");
  }
  if (!message.earlier_sizes.empty()) line("    private static final ", name, " NEW_ = new ", name, "();");
  line("");
  line("    private final Place_ place;");
  line("    private final int at;");
  if (!is_plain(message) && !message.is_variable()) line("    private final boolean isPart;");
  for (const Field& field : message.fields) {
    if (field.type.kind != Kind::message || field.is_list) continue;
    const std::string type = java_type_name(field.type.name);
    if (field.count == 0) {
      line("    private final ", type, " ", field.name, "_;");
    } else {
      line("    private final ", type, "[] ", field.name, "_ = new ", type, "[", count_name(message, field), "];");
    }
  }
  if (message.earlier_sizes.empty()) return;
  line("");
  line("    static {");
  line("      NEW_.place.freeze();");
  line("    }");
}

void JavaWriter::construction(const std::string& name, const Message& message) {
  const bool has_defaults = has_presets(schema_, message);
  line("");
  line("    /** A message of its own, ", has_defaults ? "with its defaults" : "all zero",
       message.is_variable() ? " and without content" : "", ". */");
  line("    public ", name, "() {");
  line("      this(new Place_(SIZE)", is_plain(message) ? ", 0" : "", ");");
  if (message.is_variable()) {
    line("      place.lay(ByteBuffer.allocate(SIZE), LAYOUT_, LAYOUT_.lengths());");
    line("      place.own = true;");
  } else {
    line("      ", is_plain(message) ? "" : "place.", is_plain(message) ? "wrap" : "move",
         "(ByteBuffer.allocate(SIZE), 0", is_plain(message) ? "" : ", SIZE", ");");
  }
  if (has_defaults) line("      preset_();");
  line("    }");
  const auto constructor = [&](std::string_view arguments, std::string_view offset, std::string_view is_part) {
    line("");
    line("    private ", name, "(", arguments, ") {");
    line("      this.place = place;");
    line("      this.at = ", offset, ";");
    if (!is_part.empty()) line("      this.isPart = ", is_part, ";");
    for (const Field& field : message.fields) {
      if (field.type.kind == Kind::message && field.count == 0 && !field.is_list)
        line("      ", field.name, "_ = new ", java_type_name(field.type.name), "(place, ", place_of(field), ");");
    }
    line("    }");
  };
  if (is_plain(message)) return constructor("Place_ place, int at", "at", "");
  if (message.is_variable()) return constructor("Place_ place", "0", "");
  constructor("Place_ place", "0", "false");
  constructor("Place_ place, int at", "at", "true");
}

void JavaWriter::wrapping(const std::string& name, const Message& message) {
  const bool plain = is_plain(message);
  line("");
  line("    /** The message that fills these bytes, from position to limit. */");
  line("    public static ", name, " over(ByteBuffer payload) {");
  line("      return new ", name, "(new Place_(SIZE)", plain ? ", 0" : "", ").wrap(payload);");
  line("    }");
  line("");
  if (plain) {
    line("    /** Moves this view to the bytes from position to limit. A newer version may have more of them. */");
    line("    public ", name, " wrap(ByteBuffer payload) {");
    line("      if (payload.remaining() >= SIZE) return wrap(payload, payload.position());");
    line(
        "      throw new IllegalArgumentException(NAME + \" has \" + SIZE + \" bytes, and not \" + "
        "payload.remaining());");
    line("    }");
    line("");
    line("    /** Moves this view to where a message lies. */");
    line("    public ", name, " wrap(ByteBuffer buffer, int offset) {");
    line("      place.move(buffer, offset, SIZE);");
  } else {
    line(
        "    /** Moves this view to the bytes from position to limit, which must be of some version of the message. "
        "*/");
    line("    public ", name, " wrap(ByteBuffer payload) {");
    line("      return wrap(payload, payload.position(), payload.remaining());");
    line("    }");
    line("");
    line("    /** Moves this view to where a message lies. */");
    line("    public ", name, " wrap(ByteBuffer buffer, int offset, int length) {");
    if (!message.is_variable())
      line("      if (isPart) throw new IllegalStateException(\"a part of another message stays where it is\");");
    line("      Objects.checkFromIndexSize(offset, length, buffer.limit());");
    line("      place.move(buffer, offset, length, ", outer_, ".fixed_(NAME, buffer, offset, length, ",
         message.is_variable() ? std::to_string(*message.fixed_size_at) : "-1", ", SIZES_));");
  }
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
  if (plain) return;
  line("");
  line("    /** How many bytes it has from offset() on. */");
  line("    public int payloadSize() {");
  line("      return ", message.is_variable() ? "" : "isPart ? SIZE : ", "place.length;");
  line("    }");
}

void JavaWriter::copying(const std::string& name, const Message& message) {
  const bool has_unsent = !message.earlier_sizes.empty();
  line("");
  line("    /** One of its own, which can be kept. */");
  line("    public ", name, " copy() {");
  line("      return new ", name, "().set(this);");
  line("    }");
  line("");
  if (message.is_variable()) {
    line("    /** Makes this a message of its own, with the fields of the other one. */");
  } else {
    line("    /** Copies all bytes of the other one. */");
  }
  line("    public ", name, " set(", name, " other) {");
  if (message.is_variable()) {
    line("      place.take(other.place, ", has_unsent ? "NEW_" : "other",
         ".place, LAYOUT_, LAYOUT_.lengths(other.place));");
  } else if (has_unsent) {
    line("      int sent = other.sent_(SIZE - 1) ? SIZE : other.place.fixed;");
    line("      target_(SIZE - 1).copy(at, other.place, other.at, sent);");
    line("      place.copy(at + sent, NEW_.place, sent, SIZE - sent);");
  } else {
    line("      place.copy(at, other.place, other.at, SIZE);");
  }
  line("      return this;");
  line("    }");
  line("");
  line("    /** Writes the bytes at the position of `to`, which is then behind them. */");
  line("    public void writeTo(ByteBuffer to) {");
  const std::string size = is_plain(message) ? "SIZE" : "payloadSize()";
  if (!is_plain(message)) {
    line("      if (to.remaining() < payloadSize()) {");
    line("        throw new IllegalArgumentException(");
    line(
        "            \"a \" + NAME + \" of \" + payloadSize() + \" bytes, where there is room for \" + "
        "to.remaining());");
    line("      }");
  }
  line("      to.put(to.position(), buffer(), offset(), ", size, ").position(to.position() + ", size, ");");
  line("    }");
}

void JavaWriter::unsent(const Message& message) {
  line("");
  line("    private boolean sent_(int offset) {");
  line("      return ", message.is_variable() ? "" : "isPart || ", "offset < place.fixed;");
  line("    }");
  line("");
  line("    /** Where an appended field is read: in a new message, if the writer did not know it. */");
  line("    private Place_ source_(int offset) {");
  line("      return sent_(offset) ? place : NEW_.place;");
  line("    }");
  line("");
  line("    private Place_ target_(int offset) {");
  line("      if (sent_(offset)) return place;");
  line("      throw new IllegalStateException(\"an older \" + NAME + \" has no room for this: its copy() has\");");
  line("    }");
}

void JavaWriter::presets(const Message& message) {
  line("");
  line("    private void preset_() {");
  for (const Field& field : message.fields) {
    if (!is_preset(field)) continue;
    const std::string name = java_identifier(field.name);
    if (field.preset) {
      line("      ", name, "(", preset(field), ");");
    } else if (has_elements(field)) {
      const std::string count =
          field.is_list ? method(message, "", field, "Length") + "()" : count_name(message, field);
      line("      for (int i = 0; i < ", count, "; ++i) ", name, "(i).preset_();");
    } else {
      line("      ", name, "().preset_();");
    }
  }
  line("    }");
}

void JavaWriter::lengths(const std::string& name, const Message& message) {
  line("");
  line(
      "    /** Makes the bytes from position to limit a new message with so much content, and moves this view there. "
      "*/");
  line("    public ", name, " draft(ByteBuffer payload, Lengths lengths) {");
  line("      place.lay(payload, LAYOUT_, lengths.lengths_);");
  if (has_preset_fields(message)) line("      preset_();");
  line("      return this;");
  line("    }");
  line("");
  line("    /** How much content of variable length a message has: bytes, or elements. */");
  line("    public static final class Lengths {");
  line("      private final int[] lengths_ = LAYOUT_.lengths();");
  for (const Field& field : message.fields) {
    if (!field.is_variable()) continue;
    line("");
    line("      public Lengths ", java_identifier(field.name), "(int length) {");
    line("        lengths_[", std::to_string(index_in_layout(message, field)), "] = ", outer_, ".length_(length);");
    line("        return this;");
    line("      }");
  }
  line("");
  line("      /** How many bytes such a message has. */");
  line("      public int payloadSize() {");
  line("        return LAYOUT_.end(lengths_);");
  line("      }");
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
  if (message.is_variable()) {
    line("    /**");
    line(
        "     * Whether bytes of a sender that is not trusted are one: every bool 0 or 1, every enum a declared value, "
        "all");
    line("     * content within them.");
    line("     */");
  } else {
    line(
        "    /** Whether bytes of a sender that is not trusted are one: every bool 0 or 1, every enum a declared "
        "value. */");
  }
  line("    public boolean isValid() {");
  for (const Field& field : message.fields) {
    if (!is_constrained(schema_, field)) continue;
    const std::string name = java_identifier(field.name);
    std::string tabs = "      ";
    std::string closing;
    const auto open = [&](const std::string& head) {
      line(tabs, head, " {");
      closing.insert(0, tabs + "}\n");
      tabs += "  ";
    };
    if (field.is_appended) open("if (sent_(" + std::to_string(field.offset) + "))");
    Field value = field;
    value.is_optional = false;
    if (field.is_optional) {
      line(tabs, "if (!(place.u8(", place_of(field.presence_offset()), ") <= 1)) return false;");
      if (is_constrained(schema_, value)) open("if (" + method(message, "has", field, "") + "())");
    }
    if (field.is_variable()) {
      line(tabs, "if (!place.isGood(", place_of(field), ", ", std::to_string(field.content_size()), ", ",
           std::to_string(field.content_align()), ")) return false;");
    }
    value.is_list = false;
    const bool is_reference = field.is_variable() && !field.is_list;
    if (!is_reference && is_constrained(schema_, value)) {
      if (field.is_list) {
        open("for (int i = 0, count = " + method(message, "", field, "Length") + "(); i < count; ++i)");
        line(tabs, "if (!(", element_check(field, element_of(message, field, "i"), name + "(i)"), ")) return false;");
      } else if (field.count != 0) {
        open("for (int i = 0; i < " + count_name(message, field) + "; ++i)");
        const std::string place = place_of(field) + " + i * " + std::to_string(field.type.size);
        line(tabs, "if (!(", element_check(field, place, name + "(i)"), ")) return false;");
      } else if (!field.is_optional || is_constrained(schema_, value)) {
        line(tabs, "if (!(", element_check(field, place_of(field), name + "()"), ")) return false;");
      }
    }
    raw(closing);
  }
  line("      return true;");
  line("    }");
}

std::string JavaWriter::element_text(const Field& field, const std::string& place, const std::string& element) const {
  if (field.type.kind == Kind::u64) return "Long.toUnsignedString(" + element + ")";
  if (field.type.kind != Kind::enumeration) return element;
  const std::string method(kind_name(schema_.find_enum(field.type.name)->underlying));
  const std::string from = field.is_list ? "place" : source(field);
  return java_type_name(field.type.name) + ".text_(" + from + "." + method + "(" + place + "))";
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
    if (field.type.kind == Kind::bytes) value = method(message, "", field, "Length") + "() + \" bytes\"";
    if (has_elements(field)) {
      const std::string place = field.is_list ? element_of(message, field, "i")
                                              : place_of(field) + " + i * " + std::to_string(field.type.size);
      const std::string count =
          field.is_list ? method(message, "", field, "Length") + "()" : count_name(message, field);
      value = outer_ + ".list_(" + count + ", i -> " + element_text(field, place, name_of_field + "(i)") + ")";
    }
    if (field.is_optional) value = method(message, "has", field, "") + "() ? " + value + " : \"none\"";
    line("      text.append(\"", label, "\").append(", value, ");");
  }
  line("      return text.append('}').toString();");
  line("    }");
}

}  // namespace ringmail::tools

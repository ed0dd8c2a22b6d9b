#include <algorithm>

#include "go_prelude.hpp"
#include "go_writer.hpp"

namespace ringmail::tools {

void GoWriter::write(const Message& message) {
  const GoMessageNames& names = names_.at(message.name);
  line("");
  line("const (");
  table({{names.type, "= " + hex_id(message.id)},
         {names.size, "= " + text_of(message.size)},
         {names.name, "= \"" + message.name + "\""}});
  line(")");
  write_value(message, names);
  write_view(message, names);
  if (message.is_variable()) write_lengths(message, names);
  write_draft(message, names);
  write_valid(message, names);
}

void GoWriter::write_value(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.value, " is a ", message.name, " as a value of its own.");
  if (message.fields.empty()) {
    line("type ", names.value, " struct{}");
  } else {
    line("type ", names.value, " struct {");
    std::vector<std::pair<std::string, std::string>> rows;
    for (std::size_t i = 0; i < message.fields.size(); ++i)
      rows.emplace_back(names.fields[i], value_type(message.fields[i]));
    table(rows);
    line("}");
  }
  if (!names.new_function.empty()) write_new(message, names);
  const std::string self = "func (m *" + names.value + ") ";
  const bool is_variable = message.is_variable();
  function(self + "RingmailType() uint32", "return " + names.type);
  if (is_variable) write_length_of(message, names);
  function(self + "RingmailSize() int", is_variable ? "return m.lengths().RingmailSize()" : "return " + names.size);
  function(self + "RingmailPut(room []byte)",
           is_variable ? "m.lengths().lay(room).pack(m)" : names.draft + "{" + view_of(message, "room") + "}.Pack(m)");
  line("");
  line("// MarshalBinary never fails.");
  line(self, "MarshalBinary() ([]byte, error) {");
  line("\tbytes := make([]byte, ", is_variable ? "m.RingmailSize()" : names.size, ")");
  line("\tm.RingmailPut(bytes)");
  line("\treturn bytes, nil");
  line("}");
  line("");
  if (is_variable) {
    line("// UnmarshalBinary refuses what is not valid.");
  } else {
    line("// UnmarshalBinary refuses what ", names.view_function, " refuses.");
  }
  line(self, "UnmarshalBinary(bytes []byte) error {");
  line("\tview, err := ", names.view_function, "(bytes)");
  if (is_variable) {
    line("\tif err == nil && !", names.valid_function, "(bytes) {");
    line("\t\terr = fmt.Errorf(\"these bytes are no %s\", ", names.name, ")");
    line("\t}");
  }
  line("\tif err == nil {");
  line("\t\t*m = view.Unpack()");
  line("\t}");
  line("\treturn err");
  line("}");
}

void GoWriter::write_new(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.new_function, " is one with its defaults.");
  line("func ", names.new_function, "() ", names.value, " {");
  line("\tvar value ", names.value);
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    if (!is_preset(field) || field.is_list) continue;
    const std::string at = "value." + names.fields[i];
    const std::string one = field.preset ? preset(field) : names_.at(field.type.name).new_function + "()";
    if (field.count != 0) line("\tfor i := range ", at, " {");
    line(field.count != 0 ? "\t\t" : "\t", at, field.count != 0 ? "[i]" : "", " = ", one);
    if (field.count != 0) line("\t}");
  }
  line("\treturn value");
  line("}");
}

void GoWriter::write_lengths(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.lengths, " say how much content of variable length a ", message.name, " has: bytes, or elements.");
  line("type ", names.lengths, " struct {");
  std::vector<std::pair<std::string, std::string>> rows;
  std::string size;
  std::string lay;
  std::string end = names.size;
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    if (!field.is_variable()) continue;
    rows.emplace_back(names.fields[i], "int");
    const std::string what =
        "l." + names.fields[i] + ", " + text_of(field.content_size()) + ", " + text_of(field.content_align()) + ")\n";
    const std::string assignment = rows.size() == 1 ? "\tend := " : "\tend = ";
    size += assignment + "ringmailEnd(" + end + ", " + what;
    lay += assignment + "ringmailLay(room, " + text_of(field.offset) + ", " + end + ", " + what;
    if (field.is_optional) {
      lay += "\troom[" + text_of(field.presence_offset()) + "] = ringmailByte(l." + names.fields[i] + " > 0)\n";
      helpers_.insert(go_bool);
    }
    end = "end";
  }
  table(rows);
  line("}");
  const std::string self = "func (l " + names.lengths + ") ";
  line("");
  line("// RingmailSize is how many bytes such a message has.");
  line(self, "RingmailSize() int {");
  raw(size);
  line("\treturn end");
  line("}");
  line("");
  line(
      "// lay writes where the content will be, and zeros to the rest of the fixed part and between the pieces of "
      "content.");
  line(self, "lay(room []byte) ", names.draft, " {");
  line("\tclear(room[:", names.size, "])");
  line("\tbinary.LittleEndian.PutUint32(room[", text_of(*message.fixed_size_at), ":], ", names.size, ")");
  raw(lay);
  line("\treturn ", names.draft, "{", names.view, "{room[:end:end], ", names.size, "}}");
  line("}");
  helpers_.insert(go_lay);
  imports_.insert("encoding/binary");
  imports_.insert("math");
}

void GoWriter::write_length_of(const Message& message, const GoMessageNames& names) {
  const std::string head = "func (m *" + names.value + ") lengths() " + names.lengths;
  line("");
  line(head, " {");
  line("\tvar lengths ", names.lengths);
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    if (!field.is_variable()) continue;
    const bool is_pointer = is_text(field) && field.is_optional;
    if (is_pointer) line("\tif m.", names.fields[i], " != nil {");
    line(is_pointer ? "\t\t" : "\t", "lengths.", names.fields[i], " = len(", is_pointer ? "*" : "", "m.",
         names.fields[i], ")");
    if (is_pointer) line("\t}");
  }
  line("\treturn lengths");
  line("}");
}

// `condition` is of bytes that are no message.
void GoWriter::refuse(const std::string& tabs, const std::string& condition) {
  line(tabs, "if ", condition, " {");
  line(tabs, "\treturn false");
  line(tabs, "}");
}

void GoWriter::write_valid(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.valid_function,
       " tells whether these bytes are one: the size, every bool 0 or 1, every enum a declared value",
       message.is_variable() ? "," : ".");
  if (message.is_variable()) line("// all content within the bytes.");
  line("func ", names.valid_function, "(bytes []byte) bool {");
  const bool constrained = is_constrained(schema_, message);
  if (is_plain(message) && !constrained) {
    line("\treturn len(bytes) >= ", names.size);
    line("}");
    return;
  }
  line("\t", constrained ? "m" : "_", ", err := ", names.view_function, "(bytes)");
  if (!constrained) {
    line("\treturn err == nil");
    line("}");
    return;
  }
  refuse("\t", "err != nil");
  for (const Field& sent : message.fields) {
    if (!is_constrained(schema_, sent)) continue;
    Field field = sent;
    field.is_appended = false;
    std::string tabs = "\t";
    std::string closing;
    const auto open = [&](const std::string& head) {
      line(tabs, head, " {");
      closing.insert(0, tabs + "}\n");
      tabs += '\t';
    };
    if (sent.is_appended) open("if m.fixed > " + text_of(field.offset));
    if (field.is_optional) refuse(tabs, presence(field) + " > 1");
    Field value = field;
    value.is_optional = false;
    if (field.is_optional && is_constrained(schema_, value)) open("if " + presence(field) + " == 1");
    if (field.is_variable()) {
      helpers_.insert(go_reference);
      refuse(tabs, "!ringmailReference(m.bytes, m.fixed, " + text_of(field.offset) + ", " +
                       text_of(field.content_size()) + ", " + text_of(field.content_align()) + ")");
    }
    const Kind kind = field.type.kind;
    const bool is_message = kind == Kind::message && is_constrained(schema_, *schema_.find_message(field.type.name));
    if (kind == Kind::boolean || kind == Kind::enumeration || is_message) {
      if (field.is_list || field.count != 0) open("for i := 0; i < " + count(field) + "; i++");
      if (kind == Kind::boolean) {
        refuse(tabs, byte_of(field) + " > 1");
      } else if (is_message) {
        refuse(tabs, "!" + names_.at(field.type.name).valid_function + "(" + bytes_of(field) + ")");
      } else {
        refuse(tabs, "!" + read(field) + ".Declared()");
      }
    }
    raw(closing);
  }
  line("\treturn true");
  line("}");
}

}  // namespace ringmail::tools

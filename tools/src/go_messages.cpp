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
  const std::string self = "func (m *" + names.value + ") ";
  function(self + "RingmailType() uint32", "return " + names.type);
  function(self + "RingmailSize() int", "return " + names.size);
  function(self + "RingmailPut(room []byte)",
           names.draft + "{" + names.view + "{(*[" + names.size + "]byte)(room)}}.Pack(m)");
  line("");
  line("// MarshalBinary never fails.");
  line(self, "MarshalBinary() ([]byte, error) {");
  line("\tbytes := make([]byte, ", names.size, ")");
  line("\tm.RingmailPut(bytes)");
  line("\treturn bytes, nil");
  line("}");
  line("");
  line("// UnmarshalBinary refuses what has another size.");
  line(self, "UnmarshalBinary(bytes []byte) error {");
  line("\tview, err := ", names.view_function, "(bytes)");
  line("\tif err == nil {");
  line("\t\t*m = view.Unpack()");
  line("\t}");
  line("\treturn err");
  line("}");
}

void GoWriter::write_view(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.view, " reads a ", message.name, " where it lies.");
  line("type ", names.view, " struct {");
  line("\tbytes *[", names.size, "]byte");
  line("}");
  line("");
  line("// ", names.view_function, " refuses what has another size.");
  line("func ", names.view_function, "(bytes []byte) (", names.view, ", error) {");
  line("\tif len(bytes) != ", names.size, " {");
  line("\t\treturn ", names.view, "{}, ringmailSizeError(", names.name, ", ", names.size, ", len(bytes))");
  line("\t}");
  line("\treturn ", names.view, "{(*[", names.size, "]byte)(bytes)}, nil");
  line("}");
  helpers_.insert(go_size_error);
  imports_.insert("fmt");
  const std::string self = "func (m " + names.view + ") ";
  function(self + "RingmailType() uint32", "return " + names.type);
  function(self + "RingmailSize() int", "return " + names.size);
  function(self + "RingmailBytes() []byte", "return m.bytes[:]");
  function(self + "RingmailPut(room []byte)", "copy(room, m.bytes[:])");
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    const std::string head = self + names.fields[i] + "(" + index(field) + ") ";
    if (is_bytes(field)) {
      function(head + "[]byte", "return " + place(field, true));
    } else {
      function(head + view_type(field.type), "return " + read(field));
    }
  }
  line("");
  line("// Unpack copies it into a value of its own.");
  line(self, "Unpack() ", names.value, " {");
  line("\tvar value ", names.value);
  for (std::size_t i = 0; i < message.fields.size(); ++i) unpack(message.fields[i], names.fields[i]);
  line("\treturn value");
  line("}");
}

void GoWriter::write_draft(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.draft, " writes a ", message.name, " where it will lie.");
  line("type ", names.draft, " struct {");
  line("\t", names.view);
  line("}");
  line("");
  line("// ", names.draft_function, " makes it of zeros. Precondition: the room has ", names.size, " bytes.");
  line("func ", names.draft_function, "(room []byte) ", names.draft, " {");
  line("\tbytes := (*[", names.size, "]byte)(room)");
  line("\tclear(bytes[:])");
  line("\treturn ", names.draft, "{", names.view, "{bytes}}");
  line("}");
  const std::string self = "func (m " + names.draft + ") ";
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    if (is_bytes(field)) continue;  // copied to where the view shows them
    if (field.type.kind == Kind::message) {
      const std::string& inner = names_.at(field.type.name).draft;
      const std::string read = "m." + names.view + "." + names.fields[i] + "(" + (field.count == 0 ? "" : "i") + ")";
      function(self + names.fields[i] + "(" + index(field) + ") " + inner, "return " + inner + "{" + read + "}");
    } else {
      function(self + "Set" + names.fields[i] + "(" + (field.count == 0 ? "" : "i int, ") + "value " +
                   element_type(field.type) + ")",
               write_element(field));
    }
  }
  line("");
  line("// Pack writes all of it, padding too.");
  if (message.fields.empty()) {
    line(self, "Pack(*", names.value, ") {}");
    return;
  }
  line(self, "Pack(value *", names.value, ") {");
  std::uint32_t end = 0;
  const auto pad = [&](std::uint32_t to) {
    if (end < to) line("\tclear(m.bytes[", text_of(end), ":", text_of(to), "])");
  };
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    pad(field.offset);
    pack(field, names.fields[i]);
    end = field.offset + field.size;
  }
  pad(message.size);
  line("}");
}

void GoWriter::write_valid(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.valid_function,
       " tells whether these bytes are one: the size, every bool 0 or 1, every enum a declared value.");
  line("func ", names.valid_function, "(bytes []byte) bool {");
  if (!is_constrained(schema_, message)) {
    line("\treturn len(bytes) == ", names.size);
    line("}");
    return;
  }
  line("\tm, err := ", names.view_function, "(bytes)");
  line("\tif err != nil {");
  line("\t\treturn false");
  line("\t}");
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    if (!is_constrained(schema_, field)) continue;
    const std::string tabs = field.count == 0 ? "\t" : "\t\t";
    if (field.count != 0) line("\tfor i := 0; i < ", text_of(field.count), "; i++ {");
    line(tabs, "if ", invalid(field, names.fields[i]), " {");
    line(tabs, "\treturn false");
    line(tabs, "}");
    if (field.count != 0) line("\t}");
  }
  line("\treturn true");
  line("}");
}

}  // namespace ringmail::tools

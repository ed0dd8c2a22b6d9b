// What reads a message where it lies, and what writes it there.
#include "go_prelude.hpp"
#include "go_writer.hpp"

namespace ringmail::tools {
namespace {

// A draft has all fields, so none has to be looked for elsewhere.
Field written(Field field) {
  field.is_appended = false;
  return field;
}

}  // namespace

void GoWriter::write_view(const Message& message, const GoMessageNames& names) {
  const bool plain = is_plain(message);
  line("");
  line("// ", names.view, " reads a ", message.name, " where it lies.");
  line("type ", names.view, " struct {");
  if (plain) {
    line("\tbytes *[", names.size, "]byte");
  } else {
    line("\tbytes []byte");
    line("\tfixed int // bytes before the content of variable length, and all that an older version has");
  }
  line("}");
  write_view_function(message, names);
  const std::string self = "func (m " + names.view + ") ";
  function(self + "RingmailType() uint32", "return " + names.type);
  function(self + "RingmailSize() int", plain ? "return " + names.size : "return len(m.bytes)");
  function(self + "RingmailBytes() []byte", plain ? "return m.bytes[:]" : "return m.bytes");
  function(self + "RingmailPut(room []byte)", plain ? "copy(room, m.bytes[:])" : "copy(room, m.bytes)");
  if (!message.earlier_sizes.empty()) write_unsent(message, names);
  for (std::size_t i = 0; i < message.fields.size(); ++i) write_getters(self, message.fields[i], names.fields[i]);
  line("");
  line("// Unpack copies it into a value of its own.");
  line(self, "Unpack() ", names.value, " {");
  line("\tvar value ", names.value);
  for (std::size_t i = 0; i < message.fields.size(); ++i) unpack(message.fields[i], names.fields[i]);
  line("\treturn value");
  line("}");
}

void GoWriter::write_view_function(const Message& message, const GoMessageNames& names) {
  line("");
  if (is_plain(message)) {
    line("// ", names.view_function, " refuses what is shorter. A newer version may be longer.");
    line("func ", names.view_function, "(bytes []byte) (", names.view, ", error) {");
    line("\tif len(bytes) < ", names.size, " {");
    line("\t\treturn ", names.view, "{}, ringmailSizeError(", names.name, ", ", names.size, ", len(bytes))");
    line("\t}");
    line("\treturn ", view_of(message, "bytes"), ", nil");
    helpers_.insert(go_size_error);
  } else {
    line("// ", names.view_function, " refuses bytes that have the length of no version of it.");
    if (message.is_variable()) {
      line("// Content of variable length is looked at when it is read: what lies outside of the bytes panics then.");
    }
    line("func ", names.view_function, "(bytes []byte) (", names.view, ", error) {");
    std::string sizes;
    for (const std::uint32_t size : message.earlier_sizes) sizes += text_of(size) + ", ";
    line("\tfixed, err := ringmailFixed(", names.name, ", bytes, ",
         message.is_variable() ? text_of(*message.fixed_size_at) : "-1", ", ", sizes, names.size, ")");
    line("\tif err != nil {");
    line("\t\treturn ", names.view, "{}, err");
    line("\t}");
    line("\treturn ", names.view, "{bytes, fixed}, nil");
    helpers_.insert(go_fixed);
    imports_.insert("encoding/binary");
    imports_.insert("slices");
  }
  line("}");
  imports_.insert("fmt");
}

void GoWriter::write_unsent(const Message& message, const GoMessageNames& names) {
  const std::string unsent = "ringmailNew" + names.value;
  line("");
  line("var ", unsent, " [", names.size, "]byte");
  if (has_presets(schema_, message)) {
    function("func init()", names.draft_function + "(" + unsent + "[:]" +
                                (message.is_variable() ? ", " + names.lengths + "{}" : "") + ")");
  }
  line("");
  line("// sent is where an appended field is read: in a new message, where the writer did not know it.");
  line("func (m ", names.view, ") sent(at int) []byte {");
  line("\tif at < m.fixed {");
  line("\t\treturn m.bytes");
  line("\t}");
  line("\treturn ", unsent, "[:]");
  line("}");
}

void GoWriter::write_getters(const std::string& self, const Field& field, const std::string& name) {
  const auto getter = [&](const std::string& suffix, const std::string& type, const std::string& value) {
    if (!field.is_optional) return function(self + name + suffix + "() " + type, "return " + value);
    line("");
    line(self, name, suffix, "() (value ", type, ", ok bool) {");
    line("\tif ", presence(field), " == 0 {");
    line("\t\treturn value, false");
    line("\t}");
    line("\treturn ", value, ", true");
    line("}");
  };
  switch (shape_of(field)) {
    case Shape::value: getter("", view_type(field), read(field)); break;
    case Shape::bytes: getter("", "[]byte", content(field)); break;
    case Shape::element: function(self + name + "(i int) " + view_type(field), "return " + read(field)); break;
    case Shape::numbers:
      needs_numbers();
      getter("", view_type(field), "ringmailNumbers[" + element_type(field.type) + "](" + content(field) + ")");
      break;
  }
  if (is_text(field)) getter("Bytes", "[]byte", content(field));
  if (field.is_list && shape_of(field) == Shape::element) getter("Len", "int", count(field, " / "));
}

void GoWriter::write_draft(const Message& message, const GoMessageNames& names) {
  line("");
  line("// ", names.draft, " writes a ", message.name, " where it will lie.");
  line("type ", names.draft, " struct {");
  line("\t", names.view);
  line("}");
  write_draft_function(message, names);
  const std::string self = "func (m " + names.draft + ") ";
  for (std::size_t i = 0; i < message.fields.size(); ++i)
    write_setters(self, written(message.fields[i]), names.view, names.fields[i]);
  if (has_preset_fields(message)) write_preset(message, names);
  write_pack(message, names);
}

void GoWriter::write_draft_function(const Message& message, const GoMessageNames& names) {
  const bool has_preset = has_preset_fields(message);
  const std::string content = has_presets(schema_, message) ? "of zeros and defaults" : "of zeros";
  line("");
  if (message.is_variable()) {
    line("// ", names.draft_function, " makes it ", content, ", with room for that much content of variable length.");
    line("// Precondition: the room has lengths.RingmailSize() bytes.");
    line("func ", names.draft_function, "(room []byte, lengths ", names.lengths, ") ", names.draft, " {");
    line("\tdraft := lengths.lay(room)");
    line("\tclear(draft.bytes[", names.size, ":])");
    if (has_preset) line("\tdraft.preset()");
    line("\treturn draft");
    line("}");
    return;
  }
  line("// ", names.draft_function, " makes it ", content, ". Precondition: the room has ", names.size, " bytes.");
  line("func ", names.draft_function, "(room []byte) ", names.draft, " {");
  if (is_plain(message) && !has_preset) {
    line("\tbytes := (*[", names.size, "]byte)(room)");
    line("\tclear(bytes[:])");
    line("\treturn ", names.draft, "{", names.view, "{bytes}}");
  } else {
    line("\tclear(room[:", names.size, "])");
    line("\tdraft := ", names.draft, "{", view_of(message, "room"), "}");
    if (has_preset) line("\tdraft.preset()");
    line("\treturn draft");
  }
  line("}");
}

void GoWriter::write_setters(const std::string& self,
                             const Field& field,
                             const std::string& view,
                             const std::string& name) {
  const std::string arguments = index(field).empty() ? "" : "i int, ";
  const std::string there = field.is_optional ? "\n\t" + presence(field) + " = 1" : "";
  switch (shape_of(field)) {
    case Shape::bytes: break;  // copied to where the view shows them
    case Shape::numbers:
      needs_numbers();
      line("");
      line("// Set", name, " copies the values to the elements from that one on.");
      line(self, "Set", name, "(from int, values ...", element_type(field.type), ") {");
      line("\tringmailPutNumbers(", content(field), ", from, values)");
      line("}");
      break;
    case Shape::value:
    case Shape::element:
      if (is_text(field)) break;
      if (field.type.kind != Kind::message) {
        const bool is_one = field.is_optional && !field.is_list;
        function(self + "Set" + name + "(" + arguments + "value " + element_type(field.type) + ")",
                 write_element(field) + (is_one ? there : ""));
        break;
      }
      const std::string inner = names_.at(field.type.name).draft;
      const std::string read = "m." + view + "." + name + "(" + (arguments.empty() ? "" : "i") + ")";
      if (!field.is_optional || field.is_list) {
        function(self + name + "(" + index(field) + ") " + inner, "return " + inner + "{" + read + "}");
        break;
      }
      line("");
      line(self, name, "() (", inner, ", bool) {");
      line("\tvalue, ok := ", read);
      line("\treturn ", inner, "{value}, ok");
      line("}");
      line("");
      line("// Set", name, " puts a new one there, which can then be written.");
      line(self, "Set", name, "() ", inner, " {");
      line("\t", presence(field), " = 1");
      line("\treturn ", names_.at(field.type.name).draft_function, "(", bytes_of(field), ")");
      line("}");
      break;
  }
  if (!field.is_optional) return;
  line("");
  if (field.is_variable()) {
    line("// Set", name, "Present says that there is one. It needs not be said of what is not empty.");
    line(self, "Set", name, "Present() {");
    line("\t", presence(field), " = 1");
  } else {
    line("// Clear", name, " says that there is none.");
    line(self, "Clear", name, "() {");
    line("\tclear(m.bytes[", text_of(field.offset), ":", text_of(field.offset + field.size), "])");
  }
  line("}");
}

void GoWriter::write_preset(const Message& message, const GoMessageNames& names) {
  line("");
  line("func (m ", names.draft, ") preset() {");
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field field = written(message.fields[i]);
    if (!is_preset(field)) continue;
    if (field.preset) {
      line("\tm.Set", names.fields[i], "(", preset(field), ")");
    } else if (shape_of(field) == Shape::value) {
      line("\tm.", names.fields[i], "().preset()");
    } else {
      line("\tfor i := 0; i < ", count(field), "; i++ {");
      line("\t\tm.", names.fields[i], "(i).preset()");
      line("\t}");
    }
  }
  line("}");
}

void GoWriter::write_pack(const Message& message, const GoMessageNames& names) {
  const std::string self = "func (m " + names.draft + ") ";
  line("");
  if (message.is_variable()) {
    line("// pack writes all of it into what was laid out for it.");
    line(self, "pack(value *", names.value, ") {");
  } else {
    line("// Pack writes all of it, padding too.");
    if (message.fields.empty()) {
      line(self, "Pack(*", names.value, ") {}");
      return;
    }
    line(self, "Pack(value *", names.value, ") {");
  }
  std::uint32_t end = 0;
  const auto pad = [&](std::uint32_t to) {
    if (end < to && !message.is_variable()) line("\tclear(m.bytes[", text_of(end), ":", text_of(to), "])");
  };
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const Field& field = message.fields[i];
    pad(field.offset);
    pack(written(field), names.fields[i]);
    end = field.offset + field.size;
  }
  pad(message.size);
  line("}");
}

}  // namespace ringmail::tools

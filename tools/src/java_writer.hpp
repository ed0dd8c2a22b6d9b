#pragma once

// How a Java file is written. generate_java makes one, and each of the java_*.cpp files has a part of it.

#include <set>
#include <string>
#include <string_view>

#include "emit.hpp"
#include "java_names.hpp"
#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

using schema::Enum;
using schema::Field;
using schema::Kind;
using schema::Message;
using schema::Protocol;
using schema::Schema;

class JavaWriter : Lines {
 public:
  JavaWriter(const Schema& schema, std::string_view file_name)
      : schema_(schema), file_name_(file_name), outer_(java_outer_class(file_name, schema)) {}
  std::string write();

 private:
  // ---- the file
  void head();
  // As text blocks, each short enough for a constant.
  [[nodiscard]] std::string schema_literals() const;
  void write(const Enum& declaration);

  // ---- messages
  void write(const Message& message);
  // Of one size, which all versions of it have.
  static bool is_plain(const Message& message) { return !message.is_variable() && message.earlier_sizes.empty(); }
  [[nodiscard]] bool has_preset_fields(const Message& message) const;
  void constants(const std::string& name, const Message& message);
  void construction(const std::string& name, const Message& message);
  void wrapping(const std::string& name, const Message& message);
  void copying(const std::string& name, const Message& message);
  void unsent(const Message& message);
  void lengths(const std::string& name, const Message& message);
  void presets(const Message& message);
  void validity(const Message& message);
  [[nodiscard]] std::string element_check(const Field& field,
                                          const std::string& place,
                                          const std::string& element) const;
  void text(const std::string& name, const Message& message);
  [[nodiscard]] std::string element_text(const Field& field,
                                         const std::string& place,
                                         const std::string& element) const;

  // ---- fields
  struct Named {
    std::string_view message;  // the class
    std::string name;          // of the methods
    const Message& declaration;
    const Field& field;
  };
  static bool has_elements(const Field& field) { return field.is_list || field.count != 0; }
  [[nodiscard]] bool is_preset(const Field& field) const;
  [[nodiscard]] std::string preset(const Field& field) const;
  // Two fields may differ in nothing but the case of their letters.
  static std::string count_name(const Message& message, const Field& field);
  // "hasLimit": the name of another method of a field, with an underscore if a field has it.
  static std::string method(const Message& message,
                            std::string_view prefix,
                            const Field& field,
                            std::string_view suffix);
  // Where a field lies, and its presence.
  static std::string place_of(const Field& field) { return place_of(field.offset); }
  static std::string place_of(std::uint32_t offset);
  // Where the element of that index lies.
  [[nodiscard]] std::string element_of(const Message& message, const Field& field, std::string_view index) const;
  // What it is read from, and written to.
  static std::string source(const Field& field);
  static std::string target(const Field& field);
  static std::size_t index_in_layout(const Message& message, const Field& field);

  void write_field(const Named& named);
  void get(const Named& named,
           std::string_view type,
           const std::string& arguments,
           const std::string& value,
           std::string_view comment = "");
  void set(const Named& named, std::string_view type, const std::string& arguments, const std::string& statement);
  // Of the field, or of one of its elements: `index` is then "int index, ".
  void accessors(const Named& named, const std::string& index, const std::string& place);
  void part(const Named& named, const std::string& index, const std::string& place);
  void presence(const Named& named);
  void variable(const Named& named);

  // ---- protocols
  // Inside of a protocol's class its own names come first, so the messages are named with the class around them.
  [[nodiscard]] std::string outer_name(std::string_view message) const;
  void write(const Protocol& protocol);
  void dispatching(const Protocol& protocol);
  void handle(const Protocol& protocol);

  const Schema& schema_;
  std::string_view file_name_;
  std::string outer_;
  std::set<std::string_view> imports_ = {"java.nio.ByteBuffer",
                                         "java.nio.ByteOrder",
                                         "java.nio.charset.StandardCharsets",
                                         "java.util.Objects",
                                         "java.util.concurrent.CompletableFuture",
                                         "java.util.function.IntFunction"};
  bool has_sizes_ = false;  // some message has an optional field, content of variable length, or several versions
};

}  // namespace ringmail::tools

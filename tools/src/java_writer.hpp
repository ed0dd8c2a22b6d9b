#pragma once

// How a Java file is written. generate_java makes one, and each of the java_*.cpp files has a part of it.

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
  static std::string place_of(const Field& field);
  // Two fields may differ in nothing but the case of their letters.
  static std::string count_name(const Message& message, const Field& field);
  void construction(const std::string& name, const Message& message);
  // Of the field `name`, or of one of its elements: `index` is then "int index, ".
  void accessors(const std::string& message,
                 const Field& field,
                 const std::string& name,
                 const std::string& index,
                 const std::string& place,
                 const std::string& part);
  void write_array(const std::string& message_name,
                   const Message& message,
                   const Field& field,
                   const std::string& name);
  [[nodiscard]] std::string element_check(const Field& field,
                                          const std::string& place,
                                          const std::string& element) const;
  void validity(const Message& message);
  [[nodiscard]] std::string element_text(const Field& field,
                                         const std::string& place,
                                         const std::string& element) const;
  void text(const std::string& name, const Message& message);

  // ---- protocols
  // Inside of a protocol's class its own names come first, so the messages are named with the class around them.
  [[nodiscard]] std::string outer_name(std::string_view message) const;
  void write(const Protocol& protocol);
  void dispatching(const Protocol& protocol);
  void handle(const Protocol& protocol);

  const Schema& schema_;
  std::string_view file_name_;
  std::string outer_;
};

}  // namespace ringmail::tools

#pragma once

// How a Go file is written. generate_go makes one, and each of the go_*.cpp files has a part of it.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emit.hpp"
#include "go_names.hpp"
#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

using schema::Enum;
using schema::Field;
using schema::Kind;
using schema::Message;
using schema::Protocol;
using schema::Schema;

// The Go names of what one message gives.
struct GoMessageNames {
  std::string value, view, draft, type, size, name, view_function, draft_function, valid_function;
  std::string lengths;       // of a message of variable length
  std::string new_function;  // of one that is not all zeros when it is new
  std::vector<std::string> fields;
};

class GoWriter : Lines {
 public:
  GoWriter(const Schema& schema, std::string_view file_name) : schema_(schema), file_name_(file_name) {}
  std::string write();

 private:
  // ---- names
  void name_all();
  GoMessageNames names_of(const Message& message);

  // ---- the file
  void head();
  // Columns as gofmt aligns them.
  void table(const std::vector<std::pair<std::string, std::string>>& rows);
  void write(const Enum& declaration);

  // ---- messages
  void write(const Message& message);
  void write_value(const Message& message, const GoMessageNames& names);
  void write_new(const Message& message, const GoMessageNames& names);
  void write_lengths(const Message& message, const GoMessageNames& names);
  void write_length_of(const Message& message, const GoMessageNames& names);
  void write_valid(const Message& message, const GoMessageNames& names);
  void refuse(const std::string& tabs, const std::string& condition);

  // ---- views and drafts
  void write_view(const Message& message, const GoMessageNames& names);
  void write_view_function(const Message& message, const GoMessageNames& names);
  void write_unsent(const Message& message, const GoMessageNames& names);
  void write_getters(const std::string& self, const Field& field, const std::string& name);
  void write_draft(const Message& message, const GoMessageNames& names);
  void write_draft_function(const Message& message, const GoMessageNames& names);
  void write_setters(const std::string& self, const Field& field, const std::string& view, const std::string& name);
  void write_pack(const Message& message, const GoMessageNames& names);
  void write_preset(const Message& message, const GoMessageNames& names);

  // ---- fields
  // How the accessor of a field shows it: one value; one of several by its index; or all as a slice, which for numbers
  // is of their type, and for `bytes` and those of one byte the very bytes.
  enum class Shape { value, element, bytes, numbers };
  static Shape shape_of(const Field& field);
  static bool is_text(const Field& field) {
    return field.is_variable() && !field.is_list && field.type.kind == Kind::text;
  }
  // A message of its exact size, whose view is no more than an address.
  static bool is_plain(const Message& message) { return !message.is_variable() && message.earlier_sizes.empty(); }
  [[nodiscard]] bool is_preset(const Field& field) const;
  [[nodiscard]] bool has_preset_fields(const Message& message) const;
  static std::string index(const Field& field);
  static std::size_t element_size(const Field& field);
  // The view of a message that fills these bytes.
  [[nodiscard]] std::string view_of(const Message& message, const std::string& bytes) const;
  // The type of one element: in a value, and where it is read.
  [[nodiscard]] static std::string element_type(const schema::Type& type);
  [[nodiscard]] std::string view_type(const Field& field) const;
  [[nodiscard]] static std::string value_type(const Field& field);
  [[nodiscard]] std::string preset(const Field& field);
  // The bytes in which a field is looked up.
  static std::string source(const Field& field);
  static std::string place(const Field& field, bool is_limited = false);
  // All of a field with elements, and how many there are.
  std::string content(const Field& field);
  std::string count(const Field& field, std::string_view divided_by = "/");
  // The bytes of the field, or of its element i.
  std::string bytes_of(const Field& field, bool is_limited = false);
  // Of one whose elements are single bytes.
  std::string byte_of(const Field& field);
  static std::string presence(const Field& field);
  [[nodiscard]] Kind stored_as(const schema::Type& type) const;
  static unsigned bits_of(Kind kind);
  std::string read(const Field& field);
  std::string write_element(const Field& field);
  void unpack(const Field& field, const std::string& name);
  void pack(const Field& field, const std::string& name);
  void needs_text();
  void needs_numbers();
  void function(const std::string& head, const std::string& body);

  // ---- protocols
  void write(const Protocol& protocol);
  void write_interfaces();
  static std::string named(std::string_view text, std::string_view name);
  // How many bytes a message has, which for one of variable length the expression `of` says.
  [[nodiscard]] std::string size_of(const std::string& message, const std::string& of) const;
  void write_handler(const Protocol& protocol, const std::string& handler, const std::string& function);
  void write_case(const schema::Accepted& accepted);
  void write_mailbox(const Protocol& protocol, const std::string& mailbox);
  void write_ask(const schema::Accepted& accepted, const std::string& self);

  const Schema& schema_;
  std::string_view file_name_;
  GoNames package_;
  std::map<std::string, GoMessageNames, std::less<>> names_;
  std::map<std::pair<std::string, std::string>, std::string> constants_;  // by the enum, and its value
  std::string schema_name_, message_name_, mailbox_name_;
  std::set<std::string_view> imports_;
  std::set<std::string_view> helpers_;
  bool has_interfaces_ = false;
};

inline std::string text_of(std::size_t number) { return std::to_string(number); }

}  // namespace ringmail::tools

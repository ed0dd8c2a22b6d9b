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
  void write_view(const Message& message, const GoMessageNames& names);
  void write_draft(const Message& message, const GoMessageNames& names);
  void write_valid(const Message& message, const GoMessageNames& names);

  // ---- fields
  static bool is_bytes(const Field& field);
  static std::string index(const Field& field);
  static std::size_t element_size(const Field& field);
  std::string invalid(const Field& field, const std::string& name);
  // The type of one element: in a value, and where it is read.
  [[nodiscard]] static std::string element_type(const schema::Type& type);
  [[nodiscard]] std::string view_type(const schema::Type& type) const;
  [[nodiscard]] static std::string value_type(const Field& field);
  static std::string place(const Field& field, bool is_limited = false);
  // The bytes of the field, or of its element i.
  std::string bytes_of(const Field& field);
  // Of one whose elements are single bytes.
  std::string byte_of(const Field& field);
  [[nodiscard]] Kind stored_as(const schema::Type& type) const;
  static unsigned bits_of(Kind kind);
  std::string read(const Field& field);
  std::string write_element(const Field& field);
  void unpack(const Field& field, const std::string& name);
  void pack(const Field& field, const std::string& name);
  void needs_text();
  void function(const std::string& head, const std::string& body);

  // ---- protocols
  void write(const Protocol& protocol);
  void write_interfaces();
  static std::string named(std::string_view text, std::string_view name);
  void write_handler(const Protocol& protocol, const std::string& handler, const std::string& function);
  void write_case(const schema::Accepted& accepted);
  void write_mailbox(const Protocol& protocol, const std::string& mailbox);
  void write_ask(const schema::Accepted& accepted, const std::string& self);

  const Schema& schema_;
  std::string_view file_name_;
  GoNames package_;
  std::map<std::string, GoMessageNames, std::less<>> names_;
  std::string schema_name_, message_name_, mailbox_name_;
  std::set<std::string_view> imports_;
  std::set<std::string_view> helpers_;
  bool has_interfaces_ = false;
};

inline std::string text_of(std::size_t number) { return std::to_string(number); }

}  // namespace ringmail::tools

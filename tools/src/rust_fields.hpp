#pragma once

#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// Fields in Rust code. `module` stands before the names of the schema's own types: "" or "super::".

// "8..16"
[[nodiscard]] std::string rust_range(const schema::Field& field);

// Where the functions of a type are: "u64", "<[Leg; 2]>", "super::Side"; of content, a type argument: "::std::vec::Vec<Leg>".
[[nodiscard]] std::string rust_path(const schema::Field& field, std::string_view module = "");

// The type of a field in a view, and its value. `bytes` are those of the view.
[[nodiscard]] std::string rust_view_type(const schema::Field& field);
[[nodiscard]] std::string rust_view(const schema::Schema& schema, const schema::Field& field, std::string_view bytes);

// The type of a field in an edit, and how it is got. `bytes` are those of the edit.
[[nodiscard]] std::string rust_edit_type(const schema::Field& field);
[[nodiscard]] std::string rust_edit(const schema::Field& field, std::string_view bytes);

// What the field holds in a new message.
[[nodiscard]] std::string rust_default(const schema::Schema& schema, const schema::Field& field);

}  // namespace ringmail::tools

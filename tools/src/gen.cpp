#include "gen.hpp"

#include <algorithm>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "c_generator.hpp"
#include "cpp_generator.hpp"
#include "files.hpp"
#include "go_generator.hpp"
#include "java_generator.hpp"
#include "python_generator.hpp"
#include "ringmail/actors/schema.hpp"
#include "rust_generator.hpp"
#include "ts_generator.hpp"

namespace ringmail::tools {
namespace {

struct Options {
  std::string language;
  std::filesystem::path input;
  std::filesystem::path output;   // empty: standard output
  std::filesystem::path depfile;  // empty: none
};

struct Language {
  std::string_view name;
  std::string_view what;
  /// `file_name` without its folder: the same file gives the same code wherever it is built.
  std::string (*generate)(const schema::Schema& schema, std::string_view file_name);
};

constexpr Language languages[] = {
    {"c", "a C header", generate_c},
    {"cpp", "a C++ header", generate_cpp},
    {"go", "a Go file", generate_go},
    {"java", "a Java class", generate_java},
    {"python", "a Python module", generate_python},
    {"rust", "a Rust module", generate_rust},
    {"schema", "the canonical text", [](const schema::Schema& schema, std::string_view) { return to_text(schema); }},
    {"ts", "a TypeScript module", generate_ts},
};

const Language* find_language(std::string_view name) {
  const auto found = std::ranges::find(languages, name, &Language::name);
  return found != std::end(languages) ? found : nullptr;
}

/// "cpp: a C++ header; schema: the canonical text"
std::string list_languages() {
  std::string list;
  for (const Language& language : languages) {
    if (!list.empty()) list += "; ";
    list.append(language.name).append(": ").append(language.what);
  }
  return list;
}

std::string escaped_for_make(const std::filesystem::path& path) {
  std::string result;
  for (const char c : path.string()) {
    if (c == ' ' || c == '#') result += '\\';
    if (c == '$') result += '$';
    result += c;
  }
  return result;
}

std::expected<std::string, std::string> generate(const Language& language, const Options& options) {
  const auto source = read_file(options.input, schema::max_source_bytes);
  if (!source) return std::unexpected(source.error());
  const auto parsed = schema::parse_mail(*source, options.input.string());
  if (!parsed) return std::unexpected(parsed.error().to_string());
  return language.generate(*parsed, options.input.filename().string());
}

std::expected<void, std::string> run(const Options& options) {
  const Language* const language = find_language(options.language);
  if (language == nullptr) {
    return std::unexpected("ringmail: error: --lang " + options.language +
                           " is not supported: `ringmail gen --help` lists what is");
  }
  if (!options.depfile.empty() && options.output.empty()) {
    return std::unexpected("ringmail: error: --depfile needs --output, whose dependencies it lists");
  }
  const auto content = generate(*language, options);
  if (!content) return std::unexpected(content.error());
  if (options.output.empty()) {
    const bool is_written = std::fwrite(content->data(), 1, content->size(), stdout) == content->size();
    if (!is_written || std::fflush(stdout) != 0)
      return std::unexpected("ringmail: error: cannot write to standard output");
    return {};
  }
  if (auto written = write_file(options.output, *content); !written) return written;
  if (options.depfile.empty()) return {};
  return write_file(options.depfile, escaped_for_make(options.output) + ": " + escaped_for_make(options.input) + "\n");
}

}  // namespace

void add_gen_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("gen", "Write source code for the messages of a .mail file");
  command->add_option("--lang", options->language, list_languages())->required();
  command->add_option("-o,--output", options->output, "The file to write, if its content changes (default: stdout)");
  command->add_option("--depfile", options->depfile, "Also write what the output depends on, for make and ninja");
  command->add_option("file", options->input, "The .mail file")->required();
  command->callback([options, &exit_code] {
    const auto done = run(*options);
    if (!done) std::fprintf(stderr, "%s\n", done.error().c_str());
    exit_code = done ? 0 : 1;
  });
}

}  // namespace ringmail::tools

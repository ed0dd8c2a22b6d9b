// The conformance peers of all languages, as bindings/CMakeLists.txt lists them.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace ringmail::test {

struct Language {
  std::string name;
  std::vector<std::string> command;
  bool by_pipes = false;

  friend void PrintTo(const Language& language, std::ostream* out) { *out << language.name; }
};

inline std::vector<Language> read_languages(const char* path) {
  std::vector<Language> languages;
  std::ifstream file(path);
  for (const auto& entry : nlohmann::json::parse(file)) {
    languages.push_back({.name = entry["language"], .command = entry["command"], .by_pipes = entry["pipes"]});
  }
  return languages;
}

inline const std::vector<Language>& languages() {
  static const std::vector<Language> all = read_languages(RINGMAIL_CONFORMANCE_PEERS);
  return all;
}

/// Those whose conformance peers listen where they are told a path.
inline std::vector<Language> languages_that_listen() {
  std::vector<Language> some;
  for (const Language& language : languages()) {
    if (language.name != "c" && language.name != "cpp" && language.name != "java") some.push_back(language);
  }
  return some;
}

}  // namespace ringmail::test

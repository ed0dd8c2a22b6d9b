// The conformance peers of all languages, as bindings/CMakeLists.txt lists them.
#pragma once

#include <unistd.h>

#include <cstdlib>
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

/// As somebody else than a system starts it: it echoes, and `variable` names the path at which it attaches or listens.
inline pid_t start_by_hand(const Language& language, const char* variable, const std::string& path) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setenv(variable, path.c_str(), 1);
  std::vector<std::string> words = language.command;
  words.emplace_back("echo");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace ringmail::test

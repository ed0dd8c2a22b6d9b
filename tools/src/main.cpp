// The ringmail command. Every sub-command exits with 0 if it did its work, else with 1 and one line on stderr.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "gen.hpp"

int main(int argc, char** argv) {
  int exit_code = 0;
  try {
    CLI::App app("Tools for Ringmail", "ringmail");
    app.require_subcommand(1);
    ringmail::tools::add_gen_command(app, exit_code);
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help
      return app.exit(success);
    } catch (const CLI::ParseError& error) {
      std::fprintf(stderr, "ringmail: error: %s\n", error.what());
      return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ringmail: error: %s\n", error.what());
    return 1;
  }
  return exit_code;
}

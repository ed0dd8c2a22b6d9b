// The ringmail command. Every sub-command exits with 0 if it did its work, with 2 if it was not understood, else with 1; and
// with one line on stderr, unless the work itself was to find out.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "doctor/doctor.hpp"
#include "gen.hpp"

namespace {

constexpr int exit_not_understood = 2;

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  try {
    CLI::App app("Tools for Ringmail", "ringmail");
    app.require_subcommand(1);
    ringmail::tools::add_gen_command(app, exit_code);
    ringmail::tools::add_doctor_command(app, exit_code);
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help
      return app.exit(success);
    } catch (const CLI::ParseError& error) {
      std::fprintf(stderr, "ringmail: error: %s\n", error.what());
      return exit_not_understood;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ringmail: error: %s\n", error.what());
    return 1;
  }
  return exit_code;
}

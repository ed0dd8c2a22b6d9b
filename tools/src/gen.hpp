#pragma once

#include <CLI/CLI.hpp>

namespace ringmail::tools {

// `ringmail gen`: source code, or the canonical text, from a .mail file. `exit_code` is set when the command ran.
void add_gen_command(CLI::App& app, int& exit_code);

}  // namespace ringmail::tools

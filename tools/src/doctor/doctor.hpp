#pragma once

#include <CLI/CLI.hpp>

namespace ringmail::tools {

// `ringmail doctor`: measures this machine and explains it. `exit_code` is set when the command ran: 1 if Ringmail cannot
// work here. Only where there is a /proc and a /sys; elsewhere there is no such command.
void add_doctor_command(CLI::App& app, int& exit_code);

}  // namespace ringmail::tools

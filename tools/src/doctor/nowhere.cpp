// Where there is no /proc and no /sys there is nothing to examine.
#include "doctor/doctor.hpp"

namespace ringmail::tools {

void add_doctor_command(CLI::App&, int&) {}

}  // namespace ringmail::tools

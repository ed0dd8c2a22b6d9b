// Where the core dump of a dead process is. One file a platform.
#pragma once

#include <string>
#include <string_view>

namespace ringmail::runtime {

struct DumpedProcess {
  int pid = 0;
  int signal = 0;
  std::string working_directory{};  ///< it was started in; empty: this process's
};

/// A path, or one line that says how one comes to it; empty: nothing is known of it. It is the newest file that fits.
std::string find_core(const DumpedProcess& process);

/// The same by a given pattern in the words of core(5), and whether the kernel adds ".<pid>" to what lacks it.
std::string find_core(const DumpedProcess& process, std::string_view pattern, bool adds_pid);

}  // namespace ringmail::runtime

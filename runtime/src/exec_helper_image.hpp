// The exec helper as this library holds it.
#pragma once

namespace ringmail::runtime {

/// False: errno says why.
bool write_exec_helper(int descriptor);

}  // namespace ringmail::runtime

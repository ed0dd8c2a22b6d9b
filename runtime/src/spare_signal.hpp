#pragma once

namespace ringmail::runtime {

/// A signal that means nothing to the system and that nobody in this process handles. 0: there is none.
int spare_signal();

}  // namespace ringmail::runtime

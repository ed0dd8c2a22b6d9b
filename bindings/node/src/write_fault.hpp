// JavaScript has no ArrayBuffer that cannot be written, and mail from the host lies in memory that cannot be: who writes into a
// typed array of a received message ends the process. These make it say so in a line before it ends by SIGSEGV.
//
// Threads: any.
#pragma once

#include <cstddef>

namespace ringmail::node {

void explain_writes_to(const void* memory, std::size_t bytes);
void forget_writes_to(const void* memory);

}  // namespace ringmail::node

// Names of types, as people write them.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <string>

namespace ringmail::runtime {

inline std::string demangled(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string result = status == 0 ? text : mangled;
  std::free(text);
  return result;
}

}  // namespace ringmail::runtime

// Strings as exec wants them.
#pragma once

#include <string>
#include <vector>

namespace ringmail::runtime {

/// What it points to must outlive it.
inline std::vector<char*> exec_list(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace ringmail::runtime

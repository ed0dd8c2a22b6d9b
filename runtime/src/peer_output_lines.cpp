#include "peer_output_lines.hpp"

#include <utility>

namespace ringmail::runtime {

void OutputLines::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const bool whole = end != std::string_view::npos;
    std::string_view part = bytes.substr(0, end);
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
    if (partial_.empty() && whole) {
      hand_out_line(part);  // the usual case, without a copy
      continue;
    }
    while (partial_.size() + part.size() > longest_line_bytes) {
      const std::size_t taken = longest_line_bytes - partial_.size();
      partial_.append(part.substr(0, taken));
      part.remove_prefix(taken);
      in_pieces_ = true;
      sink_(std::exchange(partial_, {}));
    }
    partial_.append(part);
    if (whole) hand_out_line(std::exchange(partial_, {}));
  }
}

void OutputLines::finish() {
  if (!partial_.empty()) hand_out_line(std::exchange(partial_, {}));
  in_pieces_ = false;
}

void OutputLines::hand_out_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  for (; text.size() > longest_line_bytes; text.remove_prefix(longest_line_bytes)) {
    in_pieces_ = true;
    sink_(text.substr(0, longest_line_bytes));
  }
  // What is left of a line that came out even is no empty line.
  if (!(std::exchange(in_pieces_, false) && text.empty())) sink_(text);
}

}  // namespace ringmail::runtime

#include "ringmail/runtime/post_mortem.hpp"

#include <spdlog/fmt/fmt.h>

#include "peer_text.hpp"

namespace ringmail::runtime {

const PostMortem* post_mortem_of(const ExitReason& reason) {
  for (const ExitReason* one = &reason; one != nullptr; one = one->cause.get()) {
    if (one->post_mortem != nullptr) return one->post_mortem.get();
  }
  return nullptr;
}

std::string to_string(const MessageInHand& message) {
  std::string text = message.text.empty() ? fmt::format("a message of type {:#010x}", message.type) : message.text;
  text += fmt::format(", {} bytes", message.length);
  if (message.sender) text += fmt::format(", from actor {:#x}", message.sender.value());
  if (message.target) text += fmt::format(", for actor {:#x}", message.target.value());
  if (message.asked) text += ", which waits for the answer";
  if (message.attempts > 1) text += fmt::format("; {} incarnations in a row have died with it", message.attempts);
  if (message.given_up) text += "; it goes to the dead letters";
  return text;
}

std::string to_string(const PostMortem& found) {
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  std::string text = fmt::format("post-mortem of peer '{}', incarnation {}, process {}: {}", found.peer,
                                 found.incarnation, found.pid, to_string(found.reason));
  text += fmt::format("\n  it lived for {}; death {} of this peer", text_of(found.age), found.deaths);
  if (found.usage) {
    text += fmt::format(
        "\n  it used {:.3f} s of CPU in user mode and {:.3f} s in the kernel, {:.1f} MiB of memory at most; {} major "
        "page "
        "faults, {} times interrupted",
        seconds(found.usage->user), seconds(found.usage->system),
        static_cast<double>(found.usage->max_resident_bytes) / (1 << 20), found.usage->major_faults,
        found.usage->involuntary_switches);
  }
  for (const MessageInHand& message : found.in_hand) text += "\n  in hand: " + to_string(message);
  if (found.in_hand.empty()) text += "\n  in hand: nothing";
  text += fmt::format("\n  not finished: {} messages", found.waiting);
  if (found.dumped_core) {
    text += "\n  core dump: " + (found.core.empty() ? std::string("written, and not found") : found.core);
  }
  if (!found.last_lines.empty()) text += "\n  its last words:";
  for (const std::string& line : found.last_lines) text += "\n    " + line;
  return text;
}

}  // namespace ringmail::runtime

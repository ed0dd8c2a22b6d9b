#include "kept_note.hpp"

#include <sstream>

namespace ringmail::runtime {
namespace {

constexpr int version = 1;

}  // namespace

std::string KeptNote::encode() const {
  std::ostringstream out;
  out << version << ' ' << incarnation << ' ' << layout.lanes << ' ' << layout.mail_to_peer_bytes << ' '
      << layout.mail_to_host_bytes << ' ' << layout.control_bytes << ' ' << pid << ' ' << has_output << '\n'
      << token << '\n';
  for (const auto& [id, name] : names) out << id << ' ' << name << '\n';
  return out.str();
}

std::optional<KeptNote> KeptNote::decode(std::string_view text) {
  std::istringstream in{std::string(text)};
  KeptNote note;
  int wrote = 0;
  in >> wrote >> note.incarnation >> note.layout.lanes >> note.layout.mail_to_peer_bytes >>
      note.layout.mail_to_host_bytes >> note.layout.control_bytes >> note.pid >> note.has_output;
  if (!in || wrote != version || in.get() != '\n' || !std::getline(in, note.token)) return std::nullopt;
  std::uint64_t id = 0;
  while (in >> id) {
    std::string name;
    // One space stands before it; a name may begin with another.
    if (in.get() != ' ' || !std::getline(in, name)) return std::nullopt;
    note.names.emplace_back(id, std::move(name));
  }
  return note;
}

}  // namespace ringmail::runtime

#include "peers.hpp"

#include <utility>

using namespace std::chrono_literals;

namespace {

/// "statistics" is the first one's name.
std::string name_of(const std::string& language) {
  return language == "python" ? "statistics" : "statistics." + language;
}

std::vector<std::string> command_of(const std::string& language, const Programs& programs) {
  if (language == "c") return {FLIGHTS_C_PEER};
  if (language == "node") return {programs.node, FLIGHTS_NODE_PEER};
  return {programs.python, FLIGHTS_PEER};
}

}  // namespace

std::vector<std::string> peer_languages() {
  std::vector<std::string> languages = {"python", "c"};
  if (*FLIGHTS_NODE != '\0') languages.emplace_back("node");
  return languages;
}

std::expected<Peers, std::string> Peers::start(ringmail::System& system,
                                               const std::vector<std::string>& languages,
                                               const Programs& programs,
                                               const std::filesystem::path& folder,
                                               std::uint64_t flights,
                                               bool often) {
  using ringmail::RestartPolicy;
  const auto fails = [](const std::string& name, const std::string& why) {
    return std::unexpected("peer '" + name + "': " + why);
  };
  Peers peers(system);
  for (const std::string& language : languages) {
    const std::string name = name_of(language);
    std::vector<std::string> command = command_of(language, programs);
    command.push_back((folder / name).string());
    command.push_back(std::to_string(flights));
    // The ring holds 4,096 flights: so far, and no farther, can the reader run ahead of a peer.
    ringmail::PeerOptions options{.name = name,
                                  .command = std::move(command),
                                  .restart = {.when = RestartPolicy::When::transient, .max_restarts = 3},
                                  .mail_bytes = 256 * 1024};
    if (often) {
      // Its deaths are nobody's fault: neither its own, nor that of the flight that it has in hand.
      options.restart = {.when = RestartPolicy::When::transient,
                         .max_restarts = UINT32_MAX,
                         .first_delay = 1ms,
                         .longest_delay = 10ms};
      options.max_attempts = 0;
    }
    const auto peer = system.spawn_peer<flights::Statistics>(options);
    if (!peer) return fails(name, peer.error());
    peers.names_.push_back(name);
    peers.mailboxes_.push_back(*peer);
  }
  for (std::size_t i = 0; i < peers.names_.size(); ++i) {
    const auto& mailbox = peers.mailboxes_[i];
    if (system.runtime().wait_until_ready(mailbox.address().link)) continue;
    return fails(peers.names_[i], to_string(system.wait_for_end(mailbox).reason));
  }
  return peers;
}

std::vector<std::uint32_t> Peers::links() const {
  std::vector<std::uint32_t> links;
  for (const auto& mailbox : mailboxes_) links.push_back(mailbox.address().link);
  return links;
}

std::vector<ringmail::runtime::System::PeerEnd> Peers::stop() {
  std::vector<ringmail::runtime::System::PeerEnd> ends;
  for (const auto& mailbox : mailboxes_) ends.push_back(system_->stop_and_wait(mailbox));
  return ends;
}

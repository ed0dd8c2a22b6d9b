// The peer processes that work out the statistics, each in a language of its own.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "flights.mail.hpp"
#include "ringmail/actors/actors.hpp"

struct Programs {
  std::string python;
  std::string node;
};

/// Of the languages that there are peers in, those that this was built with.
std::vector<std::string> peer_languages();

class Peers {
 public:
  /// Waits until all are ready. An error is one line. `folder` is for what they keep of `flights` flights; `often`: they are to be
  /// killed again and again.
  static std::expected<Peers, std::string> start(ringmail::System& system,
                                                 const std::vector<std::string>& languages,
                                                 const Programs& programs,
                                                 const std::filesystem::path& folder,
                                                 std::uint64_t flights,
                                                 bool often);

  const std::vector<ringmail::Mailbox<flights::Statistics>>& mailboxes() const { return mailboxes_; }
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::uint32_t> links() const;
  /// Stops them in order.
  std::vector<ringmail::runtime::System::PeerEnd> stop();

 private:
  explicit Peers(ringmail::System& system) : system_(&system) {}

  ringmail::System* system_;
  std::vector<std::string> names_;
  std::vector<ringmail::Mailbox<flights::Statistics>> mailboxes_;
};

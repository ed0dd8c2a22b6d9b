// A peer that was kept for this host, until it has come back or is known to be dead.
#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "host_keeper.hpp"
#include "kept_note.hpp"
#include "ringmail/transport/kept_link.hpp"

namespace ringmail::runtime {

struct KeptPeer {
  /// One line on failure: what was held is not understood.
  static std::expected<KeptPeer, std::string> of(KeptItem item);

  /// Kills its process, and what is left of its group, if it lives.
  void end() const;

  KeptNote note;
  transport::KeptLink link;
  int pid = 0;
  transport::Descriptor process;  ///< readable when it is dead; none: it is, or nobody watches it
  transport::Descriptor out, err;
  std::chrono::nanoseconds time{0};
};

}  // namespace ringmail::runtime

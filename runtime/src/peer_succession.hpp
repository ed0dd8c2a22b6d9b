// One replacement of a peer's program that is under way.
//
//   next, candidate         the new program is there, and its first process says its hello, while the old one runs
//   next, committed         the old one has gone: the next incarnation is the new program's
//   before                  the new program's process is on its way to be ready; should it not get there, what was before returns
#pragma once

#include <functional>
#include <memory>

#include "peer_candidate.hpp"
#include "peer_program.hpp"
#include "ringmail/runtime/peer_replacement.hpp"

namespace ringmail::runtime {

using ReplaceDone = std::function<void(ReplaceOutcome)>;

struct PeerSuccession {
  SharedProgram next;                          ///< null: it has taken up, and is not ready yet
  ReplaceDone done;                            ///< once
  std::unique_ptr<PeerCandidate> candidate{};  ///< null: a process is started when its turn comes
  bool has_waited = false;                     ///< the candidate has said a hello that was good
  bool committed = false;                      ///< the memory of the next incarnation is made for it
  bool recalled = false;                       ///< its supervisor stops it while it is on its way
  SharedProgram before{};
};

}  // namespace ringmail::runtime

// Systems with peer processes that answer, as the scenarios need them.
#pragma once

#include <string>
#include <vector>

#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace bench {

/// Logs warnings, to stderr. Throws where there can be none; so does spawn_peers().
ringmail::System make_system(const std::string& name, ringmail::SystemOptions options);

/// So many processes that run `command`, all of them ready.
std::vector<ringmail::Mailbox<echo::Echo>> spawn_peers(ringmail::System& system,
                                                       const std::string& name,
                                                       unsigned count,
                                                       const std::vector<std::string>& command);

}  // namespace bench

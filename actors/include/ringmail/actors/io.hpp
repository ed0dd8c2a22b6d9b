// Input and output for actors: as calls that suspend the handler, and as messages. docs/io.md
#pragma once

#include "ringmail/actors/io/file.hpp"      // IWYU pragma: export
#include "ringmail/actors/io/listener.hpp"  // IWYU pragma: export
#include "ringmail/actors/io/process.hpp"   // IWYU pragma: export
#include "ringmail/actors/io/resolve.hpp"   // IWYU pragma: export
#include "ringmail/actors/io/stream.hpp"    // IWYU pragma: export
#include "ringmail/actors/io/udp.hpp"       // IWYU pragma: export
#include "ringmail/actors/io/watch.hpp"     // IWYU pragma: export

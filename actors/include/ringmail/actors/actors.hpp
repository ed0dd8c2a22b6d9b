// Everything an application needs.
#pragma once

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/answer.hpp"
#include "ringmail/actors/ask.hpp"
#include "ringmail/actors/behaviour.hpp"
#include "ringmail/actors/blocking.hpp"
#include "ringmail/actors/children.hpp"
#include "ringmail/actors/group.hpp"
#include "ringmail/actors/large.hpp"
#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/remote_system.hpp"
#include "ringmail/actors/router.hpp"
#include "ringmail/actors/running_supervisor.hpp"
#include "ringmail/actors/supervisor.hpp"
#include "ringmail/actors/system.hpp"
#include "ringmail/actors/this_actor.hpp"
#include "ringmail/actors/timers.hpp"

// All of the test kit.
#pragma once

#include "ringmail/testing/fake_peer.hpp"
#include "ringmail/testing/probe.hpp"
#include "ringmail/testing/seeds.hpp"
#include "ringmail/testing/simulation.hpp"

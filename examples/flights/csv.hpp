// The file of flights; examples/data/README.md says what its columns are.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "flights.mail.hpp"

/// All flights of the file, with an index of 0. The error is one line, "flights.csv:123: what is wrong there".
std::expected<std::vector<flights::Flight>, std::string> read_flights(const std::string& path);

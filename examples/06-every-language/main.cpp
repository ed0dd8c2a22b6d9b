// The same small peer in each language, side by side: each is sent the same samples and asked for their mean.
//
//   example-every-language LANGUAGE=COMMAND...      a command is split at its blanks; +LANGUAGE: spoken to by pipes
#include <cstdio>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "averaging.mail.hpp"
#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// False: it has said why not.
bool average(ringmail::System& system, std::string_view argument) {
  const std::size_t equals = argument.find('=');
  if (equals == argument.npos) return std::fprintf(stderr, "LANGUAGE=COMMAND, please\n"), false;
  const bool by_pipes = argument.starts_with('+');
  const std::string language(argument.substr(by_pipes, equals - by_pipes));

  const auto peer = system.spawn_peer<averaging::Averager>(
      {.name = language, .command = words(std::string(argument.substr(equals + 1))), .control_by_pipes = by_pipes});
  if (!peer) return std::fprintf(stderr, "%s: %s\n", language.c_str(), peer.error().c_str()), false;
  for (int i = 0; i < 1000; ++i) {
    if (const auto sent = peer->send(averaging::Sample{.value = i + 0.5}); !sent) {
      return std::fprintf(stderr, "%s: %s\n", language.c_str(), ringmail::to_string(sent.error()).data()), false;
    }
  }
  const auto mean = ringmail::ask(*peer, averaging::Get{}, 30s);
  if (!mean) return std::fprintf(stderr, "%s: %s\n", language.c_str(), ringmail::to_string(mean.error()).data()), false;
  std::printf("%-8s %llu samples, mean %.1f\n", language.c_str(), static_cast<unsigned long long>(mean->samples),
              mean->value);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  auto system = ringmail::System::create();
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;
  bool all = argc > 1;
  for (int i = 1; i < argc; ++i) all = average(*system, argv[i]) && all;
  return all ? 0 : 1;
}

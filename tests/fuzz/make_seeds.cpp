// Writes the seeds of the fuzzers: make_seeds <folder> <.mail file>...
//
// `cmake --build --preset fuzz --target fuzz_seeds` writes those that are committed, after a change of a message.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "messages.hpp"
#include "ringmail/actors/schema.hpp"

namespace {

using namespace ringmail::transport;
using ringmail::fuzz::Bytes;

void write(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string frame_of(unsigned kind) {
  const Bytes payload = ringmail::fuzz::with_kind(kind, [](const auto& good) { return encode(good); });
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::string header;
  for (unsigned i = 0; i < 4; ++i) header += static_cast<char>(length >> (8 * i));
  header += {static_cast<char>(kind), 0, 0, 0};
  return header + text_of(payload);
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path folder = arguments[1];
  for (unsigned kind = 1; kind <= 8; ++kind) {
    ringmail::fuzz::with_kind(kind, [&]<class Message>(const Message& good) {
      write(folder / "handshake" / std::string(to_string(Message::kind)),
            static_cast<char>(kind) + text_of(encode(good)));
    });
  }
  // What the two sides of a link say, at once, in pieces, and with descriptors where they may be and where not.
  const std::string of_peer = frame_of(1) + frame_of(3) + frame_of(5) + frame_of(5) + frame_of(7) + frame_of(8);
  const std::string of_host = frame_of(2) + frame_of(6) + frame_of(6);
  for (unsigned choices = 0; choices < 8; ++choices) {
    const std::string prefix{static_cast<char>(choices), static_cast<char>(17 * choices)};
    write(folder / "control_stream" / ("of_peer_" + std::to_string(choices)), prefix + of_peer);
    write(folder / "control_stream" / ("of_host_" + std::to_string(choices)), prefix + of_host);
  }
  write(folder / "control_stream" / "refused", std::string("\1\1", 2) + frame_of(4));
  for (int i = 2; i < count; ++i) {
    const std::filesystem::path path = arguments[i];
    const std::string source = content_of(path);
    const auto schema = ringmail::schema::parse_mail(source, path.filename().string());
    if (!schema) {
      std::cerr << path << " is not a schema\n";
      return 1;
    }
    write(folder / "schema" / path.filename(), source);
    write(folder / "schema" / (path.stem().string() + ".canonical"), to_text(*schema));
  }
}

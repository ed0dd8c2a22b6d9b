// A schema as a person writes it and as a peer sends it: whatever is accepted has a canonical text that means the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "guarded.hpp"
#include "ringmail/actors/schema.hpp"

namespace {

void check(const ringmail::schema::Schema& schema) {
  const auto again = ringmail::schema::parse_text(to_text(schema));
  if (!again || !(*again == schema)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringmail::fuzz::between_guards(data, size, [](std::span<const std::byte> input) {
    const std::string_view source(reinterpret_cast<const char*>(input.data()), input.size());
    if (const auto schema = ringmail::schema::parse_mail(source, "fuzz.mail")) check(*schema);
    if (const auto schema = ringmail::schema::parse_text(source)) check(*schema);
  });
  return 0;
}

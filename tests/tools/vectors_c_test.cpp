// The vectors of bindings/vectors, by generated C.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vectors.mail.h"
#include "vectors_file.hpp"

namespace {

using Bytes = std::vector<unsigned char>;

/// With zeros in its padding, too.
template <class M>
M zeros() {
  M message;
  std::memset(static_cast<void*>(&message), 0, sizeof message);
  return message;
}

template <class M>
Bytes bytes_of(const M& message) {
  Bytes bytes(sizeof message);
  std::memcpy(bytes.data(), &message, bytes.size());
  return bytes;
}

template <class M>
Bytes written(const M& message, std::uint32_t (*size)(const M*), void (*write)(const M*, void*)) {
  Bytes bytes(size(&message), 0xee);
  write(&message, bytes.data());
  return bytes;
}

Bytes written(const vectors_Content& message) { return written(message, vectors_Content_bytes, vectors_Content_write); }
Bytes written(const vectors_Both& message) { return written(message, vectors_Both_bytes, vectors_Both_write); }
Bytes written(const vectors_Grown2& message) { return written(message, vectors_Grown2_bytes, vectors_Grown2_write); }
Bytes written(const vectors_Grown3& message) { return written(message, vectors_Grown3_bytes, vectors_Grown3_write); }

// A message of fixed size is sent as it is: written anew, field by field.

template <class Value>
void copy_optional(Value& to, const Value& from) {
  if (!from.has_value) return;
  std::memcpy(&to.value, &from.value, sizeof to.value);
  to.has_value = true;
}

Bytes written(const vectors_Numbers& from) {
  auto to = zeros<vectors_Numbers>();
  to.a = from.a;
  to.b = from.b;
  to.c = from.c;
  to.d = from.d;
  to.e = from.e;
  to.f = from.f;
  to.g = from.g;
  to.h = from.h;
  to.i = from.i;
  to.j = from.j;
  to.k = from.k;
  to.l = from.l;
  to.m = from.m;
  return bytes_of(to);
}

Bytes written(const vectors_Arrays& message) { return bytes_of(message); }

Bytes written(const vectors_Presets& from) {
  auto to = zeros<vectors_Presets>();
  to.a = from.a;
  to.b = from.b;
  to.c = from.c;
  to.d = from.d;
  to.e = from.e;
  to.f = from.f;
  char text[9];
  vectors_Presets_get_g(&from, text);
  vectors_Presets_set_g(&to, text);
  to.h = from.h;
  return bytes_of(to);
}

Bytes written(const vectors_Options& from) {
  auto to = zeros<vectors_Options>();
  copy_optional(to.a, from.a);
  copy_optional(to.b, from.b);
  copy_optional(to.c, from.c);
  copy_optional(to.d, from.d);
  copy_optional(to.e, from.e);
  copy_optional(to.f, from.f);
  copy_optional(to.g, from.g);
  return bytes_of(to);
}

Bytes written(const vectors_Grown1& from) {
  auto to = zeros<vectors_Grown1>();
  to.number = from.number;
  to.flag = from.flag;
  return bytes_of(to);
}

// What is read of a payload and written anew; nothing if it is not valid. The payload is aligned as in a ring, and lies in a
// block of its own size, so that a sanitizer sees what reads past it.
using Rewrite = std::function<std::optional<Bytes>(const Bytes&)>;

template <class M>
Rewrite of_fixed_size(bool (*valid)(const void*, std::size_t)) {
  return [=](const Bytes& bytes) -> std::optional<Bytes> {
    if (!valid(bytes.data(), bytes.size())) return std::nullopt;
    return written(*reinterpret_cast<const M*>(bytes.data()));
  };
}

template <class M>
Rewrite of_variable_length(bool (*valid)(const void*, std::size_t), const M* (*read)(const void*, std::size_t, M*)) {
  return [=](const Bytes& bytes) -> std::optional<Bytes> {
    M room;
    const M* const message = read(bytes.data(), bytes.size(), &room);
    EXPECT_EQ(valid(bytes.data(), bytes.size()), message != nullptr);
    if (message == nullptr) return std::nullopt;
    return written(*message);
  };
}

const std::map<std::string, Rewrite>& messages() {
  static const std::map<std::string, Rewrite> all = {
      {"Numbers", of_fixed_size<vectors_Numbers>(vectors_Numbers_valid)},
      {"Empty",
       [](const Bytes& bytes) -> std::optional<Bytes> {
         if (!vectors_Empty_valid(bytes.data(), bytes.size())) return std::nullopt;
         return Bytes();
       }},
      {"Arrays", of_fixed_size<vectors_Arrays>(vectors_Arrays_valid)},
      {"Presets", of_fixed_size<vectors_Presets>(vectors_Presets_valid)},
      {"Options", of_fixed_size<vectors_Options>(vectors_Options_valid)},
      {"Content", of_variable_length(vectors_Content_valid, vectors_Content_read)},
      {"Both", of_variable_length(vectors_Both_valid, vectors_Both_read)},
      {"Grown1", of_fixed_size<vectors_Grown1>(vectors_Grown1_valid)},
      {"Grown2", of_variable_length(vectors_Grown2_valid, vectors_Grown2_read)},
      {"Grown3", of_variable_length(vectors_Grown3_valid, vectors_Grown3_read)},
  };
  return all;
}

vectors_Point point(std::int32_t x, std::int16_t y) {
  auto point = zeros<vectors_Point>();
  point.x = x;
  point.y = y;
  return point;
}

vectors_Options options_all() {
  auto all = zeros<vectors_Options>();
  all.a = {255, true};
  all.b = {UINT64_MAX, true};
  all.c = {-0.5f, true};
  all.d = {true, true};
  all.e = {vectors_Side_ask, true};
  vectors_Options_set_f(&all, "abc");
  all.g = {point(-1, 2), true};
  return all;
}

vectors_Options options_zero() {
  auto zero = zeros<vectors_Options>();
  zero.a.has_value = zero.b.has_value = zero.c.has_value = zero.d.has_value = zero.g.has_value = true;
  zero.e = {vectors_Side_bid, true};
  vectors_Options_set_f(&zero, "");
  return zero;
}

vectors_Arrays arrays() {
  vectors_Arrays arrays = {.numbers = {1, 2, 65535},
                           .sides = {vectors_Side_bid, vectors_Side_ask},
                           .name = {},
                           .names = {},
                           .points = {},
                           .raw = {0, 1, 254, 255}};
  vectors_Arrays_set_name(&arrays, "abcde");
  vectors_Arrays_set_names(&arrays, 0, "é");
  vectors_Arrays_set_names(&arrays, 1, "xyz");
  arrays.points[0] = point(-1, 2);
  arrays.points[1] = point(3, -4);
  return arrays;
}

std::map<std::string, Bytes> values() {
  std::map<std::string, Bytes> all;
  const auto add = [&](const char* name, const auto& message) { all[name] = written(message); };

  add("numbers_most", vectors_Numbers{.a = 255,
                                      .b = 65535,
                                      .c = UINT32_MAX,
                                      .d = UINT64_MAX,
                                      .e = INT8_MIN,
                                      .f = INT16_MIN,
                                      .g = INT32_MIN,
                                      .h = INT64_MIN,
                                      .i = 1.5f,
                                      .j = -2.25,
                                      .k = true,
                                      .l = vectors_Side_ask,
                                      .m = vectors_Wide_low});
  auto high = zeros<vectors_Numbers>();
  high.e = INT8_MAX;
  high.f = INT16_MAX;
  high.g = INT32_MAX;
  high.h = INT64_MAX;
  high.l = vectors_Side_bid;
  high.m = vectors_Wide_high;
  add("numbers_high", high);
  all["empty"] = Bytes();
  add("arrays", arrays());
  add("presets_new", vectors_Presets_new());
  auto presets = zeros<vectors_Presets>();
  presets.f = vectors_Side_bid;
  presets.h = 9;
  add("presets_set", presets);
  add("options_none", zeros<vectors_Options>());
  add("options_zero", options_zero());
  add("options_all", options_all());

  const unsigned char raw[] = {0, 255, 7};
  const std::uint64_t numbers[] = {1, UINT64_MAX, 5};
  const vectors_Point points[] = {point(-1, 2), point(3, -4), point(5, 6)};
  const vectors_Side sides[] = {vectors_Side_ask, vectors_Side_bid, vectors_Side_ask};
  const char names[][3] = {{'a'}, {}, {'x', 'y', 'z'}};
  const bool flags[] = {true, false, true};
  auto content = zeros<vectors_Content>();
  content.id = 1;
  add("content_empty", content);
  content.id = 3;
  content.numbers = {numbers + 2, 1};
  content.flags = {flags, 1};
  add("content_some", content);
  add("content_full", vectors_Content{.id = 2,
                                      .title = {"héllo", 6},
                                      .raw = {raw, 3},
                                      .numbers = {numbers, 2},
                                      .points = {points, 3},
                                      .sides = {sides, 3},
                                      .names = {names, 3},
                                      .flags = {flags, 3}});
  auto two = zeros<vectors_Content>();
  two.id = 4;
  two.title = {"abc", 3};
  two.raw = {reinterpret_cast<const unsigned char*>("abc"), 3};
  add("content_two", two);

  auto both = zeros<vectors_Both>();
  add("both_none", both);
  both.title.has_value = both.raw.has_value = both.numbers.has_value = both.limit.has_value = true;
  add("both_empty", both);
  const unsigned char nine = 9;
  const std::uint16_t three[] = {1, 2, 3};
  both.title.value = {"t", 1};
  both.raw.value = {&nine, 1};
  both.numbers.value = {three, 3};
  both.limit.value = 4;
  add("both_all", both);

  add("grown_1", vectors_Grown1{.number = 5, .flag = true});
  vectors_Grown2 second = vectors_Grown2_new();
  second.number = 5;
  second.flag = true;
  add("grown_2_from_1", second);
  second.count = 9;
  second.title = {"two", 3};
  add("grown_2", second);
  vectors_Grown3 third = vectors_Grown3_new();
  third.number = 5;
  third.flag = true;
  add("grown_3_from_1", third);
  third.count = 9;
  third.title = {"two", 3};
  add("grown_3_from_2", third);
  const std::uint32_t one_two[] = {1, 2};
  third.limit = {2.5, true};
  third.side = vectors_Side_bid;
  third.numbers = {one_two, 2};
  add("grown_3", third);
  return all;
}

using Vector = ringmail::test::Vector<unsigned char>;
using ringmail::test::all_vectors;

TEST(VectorsC, every_good_one_is_written_and_read) {
  const auto known = values();
  std::size_t good = 0;
  for (const Vector& vector : all_vectors<unsigned char>()) {
    if (vector.kind != "good") continue;
    SCOPED_TRACE(vector.name);
    ++good;
    ASSERT_TRUE(known.contains(vector.name));
    EXPECT_EQ(known.at(vector.name), vector.bytes);
    EXPECT_EQ(messages().at(vector.message)(vector.bytes), vector.bytes);
  }
  EXPECT_EQ(good, known.size());
}

TEST(VectorsC, every_other_form_is_read_as_the_good_one) {
  const auto known = values();
  for (const Vector& vector : all_vectors<unsigned char>()) {
    if (vector.kind != "read") continue;
    SCOPED_TRACE(vector.name);
    EXPECT_EQ(messages().at(vector.message)(vector.bytes), known.at(vector.good));
  }
}

TEST(VectorsC, every_bad_one_is_refused) {
  for (const Vector& vector : all_vectors<unsigned char>()) {
    if (vector.kind != "bad") continue;
    SCOPED_TRACE(vector.name);
    EXPECT_FALSE(messages().at(vector.message)(vector.bytes));
  }
}

TEST(VectorsC, a_payload_that_is_cut_or_changed_anywhere_is_read_or_refused) {
  for (const Vector& vector : all_vectors<unsigned char>()) {
    const Rewrite& rewrite = messages().at(vector.message);
    for (std::size_t at = 0; at < vector.bytes.size(); ++at) {
      rewrite(Bytes(vector.bytes.begin(), vector.bytes.begin() + static_cast<std::ptrdiff_t>(at)));
      for (const unsigned char byte : std::to_array<unsigned char>({0, 1, 2, 7, 0x7f, 0x80, 0xff})) {
        Bytes bytes = vector.bytes;
        bytes[at] = byte;
        rewrite(bytes);
      }
    }
  }
}

}  // namespace

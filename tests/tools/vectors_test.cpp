// The vectors of bindings/vectors, by generated C++.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vectors.mail.hpp"
#include "vectors_file.hpp"

namespace vectors {
namespace {

using Bytes = std::vector<std::byte>;

template <class M>
concept Variable = requires(const M& message) { message.ringmail_borrow(); };

template <class M>
Bytes written(const M& message) {
  if constexpr (Variable<M>) {
    const auto view = message.ringmail_borrow();
    Bytes bytes(view.ringmail_bytes(), std::byte{0xee});
    view.ringmail_write(bytes.data());
    return bytes;
  } else {
    Bytes bytes(M::ringmail_size);
    if (!bytes.empty()) std::memcpy(bytes.data(), &message, bytes.size());
    return bytes;
  }
}

template <class M>
std::optional<M> read(const Bytes& bytes) {
  if constexpr (Variable<M>) {
    const auto view = ringmail::View<M>::ringmail_read(bytes);
    return view ? std::optional(view->ringmail_copy()) : std::nullopt;
  } else {
    return ringmail::messages::read<M>(bytes);
  }
}

/// With zeros in its padding, where a compiler leaves what it likes.
Point point(std::int32_t x, std::int16_t y) {
  Point point;
  std::memset(static_cast<void*>(&point), 0, sizeof point);
  point.x = x;
  point.y = y;
  return point;
}

using Vector = ringmail::test::Vector<std::byte>;
using ringmail::test::all_vectors;

/// What is done with the vectors of one message.
struct Message {
  std::function<std::optional<Bytes>(const Bytes&)> rewrite;
  std::function<bool(const Bytes&, const Bytes&)> are_equal;
  bool writes_padding = false;
};

template <class M>
Message message() {
  return {.rewrite = [](const Bytes& bytes) -> std::optional<Bytes> {
            const auto value = read<M>(bytes);
            EXPECT_EQ(value.has_value(), M::ringmail_valid(bytes));
            if (!value) return std::nullopt;
            return written(*value);
          },
          .are_equal = [](const Bytes& a, const Bytes& b) { return read<M>(a) == read<M>(b); },
          .writes_padding = Variable<M>};
}

const std::map<std::string, Message>& messages() {
  static const std::map<std::string, Message> all = {
      {"Numbers", message<Numbers>()}, {"Empty", message<Empty>()},     {"Arrays", message<Arrays>()},
      {"Presets", message<Presets>()}, {"Options", message<Options>()}, {"Content", message<Content>()},
      {"Both", message<Both>()},       {"Grown1", message<Grown1>()},   {"Grown2", message<Grown2>()},
      {"Grown3", message<Grown3>()},
  };
  return all;
}

const std::map<std::string, Bytes>& values() {
  using std::numeric_limits;
  static const std::map<std::string, Bytes> all = {
      {"numbers_most", written(Numbers{.a = 255,
                                       .b = 65535,
                                       .c = numeric_limits<std::uint32_t>::max(),
                                       .d = numeric_limits<std::uint64_t>::max(),
                                       .e = -128,
                                       .f = -32768,
                                       .g = numeric_limits<std::int32_t>::min(),
                                       .h = numeric_limits<std::int64_t>::min(),
                                       .i = 1.5f,
                                       .j = -2.25,
                                       .k = true,
                                       .l = Side::ask,
                                       .m = Wide::low})},
      {"numbers_high", written(Numbers{.e = 127,
                                       .f = 32767,
                                       .g = numeric_limits<std::int32_t>::max(),
                                       .h = numeric_limits<std::int64_t>::max(),
                                       .l = Side::bid,
                                       .m = Wide::high})},
      {"empty", written(Empty{})},
      {"arrays", written(Arrays{.numbers = {1, 2, 65535},
                                .sides = {Side::bid, Side::ask},
                                .name = "abcde",
                                .names = {"é", "xyz"},
                                .points = {Point{-1, 2}, Point{3, -4}},
                                .raw = {0, 1, 254, 255}})},
      {"presets_new", written(Presets{})},
      {"presets_set", written(Presets{.a = 0, .b = 0, .c = 0, .d = 0, .e = false, .f = Side::bid, .g = "", .h = 9})},
      {"options_none", written(Options{})},
      {"options_zero", written(Options{.a = 0, .b = 0, .c = 0, .d = false, .e = Side::bid, .f = "", .g = Point{}})},
      {"options_all", written(Options{.a = 255,
                                      .b = numeric_limits<std::uint64_t>::max(),
                                      .c = -0.5f,
                                      .d = true,
                                      .e = Side::ask,
                                      .f = "abc",
                                      .g = Point{-1, 2}})},
      {"content_empty", written(Content{.id = 1})},
      {"content_full", written(Content{.id = 2,
                                       .title = "héllo",
                                       .raw = {std::byte{0}, std::byte{255}, std::byte{7}},
                                       .numbers = {1, numeric_limits<std::uint64_t>::max()},
                                       .points = {point(-1, 2), point(3, -4), point(5, 6)},
                                       .sides = {Side::ask, Side::bid, Side::ask},
                                       .names = {"a", "", "xyz"},
                                       .flags = {true, false, true}})},
      {"content_some", written(Content{.id = 3, .numbers = {5}, .flags = {true}})},
      {"content_two",
       written(Content{.id = 4, .title = "abc", .raw = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}}})},
      {"both_none", written(Both{})},
      {"both_empty", written(Both{.title = "", .raw = Bytes{}, .numbers = std::vector<std::uint16_t>{}, .limit = 0})},
      {"both_all",
       written(
           Both{.title = "t", .raw = Bytes{std::byte{9}}, .numbers = std::vector<std::uint16_t>{1, 2, 3}, .limit = 4})},
      {"grown_1", written(Grown1{.number = 5, .flag = true})},
      {"grown_2", written(Grown2{.number = 5, .flag = true, .count = 9, .title = "two"})},
      {"grown_3",
       written(Grown3{
           .number = 5, .flag = true, .count = 9, .title = "two", .limit = 2.5, .side = Side::bid, .numbers = {1, 2}})},
      {"grown_2_from_1", written(Grown2{.number = 5, .flag = true})},
      {"grown_3_from_1", written(Grown3{.number = 5, .flag = true})},
      {"grown_3_from_2", written(Grown3{.number = 5, .flag = true, .count = 9, .title = "two"})},
  };
  return all;
}

TEST(Vectors, every_good_one_is_written_and_read) {
  std::size_t good = 0;
  for (const Vector& vector : all_vectors<std::byte>()) {
    if (vector.kind != "good") continue;
    SCOPED_TRACE(vector.name);
    ++good;
    ASSERT_TRUE(values().contains(vector.name));
    const Message& message = messages().at(vector.message);
    const Bytes& value = values().at(vector.name);
    EXPECT_EQ(value.size(), vector.bytes.size());
    EXPECT_TRUE(message.are_equal(value, vector.bytes));
    EXPECT_EQ(message.rewrite(vector.bytes), vector.bytes);
    if (message.writes_padding) {
      EXPECT_EQ(value, vector.bytes);
    }
  }
  EXPECT_EQ(good, values().size());
}

TEST(Vectors, every_other_form_is_read_as_the_good_one) {
  std::map<std::string, Bytes> good;
  for (const Vector& vector : all_vectors<std::byte>()) {
    if (vector.kind == "good") good[vector.name] = vector.bytes;
    if (vector.kind != "read") continue;
    SCOPED_TRACE(vector.name);
    const Message& message = messages().at(vector.message);
    EXPECT_TRUE(message.rewrite(vector.bytes));
    EXPECT_TRUE(message.are_equal(vector.bytes, good.at(vector.good)));
  }
}

TEST(Vectors, every_bad_one_is_refused) {
  for (const Vector& vector : all_vectors<std::byte>()) {
    if (vector.kind != "bad") continue;
    SCOPED_TRACE(vector.name);
    EXPECT_FALSE(messages().at(vector.message).rewrite(vector.bytes));
  }
}

TEST(Vectors, a_payload_that_is_cut_anywhere_is_read_or_refused) {
  for (const Vector& vector : all_vectors<std::byte>()) {
    for (std::size_t length = 0; length < vector.bytes.size(); ++length) {
      // Of its own size, so that a sanitizer sees what reads past it.
      static_cast<void>(
          messages()
              .at(vector.message)
              .rewrite(Bytes(vector.bytes.begin(), vector.bytes.begin() + static_cast<std::ptrdiff_t>(length))));
    }
  }
}

}  // namespace
}  // namespace vectors

// What systems say of themselves and of the ends of their actors, as bytes that another process wrote.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "../transport/deadline.hpp"
#include "signal_bytes.hpp"
#include "system_hello.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;

ExitReason chain_of(int causes) {
  ExitReason reason{.kind = Kind::signalled, .signal = 11, .text = "the first"};
  for (int i = 1; i < causes; ++i) reason = reason.leads_to(Kind::linked, "cause " + std::to_string(i));
  return reason;
}

TEST(ReasonBytes, give_back_the_reason_with_its_causes) {
  const ExitReason exited{.kind = Kind::exited, .code = -3, .text = "ValueError: no such airport"};
  for (const ExitReason& reason : {ExitReason{}, exited, chain_of(1), chain_of(8)}) {
    const auto back = decode_reason(encode(reason));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, reason) << to_string(*back);
  }
}

TEST(ReasonBytes, are_bounded_whatever_the_reason) {
  ExitReason reason{.kind = Kind::failed, .text = std::string(100'000, 'x')};
  for (int i = 0; i < 100; ++i) reason = reason.leads_to(Kind::escalated, std::string(100'000, 'y'));
  const auto bytes = encode(reason);
  EXPECT_LE(bytes.size(), max_reason_bytes);
  const auto back = decode_reason(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, Kind::escalated);
  EXPECT_EQ(back->text, std::string(232, 'y'));
}

TEST(ReasonBytes, that_are_cut_or_changed_are_no_reason_or_another_one) {
  const auto bytes = encode(chain_of(3));
  EXPECT_FALSE(decode_reason({}));
  std::size_t whole = 0;
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    if (decode_reason(std::span(bytes).first(length))) ++whole;
  }
  EXPECT_EQ(whole, 2u);  // where an entry ends
  std::mt19937_64 random(transport::test::seed());
  for (int round = 0; round < 20'000; ++round) {
    auto changed = bytes;
    for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = static_cast<std::byte>(random());
    const auto reason = decode_reason(changed);
    EXPECT_TRUE(!reason || !to_string(*reason).empty());
  }
}

transport::Hello hello_with(std::string name, std::string token) {
  return {.features = transport::features_everywhere | transport::between_systems,
          .name = std::move(name),
          .token = std::move(token)};
}

TEST(SystemHello, is_read_as_it_was_written) {
  const SystemHello said{.id = 0xfedcba9876543210, .scheduler = 3, .schedulers = 16, .name = "a/b"};
  EXPECT_EQ(said.token(), "system fedcba9876543210 3 of 16");
  EXPECT_EQ(said.link_name(), "a/b/3");
  const auto read = SystemHello::of(hello_with(said.link_name(), said.token()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, said.id);
  EXPECT_EQ(read->scheduler, 3u);
  EXPECT_EQ(read->schedulers, 16u);
  EXPECT_EQ(read->name, "a/b");
}

TEST(SystemHello, is_nobodys_where_anything_is_wrong) {
  EXPECT_TRUE(SystemHello::of(hello_with("risk/0", "system 1 0 of 1")));
  for (const char* token :
       {"", "system", "system 1", "system 1 0", "system 1 0 of", "system 1 0 of ", "system 0 0 of 1", "system 1 1 of 1",
        "system 1 0 of 257", "system 1 0 of 0", "system 1 0 of 1 ", "system 1 -1 of 1",
        "system 11111111111111111 0 of 1", "System 1 0 of 1", "system 1  0 of 1"}) {
    EXPECT_FALSE(SystemHello::of(hello_with("risk/0", token))) << token;
  }
  for (const char* name : {"", "risk", "/0", "risk/1", "risk/00", "risk/", "risk/0/"}) {
    EXPECT_FALSE(SystemHello::of(hello_with(name, "system 1 0 of 1"))) << name;
  }
  auto without = hello_with("risk/0", "system 1 0 of 1");
  without.features = transport::features_everywhere;
  EXPECT_FALSE(SystemHello::of(without));
}

}  // namespace
}  // namespace ringmail::runtime

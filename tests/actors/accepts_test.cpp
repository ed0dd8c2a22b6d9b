#include "ringmail/actors/accepts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <type_traits>

#include "tracked.hpp"

namespace ringmail::test {
namespace {

struct Known {};
struct Unknown {};
struct Explicit {
  explicit Explicit(const Known&) {}
};

struct LargeWire {
  static constexpr std::uint32_t ringmail_type = 1;
  static constexpr std::string_view ringmail_name = "Large";
  char bytes[20'000];
};

class Plain : public Actor {
 public:
  void on(const Known&) {}
  long on(const Token&) const { return 1; }
  const std::string& on(const Explicit&) { return text_; }

 private:
  void on(const Reset&) {}
  std::string text_;
};

TEST(Accepts, an_actor_accepts_what_it_has_a_public_handler_for) {
  EXPECT_TRUE((Accepts<Plain, Known>));
  EXPECT_TRUE((Accepts<Plain, Token>));
  EXPECT_FALSE((Accepts<Plain, Unknown>));
  EXPECT_FALSE((Accepts<Plain, Reset>)) << "private";
  EXPECT_FALSE((Accepts<Plain, int>));
}

TEST(Accepts, an_actor_of_functions_accepts_what_they_take) {
  const auto one = [](const Known&) {};
  const auto two = [](const Token&) { return 1; };
  using Functions = FunctionActor<std::remove_const_t<decltype(one)>, std::remove_const_t<decltype(two)>>;
  EXPECT_TRUE((Accepts<Functions, Known>));
  EXPECT_TRUE((Accepts<Functions, Token>));
  EXPECT_FALSE((Accepts<Functions, Unknown>));
}

TEST(Accepts, a_protocol_accepts_what_it_names) {
  EXPECT_TRUE((Accepts<Pricer, Tick>));
  EXPECT_TRUE((Accepts<Pricer, Reset>));
  EXPECT_FALSE((Accepts<Pricer, Quote>));
  EXPECT_FALSE((Protocol<LocalPricer>)) << "it follows one and is none";
}

TEST(Accepts, what_a_handler_returns_is_the_reply_as_a_value_and_nothing_is_done) {
  EXPECT_TRUE((std::is_same_v<Reply<Plain, Token>, long>));
  EXPECT_TRUE((std::is_same_v<Reply<Plain, Explicit>, std::string>));
  EXPECT_TRUE((std::is_void_v<Reply<Plain, Known>>));
  EXPECT_TRUE((std::is_same_v<ReplyMessage<Reply<Plain, Known>>, Done>));
  EXPECT_TRUE((std::is_same_v<ReplyMessage<Reply<Pricer, Tick>>, Quote>));
  EXPECT_TRUE((std::is_same_v<ReplyMessage<Reply<Pricer, Reset>>, Done>));
}

TEST(Accepts, an_actor_is_found_by_the_type_ids_of_its_protocol_and_by_no_others) {
  using Table = detail::ProtocolTable<LocalPricer, Pricer>;
  EXPECT_EQ(Table::find(Tick::ringmail_type), (&detail::binding_of<LocalPricer, Tick>));
  EXPECT_EQ(Table::find(Reset::ringmail_type), (&detail::binding_of<LocalPricer, Reset>));
  EXPECT_EQ(Table::find(Quote::ringmail_type), nullptr);
  EXPECT_EQ(Table::find(0), nullptr);
}

TEST(MessageType, what_comes_from_a_mail_file_has_an_id_and_a_name_and_nothing_to_destroy) {
  EXPECT_EQ(message_type<Tick>.id, Tick::ringmail_type);
  EXPECT_EQ(message_type<Tick>.name, "test.Tick");
  EXPECT_EQ(message_type<Tick>.size, 8u);
  EXPECT_EQ(message_type<Tick>.destroy, nullptr);
  EXPECT_EQ(message_type<Known>.id, 0u) << "never leaves the process";
}

TEST(MessageType, a_message_without_fields_has_no_bytes_between_processes) {
  EXPECT_EQ(message_type<Reset>.size, 0u);
  EXPECT_TRUE(message_type<Reset>.valid(nullptr, 0));
  // In C++ it is an object of one byte, which somebody may count on.
  struct Counted {
    Counted() = default;
    Counted(Counted&&) noexcept {}
    ~Counted() {}
  };
  EXPECT_EQ(message_type<Counted>.size, 1u);
}

TEST(MessageType, what_no_frame_holds_travels_in_a_box) {
  using Large = std::array<char, 20'000>;
  struct alignas(64) Strict {
    int value;
  };
  EXPECT_TRUE((std::is_same_v<Carrier<Large>, std::unique_ptr<Large>>));
  EXPECT_TRUE((std::is_same_v<Carrier<Strict>, std::unique_ptr<Strict>>));
  EXPECT_TRUE((std::is_same_v<Carrier<Token>, Token>));
  EXPECT_TRUE((std::is_same_v<Carrier<LargeWire>, LargeWire>)) << "its bytes are what crosses";
}

}  // namespace
}  // namespace ringmail::test

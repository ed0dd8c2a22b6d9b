// What two systems of a test say to each other: messages as a .mail file would make them, and an actor that takes them.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "ringmail/actors/actors.hpp"

namespace ringmail::test {

template <class M>
bool has_size_of(std::span<const std::byte> bytes) {
  return bytes.size() == sizeof(M);
}

struct Desk;

struct Count {
  static constexpr std::uint32_t ringmail_type = 0x8001;
  static constexpr std::string_view ringmail_name = "test.Count";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return has_size_of<Count>(bytes); }
  std::uint64_t number = 0;
};
struct Number {
  static constexpr std::uint32_t ringmail_type = 0x8002;
  static constexpr std::string_view ringmail_name = "test.Number";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return has_size_of<Number>(bytes); }
  std::uint64_t number = 0;
};
struct HowMany {
  static constexpr std::uint32_t ringmail_type = 0x8003;
  static constexpr std::string_view ringmail_name = "test.HowMany";
};
/// Be asked by whom it names, and answer what that one says.
struct AskFor {
  static constexpr std::uint32_t ringmail_type = 0x8004;
  static constexpr std::string_view ringmail_name = "test.AskFor";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return has_size_of<AskFor>(bytes); }
  std::uint64_t whom[2] = {};  // a Ref<Desk>
  std::uint64_t number = 0;
};
struct Who {
  static constexpr std::uint32_t ringmail_type = 0x8005;
  static constexpr std::string_view ringmail_name = "test.Who";
};
/// The answer to Who.
struct Me {
  static constexpr std::uint32_t ringmail_type = 0x8006;
  static constexpr std::string_view ringmail_name = "test.Me";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return has_size_of<Me>(bytes); }
  std::uint64_t whom[2] = {};
};
struct Fail {
  static constexpr std::uint32_t ringmail_type = 0x8007;
  static constexpr std::string_view ringmail_name = "test.Fail";
};
struct Never {
  static constexpr std::uint32_t ringmail_type = 0x8008;
  static constexpr std::string_view ringmail_name = "test.Never";
};
/// Link yourself to whom this names.
struct Tie {
  static constexpr std::uint32_t ringmail_type = 0x8009;
  static constexpr std::string_view ringmail_name = "test.Tie";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return has_size_of<Tie>(bytes); }
  std::uint64_t whom[2] = {};
};

struct Desk {
  static void on(const Count&);
  static Number on(const HowMany&);
  static Number on(const AskFor&);
  static Me on(const Who&);
  static void on(const Fail&);
  static Number on(const Never&);
  static void on(const Tie&);

  using ringmail_accepts = std::tuple<Count, HowMany, AskFor, Who, Fail, Never, Tie>;
  static constexpr std::string_view ringmail_protocol = "test.Desk";
  static constexpr std::string_view ringmail_schema = "";
};

inline Ref<Desk> ref_in(const std::uint64_t (&words)[2]) { return Ref<Desk>({words[0], words[1]}); }
inline void put(std::uint64_t (&words)[2], const Ref<Desk>& ref) {
  words[0] = ref.process;
  words[1] = ref.actor;
}

constexpr std::uint64_t out_of_order = ~std::uint64_t{0};
/// What Number says in place of an answer that did not come: this, and the error.
constexpr std::uint64_t no_answer = 1'000'000;

class Clerk : public Actor {
 public:
  using Protocol = Desk;

  void on(const Count& count) {
    in_order_ = in_order_ && count.number == counted_;
    ++counted_;
  }
  Number on(const HowMany&) const { return {in_order_ ? counted_ : out_of_order}; }
  Number on(const AskFor& wish) const {
    using namespace std::chrono_literals;
    const auto whom = this_actor::mailbox_of(ref_in(wish.whom));
    if (!whom) return {no_answer + static_cast<std::uint64_t>(whom.error())};
    for (std::uint64_t i = 0; i < wish.number; ++i) {
      if (!whom->send(Count{i})) return {no_answer + 100};
    }
    const auto answer = ask(*whom, HowMany{}, 20s);
    return answer ? *answer : Number{no_answer + 200 + static_cast<std::uint64_t>(answer.error())};
  }
  Me on(const Who&) const {
    Me me;
    if (const auto ref = this_actor::share(this_actor::mailbox<Clerk>())) put(me.whom, *ref);
    return me;
  }
  void on(const Fail&) const { throw std::runtime_error("as it was told to"); }
  Number on(const Never&) const {
    using namespace std::chrono_literals;
    static_cast<void>(this_actor::sleep_for(1h));
    return {};
  }
  void on(const Tie& tie) const {
    if (const auto whom = this_actor::mailbox_of(ref_in(tie.whom))) this_actor::link(*whom);
  }

 private:
  std::uint64_t counted_ = 0;
  bool in_order_ = true;
};

}  // namespace ringmail::test

#include "ringmail/transport/handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ringmail::transport {
namespace {

using Bytes = std::vector<std::byte>;

Hello a_hello() {
  Hello hello;
  hello.features = mail_outlives_peer;
  hello.pid = 4321;
  hello.wanted_ring_bytes = 65536;
  hello.language = "python";
  hello.name = "prix-d\xc3\xa9j\xc3\xa0";
  hello.token = "f00d";
  hello.schema = "message Tick { time: u64; }\n";
  return hello;
}

Welcome a_welcome() {
  Welcome welcome;
  welcome.features = mail_outlives_peer;
  welcome.incarnation = 3;
  welcome.lanes = 2;
  welcome.mail_to_peer_bytes = 1 << 20;
  welcome.mail_to_host_bytes = 1 << 16;
  welcome.control_bytes = 4096;
  welcome.name = "pricer";
  welcome.schema = "message Quote { price: f64; }\n";
  welcome.host_pid = 1234;
  for (int role = 1; role <= 5; ++role) {
    welcome.segments.push_back({static_cast<SegmentRole>(role), 8192, static_cast<std::uint32_t>(role + 10)});
  }
  return welcome;
}

Refused a_refusal() { return {RefusalCode::schema, "Flight.delay is i16 here and i32 there"}; }

// Overwrites a number in an encoded message.
template <class Number>
void patch(Bytes& bytes, std::size_t offset, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes.at(offset + i) = static_cast<std::byte>(value >> (8 * i));
}

template <class Message>
DecodeError error_of(const Bytes& bytes) {
  const auto decoded = decode<Message>(bytes);
  EXPECT_FALSE(decoded);
  return decoded ? DecodeError{DecodeError::wrong_kind, Message::kind, "no error", 0} : decoded.error();
}

// Of exactly its size on the heap, so that the sanitizer sees a read past its end.
template <class Message>
void whole_or_nothing(const Message& message) {
  const Bytes bytes = encode(message);
  const auto decoded = decode<Message>(bytes);
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(*decoded, message);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    const auto error = error_of<Message>(cut);
    EXPECT_EQ(error, DecodeError::truncated) << length << ": " << to_string(error);
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(error_of<Message>(longer), DecodeError::trailing);
}

TEST(Handshake, every_message_is_read_as_it_was_written_whole_or_not_at_all) {
  whole_or_nothing(a_hello());
  whole_or_nothing(a_welcome());
  whole_or_nothing(Ready{});
  whole_or_nothing(a_refusal());
  whole_or_nothing(Resolve{7, "airports"});
  whole_or_nothing(Resolved{7, true, 0x0102030405060708});
  whole_or_nothing(Resolved{8, false, 0});
  whole_or_nothing(Failure{"ValueError: no such airport\n"});
  whole_or_nothing(Goodbye{});
  whole_or_nothing(Log{.level = LogLevel::critical, .text = "two\nlines"});
  const Introduce introduce{.lane = 3, .name = "other", .mail_bytes = 4096, .control_bytes = 8192};
  whole_or_nothing(introduce);
  whole_or_nothing(IntroduceByNumber{.introduce = introduce, .own_fd = 10, .other_fd = 11, .bell_fd = 12});
  whole_or_nothing(Introduced{.lane = 3, .text = "no memory"});
  whole_or_nothing(Presence{.lane = 3, .state = Presence::ended});
}

TEST(Handshake, the_bytes_of_a_hello_are_those_of_the_specification) {
  Hello hello;
  hello.features = 0x0102030405060708;
  hello.pid = 0x0a0b0c0d;
  hello.wanted_ring_bytes = 4096;
  hello.language = "c";
  hello.name = "n";
  hello.token = "";
  hello.schema = "s";
  const unsigned char expected[] = {'R',  'M',  'L',  '1',  1, 0,    1, 0, 8, 7, 6, 5, 4, 3, 2,  1,
                                    0x0d, 0x0c, 0x0b, 0x0a, 0, 0x10, 0, 0, 0, 0, 0, 0, 1, 0, 0,  0,
                                    'c',  1,    0,    0,    0, 'n',  0, 0, 0, 0, 1, 0, 0, 0, 's'};
  const Bytes bytes = encode(hello);
  EXPECT_TRUE(std::ranges::equal(bytes, std::as_bytes(std::span(expected))));
}

TEST(Handshake, the_bytes_of_a_welcome_are_those_of_the_specification) {
  Welcome welcome;
  welcome.features = 1;
  welcome.incarnation = 2;
  welcome.line_bytes = 128;
  welcome.lanes = 3;
  welcome.mail_to_peer_bytes = 0x1000;
  welcome.mail_to_host_bytes = 0x2000;
  welcome.control_bytes = 0x4000;
  welcome.name = "n";
  welcome.host_pid = 9;
  welcome.segments = {{SegmentRole::peer, 0x3000, 17}};
  const unsigned char expected[] = {1, 0, 1, 0,    0, 0, 0,    0,    0, 0, 2, 0, 0, 0,  0,   0,    0, 0, 128, 0,
                                    0, 0, 3, 0,    0, 0, 0,    0x10, 0, 0, 0, 0, 0, 0,  0,   0x20, 0, 0, 0,   0,
                                    0, 0, 0, 0x40, 0, 0, 0,    0,    0, 0, 1, 0, 0, 0,  'n', 0,    0, 0, 0,   9,
                                    0, 0, 0, 1,    3, 0, 0x30, 0,    0, 0, 0, 0, 0, 17, 0,   0,    0};
  const Bytes bytes = encode(welcome);
  EXPECT_TRUE(std::ranges::equal(bytes, std::as_bytes(std::span(expected))));
}

TEST(Handshake, the_longest_texts_pass_and_one_byte_more_does_not) {
  Hello hello = a_hello();
  hello.language.assign(max_language_bytes, 'l');
  hello.name.assign(max_name_bytes, 'n');
  hello.token.assign(max_token_bytes, 't');
  hello.schema.assign(max_schema_bytes, 's');
  EXPECT_TRUE(decode<Hello>(encode(hello)));
  EXPECT_LE(encode(hello).size(), max_control_payload_bytes);

  for (auto field : {&Hello::language, &Hello::name, &Hello::token, &Hello::schema}) {
    Hello longer = hello;
    (longer.*field) += 'x';
    const auto error = error_of<Hello>(encode(longer));
    EXPECT_EQ(error, DecodeError::too_long);
    EXPECT_EQ(error.value, (longer.*field).size());
  }
  Hello named = a_hello();
  named.name.assign(300, 'n');
  EXPECT_EQ(to_string(error_of<Hello>(encode(named))), "hello: name is too long (300)");

  Welcome welcome = a_welcome();
  welcome.name.assign(max_name_bytes + 1, 'n');
  EXPECT_EQ(error_of<Welcome>(encode(welcome)), DecodeError::too_long);
  welcome = a_welcome();
  welcome.schema.assign(max_schema_bytes + 1, 's');
  EXPECT_EQ(error_of<Welcome>(encode(welcome)), DecodeError::too_long);
  EXPECT_EQ(error_of<Resolve>(encode(Resolve{1, std::string(max_name_bytes + 1, 'n')})), DecodeError::too_long);
}

TEST(Handshake, a_forged_length_reads_nothing) {
  Bytes bytes = encode(a_hello());
  patch(bytes, 28, std::uint32_t{0xffffffff});
  EXPECT_EQ(error_of<Hello>(bytes), DecodeError::too_long);
  bytes = encode(Failure{"short"});
  patch(bytes, 0, static_cast<std::uint32_t>(max_text_bytes + 1));
  EXPECT_EQ(error_of<Failure>(bytes), DecodeError::too_long);
  patch(bytes, 0, static_cast<std::uint32_t>(max_text_bytes));
  EXPECT_EQ(error_of<Failure>(bytes), DecodeError::truncated);
}

TEST(Handshake, names_are_utf8_without_control_characters) {
  const std::string good[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9a\x80", "\xf4\x8f\xbf\xbf", "a b"};
  const std::string bad[] = {"",
                             std::string("a\0b", 3),
                             "a\nb",
                             "\x1b[2J",
                             "\x7f",
                             "\xc2\x9b",  // a control character of two bytes
                             "\x80",      // a continuation alone
                             "\xc0\xaf",  // overlong
                             "\xe0\x80\xaf",
                             "\xf0\x80\x80\xaf",
                             "\xed\xa0\x80",          // a surrogate
                             "\xf4\x90\x80\x80",      // past U+10FFFF
                             "\xf8\x88\x80\x80\x80",  // five bytes
                             "\xff",
                             "\xe2\x82",  // cut
                             "\xe2\x28\xa1"};
  for (const auto& name : good) EXPECT_TRUE(decode<Resolve>(encode(Resolve{1, name}))) << name;
  for (const auto& name : bad) EXPECT_EQ(error_of<Resolve>(encode(Resolve{1, name})), DecodeError::bad_text) << name;

  Hello hello = a_hello();
  hello.name.clear();
  hello.token.clear();
  hello.schema.clear();
  EXPECT_TRUE(decode<Hello>(encode(hello)));
  hello.schema = "lines\n\tand tabs";
  EXPECT_TRUE(decode<Hello>(encode(hello)));
  hello.schema = std::string("nul\0", 4);
  EXPECT_EQ(error_of<Hello>(encode(hello)), DecodeError::bad_text);
}

TEST(Handshake, the_last_words_of_a_peer_arrive_whatever_they_are) {
  const auto arrived = [](const std::string& text) { return decode<Failure>(encode(Failure{text}))->text; };
  EXPECT_EQ(arrived(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(arrived("caf\xe9 \xe2\x82"), "caf? ??");
  EXPECT_EQ(arrived(std::string(max_text_bytes + 100, 'x')), std::string(max_text_bytes, 'x'));
  const std::string euros = std::string(max_text_bytes - 1, 'x') + "\xe2\x82\xac";
  EXPECT_EQ(arrived(euros), std::string(max_text_bytes - 1, 'x'));
  EXPECT_EQ(decode<Refused>(encode(Refused{RefusalCode::busy, "\xff"}))->text, "?");
}

TEST(Handshake, another_protocol_is_named_by_its_magic) {
  Bytes bytes = encode(a_hello());
  patch(bytes, 0, std::uint32_t{0x20544547});  // "GET "
  const auto error = error_of<Hello>(bytes);
  EXPECT_EQ(error, DecodeError::bad_magic);
  EXPECT_EQ(to_string(error), "hello: magic is 0x20544547, not 0x314c4d52");
  EXPECT_EQ(refusal(error).code, RefusalCode::bad_magic);
  EXPECT_EQ(error_of<Hello>(Bytes(bytes.begin(), bytes.begin() + 4)), DecodeError::bad_magic);
}

TEST(Handshake, values_out_of_range_are_refused) {
  Hello hello = a_hello();
  hello.version_min = 0;
  EXPECT_EQ(error_of<Hello>(encode(hello)), DecodeError::out_of_range);
  hello.version_min = 3;
  hello.version_max = 2;
  EXPECT_EQ(to_string(error_of<Hello>(encode(hello))), "hello: version_max cannot be 2");

  Bytes bytes = encode(Resolved{7, true, 5});
  patch(bytes, 4, std::uint8_t{2});
  EXPECT_EQ(error_of<Resolved>(bytes), DecodeError::out_of_range);
  patch(bytes, 4, std::uint8_t{0});
  EXPECT_EQ(error_of<Resolved>(bytes), DecodeError::out_of_range) << "a mailbox that was not found";

  for (const int role : {0, 10, 255}) {
    Welcome welcome = a_welcome();
    welcome.segments[2].role = static_cast<SegmentRole>(role);
    EXPECT_EQ(error_of<Welcome>(encode(welcome)), DecodeError::out_of_range);
  }
  Welcome welcome = a_welcome();
  welcome.segments.resize(max_control_descriptors + 1);
  EXPECT_EQ(error_of<Welcome>(encode(welcome)), DecodeError::too_long);
}

TEST(Handshake, the_hello_of_a_later_version_may_be_longer) {
  Hello hello = a_hello();
  hello.version_max = protocol_version + 1;
  Bytes bytes = encode(hello);
  bytes.resize(bytes.size() + 9);
  const auto decoded = decode<Hello>(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(negotiate(*decoded, {})->version, protocol_version);
}

TEST(Handshake, a_refusal_for_a_reason_of_later_times_is_still_shown) {
  const auto decoded = decode<Refused>(encode(Refused{RefusalCode{777}, "because"}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(to_string(*decoded), "refused for a reason that is not known here: because");
}

TEST(Handshake, a_message_out_of_order_is_named) {
  const ControlFrame frame{.kind = ControlKind::ready, .payload = {}, .descriptors = {}};
  const auto decoded = decode<Hello>(frame);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(to_string(decoded.error()), "hello was due, and ready came");
  EXPECT_TRUE(decode<Ready>(frame));
}

TEST(Negotiation, takes_the_newest_version_and_the_features_of_both) {
  Hello hello = a_hello();
  hello.version_min = 2;
  hello.version_max = 5;
  hello.features = 0b1101;
  const auto chosen = negotiate(hello, {.version_min = 1, .version_max = 3, .features = 0b0111});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen, (Chosen{.version = 3, .features = 0b0101, .wanted_ring_bytes = 65536}));
}

std::string verdict(const Hello& hello, const HostLimits& limits, RefusalCode code) {
  const auto chosen = negotiate(hello, limits);
  EXPECT_FALSE(chosen);
  if (chosen) return "accepted";
  EXPECT_EQ(chosen.error().code, code);
  return chosen.error().text;
}

TEST(Negotiation, a_refused_version_names_both_ranges) {
  Hello hello = a_hello();
  hello.version_min = 2;
  hello.version_max = 3;
  EXPECT_EQ(verdict(hello, {}, RefusalCode::version), "the peer speaks 2 to 3, this host speaks 1 to 1");
  EXPECT_EQ(verdict(a_hello(), {.version_min = 2, .version_max = 4}, RefusalCode::version),
            "the peer speaks 1 to 1, this host speaks 2 to 4");
}

TEST(Negotiation, a_missing_feature_is_named) {
  Hello hello = a_hello();
  hello.features = 0;
  const HostLimits limits{.features = 0b100101, .required_features = 0b100101};
  EXPECT_EQ(verdict(hello, limits, RefusalCode::missing_feature),
            "the peer lacks what this host insists on: mail_outlives_peer, stream_doorbell, bit 5");
}

TEST(Negotiation, an_impossible_ring_size_is_named) {
  Hello hello = a_hello();
  for (const std::uint64_t possible : {std::uint64_t{0}, min_ring_bytes, max_ring_bytes}) {
    hello.wanted_ring_bytes = possible;
    EXPECT_TRUE(negotiate(hello, {})) << possible;
  }
  for (const std::uint64_t impossible :
       {std::uint64_t{1}, min_ring_bytes / 2, std::uint64_t{5000}, max_ring_bytes * 2, ~std::uint64_t{0}}) {
    hello.wanted_ring_bytes = impossible;
    EXPECT_EQ(verdict(hello, {}, RefusalCode::ring_size),
              "the peer wants rings of " + std::to_string(impossible) +
                  " bytes; a ring is a power of two from 4096 to 1073741824");
  }
  hello.wanted_ring_bytes = 8192;
  verdict(hello, {.largest_ring_bytes = 4096}, RefusalCode::ring_size);
}

TEST(Negotiation, a_wrong_token_is_not_repeated) {
  for (const std::string token : {"", "f00", "f00e", "f00df00d"}) {
    Hello hello = a_hello();
    hello.token = token;
    const auto text = verdict(hello, {.token = "f00d"}, RefusalCode::not_allowed);
    EXPECT_EQ(text.find("f00"), std::string::npos);
  }
  EXPECT_TRUE(negotiate(a_hello(), {.token = "f00d"}));
}

TEST(Negotiation, the_cheapest_reason_comes_first) {
  Hello hello = a_hello();
  hello.version_min = hello.version_max = 9;
  hello.wanted_ring_bytes = 5000;
  verdict(hello, {.token = "other"}, RefusalCode::version);
}

void refuses(const Welcome& welcome,
             RefusalCode code,
             std::string_view text,
             std::size_t descriptors = 5,
             std::uint64_t offered = features_everywhere) {
  const auto verdict = check(welcome, descriptors, offered);
  ASSERT_FALSE(verdict) << text;
  EXPECT_EQ(verdict.error().code, code) << verdict.error().text;
  EXPECT_EQ(verdict.error().text, text);
}

TEST(Welcome, a_good_one_is_accepted) {
  EXPECT_TRUE(check(a_welcome(), 5));
  Welcome largest = a_welcome();
  largest.line_bytes = 128;
  largest.lanes = max_lanes;
  largest.mail_to_peer_bytes = max_ring_bytes;
  std::ranges::reverse(largest.segments);
  EXPECT_TRUE(check(largest, 5));
}

template <class Change>
Welcome but(Change&& change) {
  Welcome welcome = a_welcome();
  change(welcome);
  return welcome;
}

TEST(Welcome, what_a_host_may_not_choose_is_refused_by_name) {
  refuses(but([](Welcome& w) { w.version = 2; }), RefusalCode::version, "the host chose 2, this peer speaks 1 to 1");
  refuses(but([](Welcome& w) { w.features = 0b100001; }), RefusalCode::missing_feature,
          "the host chose what this peer does not offer: bit 5");
  refuses(but([](Welcome& w) { w.line_bytes = 96; }), RefusalCode::malformed, "a line of 96 bytes, not 64 or 128");
  refuses(but([](Welcome& w) { w.lanes = 0; }), RefusalCode::malformed, "0 lanes, not 1 to 256");
  refuses(but([](Welcome& w) { w.lanes = 257; }), RefusalCode::malformed, "257 lanes, not 1 to 256");
  for (auto ring : {&Welcome::mail_to_peer_bytes, &Welcome::mail_to_host_bytes, &Welcome::control_bytes}) {
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{2048}, std::uint64_t{5000}, max_ring_bytes * 2}) {
      refuses(but([&](Welcome& w) { w.*ring = bytes; }), RefusalCode::ring_size,
              "the host made a ring of " + std::to_string(bytes) +
                  " bytes; a ring is a power of two from 4096 to 1073741824");
    }
  }
}

TEST(Welcome, whose_host_keeps_its_bells_shows_when_it_sleeps_instead) {
  const std::uint64_t offered = features_everywhere | stream_doorbell;
  const Welcome kept = but([](Welcome& w) {
    w.features = stream_doorbell;
    w.segments[3].role = SegmentRole::host_parked;
  });
  EXPECT_TRUE(check(kept, 5, offered));
  refuses(but([](Welcome& w) { w.features = stream_doorbell; }), RefusalCode::bad_segment,
          "a segment too many: host_bells", 5, offered);
  refuses(but([](Welcome& w) { w.segments[3].role = SegmentRole::host_parked; }), RefusalCode::bad_segment,
          "no segment host_bells", 5, offered);
  refuses(kept, RefusalCode::missing_feature, "the host chose what this peer does not offer: stream_doorbell");
}

TEST(Welcome, bodies_come_where_bells_are_shared_or_rung_through_the_host) {
  const std::uint64_t offered = features_everywhere | stream_doorbell | large | by_proc;
  const auto with = [](std::uint64_t features) {
    return but([&](Welcome& w) {
      w.features = features;
      w.segments[3].role = SegmentRole::host_parked;
      w.segments.push_back({.role = SegmentRole::arena_to_peer, .bytes = 2 * 4096, .host_fd = 9});
      w.segments.push_back({.role = SegmentRole::arena_to_host, .bytes = 2 * 4096, .host_fd = 10});
    });
  };
  EXPECT_TRUE(check(with(stream_doorbell | large | by_proc), 7, offered));
  refuses(with(stream_doorbell | large), RefusalCode::malformed, "the host chose large, and does not share its bells",
          7, offered);
}

TEST(Welcome, who_sleeps_on_a_pipe_is_given_its_end) {
  const std::uint64_t offered = features_everywhere | pipe_doorbell;
  const Welcome with_pipe = but([](Welcome& w) {
    w.features = pipe_doorbell;
    w.segments.push_back({.role = SegmentRole::doorbell, .bytes = doorbell_bytes, .host_fd = 9});
  });
  EXPECT_TRUE(check(with_pipe, 6, offered));
  EXPECT_EQ(*decode<Welcome>(encode(with_pipe)), with_pipe);
  refuses(but([](Welcome& w) { w.features = pipe_doorbell; }), RefusalCode::bad_segment, "no segment doorbell", 5,
          offered);
  Welcome unasked = with_pipe;
  unasked.features = 0;
  refuses(unasked, RefusalCode::bad_segment, "a segment too many: doorbell", 6, offered);
}

TEST(Welcome, each_segment_comes_once_with_its_descriptor_in_whole_pages) {
  refuses(a_welcome(), RefusalCode::bad_segment, "4 descriptors came for 5 segments", 4);
  refuses(a_welcome(), RefusalCode::bad_segment, "0 descriptors came for 5 segments", 0);
  refuses(but([](Welcome& w) { w.segments[3].role = SegmentRole::mail; }), RefusalCode::bad_segment,
          "segment mail was named twice");
  refuses(but([](Welcome& w) { w.segments.erase(w.segments.begin() + 2); }), RefusalCode::bad_segment,
          "no segment peer", 4);
  refuses(but([](Welcome& w) { w.segments[4].bytes = 0; }), RefusalCode::bad_segment,
          "segment peer_bells of 0 bytes, not whole pages");
  refuses(but([](Welcome& w) { w.segments[4].bytes = 5000; }), RefusalCode::bad_segment,
          "segment peer_bells of 5000 bytes, not whole pages");
}

TEST(Handshake, both_ends_reach_ready_over_a_stream) {
  auto ends = control_pair();
  ASSERT_TRUE(ends);
  ControlStream host(std::move(ends->first), ControlStream::Descriptors::refused);
  ControlStream peer(std::move(ends->second));

  ASSERT_TRUE(peer.send(Hello::kind, encode(a_hello())));
  auto first = host.receive();
  ASSERT_TRUE(first && *first);
  const auto hello = decode<Hello>(**first);
  ASSERT_TRUE(hello);
  const auto chosen = negotiate(*hello, {.token = "f00d"});
  ASSERT_TRUE(chosen);

  const int number = host.descriptor();
  ASSERT_TRUE(host.send(Welcome::kind, encode(a_welcome()), std::vector<int>(5, number)));
  auto second = peer.receive();
  ASSERT_TRUE(second && *second);
  const auto welcome = decode<Welcome>(**second);
  ASSERT_TRUE(welcome);
  EXPECT_TRUE(check(*welcome, (*second)->descriptors.size()));
  EXPECT_EQ(*welcome, a_welcome());

  ASSERT_TRUE(peer.send(Ready::kind, encode(Ready{})));
  auto third = host.receive();
  ASSERT_TRUE(third && *third);
  EXPECT_TRUE(decode<Ready>(**third));
}

}  // namespace
}  // namespace ringmail::transport

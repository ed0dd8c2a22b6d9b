// The ringmail command as its users run it: arguments in; files, exit code and one line of error out.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

const std::string tool = RINGMAIL_TOOL;
const fs::path sources = RINGMAIL_TEST_SOURCES;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, std::string_view content) { std::ofstream(path, std::ios::binary) << content; }

class Gen : public testing::Test {
 protected:
  struct Result {
    int exit_code;
    std::string out;
    std::string err;
  };

  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ringmail_gen_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // In the folder of the test. `arguments` are a shell's.
  [[nodiscard]] Result run(const std::string& arguments) const {
    const std::string command = "cd '" + folder_.string() + "' && '" + tool + "' " + arguments + " >.out 2>.err";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(folder_ / ".out"), read(folder_ / ".err")};
  }

  void expect_refused(const std::string& arguments, std::string_view error, int exit_code = 1) const {
    const Result result = run(arguments);
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, std::string(error) + "\n");
  }

  fs::path folder_;
};

TEST_F(Gen, writes_the_header_that_is_known_to_be_good) {
  const Result result = run("gen --lang cpp '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, read(sources / "golden" / "market.mail.hpp"))
      << "if the change is meant: ringmail gen --lang cpp market.mail -o golden/market.mail.hpp";
}

TEST_F(Gen, writes_the_typescript_module_that_is_known_to_be_good) {
  const Result result = run("gen --lang ts '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, read(sources / "golden" / "market.mail.ts"))
      << "if the change is meant: ringmail gen --lang ts market.mail -o golden/market.mail.ts";
}

TEST_F(Gen, writes_the_c_header_that_is_known_to_be_good) {
  const Result result = run("gen --lang c '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "market.mail.h"))
      << "if the change is meant: ringmail gen --lang c market.mail -o golden/market.mail.h";
}

TEST_F(Gen, writes_the_python_module_that_is_known_to_be_good) {
  const Result result = run("gen --lang python '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "market_mail.py"))
      << "if the change is meant: ringmail gen --lang python market.mail -o golden/market_mail.py";
}

// The words of a schema may run into each other where generated code joins them, or hide what it names.
TEST_F(Gen, names_that_meet_in_the_generated_code_stay_apart) {
  write(folder_ / "a.mail",
        "namespace a;\n"
        "enum Side : i32 { bid = -1; declares = 2; mro = 3; }\n"
        "message Side_bid { valid: text<4>; view: u8; property: Side; restrict: bool; }\n"
        "message Tick { x: Side_bid[2]; }\n"
        "message Tick_valid { self: u8; }\n"
        "message Sequence { items: u8[3]; }\n"
        "message PMailbox {}\n"
        "protocol P { Tick -> Tick_valid; Sequence; }\n");
  ASSERT_EQ(run("gen --lang c a.mail -o a.h").exit_code, 0);
  write(folder_ / "a.c", "#include \"a.h\"\nint main(void) { return a_Side_bid_ == -1 ? 0 : 1; }\n");
  const std::string flags = " -Wall -Wextra -Wpedantic -Wconversion -Werror ";
  EXPECT_EQ(std::system(("cd '" + folder_.string() + "' && cc -std=c11" + flags + "a.c -o a").c_str()), 0);
  EXPECT_EQ(std::system(("cd '" + folder_.string() + "' && c++ -std=c++17 -x c++" + flags + "a.c -o b").c_str()), 0);
  EXPECT_EQ(std::system((folder_ / "a").c_str()), 0);
  ASSERT_EQ(run("gen --lang python a.mail -o a.py").exit_code, 0);
  EXPECT_EQ(std::system(("cd '" + folder_.string() +
                         "' && python3 -c 'import a; a.Tick(x=[a.Side_bid(view_=1, property_=a.Side.mro_)] * 2)'")
                            .c_str()),
            0);
}

TEST_F(Gen, writes_the_go_file_that_is_known_to_be_good) {
  const Result result = run("gen --lang go '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "market.mail.go"))
      << "if the change is meant: ringmail gen --lang go market.mail -o golden/market.mail.go";
}

TEST_F(Gen, gives_each_go_name_once) {
  write(
      folder_ / "a.mail",
      "namespace a.type; enum E : u8 { x = 0; X = 1; }"
      "message M { a_b: u8; aB: u8; set_c: u8; c: u8; pack: u8; } message MView {} message MType {} message ViewM {}");
  const Result result = run("gen --lang go a.mail");
  EXPECT_EQ(result.exit_code, 0);
  for (const std::string_view line :
       {"package type_\n", "\tEX  E = 0\n", "\tEX_ E = 1\n", "\tAB    uint8\n", "\tAB_   uint8\n", "\tSetC  uint8\n",
        "\tC_    uint8\n", "\tPack_ uint8\n", "type MView_ struct {\n", "func ViewM_(bytes []byte) (MView_, error) {\n",
        "\tMType_ = 0x"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << line;
  }
}

TEST_F(Gen, writes_the_java_class_that_is_known_to_be_good) {
  const fs::path binding = sources / "../../bindings";
  const Result result = run("gen --lang java '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "Market.java"))
      << "if the change is meant: ringmail gen --lang java market.mail -o golden/Market.java";
  const fs::path tests = binding / "java/src/test/java";
  const auto expect_current = [&](const fs::path& mail, const fs::path& java) {
    EXPECT_EQ(run("gen --lang java '" + mail.string() + "'").out, read(tests / java)) << java;
  };
  expect_current(binding / "conformance/conformance.mail", "conformance/Conformance.java");
  expect_current(binding / "vectors/vectors.mail", "vectors/Vectors_.java");
  expect_current(sources / "corners.mail", "test/corners/Corners_.java");
}

TEST_F(Gen, gives_names_an_underscore_that_java_has_taken) {
  write(folder_ / "String.mail",
        "namespace a.default; enum E : i64 { number = 1; class = 2; } message String { wait: u8; at: Int; lEvels: "
        "u8[2]; levels: u8[2]; }"
        "message Int { place: u8; } protocol Override { String -> Int; }");
  const Result result = run("gen --lang java String.mail");
  EXPECT_EQ(result.exit_code, 0);
  for (const std::string_view line :
       {"package a.default_;\n", "final class String__ {\n", "static final class String_ {\n", "class Override_ {\n",
        " class_(2L);\n", "int wait_() {\n", "Int at() {\n", "int lEvels_COUNT = 2;", "int levels_COUNT = 2;",
        "String__.Int on(String__.String_ message)"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << line;
  }
}

TEST_F(Gen, writes_the_rust_module_that_is_known_to_be_good) {
  const Result result = run("gen --lang rust '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "market.mail.rs"))
      << "if the change is meant: ringmail gen --lang rust market.mail -o golden/market.mail.rs";
}

TEST_F(Gen, names_of_rust_that_would_be_one_stay_as_they_are_written) {
  write(folder_ / "a.mail",
        "namespace a; enum E : u8 { half_open = 1; halfOpen = 2; } enum F : u8 { self = 1; type = 2; }\n"
        "message OrderBook { self: u8; match: u8; } message Order_book {} message HTTPGet {}\n"
        "protocol P { OrderBook; Order_book; } protocol Q { OrderBook -> HTTPGet; HTTPGet; }");
  const std::string text = run("gen --lang rust a.mail").out;
  for (const char* const line : {"    half_open = 1,\n", "    halfOpen = 2,\n", "    Self_ = 1,\n", "    Type = 2,\n",
                                 "    pub self_: u8,\n", "    pub r#match: u8,\n", "    fn on_OrderBook(",
                                 "    fn on_Order_book(", "    fn on_order_book(", "    fn on_http_get("}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST_F(Gen, writes_the_canonical_schema) {
  const Result result = run("gen --lang schema '" + (sources / "market.mail").string() + "'");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read(sources / "golden" / "market.schema"));
}

// The indented block of the text that starts with this line, without its indentation.
std::string block_of(const std::string& text, const std::string& first_line) {
  const std::size_t start = text.find("    " + first_line + "\n");
  if (start == std::string::npos) return "";
  std::istringstream lines(text.substr(start));
  std::string block;
  for (std::string line; std::getline(lines, line) && (line.empty() || line.starts_with("    "));) {
    if (!line.empty()) block += line.substr(4) + "\n";
  }
  return block;
}

TEST_F(Gen, the_example_of_the_specification_is_right) {
  const std::string specification = read(sources / "../../docs/spec/message.md");
  write(folder_ / "market.mail", block_of(specification, "// market.mail"));
  const Result result = run("gen --lang schema market.mail");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, block_of(specification, "ringmail-schema 1"));
}

TEST_F(Gen, leaves_an_output_alone_that_would_not_change) {
  write(folder_ / "a.mail", "namespace a; message M {}");
  ASSERT_EQ(run("gen --lang cpp a.mail -o out/a.hpp").exit_code, 0);
  const fs::path header = folder_ / "out" / "a.hpp";
  const auto old = fs::last_write_time(header) - std::chrono::hours(1);
  fs::last_write_time(header, old);

  ASSERT_EQ(run("gen --lang cpp a.mail -o out/a.hpp").exit_code, 0);
  EXPECT_EQ(fs::last_write_time(header), old);

  write(folder_ / "a.mail", "namespace a; message N {}");
  ASSERT_EQ(run("gen --lang cpp a.mail -o out/a.hpp").exit_code, 0);
  EXPECT_GT(fs::last_write_time(header), old);
  EXPECT_NE(read(header).find("struct N"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "out"), {}), 1) << "no temporary file stays behind";
}

TEST_F(Gen, a_refused_schema_leaves_the_old_output) {
  write(folder_ / "a.mail", "namespace a; message M { x: u9; }");
  write(folder_ / "a.hpp", "old");
  expect_refused("gen --lang cpp a.mail -o a.hpp", "a.mail:1:29: error: unknown type u9");
  EXPECT_EQ(read(folder_ / "a.hpp"), "old");
}

TEST_F(Gen, the_depfile_names_output_and_input) {
  write(folder_ / "a b.mail", "namespace a; message M {}");
  ASSERT_EQ(run("gen --lang cpp 'a b.mail' --output 'c$d.hpp' --depfile a.d").exit_code, 0);
  EXPECT_EQ(read(folder_ / "a.d"), "c$$d.hpp: a\\ b.mail\n");
}

TEST_F(Gen, the_header_does_not_depend_on_where_the_file_stands) {
  write(folder_ / "a.mail", "namespace a; message M {}");
  EXPECT_EQ(run("gen --lang cpp a.mail").out, run("gen --lang cpp '" + (folder_ / "a.mail").string() + "'").out);
}

TEST_F(Gen, says_what_is_wrong_in_one_line) {
  write(folder_ / "a.mail", "namespace a; message M {}");
  write(folder_ / "large.mail", std::string((1u << 20) + 1, ' '));
  expect_refused("gen --lang cpp none.mail", "none.mail: error: cannot read: No such file or directory");
  expect_refused("gen --lang cpp .", ".: error: cannot read: Is a directory");
  expect_refused("gen --lang cpp large.mail", "large.mail: error: larger than 1048576 bytes");
  expect_refused("gen --lang cobol a.mail",
                 "ringmail: error: --lang cobol is not supported: `ringmail gen --help` lists what is");
  expect_refused("gen --lang cpp a.mail --depfile a.d",
                 "ringmail: error: --depfile needs --output, whose dependencies it lists");
  expect_refused("gen --lang cpp a.mail -o a.mail/x.hpp", "a.mail/x.hpp: error: cannot write: Not a directory");
}

TEST_F(Gen, what_is_not_understood_has_an_exit_code_of_its_own) {
  constexpr int not_understood = 2;
  expect_refused("gen a.mail", "ringmail: error: --lang is required", not_understood);
  expect_refused("gen --lang cpp", "ringmail: error: file is required", not_understood);
  expect_refused("gen --lang cpp a.mail --fast", "ringmail: error: The following argument was not expected: --fast",
                 not_understood);
  expect_refused("", "ringmail: error: A subcommand is required", not_understood);
}

TEST_F(Gen, help_is_no_error) {
  const Result result = run("gen --help");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("--lang"), std::string::npos);
}

}  // namespace

// A machine that there is not: files of /proc and /sys in a folder that goes with the test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "doctor/facts.hpp"

namespace ringmail::doctor::test {

class Machine {
 public:
  Machine() {
    std::string name = (std::filesystem::temp_directory_path() / "ringmail_doctor_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~Machine() { std::filesystem::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Machine& write(std::string_view path, std::string_view content) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content << '\n';
    return *this;
  }

  Machine& allow(std::string_view cpus) {
    return write("proc/self/status", "Name:\tringmail\nSeccomp:\t0\nCpus_allowed_list:\t" + std::string(cpus));
  }

  Machine& cpu(int number, std::string_view siblings, std::string_view last_level, int node = 0) {
    const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(number) + "/";
    write(folder + "topology/thread_siblings_list", siblings);
    write(folder + "topology/physical_package_id", std::to_string(node));
    write(folder + "cache/index0/level", "1");
    write(folder + "cache/index0/shared_cpu_list", siblings);
    write(folder + "cache/index3/level", "3");
    write(folder + "cache/index3/shared_cpu_list", last_level);
    return write(folder + "node" + std::to_string(node) + "/cpulist", "");
  }

  const std::filesystem::path& root() const { return root_; }
  Facts facts() const { return read_facts(root_); }

 private:
  std::filesystem::path root_;
};

}  // namespace ringmail::doctor::test

#include "linux/cpu_quota.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "ringmail/transport/spin.hpp"

namespace ringmail::transport::test {
namespace {

namespace fs = std::filesystem;

class CpuQuota : public testing::Test {
 protected:
  CpuQuota() {
    std::string pattern = (fs::temp_directory_path() / "ringmail-quota-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    root_ = pattern;
  }
  ~CpuQuota() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  unsigned quota() const { return cpu_quota(root_.string()); }

  fs::path root_;
};

TEST_F(CpuQuota, is_none_where_nobody_says_one) {
  EXPECT_EQ(quota(), 0u);
  write("proc/self/cgroup", "0::/a/b");
  EXPECT_EQ(quota(), 0u);
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000");
  EXPECT_EQ(quota(), 0u);
}

TEST_F(CpuQuota, is_rounded_up_to_whole_cpus) {
  write("proc/self/cgroup", "0::/a");
  write("sys/fs/cgroup/a/cpu.max", "20000 100000");
  EXPECT_EQ(quota(), 1u);
  write("sys/fs/cgroup/a/cpu.max", "250000 100000");
  EXPECT_EQ(quota(), 3u);
}

TEST_F(CpuQuota, is_the_tightest_of_all_groups_above) {
  write("proc/self/cgroup", "0::/a/b/c");
  write("sys/fs/cgroup/a/cpu.max", "200000 100000");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000");
  write("sys/fs/cgroup/a/b/c/cpu.max", "800000 100000");
  EXPECT_EQ(quota(), 2u);
}

TEST_F(CpuQuota, of_the_old_hierarchy_counts_too) {
  write("proc/self/cgroup", "4:memory:/m\n1:cpu,cpuacct:/worker\n0::/");
  write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_period_us", "100000");
  write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(quota(), 0u);
  write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_quota_us", "150000");
  EXPECT_EQ(quota(), 2u);
}

TEST_F(CpuQuota, of_nonsense_is_none) {
  write("proc/self/cgroup", "nonsense\n::\n0::no-slash\n1:cpu:/x");
  write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "many");
  EXPECT_EQ(quota(), 0u);
}

TEST(UsableCpus, are_no_more_than_the_quota_grants) {
  const unsigned granted = cpu_quota("");
  EXPECT_GE(usable_cpus(), 1u);
  if (granted != 0) {
    EXPECT_LE(usable_cpus(), granted);
  }
}

}  // namespace
}  // namespace ringmail::transport::test

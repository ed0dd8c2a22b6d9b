// A folder on a disk that can be full.
#pragma once

#include <filesystem>
#include <string>

namespace ringmail::chaos {

/// Of the privileged it is a small file system of its own, which nobody else sees, and which is full when it is told to be. Else what
/// is written into it is as on a disk that is always full.
class FullDisk {
 public:
  /// Before there are other threads: it may take a mount namespace for this process.
  FullDisk();
  ~FullDisk();
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  /// Where somebody writes his file of that name.
  std::string file(const std::string& name) const;
  void fill() const;
  void free() const;

 private:
  std::filesystem::path folder_;
  bool is_mounted_ = false;
};

}  // namespace ringmail::chaos

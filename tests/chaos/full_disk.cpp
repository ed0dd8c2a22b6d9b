#include "full_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace ringmail::chaos {
namespace {

constexpr const char* size = "size=256k";

std::filesystem::path new_folder() {
  std::string name = std::filesystem::temp_directory_path() / "ringmail-chaos-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder " + name);
  return name;
}

/// In a mount namespace, so that it is gone with this process, however that ends.
bool mount_at(const std::filesystem::path& folder) {
  return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("ringmail-chaos", folder.c_str(), "tmpfs", 0, size) == 0;
}

}  // namespace

FullDisk::FullDisk() : folder_(new_folder()), is_mounted_(mount_at(folder_)) {}

FullDisk::~FullDisk() {
  if (is_mounted_) umount2(folder_.c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string FullDisk::file(const std::string& name) const {
  const std::filesystem::path path = folder_ / name;
  std::error_code exists;
  // A link of its own: what writes there may rename the file.
  if (!is_mounted_) std::filesystem::create_symlink("/dev/full", path, exists);
  return path;
}

void FullDisk::fill() const {
  if (!is_mounted_) return;
  const int file = open((folder_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  for (const std::size_t piece : {std::size_t{4096}, std::size_t{1}}) {
    const std::vector<char> bytes(piece);
    while (write(file, bytes.data(), piece) > 0) continue;
  }
  close(file);
}

void FullDisk::free() const {
  std::error_code ignored;
  if (is_mounted_) std::filesystem::remove(folder_ / "ballast", ignored);
}

}  // namespace ringmail::chaos

#include "ringmail/transport/fork_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <new>

namespace ringmail::transport {
namespace {

std::size_t system_page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

ForkGuard::ForkGuard(void* page) : word_(new(page) std::atomic<std::uint32_t>(1)) {}

ForkGuard::~ForkGuard() {
  if (word_ != nullptr) munmap(word_, system_page_bytes());
}

std::expected<ForkGuard, int> ForkGuard::create() {
  void* const page = mmap(nullptr, system_page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return std::unexpected(errno);
  ForkGuard guard(page);
  if (!detail::wipe_on_fork(page, system_page_bytes())) return std::unexpected(errno);
  return guard;
}

}  // namespace ringmail::transport

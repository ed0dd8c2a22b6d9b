#include "doctor/probes.hpp"

#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"

namespace ringmail::doctor {
namespace {

Probe refused(const char* what) { return {.works = false, .cause = std::string(what) + ": " + std::strerror(errno)}; }

/// As a host makes what it alone writes.
Probe try_memory() {
  auto segment = transport::Segment::create("ringmail.doctor", transport::page_bytes);
  if (!segment) return {.works = false, .cause = to_string(segment.error())};
  const auto mapping = segment->map(transport::Mapping::Access::write);
  if (!mapping) return {.works = false, .cause = to_string(mapping.error())};
  if (const auto sealed = segment->seal(transport::Seal::no_more_writers); !sealed) {
    return {.works = false, .cause = to_string(sealed.error())};
  }
  return {.works = true};
}

Probe try_futex() {
  constexpr std::uint64_t timeout_ns = 100'000;
  const std::atomic<std::uint32_t> word{0};
  // A signal may come in between; a futex that is refused returns at once, every time.
  for (int i = 0; i < 10; ++i) {
    if (transport::futex_wait(word, 0, timeout_ns) == transport::SleepResult::timed_out) return {.works = true};
  }
  return {.works = false, .cause = "a sleep on a word ends at once"};
}

Probe try_barrier() {
  if (transport::best_ordering() == transport::Ordering::asymmetric) return {.works = true};
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) < 0) return refused("membarrier");
  return {.works = false, .cause = "membarrier: this kernel has no global expedited barriers"};
}

Probe try_pidfd() {
#ifdef SYS_pidfd_open
  const transport::Descriptor self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return self ? Probe{.works = true} : refused("pidfd_open");
#else
  return {.works = false, .cause = "built with headers that have no pidfd_open"};
#endif
}

Probe try_guards() {
  constexpr int madv_guard_install = 102;  // headers older than the kernel do not name it
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return refused("mmap");
  const Probe probe = ::madvise(memory, page, madv_guard_install) == 0 ? Probe{.works = true} : refused("madvise");
  ::munmap(memory, page);
  return probe;
}

}  // namespace

Probes try_all() {
  return {.memory = try_memory(),
          .futex = try_futex(),
          .barrier = try_barrier(),
          .pidfd = try_pidfd(),
          .guards = try_guards()};
}

}  // namespace ringmail::doctor

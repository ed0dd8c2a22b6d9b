// What a fuzzer reads lies between pages that nobody may touch: once right before one, once right behind one. So the
// first byte that is read past either end ends the program, even where no sanitizer looks (a system call, a view that
// outlived its object, memory that is mapped and not allocated).
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace ringmail::fuzz {

/// Room for inputs, one at a time; it grows and is used again, since mapping costs more than most runs.
class Guarded {
 public:
  /// Where the page is that adjoins the bytes.
  enum class Page : std::uint8_t { in_front, behind };

  explicit Guarded(Page page) : page_(page) {}
  Guarded(const Guarded&) = delete;
  ~Guarded() { unmap(); }

  /// Writable, of any content, until the next call. They start on a page, or are aligned as their size is when the page is
  /// behind them.
  std::span<std::byte> bytes(std::size_t size) {
    if (pages_ == nullptr || size > room_) map(size);
    std::byte* const first = pages_ + page_bytes();
    return {page_ == Page::in_front ? first : first + room_ - size, size};
  }

  std::span<std::byte> copy_of(std::span<const std::byte> input) {
    const std::span<std::byte> copy = bytes(input.size());
    if (!input.empty()) std::memcpy(copy.data(), input.data(), input.size());
    return copy;
  }

 private:
  static std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
  }

  void map(std::size_t size) {
    unmap();
    room_ = (size + page_bytes() - 1) / page_bytes() * page_bytes();
    void* const pages =
        mmap(nullptr, room_ + 2 * page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) std::abort();
    pages_ = static_cast<std::byte*>(pages);
    if (mprotect(pages_ + page_bytes(), room_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }

  void unmap() {
    if (pages_ != nullptr) munmap(pages_, room_ + 2 * page_bytes());
  }

  Page page_;
  std::byte* pages_ = nullptr;
  std::size_t room_ = 0;
};

/// Calls `read` with both copies of a fuzzer's input.
template <class Read>
void between_guards(const std::uint8_t* data, std::size_t size, Read&& read) {
  static Guarded ends_at_a_page(Guarded::Page::behind);
  static Guarded starts_at_a_page(Guarded::Page::in_front);
  const auto input = std::as_bytes(std::span(data, size));
  read(std::span<const std::byte>(ends_at_a_page.copy_of(input)));
  read(std::span<const std::byte>(starts_at_a_page.copy_of(input)));
}

}  // namespace ringmail::fuzz

// There is none: options that would need one are refused (check_support).
#include "../host_keeper.hpp"

namespace ringmail::runtime {

std::expected<std::unique_ptr<HostKeeper>, std::string> HostKeeper::find(const std::string& listen) {
  return std::unique_ptr<HostKeeper>(new HostKeeper(listen));
}

std::expected<void, std::string> HostKeeper::start(const ExecHelper&) {
  return std::unexpected("the keeper: this system has none");
}

bool HostKeeper::put(const std::string&, const std::string&, std::span<const int>, int, std::chrono::nanoseconds) {
  return false;
}

bool HostKeeper::drop(const std::string&) { return false; }

int HostKeeper::stream() const {
  const std::lock_guard lock(mutex_);
  return stream_.get();
}

void HostKeeper::lose() {
  const std::lock_guard lock(mutex_);
  stream_ = {};
}

void HostKeeper::forget(int) {}

}  // namespace ringmail::runtime

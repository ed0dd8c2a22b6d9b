// A log that a test can read.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>

namespace ringmail::test {

class LogLines : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool has(const std::string& part) { return text().find(part) != std::string::npos; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    text_.append(message.payload.data(), message.payload.size()).append("\n");
  }
  void flush_() override {}

  std::string text_;
};

inline std::shared_ptr<spdlog::logger> log_to(const std::shared_ptr<LogLines>& lines) {
  return std::make_shared<spdlog::logger>("test", lines);
}

}  // namespace ringmail::test

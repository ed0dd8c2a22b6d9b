// Lines that strangers can cause at will: so many a second are written, and of the rest how many there were.
//
// Threads: the loop's.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "reactor_loop.hpp"

namespace ringmail::runtime {

class LogBudget {
 public:
  /// `subject` starts the line that says how many were kept back.
  LogBudget(ReactorLoop& loop, spdlog::logger& log, std::string subject, std::size_t lines_a_second = 20)
      : log_(log), subject_(std::move(subject)), lines_a_second_(lines_a_second), timer_(loop) {}

  template <class... Arguments>
  void warn(spdlog::format_string_t<Arguments...> format, Arguments&&... arguments) {
    write(spdlog::level::warn, format, std::forward<Arguments>(arguments)...);
  }
  template <class... Arguments>
  void write(spdlog::level::level_enum level, spdlog::format_string_t<Arguments...> format, Arguments&&... arguments) {
    if (!log_.should_log(level)) return;
    if (lines_ == lines_a_second_) return static_cast<void>(++kept_back_);
    if (lines_++ == 0) timer_.set(std::chrono::seconds(1), [this] { renew(); });
    log_.log(level, format, std::forward<Arguments>(arguments)...);
  }

 private:
  void renew() {
    if (kept_back_ != 0) log_.warn("{}: and {} more such lines within a second", subject_, kept_back_);
    lines_ = 0;
    kept_back_ = 0;
  }

  spdlog::logger& log_;
  std::string subject_;
  std::size_t lines_a_second_;
  LoopTimer timer_;
  std::size_t lines_ = 0;
  std::size_t kept_back_ = 0;
};

}  // namespace ringmail::runtime

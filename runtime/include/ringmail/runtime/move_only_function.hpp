// std::move_only_function, which LLVM's library does not have, and so macOS neither.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace ringmail::runtime {

template <class Signature>
class BoxedFunction;

/// As much of it as is needed here. Every function costs an allocation. Precondition of a call: it holds one.
template <class Result, class... Arguments>
class BoxedFunction<Result(Arguments...)> {
 public:
  BoxedFunction() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, BoxedFunction> &&
             std::is_invocable_r_v<Result, std::decay_t<F>&, Arguments...>)
  BoxedFunction(F&& function) : box_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(function))) {}

  Result operator()(Arguments... arguments) { return box_->call(std::forward<Arguments>(arguments)...); }
  explicit operator bool() const { return box_ != nullptr; }

 private:
  struct Box {
    virtual ~Box() = default;
    virtual Result call(Arguments... arguments) = 0;
  };
  template <class F>
  struct Holder final : Box {
    explicit Holder(F&& given) : function(std::move(given)) {}
    explicit Holder(const F& given) : function(given) {}
    Result call(Arguments... arguments) override { return function(std::forward<Arguments>(arguments)...); }
    F function;
  };

  std::unique_ptr<Box> box_;
};

#ifdef __cpp_lib_move_only_function
template <class Signature>
using MoveOnlyFunction = std::move_only_function<Signature>;
#else
template <class Signature>
using MoveOnlyFunction = BoxedFunction<Signature>;
#endif

}  // namespace ringmail::runtime

// Peer::run(): the loop, and how a message finds its handler. Include ringmail/peer.hpp.
#pragma once

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <expected>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace ringmail {

template <class P, class Handlers>
class Peer::Loop {
 public:
  Loop(Peer& peer, Handlers& handlers) : peer_(peer), handlers_(handlers) {}

  std::expected<void, Failure> run() {
    while (true) {
      auto received = peer_.receive();
      if (!received && received.error() == Errc::stopped) return {};
      if (!received) return std::unexpected(peer_.failure(received.error()));
      if (*received) {
        if (auto handled = handle(**received); !handled) return handled;
      } else if (const auto more = peer_.wait(); !more) {
        return std::unexpected(peer_.failure(more.error()));
      }
    }
  }

 private:
  struct NotValid : std::exception {
    explicit NotValid(std::string_view name) : text("what came as ") { text.append(name).append(" is none"); }
    const char* what() const noexcept override { return text.c_str(); }
    std::string text;
  };

  std::expected<void, Failure> handle(Received& received) {
    Result<> handled;
    try {
      if (received.is_message()) {
        handled = dispatch(received, static_cast<typename P::ringmail_accepts*>(nullptr));
      } else if (const auto down = received.down()) {
        if constexpr (requires { handlers_.on(*down); }) handlers_.on(*down);
      } else if constexpr (requires { handlers_.answered(received); }) {
        handlers_.answered(received);
      }
    } catch (...) {
      return give_up(received, text_of(std::current_exception()));
    }
    if (handled) handled = received.release();
    if (handled) return {};
    received.abandon();
    return std::unexpected(peer_.failure(handled.error()));
  }

  /// A line for the exception, and one for each that it came from.
  static std::string text_of(const std::exception_ptr& thrown) {
    std::string text = "an exception that is no std::exception";
    try {
      std::rethrow_exception(thrown);
    } catch (const NotValid& error) {
      text = error.what();
    } catch (const std::exception& error) {
      text = in_one_line(name_of(typeid(error)) + ": " + error.what());
      const auto* const nested = dynamic_cast<const std::nested_exception*>(&error);
      if (nested != nullptr && nested->nested_ptr()) text += "\nbecause of " + text_of(nested->nested_ptr());
    } catch (...) {
    }
    return text;
  }
  static std::string in_one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
  }
  static std::string name_of(const std::type_info& type) {
    char* const name = abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr);
    std::string text = name != nullptr ? name : type.name();
    std::free(name);
    // What libstdc++ derives from an exception that std::throw_with_nested() throws.
    constexpr std::string_view nested = "std::_Nested_exception<";
    return text.starts_with(nested) ? text.substr(nested.size(), text.size() - nested.size() - 1) : text;
  }

  std::expected<void, Failure> give_up(Received& received, std::string text) {
    // The reason to fail is the one that counts: the host may be gone already.
    if (!received.is_answered()) static_cast<void>(received.refuse(Refusal::failed));
    received.abandon();
    static_cast<void>(peer_.fail(text));
    return std::unexpected(Failure{Errc::handler_failed, std::move(text)});
  }

  template <class... Ms>
  Result<> dispatch(Received& received, std::tuple<Ms...>*) {
    Result<> handled;
    const bool is_known = ((received.type() == Ms::ringmail_type && (handled = call<Ms>(received), true)) || ...);
    if (!is_known && received.is_asked()) return received.refuse(Refusal::no_handler);
    return handled;
  }

  template <class M>
  Result<> call(Received& received) {
    if constexpr (VariablePeerMessage<M>) {
      const auto view = received.template view<M>();
      if (!view) throw NotValid(M::ringmail_name);
      using View = typename M::ringmail_view;
      if constexpr (requires { handlers_.on(*view); } || requires { handlers_.on(*view, received); }) {
        return answer<M, View>(*view, received);
      } else {
        return answer<M, M>(view->ringmail_copy(), received);
      }
    } else {
      if (const M* const message = received.as<M>()) return answer<M, M>(*message, received);
      const auto older = received.read<M>();
      if (!older) throw NotValid(M::ringmail_name);
      return answer<M, M>(*older, received);
    }
  }

  /// Taken is the M, or the view of it.
  template <class M, class Taken>
  Result<> answer(const Taken& message, Received& received) {
    constexpr bool takes_message = requires { handlers_.on(message); };
    constexpr bool takes_both = requires { handlers_.on(message, received); };
    static_assert(takes_message || takes_both, "there is no on(const M&) for a message that the protocol accepts");
    const auto on = [&]() -> decltype(auto) {
      if constexpr (takes_both) {
        return handlers_.on(message, received);
      } else {
        return handlers_.on(message);
      }
    };
    using Promised = decltype(P::on(std::declval<const M&>()));
    using Returned = std::remove_cvref_t<decltype(on())>;
    static_assert(std::is_same_v<Returned, Promised> || (std::is_void_v<Returned> && takes_both),
                  "this handler does not return what the protocol promises as the reply");
    if constexpr (std::is_void_v<Returned>) {
      on();
      if (received.is_answered()) return {};
      if constexpr (!std::is_void_v<Promised>) return received.refuse(Refusal::failed);  // nobody can answer any more
      return received.done();
    } else {
      const Returned reply = on();
      return received.is_answered() ? Result<>() : received.reply(reply);
    }
  }

  Peer& peer_;
  Handlers& handlers_;
};

template <class P, class Handlers>
std::expected<void, Peer::Failure> Peer::run(Handlers& handlers) {
  return Loop<P, Handlers>(*this, handlers).run();
}

}  // namespace ringmail

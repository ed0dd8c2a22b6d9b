#include "ringmail/runtime/io_error.hpp"

#include <cerrno>
#include <system_error>

namespace ringmail::runtime {
namespace {

IoErrorKind kind_of(int code) {
  switch (code) {
    case ETIMEDOUT: return IoErrorKind::timed_out;
    case ECANCELED: return IoErrorKind::stopped;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE: return IoErrorKind::reset;
    case ECONNREFUSED: return IoErrorKind::refused;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN: return IoErrorKind::unreachable;
    case ENOENT:
    case ENOTDIR: return IoErrorKind::not_found;
    case EEXIST: return IoErrorKind::exists;
    case EADDRINUSE: return IoErrorKind::in_use;
    case EACCES:
    case EPERM:
    case EROFS: return IoErrorKind::denied;
    case EINVAL:
    case EISDIR:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case ENAMETOOLONG: return IoErrorKind::invalid;
    case EMSGSIZE:
    case EFBIG: return IoErrorKind::too_large;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:  // of fork: no more processes
    case ENOSPC: return IoErrorKind::exhausted;
    default: return IoErrorKind::other;
  }
}

}  // namespace

std::string_view to_string(IoErrorKind kind) {
  switch (kind) {
    case IoErrorKind::timed_out: return "not done in time";
    case IoErrorKind::stopped: return "the actor was told to stop";
    case IoErrorKind::closed: return "it is closed";
    case IoErrorKind::reset: return "the other end went away";
    case IoErrorKind::refused: return "nobody listens there";
    case IoErrorKind::unreachable: return "there is no way there";
    case IoErrorKind::not_found: return "there is no such thing";
    case IoErrorKind::exists: return "it exists already";
    case IoErrorKind::in_use: return "the address is in use";
    case IoErrorKind::denied: return "it is not allowed";
    case IoErrorKind::invalid: return "the request makes no sense";
    case IoErrorKind::too_large: return "it is too large";
    case IoErrorKind::exhausted: return "the system has no more of what it takes";
    case IoErrorKind::no_stack: return "too many handlers are suspended";
    case IoErrorKind::other: break;
  }
  return "it failed";
}

IoError io_error(std::string_view what, int code) {
  return {
      .kind = kind_of(code), .code = code, .text = std::string(what) + ": " + std::generic_category().message(code)};
}

IoError io_error(std::string_view what, IoErrorKind kind) {
  return {.kind = kind, .text = std::string(what) + ": " + std::string(to_string(kind))};
}

}  // namespace ringmail::runtime

#include "ringmail/actors/io/watch.hpp"

#include "tell.hpp"

namespace ringmail::io::detail {

using runtime::Deadline;

std::expected<Watch, IoError> on_signal(const MessageReceiver& to, int number, Timeout timeout) {
  runtime::Scheduler& scheduler = to.system->scheduler(to.actor.thread());
  return Watch::signal(
      number, scheduler,
      [to, &scheduler](Watch::Signal&& signal) {
        return tell(scheduler, to.actor, *to.binding,
                    SignalReceived{.number = signal.number, .count = signal.count, .credit = std::move(signal.credit)});
      },
      Deadline::after(timeout));
}

std::expected<Watch, IoError> on_change(const MessageReceiver& to, const std::string& path, Timeout timeout) {
  runtime::Scheduler& scheduler = to.system->scheduler(to.actor.thread());
  return Watch::path(
      path, scheduler,
      [to, &scheduler, path](Watch::Change&& change) {
        using Kind = PathChanged::Kind;
        const Kind kind = change.failed       ? Kind::failed
                          : change.overflowed ? Kind::overflowed
                          : change.renamed    ? Kind::renamed
                                              : Kind::changed;
        return tell(scheduler, to.actor, *to.binding,
                    PathChanged{.kind = kind,
                                .path = path,
                                .name = std::move(change.name),
                                .error = std::move(change.error),
                                .credit = std::move(change.credit)});
      },
      Deadline::after(timeout));
}

}  // namespace ringmail::io::detail

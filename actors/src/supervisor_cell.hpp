// The actor that carries a plan out.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ringmail/actors/supervisor.hpp"
#include "supervisor_plan.hpp"

namespace ringmail::detail {

/// What the builder declares, and the supervisor reads when it has been started.
struct SupervisorSpec {
  struct Child {
    runtime::Address address;
    ChildOptions options;
    bool is_supervisor = false;
  };
  SupervisorOptions options;
  std::vector<Child> children;
};

class SupervisorCell final : public ActorCell<Supervisor>, private SupervisorPlan::Actions {
 public:
  SupervisorCell(runtime::System& system, std::shared_ptr<const SupervisorSpec> spec);
  /// Of one that never ran, or has left.
  ~SupervisorCell() override = default;

  std::vector<ChildInfo> children() const;
  ChildCounts count() const;
  void start_child(const StartChild& start, Promise<ChildOutcome> answer);
  void terminate_child(const ChildRef& child, Promise<ChildOutcome> answer);
  void restart_child(const ChildRef& child, Promise<ChildOutcome> answer);
  ChildOutcome delete_child(const ChildRef& child);

  // Cell
  void start() override;
  void stopped(const ExitReason& reason) override;
  void child_started(const runtime::Address& child) override;
  void child_down(const runtime::Address& child, const ExitReason& reason, bool for_good) override;
  void wind_up() override;
  void closed() override;
  bool has_wound_up() const override { return plan_.has_wound_up(); }
  void leave() override;

 private:
  // SupervisorPlan::Actions
  void start(std::size_t child) override;
  void stop(std::size_t child) override;
  void close(std::size_t child) override;
  void overdue(std::size_t child) override;
  void decided(std::size_t child, const ExitReason& reason, const std::string& what) override;
  void escalate(ExitReason reason) override;

  using Answers = std::vector<Promise<ChildOutcome>>;
  struct Child {
    SupervisorSpec::Child spec;
    bool was_added = false;      // while it ran
    bool is_new = false;         // added, and not up yet
    bool is_on_request = false;  // that it is down, or starts. A peer's mail then waits, for it may be asked for again
    std::optional<ExitReason> last_exit{};
    Answers until_up{};
    Answers until_down{};
  };

  void declare();
  std::size_t take_in(SupervisorSpec::Child spec);
  Child* child_of(const ChildRef& child, std::size_t& number);
  void settle(std::size_t number);
  void forget(std::size_t number);
  static void answer(Answers& waiting, const ChildOutcome& outcome);
  void follow_up();
  void set_timer();

  runtime::System& system_;
  std::shared_ptr<const SupervisorSpec> spec_;
  SupervisorPlan plan_;
  std::map<std::size_t, Child> children_;  // by the plan's numbers
  std::unordered_map<runtime::Address, std::size_t> numbers_;
  std::unordered_map<std::string, std::size_t> names_;
  runtime::TimerId timer_;
  bool is_declared_ = false;
  bool is_reported_ = false;  // that all of it is up, in this life
};

}  // namespace ringmail::detail

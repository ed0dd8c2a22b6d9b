// The actor that carries a plan out.
#pragma once

#include <memory>
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

  // Cell
  void start() override;
  void child_started(const runtime::Address& child) override;
  void child_down(const runtime::Address& child, const ExitReason& reason, bool for_good) override;
  void wind_up() override;
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

  void declare();
  void follow_up();
  void set_timer();

  runtime::System& system_;
  std::shared_ptr<const SupervisorSpec> spec_;
  SupervisorPlan plan_;
  std::unordered_map<runtime::Address, std::size_t> numbers_;
  std::vector<std::optional<ExitReason>> last_exits_;
  runtime::TimerId timer_;
  bool is_reported_ = false;  // that all of it is up, in this life
};

}  // namespace ringmail::detail

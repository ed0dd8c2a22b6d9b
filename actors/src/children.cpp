#include "ringmail/actors/children.hpp"

#include <stdexcept>

#include "here.hpp"

namespace ringmail {
namespace detail {

runtime::ActorId spawn_child(std::unique_ptr<runtime::Cell> cell, runtime::Placement where, bool linked) {
  runtime::System& system = *here().system();
  return here().add_child(std::move(cell), system.scheduler(system.place(where)), linked);
}

void adopt(const runtime::Address& child) { here().adopt(*here().current_cell(), child); }
void link(const runtime::Address& whom) { here().link(*here().current_cell(), whom); }
void unlink(const runtime::Address& whom) { here().unlink(*here().current_cell(), whom); }

}  // namespace detail

void this_actor::trap_exits(bool trap) {
  using detail::here;
  runtime::Cell& cell = *here().current_cell();
  const runtime::Binding* exit = cell.exit();
  if (trap && exit == nullptr) throw std::logic_error("an actor that traps exits needs on(const ringmail::Exit&)");
  here().trap_exits(cell, trap ? exit : nullptr);
}

}  // namespace ringmail

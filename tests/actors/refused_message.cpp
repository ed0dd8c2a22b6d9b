// Does not compile, and is to say why in one line: CMakeLists.txt looks for it.
#include "ringmail/actors/actors.hpp"

namespace {

struct Add {
  long n = 0;
};
struct Subtract {
  long n = 0;
};

class Counter : public ringmail::Actor {
 public:
  void on(const Add& add) { total_ += add.n; }

 private:
  long total_ = 0;
};

}  // namespace

void subtract(const ringmail::Mailbox<Counter>& counter) {
#ifdef ASK
  static_cast<void>(ringmail::ask(counter, Subtract{1}, std::chrono::seconds(1)));
#else
  static_cast<void>(counter.send(Subtract{1}));
#endif
}

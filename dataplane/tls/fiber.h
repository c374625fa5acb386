// A call on a stack of its own, that can pause in the middle and go on later: OpenSSL has no other
// way to let a server wait while it verifies a client's certificate (its retry-verify serves
// clients only). OpenSSL's own ASYNC jobs do the same on stacks of 32 KB without a guard page,
// taken from a pool of the thread that is neither counted nor given back; what parses a stranger's
// bytes should not overflow into the heap. These have a guard, are counted, and are told to the
// sanitizers.
//
// What runs on a fiber must not keep addresses of thread-local variables over a pause, so it is
// resumed on the thread that began it, and always run to its end. What OpenSSL keeps for each
// thread is no matter: a fiber has a default library context of its own, and finds no errors of
// others. One loop's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace sallyport::dataplane {

// Stacks for fibers: mapped when needed, each above a page that nothing may touch; a few that are
// not in use are kept. Outlives its fibers.
class FiberStacks {
 public:
  static constexpr size_t kBytes = 64 * 1024;  // of one stack; what is not touched takes no memory
  static constexpr size_t kKept = 8;

  // `most` at a time.
  explicit FiberStacks(size_t most) : most_(most) {}
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  // The lowest address of kBytes; null: too many are in use, or there is no memory.
  [[nodiscard]] char* Take();
  void Give(char* stack);
  [[nodiscard]] size_t in_use() const { return in_use_; }
  [[nodiscard]] size_t mapped_bytes() const { return (in_use_ + free_.size()) * kBytes; }

 private:
  const size_t most_;
  size_t in_use_ = 0;
  std::vector<char*> free_;
};

class Fiber {
 public:
  // Null: no stack. `work` runs at the first Resume; it must not throw.
  [[nodiscard]] static std::unique_ptr<Fiber> Make(FiberStacks& stacks, std::function<void()> work);
  ~Fiber();  // must have ended, or never begun
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it pauses or ends: true when it has ended, and then it is not resumed any more.
  bool Resume();
  // From inside: back to whoever resumed it.
  void Pause();
  // The one that this code runs on; null: none.
  [[nodiscard]] static Fiber* Current();

 private:
  struct Context;
  Fiber(FiberStacks& stacks, char* stack, std::function<void()> work);
  static void Run();
  void SwitchIn();
  void SwitchOut(bool for_good);

  FiberStacks& stacks_;
  char* const stack_;
  const std::function<void()> work_;
  bool begun_ = false, ended_ = false;
  std::thread::id thread_;
  std::unique_ptr<Context> context_;
};

}  // namespace sallyport::dataplane

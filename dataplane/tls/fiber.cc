#include "dataplane/tls/fiber.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

// The sanitizers must be told which stack runs.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SALLYPORT_ASAN_FIBERS 1
#endif
#if __has_feature(thread_sanitizer)
#define SALLYPORT_TSAN_FIBERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SALLYPORT_ASAN_FIBERS 1
#endif
#if defined(__SANITIZE_THREAD__)
#define SALLYPORT_TSAN_FIBERS 1
#endif
#ifdef SALLYPORT_ASAN_FIBERS
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SALLYPORT_TSAN_FIBERS
#include <sanitizer/tsan_interface.h>
#endif

namespace sallyport::dataplane {
namespace {

thread_local Fiber* current = nullptr;

// OpenSSL keeps its default library context for each thread, and who runs there next shall find it
// as it was, whatever the other side had for its own.
class DefaultContext {
 public:
  DefaultContext() : context_(OSSL_LIB_CTX_set0_default(nullptr)) {}  // null: nothing changes
  ~DefaultContext() { OSSL_LIB_CTX_set0_default(context_); }
  DefaultContext(const DefaultContext&) = delete;
  DefaultContext& operator=(const DefaultContext&) = delete;

 private:
  OSSL_LIB_CTX* const context_;
};

size_t GuardBytes() {
  static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

// As swapcontext, of which AddressSanitizer says that it knows it badly. `there` is of the context
// that is left: whether somebody has come back to it.
[[gnu::noinline]] void Switch(ucontext_t* from, volatile bool* there, const ucontext_t* to) {
  *there = false;
  getcontext(from);
  if (*there) return;
  *there = true;
  setcontext(to);
}

void Unmap(char* stack) { munmap(stack - GuardBytes(), FiberStacks::kBytes + GuardBytes()); }

}  // namespace

FiberStacks::~FiberStacks() {
  for (char* stack : free_) Unmap(stack);
}

char* FiberStacks::Take() {
  if (in_use_ >= most_) return nullptr;
  char* stack = nullptr;
  if (!free_.empty()) {
    stack = free_.back();
    free_.pop_back();
  } else {
    void* const mapped = mmap(nullptr, kBytes + GuardBytes(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    stack = static_cast<char*>(mapped) + GuardBytes();
    if (mprotect(mapped, GuardBytes(), PROT_NONE) != 0) {
      Unmap(stack);
      return nullptr;
    }
  }
  ++in_use_;
  return stack;
}

void FiberStacks::Give(char* stack) {
  --in_use_;
  if (free_.size() < kKept) {
    free_.push_back(stack);
  } else {
    Unmap(stack);
  }
}

struct Fiber::Context {
  ucontext_t own, caller;
  volatile bool own_there = false, caller_there = false;
#ifdef SALLYPORT_ASAN_FIBERS
  void* own_fake = nullptr;
  const void* caller_stack = nullptr;
  size_t caller_bytes = 0;
#endif
#ifdef SALLYPORT_TSAN_FIBERS
  void* own_state = __tsan_create_fiber(0);
  void* caller_state = nullptr;
  ~Context() { __tsan_destroy_fiber(own_state); }
#endif
};

std::unique_ptr<Fiber> Fiber::Make(FiberStacks& stacks, std::function<void()> work) {
  char* const stack = stacks.Take();
  if (stack == nullptr) return nullptr;
  return std::unique_ptr<Fiber>(new Fiber(stacks, stack, std::move(work)));
}

Fiber::Fiber(FiberStacks& stacks, char* stack, std::function<void()> work)
    : stacks_(stacks),
      stack_(stack),
      work_(std::move(work)),
      thread_(std::this_thread::get_id()),
      context_(std::make_unique<Context>()) {
  getcontext(&context_->own);
  context_->own.uc_stack.ss_sp = stack_;
  context_->own.uc_stack.ss_size = FiberStacks::kBytes;
  context_->own.uc_link = nullptr;
  makecontext(&context_->own, &Fiber::Run, 0);
}

Fiber::~Fiber() {
  if (begun_ && !ended_) std::abort();  // a bug: what it holds would be lost
  stacks_.Give(stack_);
}

Fiber* Fiber::Current() { return current; }

bool Fiber::Resume() {
  if (ended_ || current != nullptr || std::this_thread::get_id() != thread_) std::abort();
  begun_ = true;
  current = this;
  const DefaultContext callers;
  SwitchIn();
  current = nullptr;
  return ended_;
}

void Fiber::Pause() {
  if (current != this) std::abort();
  const DefaultContext own;
  SwitchOut(/*for_good=*/false);
  // What others left in the thread's queue would be taken for errors of what goes on here.
  ERR_clear_error();
}

void Fiber::Run() {
  Fiber& self = *current;
#ifdef SALLYPORT_ASAN_FIBERS
  __sanitizer_finish_switch_fiber(nullptr, &self.context_->caller_stack,
                                  &self.context_->caller_bytes);
#endif
  self.work_();
  self.ended_ = true;
  self.SwitchOut(/*for_good=*/true);
}

void Fiber::SwitchIn() {
  Context& context = *context_;
#ifdef SALLYPORT_ASAN_FIBERS
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, stack_, FiberStacks::kBytes);
#endif
#ifdef SALLYPORT_TSAN_FIBERS
  context.caller_state = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(context.own_state, 0);
#endif
  Switch(&context.caller, &context.caller_there, &context.own);
#ifdef SALLYPORT_ASAN_FIBERS
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void Fiber::SwitchOut([[maybe_unused]] bool for_good) {
  Context& context = *context_;
#ifdef SALLYPORT_ASAN_FIBERS
  __sanitizer_start_switch_fiber(for_good ? nullptr : &context.own_fake, context.caller_stack,
                                 context.caller_bytes);
#endif
#ifdef SALLYPORT_TSAN_FIBERS
  __tsan_switch_to_fiber(context.caller_state, 0);
#endif
  Switch(&context.own, &context.own_there, &context.caller);
#ifdef SALLYPORT_ASAN_FIBERS
  __sanitizer_finish_switch_fiber(context.own_fake, &context.caller_stack, &context.caller_bytes);
#endif
}

}  // namespace sallyport::dataplane

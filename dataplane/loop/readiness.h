// Whether a descriptor can be read or written, as of the loop's last look at all of them, and
// waiting until it can. The kernel tells changes only (edge-triggered): who tries and would block
// says so with Drained, and from then on nobody tries again before the kernel has spoken. At most
// two waiters per direction, each with its own deadline: on a TLS stream who reads may have to wait
// until it can be written, beside who writes, and the other way round. A third ends the process.
// Belongs to one loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/poller.h"
#include "dataplane/loop/waiters.h"

namespace sallyport::dataplane {

enum class Direction : uint8_t { kRead, kWrite };

class Readiness {
 public:
  // Takes the descriptor: closed by Close or destruction. It must be non-blocking. Both directions
  // may be tried, unless it is `connecting`: then it can be written once connect has ended,
  // whatever came of it.
  Readiness(Loop& loop, int fd, bool connecting = false);
  ~Readiness();  // who waits is cancelled
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // False: an attempt would block.
  [[nodiscard]] bool MayTry(Direction direction) const { return ready_[Index(direction)]; }
  // An attempt would have blocked.
  void Drained(Direction direction) { ready_[Index(direction)] = false; }
  // A read gave less than it had room for: the next one would block, unless the end is behind it.
  void ReadShort() { ready_[0] = hung_up_; }
  // An attempt failed: whatever else there is to learn can be learnt at once, before the kernel
  // tells.
  void Broken() { hung_up_ = ready_[0] = ready_[1] = true; }
  // The peer has closed its side or the connection is broken; what it sent before may still be
  // unread.
  [[nodiscard]] bool hung_up() const { return hung_up_; }

  // Always lets the loop go round, also when the direction is ready. Nothing of this object is used
  // once the wait is over. Of two that wait both are woken, and the first may leave nothing for the
  // second: try, and wait again.
  [[nodiscard]] boost::asio::awaitable<WaitResult> Wait(Direction direction, Deadline deadline);
  // Wakes the waiters as if there were something: for whoever has other news for them. They try,
  // and wait again.
  void Wake() { FinishAll(WaitResult::kReady); }
  // Wakes the waiters with kCancelled; later waits end at once the same way.
  void Cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  void Close();
  // Lets go of the descriptor, which stays open; -1 when there is none. As closed afterwards.
  [[nodiscard]] int Release();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] Loop& loop() const { return loop_; }

 private:
  friend class Poller;
  friend class Suspension;

  // Stays in the wheel while it is not later than what is waited for: most waits end long before
  // theirs.
  class Expiry final : public DeadlineNode {
   public:
    Readiness* owner = nullptr;
    size_t slot = 0;
    Deadline deadline;

   private:
    void OnDeadline() override { owner->Expired(this); }
  };

  // Those of one direction are two apart: its index is the first.
  static constexpr size_t kSlots = 4;
  static constexpr size_t kNoSlot = kSlots;

  static size_t Index(Direction direction) { return static_cast<size_t>(direction); }
  [[nodiscard]] size_t FreeSlot(size_t direction) const {
    if (waiter_[direction] == nullptr) return direction;
    return waiter_[direction + 2] == nullptr ? direction + 2 : kNoSlot;
  }
  void Note(uint32_t events);
  void ResumeSlot(size_t slot);
  void Expired(Expiry* expiry);
  void Arm(size_t slot, Deadline deadline);
  void Finish(size_t slot, WaitResult result);
  void FinishAll(WaitResult result);
  int Leave();

  Loop& loop_;
  int fd_;
  bool cancelled_ = false;
  bool ready_[2];
  bool hung_up_ = false;
  Poller::Key key_;
  Waiter* waiter_[kSlots] = {};
  Expiry expiry_[kSlots];
};

}  // namespace sallyport::dataplane

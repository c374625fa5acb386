// Waiting until a descriptor can be read or written: the one place that talks to the reactor about
// readiness. At most one waiter per direction. Belongs to one loop's thread.
#pragma once

#include <cstdint>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"

namespace sallyport::dataplane {

enum class Direction : uint8_t { kRead, kWrite };
enum class WaitResult : uint8_t { kReady, kTimeout, kCancelled };

class Readiness {
 public:
  // Takes the descriptor: closed by Close or destruction. It must be non-blocking.
  Readiness(Loop& loop, int fd);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  [[nodiscard]] boost::asio::awaitable<WaitResult> Wait(Direction direction, Deadline deadline);
  // Wakes the waiters with kCancelled; later waits end at once the same way.
  void Cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  void Close();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] Loop& loop() const { return loop_; }

 private:
  class Expiry final : public DeadlineNode {
   public:
    Readiness* owner = nullptr;
    bool fired = false;

   private:
    void OnDeadline() override;
  };

  Loop& loop_;
  int fd_;
  bool cancelled_ = false;
  boost::asio::posix::stream_descriptor descriptor_;
  Expiry expiry_[2];
  bool waiting_[2] = {false, false};
};

}  // namespace sallyport::dataplane

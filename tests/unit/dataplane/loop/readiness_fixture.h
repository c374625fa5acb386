// One loop whose time stands still until a test moves it, one end of a socket pair under Readiness,
// and the other end in the test's hand.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/loop/readiness.h"
#include "dataplane/loop/stream.h"
#include "shared/base/mutex.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
using boost::asio::awaitable;

inline std::array<int, 2> Pair() {
  std::array<int, 2> ends = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

// How one wait went.
struct Outcome {
  std::optional<WaitResult> result;
  int64_t at_millis = 0;
};

class ReadinessTest : public ::testing::Test {
 public:
  ReadinessTest() : ends_(Pair()), near_(std::make_unique<Readiness>(loop_, ends_[0])) {
    loop_.RefreshNow();
  }
  ~ReadinessTest() override {
    if (ends_[1] >= 0) close(ends_[1]);
  }

  // One look at all descriptors, and what comes of it.
  void Turn() { loop_.RunFor(absl::ZeroDuration()); }
  // Time passes turn by turn.
  void RunUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) {
      Turn();
      clock_.Advance(absl::Milliseconds(10));
    }
    EXPECT_TRUE(done());
  }
  void Spawn(awaitable<void> work) {
    boost::asio::co_spawn(loop_.context(), std::move(work), boost::asio::detached);
  }
  // `*outcome` outlives the wait; the readiness need not.
  void SpawnWait(Readiness& readiness, Direction direction, Deadline deadline, Outcome* outcome) {
    Spawn([](Loop& loop, Readiness& on, Direction way, Deadline until,
             Outcome* out) -> awaitable<void> {
      out->result = co_await on.Wait(way, until);
      loop.RefreshNow();
      out->at_millis = loop.NowMillis();
    }(loop_, readiness, direction, deadline, outcome));
  }
  void Say(absl::string_view text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  size_t Hear(size_t most) {
    std::string into(most, ' ');
    const ssize_t count = read(near_->fd(), into.data(), into.size());
    return count < 0 ? 0 : static_cast<size_t>(count);
  }
  // As who reads to the end does.
  void HearAll() {
    while (Hear(4096) > 0) {
    }
    near_->Drained(Direction::kRead);
  }

  // So that nothing more can be written.
  void Fill() {
    const std::string block(65536, 'x');
    while (write(near_->fd(), block.data(), block.size()) > 0) {
    }
    near_->Drained(Direction::kWrite);
  }
  // So that it can.
  void Drain() {
    std::string sink(1 << 20, ' ');
    while (::read(ends_[1], sink.data(), sink.size()) > 0) {
    }
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  std::array<int, 2> ends_;
  std::unique_ptr<Readiness> near_;
};

}  // namespace sallyport::dataplane

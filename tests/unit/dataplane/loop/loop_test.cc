#include "dataplane/loop/loop.h"

#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "dataplane/loop/suspension.h"
#include "gtest/gtest.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

// Nothing can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none = {0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

// Who waits for descriptors to come back waits by a timer.
TEST(Loop, TimersNeedNoDescriptorOfTheirOwn) {
  Loop loop(0);
  bool fired = false;
  const NoDescriptors none;
  boost::asio::steady_timer timer(loop.context());
  timer.expires_after(std::chrono::milliseconds(1));
  timer.async_wait([&](const boost::system::error_code& error) { fired = !error; });
  for (int i = 0; i < 100 && !fired; ++i) loop.RunFor(absl::Milliseconds(100));
  EXPECT_TRUE(fired);
}

// Coroutines with long work and one that looks in once a turn, as an event would; what they did, in
// order.
class LongWorkTest : public ::testing::Test {
 protected:
  void Spawn(boost::asio::awaitable<void> coroutine) {
    boost::asio::co_spawn(loop_.context(), std::move(coroutine), boost::asio::detached);
  }
  boost::asio::awaitable<void> Work(char name, absl::Duration takes, int times = 1) {
    for (int i = 0; i < times; ++i) {
      (void)co_await LongWorkTurn(loop_);
      done_.push_back(name);
      clock_.Advance(takes);
    }
  }
  boost::asio::awaitable<void> LookIn(int times) {
    for (int i = 0; i < times; ++i) {
      co_await Yield(loop_);
      done_.push_back('.');
    }
  }
  void Turns(int count) {
    for (int i = 0; i < count; ++i) loop_.RunFor(absl::ZeroDuration());
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  std::string done_;
};

TEST_F(LongWorkTest, OthersGoBetweenPiecesOfIt) {
  for (const char name : {'a', 'b', 'c'}) Spawn(Work(name, absl::Milliseconds(2)));
  Spawn(LookIn(4));
  Turns(5);
  EXPECT_EQ(done_, "a.b.c..");
}

TEST_F(LongWorkTest, ATurnTakesWhatThereIsTimeForInOrder) {
  for (const char name : {'a', 'b', 'c'}) Spawn(Work(name, absl::Microseconds(600), 2));
  Spawn(LookIn(3));
  Turns(4);
  EXPECT_EQ(done_, "ab.ca.bc.");
}

TEST_F(LongWorkTest, TheDelayIsThatOfTheFirstWhoWaits) {
  EXPECT_EQ(loop_.long_work_delay_millis(), 0);
  for (const char name : {'a', 'b', 'c'}) Spawn(Work(name, absl::Milliseconds(2)));
  Turns(1);
  loop_.RefreshNow();
  EXPECT_EQ(loop_.long_work_delay_millis(), 2);
  Turns(1);
  loop_.RefreshNow();
  EXPECT_EQ(loop_.long_work_delay_millis(), 4);
  Turns(1);
  EXPECT_EQ(loop_.long_work_delay_millis(), 0);
}

TEST_F(LongWorkTest, TheLoopDoesNotRestWhileThereIsSome) {
  constexpr int kPieces = 1000;  // with a rest of a tick of the wheel after each: 50 s
  Spawn(Work('a', absl::Milliseconds(2), kPieces));
  loop_.RunFor(absl::Seconds(2));
  EXPECT_EQ(done_.size(), kPieces);
}

TEST_F(LongWorkTest, WhatStillWaitsGoesWithTheLoop) {
  auto alive = std::make_shared<int>();
  const std::weak_ptr<int> watched = alive;
  const auto hold = [](Loop& loop, std::shared_ptr<int> held) -> boost::asio::awaitable<void> {
    (void)co_await LongWorkTurn(loop);
    held.reset();
    (void)co_await LongWorkTurn(loop);
  };
  loop_.context().restart();
  boost::asio::co_spawn(loop_.context(), hold(loop_, std::move(alive)), boost::asio::detached);
  (void)loop_.context().poll();  // up to where it waits
  EXPECT_FALSE(watched.expired());
  loop_.Discard();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace sallyport::dataplane

#include "dataplane/loop/signal.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <vector>

#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

class SignalTest : public ::testing::Test {
 protected:
  void WaitFor(Signal& signal, Deadline deadline = Deadline::Never()) {
    boost::asio::co_spawn(loop_.context(), Wait(signal, deadline), boost::asio::detached);
    loop_.RunFor(absl::ZeroDuration());
  }
  boost::asio::awaitable<void> Wait(Signal& signal, Deadline deadline) {
    const WaitResult result = co_await signal.Wait(deadline);
    results_.push_back(result);
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  std::vector<WaitResult> results_;
};

TEST_F(SignalTest, WakesWhoWaitsOnce) {
  Signal signal(loop_);
  WaitFor(signal);
  EXPECT_TRUE(results_.empty());
  signal.Set();
  EXPECT_TRUE(results_.empty()) << "not inside of Set";
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(results_, std::vector<WaitResult>{WaitResult::kReady});
  WaitFor(signal);
  EXPECT_EQ(results_.size(), 1u);
  signal.Set();
  loop_.RunFor(absl::ZeroDuration());
}

TEST_F(SignalTest, RemembersOneSet) {
  Signal signal(loop_);
  signal.Set();
  signal.Set();
  WaitFor(signal);
  EXPECT_EQ(results_.size(), 1u);
  WaitFor(signal);
  EXPECT_EQ(results_.size(), 1u);
  signal.Set();
  loop_.RunFor(absl::ZeroDuration());
  signal.Set();
  signal.Reset();
  WaitFor(signal, loop_.After(absl::ZeroDuration()));
  EXPECT_EQ(results_.back(), WaitResult::kTimeout);
}

TEST_F(SignalTest, EndsAtItsDeadline) {
  Signal signal(loop_);
  WaitFor(signal, loop_.After(absl::Seconds(1)));
  EXPECT_TRUE(results_.empty());
  clock_.Advance(absl::Milliseconds(1100));
  loop_.RunFor(absl::ZeroDuration());
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(results_, std::vector<WaitResult>{WaitResult::kTimeout});
  signal.Set();
  WaitFor(signal, loop_.After(absl::Seconds(1)));
  EXPECT_EQ(results_.back(), WaitResult::kReady) << "and the old deadline is forgotten";
}

TEST_F(SignalTest, ItsEndEndsTheWait) {
  auto signal = std::make_unique<Signal>(loop_);
  WaitFor(*signal);
  signal.reset();
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(results_, std::vector<WaitResult>{WaitResult::kCancelled});
}

}  // namespace
}  // namespace sallyport::dataplane

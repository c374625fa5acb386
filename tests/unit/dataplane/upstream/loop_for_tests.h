// Runs a coroutine on a loop in the test's own thread until it has ended; fails the test after a minute.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include "dataplane/loop/loop.h"

namespace sallyport::dataplane::testing {

class Watchdog final : public DeadlineNode {
 public:
  explicit Watchdog(Loop& loop) : loop_(loop) {}
  [[nodiscard]] bool fired() const { return fired_; }

 private:
  void OnDeadline() override {
    fired_ = true;
    loop_.Stop();
  }
  Loop& loop_;
  bool fired_ = false;
};

inline void RunOn(Loop& loop, const std::function<boost::asio::awaitable<void>()>& scenario) {
  Watchdog watchdog(loop);
  loop.RefreshNow();
  loop.AddDeadline(&watchdog, loop.After(absl::Seconds(60)));
  boost::asio::co_spawn(loop.context(), scenario, [&loop](const std::exception_ptr& error) {
    EXPECT_EQ(error, nullptr);
    loop.Stop();
  });
  loop.context().restart();
  loop.Run();
  EXPECT_FALSE(watchdog.fired()) << "the scenario did not end";
}

}  // namespace sallyport::dataplane::testing

#include "dataplane/upstream/dial.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::make_address;

TEST(DialTest, ANameServiceThatHangsDoesNotHoldUpAFailureForLong) {
  std::atomic<bool> held{false};
  absl::Notification release;
  std::atomic<int> lookups{0};
  base::ManualClock clock;
  Loop loop(0);  // outlives whoever may still have an answer for it
  Resolver resolver(
      {},
      [&](const std::string&) -> absl::StatusOr<std::vector<boost::asio::ip::address>> {
        ++lookups;
        if (held) release.WaitForNotification();
        return std::vector<boost::asio::ip::address>{make_address("127.0.0.1")};
      },
      clock);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    EXPECT_TRUE((co_await resolver.Resolve(loop, "gone.example", Deadline::Never())).ok());
    clock.Advance(absl::Seconds(31));  // old, and looked up anew
    held = true;
    // Nobody listens there.
    const auto target = *ParseUpstreamTarget("http://gone.example:1");
    const absl::Duration start = base::SystemClock().Monotonic();
    const DialResult result =
        co_await Dial(loop, resolver, target, nullptr, nullptr, loop.After(absl::Seconds(40)));
    const absl::Duration took = base::SystemClock().Monotonic() - start;
    release.Notify();
    EXPECT_TRUE(std::holds_alternative<UpstreamFailure>(result));
    EXPECT_GE(took, absl::Milliseconds(900)) << "newer addresses are waited for";
    EXPECT_LT(took, absl::Seconds(20));
    EXPECT_EQ(lookups, 2);
  });
}

}  // namespace
}  // namespace sallyport::dataplane

#include "dataplane/upstream/admission.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "dataplane/upstream/event.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"

namespace sallyport::dataplane {
namespace {

using Answer = Admission::Answer;
using boost::asio::awaitable;

class AdmissionTest : public ::testing::Test {
 protected:
  Answer Enter(const TargetLimits& limits) {
    Admission::Ticket ticket;
    const Answer answer = admission_.TryEnter(limits, &ticket);
    if (answer == Answer::kIn) tickets_.push_back(std::move(ticket));
    return answer;
  }
  void Run(const std::function<awaitable<void>()>& scenario) { testing::RunOn(loop_, scenario); }

  Admission admission_;
  std::vector<Admission::Ticket> tickets_;
  Loop loop_{0};
};

TEST_F(AdmissionTest, RequestsAreBounded) {
  const TargetLimits limits{.max_requests = 2};
  EXPECT_EQ(Enter(limits), Answer::kIn);
  EXPECT_EQ(Enter(limits), Answer::kIn);
  EXPECT_EQ(Enter(limits), Answer::kFull);
  tickets_.pop_back();
  EXPECT_EQ(Enter(limits), Answer::kIn);
  tickets_.clear();
  EXPECT_EQ(admission_.counts().in, 0u);
}

TEST_F(AdmissionTest, WithoutALineABusyTargetRefuses) {
  const TargetLimits limits{.max_connections = 1};
  EXPECT_EQ(Enter(limits), Answer::kIn);
  EXPECT_EQ(Enter(limits), Answer::kFull);
}

TEST_F(AdmissionTest, ThoseWhoWaitComeInInTheirOrderAndTheLineIsBounded) {
  const TargetLimits limits{.max_connections = 1, .max_pending = 2};
  EXPECT_EQ(Enter(limits), Answer::kIn);
  std::string order;
  Run([&]() -> awaitable<void> {
    Event finished(loop_);
    const auto wait = [&](char name) -> awaitable<void> {
      const Deadline deadline = loop_.After(absl::Seconds(20));
      std::optional<Admission::Ticket> ticket = co_await admission_.Wait(loop_, limits, deadline);
      EXPECT_TRUE(ticket.has_value());
      order += name;
      if (order.size() == 2) finished.Set();
    };
    boost::asio::co_spawn(loop_.context(), wait('a'), boost::asio::detached);
    boost::asio::co_spawn(loop_.context(), wait('b'), boost::asio::detached);
    while (admission_.counts().waiting < 2) {
      Event turn(loop_);
      loop_.Post([&turn] { turn.Set(); });
      (void)co_await turn.Wait(Deadline::Never());
    }
    EXPECT_EQ(Enter(limits), Answer::kFull);
    tickets_.clear();
    (void)co_await finished.Wait(Deadline::Never());
  });
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(admission_.counts().in, 0u);
}

TEST_F(AdmissionTest, WhoWaitedTooLongLeavesTheLine) {
  const TargetLimits limits{.max_connections = 1, .max_pending = 1};
  EXPECT_EQ(Enter(limits), Answer::kIn);
  Run([&]() -> awaitable<void> {
    const Deadline now = loop_.After(absl::ZeroDuration());
    const std::optional<Admission::Ticket> ticket = co_await admission_.Wait(loop_, limits, now);
    EXPECT_FALSE(ticket.has_value());
  });
  EXPECT_EQ(admission_.counts().waiting, 0u);
  tickets_.clear();
  EXPECT_EQ(admission_.counts().in, 0u);
}

TEST_F(AdmissionTest, APlaceThatBecameFreeMeanwhileIsTaken) {
  const TargetLimits limits{.max_connections = 1, .max_pending = 1};
  Run([&]() -> awaitable<void> {
    const std::optional<Admission::Ticket> ticket =
        co_await admission_.Wait(loop_, limits, Deadline::Never());
    EXPECT_TRUE(ticket.has_value());
    EXPECT_EQ(admission_.counts().in, 1u);
  });
  EXPECT_EQ(admission_.counts().in, 0u);
}

TEST_F(AdmissionTest, ALoopThatEndsLeavesNobodyInTheLine) {
  const TargetLimits limits{.max_connections = 1, .max_pending = 2};
  EXPECT_EQ(Enter(limits), Answer::kIn);
  {
    Loop other(1);
    for (int i = 0; i < 2; ++i) {
      boost::asio::co_spawn(
          other.context(),
          [](Admission* admission, Loop* loop, TargetLimits of) -> awaitable<void> {
            (void)co_await admission->Wait(*loop, of, Deadline::Never());
          }(&admission_, &other, limits),
          boost::asio::detached);
    }
    while (admission_.counts().waiting < 2) other.RunFor(absl::Milliseconds(1));
    tickets_.clear();  // the first is called in, and never hears of it
    EXPECT_EQ(admission_.counts().in, 1u);
  }
  EXPECT_EQ(admission_.counts().in, 0u);
  EXPECT_EQ(admission_.counts().waiting, 0u);
}

}  // namespace
}  // namespace sallyport::dataplane

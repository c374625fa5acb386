#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/match.h"
#include "dataplane/forward/forward.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::Result;

// Answers the first request of the first connection, and closes it at the second without an answer.
Origin::Script ClosesAtTheSecond(std::atomic<int>* connections) {
  return [connections](OriginConnection& connection) {
    const bool first = ++*connections == 1;
    for (int i = 0; !connection.ReadHead().empty(); ++i) {
      if (first && i == 1) return;
      connection.Answer("ok");
    }
  };
}

TEST_F(ForwardTest, IdempotentRequestIsSentAgainOnAFreshConnection) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.attempts, 1);
  const Result second = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kAllowed);
  EXPECT_EQ(second.outcome.attempts, 2);
  EXPECT_FALSE(second.outcome.reused);
  EXPECT_TRUE(absl::StrContains(second.answer, "\r\n\r\nok"));
}

TEST_F(ForwardTest, PostIsNeverSentTwice) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  (void)Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  const Result second = Run("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(second.outcome.attempts, 1);
  EXPECT_EQ(connections, 1);
}

TEST_F(ForwardTest, RequestWhoseBodyWasTakenIsNotSentTwice) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  (void)Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  const Result second =
      Run("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(connections, 1);
}

TEST_F(ForwardTest, WithoutBudgetTheRequestIsNotSentAgain) {
  RetryBudget budget(0);
  retries_ = &budget;
  while (budget.Take(loop_.NowMillis())) {
  }
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  (void)Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  const Result second = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamReset);
  EXPECT_TRUE(second.outcome.over_budget);
  EXPECT_FALSE(second.outcome.unsent) << "it may have been taken";
  EXPECT_EQ(connections, 1);
}

TEST_F(ForwardTest, ARequestThatFoundNoConnectionMayGoElsewhere) {
  for (const char* request : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"}) {
    const Result result = Run(request, *ParseUpstreamTarget("http://127.0.0.1:1"));
    EXPECT_EQ(result.outcome.reason, Reason::kUpstreamConnect);
    EXPECT_TRUE(result.outcome.unsent);
  }
}

TEST_F(ForwardTest, ARequestThatWentOutOnAKeptConnectionMayNotGoElsewhereEither) {
  std::atomic<Origin*> self{nullptr};
  Origin origin([&self](OriginConnection& connection) {
    connection.ReadHead();
    connection.Answer("ok");
    connection.ReadHead();
    self.load()->StopListening();  // and closes, without an answer
  });
  self = &origin;
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.reason,
            Reason::kAllowed);
  const Result second = Run("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamConnect);
  EXPECT_EQ(second.outcome.attempts, 2);
  EXPECT_FALSE(second.outcome.unsent) << "the first connection may have taken it";
}

TEST_F(ForwardTest, ARequestThatWentOutMayNot) {
  Origin origin([](OriginConnection& connection) { connection.ReadHead(); });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_FALSE(result.outcome.unsent);
}

}  // namespace
}  // namespace sallyport::dataplane

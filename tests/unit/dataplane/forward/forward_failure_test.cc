#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "absl/strings/match.h"
#include "dataplane/forward/forward.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::Caller;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::ReadAll;
using testing::ReadSome;
using testing::ReadUntil;
using testing::Result;
using testing::SendAll;

// Says when the answer's head has come.
Caller::Script GetsAnswerThen(std::promise<void>* begun) {
  return [begun](int fd, std::string* answer) {
    SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ReadUntil(fd, "\r\n\r\n", answer);
    begun->set_value();
    ReadAll(fd, answer);
  };
}

TEST_F(ForwardTest, ResetInsideTheBodyCutsTheClient) {
  // The script cannot reset before the gateway has read: the caller tells when.
  std::promise<void> arrived;
  Origin resetting([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
                                  std::string(50'000, 'x')));
    arrived.get_future().wait();
    connection.Reset();
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        while (answer->size() < 50'000 && ReadSome(fd, answer)) {
        }
        arrived.set_value();
        ReadAll(fd, answer);
      },
      Target(resetting));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_TRUE(result.outcome.answer_started);
  EXPECT_TRUE(result.outcome.cut);
  EXPECT_LT(result.answer.size(), 100'000u);
}

TEST_F(ForwardTest, CutChunkedAnswerHasNoEnd) {
  std::promise<void> arrived;
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    arrived.get_future().wait();
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        ReadUntil(fd, "abc\r\n", answer);
        arrived.set_value();
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_TRUE(result.outcome.cut);
  EXPECT_FALSE(absl::StrContains(result.answer, "\r\n0\r\n"));
}

TEST_F(ForwardTest, AnswerThatBreaksBeforeAnythingWasSentCanStillBeRefused) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol);
  EXPECT_FALSE(result.outcome.answer_started);
  EXPECT_FALSE(result.outcome.cut);
  EXPECT_EQ(result.answer, "");
}

TEST_F(ForwardTest, CloseBeforeAnAnswerIsAReset) {
  Origin origin([&](OriginConnection& connection) { connection.ReadHead(); });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(result.outcome.attempts, 1) << "a fresh connection is not tried again";
}

TEST_F(ForwardTest, SilentUpstreamTimesOut) {
  timeouts_.first_byte = absl::Milliseconds(100);
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    testing::PassTimeUntilClosed(connection, &time_);
  });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_FALSE(result.outcome.answer_started);
}

TEST_F(ForwardTest, TheTimeForAnAnswerBeginsWhenTheRequestHasEnded) {
  timeouts_.first_byte = absl::Milliseconds(200);
  std::atomic<bool> silent{false};
  std::atomic<int> arrived{0};
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    std::string body;
    for (int i = 0; i < 10; ++i) {
      body += connection.ReadBytes(1);
      ++arrived;
      arrived.notify_all();
    }
    if (silent) return testing::PassTimeUntilClosed(connection, &time_);
    // Closed, so that the second request does not meet the first one's connection on its way down.
    connection.Write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n" + body);
  });
  const Caller::Script slow = [&](int fd, std::string* answer) {
    arrived = 0;
    SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      SendAll(fd, "x");
      arrived.wait(i);
      time_.Advance(absl::Milliseconds(50));
    }
    ReadAll(fd, answer);
  };
  Result result = Run(slow, Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.status, 200);
  silent = true;
  result = Run(slow, Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
}

TEST_F(ForwardTest, TotalTimeHoldsForASlowAnswer) {
  timeouts_.total = absl::Milliseconds(300);
  std::promise<void> begun;
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx");
    begun.get_future().wait();
    while (connection.Write("x")) time_.Advance(absl::Milliseconds(5));
  });
  const Result result = Run(GetsAnswerThen(&begun), Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_TRUE(result.outcome.cut);
}

TEST_F(ForwardTest, SilenceInsideTheBodyTimesOutAndCuts) {
  timeouts_.idle = absl::Milliseconds(100);
  std::promise<void> begun;
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    begun.get_future().wait();
    testing::PassTimeUntilClosed(connection, &time_);
  });
  const Result result = Run(GetsAnswerThen(&begun), Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_TRUE(result.outcome.cut);
}

TEST_F(ForwardTest, NobodyListens) {
  const UpstreamTargetPtr target = *ParseUpstreamTarget("http://127.0.0.1:1");
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", target);
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamConnect);
  EXPECT_EQ(result.outcome.upstream, nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane

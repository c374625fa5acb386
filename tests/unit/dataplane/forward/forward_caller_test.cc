#include <gtest/gtest.h>

#include <future>

#include "absl/strings/match.h"
#include "dataplane/forward/forward.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::PassTimeUntilReadable;
using testing::ReadAll;
using testing::Result;
using testing::SendAll;

TEST_F(ForwardTest, CallerThatLeavesWhileWeWaitEndsTheExchange) {
  std::promise<void> ended;
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    testing::PassTimeUntilClosed(connection, &time_);
    ended.set_value();
  });
  const Result result =
      Run([](int fd, std::string*) { SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); },
          Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kClientGone);
  EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready)
      << "the upstream's connection is closed";
}

TEST_F(ForwardTest, CallerThatLeavesInsideItsBodyIsNotFinishedForIt) {
  std::promise<std::string> seen;
  Origin origin([&](OriginConnection& connection) {
    while (connection.ReadSome()) {
    }
    seen.set_value(connection.buffer());
  });
  const Result result = Run(
      [](int fd, std::string*) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kClientGone);
  auto received = seen.get_future();
  ASSERT_EQ(received.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_FALSE(absl::StrContains(received.get(), "\r\n0\r\n"));
}

TEST_F(ForwardTest, MalformedBodyIsTheCallersFault) {
  Origin origin([&](OriginConnection& connection) { connection.ReadUntil("never"); });
  const Result result =
      Run("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kBadRequest);
  EXPECT_FALSE(result.outcome.answer_started);
}

TEST_F(ForwardTest, TooLargeBodyIsRefusedAlsoWhenItsSizeIsNotSaid) {
  max_body_ = 1'000'000;
  Origin origin([&](OriginConnection& connection) {
    while (connection.ReadSome()) connection.buffer().clear();
  });
  const Result result = Run(
      [](int fd, std::string* answer) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        const std::string chunk = absl::StrCat("10000\r\n", std::string(65536, 'x'), "\r\n");
        for (int i = 0; i < 100 && SendAll(fd, chunk); ++i) {
        }
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kBodyTooLarge);
  EXPECT_FALSE(result.outcome.request_read);
}

TEST_F(ForwardTest, SlowBodyTimesOut) {
  timeouts_.idle = absl::Milliseconds(100);
  Origin origin([&](OriginConnection& connection) { connection.ReadUntil("never"); });
  const Result result = Run(
      [&](int fd, std::string*) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        PassTimeUntilReadable(fd, &time_);  // closed, that is
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kRequestTimeout);
}

}  // namespace
}  // namespace sallyport::dataplane

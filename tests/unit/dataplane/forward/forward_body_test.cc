#include <gtest/gtest.h>

#include <thread>

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
using testing::ReadSome;
using testing::ReadUntil;
using testing::Result;
using testing::SendAll;

TEST_F(ForwardTest, LargeBodiesBothWaysAtOnce) {
  constexpr size_t kBytes = 20u << 20;
  Origin origin([&](OriginConnection& connection) {  // an echo that never holds more than a block
    connection.ReadHead();
    connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    for (size_t done = 0; done < kBytes;) {
      if (connection.buffer().empty() && !connection.ReadSome()) return;
      done += connection.buffer().size();
      if (!connection.Write(connection.buffer())) return;
      connection.buffer().clear();
    }
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        std::thread writer([fd] {
          SendAll(fd, absl::StrCat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ", kBytes,
                                   "\r\n\r\n"));
          for (size_t done = 0; done < kBytes; done += 65536) SendAll(fd, std::string(65536, 'x'));
        });
        ReadAll(fd, answer);
        writer.join();
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.request_bytes, kBytes);
  EXPECT_EQ(result.outcome.response_bytes, kBytes);
  EXPECT_GT(result.answer.size(), kBytes);
  EXPECT_TRUE(result.outcome.request_read);
}

TEST_F(ForwardTest, AnswerBeforeTheBodyIsSentComesThrough) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write(
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    connection.ReadUntil("never");
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
        SendAll(fd, std::string(100'000, 'x'));
        ReadUntil(fd, "big", answer);  // and the rest is never sent
        do PassTimeUntilReadable(fd, &time_);
        while (ReadSome(fd, answer));
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.status, 413);
  EXPECT_FALSE(result.outcome.request_read);
  EXPECT_TRUE(absl::StrContains(result.answer, "\r\n\r\nbig"));
  EXPECT_EQ(pool_.counts().idle, 0u);
}

TEST_F(ForwardTest, ExpectContinueIsPassedOn) {
  Origin origin([&](OriginConnection& connection) {
    if (!absl::StrContains(connection.ReadHead(), "Expect: 100-continue\r\n")) return;
    connection.Write("HTTP/1.1 100 Continue\r\n\r\n");
    connection.Answer(connection.ReadBytes(5));
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd,
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        ReadUntil(fd, "100 Continue\r\n\r\n", answer);
        SendAll(fd, "hello");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.answer,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

TEST_F(ForwardTest, ExpectContinueIsAnsweredHereWhenTheUpstreamDoesNot) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    PassTimeUntilReadable(connection.fd(), &time_);
    connection.Answer(connection.ReadBytes(5));
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd,
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        ReadUntil(fd, "100 Continue\r\n\r\n", answer);
        SendAll(fd, "hello");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.status, 200) << result.outcome.detail;
}

TEST_F(ForwardTest, RefusedExpectationTakesNoBody) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    connection.ReadHead();
  });
  const Result result =
      Run("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
          Target(origin));
  EXPECT_EQ(result.outcome.status, 403);
  EXPECT_FALSE(result.outcome.request_read);
  EXPECT_EQ(pool_.counts().idle, 0u) << "a request that was never finished";
}

}  // namespace
}  // namespace sallyport::dataplane

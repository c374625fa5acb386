#include "dataplane/forward/forward.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::Result;

TEST_F(ForwardTest, RequestIsWrittenAnewAndAnswerComesBack) {
  std::string seen;
  Origin origin([&](OriginConnection& connection) {
    seen = connection.ReadHead();
    connection.Answer("hello", "X-A: 1\r\nConnection: X-B\r\nX-B: 2\r\n");
  });
  const Result result =
      Run("GET /x?y=1 HTTP/1.1\r\nHost: public\r\nConnection: X-C\r\nX-C: 1\r\nAccept: */*\r\n\r\n",
          Target(origin));
  EXPECT_EQ(seen, absl::StrCat("GET /x?y=1 HTTP/1.1\r\nHost: origin.example:", origin.port(),
                               "\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"));
  EXPECT_EQ(result.answer, "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_EQ(result.outcome.status, 200);
  EXPECT_EQ(result.outcome.response_bytes, 5u);
  EXPECT_TRUE(result.outcome.request_read);
  EXPECT_FALSE(result.outcome.cut);
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(ForwardTest, BodiesByLength) {
  std::string head;
  std::string body;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadBytes(5);
    connection.Answer("");
  });
  const Result result =
      Run("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_TRUE(absl::StrContains(head, "Content-Length: 5\r\n"));
  EXPECT_EQ(body, "hello");
  EXPECT_EQ(result.outcome.request_bytes, 5u);
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(ForwardTest, ChunkedBodiesAreFramedAnewWithTrailers) {
  std::string head;
  std::string body;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadUntil("0\r\nX-Sum: 7\r\n\r\n");
    connection.Answer("");
  });
  const Result result =
      Run("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\nClient-Cert: forged\r\n\r\n",
          Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_TRUE(absl::StrContains(head, "Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body, "5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n");
}

TEST_F(ForwardTest, AnswerSaysCloseWhenADrainBeganAfterTheRequest) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    draining_ = true;
    connection.Answer("hello");
  });
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).answer,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
}

TEST_F(ForwardTest, PostWithoutBodySaysSo) {
  std::string head;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    connection.Answer("");
  });
  EXPECT_EQ(Run("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.status, 200);
  EXPECT_TRUE(absl::StrContains(head, "Content-Length: 0\r\n"));
}

struct AnswerCase {
  const char* name;
  const char* request;
  const char* answer;
  const char* expected;
  bool kept;
};
TEST_F(ForwardTest, Answers) {
  const char* const kPlainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const AnswerCase cases[] = {
      {"chunked with trailers", kPlainGet,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nX-T: "
       "1\r\n\r\n",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: "
       "1\r\n\r\n",
       true},
      {"until close", kPlainGet, "HTTP/1.1 200 OK\r\n\r\nabc",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false},
      {"until close to HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nabc",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", false},
      {"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", true},
      {"HEAD chunked", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", true},
      {"204", kPlainGet, "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
       "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", true},
      {"304", kPlainGet, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", true},
      {"empty", kPlainGet, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
      {"interim before the answer", kPlainGet,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       true},
      {"upstream closes", kPlainGet,
       "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false},
      {"bytes after the answer", kPlainGet,
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: "
       "3\r\n\r\nbad",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false}};
  for (const AnswerCase& one : cases) {
    SCOPED_TRACE(one.name);
    Origin origin([&](OriginConnection& connection) {
      connection.ReadHead();
      connection.Write(one.answer);
      if (one.kept) connection.ReadHead();
    });
    const Result result = Run(one.request, Target(origin));
    EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
    EXPECT_EQ(result.answer, one.expected);
    EXPECT_EQ(pool_.counts().idle, one.kept ? 1u : 0u);
    pool_.RetireAll();
  }
}

TEST_F(ForwardTest, MalformedAnswersAreRefusedAndNothingOfThemPasses) {
  const std::string big_head =
      absl::StrCat("HTTP/1.1 200 OK\r\nX: ", std::string(200'000, 'x'), "\r\n\r\n");
  const std::string answers[] = {
      "garbage\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      big_head};
  for (const std::string& answer : answers) {
    SCOPED_TRACE(answer.substr(0, 80));
    Origin origin([&](OriginConnection& connection) {
      connection.ReadHead();
      connection.Write(answer);
    });
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
    EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol);
    EXPECT_FALSE(result.outcome.answer_started);
    EXPECT_EQ(result.answer, "");
    EXPECT_EQ(pool_.counts().idle, 0u);
  }
}

TEST_F(ForwardTest, EndlessInterimAnswersEnd) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    while (connection.Write("HTTP/1.1 102 Processing\r\n\r\n")) {
    }
  });
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.reason,
            Reason::kUpstreamProtocol);
}

}  // namespace
}  // namespace sallyport::dataplane

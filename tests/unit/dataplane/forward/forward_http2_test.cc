// HTTP/1.1 callers to an upstream that speaks HTTP/2.
#include <gtest/gtest.h>

#include "tests/unit/dataplane/forward/forward_fixture.h"
#include "tests/unit/dataplane/upstream/http2_origin_for_tests.h"

namespace sallyport::dataplane {
namespace {

using testing::Encode;
using testing::Http2OriginConnection;
using testing::MakeFrame;
using testing::Number;
using testing::Origin;
using testing::OriginConnection;
using testing::Reason;
using testing::Result;

constexpr char kGet[] = "GET /x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";
constexpr char kPost[] =
    "POST /x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

class ForwardHttp2Test : public testing::ForwardTest {
 protected:
  static UpstreamTargetPtr Http2Target(const Origin& origin) { return Target(origin, "h2c"); }
  // After `first`, each request gets "ok".
  static Origin::Script After(std::function<void(Http2OriginConnection&, uint32_t)> first,
                              std::string settings = {}) {
    return
        [first = std::move(first), settings = std::move(settings)](OriginConnection& connection) {
          Http2OriginConnection http2(connection);
          if (!http2.Greet(settings)) return;
          for (bool begun = false; const uint32_t stream = http2.NextRequest(); begun = true) {
            begun ? http2.Answer(stream) : first(http2, stream);
          }
        };
  }
};

TEST_F(ForwardHttp2Test, AnAnswerBecomesHttp1) {
  Origin origin(testing::ServesHttp2("hello"));
  const Result result = Run(kGet, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.answer,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_TRUE(result.outcome.upstream->http2);
  EXPECT_EQ(result.outcome.response_bytes, 5u);
  EXPECT_FALSE(result.outcome.reused);
  EXPECT_TRUE(Run(kGet, Http2Target(origin)).outcome.reused);
  EXPECT_EQ(origin.accepted(), 1);
}

TEST_F(ForwardHttp2Test, WithoutALengthItIsChunkedWithTrailers) {
  Origin origin(After([](Http2OriginConnection& http2, uint32_t stream) {
    http2.Send(MakeFrame(1, 4, stream, Encode({{":status", "200"}})) +
               MakeFrame(0, 0, stream, "hello") +
               MakeFrame(1, 5, stream, Encode({{"x-sum", "1"}})));
  }));
  const Result result = Run("GET /x HTTP/1.1\r\nHost: gw\r\n\r\n", Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_NE(result.answer.find("Transfer-Encoding: chunked"), std::string::npos) << result.answer;
  EXPECT_NE(result.answer.find("0\r\nx-sum: 1\r\n\r\n"), std::string::npos) << result.answer;
}

TEST_F(ForwardHttp2Test, ARequestThatWasRefusedIsSentAgainWithItsBody) {
  std::string bodies;
  base::Mutex mutex;
  Origin origin([&](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    for (int n = 0; const uint32_t stream = http2.NextRequest(); ++n) {
      {
        const base::MutexLock lock(&mutex);
        bodies = http2.body;
      }
      n == 0 ? (void)http2.Send(MakeFrame(3, 0, stream, Number(NGHTTP2_REFUSED_STREAM)))
             : http2.Answer(stream);
    }
  });
  const Result result = Run(kPost, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.attempts, 2);
  const base::MutexLock lock(&mutex);
  EXPECT_EQ(bodies, "hellohello");
}

TEST_F(ForwardHttp2Test, OneThatIsAlwaysRefusedEnds) {
  Origin origin([](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    while (const uint32_t stream = http2.NextRequest())
      http2.Send(MakeFrame(3, 0, stream, Number(NGHTTP2_REFUSED_STREAM)));
  });
  const Result got = Run(kGet, Http2Target(origin));
  EXPECT_EQ(got.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(got.outcome.attempts, 3);
  EXPECT_TRUE(got.outcome.unsent) << "another target may have it";
  const Result posted = Run(kPost, Http2Target(origin));
  EXPECT_EQ(posted.outcome.attempts, 3);
  EXPECT_FALSE(posted.outcome.unsent) << "its body was read";
}

TEST_F(ForwardHttp2Test, RetriesKeepToTheirBudget) {
  Origin origin(After([](Http2OriginConnection& http2, uint32_t stream) {
    http2.Send(MakeFrame(3, 0, stream, Number(NGHTTP2_REFUSED_STREAM)));
  }));
  RetryBudget none(0);
  while (none.Take(loop_.NowMillis())) {
  }
  retries_ = &none;
  const Result result = Run(kGet, Http2Target(origin));
  EXPECT_EQ(result.outcome.attempts, 1);
  EXPECT_TRUE(result.outcome.over_budget);
}

TEST_F(ForwardHttp2Test, WhatMayHaveBeenDoneIsNotDoneTwice) {
  std::atomic<int> requests{0};
  Origin origin([&requests](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    if (const uint32_t first = http2.NextRequest()) http2.Answer(first);
    while (http2.NextRequest() != 0) {
      ++requests;
      connection.Reset();
      return;
    }
  });
  ASSERT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed);
  const Result cut = Run(kPost, Http2Target(origin));
  EXPECT_EQ(cut.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(requests, 1);
  ASSERT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed);
  EXPECT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed)
      << "a GET may be sent again";
}

TEST_F(ForwardHttp2Test, WhatWentOutOnceMayNotGoElsewhereWhenNobodyListensAnyMore) {
  std::atomic<Origin*> self{nullptr};
  Origin origin([&self](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    if (const uint32_t first = http2.NextRequest()) http2.Answer(first);
    if (http2.NextRequest() != 0) self.load()->StopListening();  // and closes, without an answer
  });
  self = &origin;
  ASSERT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed);
  const Result second = Run("DELETE /x HTTP/1.1\r\nHost: gw\r\n\r\n", Http2Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamConnect) << second.outcome.detail;
  EXPECT_EQ(second.outcome.attempts, 2);
  EXPECT_FALSE(second.outcome.unsent) << "the first connection may have taken it";
}

TEST_F(ForwardHttp2Test, WhatWentOutOnceMayNotGoElsewhereWhenItIsRefusedLater) {
  std::atomic<bool> cut{false};
  Origin origin([&cut](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    const bool second = cut.exchange(true);
    for (bool begun = false; const uint32_t stream = http2.NextRequest(); begun = true) {
      if (second) {
        http2.Send(MakeFrame(3, 0, stream, Number(NGHTTP2_REFUSED_STREAM)));
      } else if (begun) {
        return;  // without an answer
      } else {
        http2.Answer(stream);
      }
    }
  });
  ASSERT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed);
  const Result later = Run(kGet, Http2Target(origin));
  EXPECT_EQ(later.outcome.reason, Reason::kUpstreamReset) << later.outcome.detail;
  EXPECT_EQ(later.outcome.attempts, 3);
  EXPECT_FALSE(later.outcome.unsent) << "the first connection may have taken it";
}

TEST_F(ForwardHttp2Test, AnAnswerThatBreaksOffIsCut) {
  Origin origin(After([](Http2OriginConnection& http2, uint32_t stream) {
    http2.Send(MakeFrame(1, 4, stream, Encode({{":status", "200"}, {"content-length", "100000"}})) +
               MakeFrame(0, 0, stream, std::string(16'000, 'x')) +
               MakeFrame(0, 0, stream, std::string(16'000, 'x')) +
               MakeFrame(0, 0, stream, std::string(16'000, 'x')));
    http2.Send(MakeFrame(3, 0, stream, Number(NGHTTP2_CANCEL)));
  }));
  const Result result = Run(kGet, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(result.outcome.reset_code, uint32_t{NGHTTP2_CANCEL});
  EXPECT_EQ(result.outcome.detail, "RST_STREAM CANCEL");
  EXPECT_TRUE(result.outcome.cut || result.answer.empty());
}

TEST_F(ForwardHttp2Test, MalformedAnswersAreTheUpstreamsFault) {
  Origin origin(After([](Http2OriginConnection& http2, uint32_t stream) {
    http2.Send(MakeFrame(1, 5, stream, Encode({{":status", "200"}, {"connection", "close"}})));
  }));
  const Result result = Run(kGet, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol);
  EXPECT_EQ(result.outcome.detail, "HTTP/2: connection-specific field");
  EXPECT_FALSE(result.outcome.answer_started);
  EXPECT_EQ(Run(kGet, Http2Target(origin)).outcome.reason, Reason::kAllowed);
  EXPECT_EQ(origin.accepted(), 1) << "the connection is as good as before";
}

TEST_F(ForwardHttp2Test, ASilentUpstreamIsNotWaitedForForEver) {
  Origin origin([this](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    if (http2.NextRequest() == 0) return;
    testing::PassTimeUntilClosed(connection, &time_);
  });
  timeouts_.first_byte = absl::Seconds(5);
  const Result result = Run(kGet, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  pool_.RetireAll();  // closes the connection, and so ends the script
}

TEST_F(ForwardHttp2Test, ACallerThatLeavesCancelsItsStream) {
  std::atomic<uint32_t> code{99};
  Origin origin([this, &code](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet() || http2.NextRequest() == 0) return;
    for (testing::GotFrame frame;;) {
      testing::PassTimeUntilReadable(connection.fd(), &time_);
      if (!http2.Next(&frame)) return;
      if (frame.type != 3) continue;
      code = frame.number();
      return;
    }
  });
  const Result result =
      Run([](int fd, std::string*) { testing::SendAll(fd, kGet); }, Http2Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kClientGone);
  testing::RunOn(loop_, [&]() -> testing::awaitable<void> {
    for (int i = 0; i < 20'000 && code == 99; ++i) {
      co_await Yield(loop_);
      usleep(500);
    }
  });
  EXPECT_EQ(code, uint32_t{NGHTTP2_CANCEL});
}

}  // namespace
}  // namespace sallyport::dataplane

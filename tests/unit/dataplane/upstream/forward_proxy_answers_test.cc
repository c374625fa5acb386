// What a forward proxy answers to CONNECT, and what that comes to.
#include <fcntl.h>

#include "tests/unit/dataplane/upstream/forward_proxy_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using testing::ConnectTo;
using testing::ForwardProxyTest;
using ::testing::HasSubstr;
using testing::kAccepted;
using ::testing::Not;
using testing::Origin;
using testing::OriginConnection;
using testing::Pump;

TEST_F(ForwardProxyTest, AnswersThatLeadNowhere) {
  struct Case {
    std::string answer;
    Reason reason;
    std::string detail;
  };
  const std::string big(20'000, 'x');
  const std::vector<Case> cases = {
      {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
       "Content-Length: 0\r\n\r\n",
       Reason::kUpstreamProxy, "does not take the user name"},
      {"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n",
       Reason::kUpstreamProxy, "answers 401 to CONNECT: it does not take the user name"},
      {"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n",
       Reason::kUpstreamProxyRefused, "answers 302 to CONNECT one.example:443"},
      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever", Reason::kUpstreamProxyRefused,
       "answers 403"},
      {"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>", Reason::kUpstreamProxyRefused, "answers 502"},
      {"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       Reason::kUpstreamProxyRefused, "answers 503"},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       Reason::kUpstreamProxy, "interim"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Reason::kUpstreamProxy, "has a body"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::kUpstreamProxy,
       "has a body"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 7\r\n\r\n", Reason::kUpstreamProxy,
       "its answer to CONNECT"},
      {"HTTP/1.1 200 OK\r\nX-Big: " + big + "\r\n\r\n", Reason::kUpstreamProxy,
       "its answer to CONNECT"},
      {big, Reason::kUpstreamProxy, "its answer to CONNECT"},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", Reason::kUpstreamProxy, "its answer to CONNECT"},
      {"HTTP/2 200 OK\r\n\r\n", Reason::kUpstreamProxy, "its answer to CONNECT"},
      {"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", Reason::kUpstreamProxy, "its answer to CONNECT"},
      {"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n", Reason::kUpstreamProxy,
       "its answer to CONNECT"},
      {"HTTP/1.1 2000 OK\r\n\r\n", Reason::kUpstreamProxy, "its answer to CONNECT"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
       Reason::kUpstreamProxy, "interim"},
  };
  for (const Case& one : cases) {
    const UpstreamFailure failure = FailureByAnswer(one.answer);
    EXPECT_EQ(failure.reason, one.reason) << one.answer.substr(0, 60) << ": " << failure.detail;
    EXPECT_THAT(failure.detail, HasSubstr(one.detail)) << one.answer.substr(0, 60);
    EXPECT_THAT(failure.detail, HasSubstr("forward proxy proxy.example:"));
    EXPECT_THAT(failure.detail, Not(HasSubstr("realm")));
  }
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(ForwardProxyTest, AProxyThatWantsCredentialsWhereThereAreNone) {
  const UpstreamFailure failure = FailureBy(
      [](OriginConnection& connection) {
        connection.Write("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
      },
      Proxied("https", "one.example", 443), "");
  EXPECT_EQ(failure.reason, Reason::kUpstreamProxy);
  EXPECT_THAT(failure.detail, HasSubstr("none is configured"));
}

TEST_F(ForwardProxyTest, AProxyThatEnds) {
  const UpstreamTargetPtr target = Proxied("https", "one.example", 443);
  for (const std::string& said :
       {std::string(), std::string("HTTP/1.1 200"), std::string("HTTP/1.1 200 OK\r\nX: y\r\n")}) {
    const UpstreamFailure failure = FailureBy(
        [&](OriginConnection& connection) {
          connection.Write(said);
          connection.CloseWithoutNotify();
        },
        target);
    EXPECT_EQ(failure.reason, Reason::kUpstreamProxy) << said;
    EXPECT_THAT(failure.detail, HasSubstr("no answer to CONNECT"));
  }
  const UpstreamFailure reset =
      FailureBy([](OriginConnection& connection) { connection.Reset(); }, target);
  EXPECT_EQ(reset.reason, Reason::kUpstreamProxy);
}

TEST_F(ForwardProxyTest, AProxyThatSaysNothingOrTooLittleRunsOutOfTime) {
  for (const std::string& said : {std::string(), std::string("HTTP/1.1 200 OK\r\n")}) {
    const UpstreamFailure failure = FailureBy(
        [&](OriginConnection& connection) {
          connection.Write(said);
          testing::PassTimeUntilReadable(connection.fd(), &time_);
        },
        Proxied("https", "one.example", 443));
    EXPECT_EQ(failure.reason, Reason::kUpstreamConnectTimeout) << said;
    EXPECT_THAT(failure.detail, HasSubstr("no answer to CONNECT in time"));
  }
}

TEST_F(ForwardProxyTest, AProxyThatIsNotThereIsNoFaultOfTheTarget) {
  uint16_t port = 0;
  {
    const Origin gone([](OriginConnection&) {});
    port = gone.port();
  }
  const UpstreamTargetPtr target = Proxied("https", "one.example", 443);
  UpstreamFailure failure = FailureOf(target, By(Plain(), port));
  EXPECT_EQ(failure.reason, Reason::kUpstreamProxy);
  EXPECT_THAT(failure.detail, HasSubstr("forward proxy proxy.example:"));
  Resolver nowhere(
      {}, [](const std::string&) { return absl::NotFoundError("no such name"); }, time_);
  pool_ = std::make_unique<UpstreamPool>(loop_, UpstreamPoolOptions(), nowhere, *trust_);
  failure = FailureOf(target, By(Plain(), port));
  EXPECT_EQ(failure.reason, Reason::kUpstreamProxy);
  EXPECT_THAT(failure.detail, HasSubstr("no such name"));
  pool_ = nullptr;
}

TEST_F(ForwardProxyTest, AnswersThatLeadThere) {
  Origin origin(testing::Serves("hello"), ServerTls());
  for (const std::string answer :
       {"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 Fine\r\n\r\n", "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    for (const bool byte_by_byte : {false, true}) {
      Origin proxy([&](OriginConnection& connection) {
        (void)connection.ReadHead();
        const int target = ConnectTo(origin.port());
        if (byte_by_byte) {
          const int on = 1;
          setsockopt(connection.fd(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
          for (const char c : answer) connection.Write(std::string(1, c));
        } else {
          connection.Write(answer);
        }
        Pump(connection.fd(), target);
        close(target);
      });
      const UpstreamTargetPtr target = Proxied("https", "one.example", origin.port());
      const UpstreamFailure failure = FailureOf(target, By(Plain(), proxy.port()));
      EXPECT_EQ(failure.reason, Reason::kAllowed) << answer << failure.detail;
    }
  }
}

TEST_F(ForwardProxyTest, WhatStandsBehindTheAnswerIsTheTargets) {
  // Of HTTP/2 without TLS the server may speak first: nothing of it may be lost.
  Origin proxy([&](OriginConnection& connection) {
    (void)connection.ReadHead();
    connection.Write(std::string(kAccepted) + "settings");
    (void)connection.ReadSome();
  });
  const UpstreamTargetPtr target = Proxied("h2c", "one.example", 80);
  const UpstreamCredentials credentials = By(Plain(), proxy.port());
  const ProxyHopPtr hop = MakeProxyHop(&credentials);
  Run([&]() -> awaitable<void> {
    const int fd = ConnectTo(proxy.port());
    fcntl(fd, F_SETFL, O_NONBLOCK);
    PlainStream stream(loop_, fd);
    const Deadline deadline = loop_.After(absl::Seconds(20));
    const auto failure = co_await OpenTunnel(stream, *hop, *target, deadline);
    EXPECT_FALSE(failure.has_value());
    std::string read;
    while (read.size() < 8) {
      char block[64];
      const IoResult result = co_await Read(stream, absl::MakeSpan(block), deadline);
      if (!result.ok()) break;
      read.append(block, result.bytes);
    }
    EXPECT_EQ(read, "settings");
  });
}

// So do many servers that are no HTTP servers: SSH, SMTP, MySQL.
TEST_F(ForwardProxyTest, AServerBehindTcpMaySpeakFirst) {
  Origin proxy([&](OriginConnection& connection) {
    (void)connection.ReadHead();
    connection.Write(std::string(kAccepted) + "220 ready");
    (void)connection.ReadSome();
  });
  const UpstreamTargetPtr target = Proxied("tcp", "one.example", 25);
  const UpstreamCredentialsPtr credentials = Share(By(Plain(), proxy.port()));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
    EXPECT_NE(lease, nullptr);
    if (lease == nullptr) co_return;
    const Deadline deadline = loop_.After(absl::Seconds(20));
    std::string read;
    while (read.size() < 9) {
      char block[64];
      const IoResult got =
          co_await Read(*lease->connection().stream, absl::MakeSpan(block), deadline);
      if (!got.ok()) break;
      read.append(block, got.bytes);
    }
    EXPECT_EQ(read, "220 ready");
  });
}

TEST_F(ForwardProxyTest, BytesThatTheTargetCannotHaveSentAreRefused) {
  const auto early = [](OriginConnection& connection) {
    connection.Write(std::string(kAccepted) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  };
  const UpstreamFailure plain = FailureBy(early, Proxied("http", "one.example", 80));
  EXPECT_EQ(plain.reason, Reason::kUpstreamProxy) << "it would be taken for the first answer";
  EXPECT_THAT(plain.detail, HasSubstr("bytes behind"));
  Origin proxy([&](OriginConnection& connection) {
    (void)connection.ReadHead();
    early(connection);
    while (connection.ReadSome()) {
    }
  });
  EXPECT_EQ(FailureOf(Proxied("https", "one.example", 443), By(Plain(), proxy.port())).reason,
            Reason::kUpstreamTlsHandshake);
}

}  // namespace
}  // namespace sallyport::dataplane

#include "dataplane/upstream/health_checker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>

#include "dataplane/loop/stream.h"
#include "dataplane/upstream_tls/server_check.h"
#include "tests/unit/dataplane/upstream/pool_fixture.h"
#include "tests/unit/dataplane/upstream/proxy_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using testing::Origin;
using testing::OriginConnection;
using testing::OriginTls;
using testing::Pair;
using testing::UpstreamPoolTest;
using testing::W;
using Result = HealthChecker::Result;

class HealthCheckerTest : public UpstreamPoolTest {
 protected:
  HealthCheckerTest() {
    route_.api_id = "api";
    route_.health_check.enabled = true;
    route_.health_check.path = "/healthz?x=1";
    checker_ = std::make_unique<HealthChecker>(HealthChecker::Parts{
        loop_, resolver_, *trust_, registry_, base::SystemClock(),
        [this](RoutePtr, UpstreamTargetPtr target, ProbePass) -> awaitable<ProbeCredentials> {
          co_return credentials_[target->host];
        },
        [this](Result result) { ++counts_[result]; }});
  }
  ~HealthCheckerTest() override { loop_.Discard(); }

  void AddTarget(const std::string& scheme, const std::string& host, uint16_t port) {
    RouteTarget target = *ParseTarget(absl::StrCat(scheme, "://", host, ":", port));
    route_.targets.push_back(target);
  }
  void Put() {
    routes_ = RouteTable::Empty()->With({std::make_shared<const Route>(route_)}, {});
    checker_->Follow(routes_);
  }
  TargetState& State(size_t index) {
    return *registry_.Of("api", *MakeUpstreamTarget(route_.targets[index]));
  }
  [[nodiscard]] int Count(Result result) { return counts_[result]; }
  // Time passes between checks, not within one.
  awaitable<void> Until(std::function<bool()> condition) {
    while (!condition()) {
      if (checker_->running() == 0) time_.Advance(absl::Milliseconds(50));
      co_await Turn();
    }
  }
  void RunUntil(const std::function<bool()>& condition) {
    Run([&]() -> awaitable<void> { co_await Until(condition); });
  }

  Route route_;
  RouteTablePtr routes_;
  TargetRegistry registry_;
  std::map<std::string, ProbeCredentials> credentials_;
  std::map<Result, int> counts_;
  std::unique_ptr<HealthChecker> checker_;
};

TEST_F(HealthCheckerTest, AsksAndTellsBothWays) {
  std::atomic<int> status{200};
  base::Mutex mutex;
  std::string head;
  Origin origin([&](OriginConnection& connection) {
    const std::string read = connection.ReadHead();
    {
      const base::MutexLock lock(&mutex);
      head = read;
    }
    connection.Write(absl::StrCat("HTTP/1.1 ", status.load(), " X\r\nContent-Length: 0\r\n\r\n"));
  });
  AddTarget("http", "one.example", origin.port());
  Put();
  RunUntil([&] { return Count(Result::kGood) == 2; });
  EXPECT_FALSE(State(0).down());
  {
    const base::MutexLock lock(&mutex);
    EXPECT_EQ(head, absl::StrCat("GET /healthz?x=1 HTTP/1.1\r\nHost: one.example:", origin.port(),
                                 "\r\nUser-Agent: sallyport-health-check\r\nAccept: */*\r\n"
                                 "Connection: close\r\n\r\n"));
  }
  status = 503;
  RunUntil([&] { return Count(Result::kBad) == 2; });
  EXPECT_FALSE(State(0).down()) << "three in a row";
  RunUntil([&] { return Count(Result::kBad) == 3; });
  EXPECT_TRUE(State(0).down());
  status = 204;
  RunUntil([&] { return Count(Result::kGood) == 4; });
  EXPECT_FALSE(State(0).down());
}

TEST_F(HealthCheckerTest, OnlyStatusesThatAreNamedCount) {
  Origin origin([](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  });
  route_.health_check.statuses = {200};
  route_.health_check.head = true;
  AddTarget("http", "one.example", origin.port());
  Put();
  RunUntil([&] { return Count(Result::kBad) == 1; });
  EXPECT_TRUE(State(0).down()) << "the first answer is believed";
  route_.health_check.statuses = {204};
  Put();
  RunUntil([&] { return Count(Result::kGood) == 2; });
  EXPECT_FALSE(State(0).down());
  EXPECT_EQ(checker_->size(), 1u);
}

TEST_F(HealthCheckerTest, SilenceAndGarbageAreBad) {
  Origin silent(
      [this](OriginConnection& connection) { testing::PassTimeUntilClosed(connection, &time_); });
  Origin garbage([](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("garbage\r\n\r\n");
  });
  AddTarget("http", "silent.example", silent.port());
  AddTarget("http", "garbage.example", garbage.port());
  AddTarget("http", "nobody.example", 1);
  Put();
  RunUntil([&] { return State(0).down() && State(1).down() && State(2).down(); });
  EXPECT_EQ(Count(Result::kGood), 0);
}

TEST_F(HealthCheckerTest, WhereNobodyAnswersForCredentialsNothingIsKnown) {
  Origin origin(testing::Serves(""), ServerTls());
  credentials_["one.example"] = CredentialsUnknown();
  AddTarget("https", "one.example", origin.port());
  Put();
  RunUntil([&] { return Count(Result::kNone) == 5; });
  EXPECT_FALSE(State(0).down());
  EXPECT_EQ(origin.accepted(), 0);
  credentials_["one.example"] = CredentialsRefused{"pending"};
  RunUntil([&] { return State(0).down(); });
  EXPECT_EQ(origin.accepted(), 0) << "never without its certificate";
  credentials_["one.example"] = Share(Plain());
  RunUntil([&] { return !State(0).down(); });
}

TEST_F(HealthCheckerTest, AServerThatIsNotTheOneMeantIsDownAndIsSentNothing) {
  std::atomic<int> requests{0};
  Origin origin(
      [&](OriginConnection& connection) { requests += connection.ReadHead().empty() ? 0 : 1; },
      ServerTls());
  UpstreamCredentials pinned = Plain();
  pinned.pinned = true;
  pinned.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
  credentials_["one.example"] = Share(std::move(pinned));
  credentials_["other.example"] = Share(Plain());
  AddTarget("https", "one.example", origin.port());
  AddTarget("https", "other.example", origin.port());
  Put();
  RunUntil([&] { return State(0).down() && State(1).down(); });
  EXPECT_EQ(requests, 0);
}

TEST_F(HealthCheckerTest, AnApiThatIsGoneIsAskedForNoMore) {
  Origin origin([](OriginConnection& connection) { connection.ReadHead(); });
  AddTarget("http", "one.example", origin.port());
  Put();
  RunUntil([&] { return State(0).down(); });
  const TargetStatePtr held = registry_.Of("api", *MakeUpstreamTarget(route_.targets[0]));
  route_.health_check.enabled = false;
  Put();
  EXPECT_FALSE(held->down());
  EXPECT_EQ(checker_->size(), 0u);
  const int asked = origin.accepted();
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 100; ++i) {
      time_.Advance(absl::Milliseconds(500));
      co_await Turn();
    }
  });
  EXPECT_EQ(origin.accepted(), asked);
}

// Two hosts of one API that demand different client certificates and have different pins, checked
// and used at once.
TEST_F(HealthCheckerTest, NeverPresentsTheCertificateOfAnotherHost) {
  const Pair one_key = testing::SelfSigned("DNS:one.example");
  const Pair two_key = testing::SelfSigned("DNS:two.example");
  std::atomic<int> wrong{0};
  std::atomic<int> checks{0};
  const auto expects = [&](const Pair& client) {
    return [&, expected = KeyOf(client)](OriginConnection& connection) {
      for (std::string head = connection.ReadHead(); !head.empty(); head = connection.ReadHead()) {
        if (head.rfind("GET /healthz", 0) == 0) ++checks;
        if (connection.ClientSpki() != expected) ++wrong;
        connection.Answer("");
      }
    };
  };
  const auto tls = [](const Pair& server) {
    return OriginTls{.chain = {&server}, .client_ca = &W().client_root, .require = true};
  };
  Origin one(expects(W().client_a), tls(one_key));
  Origin two(expects(W().client_b), tls(two_key));
  const auto credentials = [&](const std::string& host) {
    const bool first = host == "one.example";
    UpstreamCredentials made = first ? With(W().client_a, "a") : With(W().client_b, "b");
    made.pinned = true;
    made.pin_spki_sha256 = {SpkiSha256((first ? one_key : two_key).certificate.get())};
    return Share(std::move(made));
  };
  route_.health_check.interval = absl::Milliseconds(200);
  AddTarget("https", "one.example", one.port());
  AddTarget("https", "two.example", two.port());
  credentials_["one.example"] = credentials("one.example");
  credentials_["two.example"] = credentials("two.example");
  Put();
  const UpstreamTargetPtr targets[] = {Target("https", "one.example", one.port()),
                                       Target("https", "two.example", two.port())};
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 200; ++i) {
      const UpstreamTargetPtr& target = targets[i % 2];
      if (i % 20 == 0)
        credentials_[target->host] = credentials(target->host);  // as after an eviction
      const UpstreamCredentialsPtr used =
          std::get<UpstreamCredentialsPtr>(credentials_[target->host]);
      UpstreamPool::Result result = co_await Acquire(target, used, /*fresh=*/i % 7 == 0);
      UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
      EXPECT_NE(lease, nullptr);
      if (lease == nullptr) co_return;
      EXPECT_NE(co_await Exchange(*lease), "");
      lease->Keep();
      if (checker_->running() == 0) time_.Advance(absl::Milliseconds(50));
    }
    co_await Until([&] { return Count(Result::kGood) >= 60; });
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(Count(Result::kBad), 0);
  EXPECT_GE(checks, 60);
  EXPECT_TRUE(State(0).usable(loop_.NowMillis()) && State(1).usable(loop_.NowMillis()));
}

TEST_F(HealthCheckerTest, AsksThroughTheForwardProxyAlone) {
  Origin tls(
      [](OriginConnection& connection) {
        if (!connection.ReadHead().empty()) connection.Answer("");
      },
      ServerTls());
  Origin plain([](OriginConnection& connection) {
    if (!connection.ReadHead().empty()) connection.Answer("");
  });
  testing::ProxyForTests proxy;
  AddTarget("https", "one.example", tls.port());
  AddTarget("http", "two.example", plain.port());
  for (RouteTarget& target : route_.targets) {
    target.proxy = "proxy.example:1";
    UpstreamCredentials credentials = Plain();
    credentials.proxy.emplace();
    credentials.proxy->host = "proxy.example";
    credentials.proxy->port = proxy.port();
    credentials_[target.host] = Share(std::move(credentials));
  }
  Put();
  RunUntil([&] { return Count(Result::kGood) >= 4; });
  EXPECT_EQ(Count(Result::kBad), 0);
  const std::vector<std::string> heads = proxy.heads();
  EXPECT_EQ(heads.size(), static_cast<size_t>(tls.accepted() + plain.accepted()));
  for (const std::string& head : heads) EXPECT_EQ(head.find("CONNECT "), 0u) << head;
}

TEST_F(HealthCheckerTest, WhatWasSeenThroughAProxyIsNotHeldAgainstOtherWays) {
  Origin origin([](OriginConnection& connection) {
    if (!connection.ReadHead().empty()) connection.Answer("");
  });
  AddTarget("http", "one.example", origin.port());
  AddTarget("http", "two.example", origin.port());
  for (RouteTarget& target : route_.targets) {
    target.proxy = "proxy.example:1";
    UpstreamCredentials credentials = Plain();
    credentials.proxy.emplace();
    credentials.proxy->host = "proxy.example";
    credentials.proxy->port = 1;
    credentials_[target.host] = Share(std::move(credentials));
  }
  Put();
  RunUntil([&] { return State(0).down() && State(1).down(); });
  EXPECT_EQ(origin.accepted(), 0) << "never straight to it";
  for (RouteTarget& target : route_.targets) target.proxy.clear();
  EXPECT_FALSE(State(0).down());
  Put();
  RunUntil([&] { return origin.accepted() > 2; });
  EXPECT_FALSE(State(0).down());
}

}  // namespace
}  // namespace sallyport::dataplane

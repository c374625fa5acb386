// Connections that are shared, and the line of those who wait.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "dataplane/upstream/http2_connection.h"
#include "tests/unit/dataplane/upstream/http2_origin_for_tests.h"
#include "tests/unit/dataplane/upstream/pool_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using testing::Http2OriginConnection;
using testing::MakeFrame;
using testing::Number;
using testing::Origin;
using testing::OriginConnection;
using testing::ServesHttp2;
using testing::W;

class PoolHttp2Test : public testing::UpstreamPoolTest {
 protected:
  static UpstreamTargetPtr Http2Target(const std::string& scheme, const std::string& host,
                                       uint16_t port,
                                       UpstreamProtocol protocol = UpstreamProtocol::kHttp2) {
    UpstreamTarget target = *Target(scheme, host, port);
    target.protocol = protocol;
    return std::make_shared<const UpstreamTarget>(target);
  }
  awaitable<UpstreamLease> Lease(UpstreamTargetPtr target,
                                 UpstreamCredentialsPtr credentials = nullptr) {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    auto* const failure = std::get_if<UpstreamFailure>(&result);
    EXPECT_EQ(failure, nullptr) << (failure != nullptr ? failure->detail : "");
    if (failure != nullptr) co_return UpstreamLease();
    co_return std::move(std::get<UpstreamLease>(result));
  }
  static OutgoingHead Get() {
    OutgoingHead head;
    head.method = "GET";
    head.scheme = "http";
    head.authority = "one.example";
    head.path = "/";
    return head;
  }
  // The status; 0: none came.
  awaitable<int> Ask(UpstreamLease& lease) {
    Http2ClientStream stream(loop_);
    if (!lease.http2()->Request(Get(), &stream)) co_return 0;
    for (;;) {
      const ResponseHead* const head = stream.NextHead();
      if (head != nullptr) co_return head->status;
      if (stream.end().kind != Http2End::Kind::kOpen) co_return 0;
      (void)co_await stream.Wait(Deadline::Never());
    }
  }
  // Until the pool's loop has come to that.
  template <typename Condition>
  awaitable<void> Until(Condition condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      co_await Yield(loop_);
      usleep(500);
    }
    EXPECT_TRUE(condition());
  }
};

TEST_F(PoolHttp2Test, ManyRequestsShareOneConnection) {
  Origin origin(ServesHttp2());
  const UpstreamTargetPtr target = Http2Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    std::vector<UpstreamLease> leases;
    for (int i = 0; i < 100; ++i) leases.push_back(co_await Lease(target));
    EXPECT_FALSE(leases.front().reused());
    EXPECT_EQ(pool_->counts().in_use, 100u);
    for (UpstreamLease& lease : leases) EXPECT_EQ(co_await Ask(lease), 200);
    EXPECT_EQ(leases.front().http2(), leases.back().http2());
    for (UpstreamLease& lease : leases) lease.Keep();
    EXPECT_EQ(pool_->counts().in_use, 0u);
    UpstreamLease again = pool_->TryIdle(target, nullptr, permit_);
    EXPECT_TRUE(again.reused());
  });
  EXPECT_EQ(origin.accepted(), 1);
  EXPECT_EQ(pool_->counts().http2, 1u);
}

TEST_F(PoolHttp2Test, RequestsThatComeWhileOneOpensWaitForIt) {
  Origin origin(ServesHttp2());
  const UpstreamTargetPtr target = Http2Target("http", "one.example", origin.port());
  std::vector<UpstreamLease> leases;
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      boost::asio::co_spawn(
          loop_.context(), [&]() -> awaitable<void> { leases.push_back(co_await Lease(target)); },
          boost::asio::detached);
    }
    co_await Until([&] { return leases.size() == 20; });
    EXPECT_EQ(co_await Ask(leases.front()), 200);  // an answer: the upstream has accepted by now
    leases.clear();
  });
  EXPECT_EQ(origin.accepted(), 1);
}

TEST_F(PoolHttp2Test, TheUpstreamsLimitOpensMoreAndOursMakesWait) {
  Origin origin(ServesHttp2("ok", std::string("\0\3", 2) + Number(2)));
  MakePool({.max_waiting_per_key = 1, .max_http2_connections_per_key = 2});
  const UpstreamTargetPtr target = Http2Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    std::vector<UpstreamLease> leases;
    for (int n = 0; n < 2; ++n) {  // the limit is known once something has come
      leases.push_back(co_await Lease(target));
      EXPECT_EQ(co_await Ask(leases.back()), 200);
      leases.push_back(co_await Lease(target));
    }
    EXPECT_NE(leases[0].http2(), leases[3].http2());
    UpstreamLease late;
    boost::asio::co_spawn(
        loop_.context(), [&]() -> awaitable<void> { late = co_await Lease(target); },
        boost::asio::detached);
    co_await Until([&] { return pool_->counts().waiting == 1; });
    UpstreamPool::Result full = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(full).reason, Reason::kUpstreamPoolFull);
    leases[2].Keep();
    co_await Until([&] { return static_cast<bool>(late); });
    EXPECT_TRUE(late.waited());
    EXPECT_EQ(late.http2(), leases[3].http2());
  });
  EXPECT_EQ(origin.accepted(), 2);
}

TEST_F(PoolHttp2Test, KeysDoNotMix) {
  Origin origin(ServesHttp2(), {.chain = {&W().server, &W().intermediate},
                                .client_ca = &W().client_root,
                                .require = true,
                                .alpn = "h2"});
  const UpstreamTargetPtr target = Http2Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
  const UpstreamCredentialsPtr b = Share(With(W().client_b, "b"));
  Run([&]() -> awaitable<void> {
    UpstreamLease first = co_await Lease(target, a);
    UpstreamLease second = co_await Lease(target, b);
    UpstreamLease third = co_await Lease(target, a);
    EXPECT_NE(first.http2(), second.http2());
    EXPECT_EQ(first.http2(), third.http2());
    EXPECT_EQ(first.connection().facts->presented_certificate_id, "a");
    EXPECT_EQ(second.connection().facts->presented_certificate_id, "b");
    // The same place in HTTP/1.1 is another key.
    UpstreamTarget other = *target;
    other.protocol = UpstreamProtocol::kHttp1;
    UpstreamLease fourth = co_await Lease(std::make_shared<const UpstreamTarget>(other), a);
    EXPECT_EQ(fourth.http2(), nullptr);
  });
}

TEST_F(PoolHttp2Test, AlpnDecides) {
  Origin speaks(ServesHttp2(), {.chain = {&W().server, &W().intermediate}, .alpn = "h2"});
  Origin does_not(testing::Serves(""), testing::UpstreamPoolTest::ServerTls());
  const UpstreamCredentialsPtr plain = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamLease chosen = co_await Lease(
        Http2Target("https", "one.example", speaks.port(), UpstreamProtocol::kAuto), plain);
    EXPECT_NE(chosen.http2(), nullptr);
    EXPECT_EQ(co_await Ask(chosen), 200);
    const UpstreamTargetPtr old =
        Http2Target("https", "one.example", does_not.port(), UpstreamProtocol::kAuto);
    UpstreamLease fallen_back = co_await Lease(old, plain);
    EXPECT_EQ(fallen_back.http2(), nullptr);
    UpstreamLease another = co_await Lease(old, plain);
    EXPECT_NE(co_await Exchange(another), "");
    another.Keep();
    EXPECT_TRUE(pool_->TryIdle(old, plain, permit_).reused());
    UpstreamPool::Result refused = co_await Acquire(
        Http2Target("https", "one.example", does_not.port(), UpstreamProtocol::kHttp2), plain);
    EXPECT_EQ(std::get<UpstreamFailure>(refused).reason, Reason::kUpstreamProtocol);
  });
}

TEST_F(PoolHttp2Test, ARefusedClientCertificateIsToldAsSuch) {
  Origin origin(ServesHttp2(), {.chain = {&W().server, &W().intermediate},
                                .client_ca = &W().client_root,
                                .require = true,
                                .alpn = "h2"});
  const UpstreamTargetPtr target = Http2Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr nobody = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nobody);
    if (auto* const failure = std::get_if<UpstreamFailure>(&result)) {  // TLS 1.2
      EXPECT_EQ(failure->reason, Reason::kUpstreamTlsHandshake);
      co_return;
    }
    UpstreamLease lease = std::move(std::get<UpstreamLease>(result));
    EXPECT_EQ(co_await Ask(lease), 0);
    co_await Until([&] { return lease.http2()->over(); });
    EXPECT_EQ(lease.http2()->failure().reason, Reason::kUpstreamTlsHandshake);
  });
}

TEST_F(PoolHttp2Test, ACertificateThatIsVoidTakesNoFurtherRequestAndLeavesThoseUnderWay) {
  Origin origin(
      ServesHttp2(),
      {.chain = {&W().server, &W().intermediate}, .client_ca = &W().client_root, .alpn = "h2"});
  const UpstreamTargetPtr target = Http2Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
  Run([&]() -> awaitable<void> {
    UpstreamLease lease = co_await Lease(target, a);
    UpstreamHttp2* const old = lease.http2();
    pool_->RetireTag("cert:a");
    EXPECT_FALSE(pool_->TryIdle(target, a, permit_));
    EXPECT_EQ(co_await Ask(lease), 200) << "it was let in before";
    UpstreamLease next = co_await Lease(target, a);
    EXPECT_NE(next.http2(), old);
    lease.Keep();
    co_await Until([&] { return pool_->counts().http2 == 1; });
  });
}

TEST_F(PoolHttp2Test, WhoWaitsWhileItsGroundIsTakenAwayIsSentBack) {
  Origin origin(
      ServesHttp2(),
      {.chain = {&W().server, &W().intermediate}, .client_ca = &W().client_root, .alpn = "h2"});
  MakePool({.max_http2_connections_per_key = 1, .http2 = {.max_concurrent_streams = 1}});
  const UpstreamTargetPtr target = Http2Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
  Run([&]() -> awaitable<void> {
    UpstreamLease lease = co_await Lease(target, a);
    std::optional<UpstreamPool::Result> waited;
    boost::asio::co_spawn(
        loop_.context(), [&]() -> awaitable<void> { waited = co_await Acquire(target, a); },
        boost::asio::detached);
    co_await Until([&] { return pool_->counts().waiting == 1; });
    pool_->RetireTag("cert:a");
    co_await Until([&] { return waited.has_value(); });
    EXPECT_EQ(std::get<UpstreamFailure>(*waited).reason, Reason::kUpstreamPoolFull);
  });
}

TEST_F(PoolHttp2Test, IdleAndOldOnesAreClosedWithAGoaway) {
  std::atomic<int> goaways{0};
  Origin origin([&goaways](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    for (testing::GotFrame frame; http2.Next(&frame);) {
      if (frame.type == 7) ++goaways;
      if (frame.type == 1) http2.Answer(frame.stream);
    }
  });
  const UpstreamTargetPtr target = Http2Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamLease lease = co_await Lease(target);
    EXPECT_EQ(co_await Ask(lease), 200);
    lease.Keep();
    time_.Advance(absl::Seconds(59));
    loop_.RefreshNow();
    pool_->Sweep();
    EXPECT_EQ(pool_->counts().http2, 1u);
    time_.Advance(absl::Seconds(2));
    loop_.RefreshNow();
    pool_->Sweep();
    co_await Until([&] { return pool_->counts().http2 == 0 && goaways == 1; });
    UpstreamLease held = co_await Lease(target);
    time_.Advance(absl::Minutes(31));
    loop_.RefreshNow();
    pool_->Sweep();
    EXPECT_EQ(pool_->counts().http2, 1u) << "in use";
    EXPECT_FALSE(pool_->TryIdle(target, nullptr, permit_)) << "and too old for another request";
    held.Keep();
    co_await Until([&] { return pool_->counts().http2 == 0; });
  });
}

TEST_F(PoolHttp2Test, OneThatTheUpstreamClosesIsForgotten) {
  std::atomic<bool> close_it{false};
  Origin origin([&close_it](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet()) return;
    if (const uint32_t stream = http2.NextRequest()) http2.Answer(stream);
    close_it.wait(false);
  });
  const UpstreamTargetPtr target = Http2Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamLease lease = co_await Lease(target);
    EXPECT_EQ(co_await Ask(lease), 200);
    lease.Keep();
    EXPECT_EQ(pool_->counts().http2, 1u);
    close_it = true;
    close_it.notify_all();
    co_await Until([&] { return pool_->counts().http2 == 0; });
  });
}

TEST_F(PoolHttp2Test, AFailureToConnectIsToldToAllWhoWaitForIt) {
  uint16_t port = 0;
  {
    Origin origin(ServesHttp2());
    port = origin.port();
  }
  const UpstreamTargetPtr target = Http2Target("http", "one.example", port);
  int failures = 0;
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 10; ++i) {
      boost::asio::co_spawn(
          loop_.context(),
          [&]() -> awaitable<void> {
            UpstreamPool::Result result = co_await Acquire(target, nullptr);
            auto* const failure = std::get_if<UpstreamFailure>(&result);
            if (failure != nullptr && failure->reason == Reason::kUpstreamConnect) ++failures;
          },
          boost::asio::detached);
    }
    co_await Until([&] { return failures == 10; });
  });
  EXPECT_EQ(pool_->counts().in_use, 0u);
  EXPECT_EQ(pool_->counts().waiting, 0u);
}

// HTTP/1.1: who waits gets what becomes free, in the order in which they came.
TEST_F(PoolHttp2Test, TheLineOfHttp1KeepsItsOrder) {
  Origin origin(testing::Serves(""));
  MakePool({.max_connections_per_key = 1, .max_waiting_per_key = 3});
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  std::vector<int> order;
  Run([&]() -> awaitable<void> {
    UpstreamLease first = co_await Lease(target);
    for (int n = 0; n < 3; ++n) {
      boost::asio::co_spawn(
          loop_.context(),
          [&, n]() -> awaitable<void> {
            UpstreamLease lease = co_await Lease(target);
            EXPECT_TRUE(lease.waited());
            (void)co_await Exchange(lease);
            order.push_back(n);
            n == 1 ? lease.Drop() : lease.Keep();
          },
          boost::asio::detached);
    }
    co_await Until([&] { return pool_->counts().waiting == 3; });
    UpstreamPool::Result full = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(full).reason, Reason::kUpstreamPoolFull);
    (void)co_await Exchange(first);
    first.Keep();
    co_await Until([&] { return order.size() == 3; });
  });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(origin.accepted(), 2) << "one was dropped";
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(PoolHttp2Test, WhoWaitsTooLongIsToldSo) {
  Origin origin(testing::Serves(""));
  MakePool({.max_connections_per_key = 1});
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamLease first = co_await Lease(target);
    std::optional<UpstreamPool::Result> waited;
    boost::asio::co_spawn(
        loop_.context(), [&]() -> awaitable<void> { waited = co_await Acquire(target, nullptr); },
        boost::asio::detached);
    co_await Until([&] { return pool_->counts().waiting == 1; });
    time_.Advance(absl::Seconds(21));
    co_await Until([&] { return waited.has_value(); });
    EXPECT_EQ(std::get<UpstreamFailure>(*waited).reason, Reason::kUpstreamPoolFull);
    EXPECT_EQ(pool_->counts().waiting, 0u);
  });
}

}  // namespace
}  // namespace sallyport::dataplane

#include "dataplane/upstream/pool.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>

#include "tests/unit/dataplane/upstream/pool_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using testing::Origin;
using testing::OriginConnection;
using testing::UpstreamPoolTest;

TEST_F(UpstreamPoolTest, PlainConnectionsAreKeptAndReused) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_EQ(lease.reused(), i > 0);
      EXPECT_NE(co_await Exchange(lease), "");
      lease.Keep();
    }
  });
  EXPECT_EQ(origin.accepted(), 1);
  EXPECT_EQ(pool_->counts().idle, 1u);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(UpstreamPoolTest, LeaseThatIsNotKeptClosesItsConnection) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      EXPECT_FALSE(std::get<UpstreamLease>(result).reused());
    }
  });
  EXPECT_EQ(pool_->counts().idle, 0u);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

// Also where its own would have to wait for one: a request's connection is never a TCP API's.
TEST_F(UpstreamPoolTest, TcpTargetsShareNothingWithHttpTargets) {
  Origin origin(testing::Serves(""));
  MakePool({.max_connections_per_key = 1, .max_waiting_per_key = 0});
  const UpstreamTargetPtr http = Target("http", "one.example", origin.port());
  const UpstreamTargetPtr tcp =
      MakeUpstreamTarget(*ParseTarget(absl::StrCat("tcp://one.example:", origin.port())));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result request = co_await Acquire(http, nullptr);
    EXPECT_TRUE(std::holds_alternative<UpstreamLease>(request));
    UpstreamPool::Result bytes = co_await Acquire(tcp, nullptr, /*fresh=*/true);
    EXPECT_TRUE(std::holds_alternative<UpstreamLease>(bytes)) << "no place of the other's";
    EXPECT_NE(co_await Exchange(std::get<UpstreamLease>(request)), "");
    std::get<UpstreamLease>(request).Keep();
    request = UpstreamLease();
    EXPECT_EQ(pool_->counts().idle, 1u);
    EXPECT_FALSE(pool_->TryIdle(tcp, nullptr, permit_));
    EXPECT_TRUE(pool_->TryIdle(http, nullptr, permit_));
  });
}

TEST_F(UpstreamPoolTest, ConnectionClosedWhileIdleIsNotGivenOut) {
  std::atomic<int> closed{0};
  Origin origin([&](OriginConnection& connection) {
    if (connection.ReadHead().empty()) return;
    connection.Answer("");
    connection.Close();
    ++closed;
  });
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_FALSE(lease.reused());
      EXPECT_NE(co_await Exchange(lease), "");
      while (lease.stream().IdleAndOpen(loop_.looks())) co_await Turn();
      lease.Keep();
    }
  });
  EXPECT_EQ(pool_->counts().found_closed, 2u);
}

TEST_F(UpstreamPoolTest, BytesAfterTheGiveBackAreSeenWithinTheTurn) {
  std::atomic<bool> given_back{false};
  Origin origin([&](OriginConnection& connection) {
    if (connection.ReadHead().empty()) return;
    connection.Answer("");
    given_back.wait(false);
    connection.Answer("not asked for");
    connection.ReadHead();  // open until the end
  });
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result first = co_await Acquire(target, nullptr);
    UpstreamLease& lease = std::get<UpstreamLease>(first);
    EXPECT_NE(co_await Exchange(lease), "");
    EXPECT_FALSE(lease.stream().readiness().MayTry(Direction::kRead))
        << "the loop knows of nothing";
    pollfd surplus{lease.stream().fd(), POLLIN, 0};
    lease.Keep();
    EXPECT_EQ(pool_->counts().idle, 1u);
    given_back = true;
    given_back.notify_all();
    EXPECT_EQ(poll(&surplus, 1, 20'000), 1);
    UpstreamPool::Result second = co_await Acquire(target, nullptr);
    EXPECT_FALSE(std::get<UpstreamLease>(second).reused());
  });
  EXPECT_EQ(pool_->counts().found_closed, 1u);
}

TEST_F(UpstreamPoolTest, LimitsHold) {
  Origin origin(testing::Serves(""));
  MakePool({.max_idle_per_key = 2, .max_connections_per_key = 4, .max_waiting_per_key = 0});
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    std::vector<UpstreamLease> leases;
    for (int i = 0; i < 4; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      leases.push_back(std::move(std::get<UpstreamLease>(result)));
    }
    UpstreamPool::Result full = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(full).reason, Reason::kUpstreamPoolFull);
    for (UpstreamLease& lease : leases) lease.Keep();
    EXPECT_EQ(pool_->counts().idle, 2u);
  });
}

TEST_F(UpstreamPoolTest, KeysAreBounded) {
  Origin origin(testing::Serves(""));
  MakePool({.max_keys = 10});
  for (int i = 0; i < 60; ++i) {
    (void)FailureOf(Target("http", absl::StrCat("h", i), origin.port()), Plain());
  }
  EXPECT_LE(pool_->counts().keys, 10u);
}

TEST_F(UpstreamPoolTest, LeaseMayOutliveThePool) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nullptr);
    UpstreamLease lease = std::move(std::get<UpstreamLease>(result));
    pool_ = nullptr;
    EXPECT_NE(co_await Exchange(lease), "");
    lease.Keep();
  });
}

class MovedNameTest : public UpstreamPoolTest {
 protected:
  // Sweeps until what names lead to now has been taken up.
  awaitable<void> TakeUp(const std::string& address) {
    const auto wanted = boost::asio::ip::make_address(address);
    for (;;) {
      pool_->Sweep();
      const Addresses known = resolver_.Peek("one.example");
      if (known != nullptr && known->front() == wanted) break;
      co_await Turn();
    }
    pool_->Sweep();
  }
};

TEST_F(MovedNameTest, IdleConnectionsToOldAddressesGoAndBusyOnesAfterTheirRequest) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result busy = co_await Acquire(target, nullptr);
    {
      UpstreamPool::Result idle = co_await Acquire(target, nullptr, /*fresh=*/true);
      std::get<UpstreamLease>(idle).Keep();
    }
    NamesLeadTo({"127.0.0.9"});
    pool_->Sweep();
    EXPECT_EQ(pool_->counts().idle, 1u) << "the answer is still fresh";
    time_.Advance(absl::Seconds(31));
    loop_.RefreshNow();
    co_await TakeUp("127.0.0.9");
    EXPECT_EQ(pool_->counts().idle, 0u);
    EXPECT_EQ(pool_->counts().moved, 1u);
    UpstreamLease& lease = std::get<UpstreamLease>(busy);
    EXPECT_NE(co_await Exchange(lease), "") << "nothing that is under way breaks";
    lease.Keep();
    EXPECT_EQ(pool_->counts().idle, 0u);
  });
}

TEST_F(MovedNameTest, OneMoreAddressMovesNothing) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      std::get<UpstreamLease>(result).Keep();
    }
    NamesLeadTo({"127.0.0.9", "127.0.0.1"});
    time_.Advance(absl::Seconds(31));
    loop_.RefreshNow();
    co_await TakeUp("127.0.0.9");
    EXPECT_EQ(pool_->counts().idle, 1u);
  });
}

TEST_F(MovedNameTest, AnOutageOfNamesMovesNothing) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  MakePool({.max_idle_age = absl::Hours(1)});
  Run([&]() -> awaitable<void> {
    {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      std::get<UpstreamLease>(result).Keep();
    }
    NamesLeadTo({});                                  // no address: a failure
    for (int minutes = 0; minutes < 15; ++minutes) {  // beyond the time that old answers are served
      time_.Advance(absl::Minutes(1));
      loop_.RefreshNow();
      pool_->Sweep();
      co_await Turn();
    }
    EXPECT_EQ(pool_->counts().idle, 1u);
  });
}

}  // namespace
}  // namespace sallyport::dataplane

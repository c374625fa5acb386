#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/detached.hpp>

#include "dataplane/upstream/event.h"
#include "dataplane/upstream/pool.h"
#include "tests/unit/dataplane/upstream/pool_fixture.h"

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

TEST_F(UpstreamPoolTest, ClientCertificateIsPresentedWithItsWholeChain) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::string seen;
    int chain = 0;
    OriginTls tls = ServerTls();
    tls.client_ca = &W().client_root;
    tls.require = true;
    tls.max_version = version;
    Origin origin(
        [&](OriginConnection& connection) {
          seen = connection.ClientSpki();
          chain = sk_X509_num(SSL_get_peer_cert_chain(connection.ssl()));
          while (!connection.ReadHead().empty()) connection.Answer("");
        },
        tls);
    const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
    const UpstreamCredentialsPtr credentials = Share(With(W().client_a, "org-a"));
    Run([&]() -> awaitable<void> {
      UpstreamPool::Result result = co_await Acquire(target, credentials);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_NE(co_await Exchange(lease), "");
      EXPECT_TRUE(lease.connection().facts->certificate_requested);
      EXPECT_EQ(lease.connection().facts->presented_certificate_id, "org-a");
      lease.Keep();
    });
    EXPECT_EQ(seen, KeyOf(W().client_a));
    EXPECT_EQ(chain, 1) << "intermediates beside the leaf (SSL_get_peer_cert_chain of a server)";
  }
}

TEST_F(UpstreamPoolTest, CertificateIsPresentedWhateverCaNamesTheServerAnnounces) {
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  std::atomic<bool> presented{false};
  Origin origin(
      [&](OriginConnection& connection) {
        presented = !connection.ClientSpki().empty();
        while (!connection.ReadHead().empty()) connection.Answer("");
      },
      tls);
  const UpstreamCredentialsPtr credentials = Share(With(W().client_a, "a"));
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    (void)co_await Exchange(std::get<UpstreamLease>(result));
  });
  EXPECT_TRUE(presented);
}

TEST_F(UpstreamPoolTest, SessionsAreResumedWithinAKeyAndNeverAcross) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    OriginTls tls = ServerTls();
    tls.max_version = version;
    tls.client_ca = &W().client_root;
    Origin origin(testing::Serves(""), tls);
    const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
    const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
    const auto connect = [&](const UpstreamCredentialsPtr& credentials, bool* resumed) {
      Run([&, resumed]() -> awaitable<void> {
        UpstreamPool::Result result = co_await Acquire(target, credentials, /*fresh=*/true);
        UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
        if (lease == nullptr) co_return;
        *resumed = lease->connection().facts->resumed;
        (void)co_await Exchange(*lease);  // takes the tickets in
        EXPECT_EQ(lease->connection().facts->presented_certificate_id != "", true);
      });
    };
    bool resumed = true;
    connect(a, &resumed);
    EXPECT_FALSE(resumed);
    connect(a, &resumed);
    EXPECT_TRUE(resumed) << version;
    connect(Share(With(W().client_a, "a")), &resumed);
    EXPECT_TRUE(resumed) << "an equal answer has the same key";
    connect(Share(With(W().client_b, "b")), &resumed);
    EXPECT_FALSE(resumed) << "another certificate";
    UpstreamCredentials pinned = With(W().client_a, "a");
    pinned.pinned = true;
    pinned.pin_spki_sha256 = {SpkiSha256(W().server.certificate.get())};
    connect(Share(std::move(pinned)), &resumed);
    EXPECT_FALSE(resumed) << "other pins";
    UpstreamCredentials mismatch = With(W().client_a, "a");
    mismatch.pinned = true;
    mismatch.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
    EXPECT_EQ(FailureOf(target, std::move(mismatch)).reason, Reason::kUpstreamPin);
  }
}

TEST_F(UpstreamPoolTest, ChangedTrustStoreDropsConnectionsAndSessions) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    (void)co_await Exchange(lease);
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 1u);
  std::filesystem::remove(directory_ + "/root.pem");
  trust_->Refresh();
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 0u);
  EXPECT_EQ(FailureOf(target, Plain()).reason, Reason::kUpstreamCertUntrusted);
}

TEST_F(UpstreamPoolTest, RetiredCertificateLeavesNoPooledConnection) {
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  Origin origin(testing::Serves(""), tls);
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
  const UpstreamCredentialsPtr b = Share(With(W().client_b, "b"));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result in_use = co_await Acquire(target, a);
    for (const UpstreamCredentialsPtr& one : {a, b}) {
      UpstreamPool::Result result = co_await Acquire(target, one);
      (void)co_await Exchange(std::get<UpstreamLease>(result));
      std::get<UpstreamLease>(result).Keep();
    }
    EXPECT_EQ(pool_->counts().idle, 2u);
    pool_->RetireTag("api:x");
    EXPECT_EQ(pool_->counts().idle, 2u);
    pool_->RetireTag("cert:a");
    EXPECT_EQ(pool_->counts().idle, 1u);
    std::get<UpstreamLease>(in_use).Keep();
    EXPECT_EQ(pool_->counts().idle, 1u) << "one in use goes when it comes back";
  });
}

TEST_F(UpstreamPoolTest, AnAnswerWithMoreTagsThanAreKeptIsRetiredByAny) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials credentials = Plain();
  for (int i = 0; i < 100; ++i) credentials.tags.push_back(absl::StrCat("cert:", i));
  const UpstreamCredentialsPtr shared = Share(std::move(credentials));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, shared);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    (void)co_await Exchange(lease);
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 1u);
  pool_->RetireTag("cert:99");
  EXPECT_EQ(pool_->counts().idle, 0u);
}

TEST_F(UpstreamPoolTest, AnswersThatNobodyHoldsLeaveNoPooledConnection) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentialsPtr first = Share(Plain());
  UpstreamCredentialsPtr equal = Share(Plain());
  Run([&]() -> awaitable<void> {
    for (const UpstreamCredentialsPtr& one : {first, equal}) {
      UpstreamPool::Result result = co_await Acquire(target, one);
      (void)co_await Exchange(std::get<UpstreamLease>(result));
      std::get<UpstreamLease>(result).Keep();
    }
  });
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 1u);
  first = nullptr;
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 1u) << "an equal answer is still held";
  equal = nullptr;
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 0u);
}

// Issue, "It must show" 3: two hosts of one API with different certificates at the same time.
TEST_F(UpstreamPoolTest, TwoHostsNeverGetEachOthersCertificate) {
  std::atomic<int> wrong{0};
  std::atomic<int> served{0};
  const auto expects = [&](const Pair& client) {
    return [&, expected = KeyOf(client)](OriginConnection& connection) {
      while (!connection.ReadHead().empty()) {
        ++served;
        if (connection.ClientSpki() != expected) ++wrong;
        connection.Answer("");
      }
    };
  };
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  tls.require = true;
  Origin one(expects(W().client_a), tls);
  Origin two(expects(W().client_b), tls);
  const UpstreamTargetPtr target_one = Target("https", "one.example", one.port());
  const UpstreamTargetPtr target_two = Target("https", "two.example", two.port());
  constexpr int kWorkers = 8;
  constexpr int kRounds = 60;
  int left = kWorkers;
  Run([&]() -> awaitable<void> {
    Event finished(loop_);
    const auto worker = [&](int number) -> awaitable<void> {
      for (int i = 0; i < kRounds; ++i) {
        const bool first = (i + number) % 2 == 0;
        // A new object each time, as after an eviction.
        const UpstreamCredentialsPtr credentials =
            Share(first ? With(W().client_a, "a") : With(W().client_b, "b"));
        UpstreamPool::Result result =
            co_await Acquire(first ? target_one : target_two, credentials, /*fresh=*/i % 7 == 0);
        UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
        EXPECT_NE(lease, nullptr);
        if (lease == nullptr) break;
        EXPECT_EQ(lease->connection().facts->presented_certificate_id, first ? "a" : "b");
        EXPECT_NE(co_await Exchange(*lease), "");
        if (i % 5 != 0) lease->Keep();
      }
      if (--left == 0) finished.Set();
    };
    for (int i = 0; i < kWorkers; ++i) {
      boost::asio::co_spawn(loop_.context(), worker(i), boost::asio::detached);
    }
    (void)co_await finished.Wait(Deadline::Never());
  });
  EXPECT_EQ(served, kWorkers * kRounds);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sallyport::dataplane

#include <gtest/gtest.h>

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

TEST_F(UpstreamPoolTest, VerifiedServerIsReachedAndFactsAreKept) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    const UpstreamFacts& facts = *lease.connection().facts;
    EXPECT_EQ(facts.address, absl::StrCat("127.0.0.1:", origin.port()));
    EXPECT_EQ(facts.tls_version, "TLSv1.3");
    EXPECT_FALSE(facts.certificate_requested);
    EXPECT_EQ(facts.presented_certificate_id, "");
    EXPECT_EQ(facts.spki_sha256.size(), 64u);
    EXPECT_STREQ(SSL_get_servername(lease.stream().ssl(), TLSEXT_NAMETYPE_host_name),
                 "one.example");
  });
}

TEST_F(UpstreamPoolTest, DecryptedBytesBehindAnAnswerEndTheConnection) {
  constexpr absl::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Origin origin(
      [&](OriginConnection& connection) {
        connection.ReadHead();
        // One TLS record: the gateway decrypts all of it with the answer.
        connection.Write(absl::StrCat(kAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"));
        connection.ReadHead();
      },
      ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    const Deadline deadline = loop_.After(absl::Seconds(20));
    (void)co_await WriteAll(lease.stream(), "GET / HTTP/1.1\r\n\r\n", deadline);
    std::string answer(kAnswer.size(), ' ');
    const IoResult read = co_await Read(lease.stream(), absl::MakeSpan(answer), deadline);
    EXPECT_EQ(read.bytes, kAnswer.size());
    EXPECT_TRUE(lease.stream().HasBuffered());
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 0u);
}

TEST_F(UpstreamPoolTest, RefusalsHaveTheirReasons) {
  Origin origin(testing::Serves(""), ServerTls());
  Origin stranger(testing::Serves(""), {.chain = {&W().stranger}});
  const Pair expired_pair = testing::Issue(&W().root, {.names = "DNS:one.example",
                                                       .not_before = absl::Now() - absl::Hours(48),
                                                       .not_after = absl::Now() - absl::Hours(24)});
  Origin expired(testing::Serves(""), {.chain = {&expired_pair}});
  Origin plain([](OriginConnection& connection) {
    connection.ReadSome();
    connection.Write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  EXPECT_EQ(FailureOf(Target("https", "one.example", origin.port()), Plain()).reason,
            Reason::kAllowed);
  EXPECT_EQ(FailureOf(Target("https", "other.example", origin.port()), Plain()).reason,
            Reason::kUpstreamCertName);
  const UpstreamFailure untrusted =
      FailureOf(Target("https", "one.example", stranger.port()), Plain());
  EXPECT_EQ(untrusted.reason, Reason::kUpstreamCertUntrusted);
  EXPECT_EQ(untrusted.spki_sha256.size(), 64u);
  EXPECT_EQ(FailureOf(Target("https", "one.example", expired.port()), Plain()).reason,
            Reason::kUpstreamCertExpired);
  EXPECT_EQ(FailureOf(Target("https", "one.example", plain.port()), Plain()).reason,
            Reason::kUpstreamTlsHandshake);
  EXPECT_EQ(FailureOf(Target("http", "one.example", 1), Plain()).reason, Reason::kUpstreamConnect);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(UpstreamPoolTest, FailClosedAnswersMakeNoConnection) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials refused = Plain();
  refused.reason = Reason::kUpstreamCredential;
  refused.detail = "pending";
  EXPECT_EQ(FailureOf(target, std::move(refused)).reason, Reason::kUpstreamCredential);
  EXPECT_EQ(FailureOf(target, UpstreamCredentials{}).reason, Reason::kUpstreamCredential)
      << "an answer that was never filled in";
  UpstreamCredentials no_key = With(W().client_a, "a");
  no_key.client_key_der = base::Secret();
  EXPECT_EQ(FailureOf(target, std::move(no_key)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials wrong_key = With(W().client_a, "a");
  wrong_key.client_key_der = base::Secret(W().client_b.KeyDer());
  EXPECT_EQ(FailureOf(target, std::move(wrong_key)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials no_chain = With(W().client_a, "a");
  no_chain.client_chain_der.clear();
  EXPECT_EQ(FailureOf(target, std::move(no_chain)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials version = Plain();
  version.min_version = "0.9";
  EXPECT_EQ(FailureOf(target, std::move(version)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials ciphers = Plain();
  ciphers.ciphers = {"NO-SUCH", "ALL", "@SECLEVEL=0", "ADH-AES128-SHA"};
  EXPECT_EQ(FailureOf(target, std::move(ciphers)).reason, Reason::kUpstreamCredential);
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(result).reason, Reason::kUpstreamCredential);
  });
  EXPECT_EQ(origin.accepted(), 0);
}

TEST_F(UpstreamPoolTest, PinsEndToEnd) {
  const std::string stranger_pin = SpkiSha256(W().stranger.certificate.get());
  const auto pinned = [&](bool skip) {
    UpstreamCredentials credentials = Plain();
    credentials.pinned = true;
    credentials.pin_spki_sha256 = {stranger_pin};
    credentials.insecure_skip_verify = skip;
    return credentials;
  };
  Origin self_signed(testing::Serves(""), {.chain = {&W().stranger}});
  EXPECT_EQ(FailureOf(Target("https", "any.name", self_signed.port()), pinned(false)).reason,
            Reason::kAllowed);
  // Q2: an attacker's leaf with the pinned certificate appended.
  const Pair attacker = testing::SelfSigned("DNS:one.example");
  Origin appended(testing::Serves(""), {.chain = {&attacker, &W().stranger}});
  const UpstreamTargetPtr target = Target("https", "one.example", appended.port());
  EXPECT_EQ(FailureOf(target, pinned(false)).reason, Reason::kUpstreamPin);
  EXPECT_EQ(FailureOf(target, pinned(true)).reason, Reason::kUpstreamPin);
  const UpstreamFailure failure = FailureOf(target, pinned(false));
  EXPECT_NE(failure.detail.find("public key pinning error"), std::string::npos) << failure.detail;
  // A trusted server with the right name is no better.
  Origin trusted(testing::Serves(""), ServerTls());
  EXPECT_EQ(FailureOf(Target("https", "one.example", trusted.port()), pinned(false)).reason,
            Reason::kUpstreamPin);
  EXPECT_EQ(trusted.handshakes(), 0) << "the server sees an alert, not a finished handshake";
}

TEST_F(UpstreamPoolTest, PinnedCertificateWithoutItsKeyIsRefused) {
  // The pinned certificate as the leaf, but signed for with another key: possession fails.
  Pair thief;
  thief.certificate = crypto::ShareX509(W().stranger.certificate.get());
  thief.key = testing::NewKey(0);
  Origin origin(testing::Serves(""), {.chain = {&thief}});
  UpstreamCredentials credentials = Plain();
  credentials.pinned = true;
  credentials.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
  EXPECT_NE(FailureOf(Target("https", "one.example", origin.port()), std::move(credentials)).reason,
            Reason::kAllowed);
}

TEST_F(UpstreamPoolTest, ServerNameReplacesTheHost) {
  Origin origin(testing::Serves(""), ServerTls());
  UpstreamCredentials named = Plain();
  named.server_name = "two.example";
  EXPECT_EQ(FailureOf(Target("https", "127.0.0.1", origin.port()), std::move(named)).reason,
            Reason::kAllowed);
  EXPECT_EQ(FailureOf(Target("https", "127.0.0.1", origin.port()), Plain()).reason,
            Reason::kUpstreamCertName);
}

TEST_F(UpstreamPoolTest, VersionsAndCiphersHold) {
  OriginTls old = ServerTls();
  old.max_version = TLS1_2_VERSION;
  Origin origin(testing::Serves(""), old);
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials newest = Plain();
  newest.min_version = "1.3";
  EXPECT_EQ(FailureOf(target, std::move(newest)).reason, Reason::kUpstreamTlsHandshake);
  UpstreamCredentials named = Plain();
  named.ciphers = {"unknown", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"};
  const UpstreamCredentialsPtr shared = Share(std::move(named));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, shared);
    EXPECT_STREQ(SSL_get_cipher(std::get<UpstreamLease>(result).stream().ssl()),
                 "ECDHE-ECDSA-CHACHA20-POLY1305");
  });
}

TEST_F(UpstreamPoolTest, TrustOfTheAnswerCountsForItOnly) {
  Origin origin(testing::Serves(""), {.chain = {&W().stranger}});
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials trusting = Plain();
  trusting.trust_der = {W().stranger.Der()};
  EXPECT_EQ(FailureOf(target, std::move(trusting)).reason, Reason::kAllowed);
  EXPECT_EQ(FailureOf(target, Plain()).reason, Reason::kUpstreamCertUntrusted);
}

TEST_F(UpstreamPoolTest, SilentServerEndsAtTheDeadline) {
  Origin origin(
      [this](OriginConnection& connection) { testing::PassTimeUntilClosed(connection, &time_); });
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    const UpstreamPool::Limits limits{loop_.After(absl::Milliseconds(100)), false};
    UpstreamPool::Result result = co_await pool_->Acquire(target, credentials, permit_, limits);
    EXPECT_EQ(std::get<UpstreamFailure>(result).reason, Reason::kUpstreamConnectTimeout);
  });
}

}  // namespace
}  // namespace sallyport::dataplane

// Handshakes at strict SNIs: who is let in, and what is remembered of it.
#include <future>
#include <string>
#include <vector>

#include "tests/unit/dataplane/tls/strict_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

INSTANTIATE_TEST_SUITE_P(Tls, StrictVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(StrictVersions, AValidChainGoesOn) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both both = RunNow(options);
  ASSERT_TRUE(both.client.shaken && both.server.shaken) << both.server.label;
  ASSERT_TRUE(both.server.peer.ok()) << both.server.peer.status();
  ASSERT_NE(both.server.peer->chain, nullptr);
  EXPECT_EQ(both.server.peer->chain->chain_der, (std::vector<std::string>{leaf_.der, ca_.der}));
  EXPECT_EQ(both.server.peer->client_tls_version, WithStrictness(7, Rule().get()));
  EXPECT_EQ(both.client.read, "hi");
  ASSERT_EQ(Asked(), 1u);
  const ValidationQuestion question = client_.validation_questions()[0];
  EXPECT_EQ(question.chain_der, (std::vector<std::string>{leaf_.der, ca_.der}));
  EXPECT_EQ(question.trust_bundle_ids, std::vector<std::string>{"partners"});
  EXPECT_FALSE(question.any_issuer);
  EXPECT_EQ(question.min_revision, 10u);
  EXPECT_EQ(StacksInUse(), 0u);
}

TEST_P(StrictVersions, RefusalsHaveTheirAlert) {
  const struct {
    Reason reason;
    int alert;
    const char* label;
  } kCases[] = {
      {Reason::kCertExpired, SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired"},
      {Reason::kCertNotYetValid, SSL_AD_BAD_CERTIFICATE, "certificate_not_yet_valid"},
      {Reason::kCertRevoked, SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked"},
      {Reason::kCertUntrusted, SSL_AD_UNKNOWN_CA, "certificate_untrusted"},
      {Reason::kCertPathTooLong, SSL_AD_UNKNOWN_CA, "certificate_path_too_long"},
      {Reason::kCertWrongUsage, SSL_AD_UNSUPPORTED_CERTIFICATE, "certificate_wrong_usage"},
      {Reason::kCertKeyUsage, SSL_AD_UNSUPPORTED_CERTIFICATE, "certificate_wrong_usage"},
      {Reason::kCertWeakKey, SSL_AD_BAD_CERTIFICATE, "certificate_weak"},
      {Reason::kCertMalformed, SSL_AD_BAD_CERTIFICATE, "certificate_malformed"},
      {Reason::kCertNameConstraint, SSL_AD_BAD_CERTIFICATE, "certificate_refused"},
      {Reason::kInternal, SSL_AD_BAD_CERTIFICATE, "certificate_refused"}};
  for (const auto& one : kCases) {
    hub_->Drop();
    Answer(one.reason);
    const Both both = RunNow(WithLeaf());
    EXPECT_FALSE(both.server.shaken) << one.label;
    EXPECT_EQ(both.client.alert, one.alert) << one.label;
    EXPECT_EQ(both.server.label, one.label);
    ASSERT_TRUE(both.server.report.presented.has_value());
    EXPECT_EQ(both.server.report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
    EXPECT_TRUE(both.client.read.empty());
  }
}

TEST_P(StrictVersions, WithoutACertificateOnlyWhereItIsOptional) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both refused = RunNow(options);
  EXPECT_FALSE(refused.server.shaken);
  constexpr int kCertificateRequired = 116;
  EXPECT_EQ(refused.client.alert,
            GetParam() == TLS1_3_VERSION ? kCertificateRequired : SSL_AD_HANDSHAKE_FAILURE);
  EXPECT_EQ(refused.server.label, "no_client_certificate");
  Strict(Rule(/*optional=*/true));
  const Both taken = RunNow(options);
  ASSERT_TRUE(taken.server.shaken) << taken.server.label;
  EXPECT_EQ(taken.server.peer->chain, nullptr);
  EXPECT_EQ(Asked(), 0u);
  Answer(Reason::kCertExpired);
  EXPECT_EQ(RunNow(WithLeaf()).client.alert, SSL_AD_CERTIFICATE_EXPIRED) << "a bad one is refused";
}

TEST_P(StrictVersions, WhereNobodyAnswersNobodyComesIn) {
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  client_.FailWith(absl::UnavailableError("gone"));
  stream_.OnBroken();
  const Both both = Run(WithLeaf());
  EXPECT_FALSE(both.server.shaken) << "also who was let in a moment ago";
  EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(both.server.label, "validation_unavailable");
}

TEST_P(StrictVersions, AnAnswerIsKeptUntilSomethingThatItRestsOnChanges) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 1u);
  Evict("key:nobody");
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 1u);
  Evict("trust:partners");
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 2u);
  // Another rule, and another chain with the same leaf, are other questions.
  Strict(Rule(/*optional=*/true));
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 3u);
  ClientOptions longer = WithLeaf();
  longer.chain = {&leaf_, &ca_};
  ASSERT_TRUE(RunNow(longer).server.shaken);
  EXPECT_EQ(Asked(), 4u);
}

TEST_P(StrictVersions, ResumesOnlyWithAnAllowThatHolds) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both first = RunNow(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both resumed = RunNow(options);
  ASSERT_TRUE(resumed.client.resumed);
  EXPECT_EQ(resumed.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
  EXPECT_EQ(Asked(), 1u);
  // Something was revoked, or the bundle changed: the whole handshake, and authsvc is asked.
  Evict("settings");
  const Both full = RunNow(options);
  ASSERT_TRUE(full.server.shaken);
  EXPECT_FALSE(full.client.resumed);
  EXPECT_EQ(Asked(), 2u);
  options.session = full.client.session.get();
  ASSERT_TRUE(RunNow(options).client.resumed);
  Answer(Reason::kCertRevoked);
  Evict("settings");
  const Both revoked = RunNow(options);
  EXPECT_FALSE(revoked.server.shaken);
  EXPECT_EQ(revoked.client.alert, SSL_AD_CERTIFICATE_REVOKED);
}

TEST_P(StrictVersions, NoTicketOfOtherSettingsIsTaken) {
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  ClientOptions options = WithLeaf();
  const Both loose = RunNow(options);
  ASSERT_NE(loose.client.session, nullptr);
  ASSERT_EQ(Asked(), 0u);
  Strict(Rule());
  options.session = loose.client.session.get();
  const Both strict = RunNow(options);
  EXPECT_FALSE(strict.client.resumed);
  EXPECT_EQ(Asked(), 1u);
}

TEST_P(StrictVersions, ASessionWithoutCertificateIsResumedWhereNoneIsNeeded) {
  Strict(Rule(/*optional=*/true));
  ClientOptions options;
  options.max_version = GetParam();
  const Both first = RunNow(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  EXPECT_TRUE(RunNow(options).client.resumed);
  Strict(Rule());
  const Both refused = RunNow(options);
  EXPECT_FALSE(refused.server.shaken);
  EXPECT_EQ(refused.server.label, "no_client_certificate");
}

// What OpenSSL does between hello and end, on a stack of ours: also a second hello and large keys.
TEST_F(StrictTest, EveryKeyAndASecondHelloHaveRoom) {
  for (const KeyType type : {KeyType::kP384, KeyType::kP521, KeyType::kEd25519, KeyType::kEd448,
                             KeyType::kRsa2048, KeyType::kRsa4096}) {
    const TestCert client = CertBuilder("CN=c").Key(type).SignBy(ca_);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      ClientOptions options;
      options.chain = {&client, &ca_, &server_, &leaf_};
      options.max_version = version;
      options.groups = "X448:P-521:P-384:P-256:X25519";  // the first one is not the server's
      Both both = RunNow(options);
      ASSERT_TRUE(both.server.shaken) << static_cast<int>(type) << " " << both.server.label;
      EXPECT_EQ(both.server.peer->chain->chain_der.size(), 4u);
      ASSERT_NE(both.client.session, nullptr);
      options.session = both.client.session.get();
      EXPECT_TRUE(RunNow(options).client.resumed);
    }
  }
}

TEST_F(StrictTest, OthersPayNothing) {
  for (int i = 0; i < 3; ++i) {
    ClientOptions other;
    other.chain = {&leaf_};
    other.sni = "other.example.com";
    ASSERT_TRUE(RunNow(other).server.shaken);
  }
  EXPECT_EQ(strict_->stacks().mapped_bytes(), 0u);
  EXPECT_EQ(Asked(), 0u);
}

// TLS 1.2 sends certificates in the clear: nothing keeps a client from sending them unasked, before
// there is a stack to wait on.
TEST_F(StrictTest, CertificatesThatComeWithTheHelloAreRefused) {
  Beat();
  ClientOptions options;
  options.max_version = TLS1_2_VERSION;
  const crypto::UniqueSslCtx context = ClientContext(options);
  const crypto::UniqueSsl ssl(SSL_new(context.get()));
  ClientView view;
  SSL_set_app_data(ssl.get(), &view);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_tlsext_host_name(ssl.get(), "api.example.com");
  ASSERT_EQ(SSL_connect(ssl.get()), -1);
  char* hello = nullptr;
  const long size = BIO_get_mem_data(out, &hello);
  std::string bytes(hello, static_cast<size_t>(size));
  const auto number = [](size_t value, int width) {
    std::string text;
    for (int i = width - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
    return text;
  };
  const std::string list = number(leaf_.der.size(), 3) + leaf_.der;
  const std::string body = number(list.size(), 3) + list;
  const std::string message = "\x0b" + number(body.size(), 3) + body;
  bytes += std::string("\x16\x03\x03") + number(message.size(), 2) + message;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  SetNonBlocking(ends[0]);
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  std::future<ServerView> server = Serve(ends[0], absl::Minutes(1));
  const ServerView seen = server.get();
  EXPECT_FALSE(seen.shaken);
  EXPECT_EQ(seen.label, "overloaded");
  EXPECT_EQ(seen.report.alert, "sent internal error (80)");
  EXPECT_EQ(Asked(), 0u);
  close(ends[1]);
}

}  // namespace
}  // namespace sallyport::dataplane

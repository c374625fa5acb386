#include "tests/unit/dataplane/tls/server_tls_world.h"

namespace sallyport::dataplane {
namespace {

INSTANTIATE_TEST_SUITE_P(Tls, BothVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(BothVersions, TakesTheProvenChainWithoutJudgingIt) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  options.sni = "API.example.com";
  const Both both = Run(options);
  ASSERT_TRUE(both.client.shaken && both.server.shaken) << both.server.label;
  ASSERT_TRUE(both.server.peer.ok()) << both.server.peer.status();
  const TlsPeer& peer = *both.server.peer;
  EXPECT_EQ(peer.sni, "api.example.com");
  EXPECT_EQ(peer.client_tls_version, 7u);
  EXPECT_TRUE(peer.asked_for_certificate);
  ASSERT_NE(peer.chain, nullptr);
  ASSERT_EQ(peer.chain->chain_der.size(), 2u);
  EXPECT_EQ(peer.chain->chain_der[0], leaf_.der);
  EXPECT_EQ(peer.chain->chain_der[1], ca_.der);
  EXPECT_EQ(peer.chain->leaf_hex, base::Hex(leaf_.cert->fingerprint));
  EXPECT_FALSE(peer.resumed);
  EXPECT_FALSE(both.server.ephemeral_key_left);
  EXPECT_EQ(both.client.read, "hi");
}

TEST_P(BothVersions, NoCertificateIsNoHandshakeFailure) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_TRUE(both.client.certificate_requested);
  EXPECT_EQ(both.client.announced_cas, 0) << "no CA names unless switched on";
  EXPECT_EQ(both.server.peer->chain, nullptr);
}

TEST_P(BothVersions, WhereOneIsRequiredNoCertificateEndsTheHandshake) {
  source_.client_tls["api.example.com"].require_certificate = true;
  ClientOptions options;
  options.max_version = GetParam();
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "no_client_certificate");
  EXPECT_EQ(both.client.alert,
            GetParam() == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE);
  EXPECT_TRUE(Run(WithLeaf()).server.shaken);
}

TEST_P(BothVersions, WhatIsNotHttpAgreesOnNoProtocol) {
  listener_.http = false;
  ClientOptions options = WithLeaf();
  options.alpn = std::string("\x02h2\x0apostgresql");
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_EQ(both.client.alpn, "");
  EXPECT_FALSE(both.server.peer->http2);
}

TEST_P(BothVersions, TellsOfTheEndThoughATicketStillWaitsForAWrite) {
  text_.clear();
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.client.shaken && both.server.shaken);
  EXPECT_TRUE(both.client.told_of_end);
  EXPECT_NE(both.client.session, nullptr);
}

TEST_P(BothVersions, IsNotRequestedWhereNoApiCanUseIt) {
  ClientOptions options = WithLeaf();
  options.sni = "plain.example.com";
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_FALSE(both.client.certificate_requested);
  EXPECT_EQ(both.server.peer->chain, nullptr);
  EXPECT_FALSE(both.server.peer->asked_for_certificate);
}

TEST_P(BothVersions, UnknownNameGetsUnrecognizedName) {
  for (const char* sni : {"nobody.example.com", ""}) {
    ClientOptions options = WithLeaf();
    options.sni = sni;
    const Both both = Run(options);
    EXPECT_FALSE(both.server.shaken);
    EXPECT_FALSE(both.client.shaken);
    EXPECT_EQ(both.client.alert, SSL_AD_UNRECOGNIZED_NAME);
    EXPECT_EQ(both.server.label, "no_server_certificate");
  }
}

TEST_P(BothVersions, WithoutANameItCountsAsTheListenersFallback) {
  source_.fallback = "api.example.com";
  source_.client_tls["api.example.com"].require_certificate = true;
  ClientOptions options = WithLeaf();
  options.sni = "";
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_EQ(both.server.peer->sni, "api.example.com");
  options.chain.clear();
  EXPECT_FALSE(Run(options).server.shaken) << "with all that this name asks for";
  options = WithLeaf();
  options.sni = "nobody.example.com";
  EXPECT_EQ(Run(options).client.alert, SSL_AD_UNRECOGNIZED_NAME) << "only where none is sent";
  source_.fallback = "nobody.example.com";
  options.sni = "";
  EXPECT_EQ(Run(options).client.alert, SSL_AD_UNRECOGNIZED_NAME);
}

TEST_P(BothVersions, OverloadIsAnInternalErrorNotAnotherCertificate) {
  source_.overloaded = true;
  const Both both = Run(WithLeaf());
  EXPECT_FALSE(both.client.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(both.server.label, "overloaded");
}

TEST_P(BothVersions, WaitsForTheCertificateOfTheName) {
  source_.pending = 2;
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.server.shaken) << both.server.label;
  EXPECT_NE(both.server.peer->chain, nullptr);
}

TEST_P(BothVersions, WaitingHasADeadline) {
  source_.pending = 1;
  source_.hold = true;
  const Both both = Run(WithLeaf(), absl::Milliseconds(100));
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "timeout");
}

// By the time that its turn comes: it has cost nothing.
TEST_P(BothVersions, WhoCameTooLateIsNotShakenHandsWith) {
  source_.pending = 1;
  const Both both = Run(WithLeaf(), absl::ZeroDuration());
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "timeout");
  EXPECT_EQ(source_.pending, 1) << "its certificate was asked for";
}

TEST_P(BothVersions, TooManyCertificatesAreRefused) {
  std::vector<TestCert> more;
  more.reserve(9);
  ClientOptions options = WithLeaf();
  for (int i = 0; i < 8; ++i) {
    more.push_back(CertBuilder("CN=x").SelfSign());
    options.chain.push_back(&more.back());
  }
  const Both both = Run(options);  // nine
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "too_many_certificates");
  ASSERT_TRUE(both.server.report.presented.has_value());
  EXPECT_EQ(both.server.report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
  options.chain.pop_back();
  EXPECT_TRUE(Run(options).server.shaken) << "eight are allowed";
}

TEST_P(BothVersions, AStolenCertificateIsReportedAsNotProven) {
  const TestCert stolen = Stolen(leaf_);
  ClientOptions options = WithLeaf();
  options.chain = {&stolen};
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  const HandshakeReport& report = both.server.report;
  EXPECT_EQ(report.label, "bad_client_signature");
  EXPECT_EQ(report.alert, "sent decrypt error (51)");
  EXPECT_EQ(report.sni, "api.example.com");
  ASSERT_TRUE(report.presented.has_value());
  EXPECT_EQ(report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
  EXPECT_EQ(report.presented->subject, "CN=alice");
  EXPECT_EQ(report.presented->issuer, "CN=Client CA");
  EXPECT_FALSE(report.presented->serial.empty());
}

TEST_P(BothVersions, NothingIsReportedAsPresentedWhereNothingCame) {
  ClientOptions options = WithLeaf();
  options.sni = "nobody.example.com";
  const HandshakeReport report = Run(options).server.report;
  EXPECT_EQ(report.alert, "sent unrecognized name (112)");
  EXPECT_TRUE(report.hello_seen);
  EXPECT_FALSE(report.presented.has_value());
}

TEST_F(ServerTlsTest, WhoSendsNothingHasNoHello) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  SetNonBlocking(ends[0]);
  std::future<ServerView> server = Serve(ends[0], absl::Minutes(1));
  close(ends[1]);
  const HandshakeReport report = server.get().report;
  EXPECT_EQ(report.label, "closed_by_client");
  EXPECT_FALSE(report.hello_seen);
  EXPECT_FALSE(report.presented.has_value());
}

TEST_P(BothVersions, OversizeCertificateMessageIsRefused) {
  CertBuilder builder("CN=big");
  for (int i = 0; i < 400; ++i) {
    builder.Dns("a-name-that-is-rather-long-" + std::to_string(i) + ".example.com");
  }
  const TestCert big = builder.SignBy(ca_);
  ASSERT_GT(big.der.size(), 16u * 1024);
  ClientOptions options = WithLeaf();
  options.chain = {&big};
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "certificate_too_large");
}

TEST_P(BothVersions, AlpnPrefersHttp2) {
  ClientOptions options = WithLeaf();
  options.alpn = std::string("\x08http/1.1\x02h2");
  const Both both = Run(options);
  EXPECT_EQ(both.client.alpn, "h2");
  EXPECT_TRUE(both.server.peer->http2);
  options.alpn = std::string("\x08http/1.1");
  const Both old = Run(options);
  EXPECT_EQ(old.client.alpn, "http/1.1");
  EXPECT_FALSE(old.server.peer->http2);
  options.alpn.clear();
  EXPECT_FALSE(Run(options).server.peer->http2);
  options.alpn = std::string("\x02h3");
  const Both neither = Run(options);
  EXPECT_FALSE(neither.server.shaken);
  EXPECT_EQ(neither.client.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_P(BothVersions, AlpnIsHttp11OrNothingWhereHttp2IsOff) {
  listener_.http2 = false;
  ClientOptions options = WithLeaf();
  options.alpn = std::string("\x02h2\x08http/1.1");
  EXPECT_EQ(Run(options).client.alpn, "http/1.1");
  options.alpn = std::string("\x02h2");
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_P(BothVersions, AnnouncesCasOnlyWhereSwitchedOn) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(ca_.der.data());
  const crypto::UniqueX509 x509(d2i_X509(nullptr, &bytes, static_cast<long>(ca_.der.size())));
  unsigned char* name = nullptr;
  const int size = i2d_X509_NAME(X509_get_subject_name(x509.get()), &name);
  const auto names = std::make_shared<const std::vector<std::string>>(
      1, std::string(reinterpret_cast<const char*>(name), static_cast<size_t>(size)));
  OPENSSL_free(name);
  source_.client_tls["api.example.com"] = {true, 7, names};
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.server.shaken) << both.server.label;
  EXPECT_EQ(both.client.announced_cas, 1);
}

TEST_F(ServerTlsTest, OldVersionsAreRefused) {
  ClientOptions options;
  options.max_version = TLS1_1_VERSION;
  EXPECT_FALSE(Run(options).server.shaken);
}

TEST_F(ServerTlsTest, ANameMayAskForANewerVersionThanItsListener) {
  source_.client_tls["api.example.com"].offered = MakeOfferedTls("1.3", "", {});
  ClientOptions options;
  options.max_version = TLS1_2_VERSION;
  const Both old = Run(options);
  EXPECT_FALSE(old.server.shaken);
  EXPECT_EQ(old.client.alert, SSL_AD_PROTOCOL_VERSION);
  EXPECT_TRUE(Run({}).server.shaken);
  options.sni = "other.example.com";
  EXPECT_TRUE(Run(options).server.shaken) << "other names are as before";
}

TEST_F(ServerTlsTest, ANameMayOfferAnOlderVersionAlone) {
  source_.client_tls["api.example.com"].offered =
      MakeOfferedTls("", "1.2", {"ECDHE-ECDSA-AES256-GCM-SHA384"});
  const Both both = Run({});
  ASSERT_TRUE(both.server.peer.ok());
  EXPECT_EQ(both.server.peer->protocol, "TLSv1.2");
  EXPECT_EQ(both.server.peer->cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(ServerTlsTest, CiphersOfANameAreThoseAndInThatOrder) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientOptions options;
    options.max_version = version;
    const auto chosen = [&] { return std::string(Run(options).server.peer->cipher); };
    source_.client_tls["api.example.com"].offered = nullptr;
    const bool newer = version == TLS1_3_VERSION;
    EXPECT_EQ(chosen(), newer ? "TLS_AES_128_GCM_SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256");
    source_.client_tls["api.example.com"].offered = MakeOfferedTls(
        "", "",
        {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"});
    EXPECT_EQ(chosen(), newer ? "TLS_AES_256_GCM_SHA384" : "ECDHE-ECDSA-CHACHA20-POLY1305");
  }
}

TEST_F(ServerTlsTest, CiphersThatNoKeyGoesWithEndTheHandshake) {
  source_.client_tls["api.example.com"].offered =
      MakeOfferedTls("", "1.2", {"ECDHE-RSA-AES128-GCM-SHA256"});
  const Both both = Run({});
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_HANDSHAKE_FAILURE);
}

TEST_F(ServerTlsTest, AnOfferHoldsAfterAPause) {
  source_.client_tls["api.example.com"].offered = MakeOfferedTls("1.3", "", {});
  source_.pending = 2;
  EXPECT_TRUE(Run({}).server.shaken);
  source_.pending = 2;
  ClientOptions options;
  options.max_version = TLS1_2_VERSION;
  EXPECT_FALSE(Run(options).server.shaken);
}

TEST_F(ServerTlsTest, RsaAndEcdsaSideBySide) {
  const TestCert rsa =
      CertBuilder("CN=srv").Dns("api.example.com").ServerAuth().Key(KeyType::kRsa2048).SelfSign();
  source_.credentials["api.example.com"] = Credential({&rsa, &server_});
  const Both both = Run({});
  ASSERT_TRUE(both.server.shaken);
  EXPECT_EQ(both.client.server_leaf, server_.der) << "ECDSA where the client takes it";
}

TEST_F(ServerTlsTest, EveryKeyTypeOfAClientWorks) {
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519,
                             KeyType::kRsa2048, KeyType::kRsa4096}) {
    const TestCert client = CertBuilder("CN=c").Key(type).SignBy(ca_);
    ClientOptions options;
    options.chain = {&client};
    const Both both = Run(options);
    ASSERT_TRUE(both.server.shaken) << static_cast<int>(type) << " " << both.server.label;
    EXPECT_EQ(both.server.peer->chain->chain_der[0], client.der);
  }
}

TEST_F(ServerTlsTest, GarbageAndHalfHellosEnd) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"),
                                   std::string("\x16\x03\x01\x02", 4), std::string(100, '\xff')}) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    SetNonBlocking(ends[0]);
    std::future<ServerView> server = Serve(ends[0], absl::Milliseconds(200));
    ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    const ServerView view = server.get();
    EXPECT_FALSE(view.shaken);
    EXPECT_FALSE(view.label.empty());
    close(ends[1]);
  }
}

TEST_F(ServerTlsTest, VersionsOfANameNarrowThoseOfTheListener) {
  const auto shaken = [&](const ServerCredential::Versions& versions, int least, int most) {
    source_.credentials["api.example.com"] = Credential({&server_}, versions);
    ClientOptions options;
    options.min_version = least;
    options.max_version = most;
    const Both both = Run(options);
    EXPECT_EQ(both.client.shaken, both.server.shaken);
    if (!both.server.shaken) {
      EXPECT_EQ(both.client.alert, SSL_AD_PROTOCOL_VERSION);
    }
    return both.server.shaken;
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_TRUE(shaken({}, version, version));
    EXPECT_TRUE(shaken({"1.2", "1.3"}, version, version));
    EXPECT_EQ(shaken({"1.3", ""}, version, version), version == TLS1_3_VERSION);
    EXPECT_EQ(shaken({"", "1.2"}, version, version), version == TLS1_2_VERSION);
  }
  EXPECT_TRUE(shaken({"", "1.2"}, 0, TLS1_3_VERSION)) << "whoever takes both";
  // What a listener offers at that name may be more than it offers else, and never more than this.
  source_.client_tls["api.example.com"].offered = MakeOfferedTls("1.2", "1.3", {});
  EXPECT_FALSE(shaken({"1.3", ""}, TLS1_2_VERSION, TLS1_2_VERSION));
  EXPECT_FALSE(shaken({"", "1.2"}, TLS1_3_VERSION, TLS1_3_VERSION));
  EXPECT_FALSE(ServerCredential::Create(*library_, {{{server_.der}, "x"}}, {"1.1", ""}).ok());
}

TEST_F(ServerTlsTest, KeyOfAnotherCertificateIsRefused) {
  const TestCert other = CertBuilder("CN=other").SelfSign();
  const std::string key = other.KeyDer();
  const auto made = ServerCredential::Create(*library_, {{{server_.der}, key}});
  EXPECT_FALSE(made.ok());
  EXPECT_FALSE(ServerCredential::Create(*library_, {}).ok());
}

TEST_F(ServerTlsTest, PemFilesWork) {
  const auto made = ServerCredential::FromPem(*library_, server_.Pem(), server_.KeyPem());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->names(), std::vector<std::string>{"api.example.com"});
  EXPECT_EQ((*made)->not_after(), server_.cert->not_after);
  EXPECT_FALSE(ServerCredential::FromPem(*library_, "x", server_.KeyPem()).ok());
  EXPECT_FALSE(ServerCredential::FromPem(*library_, server_.Pem(), "x").ok());
}

}  // namespace
}  // namespace sallyport::dataplane

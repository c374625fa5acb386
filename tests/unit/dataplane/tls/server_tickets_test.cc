// Which tickets are taken, by which replica, and what a resumed session says of its client.
#include "tests/unit/dataplane/tls/server_tls_world.h"

namespace sallyport::dataplane {
namespace {

TEST_P(BothVersions, ResumesWithTheSameChain) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
  EXPECT_TRUE(second.server.peer->resumed);
  ASSERT_NE(second.server.peer->chain, nullptr);
  EXPECT_EQ(second.server.peer->chain->chain_der.size(), 2u) << "the chain, not only the leaf";
  EXPECT_EQ(second.server.peer->chain->chain_sha256, first.server.peer->chain->chain_sha256);
}

TEST_P(BothVersions, AnotherLeafWithTheSameCertificatesChangesNothing) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  // The same set of certificates, and so the same hash, but the other one was proven.
  chains_.Put(MakePeerCertificate({large.der, leaf_.der}));
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.client.resumed);
  ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
  EXPECT_EQ(second.server.peer->chain->leaf_sha256, first.server.peer->chain->leaf_sha256);
  EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
}

TEST_P(BothVersions, ResumesWithoutCertificate) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both first = Run(options);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain, nullptr);
}

TEST_P(BothVersions, TicketOfAnotherNameIsNotTaken) {
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.sni = "other.example.com";
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
}

TEST_P(BothVersions, TicketOfOtherClientTlsSettingsIsNotTaken) {
  source_.client_tls["api.example.com"] = {false, 6, nullptr};
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr) << "asked for now";
}

TEST_P(BothVersions, TicketAgeCountsFromTheFullHandshake) {
  ClientOptions options = WithLeaf();
  Both last = Run(options);
  // Renewed every hour: keys rotate, age does not restart.
  for (int hour = 1; hour < 8; ++hour) {
    clock_.shift_seconds = hour * 3600;
    options.session = last.client.session.get();
    Both next = Run(options);
    ASSERT_TRUE(next.client.resumed) << hour;
    if (next.client.session != nullptr) last = std::move(next);
  }
  clock_.shift_seconds = 8 * 3600 + 60;
  options.session = last.client.session.get();
  EXPECT_FALSE(Run(options).client.resumed);
}

TEST_P(BothVersions, TicketsOfForgottenKeysAreNotTaken) {
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  keys_.DropAll();
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr);
}

TEST_P(BothVersions, AChainThatIsTooLargeForTheTicketIsResumedByWhoSawIt) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  const Both first = Run(options);
  EXPECT_EQ(chains_.size(), 1u);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
}

TEST_P(BothVersions, AnotherReplicaOfTheGroupResumesWithTheSameChain) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('g'));
  for (const bool with_issuer : {false, true}) {
    ClientOptions options = WithLeaf();
    if (with_issuer) options.chain.push_back(&ca_);
    const Both first = Run(options);
    GoToAnotherReplica();
    options.session = first.client.session.get();
    const Both second = Run(options);
    ASSERT_TRUE(second.client.resumed);
    ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
    EXPECT_TRUE(second.server.peer->resumed);
    EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
    EXPECT_EQ(second.server.peer->chain->cache_key, first.server.peer->chain->cache_key);
    std::swap(server_tls_, left_);
  }
  EXPECT_EQ(chains_.size() + other_chains_.size(), 0u) << "the tickets carry the chains";
}

TEST_P(BothVersions, AnotherReplicaTakesNoTicketOfAnotherNameOrOtherSettings) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('g'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  GoToAnotherReplica();
  options.sni = "other.example.com";
  EXPECT_FALSE(Run(options).client.resumed);
  options.sni = "api.example.com";
  source_.client_tls["api.example.com"] = {true, 77, nullptr};
  EXPECT_FALSE(Run(options).client.resumed);
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  EXPECT_TRUE(Run(options).client.resumed) << "nothing else kept it from it";
}

TEST_P(BothVersions, AReplicaWithOtherKeysTakesNoTicket) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('h'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  // The same name and another secret: a ticket that was tampered with, or forged.
  SharedTicketKeys same_name = GroupKeys('g');
  GoToAnotherReplica();
  EXPECT_FALSE(Run(options).client.resumed);
  same_name.keys[0].secret = base::Secret(std::string(64, 'x'));
  other_keys_.SetShared(same_name);
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr) << "a full handshake instead";
}

TEST_P(BothVersions, TicketsOfReplacedSharedKeysAreNotTaken) {
  keys_.SetShared(GroupKeys('g'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  ASSERT_TRUE(Run(options).client.resumed);
  keys_.SetShared(GroupKeys('h'));
  EXPECT_FALSE(Run(options).client.resumed);
}

TEST_P(BothVersions, UnknownChainForcesAFullHandshake) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  const Both first = Run(options);
  // Another replica, or one that was restarted with the same ticket keys.
  for (int i = 0; i < 9000; ++i) {
    chains_.Put(MakePeerCertificate({std::to_string(i), "issuer"}));
  }
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain->chain_der.size(), 2u);
}

TEST_P(BothVersions, ExpiredLeafIsNotResumed) {
  const absl::Time now = absl::Now();
  const TestCert brief =
      CertBuilder("CN=brief").Valid(now - absl::Hours(1), now + absl::Hours(1)).SignBy(ca_);
  ClientOptions options = WithLeaf();
  options.chain = {&brief};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  clock_.shift_seconds = 2 * 3600;
  options.session = first.client.session.get();
  EXPECT_FALSE(Run(options).client.resumed);
}

SharedTicketKeys RingOf(const std::string& letters) {
  SharedTicketKeys keys;
  keys.life = absl::Hours(3);
  for (const char letter : letters) {
    keys.keys.push_back(
        {std::string(16, letter), base::Secret(std::string(64, letter)), absl::ZeroDuration()});
  }
  return keys;
}

// Who has a key can forge a session: it must not live on under the next key.
TEST_F(ServerTlsTest, ASessionOfAWithdrawnKeyGetsNoTicket) {
  keys_.SetShared(RingOf("a"));
  ClientOptions options;
  options.chain = {&leaf_};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  before_offer_ = [this] { keys_.SetShared(RingOf("ba")); };
  const Both rotated = Run(options);
  EXPECT_TRUE(rotated.client.resumed);
  EXPECT_EQ(rotated.client.tickets, 1);
  options.session = rotated.client.session.get();
  before_offer_ = [this] { keys_.SetShared(RingOf("c")); };
  const Both withdrawn = Run(options);
  EXPECT_TRUE(withdrawn.client.resumed);
  EXPECT_EQ(withdrawn.client.tickets, 0);
  EXPECT_EQ(withdrawn.client.read, "hi");
}

}  // namespace
}  // namespace sallyport::dataplane

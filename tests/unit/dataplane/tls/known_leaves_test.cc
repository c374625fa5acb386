#include "dataplane/tls/known_leaves.h"

#include "tests/unit/dataplane/tls/server_tls_world.h"

namespace sallyport::dataplane {
namespace {

class KnownLeavesTest : public ServerTlsTest {
 protected:
  using Presented =
      std::unique_ptr<STACK_OF(X509),
                      decltype([](STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); })>;
  static Presented Present(const std::string& der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    Presented presented(sk_X509_new_null());
    sk_X509_push(presented.get(), d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
    return presented;
  }
  // Of a handshake with this chain.
  PeerCertificatePtr PeerAfter(const std::vector<const TestCert*>& chain, int version) {
    ClientOptions options;
    options.max_version = version;
    options.chain = chain;
    const Both both = Run(options);
    EXPECT_TRUE(both.server.shaken) << both.server.label;
    return both.server.peer.ok() ? both.server.peer->chain : nullptr;
  }
};

class KnownLeavesOfBothVersions : public KnownLeavesTest,
                                  public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Tls, KnownLeavesOfBothVersions,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(KnownLeavesOfBothVersions, ConnectionsOfOneClientShareItsCertificate) {
  const PeerCertificatePtr first = PeerAfter({&leaf_}, GetParam());
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(PeerAfter({&leaf_}, GetParam()), first);
  EXPECT_EQ(library_->leaves().size(), 1u);
}

TEST_P(KnownLeavesOfBothVersions, IssuersMakeAnotherChainOfTheSameLeaf) {
  const PeerCertificatePtr alone = PeerAfter({&leaf_}, GetParam());
  const PeerCertificatePtr chain = PeerAfter({&leaf_, &ca_}, GetParam());
  ASSERT_TRUE(alone != nullptr && chain != nullptr);
  EXPECT_EQ(chain->chain_der, (std::vector<std::string>{leaf_.der, ca_.der}));
  EXPECT_EQ(chain->leaf_sha256, alone->leaf_sha256);
  EXPECT_NE(chain->chain_sha256, alone->chain_sha256);
  EXPECT_EQ(PeerAfter({&leaf_}, GetParam()), alone);
}

TEST_P(KnownLeavesOfBothVersions, WhoIsKnownProvesPossessionAllTheSame) {
  const TestCert stolen = Stolen(leaf_);
  ClientOptions options;
  options.max_version = GetParam();
  options.chain = {&stolen};
  PeerCertificatePtr known;
  for (const size_t leaves : {0u, 1u}) {
    const Both thief = Run(options);
    EXPECT_FALSE(thief.server.shaken);
    EXPECT_EQ(thief.server.label, "bad_client_signature");
    EXPECT_EQ(library_->leaves().size(), leaves) << "known before it was proven";
    const PeerCertificatePtr owner = PeerAfter({&leaf_}, GetParam());
    EXPECT_TRUE(known == nullptr || owner == known);
    known = owner;
  }
}

TEST_F(KnownLeavesTest, WhatIsKnownTakesThePlaceOfWhatWasSent) {
  KnownLeaves leaves(library_->context());
  const Presented first = Present(leaf_.der);
  const KnownLeafPtr leaf = leaves.Share(first.get());
  ASSERT_NE(leaf, nullptr);
  EXPECT_EQ(leaf->certificate.get(), sk_X509_value(first.get(), 0));
  EXPECT_NE(X509_get0_pubkey(leaf->certificate.get()), nullptr);
  EXPECT_EQ(leaf->alone->chain_der, std::vector<std::string>{leaf_.der});
  EXPECT_EQ(leaves.size(), 0u);
  EXPECT_EQ(leaves.Keep(leaf), leaf);
  const KnownLeafPtr beside = leaves.Share(Present(leaf_.der).get());
  EXPECT_EQ(leaves.Keep(beside), leaf);
  EXPECT_EQ(leaves.size(), 1u);
  const Presented second = Present(leaf_.der);
  EXPECT_EQ(leaves.Share(second.get()), leaf);
  EXPECT_EQ(sk_X509_value(second.get(), 0), sk_X509_value(first.get(), 0));
}

// The hash that X509_cmp looks at, and the part that is signed, do not have to differ.
TEST_F(KnownLeavesTest, EveryByteCounts) {
  KnownLeaves leaves(library_->context());
  const KnownLeafPtr leaf = leaves.Share(Present(leaf_.der).get());
  EXPECT_EQ(leaves.Keep(leaf), leaf);
  std::string other = leaf_.der;
  other.back() = static_cast<char>(other.back() ^ 1);  // of the signature
  const Presented presented = Present(other);
  ASSERT_NE(sk_X509_value(presented.get(), 0), nullptr);
  const KnownLeafPtr another = leaves.Share(presented.get());
  ASSERT_NE(another, nullptr);
  EXPECT_NE(another, leaf);
  EXPECT_EQ(another->alone->chain_der.front(), other);
  EXPECT_EQ(leaves.Keep(another), another);
  EXPECT_EQ(leaves.size(), 2u);
}

// What OpenSSL makes of such a certificate takes hundreds of KiB.
TEST_F(KnownLeavesTest, AVeryLargeOneIsNotKept) {
  KnownLeaves leaves(library_->context());
  CertBuilder builder("CN=large");
  const KnownLeafPtr small = leaves.Share(Present(leaf_.der).get());
  EXPECT_EQ(leaves.Keep(small), small);
  for (int i = 0; i < 400; ++i) builder.Dns(std::to_string(i) + ".example.com");
  const KnownLeafPtr leaf = leaves.Share(Present(builder.SelfSign().der).get());
  ASSERT_NE(leaf, nullptr);
  EXPECT_GT(leaf->alone->chain_der.front().size(), 4096u);
  EXPECT_EQ(leaves.Keep(leaf), leaf);
  EXPECT_EQ(leaves.size(), 1u);
}

TEST_F(KnownLeavesTest, OutlivesItsPlaceAmongTheKnown) {
  KnownLeafPtr kept;
  {
    KnownLeaves leaves(library_->context());
    kept = leaves.Share(Present(leaf_.der).get());
    EXPECT_EQ(leaves.Keep(kept), kept);
  }
  EXPECT_EQ(kept->alone->chain_der.front(), leaf_.der);
  EXPECT_NE(X509_get0_pubkey(kept->certificate.get()), nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane

#include "dataplane/upstream_tls/server_check.h"

#include <gtest/gtest.h>

#include "dataplane/upstream_tls/server_name.h"
#include "shared/base/text.h"
#include "tests/unit/dataplane/upstream_tls/pki_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::Pair;

// One PKI for all cases: keys are dear.
struct World {
  Pair root = testing::Root("root");
  Pair other_root = testing::Root("other root");
  Pair intermediate = testing::Intermediate(root, "intermediate");
  Pair leaf =
      testing::Server(intermediate, "DNS:api.example.com,DNS:*.wild.example.com,IP:192.0.2.7");
  Pair stranger = testing::SelfSigned("DNS:api.example.com");
};
const World& W() {
  static const World* const world = new World();
  return *world;
}

class ServerCheckTest : public ::testing::Test {
 protected:
  ServerCheckTest() {
    settings_.name = "api.example.com";
    Trust({&W().root});
  }
  void Trust(const std::vector<const Pair*>& pairs) {
    std::vector<std::string> der;
    for (const Pair* pair : pairs) der.push_back(pair->Der());
    settings_.trust = TrustAnchors::Build(der, nullptr);
  }
  void Pin(const std::vector<const Pair*>& pairs) {
    settings_.pinned = true;
    for (const Pair* pair : pairs) settings_.pins.push_back(SpkiSha256(pair->certificate.get()));
  }
  ServerVerdict Check(const std::vector<const Pair*>& presented, absl::Time now = absl::Now()) {
    const crypto::UniqueX509Stack stack = testing::Stack(presented);
    verdict_ = CheckServer(sk_X509_value(stack.get(), 0), stack.get(), settings_, now);
    return verdict_;
  }
  Reason Of(const std::vector<const Pair*>& presented, absl::Time now = absl::Now()) {
    return Check(presented, now).reason;
  }

  ServerCheckSettings settings_;
  ServerVerdict verdict_;
};

TEST_F(ServerCheckTest, PathToTrustedRootIsAccepted) {
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  EXPECT_EQ(verdict_.spki_sha256, base::Hex(SpkiSha256(W().leaf.certificate.get())));
  EXPECT_LT(verdict_.not_after, absl::Now() + absl::Hours(25));
  EXPECT_FALSE(verdict_.pin_mismatch);
}

TEST_F(ServerCheckTest, UntrustedIsRefused) {
  Trust({&W().other_root});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamCertUntrusted);
  EXPECT_NE(verdict_.x509_error, 0);
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertUntrusted);
  Trust({});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate, &W().root}), Reason::kUpstreamCertUntrusted);
  settings_.trust = nullptr;
  EXPECT_EQ(Of({&W().leaf, &W().intermediate, &W().root}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, MissingIntermediateIsRefusedUnlessItIsTrusted) {
  EXPECT_EQ(Of({&W().leaf}), Reason::kUpstreamCertUntrusted);
  Trust({&W().root, &W().intermediate});
  EXPECT_EQ(Of({&W().leaf}), Reason::kAllowed);
  Trust({&W().intermediate});
  EXPECT_EQ(Of({&W().leaf}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, SelfSignedServerInTrustIsAcceptedForItsOwnNamesOnly) {
  Trust({&W().stranger});
  EXPECT_EQ(Of({&W().stranger}), Reason::kAllowed);
  settings_.name = "other.example.com";
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertName);
}

TEST_F(ServerCheckTest, SelfSignedServerInTrustIssuesNothing) {
  Trust({&W().stranger});
  const Pair child = testing::Server(W().stranger, "DNS:api.example.com");
  EXPECT_EQ(Of({&child, &W().stranger}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, Dates) {
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}, absl::Now() + absl::Hours(48)),
            Reason::kUpstreamCertExpired);
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}, absl::Now() - absl::Hours(48)),
            Reason::kUpstreamCertExpired);
}

TEST_F(ServerCheckTest, ExpiredTwinOfARootDoesNotSpoilTheGoodOne) {
  const Pair old = testing::Issue(nullptr, {.common_name = "root",
                                            .ca = true,
                                            .not_before = absl::Now() - absl::Hours(48),
                                            .not_after = absl::Now() - absl::Hours(24),
                                            .key = W().root.key.get()});
  Trust({&old, &W().root});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, ClientOnlyUsageIsRefused) {
  const Pair client =
      testing::Issue(&W().root, {.names = "DNS:api.example.com", .usage = "clientAuth"});
  EXPECT_EQ(Of({&client}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, WeakKeyIsRefusedEvenWhenPinned) {
  const Pair weak = testing::Issue(&W().root, {.names = "DNS:api.example.com", .rsa_bits = 1024});
  EXPECT_EQ(Of({&weak}), Reason::kUpstreamCertUntrusted);
  Pin({&weak});
  EXPECT_EQ(Of({&weak}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, LeafThatIsNoCaSignsNothing) {
  const Pair forged = testing::Server(W().leaf, "DNS:api.example.com");
  EXPECT_EQ(Of({&forged, &W().leaf, &W().intermediate}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, NameConstraintsOfTheIssuerHold) {
  const Pair limited = testing::Issue(
      &W().root,
      {.common_name = "limited", .ca = true, .constraints = "permitted;DNS:example.org"});
  const Pair outside = testing::Server(limited, "DNS:api.example.com");
  EXPECT_EQ(Of({&outside, &limited}), Reason::kUpstreamCertUntrusted);
}

struct NameCase {
  const char* host;
  bool good;
};
TEST_F(ServerCheckTest, Names) {
  const NameCase cases[] = {{"api.example.com", true},
                            {"API.EXAMPLE.COM", true},
                            {"a.wild.example.com", true},
                            {"a.b.wild.example.com", false},
                            {"wild.example.com", false},
                            {"example.com", false},
                            {".example.com", false},
                            {".wild.example.com", false},
                            {"192.0.2.7", true},
                            {"192.0.2.8", false},
                            {"server", false},
                            {"", false},
                            {"api.example.com.evil.net", false}};
  for (const NameCase& one : cases) {
    settings_.name = one.host;
    EXPECT_EQ(Of({&W().leaf, &W().intermediate}),
              one.good ? Reason::kAllowed : Reason::kUpstreamCertName)
        << one.host;
  }
}

TEST_F(ServerCheckTest, NamesOfCertificates) {
  const auto has = [](const std::string& sans, const std::string& name) {
    const Pair pair = testing::Issue(nullptr, {.common_name = "cn.example.com", .names = sans});
    return CertificateHasName(pair.certificate.get(), name);
  };
  EXPECT_FALSE(has("", "cn.example.com")) << "the common name never counts";
  EXPECT_FALSE(has("IP:192.0.2.1", "cn.example.com"));
  EXPECT_FALSE(has("DNS:192.0.2.1", "192.0.2.1")) << "addresses need an address SAN";
  EXPECT_TRUE(has("IP:2001:db8::1", "2001:db8::1"));
  EXPECT_FALSE(has("DNS:a*.example.com", "abc.example.com")) << "no partial wildcard";
  EXPECT_FALSE(has("DNS:*.com", "example.com")) << "not a whole registry";
  EXPECT_FALSE(has("DNS:www.*.example.com", "www.a.example.com")) << "leftmost label only";
}

TEST_F(ServerCheckTest, CommonNameCheckAdds) {
  settings_.common_name_check = true;
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamCertName);
  const Pair both =
      testing::Issue(&W().root, {.common_name = "api.example.com", .names = "DNS:api.example.com"});
  EXPECT_EQ(Of({&both}), Reason::kAllowed);
  const Pair only_cn = testing::Issue(&W().root, {.common_name = "api.example.com"});
  EXPECT_EQ(Of({&only_cn}), Reason::kUpstreamCertName) << "it never stands in for a SAN";
}

// Pins --------------------------------------------------------------------------------------------

TEST_F(ServerCheckTest, PinnedLeafStandsInForTrustAndName) {
  Pin({&W().stranger});
  settings_.name = "something.else";
  EXPECT_EQ(Of({&W().stranger}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, PinnedLeafNeverStandsInForDates) {
  const Pair old = testing::Issue(nullptr, {.names = "DNS:api.example.com",
                                            .not_before = absl::Now() - absl::Hours(48),
                                            .not_after = absl::Now() - absl::Hours(24)});
  Pin({&old});
  EXPECT_EQ(Of({&old}), Reason::kUpstreamCertExpired);
  const Pair early = testing::Issue(nullptr, {.names = "DNS:api.example.com",
                                              .not_before = absl::Now() + absl::Hours(12),
                                              .key = old.key.get()});
  EXPECT_EQ(Of({&early}), Reason::kUpstreamCertExpired);
}

TEST_F(ServerCheckTest, AppendedPinnedCertificateIsRefused) {  // Q2
  Pin({&W().leaf});
  const Pair attacker = testing::SelfSigned("DNS:api.example.com");
  EXPECT_EQ(Of({&attacker, &W().leaf}), Reason::kUpstreamPin);
  EXPECT_EQ(Of({&attacker, &W().leaf, &W().intermediate, &W().root}), Reason::kUpstreamPin);
  EXPECT_TRUE(verdict_.pin_mismatch);
  // Also when the attacker's leaf is trusted and has the right name.
  const Pair trusted = testing::Server(W().root, "DNS:api.example.com");
  EXPECT_EQ(Of({&trusted, &W().leaf}), Reason::kUpstreamPin);
}

TEST_F(ServerCheckTest, AppendedPinnedCaIsRefused) {
  Pin({&W().root});
  const Pair attacker = testing::SelfSigned("DNS:api.example.com");
  EXPECT_EQ(Of({&attacker, &W().root}), Reason::kUpstreamPin);
  const Pair trusted = testing::Server(W().other_root, "DNS:api.example.com");
  Trust({&W().root, &W().other_root});
  EXPECT_EQ(Of({&trusted, &W().other_root, &W().root}), Reason::kUpstreamPin);
}

TEST_F(ServerCheckTest, ForgedTwinOfAPinnedCaIsRefused) {
  Pin({&W().intermediate});
  // Same name as the pinned CA, another key; the real one is appended.
  const Pair twin = testing::Intermediate(W().other_root, "intermediate");
  const Pair leaf = testing::Server(twin, "DNS:api.example.com");
  EXPECT_NE(Of({&leaf, &W().intermediate, &twin}), Reason::kAllowed);
  EXPECT_NE(Of({&leaf, &twin, &W().intermediate}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, CaPinInVerifiedPathAddsToEveryCheck) {
  Pin({&W().intermediate});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  settings_.name = "other.example.com";
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamCertName);
  settings_.name = "api.example.com";
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}, absl::Now() + absl::Hours(48)),
            Reason::kUpstreamCertExpired);
  Trust({&W().other_root});
  EXPECT_NE(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, RootPinHoldsAlsoWhenAnIntermediateIsTrustedToo) {
  Trust({&W().root, &W().intermediate});
  Pin({&W().root});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  EXPECT_EQ(Of({&W().leaf}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, PinMismatchFailsWhateverElseMatches) {
  Pin({&W().stranger});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamPin);
  EXPECT_NE(verdict_.detail.find("public key pinning error"), std::string::npos);
  EXPECT_NE(verdict_.detail.find("api.example.com"), std::string::npos);
  EXPECT_NE(verdict_.detail.find(base::Hex(SpkiSha256(W().stranger.certificate.get()))),
            std::string::npos);
  EXPECT_NE(verdict_.detail.find(verdict_.spki_sha256), std::string::npos);
}

TEST_F(ServerCheckTest, PinnedWithoutUsablePinNeverPasses) {
  settings_.pinned = true;
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamPin);
  settings_.insecure_skip_verify = true;
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamPin);
}

TEST_F(ServerCheckTest,
       PinOfTheCertificateInsteadOfTheKeyDoesNotMatch) {  // Q14 is met at write time
  settings_.pinned = true;
  unsigned char digest[32];
  unsigned size = 0;
  X509_digest(W().leaf.certificate.get(), EVP_sha256(), digest, &size);
  settings_.pins.emplace_back(reinterpret_cast<char*>(digest), size);
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamPin);
}

TEST_F(ServerCheckTest, SeveralPinsOneIsEnough) {
  Pin({&W().stranger, &W().leaf});
  settings_.trust = nullptr;
  EXPECT_EQ(Of({&W().leaf}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, PinModeAddKeepsEveryCheck) {
  settings_.pin_adds = true;
  Pin({&W().stranger, &W().leaf});
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertUntrusted);
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  settings_.name = "other.example.com";
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamCertName);
}

TEST_F(ServerCheckTest, ForcedCommonNameHoldsBesideALeafPin) {
  settings_.common_name_check = true;
  Pin({&W().stranger});
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertName);
}

TEST_F(ServerCheckTest, VerificationOffTakesAnythingUnpinned) {
  settings_.insecure_skip_verify = true;
  settings_.name = "nothing.fits";
  EXPECT_EQ(Of({&W().stranger}), Reason::kAllowed);
}

TEST_F(ServerCheckTest, VerificationOffOnlyTheLeafCanMatchAndMust) {
  settings_.insecure_skip_verify = true;
  Pin({&W().intermediate});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kUpstreamPin);
  Pin({&W().stranger});
  EXPECT_EQ(Of({&W().stranger}), Reason::kAllowed);
  const Pair attacker = testing::SelfSigned("DNS:api.example.com");
  EXPECT_EQ(Of({&attacker, &W().stranger}), Reason::kUpstreamPin);
}

TEST_F(ServerCheckTest, ReportOnlyReportsAndKeepsTheNormalChecks) {
  settings_.pin_report_only = true;
  Pin({&W().stranger});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  EXPECT_TRUE(verdict_.pin_mismatch);
  EXPECT_NE(verdict_.detail.find("public key pinning error"), std::string::npos);
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertUntrusted) << "a pin stands in for nothing";
  settings_.pins.clear();
  Pin({&W().intermediate});
  EXPECT_EQ(Of({&W().leaf, &W().intermediate}), Reason::kAllowed);
  EXPECT_FALSE(verdict_.pin_mismatch);
}

TEST_F(ServerCheckTest, UnpinnedHostKeepsTheNormalChecks) {  // Q3, Q5
  EXPECT_EQ(Of({&W().stranger}), Reason::kUpstreamCertUntrusted);
  settings_.common_name_check = true;
  const Pair cn = testing::Issue(nullptr, {.common_name = "api.example.com"});
  EXPECT_EQ(Of({&cn}), Reason::kUpstreamCertUntrusted);
}

TEST_F(ServerCheckTest, NoLeafIsRefused) {
  EXPECT_FALSE(CheckServer(nullptr, nullptr, settings_, absl::Now()).accepted());
}

}  // namespace
}  // namespace sallyport::dataplane

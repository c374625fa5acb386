// Pins and TLS settings towards upstreams (DESIGN 7, reference tyk.md §6).
#include "authsvc/resolve/pins.h"

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"
#include "shared/base/text.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestCert;
using testing::TestNow;
using ::testing::UnorderedElementsAre;

using Pins = UpstreamTest;

TEST_F(Pins, KeyCertificateIdAndDigestAreTheSame) {
  const TestCert upstream = CertBuilder("CN=upstream").ServerAuth().SelfSign();
  const std::string by_certificate = world_.AddCertificate(upstream, {.name = "pin"});
  const std::string by_key = world_.AddPublicKey(upstream);
  const std::string hex = base::Hex(upstream.cert->spki_sha256);
  PutApi();
  for (const std::string& id :
       {by_certificate, by_key, std::string("name:pin"), " " + by_key + "\t"}) {
    v1::PinList list;
    list.add_certificate_ids(id);
    EXPECT_THAT(ResolvePins(world_.snapshot(), kOrg, list).spki_sha256,
                ElementsAre(upstream.cert->spki_sha256))
        << id;
  }
  v1::PinList digests;
  digests.add_spki_sha256(" " + hex + " ");
  digests.add_spki_sha256(absl::AsciiStrToUpper(hex));
  EXPECT_THAT(ResolvePins(world_.snapshot(), kOrg, digests).spki_sha256,
              ElementsAre(upstream.cert->spki_sha256));
}

TEST_F(Pins, CommaListsAreSplitAndTrimmed) {
  const TestCert a = CertBuilder("CN=a").SelfSign();
  const TestCert b = CertBuilder("CN=b").SelfSign();
  v1::PinList list;
  list.add_certificate_ids(world_.AddCertificate(a) + " , " + world_.AddPublicKey(b) + ",,");
  const ResolvedPins pins = ResolvePins(world_.snapshot(), kOrg, list);
  EXPECT_THAT(pins.spki_sha256, UnorderedElementsAre(a.cert->spki_sha256, b.cert->spki_sha256));
  EXPECT_TRUE(pins.unusable.empty());
}

TEST_F(Pins, OrderIsThatOfTheMaps) {
  const TestCert a = CertBuilder("CN=a").SelfSign();
  const TestCert b = CertBuilder("CN=b").SelfSign();
  (*pins().mutable_pins())["a.x"].add_certificate_ids(world_.AddPublicKey(a));
  v1::GatewaySettings settings;
  (*settings.mutable_pins()->mutable_pins())["*"].add_certificate_ids(world_.AddPublicKey(b, ""));
  settings.mutable_pins()->set_report_only(true);
  world_.Put(settings);
  PutApi();
  const v1::ResolveUpstreamResponse own = Resolve(world_, "a.x");
  EXPECT_TRUE(own.pinned());
  EXPECT_FALSE(own.pin_report_only());  // of its own map
  EXPECT_THAT(own.pin_spki_sha256(), ElementsAre(a.cert->spki_sha256));
  const v1::ResolveUpstreamResponse other = Resolve(world_, "b.x");
  EXPECT_TRUE(other.pin_report_only());
  EXPECT_THAT(other.pin_spki_sha256(), ElementsAre(b.cert->spki_sha256));
  pins().set_disabled(true);
  PutApi();
  EXPECT_THAT(Resolve(world_, "a.x").pin_spki_sha256(), ElementsAre(b.cert->spki_sha256));
  settings.mutable_pins()->set_disabled(true);
  world_.Put(settings);
  EXPECT_FALSE(Resolve(world_, "a.x").pinned());
}

TEST_F(Pins, NoUsablePinFailsClosed) {
  for (const std::string& id :
       {std::string("name:next"), std::string(kOrg) + std::string(64, 'b'), std::string(" , ")}) {
    pins().mutable_pins()->clear();
    (*pins().mutable_pins())["h"].add_certificate_ids(id);
    PutApi();
    EXPECT_UNAVAILABLE(Resolve(world_, "h"));
    EXPECT_EQ(Resolve(world_, "other").reason(), 0U);
  }
  pins().mutable_pins()->clear();
  (*pins().mutable_pins())["h"].add_spki_sha256("abcd");
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "h"));
  (*pins().mutable_pins())["h"].Clear();
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "h"));
}

TEST_F(Pins, APendingNextPinLeavesTheCurrentOneInForce) {
  const TestCert current = CertBuilder("CN=current").SelfSign();
  v1::PinList& list = (*pins().mutable_pins())["h"];
  list.add_certificate_ids(world_.AddPublicKey(current));
  list.add_certificate_ids("name:next");
  PutApi();
  const v1::ResolveUpstreamResponse answer = Resolve(world_, "h");
  EXPECT_EQ(answer.reason(), 0U);
  EXPECT_THAT(answer.pin_spki_sha256(), ElementsAre(current.cert->spki_sha256));
  EXPECT_THAT(answer.detail(), HasSubstr("name:next"));
  EXPECT_NE(std::find(answer.tags().begin(), answer.tags().end(), "cert:name:next"),
            answer.tags().end());
}

TEST_F(Pins, ModeIsPassedOn) {
  (*pins().mutable_pins())["h"].add_spki_sha256(std::string(64, 'c'));
  pins().set_add_to_ca_check(true);
  pins().set_report_only(true);
  PutApi();
  EXPECT_TRUE(Resolve(world_, "h").pin_adds());
  EXPECT_TRUE(Resolve(world_, "h").pin_report_only());
}

using UpstreamSettings = UpstreamTest;

TEST_F(UpstreamSettings, EitherSkipVerifyAndEitherNameCheckCounts) {
  for (const bool own : {false, true}) {
    for (const bool gateway : {false, true}) {
      api_.mutable_upstream()->mutable_tls()->set_insecure_skip_verify(own);
      api_.mutable_upstream()->mutable_tls()->set_force_common_name_check(own);
      v1::GatewaySettings settings;
      settings.mutable_upstream_tls()->set_insecure_skip_verify(gateway);
      settings.mutable_upstream_tls()->set_force_common_name_check(gateway);
      world_.Put(settings);
      PutApi();
      EXPECT_EQ(Resolve(world_, "h").insecure_skip_verify(), own || gateway);
      EXPECT_EQ(Resolve(world_, "h").common_name_check(), own || gateway);
    }
  }
}

TEST_F(UpstreamSettings, ApiOverridesTheGateway) {
  v1::GatewaySettings settings;
  settings.mutable_upstream_tls()->set_min_version("1.2");
  settings.mutable_upstream_tls()->set_max_version("1.2");
  settings.mutable_upstream_tls()->add_ciphers("ECDHE-RSA-AES128-GCM-SHA256");
  settings.mutable_upstream_tls()->set_server_name("gateway.x");
  world_.Put(settings);
  PutApi();
  EXPECT_EQ(Resolve(world_, "h").max_version(), "1.2");
  EXPECT_EQ(Resolve(world_, "h").server_name(), "gateway.x");
  v1::TransportTls& own = *api_.mutable_upstream()->mutable_tls();
  own.set_max_version("1.3");
  own.add_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384");
  own.set_server_name("own.x");
  PutApi();
  const v1::ResolveUpstreamResponse answer = Resolve(world_, "h");
  EXPECT_EQ(answer.min_version(), "1.2");
  EXPECT_EQ(answer.max_version(), "1.3");
  EXPECT_THAT(answer.ciphers(), ElementsAre("ECDHE-ECDSA-AES256-GCM-SHA384"));
  EXPECT_EQ(answer.server_name(), "own.x");
}

TEST_F(UpstreamSettings, TrustBundlesOfBothLevels) {
  const TestCert a = CertBuilder("CN=A").Ca().SelfSign();
  const TestCert b = CertBuilder("CN=B").Ca().SelfSign();
  v1::TrustBundle bundle;
  bundle.set_id("bundle-a");
  bundle.set_org_id(kOrg);
  bundle.add_certificate_ids(world_.AddCertificate(a));
  bundle.add_certificate_ids("name:not-there");  // the others stay usable
  world_.Put(bundle);
  bundle.set_id("bundle-b");
  bundle.clear_certificate_ids();
  bundle.add_certificate_ids(world_.AddCertificate(b));
  world_.Put(bundle);
  api_.mutable_upstream()->mutable_tls()->add_trust_bundle_ids("bundle-a");
  v1::GatewaySettings settings;
  settings.mutable_upstream_tls()->add_trust_bundle_ids("bundle-b");
  settings.mutable_upstream_tls()->add_trust_bundle_ids("bundle-a");
  world_.Put(settings);
  PutApi();
  EXPECT_THAT(Resolve(world_, "h").trust_der(), ElementsAre(a.der, b.der));
  world_.Erase(Kind::kTrustBundle, "bundle-a");
  EXPECT_UNAVAILABLE(Resolve(world_, "h"));
}

TEST_F(UpstreamSettings, HashTellsAnswersApart) {
  const auto hash = [&] {
    PutApi();
    return Resolve(world_, "h").settings_hash();
  };
  std::vector<uint64_t> hashes;
  hashes.push_back(hash());
  EXPECT_EQ(hash(), hashes[0]);  // another revision, the same settings
  v1::TransportTls& tls = *api_.mutable_upstream()->mutable_tls();
  tls.set_min_version("1.2");
  hashes.push_back(hash());
  tls.set_min_version("");
  tls.set_max_version("1.2");
  hashes.push_back(hash());
  tls.set_insecure_skip_verify(true);
  hashes.push_back(hash());
  tls.set_server_name("s");
  hashes.push_back(hash());
  (*certificates().mutable_certificate_ids())["*"] = Pair("a");
  hashes.push_back(hash());
  (*certificates().mutable_certificate_ids())["*"] = Pair("b");
  hashes.push_back(hash());
  (*pins().mutable_pins())["*"].add_spki_sha256(std::string(64, 'a'));
  hashes.push_back(hash());
  (*pins().mutable_pins())["*"].add_spki_sha256(std::string(64, 'b'));
  hashes.push_back(hash());
  pins().set_add_to_ca_check(true);
  hashes.push_back(hash());
  pins().set_report_only(true);
  hashes.push_back(hash());
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end());
  EXPECT_NE(hashes[0], 0U);
}

}  // namespace
}  // namespace sallyport::authsvc

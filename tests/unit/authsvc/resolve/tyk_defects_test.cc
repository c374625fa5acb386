// Defects of the reference system (tyk.md §0.2) that concern upstream credentials. Q2, Q4 and Q5
// are checks of the presented chain and are tested where that is done; here: that the answer
// demands them.
#include "gmock/gmock.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using testing::TestCert;

using TykDefects = UpstreamTest;

TEST_F(TykDefects, Q2PinIsOfThePinnedKeyAndNotAllThatAppears) {
  const TestCert pinned = CertBuilder("CN=pinned").SelfSign();
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  // A stored chain pins its first certificate, not every key of the file.
  (*pins().mutable_pins())["h"].add_certificate_ids(
      world_.AddCertificate(pinned, {.rest = {&root}}));
  PutApi();
  EXPECT_THAT(Resolve(world_, "h").pin_spki_sha256(), ElementsAre(pinned.cert->spki_sha256));
}

TEST_F(TykDefects, Q3PinningOneHostLeavesTheOthersVerified) {
  (*pins().mutable_pins())["a.x"].add_spki_sha256(std::string(64, 'a'));
  api_.mutable_upstream()->mutable_tls()->set_force_common_name_check(true);
  PutApi();
  EXPECT_TRUE(Resolve(world_, "a.x").pinned());
  const v1::ResolveUpstreamResponse other = Resolve(world_, "b.x");
  EXPECT_FALSE(other.pinned());
  EXPECT_FALSE(other.insecure_skip_verify());
}

TEST_F(TykDefects, Q4ProxyDoesNotChangePinsOrVerification) {
  (*pins().mutable_pins())["a.x"].add_spki_sha256(std::string(64, 'a'));
  PutApi();
  const v1::ResolveUpstreamResponse direct = Resolve(world_, "a.x");
  api_.mutable_upstream()->mutable_forward_proxy()->set_url("http://proxy:3128");
  PutApi();
  v1::ResolveUpstreamResponse proxied = Resolve(world_, "a.x");
  EXPECT_EQ(proxied.proxy().host(), "proxy");
  EXPECT_EQ(proxied.proxy().port(), 3128u);
  EXPECT_NE(proxied.settings_hash(), direct.settings_hash()) << "no connection is shared";
  proxied.clear_proxy();
  proxied.set_settings_hash(direct.settings_hash());
  proxied.set_revision(direct.revision());
  EXPECT_EQ(proxied.SerializeAsString(), direct.SerializeAsString());
  EXPECT_FALSE(Resolve(world_, "b.x").insecure_skip_verify());
}

TEST_F(TykDefects, Q5NameCheckIsNeverInsteadOfVerification) {
  api_.mutable_upstream()->mutable_tls()->set_force_common_name_check(true);
  PutApi();
  EXPECT_TRUE(Resolve(world_, "h").common_name_check());
  EXPECT_FALSE(Resolve(world_, "h").insecure_skip_verify());
}

TEST_F(TykDefects, Q8EachHostHasItsOwnCertificateOrNone) {
  const std::string a = Pair("a");
  const std::string b = Pair("b");
  (*certificates().mutable_certificate_ids())["a.x"] = a;
  (*certificates().mutable_certificate_ids())["b.x"] = b;
  PutApi();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Resolve(world_, "a.x").certificate_id(), a);
    EXPECT_EQ(Resolve(world_, "b.x").certificate_id(), b);
    EXPECT_EQ(Resolve(world_, "c.x").certificate_id(), "");
  }
  EXPECT_NE(Resolve(world_, "a.x").settings_hash(), Resolve(world_, "b.x").settings_hash());
  EXPECT_NE(Resolve(world_, "a.x").settings_hash(), Resolve(world_, "c.x").settings_hash());
}

TEST_F(TykDefects, Q14PinByCertificateIsItsKeyWhateverTheOrganisationIsCalled) {
  const TestCert upstream = CertBuilder("CN=upstream").SelfSign();
  api_.set_org_id("not-hex/org");
  const std::string by_certificate = world_.AddCertificate(upstream, {.org = "not-hex/org"});
  const std::string by_key = world_.AddPublicKey(upstream, "not-hex/org");
  for (const std::string& id : {by_certificate, by_key}) {
    pins().mutable_pins()->clear();
    (*pins().mutable_pins())["h"].add_certificate_ids(id);
    PutApi();
    EXPECT_THAT(Resolve(world_, "h").pin_spki_sha256(), ElementsAre(upstream.cert->spki_sha256))
        << id;
  }
}

TEST_F(TykDefects, Q16MaxVersionOfTheApiIsKept) {
  api_.mutable_upstream()->mutable_tls()->set_max_version("1.3");
  PutApi();
  EXPECT_EQ(Resolve(world_, "h").max_version(), "1.3");
}

TEST_F(TykDefects, Q20DeletedPinAndCertificateAreGoneAtOnce) {
  const TestCert upstream = CertBuilder("CN=upstream").SelfSign();
  const std::string pin = world_.AddPublicKey(upstream);
  const std::string client = Pair("client");
  (*pins().mutable_pins())["a.x"].add_certificate_ids(pin);
  (*certificates().mutable_certificate_ids())["b.x"] = client;
  PutApi();
  EXPECT_TRUE(Resolve(world_, "a.x").pinned());
  world_.Erase(Kind::kCertificate, pin);
  EXPECT_UNAVAILABLE(Resolve(world_, "a.x"));
  world_.Erase(Kind::kCertificate, client);
  EXPECT_UNAVAILABLE(Resolve(world_, "b.x"));
}

TEST_F(TykDefects, Q26WildcardsStandAnywhereAndPinsMatchPorts) {
  const std::string id = Pair("a");
  (*certificates().mutable_certificate_ids())["api.*.host"] = id;
  (*pins().mutable_pins())["api.*.host:8443"].add_spki_sha256(std::string(64, 'a'));
  PutApi();
  EXPECT_EQ(Resolve(world_, "api.production.host").certificate_id(), id);
  EXPECT_FALSE(Resolve(world_, "api.production.host", 443).pinned());
  EXPECT_TRUE(Resolve(world_, "api.production.host", 8443).pinned());
}

}  // namespace
}  // namespace sallyport::authsvc

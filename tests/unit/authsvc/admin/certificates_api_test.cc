#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "absl/strings/match.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::ChainPem;
using sallyport::testing::TestCert;
using ::testing::HasSubstr;

std::string HexOf(const TestCert& certificate) { return base::Hex(certificate.cert->fingerprint); }

TEST_F(AdminTest, CertificateLife) {
  const TestCert pair = CertBuilder("C=DE,O=Acme,OU=a,OU=b,CN=life").Dns("life.test").SelfSign();
  const std::string id = "org" + HexOf(pair);
  EXPECT_EQ(Call("POST", "/tyk/certs?org_id=org", "text before\n" + pair.Pem()).body,
            "{\"id\":\"" + id + "\",\"status\":\"ok\",\"message\":\"Certificate added\"}\n");
  ExpectError(403, "Certificate with " + id + " id already exists",
              Call("POST", "/tyk/certs?org_id=org", pair.Pem()));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs?org_id=org"))["certs"], Json({id}));
  const Json meta = Expect(200, Call("GET", "/tyk/certs/" + id));
  EXPECT_EQ(meta["fingerprint"], HexOf(pair));
  EXPECT_EQ(meta["has_private"], false);
  EXPECT_EQ(meta["subject"]["CommonName"], "life");
  EXPECT_EQ(meta["subject"]["OrganizationalUnit"], Json({"a", "b"}));
  EXPECT_EQ(meta["subject"]["Locality"], nullptr);
  EXPECT_EQ(meta["subject"]["Names"][0]["Type"], Json({2, 5, 4, 6}));
  EXPECT_EQ(meta["dns_names"], Json({"life.test"}));
  EXPECT_EQ(meta["not_before"], "2020-01-01T00:00:00Z");
  EXPECT_EQ(Call("DELETE", "/tyk/certs/" + id).body,
            "{\"status\":\"ok\",\"message\":\"removed\"}\n");
  ExpectError(404, "Certificate with given SHA256 fingerprint not found",
              Call("GET", "/tyk/certs/" + id));
  // Q20: a delete that deleted nothing says so.
  ExpectError(404, "Certificate with given SHA256 fingerprint not found",
              Call("DELETE", "/tyk/certs/" + id));
  EXPECT_EQ(Call("GET", "/tyk/certs").body, "{\"certs\":null}\n");
}

TEST_F(AdminTest, WhatIsNotTakenAsACertificate) {
  const TestCert one = CertBuilder("CN=one").SelfSign();
  const TestCert two = CertBuilder("CN=two").SelfSign();
  const std::string none = "Failed to decode certificate. It should be PEM encoded.";
  ExpectError(403, none, Call("POST", "/tyk/certs", ""));
  ExpectError(403, none, Call("POST", "/tyk/certs", "hello"));
  ExpectError(403, none, Call("POST", "/tyk/certs", one.der));
  ExpectError(403, none, Call("POST", "/tyk/certs", one.KeyPem()));
  ExpectError(403, "Found multiple private keys",
              Call("POST", "/tyk/certs", one.Pem() + one.KeyPem() + two.KeyPem()));
  ExpectError(403, "certificate is expired",
              Call("POST", "/tyk/certs", CertBuilder("CN=old").Expired().SelfSign().Pem()));
  EXPECT_EQ(Call("POST", "/tyk/certs", one.Pem() + two.KeyPem()).status, 403);
  EXPECT_EQ(Call("GET", "/tyk/certs").body, "{\"certs\":null}\n");
}

TEST_F(AdminTest, PrivateKeysGoInAndNeverComeOut) {
  const TestCert pair = CertBuilder("CN=pair").SelfSign();
  const std::string id = AddCertificate(pair.Pem() + pair.KeyPem());
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/" + id))["has_private"], true);
  const std::string secret = pair.KeyPem().substr(40, 40);
  for (const char* path : {"/tyk/certs", "/tyk/certs?mode=detailed"}) {
    const std::string body = Call("GET", path).body + Call("GET", "/tyk/certs/" + id).body;
    EXPECT_FALSE(absl::StrContains(body, "PRIVATE") || absl::StrContains(body, secret));
  }
}

TEST_F(AdminTest, TheFirstOfAChainCounts) {  // Q7
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(root);
  const std::string id = AddCertificate(ChainPem({&leaf, &root}));
  EXPECT_EQ(id, "org" + HexOf(leaf));
  const Json meta = Expect(200, Call("GET", "/tyk/certs/" + id));
  EXPECT_EQ(meta["fingerprint"], HexOf(leaf));
  EXPECT_EQ(meta["is_ca"], false);
}

TEST_F(AdminTest, ListingWithoutOrgStaysComplete) {  // Q22
  const std::string in_org = AddCertificate(CertBuilder("CN=a").SelfSign().Pem());
  const std::string bare =
      Expect(200, Call("POST", "/tyk/certs?org_id=", CertBuilder("CN=b").SelfSign().Pem()))
          .value("id", "");
  EXPECT_EQ(bare.size(), 64u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs"))["certs"].size(), 2u);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs?org_id=org"))["certs"], Json({in_org}));
  EXPECT_EQ(Call("GET", "/tyk/certs?org_id=other").body, "{\"certs\":null}\n");
}

TEST_F(AdminTest, DetailedListingAndSeveralIds) {  // Q23
  const TestCert ca = CertBuilder("CN=Root").Ca().SelfSign();
  const std::string id = AddCertificate(ca.Pem());
  const Json detailed = Expect(200, Call("GET", "/tyk/certs?mode=detailed"))["certs"];
  EXPECT_EQ(detailed[0]["subject_cn"], "Root");
  EXPECT_EQ(detailed[0]["is_ca"], true);
  const Json several = Expect(200, Call("GET", "/tyk/certs/" + id + "," + std::string(64, '0')));
  EXPECT_EQ(several[0]["id"], id);
  EXPECT_TRUE(several[1].is_null());
}

// What a damaged or stricter library leaves of a certificate: a record whose DER does not parse.
TEST_F(AdminTest, Q23OneThatDoesNotParseSpoilsNoListing) {
  const TestCert good = CertBuilder("CN=good").SelfSign();
  const std::string id = AddCertificate(good.Pem());
  const std::string broken = "org" + std::string(64, 'f');  // the last of the list
  v1::Resource resource;
  resource.set_id(broken);
  resource.mutable_certificate()->set_id(broken);
  resource.mutable_certificate()->set_org_id("org");
  resource.mutable_certificate()->add_chain_der("\x30\x03not DER");
  resource.mutable_certificate()->mutable_summary()->set_spki_sha256(std::string(32, 'k'));
  ASSERT_TRUE(
      store_->Commit({{{Kind::kCertificate, broken, false, resource.SerializeAsString(), 0}}, {}})
          .ok());
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (writer_->snapshot()->FindCertificateById(broken) == nullptr && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs"))["certs"], Json({id, broken}));
  const Json detailed = Expect(200, Call("GET", "/tyk/certs?mode=detailed"))["certs"];
  ASSERT_EQ(detailed.size(), 2u);
  EXPECT_EQ(detailed[0]["subject_cn"], "good");
  EXPECT_EQ(detailed[1]["id"], broken);
  EXPECT_EQ(detailed[1]["subject_cn"], "");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/" + broken))["id"], broken);
  EXPECT_EQ(Call("DELETE", "/tyk/certs/" + broken).status, 200) << "and can be got rid of";
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs"))["certs"], Json({id}));
}

TEST_F(AdminTest, BarePublicKey) {
  const TestCert pair = CertBuilder("CN=x").SelfSign();
  crypto::UniqueBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), pair.key.get());
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &bytes);
  const std::string id = AddCertificate(std::string(bytes, static_cast<size_t>(length)));
  EXPECT_EQ(id, "org" + base::Hex(crypto::Sha256(pair.PublicDer())));
  const Json meta = Expect(200, Call("GET", "/tyk/certs/" + id));
  EXPECT_EQ(meta["fingerprint"], "");
  EXPECT_THAT(meta["subject"]["CommonName"].get<std::string>(), HasSubstr("Public Key: "));
}

TEST_F(AdminTest, WhatTheGatewayUsesIsNotDeletedWithoutForce) {
  const TestCert pair = CertBuilder("CN=used").SelfSign();
  const std::string id = AddCertificate(pair.Pem() + pair.KeyPem());
  Json api = Classic("user");
  api["upstream_certificates"] = {{"*", id}};
  AddApi(api);
  const auto refused = Call("DELETE", "/tyk/certs/" + id);
  const Json body = Expect(409, refused);
  EXPECT_EQ(body["users"][0]["id"], "user");
  EXPECT_EQ(body["users"][0]["how"], "client certificate");
  EXPECT_EQ(Call("GET", "/tyk/certs/" + id).status, 200);
  EXPECT_EQ(Call("DELETE", "/tyk/certs/" + id + "?force=false").status, 409);
  EXPECT_EQ(Call("DELETE", "/tyk/certs/" + id + "?force=true").status, 200);
}

TEST_F(AdminTest, WhatOnlyIdentifiesCallersGoesAtOnceAndNamesThem) {
  AddApi(Classic("a1"));
  const std::string id = AddCertificate(CertBuilder("CN=caller").SelfSign().Pem());
  Json session = Session("a1");
  session["certificate"] = id;
  Expect(200, Call("POST", "/tyk/keys/create", session.dump()));
  const Json body = Expect(200, Call("DELETE", "/tyk/certs/" + id));
  EXPECT_EQ(body["message"], "removed");
  EXPECT_EQ(body["cut_off"], Json({"Key " + id}));
}

TEST_F(AdminTest, AStableNameMoves) {
  const std::string one = Expect(200, Call("POST", "/tyk/certs?org_id=org&name=web",
                                           CertBuilder("CN=1").SelfSign().Pem()))
                              .value("id", "");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/name:web?org_id=org"))["id"], one);
  const std::string two = Expect(200, Call("POST", "/tyk/certs?org_id=org&name=web",
                                           CertBuilder("CN=2").SelfSign().Pem()))
                              .value("id", "");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/name:web?org_id=org"))["id"], two);
}

}  // namespace
}  // namespace sallyport::authsvc::admin

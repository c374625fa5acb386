// Signed tokens, their issuers and operations: what must hold to be written.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JwtChecksTest : public WriterTest {
 protected:
  static v1::Resource Issuer() {
    v1::Resource resource;
    auto* issuer = resource.mutable_token_issuer();
    issuer->set_id("idp");
    issuer->set_org_id(ApiResource("a").api().org_id());
    issuer->set_issuer("https://idp.test");
    issuer->set_jwks_url("https://idp.test/keys");
    return resource;
  }
  static v1::Resource JwtApi() {
    v1::Resource resource = ApiResource("a");
    resource.mutable_api()->set_keyless(false);
    resource.mutable_api()->clear_token();
    resource.mutable_api()->add_jwts()->set_requirement(v1::REQUIREMENT_MANDATORY);
    return resource;
  }
  template <typename Change>
  void RefusedIssuer(const char* text, Change change) {
    v1::Resource resource = Issuer();
    change(resource.mutable_token_issuer());
    EXPECT_THAT(Refusal(resource), HasSubstr(text)) << resource.ShortDebugString();
  }
};

TEST_F(JwtChecksTest, AGoodIssuerHasNoWarnings) {
  EXPECT_THAT(WarningsOf(Issuer()), IsEmpty());
  EXPECT_THAT(WarningsOf(JwtApi()), IsEmpty());
}

TEST_F(JwtChecksTest, AnApiWithoutAnyIssuerIsWarnedOf) {
  EXPECT_THAT(WarningsOf(JwtApi()), HasSubstr("nobody passes by it"));
}

TEST_F(JwtChecksTest, RefusesIssuersThatCouldNotBeHeldTo) {
  RefusedIssuer("without keys", [](auto* issuer) { issuer->clear_jwks_url(); });
  for (const char* url :
       {"http://idp.test/keys", "http://127.0.0.1.evil.test/", "ftp://x/", "https://user:pass@x/",
        "file:///etc/passwd", "h2c://localhost/", "http://localhost@evil.test/"}) {
    RefusedIssuer("jwks_url", [&](auto* issuer) { issuer->set_jwks_url(url); });
  }
  RefusedIssuer("shared secret", [](auto* issuer) { issuer->add_algorithms("HS256"); });
  RefusedIssuer("not known", [](auto* issuer) { issuer->add_algorithms("rs256"); });
  RefusedIssuer("empty name", [](auto* issuer) { (*issuer->mutable_claim_metadata())["a"] = ""; });
}

TEST_F(JwtChecksTest, ThisMachinesOwnServerMayBePlain) {
  for (const char* url : {"http://127.0.0.1:8080/k", "http://localhost/k", "http://[::1]/k"}) {
    v1::Resource resource = Issuer();
    resource.mutable_token_issuer()->set_jwks_url(url);
    EXPECT_THAT(Refusal(resource), IsEmpty()) << url;
  }
}

TEST_F(JwtChecksTest, AnotherOrganisationsIssuerIsRefused) {
  v1::Resource issuer = Issuer();
  issuer.mutable_token_issuer()->set_org_id("others");
  EXPECT_THAT(Refusal(issuer), IsEmpty());
  v1::Resource api = JwtApi();
  api.mutable_api()->mutable_jwts(0)->add_issuer_ids("idp");
  EXPECT_THAT(Refusal(api), HasSubstr("another organisation"));
}

TEST_F(JwtChecksTest, RefusesWhatCannotBeReadInOneWay) {
  EXPECT_THAT(WarningsOf(Issuer()), IsEmpty());
  v1::Resource api = JwtApi();
  api.mutable_api()->mutable_jwts(0)->set_leeway_seconds(3601);
  EXPECT_THAT(Refusal(api), HasSubstr("leeway"));
  api = JwtApi();
  for (int i = 0; i < 4; ++i) *api.mutable_api()->add_jwts() = api.api().jwts(0);
  EXPECT_THAT(Refusal(api), HasSubstr("more than 4"));
  api = JwtApi();
  api.mutable_api()->set_keyless(true);
  EXPECT_THAT(Refusal(api), HasSubstr("keyless and a token"));
}

}  // namespace
}  // namespace sallyport::authsvc

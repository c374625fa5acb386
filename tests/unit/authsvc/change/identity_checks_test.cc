// What identity_forwarding of an API and of the gateway must fulfil to be written.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IdentityChecksTest : public WriterTest {
 protected:
  template <typename Change>
  std::string RefusalOf(Change change) {
    v1::Resource resource = ApiResource("a");
    change(resource.mutable_api());
    return Refusal(resource);
  }
  std::string OfHeader(const std::string& name, const std::string& text) {
    return RefusalOf([&](v1::Api* api) {
      (*api->mutable_identity_forwarding()->mutable_headers())[name] = text;
    });
  }
};

TEST_F(IdentityChecksTest, AGoodOne) {
  v1::Resource resource = ApiResource("a");
  v1::IdentityForwarding* forwarding = resource.mutable_api()->mutable_identity_forwarding();
  forwarding->set_xfcc(v1::XFCC_SANITIZE_SET);
  for (const char* field : {"hash", "cert", "chain", "subject", "uri", "dns"})
    forwarding->add_xfcc_fields(field);
  forwarding->set_client_cert(true);
  forwarding->set_client_cert_chain(true);
  (*forwarding->mutable_headers())["X-Client-Id"] = "{identity}";
  (*forwarding->mutable_headers())["X-Client-Cert-Subject"] = "{cert.subject}";
  EXPECT_THAT(WarningsOf(resource), IsEmpty());
}

TEST_F(IdentityChecksTest, UnknownFactsAreNamedWithTheKnownOnes) {
  const std::string refusal = OfHeader("X-Id", "{cert.subjct}");
  EXPECT_THAT(refusal, HasSubstr("identity_forwarding.headers: `X-Id`: `{cert.subjct}`"));
  EXPECT_THAT(refusal, HasSubstr("known are: identity, organisation, cert.fingerprint"));
  EXPECT_THAT(OfHeader("X-Id", "{identity"), HasSubstr("not closed"));
  EXPECT_THAT(OfHeader("X-Id", "{identity}\r\nX-Admin: 1"), HasSubstr("printable"));
}

TEST_F(IdentityChecksTest, NamesThatCannotBeSet) {
  for (const char* name :
       {"Host", "Content-Length", "Connection", "TE", "Upgrade", "Expect", "X-Forwarded-For",
        "X-Forwarded-Host", "Forwarded", "X-Real-IP", "X-Request-Id"}) {
    EXPECT_THAT(OfHeader(name, "{identity}"), HasSubstr("the gateway's own")) << name;
  }
  EXPECT_THAT(OfHeader("X-Forwarded-Client-Cert", "{identity}"), HasSubstr("gateway's own"));
  EXPECT_THAT(OfHeader("client-cert", "{identity}"), HasSubstr("set by client_cert"));
  EXPECT_THAT(OfHeader("Client-Cert-Chain", "{identity}"), HasSubstr("set by client_cert"));
  EXPECT_THAT(OfHeader("X_Id", "{identity}"), HasSubstr("write `-`"));
  EXPECT_THAT(OfHeader("X Id", "{identity}"), HasSubstr("not a valid header name"));
  EXPECT_THAT(OfHeader("", "{identity}"), HasSubstr("not a valid header name"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->set_identity_header("X-Caller");
                (*api->mutable_identity_forwarding()->mutable_headers())["x-caller"] = "{identity}";
              }),
              HasSubstr("is the header of `xfcc`"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                auto& headers = *api->mutable_identity_forwarding()->mutable_headers();
                headers["X-Id"] = headers["x-id"] = "{identity}";
              }),
              HasSubstr("twice"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                auto& headers = *api->mutable_identity_forwarding()->mutable_headers();
                for (int i = 0; i < 17; ++i) headers[absl::StrCat("X-", i)] = "{identity}";
              }),
              HasSubstr("more than 16"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) { api->set_identity_header("content-length"); }),
              HasSubstr("gateway's own"));
}

TEST_F(IdentityChecksTest, NoVersionTouchesThem) {
  for (const bool set : {true, false}) {
    EXPECT_THAT(RefusalOf([set](v1::Api* api) {
                  (*api->mutable_identity_forwarding()->mutable_headers())["X-Id"] = "{identity}";
                  v1::HeaderChange* change = api->add_versions()->mutable_request_headers();
                  if (set)
                    (*change->mutable_set())["x_id"] = "root";
                  else
                    change->add_remove("x-id");
                }),
                HasSubstr("the gateway's own"));
  }
}

TEST_F(IdentityChecksTest, ModesAndFieldsThatContradict) {
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->mutable_identity_forwarding()->add_xfcc_fields("issuer");
              }),
              HasSubstr("known are: hash, cert, chain, subject, uri, dns"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->mutable_identity_forwarding()->add_xfcc_fields("uri");
                api->mutable_identity_forwarding()->add_xfcc_fields("uri");
              }),
              HasSubstr("twice"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->mutable_identity_forwarding()->set_xfcc(v1::XFCC_FORWARD_ONLY);
                api->mutable_identity_forwarding()->add_xfcc_fields("uri");
              }),
              HasSubstr("no element of ours"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->set_identity_header("-");
                api->mutable_identity_forwarding()->set_xfcc(v1::XFCC_APPEND_FORWARD);
              }),
              HasSubstr("identity_header `-`"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->mutable_identity_forwarding()->set_client_cert_chain(true);
              }),
              HasSubstr("needs client_cert"));
  EXPECT_THAT(RefusalOf([](v1::Api* api) {
                api->mutable_identity_forwarding()->set_xfcc(static_cast<v1::Xfcc>(9));
              }),
              HasSubstr("identity_forwarding.xfcc"));
}

TEST_F(IdentityChecksTest, ForwardingWithoutTrustedProxiesWarns) {
  v1::Resource resource = ApiResource("a");
  resource.mutable_api()->mutable_identity_forwarding()->set_xfcc(v1::XFCC_APPEND_FORWARD);
  EXPECT_THAT(WarningsOf(resource), HasSubstr("only what a trusted proxy sends"));
}

TEST_F(IdentityChecksTest, TheGatewaysAreHeldToTheSame) {
  v1::Resource settings = Settings();
  auto& headers = *settings.mutable_settings()->mutable_identity_forwarding()->mutable_headers();
  headers["X-Id"] = "{identtiy}";
  EXPECT_THAT(Refusal(settings), HasSubstr("is not known"));
  headers["X-Id"] = "{identity}";
  EXPECT_THAT(WarningsOf(settings), IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc

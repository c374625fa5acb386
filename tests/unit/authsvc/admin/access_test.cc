// Who may call, and the form of what everybody gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;

constexpr char kWrongKey[] = "Attempted administrative access with invalid or missing key!";

TEST_F(AdminTest, WrongKeysAreRefusedEverywhere) {
  for (const char* path : {"/tyk/certs", "/tyk/keys", "/tyk/keys/create", "/tyk/policies",
                           "/tyk/apis", "/tyk/reload", "/tyk/nothing"}) {
    for (const std::string& key : {std::string(), std::string("wrong"),
                                   std::string(kAdminKey) + "x", crypto::Sha256(kAdminKey)}) {
      ExpectError(403, kWrongKey, Call("GET", path, "", key));
    }
  }
  admin_http::Request bare;
  bare.method = "GET";
  bare.path = "/tyk/certs";
  ExpectError(403, kWrongKey, Send(bare));
}

TEST_F(AdminTest, TheHeadAloneDecidesWhoMaySendABody) {
  const auto status = [&](const char* path, const std::string& key, const char* length) {
    admin_http::Request head;
    head.method = "POST";
    head.path = path;
    head.headers = {{"x-tyk-authorization", key}, {"content-length", length}};
    const auto refusal = api().AdmitHead(head);
    return refusal.has_value() ? refusal->status : 0;
  };
  EXPECT_EQ(status("/tyk/apis", kAdminKey, "9000"), 0);
  EXPECT_EQ(status("/tyk/apis", "wrong", "9000"), 403);
  EXPECT_EQ(status("/tyk/apis", "", "0"), 403);
  EXPECT_EQ(status("/hello", "", "0"), 0);
  EXPECT_EQ(status("/hello", kAdminKey, "9000"), 400);
  EXPECT_EQ(status("/nowhere", "", "9000"), 400);
}

TEST_F(AdminTest, TheDeployerTakesSignedTokensOnlyWhereAnIssuerIsNamed) {
  const auto answer = [&](const std::string& path, const std::string& bearer) {
    admin_http::Request head;
    head.method = "POST";
    head.path = path;
    head.headers = {{"authorization", "Bearer " + bearer}, {"content-length", "9000"}};
    const auto refusal = api().AdmitHead(head);
    return refusal.has_value() ? refusal->status : 0;
  };
  const std::string token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.";
  for (const char* path : {"/api/deployer/apis/deploy", "/api/configurator/apis/x"}) {
    EXPECT_EQ(answer(path, kAdminKey), 0);
    EXPECT_EQ(answer(path, "wrong"), 403);
    EXPECT_EQ(answer(path, token), 401);
    EXPECT_EQ(answer(path, "a.b.c"), 401);
  }
  EXPECT_EQ(answer("/tyk/apis", kAdminKey), 403) << "another surface's header";
}

TEST_F(AdminTest, WithoutAnyKeyEverythingIsRefused) {
  options_.keys = {{"broken", ""}};
  ExpectError(403, kWrongKey, Call("GET", "/tyk/certs", "", ""));
  ExpectError(403, kWrongKey, Call("GET", "/tyk/certs"));
}

TEST_F(AdminTest, SeveralKeysWork) {
  options_.keys.push_back({"second", crypto::Sha256("other-key")});
  EXPECT_EQ(Call("GET", "/tyk/keys", "", "other-key").status, 200);
  EXPECT_EQ(Call("GET", "/tyk/keys").status, 200);
}

TEST_F(AdminTest, MethodsAndUnknownPaths) {
  const std::pair<const char*, const char*> wrong[] = {
      {"PATCH", "/tyk/certs"},  {"PUT", "/tyk/certs/x"},      {"POST", "/tyk/certs/x"},
      {"DELETE", "/tyk/certs"}, {"GET", "/tyk/keys/create"},  {"DELETE", "/tyk/keys"},
      {"PATCH", "/tyk/keys/x"}, {"GET", "/tyk/keys/preview"}, {"DELETE", "/tyk/policies"},
      {"PATCH", "/tyk/apis/x"}, {"POST", "/tyk/reload"},      {"POST", "/hello"}};
  for (const auto& [method, path] : wrong)
    ExpectError(405, "Method not supported", Call(method, path));
  ExpectError(404, "Not found", Call("GET", "/tyk/nothing"));
  ExpectError(404, "Not found", Call("GET", "/tyk/certsx"));
}

TEST_F(AdminTest, HelloNeedsNoKey) {
  const Json hello = Expect(200, Call("GET", "/hello", "", ""));
  EXPECT_EQ(hello["status"], "pass");
}

TEST_F(AdminTest, ReloadWaitsOnlyWhenItIsAskedTo) {
  EXPECT_EQ(Call("GET", "/tyk/reload").body, "{\"status\":\"ok\",\"message\":\"\"}\n");
  EXPECT_EQ(waited_for_, 0u);
  AddApi(Classic("a1"));
  EXPECT_EQ(Call("GET", "/tyk/reload/group?block=true").body,
            "{\"status\":\"ok\",\"message\":\"\"}\n");
  EXPECT_EQ(waited_for_, writer_->snapshot()->revision());
  reload_answer_ = false;
  EXPECT_EQ(Call("GET", "/tyk/reload?block=true").status, 504);
}

class ControlTest : public AdminTest {
 protected:
  void Require(const std::vector<std::string>& ids, bool exact = false) {
    Write write;
    v1::Resource& resource = write.mutations.emplace_back().resource;
    resource.set_id("gateway");
    resource.mutable_settings()->set_id("gateway");
    resource.mutable_settings()->set_control_requires_certificate(true);
    for (const std::string& id : ids) {
      auto* entry = resource.mutable_settings()->add_control_allowlist();
      entry->set_certificate_id(id);
      entry->set_exact(exact);
    }
    const auto result = writer_->Run(std::move(write));
    ASSERT_TRUE(result.ok()) << result.status();
  }
  // The gateway settings are of no org.
  std::string AddForGateway(const TestCert& certificate) {
    return Expect(200, Call("POST", "/tyk/certs?org_id=", certificate.Pem())).value("id", "");
  }
  admin_http::Response With(const std::vector<std::string>& chain, bool tls = true) {
    admin_http::Request request;
    request.method = "GET";
    request.path = "/tyk/keys";
    request.headers.emplace_back("x-tyk-authorization", kAdminKey);
    request.tls = tls;
    request.peer_chain_der = chain;
    return Send(std::move(request));
  }
};

TEST_F(ControlTest, ExactlyListedAndIssuedByAListedCa) {
  const TestCert listed = CertBuilder("CN=listed").SelfSign();
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(middle);
  Require({AddForGateway(listed), AddForGateway(root)});
  EXPECT_EQ(With({listed.der}).status, 200);
  EXPECT_EQ(With({leaf.der, middle.der}).status, 200);
  EXPECT_EQ(With({leaf.der}).status, 403) << "the intermediate is missing";
}

TEST_F(ControlTest, Refusals) {
  const TestCert listed = CertBuilder("CN=listed").SelfSign();
  const TestCert stranger = CertBuilder("CN=stranger").SelfSign();
  Require({AddForGateway(listed)});
  ExpectError(403, "TLS not enabled", With({}, false));
  ExpectError(403, "Client TLS certificate is required", With({}));
  ExpectError(403, "Client TLS certificate is not valid", With({"junk"}));
  const std::string not_allowed =
      "Certificate with SHA256 " + base::Hex(crypto::Sha256(stranger.der)) + " not allowed";
  ExpectError(403, not_allowed, With({stranger.der}));
  // Q1: another certificate that was sent along proves nothing.
  ExpectError(403, not_allowed, With({stranger.der, listed.der}));
  EXPECT_EQ(With({"junk", listed.der}).status, 403);
}

TEST_F(ControlTest, AnExpiredOneHasItsOwnMessage) {
  const TestCert shortly =
      CertBuilder("CN=short")
          .Valid(testing::TestNow() - absl::Hours(1), testing::TestNow() + absl::Hours(1))
          .SelfSign();
  Require({AddForGateway(shortly)});
  EXPECT_EQ(With({shortly.der}).status, 200);
  clock_.Advance(absl::Hours(2));
  ExpectError(403, "Certificate has expired", With({shortly.der}));
}

TEST_F(ControlTest, TheKeyIsStillNeeded) {
  const TestCert listed = CertBuilder("CN=listed").SelfSign();
  Require({AddForGateway(listed)});
  admin_http::Request request;
  request.method = "GET";
  request.path = "/tyk/keys";
  request.tls = true;
  request.peer_chain_der = {listed.der};
  ExpectError(403, kWrongKey, Send(std::move(request)));
}

}  // namespace
}  // namespace sallyport::authsvc::admin

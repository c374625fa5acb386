// /tyk/apis and /tyk/policies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::HasSubstr;

TEST_F(AdminTest, ApiLife) {
  Json definition = Classic("a1");
  definition["slug"] = "mine";
  EXPECT_EQ(Call("POST", "/tyk/apis", definition.dump()).body,
            "{\"key\":\"a1\",\"status\":\"ok\",\"action\":\"added\"}\n");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/a1")), definition);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis")), Json::array({definition}));
  definition["name"] = "renamed";
  EXPECT_EQ(Expect(200, Call("PUT", "/tyk/apis/a1", definition.dump()))["action"], "modified");
  EXPECT_EQ(writer_->snapshot()->FindApi("a1")->api.name(), "renamed") << "live at once";
  EXPECT_EQ(Expect(200, Call("DELETE", "/tyk/apis/a1"))["action"], "deleted");
  ExpectError(404, "API not found", Call("GET", "/tyk/apis/a1"));
  ExpectError(404, "API not found", Call("DELETE", "/tyk/apis/a1"));
  ExpectError(404, "API not found", Call("PUT", "/tyk/apis/a1", definition.dump()));
  EXPECT_EQ(Call("GET", "/tyk/apis").body, "[]\n");
}

TEST_F(AdminTest, AnApiWithoutIdGetsOne) {
  Json definition = Classic("x");
  definition.erase("api_id");
  const std::string id = Expect(200, Call("POST", "/tyk/apis", definition.dump()))["key"];
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/" + id))["api_id"], id);
}

TEST_F(AdminTest, WarningsAreInHeadersAndBodiesStayTyks) {
  Json definition = Classic("w");
  definition["proxy"]["transport"]["ssl_insecure_skip_verify"] = true;
  const auto response = Call("POST", "/tyk/apis", definition.dump());
  EXPECT_EQ(response.body, "{\"key\":\"w\",\"status\":\"ok\",\"action\":\"added\"}\n");
  ASSERT_FALSE(response.headers.empty());
  EXPECT_EQ(response.headers[0].first, "X-Sallyport-Warning");
  EXPECT_THAT(response.headers[0].second, HasSubstr("INSECURE"));
}

TEST_F(AdminTest, HeadersCannotBeSplitByADocument) {
  Json definition = Classic("h");
  definition["evil\r\nSet-Cookie: x"] = 1;
  for (const auto& [name, value] : Call("POST", "/tyk/apis", definition.dump()).headers) {
    EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos);
  }
}

TEST_F(AdminTest, ApisThatAreRefused) {
  for (const char* body : {"", "{", "[1]", "5", "null"})
    ExpectError(400, "Request malformed", Call("POST", "/tyk/apis", body));
  EXPECT_EQ(Call("POST", "/tyk/apis", std::string(100000, '{')).status, 400);
  const auto refused = [&](const char* field, const Json& value, const std::string& word) {
    Json definition = Classic("bad");
    definition[field] = value;
    const auto response = Call("POST", "/tyk/apis", definition.dump());
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_THAT(response.body, HasSubstr("Validation of API Definition failed. Reason: "));
    EXPECT_THAT(response.body, HasSubstr(word));
  };
  refused("use_oauth2", true, "use_oauth2");
  refused("use_mutual_tls_atuh", true, "use_mutual_tls_auth");
  refused("use_mutual_tls_auth", true, "no certificate is listed");
  refused("upstream_certificates", {{"https://x", "id"}}, "upstream_certificates");
  EXPECT_EQ(Call("GET", "/tyk/apis").body, "[]\n");
}

TEST_F(AdminTest, TheSamePlaceTwiceIsRefusedNamingTheOther) {
  AddApi(Classic("first", "/p/"));
  const auto response = Call("POST", "/tyk/apis", Classic("second", "/p/").dump());
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("first"));
}

TEST_F(AdminTest, PutMustNameItsApi) {
  AddApi(Classic("a1"));
  ExpectError(
      400,
      "Request APIID does not match that in Definition! For Update operations these must match.",
      Call("PUT", "/tyk/apis/a1", Classic("a2").dump()));
}

TEST_F(AdminTest, InlineCertificatesAreStoredSealedAndReadBackAsIds) {
  const auto pair = sallyport::testing::CertBuilder("CN=up").SelfSign();
  Json definition = Classic("inline");
  definition["upstream_certificates"] = {{"*", pair.Pem() + pair.KeyPem()}};
  AddApi(definition);
  const std::string id = crypto::CertificateId("org", *pair.cert);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/" + id))["has_private"], true);
  const auto read = Call("GET", "/tyk/apis/inline");
  EXPECT_FALSE(absl::StrContains(read.body, "PRIVATE"));
  EXPECT_EQ(Json::parse(read.body)["upstream_certificates"]["*"], id);
  AddApi(definition);  // once more: the certificate is there already
}

TEST_F(AdminTest, PolicyLife) {
  AddApi(Classic("a1"));
  Json policy = {{"id", "gold"},
                 {"org_id", "org"},
                 {"name", "Gold"},
                 {"rate", 100},
                 {"per", 60},
                 {"active", true},
                 {"access_rights", {{"a1", {{"api_id", "a1"}}}}},
                 {"x_note", "kept"}};
  EXPECT_EQ(Call("POST", "/tyk/policies", policy.dump()).body,
            "{\"key\":\"gold\",\"status\":\"ok\",\"action\":\"added\"}\n");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/policies/gold")), policy);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/policies")), Json::array({policy}));
  EXPECT_EQ(Expect(200, Call("PUT", "/tyk/policies/gold", policy.dump()))["action"], "modified");
  policy["id"] = "silver";
  ExpectError(400,
              "Request ID does not match that in policy! For Update operations these must match.",
              Call("PUT", "/tyk/policies/gold", policy.dump()));
  EXPECT_EQ(Expect(200, Call("DELETE", "/tyk/policies/gold"))["action"], "deleted");
  ExpectError(404, "Policy not found", Call("GET", "/tyk/policies/gold"));
  ExpectError(500, "Delete failed", Call("DELETE", "/tyk/policies/gold"));
}

TEST_F(AdminTest, PoliciesThatAreRefused) {
  ExpectError(400, "Request malformed", Call("POST", "/tyk/policies", "{"));
  ExpectError(400, "Unable to create policy without id.", Call("POST", "/tyk/policies", "{}"));
  for (const char* body :
       {R"({"id": "p", "hmac_enabled": true})", R"({"id": "p", "partitions": {"quotas": true}})",
        R"({"id": "p", "rate": 5})"}) {
    EXPECT_EQ(Call("POST", "/tyk/policies", body).status, 400) << body;
  }
  EXPECT_EQ(Call("GET", "/tyk/policies").body, "[]\n");
}

}  // namespace
}  // namespace sallyport::authsvc::admin

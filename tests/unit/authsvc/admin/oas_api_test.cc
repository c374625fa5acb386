// /tyk/apis/oas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/admin/apply.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::HasSubstr;

constexpr char kExtension[] = "x-tyk-api-gateway";

Json OpenApi() {
  return Json::parse(R"({"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://up.test/v2"}], "components": {},
    "paths": {"/pets": {"get": {"operationId": "listPets"}, "post": {}}}})");
}

Json Oas(const std::string& id) {
  Json json = OpenApi();
  json[kExtension] = {{"info", {{"id", id}, {"name", id}, {"state", {{"active", true}}}}},
                      {"upstream", {{"url", "https://up.test/"}}},
                      {"server", {{"listenPath", {{"value", "/" + id + "/"}, {"strip", true}}}}}};
  return json;
}

constexpr char kIsClassic[] =
    "the requested API definition is in Tyk classic format, please use old api endpoint";
constexpr char kNotMigrated[] =
    "the supplied API definition is in OAS format, please use the Tyk classic format for this API";
constexpr char kClassicOnly[] =
    "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API "
    "endpoint";

TEST_F(AdminTest, OasLife) {
  Json definition = Oas("o1");
  EXPECT_EQ(Call("POST", "/tyk/apis/oas", definition.dump()).body,
            "{\"key\":\"o1\",\"status\":\"ok\",\"action\":\"added\"}\n");
  EXPECT_TRUE(writer_->snapshot()->FindApi("o1")->api.keyless()) << "live at once";
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/o1")), definition);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas")), Json::array({definition}));
  definition[kExtension]["info"]["name"] = "renamed";
  EXPECT_EQ(Expect(200, Call("PUT", "/tyk/apis/oas/o1", definition.dump()))["action"], "modified");
  EXPECT_EQ(writer_->snapshot()->FindApi("o1")->api.name(), "renamed");
  EXPECT_EQ(Expect(200, Call("DELETE", "/tyk/apis/oas/o1"))["action"], "deleted");
  ExpectError(404, "API not found", Call("GET", "/tyk/apis/oas/o1"));
  ExpectError(404, "API not found", Call("PUT", "/tyk/apis/oas/o1", definition.dump()));
  ExpectError(404, "API not found", Call("PATCH", "/tyk/apis/oas/o1", definition.dump()));
  ExpectError(404, "API not found", Call("DELETE", "/tyk/apis/oas/o1"));
  EXPECT_EQ(Call("GET", "/tyk/apis/oas").body, "[]\n");
}

TEST_F(AdminTest, AnOasApiWithoutIdGetsOne) {
  Json definition = Oas("x");
  definition[kExtension]["info"].erase("id");
  const std::string id = Expect(200, Call("POST", "/tyk/apis/oas", definition.dump()))["key"];
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/" + id))[kExtension]["info"]["id"], id);
}

TEST_F(AdminTest, PublicFormsLeaveTheExtensionOut) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("o1").dump()));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/o1?mode=public")), OpenApi());
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas?mode=public")), Json::array({OpenApi()}));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/o1/export?mode=public")), OpenApi());
  const auto file = Call("GET", "/tyk/apis/oas/o1/export");
  EXPECT_EQ(Json::parse(file.body), Oas("o1"));
  ASSERT_EQ(file.headers.size(), 1u);
  EXPECT_EQ(file.headers[0].first, "Content-Disposition");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/export")), Json::array({Oas("o1")}));
  ExpectError(404, "API not found", Call("GET", "/tyk/apis/oas/none/export"));
}

TEST_F(AdminTest, EachFormHasItsEndpoint) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("o1").dump()));
  AddApi(Classic("c1"));
  ExpectError(400, kIsClassic, Call("GET", "/tyk/apis/oas/c1"));
  ExpectError(400, kIsClassic, Call("GET", "/tyk/apis/oas/c1/export"));
  ExpectError(400, kIsClassic, Call("DELETE", "/tyk/apis/oas/c1"));
  ExpectError(400, kNotMigrated, Call("PUT", "/tyk/apis/oas/c1", Oas("c1").dump()));
  ExpectError(400, kNotMigrated, Call("POST", "/tyk/apis/oas", Oas("c1").dump()));
  ExpectError(400, kClassicOnly, Call("PUT", "/tyk/apis/o1", Classic("o1").dump()));
  ExpectError(400, kClassicOnly, Call("POST", "/tyk/apis", Classic("o1").dump()));
  ExpectError(400, kClassicOnly, Call("POST", "/tyk/apis", Oas("o2").dump()));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas")).size(), 1u);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis")).size(), 2u);
  const Json classic = Expect(200, Call("GET", "/tyk/apis/o1"));
  EXPECT_EQ(classic["api_id"], "o1");
  EXPECT_EQ(classic["use_keyless"], true);
  EXPECT_EQ(classic["proxy"]["listen_path"], "/o1/");
  EXPECT_EQ(Expect(200, Call("DELETE", "/tyk/apis/o1"))["action"], "deleted");
}

TEST_F(AdminTest, OasDefinitionsThatAreRefused) {
  for (const char* body : {"", "{", "[1]", "5", "null"}) {
    ExpectError(400, "Request malformed", Call("POST", "/tyk/apis/oas", body));
    ExpectError(400, "Request malformed", Call("POST", "/tyk/apis/oas/import", body));
  }
  ExpectError(400, "the payload should contain x-tyk-api-gateway",
              Call("POST", "/tyk/apis/oas", OpenApi().dump()));
  Json definition = Oas("bad");
  definition[kExtension]["server"]["authentication"] = {{"enabled", true}};
  const auto refused = Call("POST", "/tyk/apis/oas", definition.dump());
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("Validation of API Definition failed. Reason: "));
  EXPECT_THAT(refused.body, HasSubstr("x-tyk-api-gateway.server.authentication.enabled"));
  definition = Oas("empty");
  definition[kExtension]["server"]["clientCertificates"] = {{"enabled", true},
                                                            {"allowlist", Json::array()}};
  EXPECT_THAT(Call("POST", "/tyk/apis/oas", definition.dump()).body,
              HasSubstr("no certificate is listed"));
  EXPECT_EQ(Call("GET", "/tyk/apis/oas").body, "[]\n");
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("o1").dump()));
  ExpectError(
      400,
      "Request APIID does not match that in Definition! For Update operations these must match.",
      Call("PUT", "/tyk/apis/oas/o1", Oas("o2").dump()));
  ExpectError(400, "the payload should contain x-tyk-api-gateway",
              Call("PUT", "/tyk/apis/oas/o1", OpenApi().dump()));
  Expect(405, Call("PUT", "/tyk/apis/oas", Oas("o1").dump()));
  Expect(405, Call("GET", "/tyk/apis/oas/import"));
  Expect(403, Call("GET", "/tyk/apis/oas", "", "wrong"));
}

TEST_F(AdminTest, InsecureOasIsLoudInAHeader) {
  Json definition = Oas("o1");
  definition[kExtension]["upstream"]["tlsTransport"] = {{"insecureSkipVerify", true}};
  const auto response = Call("POST", "/tyk/apis/oas", definition.dump());
  ASSERT_EQ(response.status, 200) << response.body;
  ASSERT_FALSE(response.headers.empty());
  EXPECT_THAT(response.headers[0].second, HasSubstr("INSECURE"));
}

TEST_F(AdminTest, Import) {
  const std::string id =
      Expect(200, Call("POST", "/tyk/apis/oas/import?listenPath=/imported/&allowList=true",
                       OpenApi().dump()))["key"];
  const SnapshotPtr snapshot = writer_->snapshot();
  const v1::Api& api = snapshot->FindApi(id)->api;
  EXPECT_EQ(api.name(), "Pets");
  EXPECT_EQ(api.listen_path(), "/imported/");
  EXPECT_EQ(api.upstream().targets(0).url(), "https://up.test/v2");
  EXPECT_EQ(api.versions(0).allowed_size(), 2) << "the operation without operationId too";
  ExpectError(400, "the import payload should not contain x-tyk-api-gateway",
              Call("POST", "/tyk/apis/oas/import", Oas("o1").dump()));
  Json without = OpenApi();
  without.erase("servers");
  ExpectError(400, "Validation of API Definition failed. Reason: servers object is empty in OAS",
              Call("POST", "/tyk/apis/oas/import", without.dump()));
  EXPECT_THAT(Call("POST", "/tyk/apis/oas/import?validateRequest=true", OpenApi().dump()).body,
              HasSubstr("validateRequest"));
  EXPECT_EQ(Call("POST", "/tyk/apis/oas/import?authentication=true", OpenApi().dump()).status, 400)
      << "nothing says what to ask for";
}

TEST_F(AdminTest, ImportWithAuthentication) {
  Json document = OpenApi();
  document["components"]["securitySchemes"]["key"] = {
      {"type", "apiKey"}, {"in", "header"}, {"name", "X-Key"}};
  document["security"] = Json::array({{{"key", Json::array()}}});
  const std::string id =
      Expect(200, Call("POST", "/tyk/apis/oas/import?authentication=true", document.dump()))["key"];
  const SnapshotPtr snapshot = writer_->snapshot();
  EXPECT_TRUE(snapshot->FindApi(id)->api.token().enabled());
  EXPECT_EQ(snapshot->FindApi(id)->api.token().header_name(), "X-Key");
}

TEST_F(AdminTest, PatchKeepsTheExtension) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("o1").dump()));
  Json document = OpenApi();
  document["info"]["title"] = "Other";
  EXPECT_EQ(Expect(200, Call("PATCH", "/tyk/apis/oas/o1?upstreamURL=https://other.test/",
                             document.dump()))["action"],
            "modified");
  const Json now = Expect(200, Call("GET", "/tyk/apis/oas/o1"));
  EXPECT_EQ(now["info"]["title"], "Other");
  EXPECT_EQ(now[kExtension]["server"], Oas("o1")[kExtension]["server"]);
  EXPECT_EQ(now[kExtension]["upstream"]["url"], "https://other.test/");
}

TEST_F(AdminTest, VersionsOfAnApiAreItself) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("o1").dump()));
  AddApi(Classic("c1"));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/oas/o1/versions"))["apis"][0]["id"], "o1");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/apis/c1/versions"))["apis"][0]["id"], "c1");
  ExpectError(400, kIsClassic, Call("GET", "/tyk/apis/oas/c1/versions"));
  ExpectError(404, "API not found", Call("GET", "/tyk/apis/none/versions"));
}

std::vector<std::string> VersionNames(const Json& answer) {
  std::vector<std::string> names;
  for (const Json& one : answer["apis"]) {
    names.push_back(absl::StrCat(one["id"].get<std::string>(), " ",
                                 one["versionName"].get<std::string>(),
                                 one["isDefaultVersion"].get<bool>() ? " default" : "",
                                 one["isBaseVersion"].get<bool>() ? " base" : ""));
  }
  return names;
}

TEST_F(AdminTest, AVersionIsLinkedToItsBase) {
  using ::testing::ElementsAre;
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("one").dump()));
  const auto create = [&](const std::string& query, const std::string& id) {
    return Call("POST", "/tyk/apis/oas?base_api_id=one" + query, Oas(id).dump());
  };
  EXPECT_THAT(create("", "two").body, HasSubstr("new_version_name is missing"));
  ExpectError(400, "you need to provide a version name for the new Base API: one",
              create("&new_version_name=v2", "two"));
  ExpectError(
      400, "none is not a valid Base API version",
      Call("POST", "/tyk/apis/oas?base_api_id=none&new_version_name=v2", Oas("two").dump()));
  EXPECT_EQ(Call("GET", "/tyk/apis/oas/two").status, 404);
  Expect(200, create("&base_api_version_name=v1&new_version_name=v2", "two"));
  Expect(200, create("&new_version_name=v3&set_default=true", "three"));
  const auto versions = [&](const std::string& id) {
    return VersionNames(Expect(200, Call("GET", "/tyk/apis/oas/" + id + "/versions")));
  };
  EXPECT_THAT(versions("one"), ElementsAre("one v1 base", "two v2", "three v3 default"));
  EXPECT_EQ(versions("two"), versions("one"));
  const Json base = Expect(200, Call("GET", "/tyk/apis/oas/one"));
  EXPECT_EQ(base[kExtension]["info"]["versioning"]["versions"][1]["id"], "three");
  const auto two = Call("GET", "/tyk/apis/oas/two");
  EXPECT_EQ(Json::parse(two.body), Oas("two")) << "as it was put";
  ASSERT_FALSE(two.headers.empty());
  EXPECT_EQ(two.headers.back().second, "one");
  const auto api = [&](const std::string& id) { return writer_->snapshot()->FindApi(id)->api; };
  EXPECT_EQ(api("two").listen_path(), "/one/");
  EXPECT_EQ(api("three").versioning().default_version(), "v3");

  // A change of the base is one of its versions.
  Json changed = base;
  changed[kExtension]["server"]["listenPath"]["value"] = "/new/";
  Expect(200, Call("PUT", "/tyk/apis/oas/one", changed.dump()));
  EXPECT_EQ(api("two").listen_path(), "/new/");
  Json renamed = Oas("two");
  renamed[kExtension]["info"]["name"] = "renamed";
  Expect(200, Call("PUT", "/tyk/apis/oas/two", renamed.dump()));
  EXPECT_EQ(api("two").listen_path(), "/new/") << "it stays where it is";

  Expect(200, Call("DELETE", "/tyk/apis/oas/three"));
  EXPECT_THAT(versions("one"), ElementsAre("one v1 default base", "two v2"));
  Expect(200, Call("DELETE", "/tyk/apis/oas/one"));
  EXPECT_EQ(api("two").listen_path(), "/two/") << "it stands alone";
  EXPECT_FALSE(api("two").has_matching());
}

TEST_F(AdminTest, AVersionThatCannotBeOneIsRefusedAndNothingIsWritten) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("one").dump()));
  AddApi(Classic("c1"));
  const std::string link = "?base_api_version_name=v1&new_version_name=v2&base_api_id=";
  EXPECT_EQ(Call("POST", "/tyk/apis/oas" + link + "c1", Oas("two").dump()).status, 400);
  EXPECT_THAT(Call("PATCH", "/tyk/apis/oas/one" + link + "one", Oas("one").dump()).body,
              HasSubstr("itself"));
  Expect(200, Call("POST", "/tyk/apis/oas" + link + "one", Oas("two").dump()));
  // A version of a version.
  EXPECT_THAT(Call("POST", "/tyk/apis/oas" + link + "two", Oas("three").dump()).body,
              HasSubstr("cannot have versions of its own"));
  EXPECT_EQ(Call("GET", "/tyk/apis/oas/three").status, 404);
  // A version of two.
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("other").dump()));
  EXPECT_THAT(Call("PATCH", "/tyk/apis/oas/two" + link + "other", Oas("two").dump()).body,
              HasSubstr("a version of API"));
}

// A writer whose store cannot be read, of some APIs, or where another write comes first.
class Disturbed : public Writer {
 public:
  explicit Disturbed(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}

  std::set<std::string> ids;
  std::function<void()> before_write;  // once

  SnapshotPtr snapshot() const override { return writer_->snapshot(); }
  void Submit(Write write, Completion done) override {
    if (auto first = std::exchange(before_write, nullptr)) first();
    writer_->Submit(std::move(write), std::move(done));
  }
  void Observe(Observer observer) override { writer_->Observe(std::move(observer)); }
  absl::StatusOr<v1::Resource> ReadResource(Kind kind, absl::string_view id) override {
    if (ids.count(std::string(id)) != 0) return absl::UnavailableError("no store");
    return writer_->ReadResource(kind, id);
  }
  absl::StatusOr<base::Secret> OpenPrivateKey(const CertificateEntry& one) const override {
    return writer_->OpenPrivateKey(one);
  }
  absl::StatusOr<base::Secret> OpenProxyPassword(const v1::Api& api) const override {
    return writer_->OpenProxyPassword(api);
  }
  absl::StatusOr<base::Secret> OpenLoginHash(const v1::Key& key) const override {
    return writer_->OpenLoginHash(key);
  }
  absl::StatusOr<base::Secret> OpenHandlerHeader(const v1::Api& api,
                                                 const v1::EventHandler& handler,
                                                 const std::string& name) const override {
    return writer_->OpenHandlerHeader(api, handler, name);
  }
  absl::StatusOr<base::Secret> OpenUpstreamCredential(const Snapshot& at,
                                                      const v1::Api& api) const override {
    return writer_->OpenUpstreamCredential(at, api);
  }
  std::shared_ptr<const jwt::KeySet> OpenSharedSecrets(
      const v1::TokenIssuer& issuer) const override {
    return writer_->OpenSharedSecrets(issuer);
  }
  WriterStatus status() const override { return writer_->status(); }
  const base::Clock& clock() const override { return writer_->clock(); }

 private:
  std::unique_ptr<Writer> writer_;
};

TEST_F(AdminTest, AStoreThatCannotBeReadIsNoMissingBase) {
  auto owned = std::make_unique<Disturbed>(std::move(writer_));
  Disturbed& store = *owned;
  writer_ = std::move(owned);
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("one").dump()));
  const std::string link = "?base_api_id=one&base_api_version_name=v1&new_version_name=v2";
  Expect(200, Call("POST", "/tyk/apis/oas" + link, Oas("two").dump()));
  const Json base = Expect(200, Call("GET", "/tyk/apis/oas/one"));
  const auto two = [&] { return writer_->snapshot()->FindApi("two")->api.listen_path(); };
  store.ids = {"one"};
  Expect(503, Call("PUT", "/tyk/apis/oas/two", Oas("two").dump()));
  EXPECT_EQ(two(), "/one/") << "it does not stand alone";
  Expect(503, Call("DELETE", "/tyk/apis/oas/two"));
  Expect(503, Call("GET", "/tyk/apis/oas/two/versions"));
  Expect(503, Call("POST", "/tyk/apis/oas" + link, Oas("three").dump()));
  v1::ApplyRequest request;
  request.add_documents()->set_content(Oas("two").dump());
  const auto applied = Apply(*writer_, clock_, "test", "org", request);
  EXPECT_TRUE(absl::IsUnavailable(applied.status())) << applied.status();
  store.ids = {"two"};
  Json moved = base;
  moved[kExtension]["server"]["listenPath"]["value"] = "/new/";
  Expect(503, Call("PUT", "/tyk/apis/oas/one", moved.dump()));
  Expect(503, Call("DELETE", "/tyk/apis/oas/one"));
  EXPECT_EQ(writer_->snapshot()->FindApi("one")->api.listen_path(), "/one/");
}

TEST_F(AdminTest, ABaseThatComesInBetweenIsSeen) {
  auto owned = std::make_unique<Disturbed>(std::move(writer_));
  Disturbed& writer = *owned;
  writer_ = std::move(owned);
  Json base = Oas("one");
  base[kExtension]["info"]["versioning"] = Json::parse(
      R"({"enabled": true, "name": "v1", "location": "header", "key": "x", "versions": [
          {"name": "v2", "id": "two"}, {"name": "v3", "id": "three"}]})");
  const auto place = [&](const char* id) {
    return writer_->snapshot()->FindApi(id)->api.listen_path();
  };
  const auto comes = [&] {
    v1::ApplyRequest other;
    other.add_documents()->set_content(base.dump());
    EXPECT_TRUE(Apply(writer, clock_, "test", "org", other).ok());
  };
  AddApi(Classic("c1"));  // nothing is before the first write of all
  writer.before_write = comes;
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("two").dump()));
  EXPECT_EQ(place("two"), "/one/");
  Expect(200, Call("DELETE", "/tyk/apis/oas/one"));
  writer.before_write = comes;
  v1::ApplyRequest request;
  request.add_documents()->set_content(Oas("three").dump());
  ASSERT_TRUE(Apply(*writer_, clock_, "test", "org", request).ok());
  EXPECT_EQ(place("three"), "/one/");
}

TEST_F(AdminTest, WhoseCallersFallBackIsSaid) {
  for (const bool fallback : {false, true}) {
    Json base = Oas("one");
    base[kExtension]["info"]["versioning"] = Json::parse(
        R"({"enabled": true, "name": "v1", "location": "header", "key": "x", "versions": [
            {"name": "v2", "id": "two"}]})");
    base[kExtension]["info"]["versioning"]["fallbackToDefault"] = fallback;
    Expect(200, Call("POST", "/tyk/apis/oas", base.dump()));
    Expect(200, Call("POST", "/tyk/apis/oas", Oas("two").dump()));
    const auto response = Call("DELETE", "/tyk/apis/oas/two");
    ASSERT_EQ(response.status, 200);
    bool said = false;
    for (const auto& [name, value] : response.headers) {
      said = said || value ==
                         "fallbackToDefault: callers that ask for version v2 get version v1 of "
                         "API one from now on";
    }
    EXPECT_EQ(said, fallback);
    Expect(200, Call("DELETE", "/tyk/apis/oas/one"));
  }
}

TEST_F(AdminTest, ABaseStaysInItsSet) {
  v1::ApplyRequest request;
  request.set_set("mine");
  request.add_documents()->set_content(Oas("one").dump());
  ASSERT_TRUE(Apply(*writer_, clock_, "test", "org", request).ok());
  const auto set = [&] { return writer_->ReadResource(Kind::kApi, "one")->set(); };
  ASSERT_EQ(set(), "mine");
  Expect(200,
         Call("POST", "/tyk/apis/oas?base_api_id=one&base_api_version_name=v1&new_version_name=v2",
              Oas("two").dump()));
  EXPECT_EQ(set(), "mine");
  Expect(200, Call("DELETE", "/tyk/apis/oas/two"));
  EXPECT_EQ(set(), "mine");
}

TEST_F(AdminTest, AnImportIsMadeAVersion) {
  Expect(200, Call("POST", "/tyk/apis/oas", Oas("one").dump()));
  const Json made =
      Expect(200, Call("POST",
                       "/tyk/apis/oas/"
                       "import?base_api_id=one&base_api_version_name=v1&new_version_name=v2",
                       OpenApi().dump()));
  const ApiEntry* entry = writer_->snapshot()->FindApi(made["key"].get<std::string>());
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->api.listen_path(), "/one/");
}

}  // namespace
}  // namespace sallyport::authsvc::admin

// Versions of Tyk OAS APIs: what a base and its versions become.
#include "authsvc/dialects/tyk_oas_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

Json Definition(const std::string& id, const Json& info = Json::object()) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "paths": {}, "x-tyk-api-gateway": {"info": {"state": {"active": true}},
    "upstream": {"url": "https://up.test/"}, "server": {"listenPath": {"strip": true}}}})");
  Json& extension = json["x-tyk-api-gateway"];
  extension["info"]["id"] = id;
  extension["info"]["name"] = id;
  extension["info"].merge_patch(info);
  extension["server"]["listenPath"]["value"] = "/" + id + "/";
  return json;
}

Json Versioning(const std::string& patch = "{}") {
  Json json = Json::parse(R"({"enabled": true, "name": "v1", "default": "self",
    "location": "header", "key": "x-api-version", "versions": [{"name": "v2", "id": "two"},
    {"name": "v3", "id": "three"}]})");
  json.merge_patch(Json::parse(patch));
  return {{"versioning", json}};
}

Node Read(const Json& json) {
  auto node = ReadJson(json.dump());
  EXPECT_TRUE(node.ok());
  return node.ok() ? *std::move(node) : Node();
}

// Of `json` beside these bases.
Conversion Beside(const std::vector<Json>& bases, const Json& json) {
  OasBases nodes;
  for (const Json& base : bases) nodes.Put(Read(base));
  ConvertOptions options = TestOptions();
  options.oas_bases = &nodes;
  return ConvertTykOas(Read(json), options);
}

v1::Api Made(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

// The version "two" of a base with this versioning.
v1::Api Version(const std::string& patch, const std::string& id = "two") {
  return Made(Beside({Definition("one", Versioning(patch))}, Definition(id)));
}

TEST(TykOasVersions, ABaseTakesWhatItsVersionsDoNot) {
  const Json base = Definition("one", Versioning());
  const v1::Api api = Made(Beside({base}, base));
  EXPECT_FALSE(api.has_matching());
  EXPECT_TRUE(api.versioning().enabled() && api.versioning().rights_of_api());
  EXPECT_EQ(api.versioning().default_version(), "v1");
  ASSERT_EQ(api.versions_size(), 1);
  EXPECT_EQ(api.versions(0).name(), "v1");
}

TEST(TykOasVersions, AVersionIsServedWhereItsBaseIsByItsOwnDefinition) {
  Json base = Definition("one", Versioning(R"({"stripVersioningData": true})"));
  base["x-tyk-api-gateway"]["server"]["customDomain"] = {{"enabled", true}, {"name", "a.test"}};
  base["x-tyk-api-gateway"]["server"]["port"] = 8443;
  Json version = Definition("two");
  Json& server = version["x-tyk-api-gateway"]["server"];
  server["clientCertificates"] = {{"enabled", true}, {"allowlist", {"orgabc"}}};
  server["customDomain"] = {{"enabled", true}, {"name", "b.test"}};
  const Conversion conversion = Beside({base}, version);
  const v1::Api api = Made(conversion);
  EXPECT_EQ(api.id(), "two");
  EXPECT_THAT(api.hosts(), ElementsAre("a.test"));
  EXPECT_EQ(api.listen_path(), "/one/");
  EXPECT_EQ(api.listen_port(), 8443);
  EXPECT_TRUE(api.strip_listen_path());
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  ASSERT_EQ(api.matching().conditions_size(), 1);
  const v1::MatchCondition& condition = api.matching().conditions(0);
  EXPECT_EQ(condition.variable(), "header");
  EXPECT_EQ(condition.name(), "x-api-version");
  EXPECT_THAT(condition.values(), ElementsAre("v2"));
  EXPECT_GT(api.matching().priority(), 0);
  EXPECT_EQ(api.versions(0).name(), "v2");
  EXPECT_TRUE(api.versioning().strip());
  EXPECT_EQ(api.versioning().default_version(), "") << "it says what it is asked for as";
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("is version v2 of API one"));
}

// What rules of a version's operations see is behind the base's listen path, or has that in front.
TEST(TykOasVersions, OperationsOfAVersionAreWhereItIsServed) {
  for (const bool base_strips : {false, true}) {
    for (const bool own_strips : {false, true}) {
      Json base = Definition("one", Versioning());
      base["x-tyk-api-gateway"]["server"]["listenPath"]["strip"] = base_strips;
      Json version = Definition("two");
      version["paths"] = Json::parse(R"({"/x": {"get": {"operationId": "x"}}})");
      version["x-tyk-api-gateway"]["server"]["listenPath"]["strip"] = own_strips;
      version["x-tyk-api-gateway"]["middleware"]["operations"]["x"] =
          Json::parse(R"({"allow": {"enabled": true}, "ignoreAuthentication": {"enabled": true},
                          "enforceTimeout": {"enabled": true, "value": 1}})");
      const v1::Api api = Made(Beside({base}, version));
      EXPECT_EQ(api.strip_listen_path(), base_strips);
      ASSERT_EQ(api.versions(0).allowed_size() * api.versions(0).ignored_size() *
                    api.versions(0).endpoints_size(),
                1);
      const std::string own = base_strips ? "/x" : "/one/x";
      for (const v1::PathRule& rule : {api.versions(0).allowed(0), api.versions(0).ignored(0),
                                       api.versions(0).endpoints(0).rule()}) {
        for (const char* path : {"/x", "/one/x", "/two/x", "/one/two/x"})
          EXPECT_EQ(RE2::PartialMatch(path, rule.path()), path == own) << rule.path();
      }
    }
  }
}

TEST(TykOasVersions, TheDefaultIsTakenByWhoAsksForNone) {
  const v1::Api api = Version(R"({"default": "v2"})");
  const v1::MatchCondition& condition = api.matching().conditions(0);
  EXPECT_TRUE(condition.negate());
  ASSERT_THAT(condition.values(), ::testing::SizeIs(1));
  const RE2 others(condition.values(0));
  ASSERT_TRUE(others.ok());
  for (const char* name : {"", "v2"}) EXPECT_FALSE(RE2::PartialMatch(name, others)) << name;
  for (const char* name : {"v", "v1", "v22", "xv2", "v2\n", "V2", "2", "v.", "\xc3\xa9"})
    EXPECT_TRUE(RE2::PartialMatch(name, others)) << name;
  EXPECT_EQ(api.versioning().default_version(), "v2");
  EXPECT_FALSE(api.versioning().fallback_to_default());
  const Json base = Definition("one", Versioning(R"({"default": "v2"})"));
  EXPECT_EQ(Made(Beside({base}, base)).versioning().default_version(), "");
}

TEST(TykOasVersions, AFallbackTakesWhatNobodyElseIs) {
  const std::string patch = R"({"default": "v2", "fallbackToDefault": true})";
  const v1::Api api = Version(patch);
  EXPECT_TRUE(api.matching().conditions(0).negate());
  EXPECT_THAT(api.matching().conditions(0).values(), UnorderedElementsAre("v1", "v3"));
  EXPECT_TRUE(api.versioning().fallback_to_default());
  EXPECT_FALSE(Version(patch, "three").versioning().fallback_to_default());
  const Json base = Definition("one", Versioning(patch));
  EXPECT_FALSE(Made(Beside({base}, base)).versioning().fallback_to_default());
  // To the base: but not for a version that is known and not there.
  const Json self = Definition("one", Versioning(R"({"fallbackToDefault": true})"));
  const v1::Api made = Made(Beside({self}, self));
  EXPECT_TRUE(made.versioning().fallback_to_default());
  ASSERT_EQ(made.versions_size(), 3);
  EXPECT_EQ(made.versions(1).blocked(0).path(), ".*");
}

TEST(TykOasVersions, InThePath) {
  const v1::Api api = Version(R"({"location": "url", "key": null})");
  EXPECT_EQ(api.matching().conditions(0).variable(), "path");
  const RE2 own(api.matching().conditions(0).values(0));
  for (const char* path : {"/one/v2", "/one/v2/x"}) EXPECT_TRUE(RE2::PartialMatch(path, own));
  for (const char* path : {"/one/v22", "/one/x/v2", "/one", "/x/one/v2", "/onev2"})
    EXPECT_FALSE(RE2::PartialMatch(path, own)) << path;
  const v1::Api standard = Version(R"({"location": "url", "default": "v2"})");
  EXPECT_TRUE(standard.matching().conditions(0).negate());
  const RE2 others(standard.matching().conditions(0).values(0));
  for (const char* path : {"/one", "/one/", "/one/v2", "/one/v2/x"})
    EXPECT_FALSE(RE2::PartialMatch(path, others)) << path;
  for (const char* path : {"/one/v1", "/one/v2x/y", "/one/v"})
    EXPECT_TRUE(RE2::PartialMatch(path, others)) << path;
}

TEST(TykOasVersions, InAParameter) {
  const v1::Api api = Version(R"({"location": "url-param", "key": "version"})");
  EXPECT_EQ(api.matching().conditions(0).variable(), "query");
  EXPECT_EQ(api.matching().conditions(0).name(), "version");
}

TEST(TykOasVersions, WhatIsNotOfABaseStandsAlone) {
  const v1::Api alone = Version("{}", "four");
  EXPECT_FALSE(alone.has_matching() || alone.versioning().enabled());
  EXPECT_EQ(alone.listen_path(), "/four/");
  const v1::Api off = Version(R"({"enabled": false})");
  EXPECT_EQ(off.listen_path(), "/two/");
}

TEST(TykOasVersions, AnInternalApiIsCalledByItsBaseAlone) {
  const Json internal = Definition("two", {{"state", {{"active", true}, {"internal", true}}}});
  const Conversion alone = Beside({}, internal);
  EXPECT_TRUE(Made(alone).inactive());
  EXPECT_THAT(Texts(alone.warnings), HasSubstr("nobody can call it"));
  EXPECT_FALSE(Made(Beside({Definition("one", Versioning())}, internal)).inactive());
}

TEST(TykOasVersions, AVersionOfWhatIsNotActiveIsNot) {
  Json base = Definition("one", Versioning());
  base["x-tyk-api-gateway"]["info"]["state"]["active"] = false;
  EXPECT_TRUE(Made(Beside({base}, Definition("two"))).inactive());
}

TEST(TykOasVersions, ABaseIsOfTheSameOrganisation) {
  Json base = Definition("one", Versioning());
  base["x-tyk-api-gateway"]["info"]["orgId"] = "other";
  for (const bool active : {false, true}) {
    base["x-tyk-api-gateway"]["info"]["state"]["active"] = active;
    EXPECT_THAT(Texts(Beside({base}, Definition("two")).errors),
                HasSubstr("API one, which is another organisation's"));
  }
  const v1::Api same = Made(Beside({base}, Definition("two", {{"orgId", "other"}})));
  EXPECT_EQ(same.listen_path(), "/one/");
  base["x-tyk-api-gateway"]["info"]["orgId"] = TestOptions().org_id;
  EXPECT_EQ(Made(Beside({base}, Definition("two"))).listen_path(), "/one/");
}

TEST(TykOasVersions, AnExpiryIsOne) {
  const v1::Api api = Made(Beside({}, Definition("two", {{"expiration", "2026-01-02 15:04"}})));
  EXPECT_EQ(api.versions(0).expires_unix(), 1767366240);
  EXPECT_THAT(Texts(Beside({}, Definition("two", {{"expiration", "soon"}})).errors),
              HasSubstr("is not a time"));
}

TEST(TykOasVersions, WhatIsRefused) {
  const auto refused = [](const std::string& patch, const std::string& path,
                          const std::string& word) {
    const Json base = Definition("one", Versioning(patch));
    const std::string errors = Texts(Beside({base}, base).errors);
    EXPECT_THAT(errors, HasSubstr("x-tyk-api-gateway.info.versioning." + path)) << patch;
    EXPECT_THAT(errors, HasSubstr(word)) << patch;
  };
  refused(R"({"name": ""})", "name", "is missing");
  refused(R"({"name": "self"})", "name", "the API itself");
  refused(R"({"name": "a/b"})", "name", "letters");
  refused(R"({"name": ".."})", "name", "letters");
  refused(R"({"default": "v9"})", "default", "no version");
  refused(R"({"location": "cookie"})", "location", "must be header");
  refused(R"({"key": ""})", "key", "is missing");
  refused(R"({"enabled": null})", "enabled", "say true or false");
  refused(R"({"stripVersionData": true})", "stripVersionData", "");
  refused(R"({"versions": [{"name": "v1", "id": "two"}]})", "versions[0].name", "twice");
  refused(R"({"versions": [{"name": "v2", "id": "two"}, {"name": "v3", "id": "two"}]})",
          "versions[1].id", "two twice");
  refused(R"({"versions": [{"name": "v2"}]})", "versions[0].id", "is missing");
  refused(R"({"versions": [{"name": "v2", "id": "one"}]})", "versions[0].id", "itself");
  refused(R"({"location": "url", "stripVersioningData": true, "fallbackToDefault": true,
              "urlVersioningPattern": "^v"})",
          "urlVersioningPattern", "stays in the path");
  refused(R"({"location": "url", "stripVersioningData": true, "urlVersioningPattern": "^v1"})",
          "urlVersioningPattern", "every version");
  const Json base = Definition("one", Versioning());
  const Json other = Definition("other", Versioning());
  EXPECT_THAT(Texts(Beside({base, other}, other).errors), HasSubstr("is a version of API one"));
  EXPECT_THAT(Texts(Beside({base, other}, Definition("two")).errors),
              HasSubstr("of API one and of API other"));
  EXPECT_THAT(Texts(Beside({base}, Definition("two", Versioning())).errors),
              HasSubstr("cannot have versions of its own"));
  EXPECT_THAT(Texts(ConvertText(ConvertTykOas, base.dump()).errors),
              HasSubstr("do not exist in this dialect"));
}

TEST(TykOasVersions, AreBounded) {
  Json versions = Json::array();
  for (int i = 0; i < 200; ++i)
    versions.push_back({{"name", absl::StrCat("n", i)}, {"id", absl::StrCat("api", i)}});
  const Json base = Definition("one", Versioning(Json{{"versions", versions}}.dump()));
  EXPECT_THAT(Texts(Beside({base}, base).errors), HasSubstr("more than 100"));
}

TEST(TykOasVersions, BasesAreFoundByTheirVersions) {
  OasBases bases;
  bases.Put(Read(Definition("one", Versioning())));
  bases.Put(Read(Definition("other", Versioning())));
  bases.Put(Read(Definition("none")));
  EXPECT_EQ(bases.Find("none"), nullptr);
  EXPECT_THAT(bases.Of("two"), ElementsAre(bases.Find("one"), bases.Find("other")));
  bases.Put(Read(Definition("other", Versioning(R"({"versions": []})"))));
  EXPECT_THAT(bases.Of("two"), ElementsAre(bases.Find("one")));
  bases.Remove("one");
  EXPECT_THAT(bases.Of("two"), IsEmpty());
}

TEST(TykOasVersions, ABaseIsEditedAsByTyk) {
  Node base = Read(Definition("one"));
  AddOasVersion({"one", "v1", "v2", false}, "two", &base);
  AddOasVersion({"one", "", "v3", true}, "three", &base);
  const OasVersions versions = OasVersionsOf(base);
  EXPECT_TRUE(versions.enabled);
  EXPECT_EQ(versions.name, "v1");
  EXPECT_EQ(versions.default_name, "v3");
  EXPECT_THAT(versions.versions,
              ElementsAre(std::make_pair("v2", "two"), std::make_pair("v3", "three")));
  const Json made = Json::parse(ToJson(base))["x-tyk-api-gateway"]["info"]["versioning"];
  EXPECT_EQ(made["location"], "header");
  EXPECT_EQ(made["key"], "x-api-version");
  RemoveOasVersion("three", &base);
  EXPECT_EQ(OasVersionsOf(base).default_name, "v1");
  EXPECT_THAT(OasVersionsOf(base).versions, ElementsAre(std::make_pair("v2", "two")));
}

// An apply of `given` where these are stored, in set "mine".
ApplyPlan Applied(const std::vector<Json>& stored, const std::vector<Json>& given,
                  bool prune = false) {
  OasBases bases;
  for (const Json& one : stored) bases.Put(Read(one));
  std::map<std::string, v1::Resource> resources;
  for (const Json& one : stored) {
    ConvertOptions options = TestOptions();
    options.oas_bases = &bases;
    Conversion conversion = ConvertTykOas(Read(one), options);
    v1::Resource resource = conversion.resources.back().resource;
    resource.set_set("mine");
    resources[resource.id()] = resource;
  }
  ConvertOptions options = TestOptions();
  options.stored_oas_bases = [&] {
    std::vector<Node> documents;
    for (const auto& [id, resource] : resources) {
      auto document = ReadJson(resource.document());
      if (bases.Find(id) != nullptr && document.ok()) documents.push_back(*document);
    }
    return documents;
  };
  options.stored_api = [&](const std::string& id) -> std::optional<v1::Resource> {
    const auto found = resources.find(id);
    if (found == resources.end()) return std::nullopt;
    return found->second;
  };
  v1::ApplyRequest request;
  for (const Json& one : given) request.add_documents()->set_content(one.dump());
  request.set_set(prune ? "mine" : "other");
  request.set_prune(prune);
  return PlanApply(request, options);
}

// "id listen-path set", in order.
std::vector<std::string> Puts(const ApplyPlan& plan) {
  std::vector<std::string> puts;
  EXPECT_FALSE(plan.refused);
  for (const PlannedPut& put : plan.puts) {
    const v1::Resource& resource = put.put.resource;
    puts.push_back(
        absl::StrCat(resource.id(), " ", resource.api().listen_path(), " ", resource.set()));
  }
  return puts;
}

TEST(TykOasVersions, AnApplyMakesStoredVersionsAgain) {
  const Json base = Definition("one", Versioning());
  const Json two = Definition("two");
  EXPECT_THAT(Puts(Applied({}, {two, base})), ElementsAre("two /one/ other", "one /one/ other"));
  const ApplyPlan linked = Applied({two}, {base});
  EXPECT_THAT(Puts(linked), ElementsAre("one /one/ other", "two /one/ mine"));
  EXPECT_TRUE(linked.of_what_is_stored);
  EXPECT_THAT(Puts(Applied({base, two}, {two})), ElementsAre("two /one/ other"));
  Json moved = base;
  moved["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = "/new/";
  EXPECT_THAT(Puts(Applied({base, two}, {moved})),
              ElementsAre("one /new/ other", "two /new/ mine"));
  EXPECT_THAT(Puts(Applied({base, two}, {Definition("one")})),
              ElementsAre("one /one/ other", "two /two/ mine"));
  EXPECT_TRUE(Applied({two}, {two}).of_what_is_stored) << "a base may come in between";
}

TEST(TykOasVersions, APrunedBaseLeavesItsVersionsAlone) {
  const Json base = Definition("one", Versioning());
  const Json two = Definition("two");
  EXPECT_THAT(Puts(Applied({base, two}, {two}, true)), ElementsAre("two /two/ mine"));
  EXPECT_THAT(Puts(Applied({base, two}, {base}, true)), ElementsAre("one /one/ mine"))
      << "the version goes";
}

TEST(TykOasVersions, AVersionThatCannotBeMadeAgainRefusesTheApply) {
  const Json base = Definition("one", Versioning());
  const ApplyPlan plan = Applied({Definition("two", Versioning(R"({"versions": []})"))}, {base});
  EXPECT_TRUE(plan.refused);
  EXPECT_THAT(plan.results.back().message(), HasSubstr("cannot have versions of its own"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

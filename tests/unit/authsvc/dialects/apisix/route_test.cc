#include "authsvc/dialects/apisix/route.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

class FakeObjects final : public Objects {
 public:
  v1::DialectObject& Add(const std::string& collection, const std::string& id, const char* json) {
    Held& held = held_[collection][id];
    held.document = Json::parse(json);
    return held.object;
  }
  // An SSL object in force; `ca` empty: without client.
  void Ssl(const std::string& id, const std::vector<std::string>& names, const std::string& ca,
           const char* json = R"({"client":{"ca":"x"}})") {
    v1::DialectObject& object = Add("ssls", id, ca.empty() ? "{}" : json);
    for (const std::string& name : names) object.add_server_names(name);
    if (!ca.empty()) object.add_certificate_ids(ca);
  }
  [[nodiscard]] Object Find(absl::string_view collection, absl::string_view id) const override {
    const auto of = held_.find(std::string(collection));
    if (of == held_.end()) return {};
    const auto at = of->second.find(std::string(id));
    return at == of->second.end() ? Object{} : Object{&at->second.object, &at->second.document};
  }
  void ForEachStored(
      absl::string_view collection,
      absl::FunctionRef<void(absl::string_view, const v1::DialectObject&)> visit) const override {
    ForEach(collection, [&](absl::string_view id, const Object& one) { visit(id, *one.object); });
  }
  void ForEach(absl::string_view collection,
               absl::FunctionRef<void(absl::string_view, const Object&)> visit) const override {
    const auto of = held_.find(std::string(collection));
    if (of == held_.end()) return;
    for (const auto& [id, held] : of->second) visit(id, {&held.object, &held.document});
  }

 private:
  struct Held {
    v1::DialectObject object;
    Json document;
  };
  std::map<std::string, std::map<std::string, Held>> held_;
};

absl::Status Convert(const FakeObjects& objects, const std::string& json,
                     std::vector<v1::Api>* apis, std::vector<std::string>* warnings) {
  const Json document = Json::parse(json);
  const v1::DialectObject object;
  return ConvertRoute("1", {&object, &document}, objects, SslIndex(objects), apis, warnings);
}

constexpr char kUpstream[] = R"("upstream":{"nodes":{"127.0.0.1:80":1}})";

std::string Route(const std::string& more) {
  return absl::StrCat("{", kUpstream, more.empty() ? "" : ",", more, "}");
}

// "tier hosts path match cert" of each API.
std::vector<std::string> Shape(const FakeObjects& objects, const std::string& json) {
  std::vector<v1::Api> apis;
  std::vector<std::string> warnings;
  const absl::Status status = Convert(objects, json, &apis, &warnings);
  if (!status.ok()) return {std::string(status.message())};
  std::vector<std::string> out;
  for (const v1::Api& api : apis) {
    const auto& list = api.client_tls().allowlist();
    out.push_back(absl::StrCat(api.matching().host_tier(), " ", absl::StrJoin(api.hosts(), ","),
                               " ", api.listen_path(), " ", api.matching().path_match(), " ",
                               list.empty() ? "-" : list[0].certificate_id(),
                               api.matching().conditions().empty() ? "" : " if"));
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(ApisixRoute, UrisAreExactOrPrefixes) {
  const FakeObjects none;
  EXPECT_EQ(Shape(none, Route(R"("uri":"/a")")), Strings{"0  /a exact -"});
  EXPECT_EQ(Shape(none, Route(R"("uris":["/a/*","/b*","/*"])")),
            (Strings{"0  /a/ prefix -", "0  /b prefix -", "0  / prefix -"}));
  EXPECT_TRUE(absl::StrContains(Shape(none, Route(R"("uri":"/a/*/b")"))[0], "can only be its end"));
  EXPECT_TRUE(absl::StrContains(Shape(none, Route(""))[0], "matches none"));
}

TEST(ApisixRoute, AHostHasTheCertificatesOfItsSslObject) {
  FakeObjects objects;
  objects.Ssl("e", {"a.test"}, "CA1");
  objects.Ssl("w", {"*.w.test"}, "CA2");
  objects.Ssl("x", {"x.w.test"}, "");
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*","host":"a.test")")),
            Strings{"0 a.test / prefix CA1"});
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*","host":"b.w.test")")),
            Strings{"0 b.w.test / prefix CA2"});
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*","host":"x.w.test")")),
            Strings{"0 x.w.test / prefix -"});
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*","host":"other.test")")),
            Strings{"0 other.test / prefix -"});
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*","hosts":["A.test","b.w.test"])")),
            (Strings{"0 a.test / prefix CA1", "0 b.w.test / prefix CA2"}));
}

TEST(ApisixRoute, AWildcardHostIsStoodInForWhereANameInItDiffers) {
  FakeObjects objects;
  objects.Ssl("w", {"*.w.test"}, "CA2");
  objects.Ssl("x", {"x.w.test", "elsewhere.test"}, "");
  objects.Ssl("y", {"y.w.test"}, "CA1");
  EXPECT_EQ(
      Shape(objects, Route(R"("uri":"/*","host":"*.w.test")")),
      (Strings{"0 *.w.test / prefix CA2", "1 x.w.test / prefix -", "1 y.w.test / prefix CA1"}));
}

TEST(ApisixRoute, ARouteWithoutHostIsStoodInForAtEveryNameThatAsks) {
  FakeObjects objects;
  objects.Ssl("a", {"a.test"}, "CA1");
  objects.Ssl("plain", {"plain.test"}, "");
  objects.Ssl("w", {"*.w.test"}, "CA2");
  objects.Ssl("x", {"x.w.test"}, "");
  std::vector<v1::Api> apis;
  std::vector<std::string> warnings;
  EXPECT_EQ(Shape(objects, Route(R"("uri":"/*")")),
            (Strings{"0  / prefix -", "2 a.test / prefix CA1", "2 *.w.test / prefix CA2",
                     "2 x.w.test / prefix -"}));
  ASSERT_TRUE(Convert(objects, Route(R"("uri":"/*")"), &apis, &warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(absl::StrContains(warnings[0], "without a certificate"));
  EXPECT_TRUE(apis[0].allow_plain_http());
  EXPECT_FALSE(apis[1].allow_plain_http());
}

TEST(ApisixRoute, ExemptPathsAreAnApiOfTheirOwn) {
  FakeObjects objects;
  objects.Ssl("a", {"a.test"}, "CA1",
              R"({"client":{"ca":"x","depth":3,"skip_mtls_uri_regex":["^/o","^/p|q"]}})");
  std::vector<v1::Api> apis;
  std::vector<std::string> warnings;
  ASSERT_TRUE(Convert(objects, Route(R"("uri":"/*","host":"a.test")"), &apis, &warnings).ok());
  ASSERT_EQ(apis.size(), 2u);
  EXPECT_EQ(apis[0].client_tls().static_mtls(), v1::REQUIREMENT_OFF);
  EXPECT_EQ(apis[0].matching().conditions(0).values(0), "(?:^/o)|(?:^/p|q)");
  EXPECT_EQ(apis[1].client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  EXPECT_EQ(apis[1].client_tls().max_depth(), 3u);
  EXPECT_TRUE(apis[1].matching().conditions().empty());
}

TEST(ApisixRoute, ItsOwnClientStandsInPlaceOfItsHosts) {
  FakeObjects objects;
  objects.Ssl("a", {"a.test"}, "CA1", R"({"client":{"ca":"x","skip_mtls_uri_regex":["^/free"]}})");
  objects.Add("services", "s", R"({"client":{"ca":"z","depth":2}})")
      .add_resources(absl::StrCat(kClientAuthority, "CA3"));
  const auto shape = [&](const std::string& json) {
    const Json document = Json::parse(json);
    v1::DialectObject object;
    if (document.contains("client")) {
      object.add_resources("TrustBundle apisix.routes.1");
      object.add_resources(absl::StrCat(kClientAuthority, "CA2"));
    }
    std::vector<v1::Api> apis;
    std::vector<std::string> warnings;
    const auto status =
        ConvertRoute("1", {&object, &document}, objects, SslIndex(objects), &apis, &warnings);
    if (!status.ok()) return std::string(status.message());
    std::string out;
    for (const v1::Api& api : apis) {
      absl::StrAppend(&out, api.id(), " ", absl::StrJoin(api.hosts(), ","));
      for (const auto& entry : api.client_tls().allowlist())
        absl::StrAppend(&out, " ", entry.certificate_id());
      absl::StrAppend(&out, " ", api.client_tls().max_depth(),
                      api.matching().conditions().empty() ? "" : " if",
                      api.allow_plain_http() ? " plain;" : ";");
    }
    return out;
  };
  EXPECT_EQ(shape(Route(R"("uri":"/*","host":"a.test","client":{"ca":"y"})")),
            "apisix.routes.1@a a.test CA2 1;");
  // It stands where every other route without hosts does, so that priority and conditions decide.
  EXPECT_EQ(shape(Route(R"("uri":"/*","client":{"ca":"y","depth":9})")),
            "apisix.routes.1  CA2 0;apisix.routes.1@a^2 a.test CA2 0;");
  EXPECT_EQ(shape(Route(R"("uri":"/*","client":{"ca":"y","skip_mtls_uri_regex":["^/o"]})")),
            "apisix.routes.1!open  0 if;apisix.routes.1  CA2 1;"
            "apisix.routes.1@a^2!open a.test 0 if;apisix.routes.1@a^2 a.test CA2 1;");
  EXPECT_EQ(shape(Route(R"("uri":"/*","host":"a.test","service_id":"s")")),
            "apisix.routes.1@a a.test CA3 2;");
  EXPECT_EQ(shape(Route(R"("uri":"/*","service_id":"s","client":{"ca":"y"})")),
            "apisix.routes.1  CA2 1;apisix.routes.1@a^2 a.test CA2 1;");
}

// The APIs of a route under `then`, placed anew under `now`, as text.
std::string PlacedAgain(const FakeObjects& then, const FakeObjects& now, const std::string& json) {
  const Json document = Json::parse(json);
  v1::DialectObject object;
  if (document.contains("client")) object.add_resources(absl::StrCat(kClientAuthority, "CA2"));
  std::vector<v1::Api> stood, apis;
  std::vector<std::string> warnings;
  auto status = ConvertRoute("1", {&object, &document}, then, SslIndex(then), &stood, &warnings);
  EXPECT_TRUE(status.ok()) << status;
  status = PlaceAgain("1", {&object, &document}, now, SslIndex(now), stood, &apis);
  EXPECT_TRUE(status.ok()) << status;
  std::string out;
  for (const v1::Api& api : apis) absl::StrAppend(&out, api.DebugString(), "\n");
  return out;
}

TEST(ApisixRoute, PlacedAgainItStandsWhereItWouldBeNow) {
  FakeObjects then, now;
  then.Ssl("e", {"a.test"}, "CA1");
  now.Ssl("e", {"a.test"}, "CA3", R"({"client":{"ca":"x","skip_mtls_uri_regex":["^/o","^/p"]}})");
  now.Ssl("w", {"*.w.test"}, "CA4");
  now.Ssl("x", {"x.w.test"}, "");
  for (FakeObjects* const objects : {&then, &now}) {
    objects->Add("services", "s", R"({"hosts":["a.test"]})");
    objects
        ->Add("services", "c",
              R"({"client":{"ca":"z","depth":2,"skip_mtls_uri_regex":["a$","b$"]}})")
        .add_resources(absl::StrCat(kClientAuthority, "CA5"));
  }
  for (const char* const more :
       {R"("uri":"/a")", R"("uris":["/a/*","/b"],"vars":[["arg_x","==","1"]])",
        R"("uri":"/*","host":"*.w.test")", R"("uri":"/*","hosts":["a.test","x.w.test"])",
        R"("uri":"/*","plugins":{"key-auth":{}},"priority":7)",
        R"("uri":"/*","client":{"ca":"y","depth":3,"skip_mtls_uri_regex":["^/o"]})",
        R"("uri":"/*","host":"*.w.test","client":{"ca":"y"})", R"("uri":"/*","service_id":"s")",
        R"("uri":"/*","service_id":"c")", R"("uri":"/*","host":"a.test","service_id":"c")"}) {
    EXPECT_EQ(PlacedAgain(then, now, Route(more)), PlacedAgain(now, now, Route(more))) << more;
    EXPECT_EQ(PlacedAgain(now, then, Route(more)), PlacedAgain(then, then, Route(more))) << more;
    std::vector<v1::Api> apis;
    std::vector<std::string> warnings;
    if (absl::StrContains(more, "client")) continue;  // its authorities are not in Convert
    ASSERT_TRUE(Convert(now, Route(more), &apis, &warnings).ok());
    std::string converted;
    for (const v1::Api& api : apis) absl::StrAppend(&converted, api.DebugString(), "\n");
    EXPECT_EQ(PlacedAgain(then, now, Route(more)), converted) << more;
  }
}

TEST(ApisixRoute, PlacedAgainItAsksForWhatAServiceThatIsGoneAskedFor) {
  FakeObjects then, now;
  then.Add("services", "s", R"({"client":{"ca":"z","depth":2,"skip_mtls_uri_regex":["a$","b$"]}})")
      .add_resources(absl::StrCat(kClientAuthority, "CA5"));
  now.Ssl("e", {"a.test"}, "CA1");
  FakeObjects still = now;
  still.Add("services", "s", R"({"client":{"ca":"z","depth":2,"skip_mtls_uri_regex":["a$","b$"]}})")
      .add_resources(absl::StrCat(kClientAuthority, "CA5"));
  const std::string route = Route(R"("uris":["/a","/b"],"service_id":"s")");
  const std::string placed = PlacedAgain(then, now, route);
  EXPECT_EQ(placed, PlacedAgain(still, still, route));
  EXPECT_TRUE(absl::StrContains(placed, "CA5") && !absl::StrContains(placed, "CA1"));
}

// Where nobody may issue, nobody gets in: never a route that asks for nothing.
TEST(ApisixRoute, AClientWithoutAuthoritiesStaysClosed) {
  const FakeObjects none;
  std::vector<v1::Api> apis;
  std::vector<std::string> warnings;
  ASSERT_TRUE(Convert(none, Route(R"("uri":"/*","client":{"ca":"y"})"), &apis, &warnings).ok());
  EXPECT_EQ(apis.at(0).client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  EXPECT_TRUE(apis.at(0).client_tls().allowlist().empty());
  EXPECT_FALSE(apis.at(0).allow_plain_http());
}

TEST(ApisixRoute, DepthsBeyondTheProfileAreItsOwn) {
  for (const auto& [given, depth] : {std::pair("1", 1u), {"7", 7u}, {"8", 0u}, {"10", 0u}}) {
    FakeObjects objects;
    objects.Ssl("a", {"a.test"}, "CA1",
                absl::StrCat(R"({"client":{"ca":"x","depth":)", given, "}}").c_str());
    std::vector<v1::Api> apis;
    std::vector<std::string> warnings;
    ASSERT_TRUE(Convert(objects, Route(R"("uri":"/*","host":"a.test")"), &apis, &warnings).ok());
    EXPECT_EQ(apis[0].client_tls().max_depth(), depth) << given;
  }
}

TEST(ApisixRoute, UpstreamsInTheirForms) {
  const FakeObjects none;
  const auto urls = [&](const char* upstream) {
    std::vector<v1::Api> apis;
    std::vector<std::string> warnings;
    const auto status =
        Convert(none, absl::StrCat(R"({"uri":"/","upstream":)", upstream, "}"), &apis, &warnings);
    if (!status.ok()) return std::string(status.message());
    std::string out;
    for (const auto& target : apis[0].upstream().targets())
      absl::StrAppend(&out, target.url(), "*", target.weight(), " ");
    return out + apis[0].upstream().protocol();
  };
  EXPECT_EQ(urls(R"({"nodes":{"a:1":2,"b":1,"c:3":0}})"), "http://a:1*2 http://b:80*1 ");
  EXPECT_EQ(
      urls(
          R"({"scheme":"https","nodes":[{"host":"a","weight":1},{"host":"::1","port":4,"weight":3}]})"),
      "https://a:443*1 https://[::1]:4*3 ");
  EXPECT_EQ(urls(R"({"scheme":"grpc","nodes":{"a:1":1}})"), "h2c://a:1*1 h2c");
  EXPECT_EQ(urls(R"({"scheme":"grpcs","nodes":{"a:1":1}})"), "https://a:1*1 h2");
  EXPECT_TRUE(absl::StrContains(urls(R"({"nodes":{"a@b:1":1}})"), "nodes: "));
  EXPECT_TRUE(absl::StrContains(urls(R"({"nodes":{"a:1":-1}})"), "out of range"));
  EXPECT_TRUE(absl::StrContains(urls(R"({"nodes":{"a:1":"x"}})"), "must be an integer"));
  EXPECT_TRUE(absl::StrContains(urls(R"({"nodes":[{"host":"a","weight":1,"priority":1}]})"),
                                "nodes.priority"));
  EXPECT_TRUE(absl::StrContains(urls(R"({"nodes":"a:1"})"), "object or array"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apisix

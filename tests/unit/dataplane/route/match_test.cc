#include "dataplane/route/match.h"

#include "dataplane/route/query.h"
#include "dataplane/route/route_table.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

Route Api() {
  Route route;
  route.api_id = "a";
  route.listen_path = "/a/";
  route.strip_listen_path = true;
  return route;
}
RouteVersion Version(const char* name) {
  RouteVersion version;
  version.name = name;
  return version;
}
CompiledPathRule Rule(const char* path, std::vector<std::string> methods = {},
                      bool ignore_case = false) {
  return CompilePathRule(path, std::move(methods), ignore_case);
}

struct Ask {
  std::string path = "/a/x";
  std::string method = "GET";
  std::string query;
  std::string address = "192.0.2.7";
  std::string header;  // value of "version"
};

std::variant<RouteMatch, RouteRefusal> Match(Route route, const Ask& ask) {
  const auto table =
      RouteTable::Empty()->With({std::make_shared<const Route>(std::move(route))}, {});
  RouteQuestion question;
  question.method = ask.method;
  question.path = ask.path;
  question.query = ask.query;
  question.client_address = ask.address;
  question.now = absl::FromUnixSeconds(1000);
  return MatchRoute(*table, question,
                    [&](absl::string_view name) -> std::optional<absl::string_view> {
                      if (name != "version" || ask.header.empty()) return std::nullopt;
                      return ask.header;
                    });
}
Reason ReasonOf(const std::variant<RouteMatch, RouteRefusal>& outcome) {
  const auto* refusal = std::get_if<RouteRefusal>(&outcome);
  return refusal == nullptr ? Reason::kAllowed : refusal->reason;
}
std::string PathOf(const std::variant<RouteMatch, RouteRefusal>& outcome) {
  const auto* match = std::get_if<RouteMatch>(&outcome);
  return match == nullptr ? "refused" : match->path;
}

TEST(MatchRoute, ListenPathIsStrippedOnlyWhenAsked) {
  Route route = Api();
  EXPECT_EQ(PathOf(Match(route, {"/a/x/y"})), "/x/y");
  EXPECT_EQ(PathOf(Match(route, {"/a"})), "/");
  EXPECT_EQ(PathOf(Match(route, {"/a/"})), "/");
  route.strip_listen_path = false;
  EXPECT_EQ(PathOf(Match(route, {"/a/x/y"})), "/a/x/y");
  EXPECT_EQ(PathOf(Match(route, {"/a"})), "/a");
  EXPECT_EQ(PathOf(Match(route, {"/a/"})), "/a/");
  route.strip_listen_path = true;
  route.loose_prefix = true;
  route.listen_path = "/a";
  EXPECT_EQ(PathOf(Match(route, {"/abc"})), "/bc");
}

TEST(MatchRoute, ALooseListenPathThatStaysIsForwardedAsItCame) {
  Route route = Api();
  route.loose_prefix = true;
  route.listen_path = "/a";
  route.strip_listen_path = false;
  RouteVersion version = Version("");
  version.blocked = {Rule("^/admin$")};
  route.versions = {version};
  EXPECT_EQ(PathOf(Match(route, {"/abc/d"})), "/abc/d");
  EXPECT_EQ(PathOf(Match(route, {"/a"})), "/a");
  EXPECT_EQ(PathOf(Match(route, {"/a/"})), "/a/");
  EXPECT_EQ(ReasonOf(Match(route, {"/admin"})), Reason::kEndpointForbidden);
}

TEST(MatchRoute, NoRouteAndBrokenRoute) {
  EXPECT_EQ(ReasonOf(Match(Api(), {"/b"})), Reason::kNoRoute);
  Route broken = Api();
  broken.broken = true;
  EXPECT_EQ(ReasonOf(Match(broken, {"/a"})), Reason::kApiUnusable);
}

TEST(MatchRoute, VersionInAHeader) {
  Route route = Api();
  route.versioning = {true, VersionRules::Location::kHeader, "version", true, "", false};
  route.versions = {Version("v1"), Version("v2")};
  route.versions[1].expires = absl::FromUnixSeconds(1000);
  Ask ask;
  EXPECT_EQ(ReasonOf(Match(route, ask)), Reason::kVersionRequired);
  ask.header = "v1";
  const auto outcome = Match(route, ask);
  ASSERT_EQ(ReasonOf(outcome), Reason::kAllowed);
  EXPECT_EQ(std::get<RouteMatch>(outcome).version_name, "v1");
  EXPECT_EQ(std::get<RouteMatch>(outcome).strip_header, "version");
  ask.header = "v2";
  EXPECT_EQ(ReasonOf(Match(route, ask)), Reason::kVersionExpired);
  ask.header = "v3";
  EXPECT_EQ(ReasonOf(Match(route, ask)), Reason::kVersionUnknown);
  route.versioning.default_version = "v1";
  EXPECT_EQ(ReasonOf(Match(route, ask)), Reason::kVersionUnknown);
  ask.header = "";
  EXPECT_EQ(ReasonOf(Match(route, ask)), Reason::kAllowed);
  route.versioning.fallback_to_default = true;
  ask.header = "v3";
  EXPECT_EQ(std::get<RouteMatch>(Match(route, ask)).version_name, "v1");
}

TEST(MatchRoute, VersionInTheUrl) {
  Route route = Api();
  route.versioning = {true, VersionRules::Location::kUrl, "", true, "v1", true};
  route.versions = {Version("v1"), Version("v2")};
  EXPECT_EQ(PathOf(Match(route, {"/a/v2/x"})), "/x");
  EXPECT_EQ(std::get<RouteMatch>(Match(route, {"/a/v2/x"})).version_name, "v2");
  // No version there: the default serves, and nothing is cut off.
  EXPECT_EQ(PathOf(Match(route, {"/a/other/x"})), "/other/x");
  route.versioning.strip = false;
  EXPECT_EQ(PathOf(Match(route, {"/a/v2/x"})), "/v2/x");
  route.versioning.fallback_to_default = false;
  EXPECT_EQ(ReasonOf(Match(route, {"/a/other/x"})), Reason::kVersionUnknown);
}

TEST(MatchRoute, VersionInAQueryParameter) {
  Route route = Api();
  route.versioning = {true, VersionRules::Location::kUrlParam, "v", true, "", false};
  route.versions = {Version("v1")};
  Ask ask;
  ask.query = "a=1&v=v1&b=2";
  const auto outcome = Match(route, ask);
  ASSERT_EQ(ReasonOf(outcome), Reason::kAllowed);
  EXPECT_EQ(std::get<RouteMatch>(outcome).query, "a=1&b=2");
  ask.query = "%76=v1";
  EXPECT_EQ(std::get<RouteMatch>(Match(route, ask)).query, "");
}

TEST(MatchRoute, OverrideThatCannotBeUsedIsRefused) {
  Route route = Api();
  route.versions = {Version("")};
  route.versions[0].override_broken = true;
  EXPECT_EQ(ReasonOf(Match(route, {})), Reason::kApiUnusable);
}

TEST(MatchRoute, PathRules) {
  Route route = Api();
  route.versions = {Version("")};
  RouteVersion& version = route.versions[0];
  version.blocked = {Rule("^/secret"), Rule("/MIXED", {}, true), Rule("/only-post", {"post"})};
  version.ignored = {Rule("^/health$"), Rule("^/secret/public")};
  struct Case {
    const char *path, *method;
    Reason reason;
    const char* profile;
  };
  const Case open[] = {
      {"/a/x", "GET", Reason::kAllowed, ""},
      {"/a/secret/1", "GET", Reason::kEndpointForbidden, ""},
      {"/a/secret/public", "GET", Reason::kEndpointForbidden, ""},  // blocked wins over ignored
      {"/a/mixed", "GET", Reason::kEndpointForbidden, ""},
      {"/a/only-post", "GET", Reason::kAllowed, ""},
      {"/a/only-post", "POST", Reason::kEndpointForbidden, ""},
      {"/a/health", "GET", Reason::kAllowed, "ignored"},
      {"/a/healthy", "GET", Reason::kAllowed, ""},
  };
  for (const Case& c : open) {
    const auto outcome = Match(route, {c.path, c.method});
    EXPECT_EQ(ReasonOf(outcome), c.reason) << c.path;
    if (c.reason == Reason::kAllowed) {
      EXPECT_EQ(std::get<RouteMatch>(outcome).profile, c.profile) << c.path;
    }
  }
  version.allowed = {Rule("^/x", {"GET"})};
  EXPECT_EQ(ReasonOf(Match(route, {"/a/x"})), Reason::kAllowed);
  EXPECT_EQ(ReasonOf(Match(route, {"/a/x", "POST"})), Reason::kEndpointForbidden);
  EXPECT_EQ(ReasonOf(Match(route, {"/a/y"})), Reason::kEndpointForbidden);
  EXPECT_EQ(ReasonOf(Match(route, {"/a/health"})), Reason::kAllowed);
}

TEST(MatchRoute, BlockedRulesSeeWhatServersMakeOfAPath) {
  Route route = Api();
  RouteVersion version = Version("");
  version.blocked = {Rule("^/admin/keys$"), Rule("^/a b=c$")};
  route.versions = {version};
  for (const char* path : {"/a/admin/keys", "/a/admin%2Fkeys", "/a/admin;v=1/keys",
                           "/a/admin/keys;x", "/a/admin%2F%2Fkeys", "/a/admin;x%2Fy/keys",
                           "/a/admin%3Bx/keys", "/a/admin;x%2Fkeys", "/a/a%20b%3Dc"}) {
    EXPECT_EQ(ReasonOf(Match(route, {path})), Reason::kEndpointForbidden) << path;
  }
  for (const char* path : {"/a/admin%252Fkeys", "/a/admin", "/a/admin/keys%2Fx", "/a/%41"}) {
    EXPECT_EQ(ReasonOf(Match(route, {path})), Reason::kAllowed) << path;
  }
}

TEST(MatchRoute, RulesThatDoNotCompileFailClosed) {
  Route route = Api();
  route.versions = {Version("")};
  route.versions[0].blocked = {Rule("(")};
  EXPECT_EQ(ReasonOf(Match(route, {})), Reason::kEndpointForbidden);
  route.versions[0].blocked.clear();
  route.versions[0].ignored = {Rule("(")};
  EXPECT_EQ(std::get<RouteMatch>(Match(route, {})).profile, "");
  route.versions[0].allowed = {Rule("(")};
  EXPECT_EQ(ReasonOf(Match(route, {})), Reason::kEndpointForbidden);
}

TEST(MatchRoute, BlockedRulesSeeThePathWithAndWithoutTheVersion) {
  Route route = Api();
  route.versioning = {true, VersionRules::Location::kUrl, "", false, "", false};
  route.versions = {Version("v1")};
  route.versions[0].blocked = {Rule("^/secret"), Rule("^/v1/hidden")};
  EXPECT_EQ(ReasonOf(Match(route, {"/a/v1/secret"})), Reason::kEndpointForbidden);
  EXPECT_EQ(ReasonOf(Match(route, {"/a/v1/hidden"})), Reason::kEndpointForbidden);
  EXPECT_EQ(ReasonOf(Match(route, {"/a/v1/open"})), Reason::kAllowed);
}

TEST(MatchRoute, Addresses) {
  struct Case {
    std::vector<const char*> allow, deny;
    const char* address;
    bool ok;
  } const cases[] = {
      {{}, {}, "not an address", true},
      {{"192.0.2.0/24"}, {}, "192.0.2.255", true},
      {{"192.0.2.0/24"}, {}, "192.0.3.1", false},
      {{"192.0.2.0/24"}, {}, "::ffff:192.0.2.9", true},
      {{"192.0.2.0/24"}, {"192.0.2.7"}, "192.0.2.7", false},
      {{}, {"192.0.2.7"}, "192.0.2.8", true},
      {{}, {"2001:db8::/33"}, "2001:db8:7fff::1", false},
      {{}, {"2001:db8::/33"}, "2001:db8:8000::1", true},
      {{"0.0.0.0/0"}, {}, "::1", false},
      {{"0.0.0.0/0"}, {}, "", false},
  };
  for (const Case& c : cases) {
    Route route = Api();
    for (const char* text : c.allow) route.ip.allow.push_back(*ParseAddressRange(text));
    for (const char* text : c.deny) route.ip.deny.push_back(*ParseAddressRange(text));
    route.ip.allow_only = !c.allow.empty();
    Ask ask;
    ask.address = c.address;
    EXPECT_EQ(ReasonOf(Match(route, ask)) == Reason::kAllowed, c.ok) << c.address;
  }
  Route broken = Api();
  broken.ip.broken = true;
  EXPECT_EQ(ReasonOf(Match(broken, {})), Reason::kIpDenied);
}

TEST(AddressRange, Refused) {
  for (const char* text :
       {"", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "::/129", "1.2.3.4/1x"}) {
    EXPECT_FALSE(ParseAddressRange(text).has_value()) << text;
  }
}

TEST(ParseTarget, PartsAndRefusals) {
  const auto target = ParseTarget("https://Api.Example.com:8443/base?x=1");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->host, "api.example.com");
  EXPECT_EQ(target->port, 8443);
  EXPECT_EQ(target->written_port, "8443");
  EXPECT_EQ(target->path, "/base");
  EXPECT_EQ(target->query, "x=1");
  EXPECT_EQ(ParseTarget("http://h")->port, 80);
  EXPECT_EQ(ParseTarget("https://[2001:db8::1]/")->host, "2001:db8::1");
  EXPECT_EQ(ParseTarget("https://h")->written_port, "");
  for (const char* url :
       {"", "h", "ftp://h", "https://", "https://u:p@h/", "https://h:0/", "https://h:99999/",
        "https://h/ x", "https://h/#f", "https:///x", "h2://h"}) {
    EXPECT_FALSE(ParseTarget(url).has_value()) << url;
  }
}

TEST(Query, ParametersAreDecodedOnceAndTheRestStays) {
  EXPECT_EQ(QueryParameter("a=1&b=%2541", "b"), "%41");
  EXPECT_EQ(QueryParameter("a+b=c+d", "a b"), "c d");
  EXPECT_EQ(QueryParameter("a", "a"), "");
  EXPECT_EQ(QueryParameter("a=1", "b"), std::nullopt);
  EXPECT_EQ(QueryParameter("", ""), std::nullopt);
  EXPECT_EQ(WithoutQueryParameter("k=1&x=%20&%6b=2&k", "k"), "x=%20");
  EXPECT_EQ(WithoutQueryParameter("&&x", "k"), "&&x");
}

RouteVersion Listed() {
  RouteVersion version;
  const auto add = [&](const char* path, std::vector<std::string> methods, bool open) {
    version.operations.Add(*domain::PathTemplate::Parse(path), std::move(methods));
    version.operation_rules.emplace_back().open = open;
  };
  add("/public/{page}", {"GET"}, true);
  add("/orders/{id}", {"GET", "PUT"}, false);
  add("/orders/{id}/items", {"GET"}, false);
  return version;
}

TEST(MatchRoute, FindsTheOperationAndItsProfile) {
  Route route = Api();
  route.versions = {Listed()};
  const auto open = Match(route, {.path = "/a/public/x"});
  EXPECT_EQ(std::get<RouteMatch>(open).profile, "open");
  const auto closed = Match(route, {.path = "/a/orders/7", .method = "PUT"});
  EXPECT_EQ(std::get<RouteMatch>(closed).profile, "");
  ASSERT_NE(std::get<RouteMatch>(closed).operation, nullptr);
}

TEST(MatchRoute, WhatIsNotListedIsNotThere) {
  Route route = Api();
  route.versions = {Listed()};
  for (const char* path : {"/a/", "/a/orders", "/a/orders/", "/a/orders/7/", "/a/public/x/y"})
    EXPECT_EQ(ReasonOf(Match(route, {.path = path})), Reason::kOperationUnknown) << path;
  const auto method = Match(route, {.path = "/a/orders/7", .method = "DELETE"});
  EXPECT_EQ(ReasonOf(method), Reason::kMethodNotAllowed);
  EXPECT_EQ(std::get<RouteRefusal>(method).allowed_methods, "GET, PUT");
}

TEST(MatchRoute, NoServerMustReadAPathAsAnotherOperation) {
  Route route = Api();
  route.versions = {Listed()};
  EXPECT_EQ(ReasonOf(Match(route, {.path = "/a/orders/7%2Fitems"})), Reason::kBadRequest);
  EXPECT_EQ(ReasonOf(Match(route, {.path = "/a/public/x%2F..%2F..%2Forders%2F7"})),
            Reason::kBadRequest);
  EXPECT_EQ(ReasonOf(Match(route, {.path = "/a/orders/a%20b"})), Reason::kAllowed);
}

TEST(MatchRoute, AnExemptPathStaysExempt) {
  Route route = Api();
  route.versions = {Listed()};
  route.versions[0].ignored = {Rule("^/orders/1$")};
  EXPECT_EQ(std::get<RouteMatch>(Match(route, {.path = "/a/orders/1"})).profile, "ignored");
}

}  // namespace
}  // namespace sallyport::dataplane

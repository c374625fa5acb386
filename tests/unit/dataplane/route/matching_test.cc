#include "dataplane/route/matching.h"

#include "dataplane/route/match.h"
#include "dataplane/route/route_table.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

using Path = MatchRules::Path;

struct MatchSpec {
  std::string id;
  std::string path = "/";
  MatchRules rules = {};
  std::vector<std::string> hosts = {};
  bool certificate = false;
};

RoutePtr MakeMatching(const MatchSpec& spec) {
  Route route;
  route.api_id = spec.id;
  route.listen_path = spec.path;
  route.matching = spec.rules;
  route.hosts = spec.hosts;
  route.dynamic_mtls = spec.certificate;
  return std::make_shared<const Route>(std::move(route));
}

MatchRules Rules(Path path, std::vector<std::string> methods = {}, int priority = 0) {
  MatchRules rules;
  rules.path = path;
  rules.methods = std::move(methods);
  rules.priority = priority;
  return rules;
}

MatchRules Tier(uint8_t tier) {
  MatchRules rules = Rules(Path::kPrefix);
  rules.host_tier = tier;
  return rules;
}

MatchCondition In(MatchCondition::Variable variable, std::string name,
                  std::vector<std::string> values, bool negate = false) {
  MatchCondition condition;
  condition.variable = variable;
  condition.name = std::move(name);
  condition.values = std::move(values);
  condition.negate = negate;
  return condition;
}

RouteTablePtr MatchTable(const std::vector<MatchSpec>& specs) {
  std::vector<RoutePtr> routes;
  for (const MatchSpec& spec : specs) routes.push_back(MakeMatching(spec));
  return RouteTable::Empty()->With(routes, {});
}

struct Asked {
  std::string host = "h.test";
  std::string path = "/";
  std::string method = "GET";
  std::string query = {};
  std::string cookie = {};
};

std::string Served(const RouteTablePtr& table, const Asked& ask) {
  RouteQuestion question;
  question.host = ask.host;
  question.method = ask.method;
  question.path = ask.path;
  question.query = ask.query;
  question.client_address = "192.0.2.7";
  const auto matched =
      MatchRoute(*table, question, [&](absl::string_view name) -> std::optional<absl::string_view> {
        if (name == "cookie" && !ask.cookie.empty()) return ask.cookie;
        return std::nullopt;
      });
  const auto* match = std::get_if<RouteMatch>(&matched);
  return match == nullptr ? "" : match->route->api_id;
}

TEST(Matching, AnExactPathIsThatPathAlone) {
  const auto table = MatchTable({{"exact", "/a", Rules(Path::kExact)},
                                 {"slash", "/a/", Rules(Path::kExact)},
                                 {"prefix", "/a/", Rules(Path::kPrefix)},
                                 {"all", "/", Rules(Path::kPrefix)}});
  EXPECT_EQ(Served(table, {.path = "/a"}), "exact");
  EXPECT_EQ(Served(table, {.path = "/a/"}), "slash");
  EXPECT_EQ(Served(table, {.path = "/a/b"}), "prefix");
  EXPECT_EQ(Served(table, {.path = "/ab"}), "all");
  const auto alone = MatchTable({{"exact", "/a", Rules(Path::kExact)}});
  EXPECT_EQ(Served(alone, {.path = "/a/"}), "");
  EXPECT_EQ(Served(alone, {.path = "/a/b"}), "");
}

TEST(Matching, APrefixIsByBytesAndNotTheSegmentBeforeIt) {
  const auto table =
      MatchTable({{"p", "/a/", Rules(Path::kPrefix)}, {"q", "/he", Rules(Path::kPrefix)}});
  EXPECT_EQ(Served(table, {.path = "/a"}), "");
  EXPECT_EQ(Served(table, {.path = "/a/"}), "p");
  EXPECT_EQ(Served(table, {.path = "/hello/x"}), "q");
}

TEST(Matching, MethodsAndPriorities) {
  const auto table = MatchTable({{"any", "/", Rules(Path::kPrefix)},
                                 {"post", "/", Rules(Path::kPrefix, {"POST"})},
                                 {"high", "/", Rules(Path::kPrefix, {"PUT", "POST"}, 7)}});
  EXPECT_EQ(Served(table, {.method = "GET"}), "any");
  EXPECT_EQ(Served(table, {.method = "POST"}), "high");
  EXPECT_EQ(Served(MatchTable({{"post", "/", Rules(Path::kPrefix, {"POST"})}}), {.method = "GET"}),
            "");
  EXPECT_EQ(Served(MatchTable({{"post", "/", Rules(Path::kPrefix, {"POST"})}}), {.method = "get"}),
            "");
}

TEST(Matching, WhereTheLongerPathTakesNothingTheShorterOneIsAsked) {
  const auto table = MatchTable({{"long", "/a/b", Rules(Path::kSegments, {"POST"})},
                                 {"exact", "/a/b/c", Rules(Path::kExact, {"POST"})},
                                 {"prefix", "/a/b/", Rules(Path::kPrefix, {"POST"})},
                                 {"short", "/a", Rules(Path::kSegments)}});
  EXPECT_EQ(Served(table, {.path = "/a/b/c"}), "short");
  EXPECT_EQ(Served(table, {.path = "/a/b/c", .method = "POST"}), "exact");
}

TEST(Matching, Conditions) {
  using Variable = MatchCondition::Variable;
  const auto served = [](MatchCondition condition, const Asked& ask) {
    MatchRules rules = Rules(Path::kPrefix);
    rules.conditions.push_back(std::move(condition));
    return Served(MatchTable({{"yes", "/", rules}, {"no", "/", Rules(Path::kPrefix)}}), ask) ==
           "yes";
  };
  EXPECT_TRUE(served(In(Variable::kQuery, "v", {"1", "2"}), {.query = "v=2"}));
  EXPECT_FALSE(served(In(Variable::kQuery, "v", {"1"}), {.query = "v=2"}));
  EXPECT_FALSE(served(In(Variable::kQuery, "v", {""}), {.query = "x=2"}));
  EXPECT_TRUE(served(In(Variable::kQuery, "v", {"1"}, true), {.query = "x=2"}));
  EXPECT_TRUE(served(In(Variable::kCookie, "b", {"2"}), {.cookie = "a=1; b=2"}));
  EXPECT_FALSE(served(In(Variable::kCookie, "b", {"2"}), {.cookie = "ab=2"}));
  MatchCondition regex = In(Variable::kPath, "", {});
  regex.op = MatchCondition::Operator::kMatches;
  regex.regex = CompilePathRule("^/o", {}, false).regex;
  EXPECT_TRUE(served(regex, {.path = "/open"}));
  EXPECT_FALSE(served(regex, {.path = "/x/open"}));
  MatchCondition address = In(Variable::kClientAddress, "", {});
  address.op = MatchCondition::Operator::kAddressIn;
  address.ranges =
      std::make_shared<const std::vector<AddressRange>>(1, *ParseAddressRange("192.0.2.0/24"));
  EXPECT_TRUE(served(address, {}));
  address.negate = true;
  EXPECT_FALSE(served(address, {}));
}

TEST(Matching, StandInsComeBehindWhatIsWrittenForTheHost) {
  const auto table = MatchTable({{"host", "/h", Rules(Path::kExact), {"a.x.test"}},
                                 {"inside-wildcard", "/", Tier(1), {"a.x.test"}, true},
                                 {"wildcard", "/w", Rules(Path::kPrefix), {"*.x.test"}},
                                 {"inside-any", "/", Tier(2), {"*.x.test"}, true},
                                 {"any", "/", Rules(Path::kPrefix)}});
  EXPECT_EQ(Served(table, {.host = "a.x.test", .path = "/h"}), "host");
  EXPECT_EQ(Served(table, {.host = "a.x.test", .path = "/z"}), "inside-wildcard");
  EXPECT_EQ(Served(table, {.host = "a.x.test", .path = "/w"}), "wildcard") << "the longer path";
  EXPECT_EQ(Served(table, {.host = "b.x.test", .path = "/w"}), "wildcard");
  EXPECT_EQ(Served(table, {.host = "b.x.test", .path = "/z"}), "inside-any");
  EXPECT_EQ(Served(table, {.host = "x.test", .path = "/z"}), "any");
  EXPECT_TRUE(table->ClientTls("a.x.test", 0).request_certificate);
  EXPECT_TRUE(table->ClientTls("b.x.test", 0).request_certificate);
  EXPECT_FALSE(table->ClientTls("x.test", 0).request_certificate);
  EXPECT_EQ(table->ClientTls("b.x.test", 0).entry, "*.x.test");
}

TEST(Matching, StandInsTakeNothingFromOthers) {
  const auto table = MatchTable({{"stand-in", "/", Tier(2), {"*.x.test"}, true},
                                 {"payments", "/payments/"},
                                 {"any", "/", Rules(Path::kPrefix)}});
  EXPECT_EQ(Served(table, {.host = "b.x.test", .path = "/payments/1"}), "payments");
  EXPECT_EQ(Served(table, {.host = "b.x.test", .path = "/y"}), "stand-in");
}

TEST(Matching, APathThatIsAnothersOnceItIsDecodedIsRefused) {
  MatchRules elsewhere = Rules(Path::kPrefix);
  MatchCondition condition = In(MatchCondition::Variable::kPath, "", {"/secret/x"}, true);
  elsewhere.conditions.push_back(condition);
  const auto table = MatchTable({{"admin", "/admin/", Rules(Path::kPrefix)},
                                 {"exact", "/one", Rules(Path::kExact)},
                                 {"elsewhere", "/secret", elsewhere},
                                 {"all", "/", Rules(Path::kPrefix)}});
  EXPECT_EQ(Served(table, {.path = "/admin/x"}), "admin");
  for (const char* path :
       {"/admin%2Fx", "/admin%2F", "/admin;a/x", "/one;a", "/o%6Ee", "/secret%2Fx"})
    EXPECT_EQ(Served(table, {.path = path}), "") << path;
  for (const char* path : {"/files%2Fx", "/files;a=1/x", "/%E4", "/100%25"})
    EXPECT_EQ(Served(table, {.path = path}), "all") << path;
  EXPECT_EQ(Served(table, {.path = "/admin/a%2Fb"}), "admin");
  EXPECT_EQ(Served(table, {.path = "/secret/y"}), "elsewhere");
}

TEST(Matching, RoutesLeaveNothingBehind) {
  const MatchSpec specs[] = {{"e", "/a", Rules(Path::kExact), {"h.test"}},
                             {"t", "/", Tier(2), {"h.test"}, true}};
  auto table = MatchTable({specs[0], specs[1]});
  EXPECT_EQ(Served(table, {.path = "/a"}), "e");
  table = table->With({}, {"e", "t"});
  EXPECT_EQ(Served(table, {.path = "/a"}), "");
  EXPECT_FALSE(table->ClientTls("h.test", 0).request_certificate);
  table = table->With({MakeMatching({"e", "/b", Rules(Path::kPrefix), {"h.test"}})}, {});
  EXPECT_EQ(Served(table, {.path = "/bb"}), "e");
}

}  // namespace
}  // namespace sallyport::dataplane

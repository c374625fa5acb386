// Exempt paths, and version, path and method for callers of role `decision`.
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;
using testing::TestNow;

v1::AuthorizeRequest To(v1::AuthorizeRequest request, absl::string_view method,
                        absl::string_view path) {
  request.set_method(std::string(method));
  request.set_path(std::string(path));
  return request;
}
v1::Decision AskAsserted(const World& world, const v1::AuthorizeRequest& request,
                         absl::Time now = TestNow()) {
  return Ask(world, request, now, true);
}

TEST(Profile, IgnoredSkipsTokensAndLimits) {
  World world;
  v1::Api api = TokenApi();
  api.add_versions()->add_ignored()->set_path("^/health$");
  world.Put(api);
  v1::AuthorizeRequest request = Asked({});
  EXPECT_REFUSED(Ask(world, request), kTokenRequired);
  request.set_profile("ignored");
  EXPECT_ALLOWED(Ask(world, request));
  EXPECT_EQ(Ask(world, WithToken(request, "wrong")).grants().limits_size(), 0);
}

TEST(Profile, IgnoredNeverSkipsAnAllowlist) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=mallory").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.set_keyless(false);
  api.mutable_token()->set_enabled(true);
  api.add_versions()->add_ignored()->set_path("^/health$");
  world.Put(api);
  v1::AuthorizeRequest request = Asked({&alice});
  request.set_profile("ignored");
  EXPECT_ALLOWED(Ask(world, request));
  request = Asked({&mallory});
  request.set_profile("ignored");
  EXPECT_REFUSED(Ask(world, request), kCertNotAllowed);
  request = Asked({});
  request.set_profile("ignored");
  EXPECT_REFUSED(Ask(world, request), kCertRequired);
}

TEST(Profile, UnknownOneIsRefused) {
  World world;
  world.Put(TokenApi());
  v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  request.set_profile("Ignored");
  EXPECT_REFUSED(Ask(world, request), kBadRequest);
}

TEST(Asserted, TheRequestMustBeOneOfTheApis) {
  World world;
  v1::Api api = TokenApi();
  api.mutable_matching()->add_methods("GET");
  v1::MatchCondition* const condition = api.mutable_matching()->add_conditions();
  condition->set_variable("path");
  condition->set_operator_("matches");
  condition->add_values("^/open");
  world.Put(api);
  world.Put(TokenKey("secret"));
  const v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  EXPECT_ALLOWED(AskAsserted(world, To(request, "GET", "/open/x")));
  EXPECT_REFUSED(AskAsserted(world, To(request, "POST", "/open/x")), kNoRoute);
  EXPECT_REFUSED(AskAsserted(world, To(request, "GET", "/secret")), kNoRoute);
  EXPECT_REFUSED(AskAsserted(world, To(request, "GET", "/open/../secret")), kBadRequest);
  EXPECT_REFUSED(AskAsserted(world, To(request, "", "")), kBadRequest);
  EXPECT_ALLOWED(Ask(world, request));  // a data plane has looked
}

TEST(Asserted, IsMarked) {
  World world;
  world.Put(TokenApi());
  world.Put(TokenKey("secret"));
  const v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  EXPECT_TRUE(AskAsserted(world, request).asserted());
  EXPECT_FALSE(Ask(world, request).asserted());
}

TEST(Asserted, TheProfileIsNotTakenFromTheCaller) {
  World world;
  v1::Api api = TokenApi();
  world.Put(api);
  v1::AuthorizeRequest request = To(Asked({}), "GET", "/public/x");
  request.set_profile("ignored");
  EXPECT_REFUSED(AskAsserted(world, request), kTokenRequired);
  api.add_versions()->add_ignored()->set_path("^/public/");
  world.Put(api);
  request.clear_profile();
  EXPECT_ALLOWED(AskAsserted(world, request));
  request.set_path("/private");
  EXPECT_REFUSED(AskAsserted(world, request), kTokenRequired);
}

TEST(Asserted, PathRulesOfTheVersion) {
  World world;
  v1::Api api = NewApi();
  api.set_keyless(true);
  v1::ApiVersion* version = api.add_versions();
  v1::PathRule* allowed = version->add_allowed();
  allowed->set_path("^/a");
  allowed->add_methods("GET");
  version->add_blocked()->set_path("secret");
  version->add_ignored()->set_path("^/health");
  world.Put(api);
  const struct {
    const char* method;
    const char* path;
    Reason reason;
  } cases[] = {
      {"GET", "/a/b", Reason::kAllowed},
      {"POST", "/a/b", Reason::kEndpointForbidden},
      {"GET", "/b", Reason::kEndpointForbidden},
      {"GET", "/a/secret", Reason::kEndpointForbidden},
      {"GET", "/health", Reason::kAllowed},
      {"GET", "/health/secret", Reason::kEndpointForbidden},  // blocked beats exempt
      {"", "/a", Reason::kBadRequest},
      {"GET", "", Reason::kBadRequest},
      {"GET", "a", Reason::kBadRequest},
      {"GET", "/a/../b", Reason::kBadRequest},
      {"GET", "/a/%2e%2e/b", Reason::kBadRequest},
      {"GET", "/a%2Fb", Reason::kBadRequest},
      {"GET", "//a", Reason::kBadRequest},
      {"GET", "/a?x", Reason::kBadRequest},
      {"GET", "/a\\b", Reason::kBadRequest},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(base::ReasonName(ReasonOf(AskAsserted(world, To(Asked({}), c.method, c.path)))),
              base::ReasonName(c.reason))
        << c.method << " " << c.path;
  }
}

TEST(Asserted, ABrokenExpressionOpensNothing) {
  World world;
  v1::Api api = NewApi();
  api.set_keyless(true);
  api.add_versions()->add_allowed()->set_path("(");
  world.Put(api);
  EXPECT_REFUSED(AskAsserted(world, To(Asked({}), "GET", "/a")), kEndpointForbidden);
  api.mutable_versions(0)->clear_allowed();
  api.mutable_versions(0)->add_blocked()->set_path("(");
  world.Put(api);
  EXPECT_REFUSED(AskAsserted(world, To(Asked({}), "GET", "/a")), kEndpointForbidden);
}

TEST(Asserted, UrlsOfTheKey) {
  World world;
  world.Put(TokenApi());
  v1::Key key = TokenKey("secret");
  v1::PathRule* rule = key.mutable_access_rights(0)->add_allowed_urls();
  rule->set_path("^/orders");
  rule->add_methods("GET");
  world.Put(key);
  const v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  EXPECT_ALLOWED(AskAsserted(world, To(request, "GET", "/orders/1")));
  EXPECT_REFUSED(AskAsserted(world, To(request, "DELETE", "/orders/1")), kOperationNotGranted);
  EXPECT_REFUSED(AskAsserted(world, To(request, "get", "/orders/1")), kOperationNotGranted);
  EXPECT_REFUSED(AskAsserted(world, To(request, "GET", "/users")), kOperationNotGranted);
  EXPECT_REFUSED(AskAsserted(world, request), kBadRequest);
  // A data plane looks at them itself.
  const v1::Decision granted = Ask(world, request);
  EXPECT_ALLOWED(granted);
  EXPECT_EQ(granted.grants().urls(0).path_regex(), "^/orders");
}

TEST(Asserted, Versions) {
  World world;
  v1::Api api = TokenApi();
  api.mutable_versioning()->set_enabled(true);
  api.add_versions()->set_name("v1");
  api.add_versions()->set_name("v2");
  api.mutable_versions(1)->set_expires_unix(absl::ToUnixSeconds(TestNow()) + 10);
  world.Put(api);
  v1::Key key = TokenKey("secret");
  key.mutable_access_rights(0)->add_versions("v2");
  world.Put(key);
  v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionRequired);
  request.set_version("v1");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionNotGranted);
  request.set_version("v2");
  EXPECT_ALLOWED(AskAsserted(world, request));
  EXPECT_REFUSED(AskAsserted(world, request, TestNow() + absl::Seconds(10)), kVersionExpired);
  request.set_version("v3");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionUnknown);
  api.mutable_versioning()->set_default_version("v2");
  api.mutable_versioning()->set_fallback_to_default(true);
  world.Put(api);
  EXPECT_ALLOWED(AskAsserted(world, request));
  request.clear_version();
  EXPECT_ALLOWED(AskAsserted(world, request));
}

TEST(Asserted, AVersionThatIsAnApiOfItsOwnIsGrantedWithIt) {
  World world;
  v1::Api api = TokenApi();
  api.mutable_versioning()->set_enabled(true);
  api.add_versions()->set_name("v2");
  world.Put(api);
  v1::Key key = TokenKey("secret");
  key.mutable_access_rights(0)->add_versions("Default");
  world.Put(key);
  v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  request.set_version("v2");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionNotGranted);
  EXPECT_FALSE(Ask(world, request).grants().all_versions());
  api.mutable_versioning()->set_rights_of_api(true);
  world.Put(api);
  EXPECT_ALLOWED(AskAsserted(world, request));
  EXPECT_TRUE(Ask(world, request).grants().all_versions());
  request.set_version("v1");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionUnknown);
}

// The path of a question is without it.
TEST(Asserted, AVersionThatStandsInThePathIsSaid) {
  World world;
  v1::Api api = TokenApi();
  api.mutable_versioning()->set_enabled(true);
  api.mutable_versioning()->set_location("url");
  api.mutable_versioning()->set_rights_of_api(true);
  api.add_versions()->set_name("v2");
  v1::MatchCondition* const condition = api.mutable_matching()->add_conditions();
  condition->set_variable("path");
  condition->set_operator_("matches");
  condition->add_values("^/api/+(?:v2)(?:/|$)");
  world.Put(api);
  world.Put(TokenKey("secret"));
  v1::AuthorizeRequest request = WithToken(To(Asked({}), "GET", "/x"), "secret");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionRequired);
  request.set_version("v2");
  EXPECT_ALLOWED(AskAsserted(world, request));
  request.set_version("v1");
  EXPECT_REFUSED(AskAsserted(world, request), kVersionUnknown);
  // A fallback takes what no version is: which those are, only a data plane looks at.
  api.mutable_versioning()->set_default_version("v2");
  api.mutable_versioning()->set_fallback_to_default(true);
  world.Put(api);
  EXPECT_REFUSED(AskAsserted(world, request), kVersionUnknown);
  request.clear_version();
  EXPECT_ALLOWED(AskAsserted(world, request));
}

}  // namespace
}  // namespace sallyport::authsvc

// Tyk Classic definitions: targets, what they are shown and held to, how they are checked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"
#include "tests/unit/authsvc/dialects/tyk_classic_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using classic::Api;
using classic::With;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(TykClassic, UpstreamCertificatesAndPins) {
  const v1::Api api = Api(With(R"({
    "upstream_certificates": {"*": "orgd", "up.example:8443": "orge"}, "upstream_certificates_disabled": false,
    "pinned_public_keys": {"up.example": " orgp1 , orgp2"}, "certificate_pinning_disabled": true,
    "proxy": {"transport": {"ssl_insecure_skip_verify": true, "ssl_min_version": 769, "ssl_max_version": 772,
                            "ssl_ciphers": ["A"], "ssl_force_common_name_check": true}}})"));
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("*"), "orgd");
  EXPECT_FALSE(api.upstream().client_certificates().disabled());
  const v1::PinList& pins = api.upstream().pins().pins().at("up.example");
  ASSERT_EQ(pins.certificate_ids_size(), 2);
  EXPECT_EQ(pins.certificate_ids(0), "orgp1");
  EXPECT_EQ(pins.certificate_ids(1), "orgp2");
  EXPECT_TRUE(api.upstream().pins().disabled());
  EXPECT_TRUE(api.upstream().tls().insecure_skip_verify());
  EXPECT_EQ(api.upstream().tls().min_version(), "1.0");
  EXPECT_EQ(api.upstream().tls().max_version(), "1.3");  // Q16: never lowered
}

TEST(TykClassic, OldTlsIsLoudAndNeedsAMinimum) {
  const auto with = [](const std::string& transport) {
    return With(absl::StrCat(R"({"proxy": {"transport": )", transport, "}}"));
  };
  const Conversion old = with(R"({"ssl_min_version": 770, "ssl_max_version": 770})");
  EXPECT_EQ(Api(old).upstream().tls().max_version(), "1.1");
  EXPECT_THAT(Texts(old.warnings), HasSubstr("INSECURE: TLS 1.1"));
  for (const char* wrong : {R"({"ssl_max_version": 770})", R"({"ssl_max_version": 769})",
                            R"({"ssl_min_version": 770, "ssl_max_version": 769})"}) {
    EXPECT_THAT(Texts(with(wrong).errors), HasSubstr("is lower than the minimum")) << wrong;
  }
}

TEST(TykClassic, PinsOfPemAndIdsInOneText) {
  const std::string one = testing::CertBuilder("CN=one").SelfSign().Pem();
  const std::string two = testing::CertBuilder("CN=two").SelfSign().Pem();
  const auto pins = [](const std::string& text) {
    nlohmann::json definition = {{"pinned_public_keys", {{"*", text}}}};
    return With(definition.dump());
  };
  for (const std::string& text :
       {absl::StrCat(one, ",orgp1, ", two), absl::StrCat("orgp1,", one, ",", two),
        absl::StrReplaceAll(absl::StrCat(one, " , ", two, ",orgp1"), {{"\n", " "}})}) {
    const Conversion made = pins(text);
    EXPECT_EQ(Texts(made.errors), "") << text;
    EXPECT_EQ(Api(made).upstream().pins().pins().at("*").certificate_ids_size(), 3) << text;
    EXPECT_EQ(made.resources.size(), 3u);
    const std::string& kept = made.resources.back().resource.document();
    EXPECT_THAT(kept, Not(HasSubstr("BEGIN")));
    EXPECT_THAT(kept, HasSubstr("orgp1"));
    const Conversion again = pins(nlohmann::json::parse(kept)["pinned_public_keys"]["*"]);
    EXPECT_EQ(Api(again).upstream().pins().SerializeAsString(),
              Api(made).upstream().pins().SerializeAsString());
  }
  // Looked through once, whatever stands there.
  EXPECT_NE(Texts(pins(std::string(3'000'000, ',') + one).errors), "");
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "-----BEGIN X,";
  EXPECT_NE(Texts(pins(blocks).errors), "");
  // As `openssl x509 -text` prints it.
  const Conversion printed = pins(absl::StrCat("Issuer: O = a, CN = b\n", one));
  EXPECT_EQ(Api(printed).upstream().pins().pins().at("*").certificate_ids_size(), 1);
  EXPECT_NE(Texts(pins(absl::StrCat("not an id,", one)).errors), "");
  EXPECT_NE(Texts(pins(absl::StrCat(one, ",-----BEGIN CERTIFICATE-----")).errors), "");
}

TEST(TykClassic, NoPinBesideABlockIsLeftOut) {
  const auto said = [](const std::string& pins) {
    nlohmann::json patch;
    patch["pinned_public_keys"]["*"] = pins;
    return Texts(With(patch.dump()).errors);
  };
  const std::string one = sallyport::testing::CertBuilder("CN=one").SelfSign().Pem();
  const std::string two = sallyport::testing::CertBuilder("CN=two").SelfSign().Pem();
  EXPECT_THAT(said(one + "\n," + two + "\n,/etc/tyk/pin3.pem"), HasSubstr("a file path"));
  EXPECT_THAT(said(one + "\n,  pin3.pem ," + two), HasSubstr("a file path"));
  EXPECT_THAT(said(one + ",what is this"), HasSubstr("is not a certificate id"));
  EXPECT_THAT(said(one + "," + two), IsEmpty());
  EXPECT_THAT(said("subject=/C=US/O=a, Inc/CN=b,c\n" + one), IsEmpty()) << "as openssl prints it";
  EXPECT_THAT(said("subject=CN=a,O=b\n" + one + "subject=CN=c,O=d\n"), IsEmpty());
}

TEST(TykClassic, LoadBalancingCountsRepeatedTargets) {
  const v1::Api api = Api(With(R"({"proxy": {"enable_load_balancing": true,
      "target_list": ["http://a/", "http://b/", "http://a/"]}})"));
  ASSERT_EQ(api.upstream().targets_size(), 2);
  EXPECT_EQ(api.upstream().targets(0).weight(), 2u);
  EXPECT_EQ(api.upstream().targets(1).weight(), 1u);
}

// `tests`: the check_list; both targets, and the switch, are there.
Conversion WithUptimeTests(const std::string& tests) {
  return With(R"({"proxy": {"enable_load_balancing": true, "check_host_against_uptime_tests": true,
      "target_list": ["https://a:8443/base", "https://b/"]}, "uptime_tests": {"check_list": )" +
              tests + "}}");
}

TEST(TykClassic, UptimeTestsAreHealthChecks) {
  const Conversion conversion =
      WithUptimeTests(R"([{"url": "https://A:8443/up?x=1", "timeout": 1500000000, "method": "head"},
                          {"url": "https://b/up?x=1", "method": "HEAD", "headers": {}, "body": ""}])");
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  const v1::HealthCheck check = Api(conversion).upstream().health_check();
  EXPECT_TRUE(check.enabled());
  EXPECT_EQ(check.path(), "/up?x=1");
  EXPECT_EQ(check.method(), "HEAD");
  EXPECT_EQ(check.interval_ms(), 10'000u);
  EXPECT_EQ(check.timeout_ms(), 1'500u);
  EXPECT_EQ(check.unhealthy_after(), 3u);
  ASSERT_EQ(check.statuses_size(), 1);
  EXPECT_EQ(check.statuses(0), 200u);
  EXPECT_EQ(
      Api(WithUptimeTests(R"(["https://a:8443", "https://b"])")).upstream().health_check().path(),
      "/");
}

TEST(TykClassic, UptimeTestsWithoutAnEquivalentAreToldAndLeaveTheTargetsUnchecked) {
  const auto warns = [](const Conversion& conversion, const char* text) {
    EXPECT_THAT(Texts(conversion.errors), IsEmpty());
    EXPECT_THAT(Texts(conversion.warnings), HasSubstr(text));
    EXPECT_FALSE(Api(conversion).upstream().health_check().enabled());
  };
  warns(WithUptimeTests(R"([{"url": "a:8443", "protocol": "tcp"}])"), "only HTTP checks");
  warns(WithUptimeTests(R"([{"url": "https://b/", "commands": [{"name": "send"}]}])"), "commands");
  warns(WithUptimeTests(R"([{"url": "https://b/", "body": "x"}])"), "body");
  warns(WithUptimeTests(R"([{"url": "https://b/", "headers": {"A": "b"}}])"), "headers");
  warns(WithUptimeTests(R"([{"url": "https://b/", "method": "POST"}])"), "GET or HEAD");
  warns(WithUptimeTests(R"([{"url": "https://a:8443/x"}, {"url": "https://b/y"}])"),
        "the same path");
  warns(WithUptimeTests(R"([{"url": "https://elsewhere/"}])"), "none of proxy.target_list");
  warns(With(R"({"uptime_tests": {"check_list": ["http://x/"]}})"),
        "check_host_against_uptime_tests is off");
  warns(
      With(
          R"({"proxy": {"check_host_against_uptime_tests": true}, "uptime_tests": {"check_list": ["http://x/"]}})"),
      "without a second target");
}

TEST(TykClassic, AHeaderForUpstreamsThatIsMisspeltIsRefused) {
  const auto with = [](const std::string& more) {
    return With(absl::StrCat(R"({"upstream_auth": {"enabled": true, "basic_auth": {"enabled": true,
        "username": "u", )",
                             more, "}}}"));
  };
  const Conversion good =
      with(R"("password": "p", "header": {"enabled": true, "name": "X-Login"})");
  EXPECT_EQ(Api(good).upstream().credential().header(), "X-Login");
  EXPECT_THAT(Texts(good.warnings), Not(HasSubstr("password")));
  EXPECT_THAT(
      Texts(with(R"("password": "p", "header": {"enabled": true, "nmae": "X-Login"})").errors),
      HasSubstr("upstream_auth.basic_auth.header.nmae"));
}

TEST(TykClassic, AnUpstreamsPasswordThatIsLeftOutKeepsTheUserNameToo) {
  const Conversion conversion = With(
      R"({"upstream_auth": {"enabled": true, "basic_auth": {"enabled": true, "username": "u"}}})");
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("and the user name that came with it"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

// Tyk Classic definitions of protocol tls and tcp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/authsvc/dialects/convert_for_tests.h"
#include "tests/unit/authsvc/dialects/tyk_classic_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using classic::Api;
using classic::Base;
using classic::ConvertClassic;
using classic::With;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kStream[] =
    R"({"protocol": "tls", "listen_port": 5432, "proxy": {"listen_path": null,
        "strip_listen_path": null, "target_url": "TLS://Db.example:5433"}})";

// The base as an API of protocol tls, with a JSON merge patch.
Conversion Stream(const std::string& patch) {
  Json json = Base();
  json.merge_patch(Json::parse(kStream));
  json.merge_patch(Json::parse(patch));
  return ConvertClassic(json);
}

TEST(TykClassicStream, HasItsPortAndNothingOfHttp) {
  const Conversion conversion = Stream("{}");
  const v1::Api api = Api(conversion);
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  EXPECT_EQ(api.protocol(), "tls");
  EXPECT_EQ(api.listen_port(), 5432u);
  EXPECT_EQ(api.listen_path(), "/");
  EXPECT_TRUE(api.versions().empty());
  ASSERT_EQ(api.upstream().targets_size(), 1);
  EXPECT_EQ(api.upstream().targets(0).url(), "tls://db.example:5433");
  EXPECT_FALSE(api.proxy_protocol());
  EXPECT_EQ(Api(Stream(R"({"protocol": "tcp"})")).protocol(), "tcp");
}

TEST(TykClassicStream, AnnouncedClients) {
  const Conversion conversion = Stream(R"({"enable_proxy_protocol": true})");
  EXPECT_TRUE(Api(conversion).proxy_protocol());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("tcp_apis.proxy_protocol_from"));
}

TEST(TykClassicStream, UpstreamCertificatesGoByTheTargetsHost) {
  const auto warnings = [](const std::string& proxy) {
    return Texts(Stream(R"({"upstream_certificates": {"db.example": "id"}, "proxy": {)" + proxy +
                        R"("enable_load_balancing": true, "target_list": ["tls://a.example:1"]}})")
                     .warnings);
  };
  EXPECT_THAT(warnings(""), HasSubstr("by the host of each target"));
  EXPECT_THAT(warnings(R"("target_url": "tcp://a.example:1",)"),
              Not(HasSubstr("by the host of each target")));
}

class StreamRefused : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(StreamRefused, ByName) {
  const Conversion conversion = Stream(GetParam().first);
  EXPECT_FALSE(conversion.ok()) << GetParam().first;
  EXPECT_THAT(Texts(conversion.errors), HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    TykClassic, StreamRefused,
    ::testing::Values(
        std::pair(R"({"listen_port": 0})", "listen_port"),
        std::pair(R"({"listen_port": 70000})", "listen_port"),
        std::pair(R"({"use_keyless": false})", "no way to present a token"),
        std::pair(R"({"use_keyless": false, "use_standard_auth": true})",
                  "no way to present a token"),
        std::pair(R"({"protocol": "tcp", "domain": "db.example"})", "domain"),
        std::pair(R"({"proxy": {"target_url": "https://db.example:5433"}})", "tcp:// or tls://"),
        std::pair(R"({"proxy": {"target_url": "tls://db.example"}})", "its port"),
        std::pair(R"({"proxy": {"target_url": "tls://db.example:5433/x"}})", "its port"),
        std::pair(R"({"proxy": {"target_url": "tls://a:b@db.example:5433"}})", "user name"),
        std::pair(R"({"CORS": {"enable": true, "allowed_origins": ["https://a.example"]}})",
                  "CORS"),
        std::pair(R"({"version_data": {"not_versioned": true, "versions": {"Default": {
                    "name": "Default", "global_headers": {"X-A": "b"}}}}})",
                  "version_data"),
        std::pair(R"({"version_data": {"not_versioned": true, "versions": {"Default": {
                    "name": "Default", "use_extended_paths": false,
                    "paths": {"black_list": ["/admin"]}}}}})",
                  "version_data")));

TEST(TykClassicStream, ItsTargetsAreNotThoseOfHttp) {
  EXPECT_THAT(Texts(With(R"({"proxy": {"target_url": "tls://up.example:1"}})").errors),
              HasSubstr("http://"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

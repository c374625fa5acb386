#include "authsvc/dialects/apisix/differences.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Of(absl::string_view collection, const char* json) {
  return Differences(*FindCollection(collection), Json::parse(json));
}

TEST(ApisixDifferences, TwoCredentialsAreOfOneConsumer) {
  const auto both = Contains(HasSubstr("credentials of two consumers are refused"));
  for (const char* collection : {"routes", "services", "global_rules", "plugin_configs"})
    EXPECT_THAT(Of(collection, R"({"plugins": {"key-auth": {}, "jwt-auth": {}}})"), both);
  for (const char* json : {R"({"plugins": {"key-auth": {}}})", R"({"plugins": {"jwt-auth": {}}})",
                           R"({"plugins": {}})", R"({"plugins": ["key-auth", "jwt-auth"]})",
                           R"({"plugins": "jwt-auth"})", "{}"}) {
    EXPECT_THAT(Of("routes", json), Not(both)) << json;
  }
  EXPECT_THAT(Of("consumers", R"({"plugins": {"key-auth": {}, "jwt-auth": {}}})"), Not(both));
}

TEST(ApisixDifferences, WildcardsAndVerifiedUpstreams) {
  EXPECT_THAT(Of("routes", R"({"hosts": ["*.a.test"], "upstream": {"scheme": "https"}})"),
              ::testing::UnorderedElementsAre(HasSubstr("one label"),
                                              HasSubstr("upstream.tls.verify is left out")));
  EXPECT_THAT(Of("upstreams", R"({"scheme": "grpcs", "tls": {"verify": false}})"),
              ::testing::IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apisix

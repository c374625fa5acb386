#include "authsvc/admin/tyk_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TykConfigTest : public AdminTest {
 protected:
  absl::Status Take(const std::string& text, std::vector<std::string> environment = {}) {
    return TakeTykConfig(*writer_, clock_, "org", {"tyk.conf", text, std::move(environment)});
  }
  absl::StatusOr<std::vector<std::string>> Check(const std::string& text,
                                                 std::vector<std::string> environment = {}) {
    return CheckTykConfig(clock_.Now(), "org", {"tyk.conf", text, std::move(environment)});
  }
  const v1::GatewaySettings& settings() {
    held_ = writer_->snapshot();
    return held_->settings().settings;
  }
  SnapshotPtr held_;
};

TEST_F(TykConfigTest, ARefusedVariableStoresNothing) {
  const absl::Status status =
      Take(R"({"proxy_ssl_insecure_skip_verify": true})",
           {"TYK_GW_SECURITY_NEWSWITCH=hidden", "TYK_GW_PROXYSSLMINVERSION=hidden"});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("tyk.conf"), HasSubstr("TYK_GW_SECURITY_NEWSWITCH"),
                    HasSubstr("TYK_GW_PROXYSSLMINVERSION"), Not(HasSubstr("hidden"))));
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
}

TEST_F(TykConfigTest, WithoutAFileAVariableThatWouldNotHoldIsRefused) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(RefuseTykEnvironment({"TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:orgp"})));
  EXPECT_TRUE(absl::IsInvalidArgument(RefuseTykEnvironment({"TYK_GW_SECURITY_ANYTHING=1"})));
  EXPECT_TRUE(RefuseTykEnvironment({"TYK_GW_SECRET=x", "PATH=/bin"}).ok());
}

TEST_F(TykConfigTest, ACheckRefusesWhatAStartWouldAndStoresNothing) {
  struct Case {
    const char* text;
    std::vector<std::string> environment;
    const char* part;
  };
  const Case refused[] = {
      {"", {}, "holds no document"},
      {"{\"security\": ", {}, "tyk.conf"},
      {"[1]", {}, "tyk.conf"},
      {R"({"security": {"pinned_public_key": {}}})", {}, "pinned_public_key"},
      {R"({"security": {"certificates": {"upstream": {"https://up.test/x": "orgc1"}}}})",
       {},
       "up.test"},
      {R"({"proxy_ssl_min_version": 999})", {}, "proxy_ssl_min_version"},
      {R"({"security": {"control_api_use_mutual_tls": true}})", {}, "control_api"},
      {"{}", {"TYK_GW_SECURITY_NEWSWITCH=hidden"}, "TYK_GW_SECURITY_NEWSWITCH"},
  };
  for (const Case& one : refused) {
    const absl::Status checked = Check(one.text, one.environment).status();
    EXPECT_TRUE(absl::IsInvalidArgument(checked)) << one.text << checked;
    EXPECT_THAT(std::string(checked.message()),
                AllOf(HasSubstr("tyk.conf"), HasSubstr(one.part), Not(HasSubstr("hidden"))));
    const absl::Status taken = Take(one.text, one.environment);
    EXPECT_EQ(taken.code(), checked.code()) << one.text << taken;
  }
  const auto usable = Check(R"({"proxy_ssl_insecure_skip_verify": true, "secret": "hidden",
                                "security": {"pinned_public_keys": {"up.test": "orgp1"}}})");
  ASSERT_TRUE(usable.ok()) << usable.status();
  EXPECT_THAT(absl::StrJoin(*usable, "\n"), AllOf(HasSubstr("INSECURE"), Not(HasSubstr("hidden"))));
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
  EXPECT_TRUE(Check("{}").ok());
}

TEST_F(TykConfigTest, TheEnvironmentLiesOverTheFileAtEveryStart) {
  ASSERT_TRUE(Take(R"({"proxy_ssl_insecure_skip_verify": true})").ok());
  EXPECT_TRUE(settings().upstream_tls().insecure_skip_verify());
  ASSERT_TRUE(Take(R"({"proxy_ssl_insecure_skip_verify": true})",
                   {"TYK_GW_PROXYSSLINSECURESKIPVERIFY=false"})
                  .ok());
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
}

}  // namespace
}  // namespace sallyport::authsvc::admin

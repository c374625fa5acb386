// The forward proxy in answers: for plain targets too, the password for data planes alone.
#include "gmock/gmock.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;

class ForwardProxyTest : public UpstreamTest {
 protected:
  ForwardProxyTest() {
    v1::ForwardProxy* proxy = api_.mutable_upstream()->mutable_forward_proxy();
    proxy->set_url("http://Proxy.example:3128");
    proxy->set_username("ali");
    proxy->mutable_sealed_password()->set_ciphertext("sealed");
    scope_.open_password = [](const v1::Api& api) {
      return absl::StatusOr<base::Secret>(base::Secret(absl::StrCat("password of ", api.id())));
    };
    PutApi();
  }
  v1::ResolveUpstreamResponse Ask(bool tls = true) {
    v1::ResolveUpstreamRequest request = UpstreamOf("h");
    request.set_tls(tls);
    return ResolveUpstream(world_.snapshot(), request, testing::TestNow(), OpenForTest, scope_);
  }
  ResolveScope scope_;
};

TEST_F(ForwardProxyTest, IsInEveryAnswerOfItsApi) {
  for (const bool tls : {true, false}) {
    const v1::ResolveUpstreamResponse answer = Ask(tls);
    EXPECT_EQ(answer.reason(), 0u) << answer.detail();
    EXPECT_EQ(answer.proxy().host(), "proxy.example");
    EXPECT_EQ(answer.proxy().port(), 3128u);
    EXPECT_EQ(answer.proxy().username(), "ali");
    EXPECT_EQ(answer.proxy().password(), "password of api1");
    EXPECT_THAT(answer.tags(), ::testing::Contains("api:api1"));
  }
}

TEST_F(ForwardProxyTest, ThePasswordIsForDataPlanesAlone) {
  scope_.with_private_key = false;
  EXPECT_EQ(Ask().proxy().host(), "proxy.example");
  EXPECT_EQ(Ask().proxy().password(), "");
}

TEST_F(ForwardProxyTest, WhatCannotBeOpenedIsARefusalAndNeverADirectWay) {
  scope_.open_password = [](const v1::Api&) {
    return absl::StatusOr<base::Secret>(absl::DataLossError("changed"));
  };
  for (const bool tls : {true, false}) {
    EXPECT_UNAVAILABLE(Ask(tls));
    EXPECT_FALSE(Ask(tls).has_proxy());
    EXPECT_THAT(Ask(tls).detail(), HasSubstr("forward proxy"));
  }
  scope_.open_password = nullptr;
  EXPECT_UNAVAILABLE(Ask());
  api_.mutable_upstream()->mutable_forward_proxy()->set_url("socks5://p:1");
  PutApi();
  EXPECT_UNAVAILABLE(Ask());
}

TEST_F(ForwardProxyTest, AnotherProxyUserOrPasswordIsAnotherHash) {
  std::set<uint64_t> hashes = {Ask().settings_hash()};
  v1::ForwardProxy* proxy = api_.mutable_upstream()->mutable_forward_proxy();
  const auto differs = [&] {
    PutApi();
    return hashes.insert(Ask().settings_hash()).second;
  };
  proxy->mutable_sealed_password()->set_ciphertext("sealed anew");
  EXPECT_TRUE(differs());
  proxy->set_username("bob");
  EXPECT_TRUE(differs());
  proxy->set_url("http://proxy.example:3129");
  EXPECT_TRUE(differs());
  proxy->set_url("http://other.example:3129");
  EXPECT_TRUE(differs());
  api_.mutable_upstream()->clear_forward_proxy();
  EXPECT_TRUE(differs());
}

}  // namespace
}  // namespace sallyport::authsvc

// Which signed tokens may call WSO2 APK's deployer.
#include "authsvc/admin/deployer_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/decide/key_sets.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::authsvc::admin {
namespace {

using jwt::Algorithm;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OneKeySet : public KeySets {
 public:
  [[nodiscard]] FetchedKeysPtr Find(const v1::TokenIssuer&) const override { return keys; }
  [[nodiscard]] bool MayAskAgain(const v1::TokenIssuer&) const override { return may_ask; }
  FetchedKeysPtr keys;
  bool may_ask = false;
};

class DeployerTokenTest : public AdminTest {
 protected:
  DeployerTokenTest() : key_(jwt::signing::NewKey(Algorithm::kEs256)) {
    auto keys = std::make_shared<FetchedKeys>();
    keys->keys.keys.push_back(jwt::signing::PublicKey(key_.get(), "k1"));
    sets_.keys = std::move(keys);
    deployer_.token_issuer = "apk.idp";
    deployer_.audience = "deployer";
    deployer_.scope = "apk:api_create";
    deployer_.key_sets = &sets_;
    deployer_.fetch = [this](const std::string& id) { fetched_.push_back(id); };
    PutIssuer("https://idp.test", "org");
  }

  void PutIssuer(const std::string& issuer, const std::string& org,
                 const std::string& selected = "", const std::string& key = "") {
    Write write;
    v1::TokenIssuer* const body = write.mutations.emplace_back().resource.mutable_token_issuer();
    body->set_id("apk.idp");
    body->set_org_id(org);
    body->set_issuer(issuer);
    body->set_jwks_url("https://idp.test/keys");
    body->set_select_claim(selected.empty() ? "" : "tenant");
    body->set_select_value(selected);
    body->set_key_id(key);
    const auto written = writer_->Run(std::move(write));
    ASSERT_TRUE(written.ok()) << written.status();
  }
  // `more` takes the place of what a good one says.
  std::string Token(Json more = Json::object(), const char* kid = "k1") {
    Json claims = {{"iss", "https://idp.test"},
                   {"sub", "alice"},
                   {"aud", {"other", "deployer"}},
                   {"scope", "openid apk:api_create"},
                   {"exp", absl::ToUnixSeconds(clock_.Now()) + 60}};
    claims.merge_patch(more);
    return jwt::signing::MakeToken(Algorithm::kEs256, key_.get(), claims.dump(), kid);
  }
  absl::StatusOr<std::string> Check(const std::string& token) {
    return CheckDeployerToken(*writer_->snapshot(), deployer_, "org", {token, "", clock_.Now()});
  }
  absl::StatusCode CodeOf(const std::string& token) { return Check(token).status().code(); }

  testing::SharedKey key_;
  OneKeySet sets_;
  std::vector<std::string> fetched_;
  DeployerOptions deployer_;
};

constexpr auto kNo = absl::StatusCode::kUnauthenticated;

TEST_F(DeployerTokenTest, OfItsIssuerForItWithTheScope) {
  const auto who = Check(Token());
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(*who, "apk.idp/alice");
  EXPECT_THAT(fetched_, IsEmpty());
}

TEST_F(DeployerTokenTest, EachClaimCounts) {
  for (const char* const wrong :
       {R"({"iss": "https://other.test"})", R"({"iss": null})", R"({"aud": "shop"})",
        R"({"aud": null})", R"({"sub": null})", R"({"sub": ""})", R"({"exp": null})",
        R"({"exp": 1})", R"({"nbf": 9000000000})", R"({"cnf": {"x5t#S256": "AAAA"}})"})
    EXPECT_EQ(CodeOf(Token(Json::parse(wrong))), kNo) << wrong;
  for (const char* const wrong :
       {R"({"scope": null})", R"({"scope": "apk:api_creates"})", R"({"scope": "APK:api_create"})"})
    EXPECT_EQ(CodeOf(Token(Json::parse(wrong))), absl::StatusCode::kPermissionDenied) << wrong;
}

TEST_F(DeployerTokenTest, WhatSelectsItsIssuerCounts) {
  PutIssuer("https://idp.test", "org", "ours");
  EXPECT_EQ(CodeOf(Token()), kNo);
  EXPECT_EQ(CodeOf(Token({{"tenant", "theirs"}})), kNo);
  EXPECT_EQ(CodeOf(Token({{"tenant", {"ours"}}})), kNo);
  EXPECT_TRUE(Check(Token({{"tenant", "ours"}})).ok());
}

TEST_F(DeployerTokenTest, TokensThatStandForAKeyAreNoAdministrators) {
  PutIssuer("https://idp.test", "org", "", "reader");
  EXPECT_EQ(CodeOf(Token()), kNo);
}

TEST_F(DeployerTokenTest, NobodySignsByNothingOrByWhatIsPublic) {
  const std::string good = Token();
  EXPECT_EQ(CodeOf(good.substr(0, good.rfind('.') + 1)), kNo);
  EXPECT_EQ(CodeOf("eyJhbGciOiJub25lIn0" + good.substr(good.find('.'))), kNo);
  const auto stranger = jwt::signing::NewKey(Algorithm::kEs256);
  EXPECT_EQ(CodeOf(jwt::signing::MakeToken(Algorithm::kEs256, stranger.get(), "{}", "k1")), kNo);
  EXPECT_EQ(CodeOf("a.b.c"), kNo);
  EXPECT_EQ(CodeOf(""), kNo);
}

TEST_F(DeployerTokenTest, NothingIsTakenWithoutAllOfTheSettings) {
  const std::string good = Token();
  for (std::string DeployerOptions::* field :
       {&DeployerOptions::token_issuer, &DeployerOptions::audience, &DeployerOptions::scope}) {
    const DeployerOptions before = deployer_;
    deployer_.*field = "";
    EXPECT_EQ(CodeOf(good), kNo);
    deployer_ = before;
  }
  PutIssuer("", "org");
  EXPECT_EQ(CodeOf(good), kNo) << "an issuer without iss";
  deployer_.token_issuer = "apk.other";
  EXPECT_EQ(CodeOf(good), kNo);
  EXPECT_TRUE(
      CheckDeployerToken(*writer_->snapshot(), deployer_, "another", {good, "", clock_.Now()})
          .status()
          .code() == kNo);
}

TEST_F(DeployerTokenTest, KeysThatAreNotThereAreAskedFor) {
  EXPECT_EQ(CodeOf(Token(Json::object(), "k2")), kNo) << "asked for a moment ago";
  sets_.may_ask = true;
  EXPECT_EQ(CodeOf(Token(Json::object(), "k2")), absl::StatusCode::kUnavailable);
  sets_.keys = nullptr;
  EXPECT_EQ(CodeOf(Token()), absl::StatusCode::kUnavailable);
  EXPECT_THAT(fetched_, ElementsAre("apk.idp", "apk.idp"));
  deployer_.key_sets = nullptr;
  EXPECT_EQ(CodeOf(Token()), kNo);
}

}  // namespace
}  // namespace sallyport::authsvc::admin

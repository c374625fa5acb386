// "Stored" documents: what is written is taken again the same, and nothing else is.
#include "authsvc/dialects/stored.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/reader.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

v1::Resource OneApi() {
  v1::Resource resource;
  resource.set_id("a");
  resource.set_dialect("tyk-classic");
  resource.set_set("team");
  resource.set_document("{\"api_id\":\"a\",\"n\":1.50}");
  v1::Api* const api = resource.mutable_api();
  api->set_id("a");
  api->set_stale_if_error_seconds(7);
  api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  (*api->mutable_upstream()->mutable_pins()->mutable_pins())["*.x:443"].add_spki_sha256("ab");
  api->mutable_upstream()->mutable_credential()->set_header("Authorization");
  return resource;
}

Conversion Taken(const v1::Resource& resource, absl::string_view secrets) {
  const auto json = StoredJson(resource, "secrets", secrets);
  EXPECT_TRUE(json.ok());
  return ConvertText(ConvertStored, json.value_or(""));
}

TEST(Stored, IsTakenAsItWas) {
  const v1::Resource api = OneApi();
  const Conversion taken = Taken(api, "{\"upstream.credential\":\"aHVzaA==\"}");
  ASSERT_TRUE(taken.ok()) << Texts(taken.errors);
  ASSERT_EQ(taken.resources.size(), 1U);
  EXPECT_TRUE(MessageDifferencer::Equals(taken.resources[0].resource, api))
      << taken.resources[0].resource.DebugString();
  EXPECT_EQ(taken.resources[0].secret_data.at("upstream.credential").Reveal(), "hush");
}

TEST(Stored, SecretsOfEachKindFindTheirPlace) {
  v1::Resource key;
  key.set_id("k");
  key.set_dialect("native");
  key.mutable_key()->set_id("k");
  const std::string hashes(64, 'h');
  Conversion taken =
      Taken(key, absl::StrCat("{\"token_sha256\":\"", absl::Base64Escape(hashes), "\"}"));
  ASSERT_TRUE(taken.ok()) << Texts(taken.errors);
  EXPECT_EQ(taken.resources[0].resource.key().token_sha256_size(), 2);

  v1::Resource secret;
  secret.mutable_secret()->set_id("default/s");
  (*secret.mutable_secret()->mutable_sealed_data())["given"];
  (*secret.mutable_secret()->mutable_sealed_data())["left"];
  taken = Taken(secret, "{\"data/given\":\"aHVzaA==\"}");
  ASSERT_TRUE(taken.ok()) << Texts(taken.errors);
  EXPECT_EQ(taken.resources[0].secret_data.at("given").Reveal(), "hush");
  // Without its value it has a name alone, which means the one that is stored.
  EXPECT_EQ(taken.resources[0].resource.secret().sealed_data_size(), 1);

  v1::Resource issuer;
  issuer.mutable_token_issuer()->set_id("i");
  taken = Taken(issuer, "{\"shared_secrets/0\":\"aHVzaA==\",\"shared_secrets/1\":\"aHVzaGg=\"}");
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken.resources[0].shared_secrets.size(), 2U);
}

TEST(Stored, RefusesWhatHasNoPlace) {
  const v1::Resource api = OneApi();
  for (const char* const secrets :
       {"{\"private_key\":\"aHVzaA==\"}", "{\"token_sha256\":\"aHVzaA==\"}", "{\"data/x\":\"\"}",
        "{\"upstream.credential\":\"#\"}", "{\"upstream.credential\":1}", "[]", "\"x\""}) {
    EXPECT_FALSE(Taken(api, secrets).ok()) << secrets;
  }
  v1::Resource key;
  key.mutable_key()->set_id("k");
  EXPECT_FALSE(Taken(key, "{\"token_sha256\":\"aHVzaA==\"}").ok());  // no 32 bytes
}

TEST(Stored, IsRecognisedByNobody) {
  std::string why;
  const auto node = ReadJson(StoredJson(OneApi(), "secrets", "").value_or(""));
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(RecogniseDialect(*node, &why), nullptr);
  EXPECT_THAT(why, HasSubstr("--as stored"));
  EXPECT_NE(FindDialect(kStored), nullptr);
}

TEST(Stored, ObjectsAreOfTheirOwnOrganisationAndCanBeRead) {
  v1::Resource object;
  object.mutable_dialect_object()->set_id("apk/a/API/b");
  object.mutable_dialect_object()->set_org_id("one");
  object.mutable_dialect_object()->add_resources("Api theirs");
  for (const char* const bad : {"", "{", "[]", "1"}) {
    object.mutable_dialect_object()->set_json(bad);
    EXPECT_THAT(Texts(Taken(object, "").errors), HasSubstr("JSON object")) << bad;
  }
  object.mutable_dialect_object()->set_json("{}");
  v1::Resource theirs;
  theirs.mutable_api()->set_id("theirs");
  theirs.mutable_api()->set_org_id("two");
  v1::ApplyRequest request;
  request.set_as("stored");
  request.add_documents()->set_content(*StoredJson(object, "secrets", ""));
  ConvertOptions options;
  options.stored_api = [&](const std::string&) { return theirs; };
  const ApplyPlan plan = PlanApply(request, options);
  ASSERT_TRUE(plan.refused);
  EXPECT_THAT(plan.results.back().message(), HasSubstr("another organisation"));
  theirs.mutable_api()->set_org_id("one");
  EXPECT_FALSE(PlanApply(request, options).refused);
  theirs.mutable_api()->set_org_id("two");
  request.add_documents()->set_content(*StoredJson(theirs, "secrets", ""));
  theirs.mutable_api()->set_org_id("one");
  EXPECT_TRUE(PlanApply(request, options).refused) << "what comes counts";
}

TEST(Stored, RefusesOtherDocuments) {
  const auto errors = [](absl::string_view text) {
    return Texts(
        ConvertText(ConvertStored, absl::StrCat("{\"apiVersion\":\"sallyport/v1\",\"kind\":"
                                                "\"Stored\",",
                                                text, "}"))
            .errors);
  };
  EXPECT_THAT(errors("\"sealed\":{}, \"resource\":{\"api\":{\"id\":\"a\"}}"), ::testing::Eq(""));
  EXPECT_THAT(errors("\"sealed\":{\"x\":\"y\"},\"resource\":{\"api\":{\"id\":\"a\"}}"),
              HasSubstr("--open-with"));
  EXPECT_THAT(errors("\"dialect\":\"native\""), HasSubstr("one member"));
  EXPECT_THAT(errors("\"resource\":{\"api\":{\"id\":\"a\"},\"key\":{\"id\":\"a\"}}"),
              HasSubstr("one member"));
  EXPECT_THAT(errors("\"resource\":{\"apis\":{\"id\":\"a\"}}"), HasSubstr("unknown field"));
  EXPECT_THAT(errors("\"resource\":{\"revision\":\"7\"}"), HasSubstr("made by the system"));
  EXPECT_THAT(errors("\"resource\":{\"api\":{\"id\":\"a\",\"keyles\":true}}"),
              HasSubstr("did you mean"));
  EXPECT_THAT(errors("\"resource\":{\"api\":{\"id\":\"a\"}},\"secret\":{}"), HasSubstr("secret"));
  EXPECT_THAT(errors("\"resource\":[]"), HasSubstr("one member"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

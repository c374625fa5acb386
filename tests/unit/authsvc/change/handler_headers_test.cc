// Header values of webhooks that are credentials, on their way into the store and out of it.
#include "authsvc/change/handler_headers.h"

#include "authsvc/change/stored_secrets.h"
#include "authsvc/events/credential_headers.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CredentialHeaders, ByName) {
  for (const char* name : {"Authorization", "proxy-authorization", "Cookie", "X-API-Key", "x-token",
                           "X-Hub-Signature", "X-Vault-Secret"}) {
    EXPECT_TRUE(IsCredentialHeader(name)) << name;
  }
  for (const char* name : {"X-Team", "Content-Type", "Accept", ""})
    EXPECT_FALSE(IsCredentialHeader(name)) << name;
}

class HandlerHeadersTest : public WriterTest {
 protected:
  static v1::Resource Hooked(const std::string& value,
                             const std::string& url = "https://hook.test/a") {
    v1::Resource resource = ApiResource("a");
    v1::EventHandler* const handler = resource.mutable_api()->add_event_handlers();
    handler->set_event("AuthFailure");
    handler->set_url(url);
    (*handler->mutable_headers())["X-Team"] = "edge";
    (*handler->mutable_headers())["Authorization"] = value;
    return resource;
  }
  std::string RefusalOf(v1::Resource resource) {
    const auto result = Run(Of(Put(std::move(resource))));
    return result.ok() ? "" : std::string(result.status().message());
  }
  static void Add(const std::string& event, const std::string& value, v1::Resource* to) {
    v1::EventHandler* const handler = to->mutable_api()->add_event_handlers();
    *handler = to->api().event_handlers(0);
    handler->set_event(event);
    (*handler->mutable_headers())["Authorization"] = value;
  }
  // As a version before this one left it.
  void Store(v1::Resource resource) {
    resource.set_id("a");
    Transaction transaction;
    transaction.expected_state = writer_->snapshot()->state();
    StoreMutation mutation;
    mutation.kind = Kind::kApi;
    mutation.id = "a";
    mutation.body = resource.SerializeAsString();
    transaction.mutations.push_back(std::move(mutation));
    ASSERT_TRUE(store_->Commit(transaction).ok());
    writer_.reset();
    writer_ = StartWriter(store_.get());
  }
  std::string Sent(int handler = 0) {
    const v1::Api& api = writer_->snapshot()->FindApi("a")->api;
    const auto value =
        writer_->OpenHandlerHeader(api, api.event_handlers(handler), "Authorization");
    return value.ok() ? std::string(value->Reveal()) : std::string(value.status().message());
  }
};

TEST_F(HandlerHeadersTest, AreSealedAndNeverShown) {
  ASSERT_EQ(RefusalOf(Hooked("Bearer hush")), "");
  EXPECT_EQ(Sent(), "Bearer hush");
  EXPECT_EQ(store_->Read(Kind::kApi, "a")->body.find("hush"), std::string::npos);
  const auto read = writer_->ReadResource(Kind::kApi, "a");
  ASSERT_TRUE(read.ok());
  const v1::EventHandler& shown = read->api().event_handlers(0);
  EXPECT_EQ(shown.headers().at("X-Team"), "edge");
  EXPECT_EQ(shown.headers().at("Authorization"), "");
  EXPECT_TRUE(shown.sealed_headers().empty());
}

TEST_F(HandlerHeadersTest, StayForTheSameUrlAlone) {
  ASSERT_EQ(RefusalOf(Hooked("Bearer hush")), "");
  ASSERT_EQ(RefusalOf(Hooked("")), "") << "what get shows changes nothing";
  EXPECT_EQ(Sent(), "Bearer hush");
  for (const char* url : {"https://hook.test/b", "https://else.test/a", "http://hook.test/a"})
    EXPECT_THAT(RefusalOf(Hooked("", url)), HasSubstr("none is stored for that url")) << url;
  EXPECT_EQ(Sent(), "Bearer hush");
  ASSERT_EQ(RefusalOf(Hooked("Bearer new", "https://else.test/a")), "");
  EXPECT_EQ(Sent(), "Bearer new");
}

TEST_F(HandlerHeadersTest, TheSameValueAgainChangesNothing) {
  ASSERT_EQ(RefusalOf(Hooked("Bearer hush")), "");
  const std::string before = store_->Read(Kind::kApi, "a")->body;
  ASSERT_EQ(RefusalOf(Hooked("Bearer hush")), "");
  EXPECT_EQ(store_->Read(Kind::kApi, "a")->body, before);
}

TEST_F(HandlerHeadersTest, EachEventKeepsItsOwn) {
  v1::Resource two = Hooked("Bearer a");
  Add("QuotaExceeded", "Bearer b", &two);
  ASSERT_EQ(RefusalOf(two), "");
  const auto shown = writer_->ReadResource(Kind::kApi, "a");
  ASSERT_TRUE(shown.ok());
  v1::Resource again = *shown;
  again.clear_revision();
  ASSERT_EQ(RefusalOf(again), "");
  EXPECT_EQ(Sent(0), "Bearer a");
  EXPECT_EQ(Sent(1), "Bearer b");
  again.mutable_api()->mutable_event_handlers()->SwapElements(0, 1);
  ASSERT_EQ(RefusalOf(again), "");
  EXPECT_EQ(Sent(0), "Bearer b");
  again.mutable_api()->mutable_event_handlers(0)->set_event("RatelimitExceeded");
  EXPECT_THAT(RefusalOf(again), HasSubstr("several are stored"));
}

TEST_F(HandlerHeadersTest, TwoValuesForOneHeaderAreRefused) {
  v1::Resource two = Hooked("Bearer a");
  Add("AuthFailure", "Bearer b", &two);
  EXPECT_THAT(RefusalOf(two), HasSubstr("has two values"));
  EXPECT_THAT(RefusalOf(two), Not(HasSubstr("Bearer")));
  v1::Resource cases = Hooked("Bearer a");
  (*cases.mutable_api()->mutable_event_handlers(0)->mutable_headers())["authorization"] = "other";
  EXPECT_THAT(RefusalOf(cases), HasSubstr("has two values"));
  v1::Resource same = Hooked("Bearer a");
  Add("AuthFailure", "Bearer a", &same);
  EXPECT_EQ(RefusalOf(same), "");
  EXPECT_EQ(Sent(1), "Bearer a");
}

TEST_F(HandlerHeadersTest, AnExportThatNamesNoEventIsTakenWhereOneHandlerHasTheUrl) {
  const std::string old_name = "event_handlers/authorization https://hook.test/a";
  const auto refusal = [&](v1::Resource resource, const std::string& name) {
    Mutation put = Put(std::move(resource));
    put.secret_data[name] = base::Secret("Bearer old");
    const auto result = Run(Of(std::move(put)));
    EXPECT_EQ(result.status().message().find("Bearer old"), std::string::npos);
    return result.ok() ? "" : std::string(result.status().message());
  };
  ASSERT_EQ(refusal(Hooked(""), old_name), "");
  EXPECT_EQ(Sent(), "Bearer old");
  v1::Resource two = Hooked("");
  Add("QuotaExceeded", "", &two);
  EXPECT_THAT(refusal(two, old_name), HasSubstr("export again with this version"));
  v1::Resource other_has_its_own = Hooked("");
  Add("QuotaExceeded", "Bearer own", &other_has_its_own);
  ASSERT_EQ(refusal(other_has_its_own, old_name), "");
  EXPECT_EQ(Sent(0), "Bearer old");
  EXPECT_EQ(Sent(1), "Bearer own");
  for (const char* name :
       {"event_handlers/authorization https://hook.test/b", "event_handlers/authorization",
        "event_handlers/x-team https://hook.test/a", "event_handlers/https://hook.test/a",
        "event_handlers/authorization QuotaExceeded https://hook.test/a"}) {
    EXPECT_THAT(refusal(Hooked(""), name), HasSubstr("has no secret named")) << name;
  }
  EXPECT_THAT(refusal(Hooked("Bearer given"), old_name), HasSubstr("has no secret named"));
}

TEST_F(HandlerHeadersTest, StoredInClearTheyAreExportedAndShownInNoDocument) {
  v1::Resource old = Hooked("Bearer old");
  old.set_dialect("tyk-classic");
  old.set_document(R"({"event_handlers":{"events":{"AuthFailure":[{"handler_meta":{"header_map":)"
                   R"({"Authorization":"Bearer old","X-Team":"edge"}}}]}}})");
  Store(old);
  const auto shown = writer_->ReadResource(Kind::kApi, "a");
  ASSERT_TRUE(shown.ok());
  EXPECT_THAT(shown->DebugString(), Not(HasSubstr("Bearer old")));
  EXPECT_THAT(shown->document(), HasSubstr("edge"));
  v1::Resource taken = old;
  const std::string& store_id = writer_->snapshot()->store_id();
  const auto secrets = TakeStoredSecrets({sealer_.get(), store_id}, &taken);
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  const auto found = secrets->find("event_handlers/authorization AuthFailure https://hook.test/a");
  ASSERT_NE(found, secrets->end());
  EXPECT_EQ(found->second.Reveal(), "Bearer old");
  EXPECT_THAT(taken.DebugString(), Not(HasSubstr("Bearer old")));
  ASSERT_EQ(RefusalOf(Hooked("")), "");
  EXPECT_EQ(Sent(), "Bearer old");
}

TEST_F(HandlerHeadersTest, SeveralStoredForOnePlaceAreAmbiguous) {
  v1::Resource old = Hooked("Bearer a");
  Add("AuthFailure", "Bearer b", &old);
  Store(old);
  v1::Resource back = Hooked("");
  Add("AuthFailure", "", &back);
  EXPECT_THAT(RefusalOf(back), HasSubstr("several are stored"));
  const std::string& store_id = writer_->snapshot()->store_id();
  EXPECT_FALSE(TakeStoredSecrets({sealer_.get(), store_id}, &old).ok());
}

TEST_F(HandlerHeadersTest, NoPrivateKeyIsStoredForScripts) {
  constexpr char kKey[] = R"({"key_file":"-----BEGIN PRIVATE KEY-----\n"})";
  v1::Resource told = ApiResource("a");
  told.mutable_api()->set_script_config_json(kKey);
  EXPECT_THAT(RefusalOf(told), HasSubstr("holds a private key"));
  v1::Resource script = ApiResource("a");
  script.mutable_api()->add_versions()->add_endpoints()->mutable_virtual_endpoint()->set_source(
      kKey);
  EXPECT_THAT(RefusalOf(script), HasSubstr("holds a private key"));
}

TEST_F(HandlerHeadersTest, WhatIsNoValueIsRefused) {
  for (const std::string& value : {std::string("a\r\nX-Evil: 1"), std::string("a\nb"),
                                   std::string("a\0b", 3), std::string(9000, 'x')}) {
    const std::string said = RefusalOf(Hooked(value));
    EXPECT_THAT(said, HasSubstr("header Authorization"));
    EXPECT_THAT(said, Not(HasSubstr("X-Evil")));
  }
  v1::Resource sealed = Hooked("x");
  (*sealed.mutable_api()->mutable_event_handlers(0)->mutable_sealed_headers())["X-Key"];
  EXPECT_THAT(RefusalOf(std::move(sealed)), HasSubstr("made by the store"));
  v1::Resource odd = Hooked("x");
  (*odd.mutable_api()->mutable_event_handlers(0)->mutable_headers())["X Key"] = "x";
  EXPECT_THAT(RefusalOf(std::move(odd)), HasSubstr("not a valid name"));
}

}  // namespace
}  // namespace sallyport::authsvc

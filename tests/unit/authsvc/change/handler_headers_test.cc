// Header values of webhooks that are credentials, on their way into the store and out of it.
#include "authsvc/change/handler_headers.h"

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
  std::string Sent() {
    const v1::Api& api = writer_->snapshot()->FindApi("a")->api;
    const auto value = writer_->OpenHandlerHeader(api, api.event_handlers(0), "Authorization");
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

// Documents of before credentials of webhooks were sealed.
#include "authsvc/snapshot/kept_document.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc {
namespace {

std::string Hidden(std::string document) {
  HideCredentialHeaders(&document);
  return document;
}

TEST(KeptDocument, CredentialsOfWebhooksAreEmptiedInEveryDialect) {
  EXPECT_EQ(Hidden(R"({"event_handlers":{"events":{"AuthFailure":[{"handler_meta":)"
                   R"({"header_map":{"X-Team":"edge","x-api-key":"hush"}}}]}}})"),
            R"({"event_handlers":{"events":{"AuthFailure":[{"handler_meta":)"
            R"({"header_map":{"X-Team":"edge","x-api-key":""}}}]}}})");
  EXPECT_EQ(
      Hidden(R"({"x-tyk-api-gateway":{"server":{"eventHandlers":[{"headers":)"
             R"([{"name":"Authorization","value":"hush"},{"name":"X-Team","value":"a"}]}]}}})"),
      R"({"x-tyk-api-gateway":{"server":{"eventHandlers":[{"headers":)"
      R"([{"name":"Authorization","value":""},{"name":"X-Team","value":"a"}]}]}}})");
  EXPECT_EQ(Hidden(R"({"spec":{"eventHandlers":[{"url":"u","headers":{"Cookie":12345}}]}})"),
            R"({"spec":{"eventHandlers":[{"url":"u","headers":{"Cookie":""}}]}})");
}

TEST(KeptDocument, OthersStayByteForByte) {
  for (const char* document :
       {"", "null", "{ \"event_handlers\": ", R"({ "event_handlers": null })",
        R"({ "headers": {"Authorization": "of another place"} })",
        R"({ "eventHandlers": [{"headers": {"Authorization": ""}}, 1, "x"] })",
        R"({ "eventHandlers": [{"headers": [1, {"name": 2, "value": "x"}, {"name": "Cookie"}]}] })",
        R"({ "eventHandlers": [{"headers": {"Authorization": {"no": "value"}}}] })"}) {
    EXPECT_EQ(Hidden(document), document);
  }
}

}  // namespace
}  // namespace sallyport::authsvc

// proxy.transport.proxy_url of a Tyk definition, and forwardProxy of a native one.
#include "authsvc/dialects/tyk_proxy_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/native.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

Conversion ClassicWithUrl(const Json& url) {
  Json json = Json::parse(R"({"name": "o", "api_id": "a1", "org_id": "org", "active": true,
      "use_keyless": true, "proxy": {"listen_path": "/o/", "target_url": "https://up.example/",
      "transport": {}}, "version_data": {"not_versioned": true, "versions": {"Default": {}}}})");
  json["proxy"]["transport"]["proxy_url"] = url;
  return ConvertText(ConvertTykClassic, json.dump());
}
const v1::ForwardProxy& ProxyOf(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.back().resource.api().upstream().forward_proxy();
}
// What nobody who reads the document back may see.
void ExpectHidden(const Conversion& conversion, const std::string& password) {
  const v1::Resource& resource = conversion.resources.back().resource;
  EXPECT_THAT(resource.SerializeAsString(), Not(HasSubstr(password)));
  EXPECT_THAT(TykClassicJson(resource), Not(HasSubstr(password)));
}

TEST(TykProxyUrl, IsTakenApart) {
  const Conversion plain = ClassicWithUrl("http://Proxy.example:3128");
  EXPECT_EQ(ProxyOf(plain).url(), "http://Proxy.example:3128");
  EXPECT_EQ(ProxyOf(plain).username(), "");
  EXPECT_TRUE(plain.resources.back().proxy_password.empty());
  EXPECT_EQ(ProxyOf(ClassicWithUrl("HTTP://proxy/")).url(), "http://proxy:80")
      << "Go's default port";
  EXPECT_EQ(ProxyOf(ClassicWithUrl("http://[::1]")).url(), "http://[::1]:80");
  EXPECT_EQ(ProxyOf(ClassicWithUrl("http://[::1]:1/")).url(), "http://[::1]:1");
  EXPECT_EQ(ProxyOf(ClassicWithUrl("https://proxy:443")).url(), "https://proxy:443")
      << "refused when put";
  for (const Json& nothing : {Json(""), Json(nullptr)}) {
    const Conversion none = ClassicWithUrl(nothing);
    EXPECT_THAT(Texts(none.errors), IsEmpty());
    EXPECT_FALSE(none.resources.back().resource.api().upstream().has_forward_proxy());
  }
}

TEST(TykProxyUrl, ThePasswordIsKeptApart) {
  const Conversion conversion = ClassicWithUrl("http://a%40b:p%3a%20ss:w%2Frd@proxy:3128");
  EXPECT_EQ(ProxyOf(conversion).url(), "http://proxy:3128");
  EXPECT_EQ(ProxyOf(conversion).username(), "a@b");
  EXPECT_EQ(conversion.resources.back().proxy_password.Reveal(), "p: ss:w/rd");
  ExpectHidden(conversion, "ss:w");
  const Json shown = Json::parse(TykClassicJson(conversion.resources.back().resource));
  EXPECT_EQ(shown["proxy"]["transport"]["proxy_url"], "http://a%40b@proxy:3128");
  const Conversion again = ConvertText(ConvertTykClassic, shown.dump());
  EXPECT_EQ(ProxyOf(again).SerializeAsString(), ProxyOf(conversion).SerializeAsString());
  EXPECT_TRUE(again.resources.back().proxy_password.empty());
}

TEST(TykProxyUrl, ComplaintsDoNotRepeatIt) {
  for (const char* const url :
       {"proxy:3128", "a:hidden@proxy:3128", "socks5://a:hidden@proxy:1080", "env://hidden",
        "http://a:hidden%@proxy:1", "http://a:hidden%zz@proxy:1", "http://:hidden@proxy:1",
        "ftp://hidden/"}) {
    const Conversion conversion = ClassicWithUrl(url);
    EXPECT_THAT(Texts(conversion.errors), HasSubstr("proxy_url")) << url;
    EXPECT_THAT(Texts(conversion.errors), Not(HasSubstr("hidden")));
    EXPECT_THAT(Texts(conversion.warnings), Not(HasSubstr("hidden")));
  }
  EXPECT_FALSE(ClassicWithUrl(3128).ok());
  EXPECT_FALSE(ClassicWithUrl(Json::object({{"url", "x"}})).ok());
}

TEST(TykProxyUrl, ANativeApiIsShownInTyksWords) {
  v1::Resource resource;
  v1::ForwardProxy* proxy = resource.mutable_api()->mutable_upstream()->mutable_forward_proxy();
  proxy->set_url("http://proxy:3128");
  proxy->set_username("a@b");
  const Json shown = Json::parse(TykClassicJson(resource));
  EXPECT_EQ(shown["proxy"]["transport"]["proxy_url"], "http://a%40b@proxy:3128");
}

Conversion NativeWithProxy(absl::string_view proxy) {
  return ConvertText(ConvertNative,
                     absl::StrCat("apiVersion: sallyport/v1\nkind: Api\nmetadata: {name: a1}\n"
                                  "spec:\n  listenPath: /a/\n  keyless: true\n  upstream:\n"
                                  "    targets: [{url: 'https://up/'}]\n    ",
                                  proxy, "\n"));
}

TEST(NativeForwardProxy, ThePasswordIsNeitherInTheResourceNorInTheDocument) {
  for (const char* const name : {"forwardProxy", "forward_proxy"}) {
    const Conversion conversion = NativeWithProxy(
        absl::StrCat(name, ": {url: 'http://proxy:3128', username: ali, password: hidden}"));
    EXPECT_EQ(ProxyOf(conversion).url(), "http://proxy:3128");
    EXPECT_EQ(ProxyOf(conversion).username(), "ali");
    EXPECT_EQ(conversion.resources.back().proxy_password.Reveal(), "hidden");
    const v1::Resource& resource = conversion.resources.back().resource;
    EXPECT_THAT(resource.SerializeAsString(), Not(HasSubstr("hidden")));
    EXPECT_THAT(NativeJson(resource), Not(HasSubstr("hidden")));
    EXPECT_THAT(resource.document(), HasSubstr("ali"));
  }
  EXPECT_EQ(NativeWithProxy("forwardProxy: {url: 'http://p:1', username: a, password: 1234}")
                .resources.back()
                .proxy_password.Reveal(),
            "1234");
}

TEST(NativeForwardProxy, RefusesWhatItDoesNotKnow) {
  for (const char* const bad :
       {"forwardProxy: {url: 'http://p:1', passwort: hidden}",
        "forwardProxy: {url: 'http://p:1', password: [hidden]}", "forwardProxy: 'http://p:1'",
        "proxyUrl: 'http://p:1'", "tls: {proxyUrl: 'http://p:1'}"}) {
    EXPECT_FALSE(NativeWithProxy(bad).ok()) << bad;
  }
  v1::Resource resource;
  resource.mutable_api()
      ->mutable_upstream()
      ->mutable_forward_proxy()
      ->mutable_sealed_password()
      ->set_ciphertext("sealed");
  EXPECT_THAT(NativeJson(resource), Not(HasSubstr("sealed")));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

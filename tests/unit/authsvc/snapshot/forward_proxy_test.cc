#include "authsvc/snapshot/forward_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ParseProxyUrl, TakesAHostAndAPort) {
  const auto named = ParseProxyUrl("http://Proxy.Example:3128");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(ProxyAuthority(*named), "proxy.example:3128");
  const auto v6 = ParseProxyUrl("http://[2001:DB8::1]:80");
  ASSERT_TRUE(v6.ok()) << v6.status();
  EXPECT_EQ(v6->host.name, "2001:db8::1");
  EXPECT_EQ(ProxyAuthority(*v6), "[2001:db8::1]:80");
}

TEST(ParseProxyUrl, RefusesTheRestAndSaysNothingOfIt) {
  for (const char* const url : {"",
                                "hidden:3128",
                                "http://",
                                "http://hidden",
                                "http://hidden:0",
                                "http://hidden:70000",
                                "http://hidden:x",
                                "http://hidden:3128/",
                                "http://hidden:3128/path",
                                "http://hidden:3128?q",
                                "http://hidden:3128#f",
                                "http://hid den:3128",
                                "http://hidden\r\nX: y:3128",
                                "http://hidden:3128\r\n",
                                "socks5://hidden:1080",
                                "HTTP://hidden:3128",
                                "env://hidden",
                                "http://a:hidden@p:3128",
                                "http://hidden@p:3128",
                                "http://[::1:3128"}) {
    const auto parsed = ParseProxyUrl(url);
    ASSERT_FALSE(parsed.ok()) << url;
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("hidden")));
  }
  EXPECT_THAT(std::string(ParseProxyUrl("https://p:3129").status().message()),
              HasSubstr("use http://host:port"));
  EXPECT_THAT(std::string(ParseProxyUrl("http://u:p@p:1").status().message()),
              HasSubstr("fields of their own"));
}

}  // namespace
}  // namespace sallyport::authsvc

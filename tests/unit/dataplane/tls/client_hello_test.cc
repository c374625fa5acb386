#include "dataplane/tls/client_hello.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

std::string Extension(const std::string& name, char type = 0) {
  const size_t size = name.size();
  std::string out;
  const auto put16 = [&out](size_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value));
  };
  put16(size + 3);
  out.push_back(type);
  put16(size);
  return out + name;
}

TEST(ParseServerName, LowersAndCutsTheDot) {
  std::string sni;
  ASSERT_TRUE(ParseServerName(Extension("Api.Example.COM."), &sni));
  EXPECT_EQ(sni, "api.example.com");
}

TEST(ParseServerName, RefusesWhatIsNoName) {
  std::string sni;
  EXPECT_FALSE(ParseServerName("", &sni));
  EXPECT_FALSE(ParseServerName(Extension(""), &sni));
  EXPECT_FALSE(ParseServerName(Extension("."), &sni));
  EXPECT_FALSE(ParseServerName(Extension("a", 1), &sni)) << "another name type";
  EXPECT_FALSE(ParseServerName(Extension(std::string("a\0b", 3)), &sni));
  EXPECT_FALSE(ParseServerName(Extension("a\nb"), &sni));
  EXPECT_FALSE(ParseServerName(Extension("a b"), &sni));
  EXPECT_FALSE(ParseServerName(Extension("\xc3\xa4.com"), &sni));
  EXPECT_FALSE(ParseServerName(Extension(std::string(256, 'a')), &sni));
  EXPECT_FALSE(ParseServerName(Extension("abc") + "x", &sni)) << "bytes behind the list";
  EXPECT_FALSE(ParseServerName(Extension("abc").substr(0, 7), &sni)) << "cut";
  EXPECT_FALSE(ParseServerName(Extension("a") + Extension("b").substr(2), &sni)) << "two names";
}

}  // namespace
}  // namespace sallyport::dataplane

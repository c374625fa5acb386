#include "shared/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace sallyport::base {
namespace {

TEST(Utf8, WhatIsWholeAndShortest) {
  for (const char* const text :
       {"", "plain", "gr\xc3\xbc\xc3\x9f", "\x7f\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  EXPECT_TRUE(IsUtf8(std::string(3, '\0')));
}

TEST(Utf8, WhatIsNot) {
  for (const char* const text :
       {"\x80", "a\xff", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xc3(", "\xe2\x82",
        "\xf0\x9f\x98", "\xe2(\xa1", "\xc3\xbc\xbc"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace sallyport::base

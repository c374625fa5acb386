#include "authsvc/dialects/clipped.h"

#include <gtest/gtest.h>

#include <string>

namespace sallyport::authsvc::dialects {
namespace {

TEST(Clipped, KeepsWhatIsShort) {
  EXPECT_EQ(Clipped("", 3), "");
  EXPECT_EQ(Clipped("abc", 3), "abc");
}

TEST(Clipped, SaysHowMuchIsLeftOut) { EXPECT_EQ(Clipped("abcde", 3), "abc… (2 more bytes)"); }

TEST(Clipped, CutsNoCharacter) {
  EXPECT_EQ(Clipped("aäb", 2), "a… (3 more bytes)");
  EXPECT_EQ(Clipped("aäb", 3), "aä… (1 more bytes)");
  EXPECT_EQ(Clipped("😀😀", 7), "😀… (4 more bytes)");
  EXPECT_EQ(Clipped(std::string(9, '\x80'), 4), "… (9 more bytes)");
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

#include "dataplane/script/wire/text.h"

#include <gtest/gtest.h>

namespace sallyport::script {
namespace {

constexpr char kReplaced[] = "\xEF\xBF\xBD";

TEST(ScriptText, CharactersBeyondTheFirstPlaneArePairs) {
  const std::string utf8 = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z";
  const std::string engine = "a\xC3\xBC\xE2\x82\xAC\xED\xA0\xBD\xED\xB8\x80z";
  EXPECT_EQ(ToEngine(utf8), engine);
  EXPECT_EQ(FromEngine(engine), utf8);
}

TEST(ScriptText, WhatIsNoTextIsReplaced) {
  for (const char* const bad : {"\xFF", "\x80", "\xC0", "\xC3", "\xF8"}) {
    EXPECT_EQ(ToEngine(bad), kReplaced) << "a symbol of the engine must not come in";
    EXPECT_EQ(FromEngine(bad), kReplaced);
  }
  EXPECT_EQ(ToEngine("\xE2\x82"), std::string(kReplaced) + kReplaced);
  EXPECT_EQ(ToEngine("\xE0\x80\xAF").find('/'), std::string::npos) << "too long a form";
  EXPECT_EQ(ToEngine("\xF4\x90\x80\x80").substr(0, 3), kReplaced) << "beyond the last character";
  EXPECT_EQ(ToEngine("\xED\xA0\xBD"), kReplaced) << "half a pair";
}

TEST(ScriptText, HalfAPairIsReplacedOnItsWayOut) {
  EXPECT_EQ(FromEngine("\xED\xA0\xBDx"), std::string(kReplaced) + "x");
  EXPECT_EQ(FromEngine("\xED\xB8\x80"), kReplaced);
  EXPECT_EQ(FromEngine("\xED\xA0\xBD\xED\xA0\xBD\xED\xB8\x80"),
            std::string(kReplaced) + "\xF0\x9F\x98\x80");
}

}  // namespace
}  // namespace sallyport::script

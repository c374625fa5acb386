#include "authsvc/dialects/suggest.h"

#include <gtest/gtest.h>

namespace sallyport::authsvc::dialects {
namespace {

TEST(OneTypoAway, EveryKindOfTypo) {
  for (const char* name : {"use_keyles", "use_keylesss", "use_keyness", "ues_keyless",
                           "Use_Keyless", "use-keyless", "use_keyless", " use_keyless"}) {
    EXPECT_TRUE(OneTypoAway(name, "use_keyless")) << name;
  }
  for (const char* name : {"keyless", "use_key", "using_keyless", ""}) {
    EXPECT_FALSE(OneTypoAway(name, "use_keyless")) << name;
  }
}

TEST(OneTypoAway, ShortNamesMustBeEqual) { EXPECT_FALSE(OneTypoAway("pep", "per")); }

TEST(Nearest, TheClosestOrNone) {
  const absl::string_view known[] = {"listenPath", "listenPort", "hosts"};
  EXPECT_EQ(Nearest("listenpath", known), "listenPath");
  EXPECT_EQ(Nearest("host", known), "hosts");
  EXPECT_EQ(Nearest("upstream", known), "");
  EXPECT_EQ(DidYouMean("lisenPort", known), "; did you mean \"listenPort\"?");
}

}  // namespace
}  // namespace sallyport::authsvc::dialects

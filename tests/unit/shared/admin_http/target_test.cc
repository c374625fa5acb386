#include "shared/admin_http/target.h"

#include <gtest/gtest.h>

namespace sallyport::admin_http {
namespace {

TEST(ParseTarget, PathAndQuery) {
  Target target;
  ASSERT_TRUE(ParseTarget("/tyk/keys/a%20b/?org_id=x+y&flag&e=%26", &target));
  EXPECT_EQ(target.path, "/tyk/keys/a b");
  const NameValues query = {{"org_id", "x y"}, {"flag", ""}, {"e", "&"}};
  EXPECT_EQ(target.query, query);
}

TEST(ParseTarget, TrailingSlashesGo) {
  for (const char* text : {"/a", "/a/", "/a///"}) {
    Target target;
    ASSERT_TRUE(ParseTarget(text, &target));
    EXPECT_EQ(target.path, "/a");
  }
  Target root;
  ASSERT_TRUE(ParseTarget("//", &root));
  EXPECT_EQ(root.path, "/");
}

TEST(ParseTarget, Refused) {
  for (const char* text :
       {"", "*", "http://x/", "a", "/%", "/%4", "/%zz", "/%00", "/%0a", "/a#b", "/?x=%1f"}) {
    Target target;
    EXPECT_FALSE(ParseTarget(text, &target)) << text;
  }
}

}  // namespace
}  // namespace sallyport::admin_http

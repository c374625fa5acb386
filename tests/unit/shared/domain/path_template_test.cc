#include "shared/domain/path_template.h"

#include "gtest/gtest.h"

namespace sallyport::domain {
namespace {

PathTemplate Good(absl::string_view text) {
  auto parsed = PathTemplate::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *std::move(parsed);
}

TEST(PathTemplate, LiteralsAreComparedByteByByte) {
  const PathTemplate path = Good("/orders/open");
  EXPECT_TRUE(path.Matches("/orders/open"));
  for (const char* other : {"/orders/open/", "/orders", "/orders/Open", "/orders/open/x", "", "x",
                            "/", "//orders/open", "/orders//open", "/orders/ope%6e"}) {
    EXPECT_FALSE(path.Matches(other)) << other;
  }
  EXPECT_TRUE(Good("/").Matches("/"));
  EXPECT_FALSE(Good("/").Matches("/x"));
  EXPECT_TRUE(Good("/x/").Matches("/x/"));
  EXPECT_FALSE(Good("/x/").Matches("/x"));
}

TEST(PathTemplate, AParameterIsOneSegmentThatIsNotEmpty) {
  const PathTemplate path = Good("/orders/{id}/items");
  EXPECT_TRUE(path.Matches("/orders/7/items"));
  EXPECT_TRUE(path.Matches("/orders/a%2Fb/items"));
  for (const char* other : {"/orders//items", "/orders/7", "/orders/7/8/items", "/orders/7/items/"})
    EXPECT_FALSE(path.Matches(other)) << other;
}

TEST(PathTemplate, AStarAtTheEndTakesTheRest) {
  const PathTemplate path = Good("/files/*");
  for (const char* below : {"/files/", "/files/a", "/files/a/b/"})
    EXPECT_TRUE(path.Matches(below)) << below;
  EXPECT_FALSE(path.Matches("/files"));
  EXPECT_FALSE(path.Matches("/filesystem"));
  EXPECT_TRUE(Good("/*").Matches("/"));
}

TEST(PathTemplate, RefusesWhatCouldBeMeantOtherwise) {
  for (const char* wrong :
       {"",    "orders", "/a b",   "/a?b",     "/a#b",    "/{",    "/}",
        "/{}", "/a{id}", "/{id}b", "/{a}/{a}", "/{a{b}}", "/*/a",  "/a*",
        "/**", "/a//b",  "//",     "/./a",     "/../a",   "/a\\b", "/\xc3\xa9"}) {
    EXPECT_FALSE(PathTemplate::Parse(wrong).ok()) << wrong;
  }
  EXPECT_FALSE(PathTemplate::Parse("/" + std::string(kMostTemplateBytes, 'a')).ok());
}

TEST(PathTemplate, TheMoreSpecificComesFirst) {
  EXPECT_TRUE(Good("/a/b").ComesBefore(Good("/a/{x}")));
  EXPECT_TRUE(Good("/a/{x}").ComesBefore(Good("/a/*")));
  EXPECT_TRUE(Good("/a/{x}/c").ComesBefore(Good("/a/*")));
  EXPECT_TRUE(Good("/a/b/*").ComesBefore(Good("/a/{x}/{y}")));
  EXPECT_FALSE(Good("/a/{x}").ComesBefore(Good("/a/{y}")));
}

TEST(PathTemplate, ItsShapeLeavesNamesOut) {
  EXPECT_EQ(Good("/a/{x}/*").Shape(), Good("/a/{y}/*").Shape());
  EXPECT_NE(Good("/a/{x}").Shape(), Good("/a/x").Shape());
}

}  // namespace
}  // namespace sallyport::domain

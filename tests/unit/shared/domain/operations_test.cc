#include "shared/domain/operations.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OperationsTest : public ::testing::Test {
 protected:
  void Add(const char* path, std::vector<std::string> methods = {}) {
    auto parsed = PathTemplate::Parse(path);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    operations_.Add(*std::move(parsed), std::move(methods));
  }
  std::optional<size_t> Index(const char* method, const char* path) {
    return operations_.Find(method, path).index;
  }
  Operations operations_;
};

TEST_F(OperationsTest, TheMostSpecificPathCountsInAnyOrder) {
  Add("/*");                  // 0
  Add("/a/{x}", {"GET"});     // 1
  Add("/a/b", {"GET"});       // 2
  Add("/a/{x}", {"DELETE"});  // 3
  EXPECT_EQ(Index("GET", "/a/b"), 2u);
  EXPECT_EQ(Index("GET", "/a/c"), 1u);
  EXPECT_EQ(Index("DELETE", "/a/c"), 3u);
  EXPECT_EQ(Index("GET", "/b"), 0u);
}

TEST_F(OperationsTest, OneThatNamesTheMethodCountsBeforeOneForAll) {
  Add("/a/{x}");           // 0
  Add("/a/{y}", {"GET"});  // 1
  EXPECT_EQ(Index("GET", "/a/c"), 1u);
  EXPECT_EQ(Index("PUT", "/a/c"), 0u);
}

TEST_F(OperationsTest, AnotherPathLendsNoMethod) {
  Add("/a/{x}", {"DELETE"});
  Add("/a/b", {"GET"});
  const auto found = operations_.Find("DELETE", "/a/b");
  EXPECT_FALSE(found.index.has_value());
  EXPECT_THAT(found.allowed, ElementsAre("GET"));
}

TEST_F(OperationsTest, TellsAPathThatIsNotThereFromAMethodThatIsNot) {
  Add("/a", {"GET"});
  Add("/a", {"PUT", "PATCH"});
  EXPECT_THAT(operations_.Find("POST", "/a").allowed, ElementsAre("GET", "PUT", "PATCH"));
  EXPECT_THAT(operations_.Find("GET", "/b").allowed, IsEmpty());
  EXPECT_THAT(operations_.Find("get", "/a").allowed, ElementsAre("GET", "PUT", "PATCH"));
}

}  // namespace
}  // namespace sallyport::domain

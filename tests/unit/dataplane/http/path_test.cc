#include "dataplane/http/path.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

struct Case {
  const char* raw;
  const char* normal;
};

TEST(NormalizePath, Normalises) {
  const Case cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"*", "*"},
      {"/a//b///c", "/a/b/c"},
      {"//", "/"},
      {"/a/", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/b/.", "/a/b/"},
      {"/../../x", "/x"},
      {"/..", "/"},
      {"/%61%7e", "/a~"},
      {"/%2e%2e/x", "/x"},
      {"/a/%2E/b", "/a/b"},
      {"/a/.%2e/b", "/b"},
      {"/a%2fb", "/a%2Fb"},
      {"/a%5cb", "/a%5Cb"},
      {"/%c3%a4", "/%C3%A4"},
      {"/a%20b", "/a%20b"},
      {"/a%252e", "/a%252e"},
      {"/.a", "/.a"},
      {"/a/...", "/a/..."},
      {"/a;v=1/b", "/a;v=1/b"},
      {"/%21%24%27%28%29%2a%2C%3a%40", "/!$'()*,:@"},
      {"/%3b%3D%26%2b", "/%3B%3D%26%2B"},
      {"/a!*", "/a!*"},
      {"/a//../b", "/b"},
      {"/a.b/c.", "/a.b/c."},
  };
  for (const Case& c : cases) {
    std::string out;
    EXPECT_TRUE(NormalizePath(c.raw, &out)) << c.raw;
    EXPECT_EQ(out, c.normal) << c.raw;
  }
}

TEST(NormalizePath, Refuses) {
  const char* const cases[] = {
      "",          "a",          "/%",          "/%1",       "/%zz",
      "/a%00b",    "/a\\b",      "/..%2fadmin", "/a/..%5cb", "/a%2f..%2fb",
      "/a%2f..",   "/..;/admin", "/.;x/a",      "/a/..;v=1", "/%2e%2e%2fadmin",
      "/a%5C.%5Cb"};
  for (const char* raw : cases) {
    std::string out;
    EXPECT_FALSE(NormalizePath(raw, &out)) << raw;
  }
}

TEST(NormalizePath, IsStable) {
  const char* const cases[] = {"/a/../%2e/b//%7E", "/x%2fy/./z", "/%41%42/..;"};
  for (const char* raw : cases) {
    std::string once;
    std::string twice;
    if (!NormalizePath(raw, &once)) continue;
    ASSERT_TRUE(NormalizePath(once, &twice)) << once;
    EXPECT_EQ(once, twice);
  }
}

}  // namespace
}  // namespace sallyport::dataplane

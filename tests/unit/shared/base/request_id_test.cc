#include "shared/base/request_id.h"

#include <gtest/gtest.h>

namespace sallyport::base {
namespace {

TEST(IsRequestId, TakesPlainIdsOnly) {
  EXPECT_TRUE(IsRequestId("0af7651916cd43dd8448eb211c80319c"));
  EXPECT_TRUE(IsRequestId("A.b_c-9"));
  EXPECT_TRUE(IsRequestId(std::string(64, 'a')));
  EXPECT_FALSE(IsRequestId(""));
  EXPECT_FALSE(IsRequestId(std::string(65, 'a')));
  for (const char* hostile : {"a b", "a\r\nX: y", "a\x1b[2J", "a/b", "../x", "\xc3\xa9", "a\"b"}) {
    EXPECT_FALSE(IsRequestId(hostile)) << hostile;
  }
  EXPECT_FALSE(IsRequestId(absl::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace sallyport::base

#include "dataplane/exchange/log_budget.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

TEST(LogBudget, OneLineASecondForEachKind) {
  LogBudget budget(1);
  uint64_t left_out = 99;
  EXPECT_TRUE(budget.Take("plain_http", absl::Seconds(10), &left_out));
  EXPECT_EQ(left_out, 0u);
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(budget.Take("plain_http", absl::Seconds(10) + absl::Milliseconds(i), &left_out));
  EXPECT_TRUE(budget.Take("protocol_version", absl::Seconds(10), &left_out)) << "a kind of its own";
  EXPECT_EQ(left_out, 0u);
  EXPECT_TRUE(budget.Take("plain_http", absl::Seconds(11), &left_out));
  EXPECT_EQ(left_out, 5u);
  EXPECT_TRUE(budget.Take("plain_http", absl::Seconds(12), &left_out));
  EXPECT_EQ(left_out, 0u);
}

TEST(LogBudget, SeveralLinesASecond) {
  LogBudget budget(3);
  uint64_t left_out = 0;
  int lines = 0;
  for (int i = 0; i < 10; ++i)
    lines += budget.Take("api", absl::Milliseconds(100 * i), &left_out) ? 1 : 0;
  EXPECT_EQ(lines, 3);
  EXPECT_TRUE(budget.Take("api", absl::Seconds(1), &left_out));
  EXPECT_EQ(left_out, 7u);
}

TEST(LogBudget, KindsThatCameAndWentAreForgotten) {
  LogBudget budget(1);
  uint64_t left_out = 0;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(budget.Take(absl::StrCat("api", i), absl::Seconds(1), &left_out));
  EXPECT_TRUE(budget.Take("another", absl::Milliseconds(1500), &left_out));
  EXPECT_FALSE(budget.Take("api1", absl::Milliseconds(1500), &left_out))
      << "its second is not over";
  EXPECT_TRUE(budget.Take("new", absl::Seconds(3), &left_out));
  EXPECT_TRUE(budget.Take("api1", absl::Seconds(3), &left_out));
  EXPECT_EQ(left_out, 0u);
}

}  // namespace
}  // namespace sallyport::dataplane

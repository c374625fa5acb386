#include "dataplane/exchange/handshake_failure.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(HandshakeLogBudget, OneLineASecondForEachKind) {
  HandshakeLogBudget budget;
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

}  // namespace
}  // namespace sallyport::dataplane

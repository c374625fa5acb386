#include "dataplane/script/body_budget.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(BodyBudget, IsSharedAndGivenBack) {
  BodyBudget budget(10);
  BodyBudget::Share one;
  EXPECT_TRUE(one.Take(budget, 4));
  EXPECT_TRUE(one.Take(budget, 4));
  {
    BodyBudget::Share other;
    EXPECT_FALSE(other.Take(budget, 3));
    EXPECT_EQ(budget.taken(), 8u) << "what was refused is not counted";
    EXPECT_TRUE(other.Take(budget, 2));
    EXPECT_EQ(budget.taken(), 10u);
  }
  EXPECT_EQ(budget.taken(), 8u);
  one.Return();
  one.Return();
  EXPECT_EQ(budget.taken(), 0u);
  EXPECT_TRUE(one.Take(budget, 10));
}

}  // namespace
}  // namespace sallyport::dataplane

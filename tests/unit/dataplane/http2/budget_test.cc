#include "dataplane/http2/budget.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sallyport::dataplane {
namespace {

constexpr int64_t kStart = 1'000'000;

int SpendAll(NuisanceBudget& budget, Nuisance kind, int64_t now) {
  int spent = 0;
  while (spent < 1'000'000 && budget.Spend(kind, now)) ++spent;
  return spent;
}

TEST(NuisanceBudget, EveryKindHasAnEndAndComesBackWithTime) {
  for (size_t i = 0; i < static_cast<size_t>(Nuisance::kCount); ++i) {
    const auto kind = static_cast<Nuisance>(i);
    NuisanceBudget budget(128);
    const int first = SpendAll(budget, kind, kStart);
    EXPECT_GE(first, 20) << NuisanceName(kind);
    EXPECT_LE(first, 2500) << NuisanceName(kind);
    EXPECT_FALSE(budget.Spend(kind, kStart + 1)) << NuisanceName(kind);
    EXPECT_TRUE(budget.Spend(kind, kStart + 2000)) << NuisanceName(kind);
    EXPECT_LE(SpendAll(budget, kind, kStart + 3'600'000), first) << "never more than at first";
  }
}

TEST(NuisanceBudget, KindsDoNotPayForEachOther) {
  NuisanceBudget budget(1);
  SpendAll(budget, Nuisance::kPing, kStart);
  EXPECT_TRUE(budget.Spend(Nuisance::kReset, kStart));
}

TEST(NuisanceBudget, WhoIsSentDataMayAnswerIt) {
  NuisanceBudget budget(128);
  SpendAll(budget, Nuisance::kWindowUpdate, kStart);
  EXPECT_FALSE(budget.Spend(Nuisance::kWindowUpdate, kStart));
  budget.SentData();
  EXPECT_TRUE(budget.Spend(Nuisance::kWindowUpdate, kStart));
  EXPECT_TRUE(budget.Spend(Nuisance::kWindowUpdate, kStart))
      << "of the stream and of the connection";
}

TEST(NuisanceBudget, NamesDiffer) {
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(Nuisance::kCount); ++i) {
    names.insert(std::string(NuisanceName(static_cast<Nuisance>(i))));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Nuisance::kCount));
}

}  // namespace
}  // namespace sallyport::dataplane

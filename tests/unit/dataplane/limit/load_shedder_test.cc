#include "dataplane/limit/load_shedder.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

// Turns of `delay` milliseconds, one after the other, with `each` requests in each.
class LoadShedderTest : public ::testing::Test {
 protected:
  int Refused(int turns, int64_t delay, int each = 10) {
    int refused = 0;
    for (int i = 0; i < turns; ++i) {
      now_ += delay;
      ++turn_;
      for (int n = 0; n < each; ++n) refused += shedder_.Admit(turn_, delay, now_) ? 0 : 1;
    }
    return refused;
  }

  LoadShedder shedder_{absl::Milliseconds(50)};  // an interval is 200 ms
  int64_t now_ = 1'000'000;
  uint64_t turn_ = 0;
};

TEST_F(LoadShedderTest, RefusesNothingAtTheTarget) { EXPECT_EQ(Refused(1'000, 50), 0); }

TEST_F(LoadShedderTest, ZeroNeverRefuses) {
  LoadShedder off(absl::ZeroDuration());
  for (uint64_t turn = 0; turn < 1'000; ++turn) {
    EXPECT_TRUE(off.Admit(turn, 60'000, static_cast<int64_t>(turn) * 60'000));
  }
}

TEST_F(LoadShedderTest, ABurstIsNoQueue) {
  // Each interval has a turn that was short.
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Refused(2, 90), 0);
    EXPECT_EQ(Refused(1, 1), 0);
  }
}

TEST_F(LoadShedderTest, AMachineThatStoodStillIsNoQueue) {
  EXPECT_EQ(Refused(1, 60'000), 0);
  EXPECT_EQ(Refused(100, 5), 0);
}

TEST_F(LoadShedderTest, AQueueThatStandsIsShedInGrowingShares) {
  EXPECT_EQ(Refused(2, 60), 0);
  double before = 0;
  for (int i = 0; i < 5; ++i) {
    Refused(4, 60);
    EXPECT_GT(shedder_.refused_share(), before);
    before = shedder_.refused_share();
  }
  const int refused = Refused(4, 60, 1'000);
  EXPECT_GT(refused, 2'000);
  EXPECT_LT(refused, 4'000);
}

TEST_F(LoadShedderTest, SomebodyAlwaysGetsThrough) {
  Refused(1'000, 500);
  EXPECT_DOUBLE_EQ(shedder_.refused_share(), LoadShedder::kMostRefused);
  EXPECT_LT(Refused(1, 500, 100), 100);
}

TEST_F(LoadShedderTest, RefusalsComeEvenly) {
  Refused(1'000, 500);
  int in_a_row = 0;
  for (int i = 0; i < 200; ++i) {
    in_a_row = shedder_.Admit(turn_, 500, now_) ? 0 : in_a_row + 1;
    EXPECT_LE(in_a_row, 20);
  }
}

TEST_F(LoadShedderTest, EndsSoonAfterTheQueueDid) {
  Refused(1'000, 500);
  Refused(200, 10);  // two seconds
  EXPECT_EQ(shedder_.refused_share(), 0);
  EXPECT_EQ(Refused(100, 10), 0);
}

TEST_F(LoadShedderTest, IsOverAfterAPause) {
  Refused(1'000, 500);
  now_ += 60'000;
  EXPECT_EQ(Refused(1, 1), 0);
  EXPECT_EQ(shedder_.refused_share(), 0);
}

TEST_F(LoadShedderTest, IsOverWhenNothingComesAnyMore) {
  Refused(1'000, 500);
  for (int second = 0; second < 60; ++second) shedder_.Rest(0, now_ += 1'000);
  EXPECT_EQ(shedder_.refused_share(), 0);
}

TEST_F(LoadShedderTest, WhileTheQueueStandsTimeAloneEndsNothing) {
  Refused(1'000, 500);
  const double before = shedder_.refused_share();
  for (int second = 1; second < 60; ++second) shedder_.Rest(second * 1'000, now_ + second * 1'000);
  EXPECT_DOUBLE_EQ(shedder_.refused_share(), before);
}

}  // namespace
}  // namespace sallyport::dataplane

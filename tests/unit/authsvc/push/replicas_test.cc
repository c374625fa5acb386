#include "authsvc/push/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ReplicaFacts Named(const std::string& name, const std::string& group = "edge") {
  ReplicaFacts facts;
  facts.name = name;
  facts.group = group;
  return facts;
}

std::vector<std::string> Names(const std::vector<ReplicaFacts>& replicas) {
  std::vector<std::string> names;
  for (const ReplicaFacts& replica : replicas)
    names.push_back(absl::StrCat(replica.group, "/", replica.name));
  return names;
}

class ReplicasTest : public ::testing::Test {
 protected:
  base::ManualClock clock_;
  Replicas replicas_{&clock_};
};

TEST_F(ReplicasTest, OneThatLeftIsGoneSinceThen) {
  const uint64_t a = replicas_.Join(Named("a"));
  (void)replicas_.Join(Named("b"));
  EXPECT_THAT(replicas_.Gone(), IsEmpty());
  clock_.Advance(absl::Minutes(5));
  replicas_.Leave(a);
  EXPECT_THAT(Names(replicas_.List()), ElementsAre("edge/b"));
  ASSERT_THAT(Names(replicas_.Gone()), ElementsAre("edge/a"));
  EXPECT_EQ(replicas_.Gone()[0].gone, clock_.Now());
  EXPECT_EQ(replicas_.Connected(), 1u);
  EXPECT_TRUE(replicas_.WaitAcknowledged(0, 0, absl::ZeroDuration()))
      << "nobody waits for what is gone";
  replicas_.Leave(a);
  EXPECT_EQ(replicas_.Gone().size(), 1u);
}

TEST_F(ReplicasTest, OneOfTheSameNameAndGroupTakesItsPlace) {
  replicas_.Leave(replicas_.Join(Named("a")));
  (void)replicas_.Join(Named("a", "other"));
  EXPECT_THAT(Names(replicas_.Gone()), ElementsAre("edge/a"));
  (void)replicas_.Join(Named("a"));
  EXPECT_THAT(replicas_.Gone(), IsEmpty());
}

TEST_F(ReplicasTest, AnOldStreamThatEndsAfterTheNewOneBeganIsNotGone) {
  const uint64_t old = replicas_.Join(Named("a"));
  (void)replicas_.Join(Named("a"));
  replicas_.Leave(old);
  EXPECT_THAT(replicas_.Gone(), IsEmpty());
  EXPECT_EQ(replicas_.Connected(), 1u);
}

TEST_F(ReplicasTest, TheGoneAreForgottenAfterAnHour) {
  replicas_.Leave(replicas_.Join(Named("a")));
  clock_.Advance(absl::Minutes(30));
  replicas_.Leave(replicas_.Join(Named("b")));
  clock_.Advance(absl::Minutes(30) + absl::Seconds(1));
  EXPECT_THAT(Names(replicas_.Gone()), ElementsAre("edge/b"));
}

TEST_F(ReplicasTest, TheGoneAreBounded) {
  for (int i = 0; i < 1100; ++i) replicas_.Leave(replicas_.Join(Named(absl::StrCat(i))));
  const auto gone = replicas_.Gone();
  ASSERT_EQ(gone.size(), 1000u);
  EXPECT_EQ(gone.front().name, "100") << "the oldest go first";
}

ReplicaFacts At(const std::string& name, uint64_t epoch, uint64_t revision) {
  ReplicaFacts facts = Named(name, "g");
  facts.epoch = epoch;
  facts.revision = revision;
  return facts;
}

TEST(Replicas, TheEndWakesWhoWaits) {
  Replicas replicas(&base::SystemClock());
  (void)replicas.Join(At("a", 1, 0));
  std::thread end([&replicas] { replicas.EndWaits(); });
  EXPECT_FALSE(replicas.WaitAcknowledged(1, 5, absl::Minutes(5)));
  end.join();
  EXPECT_FALSE(replicas.WaitAcknowledged(1, 5, absl::Minutes(5)));
}

TEST(Replicas, WaitsUntilAllHaveAppliedOrGivesUp) {
  Replicas replicas(&base::SystemClock());
  EXPECT_TRUE(replicas.WaitAcknowledged(1, 5, absl::ZeroDuration()));
  const uint64_t a = replicas.Join(At("a", 1, 0));
  (void)replicas.Join(At("b", 1, 0));
  EXPECT_FALSE(replicas.WaitAcknowledged(1, 5, absl::Milliseconds(1)));
  replicas.Acknowledge("g", "a", 1, 5);
  replicas.Acknowledge("other", "b", 1, 5);  // another group's replica of that name
  EXPECT_FALSE(replicas.WaitAcknowledged(1, 5, absl::Milliseconds(1)));
  std::thread late([&replicas] { replicas.Acknowledge("g", "b", 1, 6); });
  EXPECT_TRUE(replicas.WaitAcknowledged(1, 5, absl::Seconds(20)));
  late.join();
  EXPECT_EQ(replicas.Connected(), 2U);
  replicas.Leave(a);
  EXPECT_EQ(replicas.List().size(), 1U);
}

TEST(Replicas, AnOvertakenAcknowledgementTakesNothingBack) {
  Replicas replicas(&base::SystemClock());
  (void)replicas.Join(At("a", 1, 4));
  replicas.Acknowledge("g", "a", 1, 6);
  replicas.Acknowledge("g", "a", 1, 5);
  EXPECT_TRUE(replicas.WaitAcknowledged(1, 6, absl::ZeroDuration()));
}

TEST(Replicas, WhatWasAppliedOfAnotherEpochCountsForNothing) {
  Replicas replicas(&base::SystemClock());
  (void)replicas.Join(At("a", 1, 9));
  EXPECT_FALSE(replicas.WaitAcknowledged(2, 3, absl::ZeroDuration()));
  replicas.Acknowledge("g", "a", 2, 3);
  EXPECT_TRUE(replicas.WaitAcknowledged(2, 3, absl::ZeroDuration()));
  EXPECT_FALSE(replicas.WaitAcknowledged(2, 4, absl::ZeroDuration()));
}

}  // namespace
}  // namespace sallyport::authsvc

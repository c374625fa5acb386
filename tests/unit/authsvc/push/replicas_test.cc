#include "authsvc/push/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  for (const ReplicaFacts& replica : replicas) names.push_back(absl::StrCat(replica.group, "/", replica.name));
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
  EXPECT_TRUE(replicas_.WaitAcknowledged(0, 0, absl::ZeroDuration())) << "nobody waits for what is gone";
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

}  // namespace
}  // namespace sallyport::authsvc

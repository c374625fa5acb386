// authsvc asks whether this replica has let a request in.
#include "tests/unit/dataplane/sync/subscriber_world.h"

namespace sallyport::dataplane {
namespace {

StreamUpdate Asking(const std::string& request_id) {
  StreamUpdate update;
  update.kind = StreamUpdate::Kind::kLookup;
  update.lookup = {"id-of-the-question", request_id};
  return update;
}

TEST(Subscriber, ALookupIsAnsweredByTheLoopThatHasIt) {
  SubscriberWorld world;
  world.Snapshot();
  world.two.kept.request_id = "r1";
  world.two.kept.path = "/x";
  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("r1")));
  world.one.Run();
  EXPECT_TRUE(world.answers.empty()) << "the other may have it";
  world.two.Run();
  ASSERT_EQ(world.answers.size(), 1u);
  EXPECT_EQ(world.answers[0].lookup_id, "id-of-the-question");
  ASSERT_TRUE(world.answers[0].allowed.has_value());
  EXPECT_EQ(world.answers[0].allowed->path, "/x");

  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("r1")));
  world.two.Run();
  EXPECT_EQ(world.answers.size(), 2u) << "found: the others are not waited for";
  world.one.Run();
  EXPECT_EQ(world.answers.size(), 2u) << "and one answer is all";
}

TEST(Subscriber, ALookupThatNoLoopKnowsIsAnsweredOnceAllHaveLooked) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("unknown")));
  world.two.Run();
  EXPECT_TRUE(world.answers.empty());
  world.one.Run();
  ASSERT_EQ(world.answers.size(), 1u);
  EXPECT_FALSE(world.answers[0].allowed.has_value());
  EXPECT_EQ(world.one.looked + world.two.looked, 2);
}

TEST(Subscriber, ALookupProvesNothingAndChangesNothing) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("r1")));
  world.Run();
  EXPECT_EQ(world.subscriber.AnnouncedRevision(), 10u);
  EXPECT_EQ(world.subscriber.Resume()->revision, 10u);
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
  world.stream.OnRefused();
  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("r1")));
  EXPECT_FALSE(world.stream.Ready()) << "it is no acceptance";
}

TEST(Subscriber, ALoopThatLeftIsNotLookedInto) {
  SubscriberWorld world;
  world.Snapshot();
  world.two.kept.request_id = "r1";
  EXPECT_TRUE(world.subscriber.OnUpdate(Asking("r1")));
  world.subscriber.RemoveLoop(&world.two);
  world.Run();
  ASSERT_EQ(world.answers.size(), 1u);
  EXPECT_FALSE(world.answers[0].allowed.has_value());
  EXPECT_EQ(world.two.looked, 0);
}

}  // namespace
}  // namespace sallyport::dataplane

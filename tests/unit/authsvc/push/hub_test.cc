#include "authsvc/push/hub.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>

#include "tests/fakes/manual_clock.h"
#include "tests/unit/authsvc/push/world.h"

namespace sallyport::authsvc {
namespace {

using ::sallyport::v1::ResumeToken;
using ::sallyport::v1::Update;

HubOptions Small() {
  HubOptions options;
  options.history_changes = 4;
  options.part_bytes = 4096;
  options.proof_age_ms = [] { return int64_t{7}; };
  options.connected_replicas = [] { return 3U; };
  return options;
}

ResumeToken At(const World& world) {
  ResumeToken token;
  token.set_store_id(world.now()->store_id());
  token.set_epoch(world.now()->epoch());
  token.set_revision(world.now()->revision());
  return token;
}

// The ids of a whole snapshot; checks its framing.
std::set<std::string> TakeSnapshot(Subscription* subscription, size_t* parts = nullptr) {
  std::set<std::string> ids;
  for (size_t count = 1;; ++count) {
    const auto update = subscription->Take();
    if (update == nullptr || !update->has_snapshot()) {
      ADD_FAILURE() << "not a snapshot part";
      return ids;
    }
    EXPECT_EQ(update->snapshot().first(), count == 1);
    EXPECT_LE(update->ByteSizeLong(), 4096U + 512U);
    for (const auto& change : update->snapshot().routes()) {
      if (change.has_put()) {
        EXPECT_TRUE(ids.insert(change.put().api_id()).second);
      }
    }
    if (parts != nullptr) *parts = count;
    if (update->snapshot().last()) return ids;
  }
}

TEST(Hub, NewSubscriberGetsItsGroupsSnapshotInParts) {
  World world;
  std::vector<::sallyport::v1::Resource> apis;
  for (int i = 0; i < 300; ++i) apis.push_back(ApiResource(absl::StrCat("all", i)));
  apis.push_back(ApiResource("edge-only", {"edge"}));
  apis.push_back(ApiResource("core-only", {"core"}));
  (void)world.Put(std::move(apis));
  Hub hub(world.now(), Small());
  const auto subscription = hub.Subscribe("edge", nullptr, [] {});
  size_t parts = 0;
  const std::set<std::string> ids = TakeSnapshot(subscription.get(), &parts);
  EXPECT_EQ(ids.size(), 301U);
  EXPECT_EQ(ids.count("edge-only"), 1U);
  EXPECT_EQ(ids.count("core-only"), 0U);
  EXPECT_GE(parts, 3U);
}

TEST(Hub, ATokenFromTheFutureOfThisEpochMeansBehind) {
  World world;
  Hub hub(world.now(), Small());
  ResumeToken token = At(world);
  EXPECT_FALSE(hub.IsBehind(token));
  token.set_revision(token.revision() + 1);
  EXPECT_TRUE(hub.IsBehind(token));
  (void)world.Put({ApiResource("a1")});
  hub.Reset(world.now());
  EXPECT_FALSE(hub.IsBehind(token)) << "caught up";
  token.set_revision(token.revision() + 100);
  token.set_epoch(token.epoch() + 1);
  EXPECT_FALSE(hub.IsBehind(token)) << "another epoch gets a snapshot";
}

TEST(Hub, EmptySnapshotIsOnePart) {
  World world;
  Hub hub(world.now(), Small());
  const auto subscription = hub.Subscribe("edge", nullptr, [] {});
  EXPECT_TRUE(TakeSnapshot(subscription.get()).empty());
  const auto beat = subscription->Take();
  ASSERT_NE(beat, nullptr);
  EXPECT_TRUE(beat->has_heartbeat());
  EXPECT_EQ(beat->heartbeat().proof_age_ms(), 7);
  EXPECT_EQ(beat->heartbeat().connected_replicas(), 3U);
  EXPECT_EQ(subscription->Take(), nullptr);
}

TEST(Hub, ResumesWithWhatWasMissed) {
  World world;
  Hub hub(world.now(), Small());
  const ResumeToken token = At(world);
  hub.Publish(world.now(),
              ChangeRecord());  // nothing: base and revision 0, so everyone starts anew
  const auto other = hub.Subscribe("edge", &token, [] {});
  ChangeRecord first = world.Put({ApiResource("a1", {"edge"})});
  hub.Publish(world.now(), std::move(first));
  ChangeRecord second = world.Put({ApiResource("a1", {"core"})});
  hub.Publish(world.now(), std::move(second));
  const auto put = other->Take();
  ASSERT_NE(put, nullptr);
  ASSERT_EQ(put->change().routes_size(), 1);
  EXPECT_EQ(put->change().routes(0).put().api_id(), "a1");
  const auto moved = other->Take();
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(moved->change().routes(0).removed_api_id(), "a1");
  EXPECT_EQ(moved->revision(), world.now()->revision());
  EXPECT_GT(moved->change().evictions_size(), 0);
}

TEST(Hub, AGroupThatMayNotSeeAnApiStillGetsTheRevision) {
  World world;
  Hub hub(world.now(), Small());
  const ResumeToken token = At(world);
  const auto subscription = hub.Subscribe("core", &token, [] {});
  ChangeRecord record = world.Put({ApiResource("a1", {"edge"})});
  hub.Publish(world.now(), std::move(record));
  const auto update = subscription->Take();
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->revision(), world.now()->revision());
  EXPECT_EQ(update->change().routes_size(), 0);
}

TEST(Hub, OtherStoreEpochFutureOrLostHistoryGivesASnapshot) {
  World world;
  (void)world.Put({ApiResource("a1")});
  Hub hub(world.now(), Small());
  for (int wrong = 0; wrong < 3; ++wrong) {
    ResumeToken token = At(world);
    if (wrong == 0) token.set_store_id("another");
    if (wrong == 1) token.set_epoch(9);
    if (wrong == 2) token.set_revision(token.revision() + 1);
    EXPECT_EQ(TakeSnapshot(hub.Subscribe("g", &token, [] {}).get()).size(), 1U) << wrong;
  }
  const ResumeToken old = At(world);
  for (int i = 0; i < 6; ++i) {
    ChangeRecord record = world.Put({ApiResource(absl::StrCat("b", i))});
    hub.Publish(world.now(), std::move(record));
  }
  EXPECT_EQ(TakeSnapshot(hub.Subscribe("g", &old, [] {}).get()).size(), 7U);
}

TEST(Hub, SlowSubscriberFallsBackToASnapshotAndHoldsNothing) {
  World world;
  Hub hub(world.now(), Small());
  const ResumeToken token = At(world);
  const auto slow = hub.Subscribe("g", &token, [] {});
  for (int i = 0; i < 50; ++i) {
    ChangeRecord record = world.Put({ApiResource(absl::StrCat("b", i))});
    hub.Publish(world.now(), std::move(record));
  }
  EXPECT_EQ(TakeSnapshot(slow.get()).size(), 50U);
}

TEST(Hub, ChangesDuringASnapshotFollowIt) {
  World world;
  std::vector<::sallyport::v1::Resource> apis;
  for (int i = 0; i < 300; ++i) apis.push_back(ApiResource(absl::StrCat("all", i)));
  (void)world.Put(std::move(apis));
  Hub hub(world.now(), Small());
  const auto subscription = hub.Subscribe("g", nullptr, [] {});
  const auto part = subscription->Take();
  ASSERT_TRUE(part->snapshot().first());
  const uint64_t revision = part->revision();
  ChangeRecord record = world.Put({ApiResource("later")});
  hub.Publish(world.now(), std::move(record));
  auto update = subscription->Take();
  while (update != nullptr && update->has_snapshot()) {
    EXPECT_EQ(update->revision(), revision);
    update = subscription->Take();
  }
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->change().routes(0).put().api_id(), "later");
}

TEST(Hub, AMissedChangeStartsEveryoneAnew) {
  World world;
  Hub hub(world.now(), Small());
  const ResumeToken token = At(world);
  const auto subscription = hub.Subscribe("g", &token, [] {});
  (void)world.Put({ApiResource("unseen")});
  ChangeRecord record = world.Put({ApiResource("seen")});
  hub.Publish(world.now(), std::move(record));
  EXPECT_EQ(TakeSnapshot(subscription.get()).size(), 2U);
}

TEST(Hub, WakesOnNewsAndBeats) {
  World world;
  Hub hub(world.now(), Small());
  const ResumeToken token = At(world);
  std::atomic<int> wakes{0};
  auto subscription = hub.Subscribe("g", &token, [&wakes] { ++wakes; });
  (void)subscription->Take();  // the first heartbeat
  hub.Beat();
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(subscription->Take()->has_heartbeat());
  ChangeRecord record = world.Put({ApiResource("a1")});
  hub.Publish(world.now(), std::move(record));
  EXPECT_EQ(wakes, 2);
  subscription.reset();
  hub.Beat();
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(hub.subscriptions(), 0U);
}

}  // namespace
}  // namespace sallyport::authsvc

#include "dataplane/sync/subscriber.h"

#include "shared/crypto/denied_certificates.h"
#include "tests/unit/dataplane/sync/subscriber_world.h"

namespace sallyport::dataplane {
namespace {

StreamUpdate Keys(const std::string& name) {
  SharedTicketKeys keys;
  if (!name.empty()) keys.keys.push_back({name, base::Secret(), absl::ZeroDuration()});
  StreamUpdate update;
  update.kind = StreamUpdate::Kind::kTicketKeys;
  update.ticket_keys = std::make_shared<const SharedTicketKeys>(std::move(keys));
  return update;
}

TEST(Subscriber, TicketKeysAreOfNoRevision) {
  SubscriberWorld world;
  EXPECT_TRUE(world.subscriber.OnUpdate(Keys("first")));
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_EQ(world.subscriber.Resume(), std::nullopt);
  world.Snapshot(10);
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  EXPECT_TRUE(world.subscriber.OnUpdate(Keys("second")));
  EXPECT_TRUE(world.subscriber.OnUpdate(Keys("")));
  EXPECT_EQ(world.ticket_keys, (std::vector<std::string>{"first", "second", ""}));
  EXPECT_EQ(world.subscriber.AnnouncedRevision(), 10u);
  EXPECT_EQ(world.subscriber.Resume()->revision, 10u);
  EXPECT_TRUE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, AReplicaThatIsRefusedTakesNoTicketKeys) {
  SubscriberWorld world;
  world.Snapshot(10);
  world.stream.OnRefused();
  EXPECT_FALSE(world.subscriber.OnUpdate(Keys("late")));
  EXPECT_TRUE(world.ticket_keys.empty());
}

TEST(Subscriber, NotReadyBeforeTheFirstSnapshotIsInEveryLoop) {
  SubscriberWorld world;
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_EQ(world.subscriber.Resume(), std::nullopt);
  EXPECT_TRUE(world.subscriber.OnUpdate(
      SubscriberWorld::Part({Api("a", "/a")}, true, false, {"store", 1, 10})));
  world.Run();
  EXPECT_EQ(world.subscriber.View()->routes->size(), 0u);  // built aside
  EXPECT_TRUE(world.subscriber.OnUpdate(
      SubscriberWorld::Part({Api("b", "/b")}, false, true, {"store", 1, 10})));
  world.one.Run();
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_TRUE(world.acknowledged.empty());
  world.two.Run();
  EXPECT_TRUE(world.stream.Ready());
  EXPECT_EQ(world.acknowledged, std::vector<uint64_t>{10});
  EXPECT_EQ(world.stream.AppliedRevision(), 10u);
  EXPECT_EQ(world.one.views.back()->routes->size(), 2u);
  EXPECT_EQ(world.one.views.back(), world.two.views.back());
  ASSERT_TRUE(world.subscriber.Resume().has_value());
  EXPECT_EQ(world.subscriber.Resume()->revision, 10u);
}

TEST(Subscriber, ChangesApplyOnTop) {
  SubscriberWorld world;
  world.Snapshot();
  RouteChanges changes;
  changes.put = {Api("b", "/b")};
  changes.removed_api_ids = {"a"};
  changes.put_listeners = {{"l1", "::", 7000}};
  changes.gateway = GatewayFacts{{"10.0.0.0/8"}, 3};
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 1, 11}, changes)));
  world.Run();
  const GatewayView& view = *world.one.views.back();
  EXPECT_EQ(view.revision, 11u);
  EXPECT_EQ(view.routes->FindApi("a"), nullptr);
  EXPECT_NE(view.routes->FindApi("b"), nullptr);
  ASSERT_EQ(view.listeners.size(), 1u);
  EXPECT_EQ(view.gateway.server_certificates_version, 3u);
  RouteChanges gone;
  gone.removed_listener_ids = {"l1"};
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 1, 12}, gone)));
  world.Run();
  EXPECT_TRUE(world.one.views.back()->listeners.empty());
  EXPECT_EQ(world.one.views.back()->gateway.server_certificates_version, 3u);
  EXPECT_EQ(world.acknowledged, (std::vector<uint64_t>{10, 11, 12}));
}

TEST(Subscriber, EvictionsAreInForceBeforeTheLoopsKnow) {
  SubscriberWorld world;
  world.Snapshot();
  const cache::TagStamp stamp =
      world.generations.Stamp({"key:k"}, 10, world.generations.Incarnation());
  EXPECT_TRUE(world.subscriber.OnUpdate(
      SubscriberWorld::Change({"store", 1, 11}, {}, {{"key:k", false, {}, {}}})));
  EXPECT_FALSE(world.generations.Valid(stamp));
  world.Run();
  EXPECT_TRUE(world.one.severed.empty());
}

TEST(Subscriber, SeversOnEveryLoop) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change(
      {"store", 1, 11}, {}, {{"leaf:ff", true, {"ff"}, {"k1"}}, {"x", false, {"no"}, {}}})));
  world.Run();
  for (const FakeLoop* loop : {&world.one, &world.two}) {
    ASSERT_EQ(loop->severed.size(), 1u);
    EXPECT_EQ(loop->severed[0].leaf_sha256, std::vector<std::string>{"ff"});
    EXPECT_EQ(loop->severed[0].key_ids, std::vector<std::string>{"k1"});
    EXPECT_EQ(loop->severed[0].tags, std::vector<std::string>{"leaf:ff"});
    EXPECT_TRUE(loop->retired.empty());
  }
}

TEST(Subscriber, DeniedCertificatesReachEveryLoop) {
  SubscriberWorld world;
  world.Snapshot();
  const auto denied = std::make_shared<const crypto::DeniedCertificates>();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change(
      {"store", 1, 11}, {}, {{"denied", true, {}, {}, denied}, {"x", true, {}, {}}})));
  world.Run();
  for (const FakeLoop* loop : {&world.one, &world.two}) {
    ASSERT_EQ(loop->severed.size(), 1u);
    EXPECT_EQ(loop->severed[0].denied, std::vector<DeniedCertificatesPtr>{denied});
  }
}

TEST(Subscriber, SeversByTagAlone) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(
      SubscriberWorld::Change({"store", 1, 11}, {}, {{"ca:1", true, {}, {}}})));
  world.Run();
  ASSERT_EQ(world.one.severed.size(), 1u);
  EXPECT_EQ(world.one.severed[0].tags, std::vector<std::string>{"ca:1"});
}

TEST(Subscriber, TellsLoopsWhatIsDecidedAnew) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change(
      {"store", 1, 11}, {},
      {{"ca:1", true, {}, {}}, {"key:k", false, {}, {}}, {"api:a", false, {}, {}}})));
  world.Run();
  for (const FakeLoop* loop : {&world.one, &world.two}) {
    ASSERT_EQ(loop->redecided.size(), 1u);
    EXPECT_EQ(loop->redecided[0], (std::vector<std::string>{"key:k", "api:a"}));
  }
}

TEST(Subscriber, TellsLoopsWhichCertificatesAreVoid) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change(
      {"store", 1, 11}, {}, {{"cert:a", false, {}, {}}, {"key:k", false, {}, {}}})));
  world.Run();
  for (const FakeLoop* loop : {&world.one, &world.two}) {
    ASSERT_EQ(loop->retired.size(), 1u);
    EXPECT_EQ(loop->retired[0], std::vector<std::string>{"cert:a"});
  }
}

struct HealthCase {
  const char* name;
  absl::Duration age, wait;
  bool caught_up, healthy;
};
TEST(Subscriber, Health) {
  const HealthCase cases[] = {
      {"just now", absl::ZeroDuration(), absl::ZeroDuration(), true, true},
      {"2.9 s ago", absl::ZeroDuration(), absl::Milliseconds(2900), true, true},
      {"3 s ago", absl::ZeroDuration(), absl::Seconds(3), true, false},
      {"old proof", absl::Milliseconds(4900), absl::ZeroDuration(), true, true},
      {"proof gets too old", absl::Milliseconds(4900), absl::Milliseconds(100), true, false},
      {"proof too old", absl::Seconds(5), absl::ZeroDuration(), true, false},
      {"behind", absl::ZeroDuration(), absl::ZeroDuration(), false, false},
  };
  for (const HealthCase& c : cases) {
    SCOPED_TRACE(c.name);
    SubscriberWorld world;
    world.Snapshot(10);
    EXPECT_TRUE(world.subscriber.OnUpdate(
        SubscriberWorld::Beat({"store", 1, c.caught_up ? 10u : 11u}, c.age)));
    world.clock.Advance(c.wait);
    EXPECT_EQ(world.stream.Healthy(world.clock.Monotonic()), c.healthy);
  }
}

TEST(Subscriber, AHeartbeatOfAnotherHistoryProvesNothing) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 2, 10})));
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"other", 1, 10})));
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, NotCaughtUpUntilEveryLoopHasIt) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 1, 11}, {})));
  world.one.Run();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 11})));
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
  world.two.Run();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 11})));
  EXPECT_TRUE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, ANewSnapshotDropsWhatWasCached) {
  SubscriberWorld world;
  world.Snapshot(1000);
  const cache::TagStamp stamp =
      world.generations.Stamp({"key:k"}, 1000, world.generations.Incarnation());
  ASSERT_TRUE(world.generations.Valid(stamp));
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Part({}, true, true, {"store", 2, 5})));
  world.Run();
  EXPECT_FALSE(world.generations.Valid(stamp));
  EXPECT_EQ(world.stream.AppliedRevision(), 5u);
  EXPECT_EQ(world.one.views.back()->routes->size(), 0u);
}

TEST(Subscriber, ASnapshotThatIsNotTheFirstStartsOver) {
  SubscriberWorld world;
  world.Snapshot(10);
  EXPECT_EQ(world.one.started_over, 0);
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 1, 11}, {})));
  world.Run();
  EXPECT_EQ(world.one.started_over, 0);
  world.Snapshot(20);
  EXPECT_EQ(world.one.started_over, 1);
  EXPECT_EQ(world.two.started_over, 1);
}

TEST(Subscriber, AnAnswerFromBeforeTheSnapshotIsNotBelieved) {
  SubscriberWorld world;
  world.Snapshot(20);
  const uint64_t asked =
      world.generations.Incarnation();  // since the snapshot, of an authsvc that is behind
  EXPECT_FALSE(world.generations.Valid(world.generations.Stamp({"key:k"}, 19, asked)));
  EXPECT_TRUE(world.generations.Valid(world.generations.Stamp({"key:k"}, 20, asked)));
}

TEST(Subscriber, AChangeOfAnotherHistoryAsksForTheWhole) {
  SubscriberWorld world;
  world.Snapshot();
  RouteChanges changes;
  changes.removed_api_ids = {"a"};
  const cache::TagStamp stamp =
      world.generations.Stamp({"key:k"}, 1000, world.generations.Incarnation());
  EXPECT_FALSE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 2, 11}, changes)));
  world.Run();
  EXPECT_FALSE(world.generations.Valid(stamp));
  EXPECT_EQ(world.subscriber.View()->routes->size(), 1u);
  EXPECT_EQ(world.subscriber.Resume(), std::nullopt);
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, ASnapshotThatBreaksOffChangesNothing) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(
      SubscriberWorld::Part({Api("x", "/x")}, true, false, {"store", 1, 20})));
  world.subscriber.OnStreamEnd(absl::UnavailableError(""));
  EXPECT_FALSE(world.subscriber.OnUpdate(
      SubscriberWorld::Part({Api("y", "/y")}, false, true, {"store", 1, 20})));
  world.Run();
  EXPECT_NE(world.subscriber.View()->routes->FindApi("a"), nullptr);
  EXPECT_EQ(world.subscriber.Resume()->revision, 10u);
}

TEST(Subscriber, AStreamThatBreaksIsNotHealthyAnyMore) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  world.subscriber.OnStreamEnd(absl::UnavailableError("killed"));
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
  EXPECT_TRUE(world.stream.Ready());
  EXPECT_EQ(world.stream.LastProof(), world.clock.Monotonic());  // stale_if_error counts from here
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  EXPECT_TRUE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, AStreamThatEndsInOrderStaysHealthyForAWhile) {
  SubscriberWorld world;
  world.Snapshot();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  world.subscriber.OnStreamEnd(absl::OkStatus());
  EXPECT_TRUE(world.stream.Healthy(world.clock.Monotonic()));
  world.clock.Advance(absl::Seconds(3));
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
}

TEST(Subscriber, RefusedByAuthsvc) {
  SubscriberWorld world;
  world.Snapshot();
  const cache::TagStamp stamp =
      world.generations.Stamp({"key:k"}, 10, world.generations.Incarnation());
  world.subscriber.OnStreamEnd(absl::UnavailableError("restart"));
  EXPECT_TRUE(world.stream.Ready());
  EXPECT_TRUE(world.generations.Valid(stamp));
  world.subscriber.OnStreamEnd(absl::PermissionDeniedError("revoked"));
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_EQ(world.refused, 1);
  EXPECT_FALSE(world.generations.Valid(stamp));
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  EXPECT_TRUE(world.stream.Ready());
}

TEST(Subscriber, AQuestionThatIsRefusedEndsTheStreamAndReadiness) {
  SubscriberWorld world;
  world.Snapshot();
  world.stream.OnRefused();
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_FALSE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  EXPECT_FALSE(world.stream.Ready());
  EXPECT_FALSE(world.stream.Healthy(world.clock.Monotonic()));
  world.subscriber.OnStreamEnd(absl::CancelledError(""));
  EXPECT_FALSE(world.stream.Ready());
  // A new stream that is accepted makes it ready again.
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Beat({"store", 1, 10})));
  EXPECT_TRUE(world.stream.Ready());
}

TEST(Subscriber, ALoopThatLeftIsNotTouched) {
  SubscriberWorld world;
  world.Snapshot();
  const size_t before = world.two.views.size();
  EXPECT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Change({"store", 1, 11}, {})));
  world.subscriber.RemoveLoop(&world.two);
  world.Run();
  EXPECT_EQ(world.two.views.size(), before);
  EXPECT_EQ(world.acknowledged.back(), 11u);
}

TEST(Subscriber, StrictNamesComeAndGoWithTheirListener) {
  SubscriberWorld world;
  ListenerSpec listener;
  listener.id = "front";
  listener.port = 8443;
  StrictRule rule;
  rule.any_issuer = true;
  listener.strict = {{{"a.test"}, MakeStrictRule(rule)}};
  StreamUpdate first = SubscriberWorld::Part({}, true, true, {"s", 1, 1});
  first.routes.put_listeners = {listener};
  ASSERT_TRUE(world.subscriber.OnUpdate(std::move(first)));
  const StrictTablePtr strict = world.subscriber.View()->strict;
  ASSERT_NE(strict, nullptr);
  EXPECT_NE(strict->Find("front", "", "a.test"), nullptr);
  const auto change = [&](uint64_t revision, RouteChanges routes) {
    StreamUpdate update;
    update.kind = StreamUpdate::Kind::kChange;
    update.position = {"s", 1, revision};
    update.routes = std::move(routes);
    return world.subscriber.OnUpdate(std::move(update));
  };
  ASSERT_TRUE(change(2, {{Api("a", "/")}, {}, {}, {}, {}}));
  EXPECT_EQ(world.subscriber.View()->strict, strict) << "of other changes not made anew";
  ASSERT_TRUE(change(3, {{}, {}, {}, {"front"}, {}}));
  EXPECT_EQ(world.subscriber.View()->strict, nullptr);
  // A snapshot in place of changes leaves nothing behind.
  ASSERT_TRUE(change(4, {{}, {}, {listener}, {}, {}}));
  ASSERT_NE(world.subscriber.View()->strict, nullptr);
  ASSERT_TRUE(world.subscriber.OnUpdate(SubscriberWorld::Part({}, true, true, {"s", 2, 1})));
  EXPECT_EQ(world.subscriber.View()->strict, nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane
